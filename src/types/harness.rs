//! `harness.toml` as it is understood: every key, its unit and its default.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::generator::{CassetteMode, GeneratorConfig, GeneratorSettings, ReplyForm};
use super::schedule::{Hook, Schedule, Telemetry};
use super::{Isolation, LimitsConfig, LintConfig};
use crate::types::{GateName, RelPath, SpecId, TargetName};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Harness {
    /// Paths and default targets.
    #[serde(default)]
    pub harness: PathsConfig,
    /// Who is asked; needed where a target is generated.
    #[serde(default)]
    pub generator: Option<GeneratorConfig>,
    /// Caps on spending.
    #[serde(default)]
    pub budget: Budget,
    /// How candidates are kept apart from the machine.
    #[serde(default)]
    pub sandbox: SandboxConfig,
    /// How what is promoted is attested.
    #[serde(default)]
    pub attestation: Attestation,
    /// How long things are kept.
    #[serde(default)]
    pub retention: Retention,
    /// What `regen lint` looks for.
    #[serde(default)]
    pub lint: LintConfig,
    /// How much of the specs tests must cover.
    #[serde(default)]
    pub trace: TraceConfig,
    /// What runs at a time.
    #[serde(default)]
    pub schedule: Schedule,
    /// Where traces go.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// Programs that `regen watch` tells of what happens.
    #[serde(default)]
    pub hook: Vec<Hook>,
    /// What is generated, by target name.
    #[serde(default)]
    pub target: BTreeMap<TargetName, Target>,
    /// Custom gates, and settings of built-in ones, by gate name.
    #[serde(default)]
    pub gate: BTreeMap<GateName, GateConfig>,
}

impl Harness {
    /// The model's name as configured; empty where nothing is generated.
    pub fn model(&self) -> &str {
        self.generator.as_ref().map_or("", |generator| generator.settings.model())
    }

    /// How many generators a job can try, one after the other.
    pub fn tiers(&self) -> usize {
        self.generator.as_ref().map_or(1, |generator| 1 + generator.tiers.len())
    }

    /// Names of the environment variables that hold the generators' keys.
    pub fn generator_keys(&self) -> Vec<String> {
        let Some(generator) = &self.generator else { return Vec::new() };
        let tiers = (0..self.tiers()).map(|tier| generator.tier(tier));
        tiers.filter_map(|tier| tier.settings.api_key_env().map(str::to_owned)).collect()
    }
}

/// Where things are, relative to `harness.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PathsConfig {
    /// Folder of the Markdown specs.
    pub specs: String,
    /// Folder of the user's own checks.
    pub validators: String,
    /// Folder of recorded model exchanges.
    pub cassettes: String,
    /// Folder of prompt templates that override the built-in ones: `system.md`, `task.md`.
    pub templates: Option<String>,
    /// Targets of a spec that names none.
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

/// Caps on spending, reserved before a call and settled after it. Absent: no cap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Tokens, read and written, of one call.
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

/// How candidates' programs, and the programs that judge them, are kept apart from the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// The lowest level of isolation that is good enough: 3 namespaces and a control group, 2
    /// namespaces, 1 Landlock and seccomp, 0 none. Below 2, the environment variable
    /// `REGEN_MIN_LEVEL` must allow it too.
    pub min_level: Isolation,
    /// Further files and folders that gates can read, absolute or relative to `harness.toml`: an
    /// interpreter, a data set.
    pub read_only: Vec<String>,
    /// Memory that all gates running at a time may use together, in MiB; absent: three quarters of
    /// the machine's. A gate waits until its own limit is free.
    pub memory_mb: Option<u64>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { min_level: Isolation::NAMESPACES, read_only: Vec::new(), memory_mb: None }
    }
}

/// The id of a language, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ToolchainId(String);

impl ToolchainId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one thing a target can say of its generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoGenerator {
    /// People write it.
    None,
}

/// `[attestation]`: who signs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attestation {
    /// The NAME of the environment variable with the private Ed25519 key (PEM or OpenSSH's form,
    /// without passphrase), or with the path of its file. Absent: attestations are not signed.
    pub key_env: Option<String>,
}

