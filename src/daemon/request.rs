//! Orders to a running daemon, and its answers.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::types::SpecId;
use crate::workspace::CommandError;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Command {
    /// Reload everything and run these specs next.
    Trigger {
        /// Even if up to date.
        force: bool,
    },
    /// End these specs' jobs; retry only when their inputs change.
    Cancel,
    /// Retry failed specs.
    Retry,
    /// Put an earlier promotion of one spec back.
    Rollback {
        /// Of this run; else of the promotion before the current one.
        #[serde(default)]
        to: Option<i64>,
        /// Whether to save and replace manual edits instead of refusing.
        #[serde(default)]
        discard_edits: bool,
    },
    /// Pause scheduling.
    Pause,
    /// Resume scheduling.
    Resume,
}

/// An order, as the API takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBody {
    /// What to do.
    #[serde(flatten)]
    pub act: Command,
    /// Spec ids or patterns.
    #[serde(default)]
    pub specs: Vec<String>,
    /// Who sends it.
    #[serde(default)]
    pub by: Option<String>,
}

/// The result of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The affected specs.
    pub specs: Vec<SpecId>,
}

/// Why an order was not performed.
#[derive(Debug)]
pub enum Refusal {
    /// It is invalid.
    Wrong(String),
    /// Something failed.
    Failed(CommandError),
}

impl<E: Into<CommandError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A queued order.
#[derive(Debug)]
pub struct CommandRequest {
    /// What to do.
    pub act: Command,
    /// Spec ids or patterns.
    pub specs: Vec<String>,
    /// Who sent it, for the ledger.
    pub by: String,
    /// Receives the answer.
    pub reply: oneshot::Sender<Result<Answer, Refusal>>,
}
