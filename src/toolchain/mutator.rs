//! Changes in a candidate: the red proof's.

use std::collections::BTreeSet;

use crate::types::Tree;

/// Changes that a test should notice: the red proof's.
pub trait Mutator: Sync {
    /// The environment variable that switches a change on.
    fn variable(&self) -> &'static str;

    /// Puts changes into a candidate.
    ///
    /// # Errors
    /// A file is not of this language.
    fn mutants(&self, tree: &Tree, extent: &Extent) -> Result<Mutants, String>;
}

/// The switch's value where every function fails.
pub const PANICS: &str = "panics";
/// Its value where every function gives a default, if its type has one.
pub const DEFAULTS: &str = "defaults";
/// Its value where every function ends the process.
pub const ENDS: &str = "ends";

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// What is changed.
    pub what: String,
}

/// What is changed.
#[derive(Clone, Debug)]
pub enum Extent {
    /// All that can be, but for these lines, where it did not compile. Without any, functions that
    /// can run at compile time are changed too, which makes them ordinary ones.
    But(BTreeSet<(String, u32)>),
    /// Functions panic; nothing else.
    Panics,
    /// What the compiler evaluates has other values, for good: constants, and functions that can
    /// run at compile time. But for these lines, where it did not compile; then no functions.
    Constants(BTreeSet<(String, u32)>),
}

/// A candidate with changes in it.
#[derive(Debug)]
pub struct Mutants {
    /// The files.
    pub tree: Tree,
    /// The changes; the first has number 1.
    pub list: Vec<Mutant>,
    /// Names of what the candidate has and no change touches: constants, types, macros and what
    /// they write, functions that run at compile time.
    pub rest: BTreeSet<String>,
}
