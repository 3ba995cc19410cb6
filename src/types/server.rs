//! A model's server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ModelApi;

/// The form in which a model is asked to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplyForm {
    /// Whole files between fences: what models do best.
    Files,
    /// One JSON object, constrained by a schema in the request.
    Json,
}

/// A model's server. The keys of `[generator]` have the same names.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettings {
    /// Address of the API, up to and with `/v1`.
    pub base_url: String,
    /// The API; `None` for the host's own.
    pub api: Option<ModelApi>,
    /// The model's name at the server.
    pub model: String,
    /// Name of the environment variable with the key; `None` for servers without keys.
    pub api_key_env: Option<String>,
    /// The form of answers.
    pub reply: ReplyForm,
    /// Sampling temperature of first answers and repairs, 0 to 2; `None` for the model's own.
    pub temperature: Option<f64>,
    /// How much the model thinks; `None` for its own.
    pub reasoning_effort: Option<String>,
    /// Tokens an answer may have; `None` for the API's default.
    pub max_output_tokens: Option<u32>,
    /// Tokens the model can read and write together; `None`: not checked before the call.
    pub context_tokens: Option<u32>,
    /// Calls of one request before its first content, retries included.
    pub max_tries: u32,
    /// First wait between two tries, in milliseconds.
    pub retry_base_ms: u64,
    /// Time until the first content, in milliseconds.
    pub first_token_timeout_ms: u64,
    /// Time between two pieces of a stream, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Wall time of one completion, in milliseconds.
    pub deadline_ms: u64,
    /// Most requests per minute, 0 for no limit.
    pub requests_per_minute: u32,
    /// Most requests at a time, 0 for no limit.
    pub requests: u32,
}

impl ServerSettings {
    /// The API it is asked by.
    pub fn api(&self) -> ModelApi {
        self.api.unwrap_or_else(|| ModelApi::of_address(&self.base_url))
    }

    /// Tokens an answer may have.
    pub fn output_tokens(&self) -> u32 {
        self.max_output_tokens.unwrap_or_else(|| self.api().output_tokens())
    }
}
