//! `[generator]`. The table in the file is flat, so that a wrong key is reported with its line; the
//! code has one variant per `kind`, with prices and tiers beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;

/// The kinds of generators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum GeneratorKind {
    /// A server with OpenAI's chat completions API.
    Openai,
    /// Recorded exchanges only: no network, no key, no cost.
    Cassette,
}

/// The mode of recorded exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CassetteMode {
    /// Do not use recordings.
    Off,
    /// Answer from recordings; a missing one is an error.
    Replay,
    /// Answer from a recording if there is one, else call the model and record.
    Auto,
    /// Call the model and overwrite recordings.
    Record,
    /// Call the model and report answers that differ from the recording.
    Verify,
}

/// The form of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplyForm {
    /// Whole files in fences, which models do best.
    Files,
    /// One JSON object, constrained by a schema in the request.
    Json,
}

/// A stronger generator. Missing keys are taken from `[generator]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The model's name at the server.
    pub model: String,
    /// Base URL of the API.
    pub base_url: Option<String>,
    /// The name of the environment variable with the key.
    pub api_key_env: Option<String>,
    /// US dollars per million input tokens.
    pub input_price: Option<f64>,
    /// US dollars per million output tokens.
    pub output_price: Option<f64>,
}

/// The generator and its limits, as in the file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "GeneratorConfig")]
#[serde(expecting = "struct GeneratorConfig")]
struct GeneratorTable {
    /// `openai` or `cassette`.
    kind: GeneratorKind,
    /// Base URL of the API, including `/v1`.
    base_url: String,
    /// The model's name at the server.
    model: String,
    /// The NAME of the environment variable with the key; absent for servers without keys.
    api_key_env: Option<String>,
    /// The mode of recordings. Default: `off` for `openai`, `replay` for `cassette`.
    cassettes: Option<CassetteMode>,
    /// The form of answers: `files`, or `json` for servers that support JSON schemas.
    reply: ReplyForm,
    /// Sampling temperature of first answers and repairs, 0 to 2; a fresh start adds 0.5.
    temperature: f64,
    /// Maximum tokens of a completion.
    max_output_tokens: u32,
    /// The model's context size in tokens, input and output together; absent: not checked before
    /// the call.
    context_tokens: Option<u32>,
    /// Maximum tries of one request before its first content, including retries.
    max_tries: u32,
    /// First wait between tries, in milliseconds; doubles, with full jitter, up to 30 s.
    retry_base_ms: u64,
    /// Timeout for the first content, in milliseconds.
    first_token_timeout_ms: u64,
    /// Timeout between two chunks of a stream, in milliseconds.
    idle_timeout_ms: u64,
    /// Timeout of one completion, in milliseconds.
    deadline_ms: u64,
    /// Maximum requests per minute, 0 for no limit.
    requests_per_minute: u32,
    /// Maximum concurrent requests of each tier, 0 for no limit.
    requests: u32,
    /// US dollars per million input tokens.
    input_price: f64,
    /// US dollars per million output tokens.
    output_price: f64,
    /// Stronger generators, used in this order when the previous ones have failed.
    tiers: Vec<Tier>,
}

impl Default for GeneratorTable {
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

/// The generator and its limits: settings of its kind, and of all kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "GeneratorTable", into = "GeneratorTable")]
pub struct GeneratorConfig {
    /// The settings of its kind.
    pub settings: GeneratorSettings,
    /// The mode of recordings; `None` for the kind's default.
    pub cassettes: Option<CassetteMode>,
    /// US dollars per million input tokens.
    pub input_price: f64,
    /// US dollars per million output tokens.
    pub output_price: f64,
    /// Stronger generators, used in this order when the previous ones have failed.
    pub tiers: Vec<Tier>,
}

/// The settings of a generator, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum GeneratorSettings {
    /// `kind = "openai"`: a server with OpenAI's chat completions API.
    Openai(OpenaiSettings),
    /// `kind = "cassette"`: recordings of such a server, which is never called.
    Cassette(OpenaiSettings),
}

/// A server with OpenAI's chat completions API. The keys of `[generator]` have the same names.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenaiSettings {
    /// Base URL of the API, including `/v1`.
    pub base_url: String,
    /// The model's name at the server.
    pub model: String,
    /// Name of the environment variable with the key; `None` for servers without keys.
    pub api_key_env: Option<String>,
    /// The form of answers.
    pub reply: ReplyForm,
    /// Sampling temperature of first answers and repairs, 0 to 2.
    pub temperature: f64,
    /// Maximum tokens of a completion.
    pub max_output_tokens: u32,
    /// The model's context size in tokens; `None`: not checked before the call.
    pub context_tokens: Option<u32>,
    /// Maximum tries of one request before its first content.
    pub max_tries: u32,
    /// First wait between tries, in milliseconds.
    pub retry_base_ms: u64,
    /// Timeout for the first content, in milliseconds.
    pub first_token_timeout_ms: u64,
    /// Timeout between two chunks of a stream, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Timeout of one completion, in milliseconds.
    pub deadline_ms: u64,
    /// Maximum requests per minute, 0 for no limit.
    pub requests_per_minute: u32,
    /// Maximum concurrent requests, 0 for no limit.
    pub requests: u32,
}

