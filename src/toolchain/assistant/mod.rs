//! Assistants: instructions for a model, whose behaviour is sampled. The tests are JavaScript; the
//! candidate is text and is never run.

mod check;
mod copied;
mod kit;
mod layout;
mod suites;

use serde_json::json;

use super::typescript::NodeProbe;
use super::{
    BuildKind, ContractLanguage, EffectRules, GateDefinition, GateKind, HostProbe, Layout,
    LinkLanguage, NativeSuites, OptionSchema, Places, Suite, Toolchain,
};
use crate::types::{
    Encoder, Finding, GateName, Link, ModelUnderTest, Problem, RelPath, Spec, Target, Tree,
};

pub use copied::copied;
pub use kit::{SampleOrder, SampleResult, StubAnswer, kit_files, read_sample};
pub use layout::{EXAMPLES, MOST_BYTES, SYSTEM, examples};
pub use suites::is_hidden;

/// The only one.
pub struct Assistant;

const GATES: [GateDefinition; 6] = [
    gate("layout", GateKind::Source),
    gate("lint", GateKind::Source),
    gate("behaviour", GateKind::Test),
    gate("hidden", GateKind::Hidden),
    gate("proof", GateKind::Proof),
    gate("clauses", GateKind::Coverage),
];

const fn gate(name: &'static str, kind: GateKind) -> GateDefinition {
    GateDefinition { name, kind, default: true }
}

impl Toolchain for Assistant {
    fn id(&self) -> &'static str {
        "assistant"
    }
    fn language(&self) -> &'static str {
        "assistant"
    }
    fn rules_version(&self) -> &'static str {
        "assistant 1"
    }
    fn options(&self) -> Vec<OptionSchema> {
        vec![check::schema()]
    }
    fn check_option(&self, _name: &str, value: &toml::Value) -> Result<(), (String, String)> {
        ModelUnderTest::read(value).map(drop)
    }
    /// The model under test changes no candidate: it is an input of the gates.
    fn encode_options(&self, _target: &Target, _out: &mut Encoder) {}
    fn gate_options(&self, target: &Target) -> Option<String> {
        let model = ModelUnderTest::of(target)?;
        let settings = &model.server.settings;
        let server = settings.server();
        let settings = json!({
            "server": server.base_url, "model": server.model, "temperature": server.temperature,
            "reasoning_effort": server.reasoning_effort, "output": server.max_output_tokens,
            "samples": model.samples, "rate": model.rate,
        });
        Some(settings.to_string())
    }
    fn keeps_paths(&self) -> bool {
        true
    }
    fn root(&self, _spec: &Spec, _target: &Target) -> RelPath {
        layout::root()
    }
    fn layout(&self, _target: &Target) -> Layout {
        layout::layout()
    }
    fn prompt_rules(&self, _spec: &Spec, target: &Target) -> Vec<String> {
        layout::prompt_rules(target)
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
    fn check_spec(&self, spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
        check::spec(spec, target, suites)
    }
    fn gates(&self) -> &'static [GateDefinition] {
        &GATES
    }
    fn environment(&self, places: &Places) -> Vec<(String, String)> {
        let path = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", places.tools.display());
        vec![("PATH".to_owned(), path)]
    }
    fn more_builds(&self, _spec: &Spec, _tree: &Tree) -> Vec<BuildKind> {
        Vec::new()
    }
    fn effect_rules(&self) -> Option<&dyn EffectRules> {
        None
    }
    fn native(&self) -> Option<&'static dyn NativeSuites> {
        Some(&suites::AssistantTests)
    }
    fn contract(&self) -> Option<&dyn ContractLanguage> {
        None
    }
    fn links(&self) -> Option<&'static dyn LinkLanguage> {
        None
    }
    fn host_tools(&self) -> &dyn HostProbe {
        &NodeProbe { needs_npm: false }
    }
}
