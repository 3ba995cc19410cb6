//! Tests in Rust, run by libtest.

use std::collections::BTreeSet;

use super::{
    builds, doc_examples, equality, examples, expects, independent, libtest, mutation, nonce,
    package, special, suites, tests_in, twins, watched,
};
use crate::toolchain::{
    DocTests, Expectation, Extent, Independent, Membrane, Mutants, Mutator, NativeSuites, Places,
    Reported, SpecialCase, Suite, SuiteFile, TestBuild, TestCase, TestProgram, ToolCommand,
    ToolOutput, Visibility,
};
use crate::types::{Digest, Example, Finding, Problem, Resource, Spec, Target, Tree};

/// Rust's own tests.
pub struct RustSuites;

impl NativeSuites for RustSuites {
    fn examples(&self, spec: &Spec, target: &Target, shown: Visibility) -> Option<Suite> {
        examples::suite(spec, target, shown)
    }

    fn watched(&self, code: &str) -> String {
        watched::watched(code)
    }

    fn suite_name(&self) -> String {
        "{}.rs".to_owned()
    }

    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
        suites::read(spec, file)
    }

    fn conditions(&self, text: &str) -> Vec<(usize, String)> {
        suites::conditions(text)
    }

    fn plain(&self, suite: &Suite) -> Suite {
        Suite { text: nonce::without_canary(&suite.text), ..suite.clone() }
    }

    fn twin(&self, suite: &Suite) -> Option<Suite> {
        twins::of(suite)
    }

    fn equality_form(&self, suite: &Suite, spec: &Spec, tree: &Tree) -> Option<Suite> {
        // The author asks for it.
        let is_wanted = spec.visible.lines().any(says_equality);
        let name = package::crate_name(spec);
        (!is_wanted).then(|| equality::checked(suite, &name, tree)).flatten()
    }

    fn compared_type<'a>(&self, message: &'a str) -> Option<&'a str> {
        equality::compared(message)
    }

    fn independent(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Option<Independent> {
        independent::suites(spec, target, suites)
    }

    fn expectations(&self, example: &Example) -> Vec<Expectation> {
        if example.language == "rust" { expects::of_example(example) } else { Vec::new() }
    }

    fn suite_expectations(&self, suite: &Suite) -> Vec<(String, Vec<Expectation>)> {
        expects::of_suite(&suite.shown)
    }

    fn literals(&self, input: &str) -> BTreeSet<String> {
        input.parse().map(special::literals).unwrap_or_default()
    }

    fn special_cases(&self, tree: &Tree) -> Vec<SpecialCase> {
        special::cases(tree)
    }

    fn tests_in(&self, path: &str, text: &str) -> Option<Vec<String>> {
        path.ends_with(".rs").then(|| tests_in::tests_in(text))
    }

    fn build_tests(&self, tests: TestBuild<'_>, places: &Places) -> Vec<ToolCommand> {
        builds::commands(tests, places)
    }

    fn list_tests(&self, program: &TestProgram, places: &Places) -> Option<ToolCommand> {
        Some(libtest::list(program, places))
    }

    fn read_list(&self, output: &ToolOutput) -> Result<Vec<String>, Box<Finding>> {
        let message = "the test program cannot list its tests".to_owned();
        match output.status {
            Some(0) => Ok(libtest::read_list(&output.stdout)),
            _ => Err(Box::new(Finding { message, ..Finding::default() })),
        }
    }

    fn run_test(&self, run: &TestCase<'_>, places: &Places) -> Vec<ToolCommand> {
        vec![libtest::run(run, places)]
    }

    fn read_test(&self, run: &TestCase<'_>, outputs: &[ToolOutput]) -> Reported {
        match outputs {
            [output] => libtest::reported(run, output),
            _ => Reported::Failed("the test did not run".to_owned()),
        }
    }

    fn visible_command(&self) -> &'static str {
        "cargo test --offline"
    }

    fn canary(&self) -> Option<&'static str> {
        Some(nonce::CANARY)
    }

    fn compared(&self, message: &str) -> Option<(String, String)> {
        libtest::compared(message)
    }

    fn exhausted(&self, message: &str) -> Option<Resource> {
        libtest::exhausted(message)
    }

    fn doc_tests(&self) -> Option<&'static dyn DocTests> {
        Some(&doc_examples::Rustdoc)
    }

    fn mutator(&self) -> Option<&'static dyn Mutator> {
        Some(&RustMutator)
    }

    fn membrane(&self) -> Option<&'static dyn Membrane> {
        None
    }
}

/// Whether a line has an implementation of `PartialEq` in code.
fn says_equality(line: &str) -> bool {
    let mut found = line.match_indices("impl").map(|(at, word)| &line[at + word.len()..]);
    found.any(|rest| rest.starts_with([' ', '<']) && rest.contains("PartialEq"))
}

/// Mutations of the candidate's source.
struct RustMutator;

impl Mutator for RustMutator {
    fn mutants(&self, tree: &Tree, extent: &Extent, seed: Digest) -> Result<Mutants, String> {
        mutation::of(tree, extent, seed)
    }
}

#[cfg(test)]
mod tests {
    use super::says_equality;

    #[test]
    fn equality_is_wanted_only_in_code() {
        for line in ["impl PartialEq for A", "`impl<T: Ord> std::cmp::PartialEq for A<T> {`"] {
            assert!(says_equality(line), "{line}");
        }
        for line in ["Types implement `PartialEq`.", "PartialEq, impl A", "`impl A`"] {
            assert!(!says_equality(line), "{line}");
        }
    }
}
