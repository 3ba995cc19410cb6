//! Python: packages, checked by ruff, pyrefly and the interpreter's own parser; contracts, and tests
//! that run apart from the candidate.

mod audit;
mod commands;
mod contract;
mod effects;
mod findings;
mod host_tools;
mod imports;
mod layout;
mod links;
mod membrane;
mod outline;
mod package;
mod packages;
mod program;
mod prompt;
mod tools_layer;
mod words;

use super::coverage::at;
use super::{
    BuildContext, BuildKind, Built, ContractLanguage, DependencyLayer, EffectRules, GateDefinition,
    GateKind, HostProbe, Layout, LinkLanguage, LinkedTree, NativeSuites, OptionSchema, Places,
    ProgramLanguage, Suite, ToolCommand, ToolOutput, Toolchain,
};
use super::{effect_option, kind_option, package_option};
use crate::types::{Encoder, Finding, GateName, Link, Problem, RelPath, Spec, Target, Tree};

/// Python.
pub struct Python;

const GATES: [GateDefinition; 9] = [
    gate("layout", GateKind::Source, true),
    gate("fmt", GateKind::Format, false),
    gate("check", GateKind::Compile, true),
    gate("lint", GateKind::Compile, true),
    gate("types", GateKind::Compile, true),
    gate("test", GateKind::Test, true),
    gate("hidden", GateKind::Hidden, true),
    gate("proof", GateKind::Proof, true),
    gate("clauses", GateKind::Coverage, true),
];

const fn gate(name: &'static str, kind: GateKind, default: bool) -> GateDefinition {
    GateDefinition { name, kind, default }
}

