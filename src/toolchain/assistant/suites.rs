//! The tests of a behaviour: files of JavaScript, as they are in the workspace.

use std::collections::BTreeSet;

use crate::toolchain::typescript::test_names;
use crate::toolchain::{
    DocTests, Expansion, Expectation, Expected, Independent, Membrane, Mutator, NativeSuites,
    Places, Reported, SpecialCase, Suite, SuiteFile, TestBuild, TestCase, TestProgram, ToolCommand,
    ToolOutput, Visibility, clause_of, key,
};
use crate::types::{Example, Finding, Problem, RelPath, Resource, Spec, Target, Tree};

/// Whether a test is held out: its title or a folder of its file says so.
pub fn is_hidden(file: &str, test: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let folders = file.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').any(|folder| folder == "hidden")
        || test.split(|c| !is_word(c)).any(|word| word == "hidden")
}

/// Reads the tests. They are sampled by the gate `behaviour`, not run like tests of code.
pub struct AssistantTests;

impl NativeSuites for AssistantTests {
    fn examples(&self, _: &Spec, _: &Target, _: Visibility) -> Option<Suite> {
        None
    }

    fn suite_name(&self) -> String {
        "{}.js".to_owned()
    }

    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
        let wrong = |rule: &str, message: String| Box::new(Problem::error(rule, message));
        let text = file.text.trim_start_matches('\u{feff}').to_owned();
        let path = RelPath::parse(&file.name)
            .map_err(|why| wrong("suite::name", format!("the name {} {why}", file.name)))?;
        let names = test_names(&text).map_err(|why| wrong("suite::file", why))?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            let message = format!("the test `{twice}` is written twice");
            return Err(wrong("suite::twice", message));
        }
        let is_shown =
            !is_hidden(&file.name, "") && !names.iter().any(|name| is_hidden(&file.name, name));
        let tests = names.into_iter().map(|name| Expected {
            clause: clause_of(spec, &name),
            key: key(spec, &name, &text),
            name,
            words: BTreeSet::new(),
            transcript: None,
            expansion: Expansion::Plain,
        });
        Ok(Suite {
            path,
            tests: tests.collect(),
            // What a prompt shows.
            shown: if is_shown { text.clone() } else { String::new() },
            text,
            data: false,
            bytes: None,
            lines: Vec::new(),
        })
    }

    fn twin(&self, _: &Suite) -> Option<Suite> {
        None
    }

    fn equality_form(&self, _: &Suite, _: &Spec, _: &Tree) -> Option<Suite> {
        None
    }

    fn compared_type<'a>(&self, _: &'a str) -> Option<&'a str> {
        None
    }

    fn independent(&self, _: &Spec, _: &Target, _: &[Suite]) -> Option<Independent> {
        None
    }

    fn expectations(&self, _: &Example) -> Vec<Expectation> {
        Vec::new()
    }

    fn suite_expectations(&self, _: &Suite) -> Vec<(String, Vec<Expectation>)> {
        Vec::new()
    }

    fn literals(&self, _: &str) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn special_cases(&self, _: &Tree) -> Vec<SpecialCase> {
        Vec::new()
    }

    fn tests_in(&self, _: &str, _: &str) -> Option<Vec<String>> {
        None
    }

    fn build_tests(&self, _: TestBuild<'_>, _: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    fn list_tests(&self, _: &TestProgram, _: &Places) -> Option<ToolCommand> {
        None
    }

    fn read_list(&self, _: &ToolOutput) -> Result<Vec<String>, Box<Finding>> {
        Ok(Vec::new())
    }

    fn run_test(&self, _: &TestCase<'_>, _: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    fn read_test(&self, _: &TestCase<'_>, _: &[ToolOutput]) -> Reported {
        Reported::Ignored
    }

    /// None: the model under test is not in an agent's sandbox.
    fn visible_command(&self) -> &'static str {
        ""
    }

    fn canary(&self) -> Option<&'static str> {
        None
    }

    fn compared(&self, _: &str) -> Option<(String, String)> {
        None
    }

    fn exhausted(&self, _: &str) -> Option<Resource> {
        None
    }

    fn doc_tests(&self) -> Option<&'static dyn DocTests> {
        None
    }

    fn mutator(&self) -> Option<&'static dyn Mutator> {
        None
    }

    fn membrane(&self) -> Option<&'static dyn Membrane> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::is_hidden;

    #[test]
    fn a_test_is_held_out_by_a_folder_or_a_word_of_its_title() {
        assert!(is_hidden("tests/hidden/a.js", "test_id: a"));
        assert!(is_hidden("tests/a.js", "test_id: a (hidden)"));
        assert!(!is_hidden("tests/hidden.js", "test_id: hidden_fees"));
    }
}
