//! Languages: a trait that plans commands as data and parses their outputs. Nothing here runs
//! anything; `gate` does.
//!
//! A language is one folder and one line of [`ALL`]. No other module distinguishes languages.

pub mod about;
mod heads;
mod apart;
pub mod assistant;
mod commands;
pub mod conflicts;
mod contract;
mod contract_script;
mod coverage;
mod declared;
mod doc_examples;
mod effect_option;
mod effect_rules;
mod keys;
mod kind_option;
mod language;
mod links;
mod machine;
mod mutator;
mod native;
mod package_option;
pub mod page;
mod program;
mod program_examples;
pub mod prose;
mod python;
mod quotes;
mod renamed;
pub mod results;
mod rust;
pub mod shared;
mod shell;
mod suite;
mod text_form;
mod typescript;

use crate::contract::is_neutral;
use crate::types::{
    Declaration, Example, GateName, Harness, Link, ModelUnderTest, Problem, Spec, Target, ToolSet,
    ToolchainId, Tree,
};

pub use declared::{ToolchainFile, TreeFile, check as check_declaration, shipped};

pub use apart::{LIST, TESTS_SCRIPT, tests_script};
pub use commands::{
    BuildContext, BuildKind, Built, Places, Reported, Sees, TestBuild, TestCase, TestProgram,
    ToolCommand, ToolOutput,
};
pub use contract::{ContractLanguage, ContractWords};
pub use contract_script::{COMMAND as CONTRACT_COMMAND, COMPARE, files as contract_script};
pub use coverage::UNTESTED;
pub use doc_examples::DocTests;
pub use effect_rules::{EffectRules, EffectSubject, effects_sentence, missing_effect, told_once};
pub use language::{GateDefinition, GateKind, Layout, OptionSchema, Toolchain};
pub use links::{LinkLanguage, Linked, LinkedTree};
pub use machine::{DependencyLayer, HostProbe};
pub use mutator::{DEFAULTS, ENDS, Extent, Mutant, Mutants, Mutator, OFF, PANICS};
pub use native::{Membrane, NativeSuites, UNSEEN};
pub use page::is_page;
pub use program::ProgramLanguage;
pub use program_examples::{ProgramSteps, ProgramTest};
pub use quotes::QuotedTest;
pub use renamed::renamed;
use suite::key;
pub use suite::{
    ExampleSuites, Expansion, Expectation, Expected, Independent, SpecialCase, Suite, SuiteFile,
    Visibility, clause_of, is_test_of,
};
pub use text_form::TextForm;

/// The built-in languages. The first is the default.
static ALL: [&dyn Toolchain; 10] = [
    &rust::Rust,
    &python::Python,
    &typescript::TYPESCRIPT,
    &typescript::JAVASCRIPT,
    &assistant::Assistant,
    &prose::DOCS,
    &prose::TUTORIAL,
    &prose::COPY,
    &prose::TESTS,
    &page::Page,
];

/// The built-in languages.
pub fn all() -> &'static [&'static dyn Toolchain] {
    &ALL
}

/// Frees what parsers keep of the texts that this thread has read: a daemon would collect them.
pub fn release() {
    all().iter().for_each(|language| language.release());
}

/// The language with an id.
pub fn find(id: &ToolchainId) -> Option<&'static dyn Toolchain> {
    ALL.into_iter().find(|toolchain| toolchain.id() == id.as_str())
}

/// The languages that run tests of their own.
pub fn natives() -> impl Iterator<Item = &'static dyn NativeSuites> {
    ALL.into_iter().filter_map(|language| language.native())
}

/// The names of all toolchains that need no file in the workspace.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    ALL.into_iter().map(|language| language.id()).chain(declared::shipped_names())
}

/// The languages of generated targets, each once.
pub fn used<'a>(targets: impl Iterator<Item = &'a Target>) -> Vec<&'static dyn Toolchain> {
    let mut all: Vec<&'static dyn Toolchain> = Vec::new();
    for language in targets.filter(|target| target.is_generated()).map(of) {
        if all.iter().all(|known| known.id() != language.id()) {
            all.push(language);
        }
    }
    all
}

/// The toolchain that a file declares; `None` if the file is wrong.
pub fn declared(declaration: &Declaration) -> Option<&'static declared::Declared> {
    declared::find(declaration)
}

/// The language of a target.
pub fn of(target: &Target) -> &'static dyn Toolchain {
    if let Some(declared) = target.declaration.as_ref().and_then(declared::find) {
        return declared;
    }
    // The configuration rejects unknown ids; hand-written code may omit its language.
    target.toolchain.as_ref().and_then(find).unwrap_or(ALL[0])
}

