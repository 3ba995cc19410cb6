//! Tests in Python: examples and suites for pytest. The tests run in one process, the candidate in
//! another sandbox; `wire.txt` says what crosses between them.

mod compared;
mod examples;
mod lines;
mod suites;
mod watched;

use super::package::{linked, package};
use super::{commands, tools_layer};
use crate::toolchain::apart::ApartTests;
use crate::toolchain::{DependencyLayer, Membrane, Places, TestProgram, ToolCommand};
use crate::types::{Example, Resource, Spec};
pub use examples::check as check_example;
pub use lines::{LogicalLine, code as code_lines};

/// The candidate's side.
const STAGE: &str = concat!(include_str!("wire.txt"), include_str!("stage.txt"));
/// The tests' side.
const RUNNER: &str = concat!(
    include_str!("wire.txt"),
    include_str!("mirror.txt"),
    include_str!("mistakes.txt"),
    include_str!("runner.txt")
);
/// Their files. Names of suites do not start like this.
const STAGE_FILE: &str = "regen_stage.py";
const RUNNER_FILE: &str = "regen_runner.py";
/// The lines that the packages' names replace.
const PLACE: &str = "PACKAGE = None\nLINKED = []\n";

/// Tests in Python.
pub struct PythonSuites;

impl ApartTests for PythonSuites {
    fn runs(&self, example: &Example) -> bool {
        examples::runs(example)
    }

    fn examples_path(&self) -> &'static str {
        "tests/regen_examples.py"
    }

    fn head(&self, spec: &Spec) -> String {
        format!("import {}\n", package(spec))
    }

    fn example(&self, id: &str, code: &str) -> (String, String) {
        examples::function(id, code)
    }

    fn watched(&self, code: &str) -> String {
        watched::watched(code)
    }

    fn suite_name(&self) -> String {
        "test_{}.py".to_owned()
    }

    fn is_test_file(&self, path: &str) -> bool {
        suites::is_test_file(path)
    }

    fn reads(&self, path: &str) -> bool {
        path.ends_with(".py")
    }

    fn names(&self, text: &str) -> Result<Vec<String>, String> {
        Ok(suites::names(text))
    }

    fn command(&self, program: &TestProgram, test: &str, places: &Places) -> ToolCommand {
        let packages = places.dependencies.display().to_string();
        let args = [RUNNER_FILE, &packages, &program.source, test];
        let joined = commands::run(&[STAGE_FILE, &commands::site(places)], places);
        ToolCommand { joined: Some(Box::new(joined)), ..commands::run(&args, places) }
    }

    fn sides(&self, message: &str) -> Option<(String, String)> {
        compared::compared(message)
    }

    fn exhausted(&self, message: &str) -> Option<Resource> {
        compared::exhausted(message)
    }

    fn whole(&self) -> &'static dyn Membrane {
        &PythonSuites
    }
}

impl Membrane for PythonSuites {
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

/// The statements of a text.
pub fn logical_lines(text: &str) -> Vec<LogicalLine> {
    lines::read(text).0
}

/// A side with the package's name in it, and those of the packages that it uses.
fn named(text: &str, spec: &Spec) -> Vec<u8> {
    let linked = linked(spec);
    let names = format!("PACKAGE = \"{}\"\nLINKED = {linked:?}\n", package(spec));
    text.replacen(PLACE, &names, 1).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{PLACE, RUNNER, STAGE};

    #[test]
    fn both_sides_have_a_place_for_the_package() {
        assert!([STAGE, RUNNER].iter().all(|text| text.matches(PLACE).count() == 1));
    }
}
