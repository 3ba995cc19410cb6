//! `[generator]`: who is asked. The table in the file is flat, so that a wrong key is named with
//! its line; the code sees one variant per `kind`, with prices and tiers beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agent::AgentSettings;
pub use super::server::{ReplyForm, ServerSettings};
use super::{LimitsConfig, ModelApi, Prices, limits};

/// What kind of generator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum GeneratorKind {
    /// A model's server.
    Openai,
    /// Recorded exchanges only: no network, no key, no cost.
    Cassette,
    /// A program that works on the files in a sandbox: a coding agent.
    Command,
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

/// A stronger generator. What it leaves out it takes from `[generator]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// `openai` or `command`. Default: that of `[generator]`.
    kind: Option<GeneratorKind>,
    /// For `command`: a known agent, as `[generator]` has it.
    pub agent: Option<String>,
    /// For `command`: the program and its arguments, in place of `agent`.
    pub argv: Option<Vec<String>>,
    /// The model's name at the server.
    pub model: String,
    /// Address of the API.
    pub base_url: Option<String>,
    /// The API. Default: that of `[generator]`, or of the host where `base_url` is another one.
    pub api: Option<ModelApi>,
    /// The name of the environment variable with the key.
    pub api_key_env: Option<String>,
    /// How much the model thinks, as `[generator]` has it.
    pub reasoning_effort: Option<String>,
    /// US dollars per million tokens read. A tier that gives no price has an unknown one.
    pub input_price: Option<f64>,
    /// US dollars per million tokens written.
    pub output_price: Option<f64>,
    /// US dollars per million tokens read from the server's cache.
    pub cached_input_price: Option<f64>,
    /// US dollars per million tokens written into the server's cache.
    pub cache_write_price: Option<f64>,
}

impl Tier {
    /// The prices it gives.
    pub fn prices(&self) -> Prices {
        Prices {
            input: self.input_price,
            output: self.output_price,
            cached_input: self.cached_input_price,
            cache_write: self.cache_write_price,
        }
    }
}

/// Who is asked, and within which limits: the table as files have it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "GeneratorConfig")]
#[serde(expecting = "struct GeneratorConfig")]
struct GeneratorTable {
    /// `openai`, `cassette` or `command`.
    kind: GeneratorKind,
    /// For `command`: a known agent: `codex`, `claude`, `gemini`, `opencode`, `pi` or `aider`.
    agent: Option<String>,
    /// For `command`: the program and its arguments, in place of `agent`. `{prompt}`,
    /// `{prompt_file}`, `{model}`, `{base_url}` and `{token}` are replaced.
    argv: Option<Vec<String>>,
    /// For `command`: another model that the agent may ask.
    small_model: Option<String>,
    /// For `command`: most tokens of an attempt, read and written. Default: 400000.
    attempt_tokens: Option<u64>,
    /// For `command`: wall time of an attempt, in seconds. Default: 900.
    wall_s: Option<u64>,
    /// For `command`: limits of the agent's programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<LimitsConfig>,
    /// Address of the API, up to and with `/v1`.
    base_url: String,
    /// The API: `responses`, `chat` or `messages`. Default: `responses` for api.openai.com and
    /// api.x.ai, `messages` for api.anthropic.com, `chat` for every other host.
    api: Option<ModelApi>,
    /// The model's name at the server.
    model: String,
    /// The NAME of the environment variable with the key; absent for servers without keys.
    api_key_env: Option<String>,
    /// What is done with recordings. Default: `off` for `openai`, `replay` for `cassette`.
    cassettes: Option<CassetteMode>,
    /// The form of answers: `files`, or `json` for servers that can be held to a JSON schema.
    reply: ReplyForm,
    /// Sampling temperature of first answers and repairs, 0 to 2; a fresh start adds 0.5. Absent:
    /// the model's own.
    temperature: Option<f64>,
    /// How much the model thinks, in the server's words: `low`, `medium`, `high`, … Absent: the
    /// model's own.
    reasoning_effort: Option<String>,
    /// Tokens an answer may have, thoughts included. Default: 32768 for `responses`, else 8192.
    max_output_tokens: Option<u32>,
    /// Tokens the model can read and write together; absent: not checked before the call.
    context_tokens: Option<u32>,
    /// Calls of one request before its first content, retries included.
    max_tries: u32,
    /// First wait between two tries, in milliseconds; doubles, with full jitter, up to 30 s.
    retry_base_ms: u64,
    /// Time until the first content, in milliseconds.
    first_token_timeout_ms: u64,
    /// Time between two pieces of a stream, in milliseconds.
    idle_timeout_ms: u64,
    /// Wall time of one completion, in milliseconds.
    deadline_ms: u64,
    /// Most requests per minute, 0 for no limit.
    requests_per_minute: u32,
    /// Most requests at a time, 0 for no limit; of each tier.
    requests: u32,
    /// US dollars per million tokens read.
    input_price: Option<f64>,
    /// US dollars per million tokens written.
    output_price: Option<f64>,
    /// US dollars per million tokens read from the server's cache. Default: `input_price`.
    cached_input_price: Option<f64>,
    /// US dollars per million tokens written into the server's cache. Default: `input_price`.
    cache_write_price: Option<f64>,
    /// Stronger generators, asked in this order when the ones before have given up.
    tiers: Vec<Tier>,
}