impl Toolchain for Python {
    fn id(&self) -> &'static str {
        "python"
    }
    fn language(&self) -> &'static str {
        "Python"
    }
    fn rules_version(&self) -> &'static str {
        "python 3.10, rules 3"
    }
    fn options(&self) -> Vec<OptionSchema> {
        effect_option::schemas()
            .into_iter()
            .chain([package_option::schema("PyPI"), kind_option::schema()])
            .collect()
    }
    fn check_option(&self, name: &str, value: &toml::Value) -> Result<(), (String, String)> {
        match name {
            package_option::PACKAGES => {
                package_option::check(value, packages::wrong, packages::EXAMPLE)
            }
            kind_option::KIND => kind_option::check(value),
            _ => effect_option::check(value),
        }
    }
    fn encode_options(&self, target: &Target, out: &mut Encoder) {
        effect_option::encode(target, out);
        package_option::encode(target, out);
        kind_option::encode(target, out);
    }
    fn test_of(&self, test_id: &str) -> String {
        let start = if test_id.starts_with("test") { "" } else { "test_" };
        format!("a test named `{start}{test_id}`")
    }
    fn root(&self, spec: &Spec, target: &Target) -> RelPath {
        package::root(spec, kind_option::is_program(target))
    }
    fn layout(&self, _target: &Target) -> Layout {
        Layout {
            manifest: package::MANIFEST,
            allowed: [package::MANIFEST, "src/**/*.py", "src/*/py.typed"].map(str::to_owned).into(),
            denied: &["conftest.py", "sitecustomize.py", "usercustomize.py", "__pycache__/"],
            artefacts: &["__pycache__", ".ruff_cache", ".pyrefly_cache"],
            unwritten: words::unwritten,
            comments: &["#"],
            tests: "tests/",
            suite_extension: ".py",
            people_tests: &["tests/**/*.py", "**/test_*.py"],
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
        layout::normalise(tree, spec, target, links)
    }
    /// Comments that switch tools off are found with the effects, by the interpreter's own parser.
    fn tamper_lints(&self, _gate: &GateName, _tree: &Tree, _target: &Target) -> Vec<Finding> {
        Vec::new()
    }
    fn identifiers(
        &self,
        path: &RelPath,
        text: &str,
    ) -> Option<Result<Vec<(String, u32)>, String>> {
        match path.as_str() {
            // The harness writes it.
            package::MANIFEST => Some(Ok(Vec::new())),
            path => path.ends_with(".py").then(|| Ok(words::with_lines(text))),
        }
    }
    fn check_spec(&self, spec: &Spec, _target: &Target, _suites: &[Suite]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let name = package::package(spec);
        if !package::is_name(&name) || package::is_standard(&name) {
            let message = format!("the id `{}` cannot be the name of a package", spec.id);
            problems.push(Problem::error("spec::package_name", message).help("use another `id`"));
        }
        for clause in &spec.clauses {
            for name in clause.test_ids().filter(|name| !package::is_name(name)) {
                let message = format!("`{name}` cannot be the name of a Python test");
                problems.push(at(clause, Problem::error("spec::test_name", message)));
            }
            for example in clause.examples.iter() {
                if let Err((message, line)) = membrane::check_example(example) {
                    let mut problem = Problem::error("spec::example", message);
                    problem.line = example.line + line;
                    let help = "an example is the body of a test; see docs/formats/spec.md";
                    problems.push(problem.help(help));
                }
            }
        }
        problems
    }
    fn gates(&self) -> &'static [GateDefinition] {
        &GATES
    }
    fn workspace_files(&self, _: &str, _: &str, places: &Places) -> Vec<(String, Vec<u8>)> {
        commands::workspace_files(places)
    }
    fn environment(&self, places: &Places) -> Vec<(String, String)> {
        commands::environment(places)
    }
    fn format(&self, path: &RelPath, places: &Places) -> Option<ToolCommand> {
        let text = path.as_str();
        let is_code = text.ends_with(".py") && !package::is_types(text);
        is_code.then(|| commands::format(path, places))
    }
    fn compile(&self, gate: &GateName, _tree: &Tree, places: &Places) -> Vec<ToolCommand> {
        commands::compile(gate, places).into_iter().collect()
    }
    fn more_builds(&self, _spec: &Spec, _tree: &Tree) -> Vec<BuildKind> {
        Vec::new()
    }
    fn read_build(
        &self,
        gate: &GateName,
        output: &ToolOutput,
        context: &BuildContext<'_>,
    ) -> Built {
        let root = context.places.source.display().to_string();
        let read = findings::read(gate, output, &root);
        let unread = read.as_ref().err().cloned();
        let (findings, crashed) = (read.unwrap_or_default(), findings::is_crash(output));
        Built { findings, crashed, unread, ..Built::default() }
    }
    fn effect_rules(&self) -> Option<&'static dyn EffectRules> {
        Some(&effects::PythonEffects)
    }
    fn native(&self) -> Option<&'static dyn NativeSuites> {
        Some(&membrane::PythonSuites)
    }
    fn contract(&self) -> Option<&'static dyn ContractLanguage> {
        Some(&contract::PythonContract)
    }
    fn program(&self, target: &Target) -> Option<&dyn ProgramLanguage> {
        kind_option::is_program(target).then_some(&program::PythonProgram)
    }
    fn dependencies(
        &self,
        _tree: &Tree,
        _linked: &[LinkedTree],
    ) -> Option<Box<dyn DependencyLayer>> {
        None
    }
    fn links(&self) -> Option<&'static dyn LinkLanguage> {
        Some(&links::PythonLinks)
    }
    fn packages(&self, target: &Target) -> Option<Box<dyn DependencyLayer>> {
        let allowed = package_option::packages(target);
        let layer = || Box::new(packages::PackageLayer::of(&allowed)) as Box<dyn DependencyLayer>;
        (!allowed.is_empty()).then(layer)
    }
    fn tools_layer(&self, gate: &GateName) -> Option<Box<dyn DependencyLayer>> {
        let uses_them = ["fmt", "lint", "types"].contains(&gate.as_str());
        uses_them.then(|| Box::new(tools_layer::CHECKERS) as Box<dyn DependencyLayer>)
    }
    fn release(&self) {}
    fn host_tools(&self) -> &'static dyn HostProbe {
        &host_tools::PythonProbe
    }
}
