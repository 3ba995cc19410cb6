//! What a language says of itself.

use super::commands::{
    BuildContext, Built, Places, Reported, TestCase, TestProgram, ToolCommand, ToolOutput,
};
use super::conflicts::Expectation;
use super::machine::{DependencyLayer, HostProbe};
use super::mutator::Mutator;
use super::suite::{Independent, Suite, SuiteFile, Visibility};
use crate::types::{
    Encoder, Example, Finding, GateName, Problem, RelPath, Resource, Spec, Target, Tree,
};

/// A language: how its candidates look, are judged, and how its tools' output is read.
pub trait Toolchain: Sync {
    /// Its id in `toolchain = "…"`.
    fn id(&self) -> &'static str;

    /// Its name in prompts.
    fn language(&self) -> &'static str;

    /// The version of the language and of the rules for it: part of the digest of a job's inputs.
    fn rules_version(&self) -> &'static str;

    /// The keys of `[target.X]` that are its own, each with the keywords and description of its
    /// JSON schema.
    fn options(&self) -> Vec<OptionSchema>;

    /// Checks the value of one of its options.
    ///
    /// # Errors
    /// What is wrong, as a sentence, and what to do.
    fn check_option(&self, name: &str, value: &toml::Value) -> Result<(), (String, String)>;

    /// Writes what of a target's options decides about its candidates.
    fn encode_options(&self, target: &Target, out: &mut Encoder);

    /// Files: required, allowed, owned by the harness, left behind by tools.
    fn layout(&self, target: &Target) -> Layout;

    /// What the model must know of a target, for the prompt: short sentences.
    fn prompt_rules(&self, spec: &Spec, target: &Target) -> Vec<String>;

    /// Replaces what the harness owns in a candidate's tree by the harness's own.
    ///
    /// # Errors
    /// What the candidate put where the harness rules: findings of the layout gate.
    fn normalise(&self, tree: &Tree, spec: &Spec, target: &Target) -> Result<Tree, Vec<Finding>>;

    /// Finds what would mislead the gates: findings of the layout gate.
    fn tamper_lints(&self, gate: &GateName, tree: &Tree, target: &Target) -> Vec<Finding>;

    /// Every identifier in a file, with its line. `None` for a file that is not of this language.
    ///
    /// # Errors
    /// The file cannot be read as this language.
    fn identifiers(&self, path: &RelPath, text: &str)
    -> Option<Result<Vec<(String, u32)>, String>>;

    /// The harness's own tests from a spec's examples; `None` when there are none.
    fn examples(&self, spec: &Spec, target: &Target, shown: Visibility) -> Option<Suite>;

    /// Reads a user's suite.
    ///
    /// # Errors
    /// A problem in the file, for the user.
    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>>;

