//! Toolchains that a file declares: `toolchains/NAME.toml` in a workspace, or one that ships with
//! regen. Nothing here knows a language.

mod contract;
mod from_file;
mod effects;
mod file;
mod findings;
mod kept;
mod layer;
mod layout;
mod probe;
mod read;
mod render;

use std::collections::BTreeMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use self::layer::BuiltLayer;
use super::effect_option;
use super::{
    BuildContext, BuildKind, Built, ContractLanguage, DependencyLayer, EffectRules, GateDefinition,
    HostProbe, Layout, LinkLanguage, LinkedTree, NativeSuites, OptionSchema, Places, Suite,
    ToolCommand, ToolOutput, Toolchain,
};
use crate::types::{
    Declaration, Digest, Encoder, Finding, GateName, Link, Problem, RelPath, Spec, Target, Tree,
};

pub use self::file::{ToolchainFile, TreeFile};
pub use self::from_file::Declared;

/// The toolchains that ship with regen.
static SHIPPED: [(&str, &str); 4] = [
    ("c", include_str!("c.toml")),
    ("go", include_str!("go.toml")),
    ("java", include_str!("java.toml")),
    ("swift", include_str!("swift.toml")),
];

/// The ones that were used, by digest. They are kept: each different text costs memory once.
static KNOWN: LazyLock<RwLock<BTreeMap<Digest, &'static Declared>>> =
    LazyLock::new(RwLock::default);

/// The names of the toolchains that ship with regen.
pub fn shipped_names() -> impl Iterator<Item = &'static str> + Clone {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The toolchain that ships under a name.
pub fn shipped(name: &str) -> Option<Declaration> {
    let (name, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    Some(Declaration::new(name, (*text).to_owned()))
}

/// The toolchain of a declaration; `None` if it is wrong.
pub fn find(declaration: &Declaration) -> Option<&'static Declared> {
    let digest = declaration.digest();
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&digest) {
        return Some(known);
    }
    let made = read::declared(declaration).ok()?;
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    Some(known.entry(digest).or_insert_with(|| Box::leak(Box::new(made))))
}

/// The problems of a declaration, each with its line. One that was used before has none.
pub fn check(declaration: &Declaration) -> Vec<Problem> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if known.contains_key(&declaration.digest()) {
        return Vec::new();
    }
    read::problems(declaration)
}

