//! What languages share whose tests run apart from the candidate, which is in another sandbox.

mod examples;
mod language;
mod report;
mod suites;
mod visible;

use std::collections::BTreeSet;

use super::{
    DocTests, Expectation, Extent, Independent, Membrane, Mutants, Mutator, NativeSuites, Places,
    Reported, SpecialCase, Suite, SuiteFile, TestBuild, TestCase, TestProgram, ToolCommand,
    ToolOutput, Visibility,
};
use crate::types::{Digest, Example, Finding, Problem, Resource, Spec, Target, Tree};

pub use language::ApartTests;
pub use visible::{FILE as TESTS_SCRIPT, script as tests_script};

/// The rule of a finding that the tests of a file cannot be listed.
pub const LIST: &str = "list";
/// The variable with a change of the red proof.
const MUTANT: &str = "REGEN_MUTANT";

impl<T: ApartTests> NativeSuites for T {
    fn examples(&self, spec: &Spec, _target: &Target, shown: Visibility) -> Option<Suite> {
        examples::suite(self, spec, shown)
    }

    fn watched(&self, code: &str) -> String {
        ApartTests::watched(self, code)
    }

    fn suite_name(&self) -> String {
        ApartTests::suite_name(self)
    }

    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
        suites::read(self, spec, file)
    }

    /// No test is in reach of the candidate.
    fn twin(&self, _suite: &Suite) -> Option<Suite> {
        None
    }

    /// Values are compared on the tests' side.
    fn equality_form(&self, _suite: &Suite, _spec: &Spec, _tree: &Tree) -> Option<Suite> {
        None
    }

    fn compared_type<'a>(&self, _message: &'a str) -> Option<&'a str> {
        None
    }

    fn independent(&self, spec: &Spec, _target: &Target, suites: &[Suite]) -> Option<Independent> {
        let own = suites.iter().cloned().chain(examples::suite(self, spec, Visibility::Visible));
        let hidden = examples::suite(self, spec, Visibility::Hidden);
        let hidden = hidden.map(|suite| suite.renamed("regen_hidden"));
        let suites: Vec<Suite> = own.chain(hidden).collect();
        // Where there is no code, tests are only listed.
        let (tree, gate) = (Tree::default(), "test");
        let is_any = suites.iter().any(|suite| !suite.tests.is_empty());
        is_any.then_some(Independent { tree, suites, gate, certain: &[LIST] })
    }

    fn expectations(&self, _example: &Example) -> Vec<Expectation> {
        Vec::new()
    }

    fn suite_expectations(&self, _suite: &Suite) -> Vec<(String, Vec<Expectation>)> {
        Vec::new()
    }

    fn literals(&self, _input: &str) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn special_cases(&self, _tree: &Tree) -> Vec<SpecialCase> {
        Vec::new()
    }

    fn tests_in(&self, path: &str, text: &str) -> Option<Vec<String>> {
        self.reads(path).then(|| self.names(text).unwrap_or_default())
    }

    fn build_tests(&self, _tests: TestBuild<'_>, _places: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    fn list_tests(&self, program: &TestProgram, places: &Places) -> Option<ToolCommand> {
        self.is_test_file(&program.source).then(|| self.command(program, "", places))
    }

    fn read_list(&self, output: &ToolOutput) -> Result<Vec<String>, Box<Finding>> {
        report::names(output)
    }

    fn run_test(&self, run: &TestCase<'_>, places: &Places) -> Vec<ToolCommand> {
        let mut command = self.command(run.program, run.name, places);
        let switch = run.mutant.map(|(name, value)| (name.to_owned(), value.to_owned()));
        command.env.extend(switch);
        vec![command]
    }

    fn read_test(&self, run: &TestCase<'_>, outputs: &[ToolOutput]) -> Reported {
        report::result(run, outputs)
    }

    fn canary(&self) -> Option<&'static str> {
        None
    }

    fn visible_command(&self) -> &'static str {
        visible::COMMAND
    }

    fn compared(&self, message: &str) -> Option<(String, String)> {
        self.sides(message)
    }

    fn exhausted(&self, message: &str) -> Option<Resource> {
        ApartTests::exhausted(self, message)
    }

    fn doc_tests(&self) -> Option<&'static dyn DocTests> {
        None
    }

    fn mutator(&self) -> Option<&'static dyn Mutator> {
        Some(&Crossings)
    }

    fn membrane(&self) -> Option<&'static dyn Membrane> {
        Some(self.whole())
    }
}

/// What the red proof changes: what crosses, not the code.
struct Crossings;

impl Mutator for Crossings {
    fn mutants(&self, tree: &Tree, _extent: &Extent, _seed: Digest) -> Result<Mutants, String> {
        Ok(Mutants {
            tree: tree.clone(),
            list: Vec::new(),
            rest: BTreeSet::new(),
            variable: MUTANT.to_owned(),
        })
    }
}
