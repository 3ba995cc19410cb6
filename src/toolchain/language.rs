//! The interface of a language.

use std::collections::BTreeSet;

use super::commands::{
    BuildContext, BuildKind, Built, Places, Reported, TestBuild, TestCase, TestProgram,
    ToolCommand, ToolOutput,
};
use super::contract::ContractLanguage;
use super::doc_examples::DocTests;
use super::effect_rules::EffectRules;
use super::machine::{DependencyLayer, HostProbe};
use super::mutator::Mutator;
use super::suite::{Expectation, Independent, SpecialCase, Suite, SuiteFile, Visibility};
use crate::types::{
    Encoder, Example, Finding, GateName, Problem, RelPath, Resource, Spec, Target, Tree,
};

/// A language: the form of its candidates, its gates, and parsers for its tools' output.
pub trait Toolchain: Sync {
    /// Its id in `toolchain = "…"`.
    fn id(&self) -> &'static str;

    /// Its name in prompts.
    fn language(&self) -> &'static str;

    /// The version of the language and its rules; part of the digest of a job's inputs.
    fn rules_version(&self) -> &'static str;

    /// Its keys of `[target.X]`, each with the keywords and description of its JSON schema.
    fn options(&self) -> Vec<OptionSchema>;

    /// Checks the value of one of its options.
    ///
    /// # Errors
    /// A sentence on the problem, and a hint.
    fn check_option(&self, name: &str, value: &toml::Value) -> Result<(), (String, String)>;

    /// Encodes the options that affect candidates.
    fn encode_options(&self, target: &Target, out: &mut Encoder);

    /// The file that a candidate must have.
    fn root(&self, spec: &Spec, target: &Target) -> RelPath;

    /// Files: allowed, owned by the harness, build leftovers.
    fn layout(&self, target: &Target) -> Layout;

    /// Rules of a target for the model's prompt, as short sentences.
    fn prompt_rules(&self, spec: &Spec, target: &Target) -> Vec<String>;

    /// Replaces the harness's own files in a candidate's tree.
    ///
    /// # Errors
    /// Files of the candidate in their place, as findings of the layout gate.
    fn normalise(&self, tree: &Tree, spec: &Spec, target: &Target) -> Result<Tree, Vec<Finding>>;

    /// Finds code that would mislead the gates, as findings of the layout gate.
    fn tamper_lints(&self, gate: &GateName, tree: &Tree, target: &Target) -> Vec<Finding>;

    /// Every identifier in a file, with its line. `None` for other languages.
    ///
    /// # Errors
    /// The file cannot be parsed.
    fn identifiers(&self, path: &RelPath, text: &str)
    -> Option<Result<Vec<(String, u32)>, String>>;

    /// The generated tests of a spec's examples; `None` without examples.
    fn examples(&self, spec: &Spec, target: &Target, shown: Visibility) -> Option<Suite>;

    /// Parses a user's suite.
    ///
    /// # Errors
    /// A problem in the file, for the user.
    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>>;

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