    /// What of a spec's suites can be compiled before a model is asked; `None` where that is nothing.
    fn independent(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Option<Independent>;

    /// Checks a spec and its suites before a model is asked: names, syntax, what they import.
    fn check_spec(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem>;

    /// What an example expects of inputs, where it is nothing but comparisons.
    fn expectations(&self, example: &Example) -> Vec<Expectation>;

    /// The same of a suite, by test.
    fn suite_expectations(&self, suite: &Suite) -> Vec<(String, Vec<Expectation>)>;

    /// The tests in a file that people wrote. `None` for a file that is not of this language.
    fn tests_in(&self, path: &str, text: &str) -> Option<Vec<String>>;

    /// Its gates, in their usual order.
    fn gates(&self) -> &'static [GateDefinition];

    /// The harness's files of a workspace, beside the candidate's and the tests. `lock` is the lock
    /// file of its dependencies.
    fn workspace_files(&self, package: &str, lock: &str, places: &Places)
    -> Vec<(String, Vec<u8>)>;

    /// The environment of every program over a candidate.
    fn environment(&self, places: &Places) -> Vec<(String, String)>;

    /// Formats one file: reads it on standard input and prints it. `None` for a file that has no
    /// formatter.
    fn format(&self, path: &RelPath, places: &Places) -> Option<ToolCommand>;

    /// The commands of a compiling gate, in order.
    fn compile(&self, gate: &GateName, tree: &Tree, places: &Places) -> Vec<ToolCommand>;

    /// The commands that build test programs: all of them, or those of some suites. None where
    /// nothing is built.
    fn build_tests(&self, suites: Option<&[Suite]>, places: &Places) -> Vec<ToolCommand>;

    /// Reads what a compiling command printed.
    fn read_build(&self, gate: &GateName, output: &ToolOutput, context: &BuildContext<'_>)
    -> Built;

    /// The command that lists a test program's tests; `None` where they are known beforehand.
    fn list_tests(&self, program: &TestProgram, places: &Places) -> Option<ToolCommand>;

    /// Reads that list.
    fn read_list(&self, output: &str) -> Vec<String>;

    /// The commands that run exactly one test, in order, in a folder of their own. The test proves
    /// with `nonce` that it reached its end.
    fn run_test(&self, run: &TestCase<'_>, places: &Places) -> Vec<ToolCommand>;

    /// Reads what a test's commands did.
    fn read_test(&self, run: &TestCase<'_>, outputs: &[ToolOutput]) -> Reported;

    /// The test in every mounted file that must fail with the nonce in its message; `None` where no
    /// code of the candidate shares a process with its judge.
    fn canary(&self) -> Option<&'static str>;

    /// The value that a failing test's comparison was given, and the one it requires, by its message.
    fn compared(&self, message: &str) -> Option<(String, String)>;

    /// What was used up, by a failing test's message.
    fn exhausted(&self, message: &str) -> Option<Resource>;

    /// The changes of the red proof. `None`: every test stays `undecided`.
    fn mutator(&self) -> Option<&'static dyn Mutator>;

    /// The dependencies of a normalised tree. `None` where this language has none.
    fn dependencies(&self, tree: &Tree) -> Option<Box<dyn DependencyLayer>>;

    /// The programs on this machine that it needs.
    fn host_tools(&self) -> &'static dyn HostProbe;
}

/// One key of `[target.X]`.
#[derive(Clone, Debug)]
pub struct OptionSchema {
    /// The key.
    pub name: &'static str,
    /// The JSON schema of its value.
    pub schema: serde_json::Value,
}

/// The files of a candidate.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The file it cannot do without.
    pub required: RelPath,
    /// The file that the harness writes; a model neither sees nor changes it.
    pub manifest: &'static str,
    /// Glob patterns of the files it may have.
    pub allowed: Vec<String>,
    /// Names that belong to the harness, whatever is allowed: a name at any depth, or a folder at
    /// any depth where it ends in `/`, or the beginning of a top-level name where it ends in `*`.
    pub denied: &'static [&'static str],
    /// Names in a promoted tree that tools leave behind and that are no part of it.
    pub artefacts: &'static [&'static str],
    /// Texts that are written in place of code.
    pub placeholders: &'static [&'static str],
    /// What begins a comment.
    pub comments: &'static [&'static str],
    /// The folder in which tests are mounted; with a `/` at its end.
    pub tests: &'static str,
    /// The end of the name of a user's suite.
    pub suite_extension: &'static str,
    /// Glob patterns of tests in code that people wrote.
    pub people_tests: &'static [&'static str],
}

/// A gate of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateDefinition {
    /// Its name in `gates = […]`.
    pub name: &'static str,
    /// What it does.
    pub kind: GateKind,
    /// Whether a target that names no gates has it.
    pub default: bool,
}

/// What a built-in gate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateKind {
    /// Looks at the files: layout, tampering, guards. Runs nothing.
    Source,
    /// Compares the files with what the formatter makes of them.
    Format,
    /// Compiles or lints.
    Compile,
    /// Runs the visible tests.
    Test,
    /// Runs the held-out examples.
    Hidden,
    /// Sees tests fail without the implementation.
    Proof,
    /// Demands a passed test for every demanded clause.
    Coverage,
}
