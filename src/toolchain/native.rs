//! The interface of a language's own tests.

use std::collections::BTreeSet;

use super::commands::{
    Places, Reported, TestBuild, TestCase, TestProgram, ToolCommand, ToolOutput,
};
use super::doc_examples::DocTests;
use super::machine::DependencyLayer;
use super::mutator::Mutator;
use super::suite::{Expectation, Independent, SpecialCase, Suite, SuiteFile, Visibility};
use crate::types::{Example, Finding, Problem, Resource, Spec, Target, Tree};

/// Why an example with an assertion that did nothing fails.
pub const UNSEEN: &str = "does not run, or its failure is caught";

/// Examples and suites in a language: how they are read, built, run and proven.
pub trait NativeSuites: Sync {
    /// The generated tests of a spec's examples; `None` without examples.
    fn examples(&self, spec: &Spec, target: &Target, shown: Visibility) -> Option<Suite>;

    /// An example that passes only if each of its assertions runs and holds. A failure's message has
    /// the line of the assertion in backticks, and [`UNSEEN`].
    fn watched(&self, code: &str) -> String {
        code.to_owned()
    }

    /// The name of a suite that the runner finds, with `{}` for the spec.
    fn suite_name(&self) -> String;

    /// Parses a user's suite.
    ///
    /// # Errors
    /// A problem in the file, for the user.
    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>>;

    /// What in the text of a suite may keep a test from running, with lines from 1. Other languages'
    /// runners tell of it.
    fn conditions(&self, _text: &str) -> Vec<(usize, String)> {
        Vec::new()
    }

    /// A suite for a program that may run its tests by itself: without tests that must fail.
    fn plain(&self, suite: &Suite) -> Suite {
        suite.clone()
    }

    /// A file in which the tests of a suite expect other results, with those tests that must fail
    /// in it. `None` if no test must.
    fn twin(&self, suite: &Suite) -> Option<Suite>;

    /// A form of a suite that fails where a test compares values whose equality the candidate
    /// writes by hand. `None` if it writes none, or the spec wants it.
    fn equality_form(&self, suite: &Suite, spec: &Spec, tree: &Tree) -> Option<Suite>;

    /// The type that a failed test of such a form compares.
    fn compared_type<'a>(&self, message: &'a str) -> Option<&'a str>;

    /// What of a spec's suites can be compiled before a model is asked; `None` where that is nothing.
    fn independent(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Option<Independent>;

    /// The expectations of an example, if it has only comparisons.
    fn expectations(&self, example: &Example) -> Vec<Expectation>;

    /// The same of a suite, by test.
    fn suite_expectations(&self, suite: &Suite) -> Vec<(String, Vec<Expectation>)>;

    /// The literals of an expectation's input, in one spelling.
    fn literals(&self, input: &str) -> BTreeSet<String>;

    /// The special cases of a candidate's code.
    fn special_cases(&self, tree: &Tree) -> Vec<SpecialCase>;

    /// The tests in a hand-written file. `None` for other languages.
    fn tests_in(&self, path: &str, text: &str) -> Option<Vec<String>>;

    /// The commands that build test programs: the candidate where there are no tests, then the
    /// tests. Empty if nothing is built.
    fn build_tests(&self, tests: TestBuild<'_>, places: &Places) -> Vec<ToolCommand>;

    /// The command that lists a program's tests; `None` if they are known.
    fn list_tests(&self, program: &TestProgram, places: &Places) -> Option<ToolCommand>;

    /// Parses that list.
    ///
    /// # Errors
    /// Why there is none: a message, and a place if the suite's own text is at fault.
    fn read_list(&self, output: &ToolOutput) -> Result<Vec<String>, Box<Finding>>;

    /// The commands that run exactly one test, in order, in a separate folder. The test proves with
    /// `nonce` that it reached its end.
    fn run_test(&self, run: &TestCase<'_>, places: &Places) -> Vec<ToolCommand>;

    /// Parses the results of a test's commands.
    fn read_test(&self, run: &TestCase<'_>, outputs: &[ToolOutput]) -> Reported;

    /// The command that runs the visible tests where a program works on a candidate.
    fn visible_command(&self) -> &'static str;

    /// The control test in each mounted file, which must fail with the nonce in its message; `None`
    /// if candidate code never shares a process with the tests.
    fn canary(&self) -> Option<&'static str>;

    /// The value that a failing test's comparison was given, and the one it requires, by its message.
    fn compared(&self, message: &str) -> Option<(String, String)>;

    /// The exceeded limit, from a failing test's message.
    fn exhausted(&self, message: &str) -> Option<Resource>;

    /// The tests in documentation. `None`: there are none.
    fn doc_tests(&self) -> Option<&'static dyn DocTests>;

    /// The mutations of the red proof. `None`: every test stays `undecided`.
    fn mutator(&self) -> Option<&'static dyn Mutator>;

    /// How the candidate runs in a sandbox of its own, without the tests. `None`: tests and
    /// candidate are one program.
    fn membrane(&self) -> Option<&'static dyn Membrane>;
}

/// The two sides of tests whose candidate runs in a sandbox of its own.
pub trait Membrane: Sync {
    /// The harness's files in the candidate's sandbox, beside the candidate.
    fn candidate_files(&self, spec: &Spec) -> Vec<(String, Vec<u8>)>;

    /// The harness's files in the tests' sandbox, beside the suites.
    fn tests_files(&self, spec: &Spec) -> Vec<(String, Vec<u8>)>;

    /// The packages of the tests, which the candidate never sees.
    fn tests_layer(&self) -> Box<dyn DependencyLayer>;

    /// What each run would do with the candidate's files, done once in its sandbox. A run that does
    /// not find it does it itself, and tells of errors.
    fn prepare_candidate(&self, _places: &Places) -> Option<ToolCommand> {
        None
    }

    /// The same with the tests, in their sandbox.
    fn prepare_tests(&self, _places: &Places) -> Option<ToolCommand> {
        None
    }
}
