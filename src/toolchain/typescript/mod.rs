//! TypeScript and JavaScript: packages for Node, checked by tsc, Biome and a parser; contracts,
//! console examples, and tests that run apart from the candidate.

mod audit;
mod commands;
mod contract;
mod effects;
mod findings;
mod host_tools;
mod layout;
mod links;
mod membrane;
mod outline;
mod package;
mod packages;
mod program;
mod prompt;
mod tools_layer;
mod type_errors;
mod words;

use super::coverage::at;
use super::{
    BuildContext, BuildKind, Built, ContractLanguage, DependencyLayer, EffectRules, GateDefinition,
    GateKind, HostProbe, Layout, LinkLanguage, LinkedTree, NativeSuites, OptionSchema, Places,
    ProgramLanguage, Suite, ToolCommand, ToolOutput, Toolchain,
};
use super::{effect_option, kind_option, package_option};
use crate::types::{Encoder, Finding, GateName, Link, Problem, RelPath, Spec, Target, Tree};

pub use host_tools::NodeProbe;
pub use membrane::names as test_names;
pub use words::evaluated;

use contract::ScriptContract;
use effects::ScriptEffects;
use links::ScriptLinks;
use membrane::ScriptSuites;
use package::Dialect;
use program::ScriptProgram;

/// The texts in code.
///
/// # Errors
/// A line can be read in two ways.
pub fn texts(code: &str) -> Result<Vec<String>, String> {
    let texts = words::tokens(code)?.into_iter().filter_map(|(token, _)| match token {
        words::ScriptToken::Text(text) => text,
        words::ScriptToken::Word(_) | words::ScriptToken::Sign(_) => None,
    });
    Ok(texts.collect())
}

/// One of the languages.
pub struct ScriptLanguage {
    dialect: Dialect,
    contract: &'static ScriptContract,
    effects: &'static ScriptEffects,
    program: &'static ScriptProgram,
    suites: &'static ScriptSuites,
    links: &'static ScriptLinks,
}

/// TypeScript.
pub static TYPESCRIPT: ScriptLanguage = ScriptLanguage {
    dialect: Dialect::TypeScript,
    contract: &ScriptContract(Dialect::TypeScript),
    effects: &ScriptEffects(Dialect::TypeScript),
    program: &ScriptProgram(Dialect::TypeScript),
    suites: &ScriptSuites(Dialect::TypeScript),
    links: &ScriptLinks(Dialect::TypeScript),
};
/// JavaScript.
pub static JAVASCRIPT: ScriptLanguage = ScriptLanguage {
    dialect: Dialect::JavaScript,
    contract: &ScriptContract(Dialect::JavaScript),
    effects: &ScriptEffects(Dialect::JavaScript),
    program: &ScriptProgram(Dialect::JavaScript),
    suites: &ScriptSuites(Dialect::JavaScript),
    links: &ScriptLinks(Dialect::JavaScript),
};

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

