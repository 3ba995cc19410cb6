//! What a language adds.

use crate::toolchain::{Membrane, Places, TestProgram, ToolCommand};
use crate::types::{Example, Resource, Spec};

/// The tests of such a language.
pub trait ApartTests: Membrane {
    /// Whether an example is run.
    fn runs(&self, example: &Example) -> bool;

    /// Where examples are mounted; hidden ones too, in a workspace of their own.
    fn examples_path(&self) -> &'static str;

    /// The text before all examples.
    fn head(&self, spec: &Spec) -> String;

    /// An example as a test: its name, and its text.
    fn example(&self, id: &str, code: &str) -> (String, String);

    /// An example that passes only if each of its assertions runs and holds.
    fn watched(&self, code: &str) -> String;

    /// The name of a suite that the runner finds, with `{}` for the spec.
    fn suite_name(&self) -> String;

    /// Whether the runner looks for tests in a file; in generated ones it is told to.
    fn is_test_file(&self, path: &str) -> bool;

    /// Whether a file that people wrote may have tests.
    fn reads(&self, path: &str) -> bool;

    /// The tests that the runner finds in a text.
    ///
    /// # Errors
    /// The text cannot be read.
    fn names(&self, text: &str) -> Result<Vec<String>, String>;

    /// The command that runs one test with all its cases, or lists the tests of a file. The
    /// candidate is started for it.
    fn command(&self, program: &TestProgram, test: &str, places: &Places) -> ToolCommand;

    /// The sides of a failed comparison in a message.
    fn sides(&self, message: &str) -> Option<(String, String)>;

    /// The limit that the tests themselves exceeded, from a message.
    fn exhausted(&self, _message: &str) -> Option<Resource> {
        None
    }

    /// The same as a membrane.
    fn whole(&self) -> &'static dyn Membrane;
}