impl Default for GeneratorTable {
    fn default() -> Self {
        Self {
            kind: GeneratorKind::Openai,
            agent: None,
            argv: None,
            small_model: None,
            attempt_tokens: None,
            wall_s: None,
            limits: None,
            base_url: "https://api.openai.com/v1".to_owned(),
            api: None,
            model: String::new(),
            api_key_env: None,
            cassettes: None,
            reply: ReplyForm::Files,
            temperature: None,
            reasoning_effort: None,
            max_output_tokens: None,
            context_tokens: None,
            max_tries: limits::HTTP_TRIES,
            retry_base_ms: limits::RETRY_BASE.as_millis() as u64,
            first_token_timeout_ms: limits::FIRST_TOKEN_TIMEOUT.as_millis() as u64,
            idle_timeout_ms: limits::IDLE_TIMEOUT.as_millis() as u64,
            deadline_ms: limits::ATTEMPT_DEADLINE.as_millis() as u64,
            requests_per_minute: 0,
            requests: 0,
            input_price: None,
            output_price: None,
            cached_input_price: None,
            cache_write_price: None,
            tiers: Vec::new(),
        }
    }
}

/// Who is asked, and within which limits: the settings of its kind, and what every kind has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "GeneratorTable", into = "GeneratorTable")]
pub struct GeneratorConfig {
    /// The settings of its kind.
    pub settings: GeneratorSettings,
    /// What is done with recordings; `None` for the default of the kind.
    pub cassettes: Option<CassetteMode>,
    /// What tokens cost.
    pub prices: Prices,
    /// Stronger generators, asked in this order when the ones before have given up.
    pub tiers: Vec<Tier>,
}

/// The settings of a generator, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum GeneratorSettings {
    /// `kind = "openai"`: a model's server.
    Openai(ServerSettings),
    /// `kind = "cassette"`: recordings of such a server, which is never asked itself.
    Cassette(ServerSettings),
    /// `kind = "command"`: a program in a sandbox that asks such a server through a gateway.
    Command(AgentSettings),
}

/// A server with what a tier says in its place.
fn over(server: &mut ServerSettings, tier: &Tier) {
    server.model.clone_from(&tier.model);
    if let Some(url) = tier.base_url.as_ref().filter(|url| **url != server.base_url) {
        server.base_url.clone_from(url);
        server.api = None;
    }
    server.api = tier.api.or(server.api);
    server.api_key_env = tier.api_key_env.clone().or(server.api_key_env.take());
    server.reasoning_effort = tier.reasoning_effort.clone().or(server.reasoning_effort.take());
}

impl From<GeneratorTable> for GeneratorConfig {
    fn from(table: GeneratorTable) -> Self {
        let settings = ServerSettings {
            base_url: table.base_url,
            api: table.api,
            model: table.model,
            api_key_env: table.api_key_env,
            reply: table.reply,
            temperature: table.temperature,
            reasoning_effort: table.reasoning_effort,
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
                GeneratorKind::Command => GeneratorSettings::Command(AgentSettings {
                    agent: table.agent,
                    argv: table.argv.unwrap_or_default(),
                    small_model: table.small_model,
                    attempt_tokens: table.attempt_tokens.unwrap_or(limits::AGENT_TOKENS),
                    wall_s: table.wall_s.unwrap_or(limits::AGENT_SECONDS),
                    limits: table.limits.map(Box::new).unwrap_or_default(),
                    server: settings,
                }),
            },
            cassettes: table.cassettes,
            prices: Prices {
                input: table.input_price,
                output: table.output_price,
                cached_input: table.cached_input_price,
                cache_write: table.cache_write_price,
            },
            tiers: table.tiers,
        }
    }
}