impl From<GeneratorTable> for GeneratorConfig {
    fn from(table: GeneratorTable) -> Self {
        let settings = OpenaiSettings {
            base_url: table.base_url,
            model: table.model,
            api_key_env: table.api_key_env,
            reply: table.reply,
            temperature: table.temperature,
            max_output_tokens: table.max_output_tokens,
            context_tokens: table.context_tokens,
            max_tries: table.max_tries,
            retry_base_ms: table.retry_base_ms,
            first_token_timeout_ms: table.first_token_timeout_ms,
            idle_timeout_ms: table.idle_timeout_ms,
            deadline_ms: table.deadline_ms,
            requests_per_minute: table.requests_per_minute,
            requests: table.requests,
        };
        Self {
            settings: match table.kind {
                GeneratorKind::Openai => GeneratorSettings::Openai(settings),
                GeneratorKind::Cassette => GeneratorSettings::Cassette(settings),
            },
            cassettes: table.cassettes,
            input_price: table.input_price,
            output_price: table.output_price,
            tiers: table.tiers,
        }
    }
}

impl From<GeneratorConfig> for GeneratorTable {
    fn from(config: GeneratorConfig) -> Self {
        let (kind, one) = match config.settings {
            GeneratorSettings::Openai(one) => (GeneratorKind::Openai, one),
            GeneratorSettings::Cassette(one) => (GeneratorKind::Cassette, one),
        };
        Self {
            kind,
            base_url: one.base_url,
            model: one.model,
            api_key_env: one.api_key_env,
            cassettes: config.cassettes,
            reply: one.reply,
            temperature: one.temperature,
            max_output_tokens: one.max_output_tokens,
            context_tokens: one.context_tokens,
            max_tries: one.max_tries,
            retry_base_ms: one.retry_base_ms,
            first_token_timeout_ms: one.first_token_timeout_ms,
            idle_timeout_ms: one.idle_timeout_ms,
            deadline_ms: one.deadline_ms,
            requests_per_minute: one.requests_per_minute,
            requests: one.requests,
            input_price: config.input_price,
            output_price: config.output_price,
            tiers: config.tiers,
        }
    }
}

impl GeneratorConfig {
    /// The generator of a tier: 0 is `[generator]` itself.
    pub fn tier(&self, tier: usize) -> Self {
        let mut one = self.clone();
        one.tiers.clear();
        let Some(over) = tier.checked_sub(1).and_then(|i| self.tiers.get(i)) else { return one };
        match &mut one.settings {
            GeneratorSettings::Openai(server) | GeneratorSettings::Cassette(server) => {
                server.model.clone_from(&over.model);
                if let Some(url) = &over.base_url {
                    server.base_url.clone_from(url);
                }
                server.api_key_env = over.api_key_env.clone().or(server.api_key_env.take());
            }
        }
        one.input_price = over.input_price.unwrap_or(one.input_price);
        one.output_price = over.output_price.unwrap_or(one.output_price);
        one
    }

    /// Whether the prices of all tiers are configured.
    pub fn has_prices(&self) -> bool {
        let priced = |one: Self| one.input_price > 0.0 || one.output_price > 0.0;
        (0..=self.tiers.len()).all(|tier| priced(self.tier(tier)))
    }

    /// The mode of recordings.
    pub fn cassette_mode(&self) -> CassetteMode {
        self.cassettes.unwrap_or(match self.settings {
            GeneratorSettings::Openai(_) => CassetteMode::Off,
            GeneratorSettings::Cassette(_) => CassetteMode::Replay,
        })
    }
}

impl GeneratorSettings {
    /// The kind's name in `harness.toml`, the lockfile and traces.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Openai(_) => "openai",
            Self::Cassette(_) => "cassette",
        }
    }

    /// The model's name as configured.
    pub fn model(&self) -> &str {
        match self {
            Self::Openai(server) | Self::Cassette(server) => &server.model,
        }
    }

    /// The server's base URL; `None` for kinds without one.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Openai(server) | Self::Cassette(server) => Some(&server.base_url),
        }
    }

    /// Name of the environment variable with the key.
    pub fn api_key_env(&self) -> Option<&str> {
        match self {
            Self::Openai(server) | Self::Cassette(server) => server.api_key_env.as_deref(),
        }
    }

    /// The form of answers.
    pub fn reply(&self) -> ReplyForm {
        match self {
            Self::Openai(server) | Self::Cassette(server) => server.reply,
        }
    }

    /// Sampling temperature of a first answer; `None` for kinds without it.
    pub fn temperature(&self) -> Option<f64> {
        match self {
            Self::Openai(server) | Self::Cassette(server) => Some(server.temperature),
        }
    }

    /// Maximum tokens of an answer; `None` for kinds without it.
    pub fn max_output_tokens(&self) -> Option<u32> {
        match self {
            Self::Openai(server) | Self::Cassette(server) => Some(server.max_output_tokens),
        }
    }

    /// Maximum tokens of a prompt, besides the longest answer; `None`: not checked.
    pub fn prompt_tokens(&self) -> Option<usize> {
        match self {
            Self::Openai(server) | Self::Cassette(server) => server
                .context_tokens
                .map(|all| all.saturating_sub(server.max_output_tokens) as usize),
        }
    }

    /// The same settings with recordings only.
    pub fn replayed(self) -> Self {
        match self {
            Self::Openai(server) | Self::Cassette(server) => Self::Cassette(server),
        }
    }
}
