//! Requests to a model and its answers.

use serde::{Deserialize, Serialize};

use super::Digest;

/// A rendered prompt, deterministic for equal inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The system message: rules that are constant within a project.
    pub system: String,
    /// The user message: spec, examples, task, last candidate, findings.
    pub user: String,
    /// Messages between the two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<ChatMessage>,
}

impl Prompt {
    /// A prompt of two messages.
    pub fn new(system: String, user: String) -> Self {
        Self { system, user, earlier: Vec::new() }
    }
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatMessage {
    /// Who says it.
    pub role: ChatRole,
    /// What is said.
    pub content: String,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// A person.
    User,
    /// The model.
    Assistant,
}

/// Tokens of a completion, as the server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens.
    pub input: u64,
    /// Output tokens, thoughts included.
    pub output: u64,
    /// Of those read, tokens that the server had in its cache.
    #[serde(default, skip_serializing_if = "is_none")]
    pub cached: u64,
    /// Of those read, tokens that the server wrote into its cache.
    #[serde(default, skip_serializing_if = "is_none")]
    pub cache_write: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It finished.
    Stop,
    /// It reached the limit of output tokens.
    Length,
    /// Anything else, as the server named it.
    Other(String),
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Why it stopped.
    pub finish: Finish,
    /// Its tokens.
    pub usage: Usage,
    /// The model, as the server named it.
    pub model: String,
    /// For a replay: the recording's date (`YYYY-MM-DD`), or `scripted`.
    pub replay: Option<String>,
    /// The whole exchange as a recording, in the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Digest>,
}

/// A generator's complete tree, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWorkspace {
    /// The tree, in the objects.
    pub tree: Digest,
    /// The generator's output, in the objects.
    pub transcript: Digest,
    /// Tokens used.
    pub usage: Usage,
    /// The model that wrote it.
    pub model: String,
    /// For a replay: the recording's date, or `scripted`.
    pub replay: Option<String>,
    /// The whole exchange as a recording, in the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Digest>,
}

/// A generator's answer, as stored; the ledger refers to it by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StoredGeneration {
    /// A text with files in it.
    Text(Completion),
    /// The files.
    Workspace(StoredWorkspace),
}

impl StoredGeneration {
    /// Tokens used.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Text(text) => text.usage,
            Self::Workspace(workspace) => workspace.usage,
        }
    }

    /// The model that wrote it.
    pub fn model(&self) -> &str {
        match self {
            Self::Text(text) => &text.model,
            Self::Workspace(workspace) => &workspace.model,
        }
    }

    /// The recording's date, or `scripted`, for a replay.
    pub fn replay(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.replay.as_deref(),
            Self::Workspace(workspace) => workspace.replay.as_deref(),
        }
    }

    /// The whole exchange as a recording, in the objects.
    pub fn exchange(&self) -> Option<Digest> {
        match self {
            Self::Text(text) => text.exchange,
            Self::Workspace(workspace) => workspace.exchange,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, StoredGeneration, StoredWorkspace, Usage};

    #[test]
    fn older_objects_are_read_and_written_unchanged() {
        let text = "{\"text\":\"a\",\"finish\":\"stop\",\"usage\":{\"input\":1,\"output\":2},\
                    \"model\":\"m\",\"replay\":null}";
        let read: StoredGeneration = serde_json::from_str(text).expect("is one");
        assert!(matches!(read, StoredGeneration::Text(_)), "{read:?}");
        assert_eq!(serde_json::to_string(&read).expect("is plain data"), text);
    }

    #[test]
    fn a_workspace_is_read_back() {
        let stored = StoredGeneration::Workspace(StoredWorkspace {
            tree: Digest::of("tree"),
            transcript: Digest::of("transcript"),
            usage: Usage { input: 1, output: 2, ..Usage::default() },
            model: "m".to_owned(),
            replay: None,
            exchange: None,
        });
        let text = serde_json::to_string(&stored).expect("is plain data");
        assert_eq!(serde_json::from_str::<StoredGeneration>(&text).expect("is one"), stored);
    }
}