impl Toolchain for Declared {
    fn id(&self) -> &'static str {
        self.name
    }
    fn language(&self) -> &'static str {
        self.language
    }
    fn rules_version(&self) -> &'static str {
        self.rules
    }
    fn options(&self) -> Vec<OptionSchema> {
        effect_option::schemas()
    }
    fn check_option(&self, _name: &str, value: &toml::Value) -> Result<(), (String, String)> {
        effect_option::check(value)
    }
    fn encode_options(&self, target: &Target, out: &mut Encoder) {
        effect_option::encode(target, out);
    }
    fn root(&self, spec: &Spec, _target: &Target) -> RelPath {
        layout::root(self, spec)
    }
    fn layout(&self, _target: &Target) -> Layout {
        self.layout.clone()
    }
    fn prompt_rules(&self, spec: &Spec, target: &Target) -> Vec<String> {
        let rules = self.file.prompt.iter();
        let rules = rules.map(|text| self.rendered(text, spec).unwrap_or_default());
        rules.chain([self.effects.constraint(spec, target)]).collect()
    }
    fn normalise(
        &self,
        tree: &Tree,
        spec: &Spec,
        _target: &Target,
        _links: &[Link],
    ) -> Result<Tree, Vec<Finding>> {
        layout::normalise(self, tree, spec)
    }
    fn tamper_lints(&self, _gate: &GateName, _tree: &Tree, _target: &Target) -> Vec<Finding> {
        Vec::new()
    }
    fn identifiers(
        &self,
        path: &RelPath,
        text: &str,
    ) -> Option<Result<Vec<(String, u32)>, String>> {
        let path = path.as_str();
        if self.file.owned.contains_key(path) {
            return Some(Ok(Vec::new()));
        }
        self.is_source(path).then(|| Ok(layout::words(text)))
    }
    fn check_spec(&self, spec: &Spec, _target: &Target, _suites: &[Suite]) -> Vec<Problem> {
        layout::check_spec(self, spec)
    }
    fn gates(&self) -> &'static [GateDefinition] {
        self.gates
    }
    fn workspace_files(&self, id: &str, _: &str, _: &Places) -> Vec<(String, Vec<u8>)> {
        let context = render::plain(&render::context(&self.engine, &self.file, id, None));
        let files = self.file.workspace.iter();
        let fill = |text: &str| render::render(&self.engine, text, &context).unwrap_or_default();
        files.map(|(path, text)| (path.clone(), fill(text).into_bytes())).collect()
    }
    fn environment(&self, places: &Places) -> Vec<(String, String)> {
        let context = render::with_places(serde_json::Map::new(), places);
        let fill = |text: &str| render::render(&self.engine, text, &context).unwrap_or_default();
        let own = self.file.environment.iter().map(|(name, text)| (name.clone(), fill(text)));
        let mut all: BTreeMap<String, String> = own.collect();
        let path = || "/usr/local/bin:/usr/bin:/bin".to_owned();
        all.entry("PATH".to_owned()).or_insert_with(path);
        all.into_iter().collect()
    }
    fn format(&self, path: &RelPath, places: &Places) -> Option<ToolCommand> {
        let words = self.file.format.as_ref().filter(|_| self.is_source(path.as_str()))?;
        Some(self.command(words, places))
    }
    fn compile(&self, gate: &GateName, _tree: &Tree, places: &Places) -> Vec<ToolCommand> {
        let gate = self.file.gate.iter().find(|one| *gate == *one.name.as_str());
        let command =
            |words: &Vec<String>| ToolCommand { builds: true, ..self.command(words, places) };
        gate.map(|one| command(&one.command)).into_iter().collect()
    }
    fn more_builds(&self, _spec: &Spec, _tree: &Tree) -> Vec<BuildKind> {
        let has_release = !self.file.driver.release.is_empty();
        has_release.then_some(BuildKind::Release).into_iter().collect()
    }
    fn read_build(
        &self,
        gate: &GateName,
        output: &ToolOutput,
        context: &BuildContext<'_>,
    ) -> Built {
        let root = context.places.source.display().to_string();
        let reader = self.readers.get(gate.as_str()).or_else(|| self.readers.get(""));
        let findings = reader.map_or_else(Vec::new, |reader| reader.read(gate, output, &root));
        Built { findings, ..Built::default() }
    }
    fn effect_rules(&self) -> Option<&dyn EffectRules> {
        let has_some = !self.effects.patterns.is_empty();
        has_some.then_some(&self.effects as &dyn EffectRules)
    }
    fn native(&self) -> Option<&'static dyn NativeSuites> {
        None
    }
    fn contract(&self) -> Option<&dyn ContractLanguage> {
        Some(self)
    }
    fn dependencies(
        &self,
        _tree: &Tree,
        _linked: &[LinkedTree],
    ) -> Option<Box<dyn DependencyLayer>> {
        None
    }
    fn links(&self) -> Option<&'static dyn LinkLanguage> {
        None
    }
    fn tools_layer(&self, _gate: &GateName) -> Option<Box<dyn DependencyLayer>> {
        self.file.layer.as_ref()?;
        // Toolchains are kept, and found again by their digest.
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        let toolchain = known.get(&self.digest).copied()?;
        Some(Box::new(BuiltLayer { key: self.digest.to_string(), toolchain }))
    }
    fn release(&self) {}
    fn host_tools(&self) -> &dyn HostProbe {
        &self.probe
    }
}
