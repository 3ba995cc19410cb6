//! Tests, before they run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::shared::console::ConsoleStep;
use crate::types::{ClauseId, Digest, RelPath, Spec, Tree};

/// A group of examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Visible to the model.
    Visible,
    /// Held out.
    Hidden,
}

/// How the names of a test in its program follow from its function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expansion {
    /// The function's name.
    #[default]
    Plain,
    /// One test for each case, below the function's name.
    Cases,
    /// A macro makes it, if it does: it is not required to be present.
    Macro,
}

/// A test that must be present and pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Leaf name.
    pub name: String,
    /// The clause it tests; `None` for a suite's test without a clause.
    pub clause: Option<ClauseId>,
    /// The identifiers in it and in the code it uses.
    pub words: BTreeSet<String>,
    /// The digest of its definition.
    pub key: Digest,
    /// For a console example: the expected output of its commands.
    pub transcript: Option<Vec<ConsoleStep>>,
    /// How its name in the program is made.
    #[serde(default)]
    pub expansion: Expansion,
}

/// A file as it is mounted: generated tests, a user's suite, or a module or data file of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// Its path.
    pub path: RelPath,
    /// Its mounted text.
    pub text: String,
    /// The user's text, for prompts; `None` for generated files.
    pub shown: String,
    /// The tests in it.
    pub tests: Vec<Expected>,
    /// Whether it is data, not code.
    #[serde(default)]
    pub data: bool,
    /// The content of a data file that is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Vec<u8>>,
    /// For generated files: the line ranges of clauses (first, last).
    pub lines: Vec<(u32, u32, ClauseId)>,
}

impl Suite {
    /// The tests that a program lists, with the cases of one function as one test.
    pub fn gathered(&self, names: Vec<String>) -> Vec<String> {
        let by_cases = || self.tests.iter().filter(|test| test.expansion == Expansion::Cases);
        let below = |name: &str, test: &Expected| {
            name.strip_prefix(test.name.as_str()).is_some_and(|rest| rest.starts_with("::"))
        };
        let mut gathered: Vec<String> = Vec::new();
        for name in names {
            let test = by_cases().find(|test| below(&name, test));
            let name = test.map_or(name, |test| test.name.clone());
            if !gathered.contains(&name) {
                gathered.push(name);
            }
        }
        gathered
    }

    /// The clause whose example has this line, in a generated file.
    pub fn clauses_at(&self, line: u32) -> Vec<ClauseId> {
        let inside = self.lines.iter().filter(|(first, last, _)| (*first..=*last).contains(&line));
        inside.map(|(_, _, clause)| clause.clone()).collect()
    }

    /// A module or data file of a suite.
    pub fn other(path: RelPath, bytes: Vec<u8>, data: bool) -> Self {
        let (text, bytes) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => (String::new(), Some(error.into_bytes())),
        };
        let shown = text.trim_start_matches('\u{feff}').to_owned();
        Self { path, text, shown, tests: Vec::new(), data, bytes, lines: Vec::new() }
    }

    /// Its mounted content.
    pub fn content(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// The same under another name.
    pub fn renamed(mut self, stem: &str) -> Self {
        let folder = self.path.as_str().strip_suffix(self.file()).unwrap_or_default();
        let end = self.path.as_str().rfind('.').map_or("", |at| &self.path.as_str()[at..]);
        self.path = RelPath::parse(&format!("{folder}{stem}{end}")).unwrap_or(self.path);
        self
    }

    /// Its path below the folder of tests, as below the user's folder of suites.
    pub fn file(&self) -> &str {
        self.path.as_str().split_once('/').map_or(self.path.as_str(), |(_, file)| file)
    }
}

/// What of the suites does not depend on a candidate, with a candidate that does nothing.
#[derive(Clone, Debug)]
pub struct Independent {
    /// The files of that candidate.
    pub tree: Tree,
    /// What is left of the suites.
    pub suites: Vec<Suite>,
    /// The gate that finds errors in them.
    pub gate: &'static str,
    /// The rules of errors that are the suites' own.
    pub certain: &'static [&'static str],
}

/// What an example or a test expects of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The input, in one spelling.
    pub input: String,
    /// The result, in one spelling.
    pub result: String,
    /// Whether it is any other result.
    pub is_unequal: bool,
    /// Its line in the example or the file, from 0.
    pub line: usize,
}

/// Code for inputs that it names: an arm, a branch or an entry of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialCase {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// The number of the `match` or table that it is part of.
    pub table: usize,
    /// The literals that it handles, spelled as in expectations.
    pub inputs: BTreeSet<String>,
    /// The literals in its result.
    pub results: BTreeSet<String>,
}

/// The generated suites of a spec's examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleSuites {
    /// The visible examples, if any.
    pub visible: Option<Suite>,
    /// The held-out examples, if any.
    pub hidden: Option<Suite>,
}

/// A user's suite in `validators/<spec>/<target>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteFile {
    /// File name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The digest of a test: its spec, name and texts.
pub(super) fn key(spec: &Spec, name: &str, text: &str) -> Digest {
    Digest::of_parts(["red proof 2", &spec.id, name, text])
}

/// The clause a test belongs to.
pub fn clause_of(spec: &Spec, test: &str) -> Option<ClauseId> {
    let mut clauses = spec.clauses.iter();
    let clause = clauses.find(|clause| clause.test_ids().any(|name| is_test_of(test, name)));
    clause.map(|clause| clause.id.clone())
}

/// Whether a test belongs to a `test_id`: its leaf name is the id, or the id with `__…`, in both
/// cases also with `test_` before it; or it is a title with `test_id: ID`.
pub fn is_test_of(test: &str, test_id: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut titles = test.match_indices("test_id:").map(|(at, mark)| &test[at + mark.len()..]);
    if titles.any(|rest| rest.trim_start().split(|c| !is_word(c)).next() == Some(test_id)) {
        return true;
    }
    let leaf = test.rsplit("::").next().unwrap_or(test);
    let is = |leaf: &str| {
        let rest = leaf.strip_prefix(test_id);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("__"))
    };
    is(leaf) || leaf.strip_prefix("test_").is_some_and(is)
}

#[cfg(test)]
mod tests {
    use super::is_test_of;

    #[test]
    fn a_test_belongs_to_a_clause_by_its_name_or_its_title() {
        for name in ["adds", "a::adds", "test_adds", "a::test_adds__more", "adds (test_id: adds)"] {
            assert!(is_test_of(name, "adds"), "{name}");
        }
        for name in ["adds_more", "adds::a", "adds two", "a (test_id: adds_more)", "test_id:"] {
            assert!(!is_test_of(name, "adds"), "{name}");
        }
    }
}
