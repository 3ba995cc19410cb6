//! The content of `harness.toml`: keys, units and defaults.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::generator::{CassetteMode, GeneratorConfig, GeneratorSettings, ReplyForm};
use super::schedule::{Hook, Schedule, Telemetry};
use super::{Declaration, Isolation, LimitsConfig, LintConfig, WorkersConfig};
use crate::types::{GateName, RelPath, SpecId, TargetName};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Harness {
    /// Paths and default targets.
    #[serde(default)]
    pub harness: PathsConfig,
    /// The model to use; required for generated targets.
    #[serde(default)]
    pub generator: Option<GeneratorConfig>,
    /// What the model is shown.
    #[serde(default)]
    pub prompt: PromptConfig,
    /// Limits on spending.
    #[serde(default)]
    pub budget: Budget,
    /// Isolation of candidates.
    #[serde(default)]
    pub sandbox: SandboxConfig,
    /// Signing of attestations.
    #[serde(default)]
    pub attestation: Attestation,
    /// How long data of attempts is kept.
    #[serde(default)]
    pub retention: Retention,
    /// Rules of `regen lint`.
    #[serde(default)]
    pub lint: LintConfig,
    /// Required test coverage of specs.
    #[serde(default)]
    pub trace: TraceConfig,
    /// Concurrency, priorities and quiet hours.
    #[serde(default)]
    pub schedule: Schedule,
    /// Gates on other machines.
    #[serde(default)]
    pub workers: Option<WorkersConfig>,
    /// Where traces go.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// Programs that `regen watch` runs on events.
    #[serde(default)]
    pub hook: Vec<Hook>,
    /// Targets, by name.
    #[serde(default)]
    pub target: BTreeMap<TargetName, Target>,
    /// Custom gates, and settings of built-in ones, by gate name.
    #[serde(default)]
    pub gate: BTreeMap<GateName, GateConfig>,
}

impl Harness {
    /// The model's name as configured; empty if nothing is generated.
    pub fn model(&self) -> &str {
        self.generator.as_ref().map_or("", |generator| generator.settings.model())
    }

    /// The number of generators that a job can try.
    pub fn tiers(&self) -> usize {
        self.generator.as_ref().map_or(1, |generator| 1 + generator.tiers.len())
    }

    /// Whether the prices of everything that can be asked are known.
    pub fn has_prices(&self) -> bool {
        self.generator.as_ref().is_none_or(GeneratorConfig::has_prices)
    }

    /// Names of the environment variables with the generators' keys.
    pub fn generator_keys(&self) -> Vec<String> {
        let Some(generator) = &self.generator else { return Vec::new() };
        let tiers = (0..self.tiers()).map(|tier| generator.tier(tier));
        tiers.filter_map(|tier| tier.settings.api_key_env().map(str::to_owned)).collect()
    }
}

/// Paths, relative to `harness.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PathsConfig {
    /// Folder of the Markdown specs.
    pub specs: String,
    /// Folder of the user's suites and validators.
    pub validators: String,
    /// Folder of recorded model exchanges.
    pub cassettes: String,
    /// Folder of prompt templates that override the built-in ones: `system.md`, `task.md`.
    pub templates: Option<String>,
    /// Targets of specs without `targets`.
    pub default_targets: Vec<TargetName>,
}

impl Default for PathsConfig {
    fn default() -> Self {
        Self {
            specs: "specs".to_owned(),
            validators: "validators".to_owned(),
            cassettes: "cassettes".to_owned(),
            templates: None,
            default_targets: Vec::new(),
        }
    }
}

/// What the model is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PromptConfig {
    /// Whether a third of the contract examples of a clause is held out, if the clause has three or
    /// more and none that is hidden, and no property.
    pub hold_out: HoldOutMode,
}

/// Whether examples are held out automatically.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HoldOutMode {
    /// They are.
    #[default]
    Auto,
    /// Only examples with the flag `hidden` are.
    Off,
}

/// Limits on spending, reserved before a call and settled after it. Absent: no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Tokens, input and output, of one call.
    pub call_tokens: Option<u64>,
    /// Tokens of one run.
    pub run_tokens: Option<u64>,
    /// Tokens of one UTC day.
    pub day_tokens: Option<u64>,
    /// US dollars of one call.
    pub call_usd: Option<f64>,
    /// US dollars of one run.
    pub run_usd: Option<f64>,
    /// US dollars of one UTC day.
    pub day_usd: Option<f64>,
    /// Tokens of one spec in one UTC day.
    pub spec_tokens: Option<u64>,
    /// US dollars of one spec in one UTC day.
    pub spec_usd: Option<f64>,
}

/// Isolation of candidates and gates from the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// The lowest isolation level allowed: 3 namespaces and a control group, 2 namespaces, 1
    /// Landlock and seccomp, 0 none. Below 2, the environment variable `REGEN_MIN_LEVEL` must allow
    /// it too.
    pub min_level: Isolation,
    /// Additional files and folders that gates can read, absolute or relative to `harness.toml`: an
    /// interpreter, a data set.
    pub read_only: Vec<String>,
    /// Memory for all concurrent gates together, in MiB; absent: three quarters of the machine's. A
    /// gate waits until its own limit is free.
    pub memory_mb: Option<u64>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { min_level: Isolation::NAMESPACES, read_only: Vec::new(), memory_mb: None }
    }
}

/// The id of a language in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ToolchainId(String);

