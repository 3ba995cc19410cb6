//! `harness.toml` as it is understood: every key, its unit and its default.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedule::{Hook, Schedule, Telemetry};
use super::{Isolation, LimitsConfig, LintConfig, limits};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Harness {
    /// Paths and default targets.
    #[serde(default)]
    pub harness: PathsConfig,
    /// Who is asked.
    #[serde(default)]
    pub generator: GeneratorConfig,
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
    pub target: BTreeMap<String, Target>,
    /// Custom gates, and settings of built-in ones, by gate name.
    #[serde(default)]
    pub gate: BTreeMap<String, GateConfig>,
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
    pub default_targets: Vec<String>,
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

/// What kind of generator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GeneratorKind {
    /// A server that speaks OpenAI's chat completions.
    Openai,
    /// Recorded exchanges only: no network, no key, no cost.
    Cassette,
}

/// What is done with recorded exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CassetteMode {
    /// Nothing.
    Off,
    /// Answer from recordings; a miss is an error.
    Replay,
    /// Answer from a recording where there is one, else ask and record.
    Auto,
    /// Ask, and record over what is there.
    Record,
    /// Ask, and report an answer that differs from the recording.
    Verify,
}

/// The form in which a model is asked to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplyForm {
    /// Whole files between fences: what models do best.
    Files,
    /// One JSON object, constrained by a schema in the request.
    Json,
}

/// Who is asked, and within which limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratorConfig {
    /// `openai` or `cassette`.
    pub kind: GeneratorKind,
    /// Address of the API, up to and with `/v1`.
    pub base_url: String,
    /// The model's name at the server.
    pub model: String,
    /// The NAME of the environment variable with the key; absent for servers without keys.
    pub api_key_env: Option<String>,
    /// What is done with recordings. Default: `off` for `openai`, `replay` for `cassette`.
    pub cassettes: Option<CassetteMode>,
    /// The form of answers: `files`, or `json` for servers that can be held to a JSON schema.
    pub reply: ReplyForm,
    /// Sampling temperature of first answers and repairs, 0 to 2; a fresh start adds 0.5.
    pub temperature: f64,
    /// Tokens a completion may have.
    pub max_output_tokens: u32,
    /// Tokens the model can read and write together; absent: not checked before the call.
    pub context_tokens: Option<u32>,
    /// Calls of one request before its first content, retries included.
    pub max_tries: u32,
    /// First wait between two tries, in milliseconds; doubles, with full jitter, up to 30 s.
    pub retry_base_ms: u64,
    /// Time until the first content, in milliseconds.
    pub first_token_timeout_ms: u64,
    /// Time between two pieces of a stream, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Wall time of one completion, in milliseconds.
    pub deadline_ms: u64,
    /// Most requests per minute, 0 for no limit.
    pub requests_per_minute: u32,
    /// Most requests at a time, 0 for no limit; of each tier.
    pub requests: u32,
    /// US dollars per million tokens read.
    pub input_price: f64,
    /// US dollars per million tokens written.
    pub output_price: f64,
    /// Stronger generators, asked in this order when the ones before have given up.
    pub tiers: Vec<Tier>,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            kind: GeneratorKind::Openai,
            base_url: "https://api.openai.com/v1".to_owned(),
            model: String::new(),
            api_key_env: None,
            cassettes: None,
            reply: ReplyForm::Files,
            temperature: 0.2,
            max_output_tokens: limits::OUTPUT_TOKENS,
            context_tokens: None,
            max_tries: limits::HTTP_TRIES,
            retry_base_ms: limits::RETRY_BASE.as_millis() as u64,
            first_token_timeout_ms: limits::FIRST_TOKEN_TIMEOUT.as_millis() as u64,
            idle_timeout_ms: limits::IDLE_TIMEOUT.as_millis() as u64,
            deadline_ms: limits::ATTEMPT_DEADLINE.as_millis() as u64,
            requests_per_minute: 0,
            requests: 0,
            input_price: 0.0,
            output_price: 0.0,
            tiers: Vec::new(),
        }
    }
}

/// A stronger generator. What it leaves out it takes from `[generator]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The model's name at the server.
    pub model: String,
    /// Address of the API.
    pub base_url: Option<String>,
    /// The name of the environment variable with the key.
    pub api_key_env: Option<String>,
    /// US dollars per million tokens read.
    pub input_price: Option<f64>,
    /// US dollars per million tokens written.
    pub output_price: Option<f64>,
}

impl GeneratorConfig {
    /// The generator of a tier: 0 is `[generator]` itself.
    pub fn tier(&self, tier: usize) -> Self {
        let mut one = self.clone();
        one.tiers.clear();
        if let Some(over) = tier.checked_sub(1).and_then(|i| self.tiers.get(i)) {
            one.model.clone_from(&over.model);
            one.base_url = over.base_url.clone().unwrap_or(one.base_url);
            one.api_key_env = over.api_key_env.clone().or(one.api_key_env);
            one.input_price = over.input_price.unwrap_or(one.input_price);
            one.output_price = over.output_price.unwrap_or(one.output_price);
        }
        one
    }

    /// What is done with recordings.
    pub fn cassette_mode(&self) -> CassetteMode {
        self.cassettes.unwrap_or(match self.kind {
            GeneratorKind::Openai => CassetteMode::Off,
            GeneratorKind::Cassette => CassetteMode::Replay,
        })
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
    pub gates: Option<Vec<String>>,
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
    /// A gate that only informs: its failure refuses nothing.
    pub advisory: bool,
    /// Names of further environment variables the gate may see.
    pub env: Vec<String>,
    /// The same for variables that look like secrets (`*_KEY`, `*_TOKEN`, `*_SECRET`,
    /// `*_PASSWORD`, `*_CREDENTIALS`): candidates can read what their gates can. Never the model's
    /// key.
    pub secrets: Vec<String>,
}