    /// Checks a spec and its suites before a model is asked: names, syntax, what they import.
    fn check_spec(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem>;

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

    /// Its gates, in default order.
    fn gates(&self) -> &'static [GateDefinition];

    /// The harness's own files of a workspace. `lock` is the lockfile of its dependencies.
    fn workspace_files(&self, package: &str, lock: &str, places: &Places)
    -> Vec<(String, Vec<u8>)>;

    /// The environment of every program over a candidate.
    fn environment(&self, places: &Places) -> Vec<(String, String)>;

    /// Formats a file from standard input to standard output. `None` for files without a formatter.
    fn format(&self, path: &RelPath, places: &Places) -> Option<ToolCommand>;

    /// The commands of a compiling gate, in order.
    fn compile(&self, gate: &GateName, tree: &Tree, places: &Places) -> Vec<ToolCommand>;

    /// How a new candidate is also built for its tests, besides the usual way.
    fn more_builds(&self, spec: &Spec, tree: &Tree) -> Vec<BuildKind>;

    /// The commands that build test programs: the candidate where there are no tests, then the
    /// tests. Empty if nothing is built.
    fn build_tests(&self, tests: TestBuild<'_>, places: &Places) -> Vec<ToolCommand>;

    /// Parses the output of a compiling command.
    fn read_build(&self, gate: &GateName, output: &ToolOutput, context: &BuildContext<'_>)
    -> Built;

    /// The command that lists a program's tests; `None` if they are known.
    fn list_tests(&self, program: &TestProgram, places: &Places) -> Option<ToolCommand>;

    /// Parses that list.
    fn read_list(&self, output: &str) -> Vec<String>;

    /// The commands that run exactly one test, in order, in a separate folder. The test proves with
    /// `nonce` that it reached its end.
    fn run_test(&self, run: &TestCase<'_>, places: &Places) -> Vec<ToolCommand>;

    /// Parses the results of a test's commands.
    fn read_test(&self, run: &TestCase<'_>, outputs: &[ToolOutput]) -> Reported;

    /// The control test in each mounted file, which must fail with the nonce in its message; `None`
    /// if candidate code never shares a process with the tests.
    fn canary(&self) -> Option<&'static str>;

    /// The value that a failing test's comparison was given, and the one it requires, by its message.
    fn compared(&self, message: &str) -> Option<(String, String)>;

    /// The exceeded limit, from a failing test's message.
    fn exhausted(&self, message: &str) -> Option<Resource>;

    /// The check of effects. `None`: effects are not checked.
    fn effect_rules(&self) -> Option<&'static dyn EffectRules>;

    /// The tests in documentation. `None`: there are none.
    fn doc_tests(&self) -> Option<&'static dyn DocTests>;

    /// The mutations of the red proof. `None`: every test stays `undecided`.
    fn mutator(&self) -> Option<&'static dyn Mutator>;

    /// How it carries a contract. `None` if it cannot.
    fn contract(&self) -> Option<&'static dyn ContractLanguage>;

    /// The dependencies of a normalised tree. `None` if the language has none.
    fn dependencies(&self, tree: &Tree) -> Option<Box<dyn DependencyLayer>>;

    /// Tools that are fetched as packages, for a gate that looks at code without running it. `None`
    /// if this machine's tools suffice.
    fn tools_layer(&self, gate: &GateName) -> Option<Box<dyn DependencyLayer>>;

    /// Frees what its parsers keep of the texts that this thread has read.
    fn release(&self);

    /// The programs it requires on this machine.
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
    /// The file that the harness writes; hidden from the model.
    pub manifest: &'static str,
    /// Glob patterns of allowed files.
    pub allowed: Vec<String>,
    /// Reserved names: at any depth, as a folder if it ends in `/`, as a prefix of a top-level name
    /// if it ends in `*`.
    pub denied: &'static [&'static str],
    /// Names of build leftovers in a promoted tree.
    pub artefacts: &'static [&'static str],
    /// Finds code that replaces omitted code in a file: what, and its line from 1.
    pub unwritten: fn(&str, &str) -> Option<(&'static str, usize)>,
    /// Comment starts.
    pub comments: &'static [&'static str],
    /// The folder in which tests are mounted; ends with `/`.
    pub tests: &'static str,
    /// The suffix of a user's suite.
    pub suite_extension: &'static str,
    /// Glob patterns of hand-written tests.
    pub people_tests: &'static [&'static str],
}

/// A gate of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateDefinition {
    /// Its name in `gates = […]`.
    pub name: &'static str,
    /// Its kind.
    pub kind: GateKind,
    /// Whether it is in the default gates.
    pub default: bool,
}

/// The kinds of built-in gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateKind {
    /// Checks the files: layout, tampering, guards. Runs nothing.
    Source,
    /// Compares the files with their formatted versions.
    Format,
    /// Compiles or lints.
    Compile,
    /// Runs the visible tests.
    Test,
    /// Runs the held-out examples.
    Hidden,
    /// Checks that tests fail without the implementation.
    Proof,
    /// Requires a passed test for every required clause.
    Coverage,
}
