//! The interface of a language.

use super::commands::{BuildContext, BuildKind, Built, Places, ToolCommand, ToolOutput};
use super::contract::ContractLanguage;
use super::effect_rules::EffectRules;
use super::links::{LinkLanguage, LinkedTree};
use super::machine::{DependencyLayer, HostProbe};
use super::native::NativeSuites;
use super::program::ProgramLanguage;
use super::suite::Suite;
use super::text_form::TextForm;
use crate::types::{Encoder, Finding, GateName, Link, Problem, RelPath, Spec, Target, Tree};

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
    /// The options that affect only what gates say of a candidate, in one text.
    fn gate_options(&self, _target: &Target) -> Option<String> {
        None
    }
    /// The form of its candidates if they are texts about the code of another target.
    fn text(&self) -> Option<TextForm> {
        None
    }
    /// What covers a `test_id` in a suite, for a hint.
    fn test_of(&self, test_id: &str) -> String {
        format!("a test named `{test_id}`")
    }
    /// Whether suites are mounted where they are in the workspace.
    fn keeps_paths(&self) -> bool {
        false
    }
    /// The file that a candidate must have.
    fn root(&self, spec: &Spec, target: &Target) -> RelPath;
    /// Files: allowed, owned by the harness, build leftovers.
    fn layout(&self, target: &Target) -> Layout;
    /// Rules of a target for the model's prompt, as short sentences.
    fn prompt_rules(&self, spec: &Spec, target: &Target) -> Vec<String>;
    /// Replaces the harness's own files in a candidate's tree. `links` are promoted trees that it
    /// uses.
    ///
    /// # Errors
    /// Files of the candidate in their place, as findings of the layout gate.
    fn normalise(
        &self,
        tree: &Tree,
        spec: &Spec,
        target: &Target,
        links: &[Link],
    ) -> Result<Tree, Vec<Finding>>;
    /// Finds code that would mislead the gates, as findings of the layout gate.
    fn tamper_lints(&self, gate: &GateName, tree: &Tree, target: &Target) -> Vec<Finding>;
    /// Every identifier in a file, with its line. `None` for other languages.
    ///
    /// # Errors
    /// The file cannot be parsed.
    fn identifiers(
        &self,
        _path: &RelPath,
        _text: &str,
    ) -> Option<Result<Vec<(String, u32)>, String>> {
        None
    }
    /// Checks a spec and its suites before a model is asked: names, syntax, what they import.
    fn check_spec(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem>;
    /// Its gates, in default order.
    fn gates(&self) -> &'static [GateDefinition];
    /// The harness's own files of a workspace. `lock` is the lockfile of its dependencies.
    fn workspace_files(
        &self,
        _package: &str,
        _lock: &str,
        _places: &Places,
    ) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }
    /// The environment of every program over a candidate.
    fn environment(&self, places: &Places) -> Vec<(String, String)>;
    /// Formats a file from standard input to standard output. `None` for files without a formatter.
    fn format(&self, _path: &RelPath, _places: &Places) -> Option<ToolCommand> {
        None
    }
    /// The commands of a compiling gate, in order.
    fn compile(&self, _gate: &GateName, _tree: &Tree, _places: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }
    /// How a new candidate is also built for its tests, besides the usual way.
    fn more_builds(&self, spec: &Spec, tree: &Tree) -> Vec<BuildKind>;
    /// Parses the output of a compiling command.
    fn read_build(&self, _gate: &GateName, _output: &ToolOutput, _: &BuildContext<'_>) -> Built {
        Built::default()
    }
    /// The check of effects. `None`: effects are not checked.
    fn effect_rules(&self) -> Option<&dyn EffectRules>;
    /// How it runs tests in its own language: examples and suites. `None` if it cannot; then only
    /// contracts test its candidates.
    fn native(&self) -> Option<&'static dyn NativeSuites>;

    /// How it carries a contract. `None` if it cannot.
    fn contract(&self) -> Option<&dyn ContractLanguage>;
    /// The dependencies of a normalised tree and of those that it uses. `None` if the language has
    /// none.
    fn dependencies(&self, _: &Tree, _: &[LinkedTree]) -> Option<Box<dyn DependencyLayer>> {
        None
    }
    /// How its candidates use promoted trees. `None` if they cannot.
    fn links(&self) -> Option<&'static dyn LinkLanguage>;
    /// How a target that is a program is started.
    fn program(&self, _target: &Target) -> Option<&dyn ProgramLanguage> {
        None
    }
    /// Whether a target is a program whose own examples are judged from outside; otherwise they are
    /// tests in the language.
    fn is_outside(&self, target: &Target) -> bool {
        self.program(target).is_some()
    }
    /// The packages that a target allows, which its candidates see. `None`: it allows none, or the
    /// dependencies of a tree say which.
    fn packages(&self, _target: &Target) -> Option<Box<dyn DependencyLayer>> {
        None
    }
    /// Tools that are fetched as packages, which a gate sees read only. `None` if this machine's
    /// tools suffice.
    fn tools_layer(&self, _gate: &GateName) -> Option<Box<dyn DependencyLayer>> {
        None
    }
    /// Frees what its parsers keep of the texts that this thread has read.
    fn release(&self) {}
    /// The programs it requires on this machine.
    fn host_tools(&self) -> &dyn HostProbe;
}

/// One key of `[target.X]`.
#[derive(Clone, Debug)]
pub struct OptionSchema {
    /// The key.
    pub name: &'static str,
    /// Where the names in its value are from; empty if it means the same in every language.
    pub registry: &'static str,
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
    /// Compares a text with the spec and with the code that it is about, and runs its blocks.
    Text,
    /// Runs the user's linter of prose over pages.
    Style,
}
