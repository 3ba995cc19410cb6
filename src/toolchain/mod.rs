//! What a language needs: default gates, layout, how examples become tests, how its tools are read.
//!
//! One file per language. A second language adds an arm to each function here; nothing else in
//! regen asks which language a target has.

pub mod cargo;
pub mod console;
mod examples;
mod manifest;
pub mod mutation;
mod identifiers;
mod recursion_limit;
pub mod results;
mod rust;
mod nonce;
mod tamper;
mod replacements;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::types::harness::ToolchainName;
use crate::types::{ClauseId, Digest, Example, Finding, Problem, RelPath, Spec, Target, Tree};

/// A test that must be there and must pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Leaf name.
    pub name: String,
    /// The clause it tests; `None` for a suite's test that names none.
    pub clause: Option<ClauseId>,
    /// The names in it, and in what it uses of its file.
    pub words: BTreeSet<String>,
    /// The digest of all that makes it what it is.
    pub key: Digest,
    /// For a console example: what its commands must print. The test itself only tells.
    pub transcript: Option<Vec<console::ConsoleStep>>,
}

/// A test file of the harness's own or of the user's, as it is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// Where it is mounted.
    pub path: RelPath,
    /// Its text, as it is mounted.
    pub text: String,
    /// Its text as the user wrote it, for prompts; the harness's own files are not shown.
    pub shown: String,
    /// The tests in it.
    pub tests: Vec<Expected>,
    /// For generated files: which lines belong to which clause (first line, last line).
    pub lines: Vec<(u32, u32, ClauseId)>,
}

impl Suite {
    /// Its file's name.
    pub fn file(&self) -> &str {
        self.path.as_str().rsplit('/').next().unwrap_or_default()
    }
}

/// A user's suite as it lies in `validators/<spec>/<target>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteFile {
    /// File name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The digest of what a test is: of its spec, its name, and the texts it is made of.
fn key(spec: &Spec, name: &str, text: &str) -> Digest {
    Digest::of_parts(["red proof 2", &spec.id, name, text])
}

/// The test in every mounted file that must fail, with the number it reads in its message.
pub use nonce::CANARY;

/// The gates of a target that names none.
pub fn default_gates(toolchain: ToolchainName) -> Vec<String> {
    match toolchain {
        ToolchainName::Rust => rust::GATES.map(str::to_owned).to_vec(),
    }
}

/// The files a candidate of a target may have.
pub fn allowed_files(target: &Target) -> Vec<String> {
    let default = || match target.toolchain() {
        ToolchainName::Rust => rust::FILES.map(str::to_owned).to_vec(),
    };
    target.allowed_files.clone().unwrap_or_else(default)
}

/// The file a target cannot do without.
pub fn declared(target: &Target) -> RelPath {
    match target.toolchain() {
        ToolchainName::Rust => rust::declared(target.crate_type),
    }
}

/// What the model must know of the target, for the prompt: short sentences.
pub fn constraints(spec: &Spec, target: &Target) -> Vec<String> {
    match target.toolchain() {
        ToolchainName::Rust => rust::constraints(spec, target),
    }
}

/// The language's name in prompts.
pub fn language(target: &Target) -> &'static str {
    match target.toolchain() {
        ToolchainName::Rust => "Rust",
    }
}

/// The version of the language and of regen's rules for it: part of a job's key.
pub fn language_version(target: &Target) -> &'static str {
    match target.toolchain() {
        ToolchainName::Rust => "rust edition 2024, rules 1",
    }
}

/// Replaces what the harness owns in a candidate's tree by the harness's own.
///
/// # Errors
/// What the candidate put where the harness rules: findings of the layout gate.
pub fn normalise(tree: &Tree, spec: &Spec, target: &Target) -> Result<Tree, Vec<Finding>> {
    match target.toolchain() {
        ToolchainName::Rust => manifest::normalise(tree, spec, target),
    }
}

/// What a candidate does that would mislead the gates: findings of the layout gate.
pub fn tricks(gate: &str, tree: &Tree, target: &Target) -> Vec<Finding> {
    match target.toolchain() {
        ToolchainName::Rust => tamper::find(gate, tree, target),
    }
}

/// The harness's own test file of a spec's examples: the visible or the hidden ones. `None` when
/// there are none.
pub fn examples(spec: &Spec, target: &Target, hidden: bool) -> Option<Suite> {
    match target.toolchain() {
        ToolchainName::Rust => examples::suite(spec, target, hidden),
    }
}

/// Reads a user's suite.
///
/// # Errors
/// A problem in the file, for the user.
pub fn suite(spec: &Spec, target: &Target, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
    match target.toolchain() {
        ToolchainName::Rust => rust::suite(spec, file),
    }
}

/// Whether a target's gates can decide about a spec: every example compiles as its language's
/// syntax, every demanded clause has a test, and there is something to run at all.
pub fn check(spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
    match target.toolchain() {
        ToolchainName::Rust => rust::check(spec, target, suites),
    }
}

/// What an example expects: pairs of an input and its result, where it is nothing but that.
pub fn expects(example: &Example) -> Vec<(String, String)> {
    match example.language.as_str() {
        "rust" => rust::expects(example),
        _ => Vec::new(),
    }
}

/// The clause a test belongs to.
pub fn clause_of(spec: &Spec, test: &str) -> Option<ClauseId> {
    let mut clauses = spec.clauses.iter();
    let clause = clauses.find(|clause| clause.test_ids().any(|name| is_test_of(test, name)));
    clause.map(|clause| clause.id.clone())
}

/// Whether a test belongs to a `test_id`: its leaf name is that, or starts with it and `__`.
pub fn is_test_of(test: &str, test_id: &str) -> bool {
    let leaf = test.rsplit("::").next().unwrap_or(test);
    let rest = leaf.strip_prefix(test_id);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("__"))
}