/// The default gates of a target.
pub fn default_gates(target: &Target) -> Vec<GateName> {
    let has_style = !target.style_rules.is_empty();
    let is_due =
        |gate: &&GateDefinition| gate.default || (gate.kind == GateKind::Style && has_style);
    let gates = of(target).gates().iter().filter(is_due);
    gates.map(|gate| gate.name.into()).collect()
}

/// The versions of the tools that judge a target.
pub fn tools_of(target: &Target, tools: &ToolSet) -> String {
    let own = tools.version(of(target).id());
    let linter = tools.get(prose::linter::VALE).filter(|_| !target.style_rules.is_empty());
    linter.map_or_else(|| own.to_owned(), |linter| format!("{own}, {}", linter.version))
}

/// The language's gate with a name.
pub fn gate(target: &Target, name: &str) -> Option<GateDefinition> {
    of(target).gates().iter().find(|gate| gate.name == name).copied()
}

/// Rules for the files of a candidate.
pub fn allowed_files(target: &Target) -> Vec<String> {
    target.allowed_files.clone().unwrap_or_else(|| of(target).layout(target).allowed)
}

/// Names of build leftovers, in all languages.
pub fn artefacts() -> Vec<&'static str> {
    let target = Target::default();
    let mut names: Vec<_> = ALL
        .into_iter()
        .flat_map(|toolchain| toolchain.layout(&target).artefacts)
        .copied()
        .collect();
    names.extend(["node_modules", ".venv"]);
    names
}

/// Names of the lockfiles that the languages' own tools write beside manifests of promoted trees.
pub fn lockfiles() -> Vec<&'static str> {
    ALL.into_iter().filter_map(|language| Some(language.links()?.lockfile())).collect()
}

/// Whether a target's gates can check a spec: valid examples, tests for required clauses, at least
/// one test.
pub fn check(spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
    coverage::check(of(target), spec, target, suites)
}

/// The console examples and requests of a spec that are judged from outside.
pub fn console_tests(spec: &Spec, target: &Target) -> Vec<ProgramTest> {
    let runs = spec.integration || of(target).is_outside(target);
    if runs { program_examples::tests(spec, target) } else { Vec::new() }
}

/// The model whose behaviour a target's gates test.
pub fn model_under_test(target: &Target) -> Option<ModelUnderTest> {
    let is_assistant = of(target).id() == assistant::Assistant.id();
    is_assistant.then(|| ModelUnderTest::of(target)).flatten()
}

/// Names of the variables with keys of models: of generators, and of models under test.
pub fn model_keys(harness: &Harness) -> Vec<String> {
    let tested = harness.target.values().filter_map(model_under_test);
    let tested = tested.filter_map(|one| Some(one.server.settings.api_key_env()?.to_owned()));
    harness.generator_keys().into_iter().chain(tested).collect()
}

/// Whether a target is a service.
pub fn is_service(target: &Target) -> bool {
    kind_option::is_service(target)
}

/// The expectations of an example, in any language.
pub fn expectations(spec: &Spec, example: &Example) -> Vec<Expectation> {
    if let Some(interface) = spec.contract.as_ref().filter(|_| is_neutral(&example.language)) {
        return contract::neutral_expectations(interface, example);
    }
    natives().flat_map(|native| native.expectations(example)).collect()
}

/// The visible tests of a spec whose inputs a candidate handles by themselves.
pub fn quotes(spec: &Spec, target: &Target, suites: &[Suite], tree: &Tree) -> Vec<QuotedTest> {
    quotes::find(
        of(target),
        &|one| expectations(spec, one),
        quotes::QuoteSources { spec, suites, tree },
    )
}

/// The tree that the harness writes for a spec without code, which uses promoted trees.
pub fn tree_without_code(spec: &Spec, target: &Target, links: &[Link]) -> Tree {
    let language = of(target);
    let comment = language.layout(target).comments.first().copied().unwrap_or_default();
    let text = format!("{comment} Written by regen: `{}` only checks its dependencies.\n", spec.id);
    let tree = Tree::from_iter([(language.root(spec, target), text.into_bytes())]);
    // The layout gate reports what is wrong.
    language.normalise(&tree, spec, target, links).unwrap_or(tree)
}

/// The generated suites of a spec's examples in the target's language.
pub fn example_suites(spec: &Spec, target: &Target) -> ExampleSuites {
    let make = |shown| of(target).native()?.examples(spec, target, shown);
    ExampleSuites { visible: make(Visibility::Visible), hidden: make(Visibility::Hidden) }
}
