//! Tests as they are read before anything runs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::shared::console::ConsoleStep;
use crate::types::{ClauseId, Digest, RelPath, Spec, Tree};

/// Which examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Those that the model sees.
    Visible,
    /// Those that are held out.
    Hidden,
}

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
    /// For a console example: what its commands must print.
    pub transcript: Option<Vec<ConsoleStep>>,
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

/// What of the suites does not depend on a candidate, with a candidate that does nothing.
#[derive(Clone, Debug)]
pub struct Independent {
    /// The files of that candidate.
    pub tree: Tree,
    /// What is left of the suites.
    pub suites: Vec<Suite>,
    /// The rules of compile errors that are the suites' own.
    pub certain: &'static [&'static str],
}

/// The harness's own suites of a spec's examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleSuites {
    /// Of the visible examples; `None` where there are none.
    pub visible: Option<Suite>,
    /// Of the held-out examples; `None` where there are none.
    pub hidden: Option<Suite>,
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
pub(super) fn key(spec: &Spec, name: &str, text: &str) -> Digest {
    Digest::of_parts(["red proof 2", &spec.id, name, text])
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
