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
mod links;
mod lock;
mod manifest;
mod modules;
mod mutation;
mod native;
mod nonce;
mod options;
mod outline;
mod package;
mod places;
mod program;
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
mod used_crates;
mod watched;

use options::{CrateType, RustOptions};
use package::root;

use super::{
    BuildContext, BuildKind, Built, ContractLanguage, DependencyLayer, EffectRules, GateDefinition,
    GateKind, HostProbe, Layout, LinkLanguage, LinkedTree, NativeSuites, OptionSchema, Places,
    ProgramLanguage, Suite, ToolCommand, ToolOutput, Toolchain, kind_option,
};
use crate::types::{Encoder, Finding, GateName, Link, Problem, RelPath, Spec, Target, Tree};

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
        let own = RustOptions::schemas();
        own.into_iter().chain([kind_option::schema()]).collect()
    }
    fn check_option(&self, name: &str, value: &toml::Value) -> Result<(), (String, String)> {
        if name == kind_option::KIND {
            return kind_option::check(value);
        }
        RustOptions::check(name, value)
    }
    fn encode_options(&self, target: &Target, out: &mut Encoder) {
        RustOptions::of(target).encode(out);
        kind_option::encode(target, out);
    }
    fn test_of(&self, test_id: &str) -> String {
        format!("a test named `{test_id}` that is not behind a condition (`#[cfg]`)")
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
    fn normalise(
        &self,
        tree: &Tree,
        spec: &Spec,
        target: &Target,
        links: &[Link],
    ) -> Result<Tree, Vec<Finding>> {
        manifest::normalise(tree, spec, target, links)
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
    fn check_spec(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
        check::check(spec, target, suites)
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
    fn effect_rules(&self) -> Option<&'static dyn EffectRules> {
        Some(&effects::RustEffects)
    }
    fn native(&self) -> Option<&'static dyn NativeSuites> {
        Some(&native::RustSuites)
    }

    fn contract(&self) -> Option<&'static dyn ContractLanguage> {
        Some(&contract::RustContract)
    }
    fn dependencies(&self, tree: &Tree, linked: &[LinkedTree]) -> Option<Box<dyn DependencyLayer>> {
        let manifest = tree.text("Cargo.toml").unwrap_or_default();
        Some(Box::new(dependencies::CargoLayer::of(manifest, linked)))
    }
    fn links(&self) -> Option<&'static dyn LinkLanguage> {
        Some(&links::RustLinks)
    }
    fn program(&self, target: &Target) -> Option<&dyn ProgramLanguage> {
        let is_program = RustOptions::of(target).crate_type == CrateType::Bin;
        is_program.then_some(&program::RustProgram)
    }
    fn is_outside(&self, target: &Target) -> bool {
        kind_option::is_service(target)
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