impl Toolchain for ScriptLanguage {
    fn id(&self) -> &'static str {
        self.dialect.choose("typescript", "javascript")
    }
    fn language(&self) -> &'static str {
        self.dialect.choose("TypeScript", "JavaScript")
    }
    fn rules_version(&self) -> &'static str {
        "typescript 7, rules 1"
    }
    fn options(&self) -> Vec<OptionSchema> {
        effect_option::schemas()
            .into_iter()
            .chain([package_option::schema("npm"), kind_option::schema()])
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
        format!("a test with the title `{test_id}`, or with `test_id: {test_id}` in its title")
    }
    fn root(&self, _spec: &Spec, target: &Target) -> RelPath {
        let is_program = kind_option::is_program(target);
        package::plain(if is_program { self.dialect.main() } else { self.dialect.root() })
    }
    fn layout(&self, _target: &Target) -> Layout {
        Layout {
            manifest: package::MANIFEST,
            allowed: vec![package::MANIFEST.to_owned(), format!("src/**/*{}", self.dialect.end())],
            denied: &["node_modules/", "tsconfig.json", "biome.json"],
            artefacts: &["node_modules"],
            unwritten: words::unwritten,
            comments: &["//", "/*", "*"],
            tests: "tests/",
            suite_extension: self.dialect.end(),
            people_tests: self
                .dialect
                .choose(&["tests/**/*.ts", "**/*.test.ts"], &["tests/**/*.js", "**/*.test.js"]),
        }
    }
    fn prompt_rules(&self, spec: &Spec, target: &Target) -> Vec<String> {
        prompt::rules(spec, target, self.dialect)
    }
    fn normalise(
        &self,
        tree: &Tree,
        spec: &Spec,
        target: &Target,
        links: &[Link],
    ) -> Result<Tree, Vec<Finding>> {
        layout::normalise(tree, spec, target, links, self.dialect)
    }
    /// Comments that switch tools off are found with the effects, by a parser.
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
            path => path.ends_with(self.dialect.end()).then(|| words::with_lines(text)),
        }
    }
    fn check_spec(&self, spec: &Spec, _target: &Target, suites: &[Suite]) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            suites.iter().filter_map(|one| membrane::unread(self.dialect, one)).collect();
        for clause in &spec.clauses {
            for name in clause.test_ids().filter(|name| !package::is_name(name)) {
                let message = format!("`{name}` cannot be the name of a test");
                problems.push(at(clause, Problem::error("spec::test_name", message)));
            }
            for example in clause.examples.iter() {
                if let Err((message, line)) = membrane::check_example(self.dialect, example) {
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
        let is_code =
            path.as_str().ends_with(self.dialect.end()) && path.as_str() != self.dialect.types();
        is_code.then(|| commands::format(path, places))
    }
    fn compile(&self, gate: &GateName, _tree: &Tree, places: &Places) -> Vec<ToolCommand> {
        commands::compile(gate, places).into_iter().collect()
    }
    fn more_builds(&self, _spec: &Spec, _tree: &Tree) -> Vec<BuildKind> {
        Vec::new()
    }
    fn read_build(&self, gate: &GateName, output: &ToolOutput, _: &BuildContext<'_>) -> Built {
        let read = findings::read(gate, output);
        let unread = read.as_ref().err().cloned();
        let (findings, crashed) = (read.unwrap_or_default(), findings::is_crash(output));
        Built { findings, crashed, unread, ..Built::default() }
    }
    fn effect_rules(&self) -> Option<&'static dyn EffectRules> {
        Some(self.effects)
    }
    fn native(&self) -> Option<&'static dyn NativeSuites> {
        Some(self.suites)
    }

    fn contract(&self) -> Option<&'static dyn ContractLanguage> {
        Some(self.contract)
    }
    fn program(&self, target: &Target) -> Option<&dyn ProgramLanguage> {
        kind_option::is_program(target).then_some(self.program)
    }
    fn dependencies(
        &self,
        _tree: &Tree,
        _linked: &[LinkedTree],
    ) -> Option<Box<dyn DependencyLayer>> {
        None
    }
    fn links(&self) -> Option<&'static dyn LinkLanguage> {
        Some(self.links)
    }
    fn packages(&self, target: &Target) -> Option<Box<dyn DependencyLayer>> {
        let allowed = package_option::packages(target);
        let layer = || Box::new(packages::AllowedLayer::of(&allowed)) as Box<dyn DependencyLayer>;
        (!allowed.is_empty()).then(layer)
    }
    /// Every gate that starts a program needs the parser.
    fn tools_layer(&self, _gate: &GateName) -> Option<Box<dyn DependencyLayer>> {
        Some(Box::new(tools_layer::TOOLS))
    }
    fn release(&self) {}
    fn host_tools(&self) -> &'static dyn HostProbe {
        &NodeProbe { needs_npm: true }
    }
}
