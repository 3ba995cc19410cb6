//! What people ask of a running daemon, and the answers.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::types::SpecId;
use crate::workspace::CommandError;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Command {
    /// Read everything anew, and do these specs first.
    Trigger {
        /// Also what is up to date.
        force: bool,
    },
    /// End these specs' jobs, and try them no more until something changes.
    Cancel,
    /// Try again what failed.
    Retry,
    /// Put an earlier promotion of one spec in place again.
    Rollback {
        /// Of this run; else the one before what stands.
        #[serde(default)]
        to: Option<i64>,
        /// Whether edits by hand are saved aside instead of refused.
        #[serde(default)]
        discard_edits: bool,
    },
    /// Start no job.
    Pause,
    /// Start jobs again.
    Resume,
}

/// An order as the API takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBody {
    /// What is to be done.
    #[serde(flatten)]
    pub act: Command,
    /// Ids or patterns of specs.
    #[serde(default)]
    pub specs: Vec<String>,
    /// Who asks.
    #[serde(default)]
    pub by: Option<String>,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The specs that it changed something for.
    pub specs: Vec<SpecId>,
}

/// Why an order cannot be followed.
#[derive(Debug)]
pub enum Refusal {
    /// It is wrong.
    Wrong(String),
    /// Something failed.
    Failed(CommandError),
}

impl<E: Into<CommandError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// An order.
#[derive(Debug)]
pub struct CommandRequest {
    /// What is to be done.
    pub act: Command,
    /// Ids or patterns of specs.
    pub specs: Vec<String>,
    /// Who asks, for the ledger.
    pub by: String,
    /// Who waits for the answer.
    pub reply: oneshot::Sender<Result<Answer, Refusal>>,
}
