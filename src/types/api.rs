//! The APIs that servers of models speak, and what is known of hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;

/// The API that a server is asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelApi {
    /// OpenAI's Responses: `POST /responses`.
    Responses,
    /// Chat completions, which most servers speak: `POST /chat/completions`.
    Chat,
    /// Anthropic's Messages: `POST /messages`.
    Messages,
}

/// The API of a host's own. Hosts below these have the same; all others speak chat completions.
pub const HOSTS: [(&str, ModelApi); 3] = [
    ("api.openai.com", ModelApi::Responses),
    ("api.x.ai", ModelApi::Responses),
    ("api.anthropic.com", ModelApi::Messages),
];

/// Models that OpenAI serves in Responses only have one of these words in their names.
const RESPONSES_ONLY: [&str; 3] = ["codex", "pro", "deep-research"];

impl ModelApi {
    /// The API of an address.
    pub fn of_address(url: &str) -> Self {
        let known = HOSTS.iter().find(|(host, _)| is_at(url, host));
        known.map_or(Self::Chat, |(_, api)| *api)
    }

    /// The word for it in `harness.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Chat => "chat",
            Self::Messages => "messages",
        }
    }

    /// Tokens an answer may have, where nothing is configured.
    pub fn output_tokens(self) -> u32 {
        match self {
            // What a model thinks counts too.
            Self::Responses => limits::RESPONSES_TOKENS,
            Self::Chat | Self::Messages => limits::OUTPUT_TOKENS,
        }
    }

    /// Whether the host takes a request with a JSON schema by this API, and does not hold to it.
    pub fn ignores_schema(self, url: &str) -> bool {
        self == Self::Chat && is_at(url, "api.anthropic.com")
    }

    /// Whether the host serves a model by this API, as far as names tell.
    pub fn serves(self, url: &str, model: &str) -> bool {
        let only = model.split('-').any(|word| RESPONSES_ONLY.contains(&word))
            || model.contains("deep-research");
        !(self == Self::Chat && is_openai(url) && only)
    }
}

/// Whether an address is OpenAI's own.
pub fn is_openai(url: &str) -> bool {
    is_at(url, "api.openai.com")
}

/// Whether an address is at a host, or below it.
fn is_at(url: &str, host: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = rest.rsplit('@').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default().to_ascii_lowercase();
    name == host || name.strip_suffix(host).is_some_and(|before| before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::ModelApi;

    #[test]
    fn hosts_have_their_own_api() {
        for (url, api) in [
            ("https://api.openai.com/v1", ModelApi::Responses),
            ("https://eu.API.openai.com:443/v1", ModelApi::Responses),
            ("https://api.x.ai/v1", ModelApi::Responses),
            ("https://api.anthropic.com/v1/", ModelApi::Messages),
            ("https://openrouter.ai/api/v1", ModelApi::Chat),
            ("http://127.0.0.1:8080/v1?x=api.openai.com", ModelApi::Chat),
            ("https://notapi.openai.com.example/v1", ModelApi::Chat),
            ("https://fakeapi.openai.com/v1", ModelApi::Chat),
        ] {
            assert_eq!(ModelApi::of_address(url), api, "{url}");
        }
        let openai = "https://api.openai.com/v1";
        assert!(!ModelApi::Chat.serves(openai, "gpt-5.1-codex"));
        assert!(ModelApi::Chat.serves(openai, "gpt-5.1"));
        assert!(ModelApi::Responses.serves(openai, "gpt-5.1-codex"));
        assert!(ModelApi::Chat.serves("https://openrouter.ai/api/v1", "openai/gpt-5.1-codex"));
        assert!(ModelApi::Chat.ignores_schema("https://api.anthropic.com/v1"));
    }
}
