//! What is asked of a model and what comes back.

use serde::{Deserialize, Serialize};

/// A rendered prompt: byte-deterministic for equal inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The system message: rules that never change within a project.
    pub system: String,
    /// The user message: spec, examples, task, last candidate, findings.
    pub user: String,
}

/// Tokens spent on a completion, as the server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It said all.
    Stop,
    /// It ran into the limit of output tokens.
    Length,
    /// Anything else, as the server named it.
    Other(String),
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it cost.
    pub usage: Usage,
    /// The model, as the server named it.
    pub model: String,
    /// Set when nothing was asked: the answer is a recording of that date (`YYYY-MM-DD`), or
    /// `scripted`.
    pub replay: Option<String>,
    /// The whole exchange as a recording, in the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<super::Digest>,
}
