//! Mutations of candidates, for the red proof.

use std::collections::BTreeSet;

use crate::types::{Digest, Tree};

/// Mutations that a test should detect.
pub trait Mutator: Sync {
    /// Mutates a candidate. The name of the switch is made from `seed`.
    ///
    /// # Errors
    /// A file cannot be read.
    fn mutants(&self, tree: &Tree, extent: &Extent, seed: Digest) -> Result<Mutants, String>;
}

/// The switch's value with which every function panics.
pub const PANICS: &str = "panics";
/// The value with which every function returns a default, if its type has one.
pub const DEFAULTS: &str = "defaults";
/// The value with which nothing is changed.
pub const OFF: &str = "off";
/// The value with which every function ends the process.
pub const ENDS: &str = "ends";

/// One mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its description, for "no test fails …".
    pub what: String,
}

/// Which mutations to make.
#[derive(Clone, Debug)]
pub enum Extent {
    /// All except at these lines, where they did not compile. An empty set also mutates `const fn`s
    /// by making them ordinary functions.
    But(BTreeSet<(String, u32)>),
    /// Only panics.
    Panics,
    /// Permanently changes values that the compiler evaluates: constants and `const fn`s. Except at
    /// these lines, where it did not compile; then no functions.
    Constants(BTreeSet<(String, u32)>),
}

/// A mutated candidate.
#[derive(Debug)]
pub struct Mutants {
    /// The files.
    pub tree: Tree,
    /// The mutations, numbered from 1.
    pub list: Vec<Mutant>,
    /// Names of code without mutations: constants, types, macros and their output, `const fn`s.
    pub rest: BTreeSet<String>,
    /// The environment variable that switches a mutation on.
    pub variable: String,
}
