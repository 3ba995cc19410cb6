//! Rust: crates, checked by the compiler and clippy, tested by libtest.

mod builds;
mod check;
mod commands;
mod console;
mod contract;
mod dependencies;
mod doc_examples;
mod effects;
mod equality;
mod examples;
mod expanded;
mod expects;
mod host_tools;
mod identifiers;
mod imports;
mod independent;
mod libtest;
mod lock;
mod manifest;
mod modules;
mod mutation;
mod nonce;
mod options;
mod package;
mod places;
mod prompt;
mod reach;
mod recursion_limit;
mod replacements;
mod rustc_json;
mod signature;
mod special;
mod suites;
mod tamper;
mod tests_in;
mod twins;
mod unwritten;

use std::collections::BTreeSet;

use options::RustOptions;
use package::root;

use super::{
    BuildContext, BuildKind, Built, ContractLanguage, DependencyLayer, DocTests, EffectRules,
    Expectation, Extent, GateDefinition, GateKind, HostProbe, Independent, Layout, Mutants,
    Mutator, OptionSchema, Places, Reported, SpecialCase, Suite, SuiteFile, TestBuild, TestCase,
    TestProgram, ToolCommand, ToolOutput, Toolchain, Visibility,
};
use crate::types::{
    Encoder, Example, Finding, GateName, Problem, RelPath, Resource, Spec, Target, Tree,
};

/// Rust.
pub struct Rust;

const GATES: [GateDefinition; 8] = [
    gate("layout", GateKind::Source, true),
    gate("fmt", GateKind::Format, false),
    gate("check", GateKind::Compile, true),
    gate("clippy", GateKind::Compile, true),
    gate("test", GateKind::Test, true),
    gate("hidden", GateKind::Hidden, true),
    gate("proof", GateKind::Proof, true),
    gate("clauses", GateKind::Coverage, true),
];

const fn gate(name: &'static str, kind: GateKind, default: bool) -> GateDefinition {
    GateDefinition { name, kind, default }
}