/// `[retention]`: what `regen gc` leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days that attempts are kept which led to no promotion. What was promoted is always kept.
    pub days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 30 }
    }
}

/// `[trace]`: the least percentage of demanded clauses that a test must stand for, by level.
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

/// One thing a spec compiles to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// `none` for code that people wrote: it is traced, never generated.
    #[serde(default)]
    pub generator: Option<NoGenerator>,
    /// The folder of such code. Only with `generator = "none"`.
    #[serde(default)]
    pub path: Option<String>,
    /// Glob patterns, below `path`, of the files its tests stand in. Default: those
    /// of the first language that is built in.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Glob patterns, below `path`, of results that its test runner writes: JUnit XML, or lines of
    /// JSON by libtest or nextest.
    #[serde(default)]
    pub results: Vec<String>,
    /// The language; needed where code is generated.
    #[serde(default)]
    pub toolchain: Option<ToolchainId>,
    /// Where the tree goes: `<folder>/{spec}/<name>`, where `<name>` may be `{target}`.
    #[serde(default = "default_output")]
    pub output: String,
    /// Gates in order. Default: the toolchain's.
    pub gates: Option<Vec<GateName>>,
    /// Glob patterns of the files a candidate may have. Default: the toolchain's.
    pub allowed_files: Option<Vec<String>>,
    /// The keys of the language's own.
    #[serde(flatten)]
    #[schemars(skip)]
    pub options: BTreeMap<String, toml::Value>,
}

/// The default of [`Target::output`].
pub fn default_output() -> String {
    "generated/{spec}/{target}".to_owned()
}

impl Target {
    /// Whether regen writes it.
    pub fn is_generated(&self) -> bool {
        self.generator.is_none()
    }

    /// The folder of a spec's unit, in which all its targets stand: everything before the last
    /// segment of `output`.
    pub fn unit(&self, spec: &str) -> String {
        let (unit, _) = self.output.rsplit_once('/').unwrap_or((self.output.as_str(), ""));
        unit.replace("{spec}", spec)
    }

    /// The name of the target's folder inside the unit.
    pub fn leaf(&self, target: &str) -> String {
        let (_, leaf) = self.output.rsplit_once('/').unwrap_or(("", self.output.as_str()));
        leaf.replace("{target}", target)
    }

    /// The folder of a target of a spec.
    ///
    /// # Errors
    /// Names and `output` together do not make a path, for example because it is too long.
    pub fn path(&self, spec: &SpecId, target: &TargetName) -> Result<RelPath, String> {
        let path = format!("{}/{}", self.unit(spec), self.leaf(target));
        RelPath::parse(&path).map_err(|why| format!("the path {path:?} {why}"))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How a gate's output is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GateFormat {
    /// `path:line[:column]: message` lines are findings; the exit status decides.
    #[default]
    Lines,
    /// The messages of the target's compiler, as its language's own gates read them.
    #[serde(alias = "cargo")]
    Compiler,
}

/// A gate of the user's, or settings of a built-in one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// The program and its arguments, run in the candidate's root.
    pub argv: Option<Vec<String>>,
    /// A validator by its folder's name in `validators/`, instead of `argv`.
    pub validator: Option<String>,
    /// How `argv`'s output is read.
    pub format: GateFormat,
    /// Wall time in seconds.
    pub timeout_s: Option<u64>,
    /// Of `test` and `hidden`: how often a test is run that fails, or passes for the first time; 3
    /// unless given.
    pub runs: Option<u8>,
    /// What its programs may use, where the built-in limits do not fit.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: LimitsConfig,
    /// Of a compiling gate: lints whose findings do not count, as `clippy::new_without_default`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// A gate that only informs: its failure refuses nothing.
    pub advisory: bool,
    /// Names of further environment variables the gate may see.
    pub env: Vec<String>,
    /// The same for variables that look like secrets (`*_KEY`, `*_TOKEN`, `*_SECRET`,
    /// `*_PASSWORD`, `*_CREDENTIALS`): candidates can read what their gates can. Never the model's
    /// key.
    pub secrets: Vec<String>,
}