impl ToolchainId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ToolchainId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

/// The only value of a target's `generator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoGenerator {
    /// Hand-written.
    None,
}

/// `[attestation]`: the signing key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attestation {
    /// The NAME of the environment variable with the private Ed25519 key (PEM or OpenSSH, without
    /// passphrase), or with the path of its file. Absent: attestations are not signed.
    pub key_env: Option<String>,
}

/// `[retention]`: what `regen gc` keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days that failed attempts are kept. Promoted ones are always kept.
    pub days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 30 }
    }
}

/// `[trace]`: the minimum percentage of required clauses with tests, by level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TraceConfig {
    /// Of MUST clauses, 0 to 100.
    pub must: Option<u8>,
    /// Of SHOULD clauses.
    pub should: Option<u8>,
    /// Of MAY clauses.
    pub may: Option<u8>,
}

/// One output of a spec.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// `none` for hand-written code: traced, never generated.
    #[serde(default)]
    pub generator: Option<NoGenerator>,
    /// The folder of hand-written code. Only with `generator = "none"`.
    #[serde(default)]
    pub path: Option<String>,
    /// Glob patterns, below `path`, of files with tests. Default: those of the first built-in
    /// language.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Glob patterns, below `path`, of test results: JUnit XML, or JSON lines of libtest or
    /// nextest.
    #[serde(default)]
    pub results: Vec<String>,
    /// The language; required for generated code.
    #[serde(default)]
    pub toolchain: Option<ToolchainId>,
    /// The declaration of `toolchain`, if it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub declaration: Option<Declaration>,
    /// The output folder: `<folder>/{spec}/<name>`, where `<name>` may be `{target}`.
    #[serde(default = "default_output")]
    pub output: String,
    /// Gates in order. Default: the toolchain's.
    pub gates: Option<Vec<GateName>>,
    /// Glob patterns of allowed files. Default: the toolchain's.
    pub allowed_files: Option<Vec<String>>,
    /// The text of the file that `style` names.
    #[serde(skip)]
    #[schemars(skip)]
    pub style_guide: Option<String>,
    /// The files of the workspace's linter of prose, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub style_rules: Vec<(String, String)>,
    /// The name of a suite in the language of the code that a test suite is about, with `{}` for
    /// the spec.
    #[serde(skip)]
    #[schemars(skip)]
    pub suite_name: Option<String>,
    /// The language's own keys.
    #[serde(flatten)]
    #[schemars(skip)]
    pub options: BTreeMap<String, toml::Value>,
}

/// The default of [`Target::output`].
pub fn default_output() -> String {
    "generated/{spec}/{target}".to_owned()
}

impl Target {
    /// Whether it is generated.
    pub fn is_generated(&self) -> bool {
        self.generator.is_none()
    }

    /// The folder of a spec's unit with all its targets: everything before the last segment of
    /// `output`.
    pub fn unit(&self, spec: &SpecId) -> String {
        self.units().replace("{spec}", &spec.package())
    }

    /// The same for any spec, with `{spec}` in it.
    pub fn units(&self) -> &str {
        self.output.rsplit_once('/').map_or(self.output.as_str(), |(unit, _)| unit)
    }

    /// The name of the target's folder in the unit.
    pub fn leaf(&self, target: &str) -> String {
        let (_, leaf) = self.output.rsplit_once('/').unwrap_or(("", self.output.as_str()));
        leaf.replace("{target}", target)
    }

    /// The folder of a target of a spec.
    ///
    /// # Errors
    /// The names and `output` do not give a valid path, for example because it is too long.
    pub fn path(&self, spec: &SpecId, target: &TargetName) -> Result<RelPath, String> {
        let path = format!("{}/{}", self.unit(spec), self.leaf(target));
        RelPath::parse(&path).map_err(|why| format!("the path {path:?} {why}"))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The format of a gate's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GateFormat {
    /// `path:line[:column]: message` lines are findings; the exit status decides.
    #[default]
    Lines,
    /// Messages of the target's compiler.
    #[serde(alias = "cargo")]
    Compiler,
}

impl GateConfig {
    /// Whether a note of this rule rejects an answer.
    pub fn denies(&self, rule: &str) -> bool {
        self.deny.iter().any(|one| one == rule)
    }
}

/// A custom gate, or settings of a built-in one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// The program and its arguments, run in the candidate's root.
    pub argv: Option<Vec<String>>,
    /// A validator by its folder's name in `validators/`, instead of `argv`.
    pub validator: Option<String>,
    /// The format of `argv`'s output.
    pub format: GateFormat,
    /// Timeout in seconds.
    pub timeout_s: Option<u64>,
    /// For `test` and `hidden`: how often a test runs that fails, or passes for the first time.
    /// Default: 3.
    pub runs: Option<u8>,
    /// Resource limits of its programs, instead of the built-in ones.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: LimitsConfig,
    /// Of a compiling gate: lints whose findings do not count, as `clippy::new_without_default`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Of the gate `clauses`: notes that reject an answer, `quotes_tests` and `differs`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// An advisory gate: its failure rejects nothing.
    pub advisory: bool,
    /// Names of further environment variables for the gate.
    pub env: Vec<String>,
    /// The same for variables that look like secrets (`*_KEY`, `*_TOKEN`, `*_SECRET`, `*_PASSWORD`,
    /// `*_CREDENTIALS`): candidates can read what their gates can. Never the model's key.
    pub secrets: Vec<String>,
}