impl Toolchain for Rust {
    fn id(&self) -> &'static str {
        "rust"
    }

    fn language(&self) -> &'static str {
        "Rust"
    }

    fn rules_version(&self) -> &'static str {
        "rust edition 2024, rules 1"
    }

    fn options(&self) -> Vec<OptionSchema> {
        RustOptions::schemas()
    }

    fn check_option(&self, name: &str, value: &toml::Value) -> Result<(), (String, String)> {
        RustOptions::check(name, value)
    }

    fn encode_options(&self, target: &Target, out: &mut Encoder) {
        RustOptions::of(target).encode(out);
    }

    fn root(&self, _spec: &Spec, target: &Target) -> RelPath {
        root(RustOptions::of(target).crate_type)
    }

    fn layout(&self, _target: &Target) -> Layout {
        Layout {
            manifest: "Cargo.toml",
            allowed: ["Cargo.toml", "src/**/*.rs"].map(str::to_owned).into(),
            denied: &[".cargo/", "build.rs", "tests/", "rust-toolchain*"],
            artefacts: &["target", "Cargo.lock"],
            unwritten: unwritten::find,
            comments: &["//", "/*", "*"],
            tests: "tests/",
            suite_extension: ".rs",
            people_tests: &["src/**/*.rs", "tests/**/*.rs"],
        }
    }

    fn prompt_rules(&self, spec: &Spec, target: &Target) -> Vec<String> {
        prompt::rules(spec, target)
    }

    fn normalise(&self, tree: &Tree, spec: &Spec, target: &Target) -> Result<Tree, Vec<Finding>> {
        manifest::normalise(tree, spec, target)
    }

    fn tamper_lints(&self, gate: &GateName, tree: &Tree, target: &Target) -> Vec<Finding> {
        tamper::find(gate, tree, target)
    }

    fn identifiers(
        &self,
        path: &RelPath,
        text: &str,
    ) -> Option<Result<Vec<(String, u32)>, String>> {
        match path.as_str() {
            // The harness writes it.
            "Cargo.toml" => Some(Ok(Vec::new())),
            path => path.ends_with(".rs").then(|| identifiers::with_lines(text)),
        }
    }

    fn examples(&self, spec: &Spec, target: &Target, shown: Visibility) -> Option<Suite> {
        examples::suite(spec, target, shown)
    }

    fn read_suite(&self, spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
        suites::read(spec, file)
    }

    fn twin(&self, suite: &Suite) -> Option<Suite> {
        twins::of(suite)
    }

    fn equality_form(&self, suite: &Suite, spec: &Spec, tree: &Tree) -> Option<Suite> {
        // The author asks for it.
        let is_wanted = spec.visible.contains("impl PartialEq");
        let name = package::crate_name(spec);
        (!is_wanted).then(|| equality::checked(suite, &name, tree)).flatten()
    }

    fn compared_type<'a>(&self, message: &'a str) -> Option<&'a str> {
        equality::compared(message)
    }

    fn independent(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Option<Independent> {
        independent::suites(spec, target, suites)
    }

    fn check_spec(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
        check::check(spec, target, suites)
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

    fn gates(&self) -> &'static [GateDefinition] {
        &GATES
    }

    fn workspace_files(
        &self,
        package: &str,
        lock: &str,
        places: &Places,
    ) -> Vec<(String, Vec<u8>)> {
        commands::workspace_files(package, lock, places)
    }

    fn environment(&self, places: &Places) -> Vec<(String, String)> {
        commands::environment(places)
    }

    fn format(&self, path: &RelPath, places: &Places) -> Option<ToolCommand> {
        path.as_str().ends_with(".rs").then(|| commands::format(places))
    }

    fn compile(&self, gate: &GateName, _tree: &Tree, places: &Places) -> Vec<ToolCommand> {
        vec![commands::compile(gate, places)]
    }

    fn more_builds(&self, spec: &Spec, tree: &Tree) -> Vec<BuildKind> {
        builds::of(spec, tree)
    }

    fn build_tests(&self, tests: TestBuild<'_>, places: &Places) -> Vec<ToolCommand> {
        builds::commands(tests, places)
    }

    fn read_build(
        &self,
        gate: &GateName,
        output: &ToolOutput,
        context: &BuildContext<'_>,
    ) -> Built {
        let root = context.places.source.display().to_string();
        let mut built = rustc_json::read(gate, &output.stdout, &root, context.suites);
        built.crashed = output.stderr.contains("could not compile");
        built
    }

    fn list_tests(&self, program: &TestProgram, places: &Places) -> Option<ToolCommand> {
        Some(libtest::list(program, places))
    }

    fn read_list(&self, output: &str) -> Vec<String> {
        libtest::read_list(output)
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

    fn canary(&self) -> Option<&'static str> {
        Some(nonce::CANARY)
    }

    fn compared(&self, message: &str) -> Option<(String, String)> {
        libtest::compared(message)
    }

    fn exhausted(&self, message: &str) -> Option<Resource> {
        libtest::exhausted(message)
    }

    fn effect_rules(&self) -> Option<&'static dyn EffectRules> {
        Some(&effects::RustEffects)
    }

    fn doc_tests(&self) -> Option<&'static dyn DocTests> {
        Some(&doc_examples::Rustdoc)
    }

    fn mutator(&self) -> Option<&'static dyn Mutator> {
        Some(&RustMutator)
    }

    fn contract(&self) -> Option<&'static dyn ContractLanguage> {
        Some(&contract::RustContract)
    }

    fn dependencies(&self, tree: &Tree) -> Option<Box<dyn DependencyLayer>> {
        let manifest = tree.text("Cargo.toml").unwrap_or_default();
        Some(Box::new(dependencies::CargoLayer::of(manifest)))
    }

    fn tools_layer(&self, _gate: &GateName) -> Option<Box<dyn DependencyLayer>> {
        None
    }

    /// Every text that was parsed is kept, for the places of its tokens. None lives beyond a call.
    fn release(&self) {
        proc_macro2::extra::invalidate_current_thread_spans();
    }

    fn host_tools(&self) -> &'static dyn HostProbe {
        &host_tools::RustupProbe
    }
}

/// Mutations of the candidate's source.
struct RustMutator;

impl Mutator for RustMutator {
    fn mutants(&self, tree: &Tree, extent: &Extent) -> Result<Mutants, String> {
        mutation::of(tree, extent)
    }
}