impl From<GeneratorConfig> for GeneratorTable {
    fn from(config: GeneratorConfig) -> Self {
        let mut agent = None;
        let (kind, one) = match config.settings {
            GeneratorSettings::Openai(one) => (GeneratorKind::Openai, one),
            GeneratorSettings::Cassette(one) => (GeneratorKind::Cassette, one),
            GeneratorSettings::Command(one) => {
                let server = one.server.clone();
                agent = Some(one);
                (GeneratorKind::Command, server)
            }
        };
        let argv = agent.as_ref().map(|one| one.argv.clone());
        Self {
            kind,
            agent: agent.as_ref().and_then(|one| one.agent.clone()),
            argv: argv.filter(|argv| !argv.is_empty()),
            small_model: agent.as_ref().and_then(|one| one.small_model.clone()),
            attempt_tokens: agent.as_ref().map(|one| one.attempt_tokens),
            wall_s: agent.as_ref().map(|one| one.wall_s),
            limits: agent.map(|one| *one.limits).filter(|own| *own != LimitsConfig::default()),
            base_url: one.base_url,
            api: one.api,
            model: one.model,
            api_key_env: one.api_key_env,
            cassettes: config.cassettes,
            reply: one.reply,
            temperature: one.temperature,
            reasoning_effort: one.reasoning_effort,
            max_output_tokens: one.max_output_tokens,
            context_tokens: one.context_tokens,
            max_tries: one.max_tries,
            retry_base_ms: one.retry_base_ms,
            first_token_timeout_ms: one.first_token_timeout_ms,
            idle_timeout_ms: one.idle_timeout_ms,
            deadline_ms: one.deadline_ms,
            requests_per_minute: one.requests_per_minute,
            requests: one.requests,
            input_price: config.prices.input,
            output_price: config.prices.output,
            cached_input_price: config.prices.cached_input,
            cache_write_price: config.prices.cache_write,
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
        one.settings = one.settings.over(over);
        // A price belongs to a model.
        let own = over.prices();
        one.prices = match own.given().next() {
            None => Prices::default(),
            Some(_) => Prices {
                input: own.input.or(one.prices.input),
                output: own.output.or(one.prices.output),
                ..own
            },
        };
        one
    }

    /// Whether the prices of all tiers are configured.
    pub fn has_prices(&self) -> bool {
        (0..=self.tiers.len())
            .all(|tier| self.tier(tier).prices.usd(crate::types::Usage::default()).is_some())
    }

    /// What is done with recordings.
    pub fn cassette_mode(&self) -> CassetteMode {
        self.cassettes.unwrap_or(match self.settings {
            GeneratorSettings::Openai(_) | GeneratorSettings::Command(_) => CassetteMode::Off,
            GeneratorSettings::Cassette(_) => CassetteMode::Replay,
        })
    }
}

impl GeneratorSettings {
    /// The word for the kind in `harness.toml`, the lockfile and traces.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Openai(_) => "openai",
            Self::Cassette(_) => "cassette",
            Self::Command(_) => "command",
        }
    }

    /// The model's server.
    pub fn server(&self) -> &ServerSettings {
        match self {
            Self::Openai(server) | Self::Cassette(server) => server,
            Self::Command(agent) => &agent.server,
        }
    }

    /// The same with what a tier says in its place.
    fn over(self, tier: &Tier) -> Self {
        let mut server = self.server().clone();
        over(&mut server, tier);
        let kind = match (tier.kind, &self) {
            (Some(kind), _) => kind,
            (None, Self::Openai(_)) => GeneratorKind::Openai,
            (None, Self::Cassette(_)) => GeneratorKind::Cassette,
            (None, Self::Command(_)) => GeneratorKind::Command,
        };
        match (kind, self) {
            (GeneratorKind::Openai, _) => Self::Openai(server),
            (GeneratorKind::Cassette, _) => Self::Cassette(server),
            (GeneratorKind::Command, Self::Command(one)) => {
                let is_other = tier.agent.is_some() || tier.argv.is_some();
                Self::Command(AgentSettings {
                    agent: if is_other { tier.agent.clone() } else { one.agent },
                    argv: if is_other { tier.argv.clone().unwrap_or_default() } else { one.argv },
                    server,
                    ..one
                })
            }
            (GeneratorKind::Command, _) => Self::Command(AgentSettings {
                agent: tier.agent.clone(),
                argv: tier.argv.clone().unwrap_or_default(),
                small_model: None,
                attempt_tokens: limits::AGENT_TOKENS,
                wall_s: limits::AGENT_SECONDS,
                limits: Box::default(),
                server,
            }),
        }
    }

    /// The model's name as configured.
    pub fn model(&self) -> &str {
        &self.server().model
    }

    /// Address of the server; `None` for a kind without one.
    pub fn address(&self) -> Option<&str> {
        Some(&self.server().base_url)
    }

    /// Name of the environment variable with the key.
    pub fn api_key_env(&self) -> Option<&str> {
        self.server().api_key_env.as_deref()
    }

    /// The form in which answers are asked for.
    pub fn reply(&self) -> ReplyForm {
        self.server().reply
    }

    /// Sampling temperature of a first answer; `None` for the model's own.
    pub fn temperature(&self) -> Option<f64> {
        self.server().temperature
    }

    /// Tokens an answer may have; `None` for a kind that has no such setting.
    pub fn max_output_tokens(&self) -> Option<u32> {
        Some(self.server().output_tokens())
    }

    /// Tokens a prompt may have beside the longest answer; `None`: not checked before the call.
    pub fn prompt_tokens(&self) -> Option<usize> {
        let server = self.server();
        server.context_tokens.map(|all| all.saturating_sub(server.output_tokens()) as usize)
    }

    /// The model's server, to change it.
    pub fn server_mut(&mut self) -> &mut ServerSettings {
        match self {
            Self::Openai(server) | Self::Cassette(server) => server,
            Self::Command(agent) => &mut agent.server,
        }
    }

    /// The same settings, answered from recordings alone.
    pub fn replayed(self) -> Self {
        match self {
            Self::Openai(server) | Self::Cassette(server) => Self::Cassette(server),
            Self::Command(agent) => Self::Command(agent),
        }
    }
}
