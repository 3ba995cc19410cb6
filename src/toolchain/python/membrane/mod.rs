//! Tests in Python: examples and suites for pytest. The tests run in one process, the candidate in
//! another sandbox; `wire.txt` says what crosses between them.

mod examples;
mod lines;
mod report;
mod suites;

use std::collections::BTreeSet;

use super::package::package;
use super::{commands, tools_layer};
use crate::toolchain::{
    DependencyLayer, DocTests, Expectation, Extent, Independent, Membrane, Mutants, Mutator,
    NativeSuites, Places, Reported, SpecialCase, Suite, SuiteFile, TestBuild, TestCase,
    TestProgram, ToolCommand, ToolOutput, Visibility,
};
use crate::types::{Example, Finding, Problem, Resource, Spec, Target, Tree};
pub use examples::check as check_example;
pub use lines::code as code_lines;

/// The candidate's side.
const STAGE: &str = concat!(include_str!("wire.txt"), include_str!("stage.txt"));
/// The tests' side.
const RUNNER: &str =
    concat!(include_str!("wire.txt"), include_str!("mirror.txt"), include_str!("runner.txt"));
/// Their files. Names of suites do not start like this.
const STAGE_FILE: &str = "regen_stage.py";
const RUNNER_FILE: &str = "regen_runner.py";
/// The line that the package's name replaces.
const PLACE: &str = "PACKAGE = None\n";
/// The variable with a change of the red proof.
const MUTANT: &str = "REGEN_MUTANT";

/// Tests in Python.
pub struct PythonSuites;

impl NativeSuites for PythonSuites {
    fn examples(&self, spec: &Spec, _target: &Target, shown: Visibility) -> Option<Suite> {
        examples::suite(spec, shown)
    }

    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
        suites::read(spec, file)
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

    fn independent(
        &self,
        _spec: &Spec,
        _target: &Target,
        _suites: &[Suite],
    ) -> Option<Independent> {
        None
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
        path.ends_with(".py").then(|| suites::names(text))
    }

    fn build_tests(&self, _tests: TestBuild<'_>, _places: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    fn list_tests(&self, program: &TestProgram, places: &Places) -> Option<ToolCommand> {
        suites::is_test_file(&program.source).then(|| command(program, "", places))
    }

    fn read_list(&self, output: &ToolOutput) -> Result<Vec<String>, Box<Finding>> {
        report::names(output)
    }

    fn run_test(&self, run: &TestCase<'_>, places: &Places) -> Vec<ToolCommand> {
        let mut command = command(run.program, run.name, places);
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

    fn compared(&self, message: &str) -> Option<(String, String)> {
        report::compared(message)
    }

    fn exhausted(&self, _message: &str) -> Option<Resource> {
        None
    }

    fn doc_tests(&self) -> Option<&'static dyn DocTests> {
        None
    }

    fn mutator(&self) -> Option<&'static dyn Mutator> {
        Some(&Crossings)
    }

    fn membrane(&self) -> Option<&'static dyn Membrane> {
        Some(&TwoSides)
    }
}

/// Runs one test with all its cases, or lists the tests of a file. The candidate is started for it.
fn command(program: &TestProgram, test: &str, places: &Places) -> ToolCommand {
    let packages = places.dependencies.display().to_string();
    let args = [RUNNER_FILE, &packages, &program.source, test];
    let joined = commands::run(&[STAGE_FILE, &commands::site(places)], places);
    ToolCommand { joined: Some(Box::new(joined)), ..commands::run(&args, places) }
}

/// The sides of the membrane.
struct TwoSides;

impl Membrane for TwoSides {
    fn candidate_files(&self, spec: &Spec) -> Vec<(String, Vec<u8>)> {
        vec![(STAGE_FILE.to_owned(), named(STAGE, spec))]
    }

    fn tests_files(&self, spec: &Spec) -> Vec<(String, Vec<u8>)> {
        vec![(RUNNER_FILE.to_owned(), named(RUNNER, spec))]
    }

    fn tests_layer(&self) -> Box<dyn DependencyLayer> {
        Box::new(tools_layer::TESTS)
    }
}

/// A side with the package's name in it.
fn named(text: &str, spec: &Spec) -> Vec<u8> {
    text.replacen(PLACE, &format!("PACKAGE = \"{}\"\n", package(spec)), 1).into_bytes()
}

/// What the red proof changes: what crosses, not the code.
struct Crossings;

impl Mutator for Crossings {
    fn mutants(&self, tree: &Tree, _extent: &Extent) -> Result<Mutants, String> {
        Ok(Mutants {
            tree: tree.clone(),
            list: Vec::new(),
            rest: BTreeSet::new(),
            variable: MUTANT.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACE, RUNNER, STAGE};

    #[test]
    fn both_sides_have_a_place_for_the_package() {
        assert!([STAGE, RUNNER].iter().all(|text| text.matches(PLACE).count() == 1));
    }
}
