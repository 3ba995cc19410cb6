//! Texts about code: a reference, a tutorial, copy. The candidate is Markdown, made from the same
//! spec as the code of another target and judged with that code.

mod code;
mod host_tools;
pub mod linter;
mod needs;
pub mod page;
pub mod rules;
mod shape;
mod style;

use super::{
    BuildKind, ContractLanguage, EffectRules, GateDefinition, GateKind, HostProbe, Layout,
    LinkLanguage, NativeSuites, OptionSchema, Places, Suite, TextForm, Toolchain,
};
use crate::types::{Encoder, Finding, GateName, Link, Problem, RelPath, Spec, Target, Tree};

pub use code::OF;
use linter::VALE;
use needs::NEEDS;
pub use needs::names as needed_names;
pub use page::cited;
pub use shape::TextShape;
use style::STYLE;
pub use style::path as style;

/// A form of text.
pub struct TextLanguage(TextForm);

/// The reference of an interface.
pub static DOCS: TextLanguage = TextLanguage(TextForm::Docs);
/// A guide whose steps are run in order.
pub static TUTORIAL: TextLanguage = TextLanguage(TextForm::Tutorial);
/// A text whose claims rest on clauses.
pub static COPY: TextLanguage = TextLanguage(TextForm::Copy);
/// A test suite for the code.
pub static TESTS: TextLanguage = TextLanguage(TextForm::Tests);

static GATES: [GateDefinition; 3] = [
    gate("layout", GateKind::Source, true),
    gate("text", GateKind::Text, true),
    // Where the workspace has its configuration.
    gate(VALE, GateKind::Style, false),
];

const fn gate(name: &'static str, kind: GateKind, default: bool) -> GateDefinition {
    GateDefinition { name, kind, default }
}

impl TextLanguage {
    fn file(&self, spec: &Spec, target: &Target) -> String {
        match self.0 {
            TextForm::Docs => "reference.md".to_owned(),
            TextForm::Tutorial => "tutorial.md".to_owned(),
            TextForm::Copy => "copy.md".to_owned(),
            TextForm::Tests => {
                let name = target.suite_name.as_deref().unwrap_or("{}");
                name.replace("{}", &spec.id.word())
            }
        }
    }
}

impl Toolchain for TextLanguage {
    fn id(&self) -> &'static str {
        match self.0 {
            TextForm::Docs => "docs",
            TextForm::Tutorial => "tutorial",
            TextForm::Copy => "copy",
            TextForm::Tests => "tests",
        }
    }
    fn language(&self) -> &'static str {
        match self.0 {
            TextForm::Docs => "an API reference in Markdown",
            TextForm::Tutorial => "a tutorial in Markdown",
            TextForm::Copy => "a text for readers who decide, in Markdown",
            TextForm::Tests => "a test suite",
        }
    }
    fn rules_version(&self) -> &'static str {
        "prose 1"
    }
    fn text(&self) -> Option<TextForm> {
        Some(self.0)
    }
    fn gate_options(&self, target: &Target) -> Option<String> {
        linter::rejects(target).then(|| "the linter rejects".to_owned())
    }
    fn options(&self) -> Vec<OptionSchema> {
        let mut all = vec![code::schema(), style::schema()];
        if self.0 != TextForm::Tests {
            all.extend(shape::schemas());
            all.push(needs::schema());
        }
        all
    }
    fn check_option(&self, name: &str, value: &toml::Value) -> Result<(), (String, String)> {
        match shape::check(name, value) {
            Some(checked) => checked,
            None if name == STYLE => style::check(value),
            None if name == NEEDS => needs::check(value),
            None => code::check(value),
        }
    }
    fn encode_options(&self, target: &Target, out: &mut Encoder) {
        code::encode(target, out);
        out.option(target.style_guide.as_ref(), |out, guide| out.text(guide));
        TextShape::of(target).encode(out);
        needs::encode(target, out);
    }
    fn root(&self, spec: &Spec, target: &Target) -> RelPath {
        RelPath::parse(&self.file(spec, target)).expect("a plain name is a path")
    }
    fn layout(&self, target: &Target) -> Layout {
        let suites = target.suite_name.as_ref().map(|name| name.replace("{}", "*"));
        Layout {
            manifest: "",
            allowed: vec![suites.unwrap_or_else(|| "*.md".to_owned())],
            denied: &[],
            artefacts: &[],
            unwritten: |_, _| None,
            comments: &[],
            tests: "",
            suite_extension: ".md",
            people_tests: &[],
        }
    }
    fn prompt_rules(&self, spec: &Spec, target: &Target) -> Vec<String> {
        let mut rules = code::prompt_rules(self.0, &self.file(spec, target), spec);
        rules.extend(TextShape::of(target).prompt_rules());
        let guide = target.style_guide.iter();
        rules.extend(guide.map(|guide| format!("the style guide:\n\n{}", guide.trim_end())));
        rules
    }
    fn normalise(
        &self,
        tree: &Tree,
        _spec: &Spec,
        _target: &Target,
        _links: &[Link],
    ) -> Result<Tree, Vec<Finding>> {
        Ok(tree.clone())
    }
    fn tamper_lints(&self, _: &GateName, _: &Tree, _: &Target) -> Vec<Finding> {
        Vec::new()
    }
    fn check_spec(&self, _: &Spec, _: &Target, _: &[Suite]) -> Vec<Problem> {
        Vec::new()
    }
    fn gates(&self) -> &'static [GateDefinition] {
        if self.0 == TextForm::Tests { &GATES[..2] } else { &GATES }
    }
    fn environment(&self, _places: &Places) -> Vec<(String, String)> {
        Vec::new()
    }
    fn more_builds(&self, _spec: &Spec, _tree: &Tree) -> Vec<BuildKind> {
        Vec::new()
    }
    fn effect_rules(&self) -> Option<&dyn EffectRules> {
        None
    }
    fn native(&self) -> Option<&'static dyn NativeSuites> {
        None
    }
    fn contract(&self) -> Option<&dyn ContractLanguage> {
        None
    }
    fn links(&self) -> Option<&'static dyn LinkLanguage> {
        None
    }
    fn host_tools(&self) -> &dyn HostProbe {
        &host_tools::NoTools
    }
}
