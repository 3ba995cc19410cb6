//! Pages in HTML and CSS. A browser in the sandbox renders a candidate, the harness's script
//! measures it, and regen compares the numbers with the assertions of the spec.

mod assertion;
mod css;
mod flaw;
mod host_tools;
mod html;
mod judge;
mod layout;
mod measure;
mod value;

use super::{
    BuildKind, ContractLanguage, EffectRules, GateDefinition, GateKind, HostProbe, Layout,
    LinkLanguage, NativeSuites, OptionSchema, Places, Suite, Toolchain,
};
use crate::types::{Encoder, Finding, GateName, Link, Problem, RelPath, Spec, Target, Tree};

pub use assertion::{LANGUAGE, PageAssertion, is_page, read};
pub use html::{HtmlTag, read as tags};
pub use judge::{PageFault, PageJudge, SELECTOR};
pub use measure::{PAGE, PageNumbers, PageQuestion, PageViews, command};

/// A page.
pub struct Page;

const GATES: [GateDefinition; 5] = [
    gate("layout", GateKind::Source),
    gate("render", GateKind::Test),
    gate("hidden", GateKind::Hidden),
    gate("proof", GateKind::Proof),
    gate("clauses", GateKind::Coverage),
];

const fn gate(name: &'static str, kind: GateKind) -> GateDefinition {
    GateDefinition { name, kind, default: true }
}

impl Toolchain for Page {
    fn id(&self) -> &'static str {
        LANGUAGE
    }
    fn language(&self) -> &'static str {
        "a page in HTML and CSS"
    }
    fn rules_version(&self) -> &'static str {
        "page 2"
    }
    fn options(&self) -> Vec<OptionSchema> {
        Vec::new()
    }
    fn check_option(&self, _name: &str, _value: &toml::Value) -> Result<(), (String, String)> {
        Ok(())
    }
    fn encode_options(&self, _target: &Target, _out: &mut Encoder) {}
    fn root(&self, _spec: &Spec, _target: &Target) -> RelPath {
        RelPath::parse(PAGE).expect("a plain name is a path")
    }
    fn layout(&self, _target: &Target) -> Layout {
        layout::layout()
    }
    fn prompt_rules(&self, _spec: &Spec, _target: &Target) -> Vec<String> {
        layout::prompt_rules()
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
    fn tamper_lints(&self, gate: &GateName, tree: &Tree, _target: &Target) -> Vec<Finding> {
        layout::lints(gate, tree)
    }
    fn check_spec(&self, spec: &Spec, _: &Target, _: &[Suite]) -> Vec<Problem> {
        layout::check(spec)
    }
    fn gates(&self) -> &'static [GateDefinition] {
        &GATES
    }
    fn environment(&self, _places: &Places) -> Vec<(String, String)> {
        vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]
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
    fn is_outside(&self, _target: &Target) -> bool {
        true
    }
    fn host_tools(&self) -> &dyn HostProbe {
        &host_tools::BrowserProbe
    }
}
