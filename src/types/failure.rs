//! Why a model gave no answer.

use serde::{Deserialize, Serialize};

/// Why a generator gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Rate limited, despite retries.
    RateLimited,
    /// Overloaded or failing, despite retries.
    Overloaded,
    /// Invalid key or login.
    Unauthorised,
    /// The account has no credit left.
    Quota,
    /// Rejected request: unknown model, invalid setting.
    BadRequest,
    /// The prompt exceeds the model's context.
    ContextOverflow,
    /// No connection, or lost before the first content.
    Connection,
    /// Timeout before the first content.
    TimedOut,
    /// The answer cannot be parsed.
    BadResponse,
    /// The answer ended or stalled after content began: counts as an attempt of the model.
    Truncated,
    /// The model, or a filter before it, refuses to answer.
    Refused,
    /// No recording for the request.
    CassetteMiss,
    /// The answer differs from the recording.
    CassetteDiffers,
    /// A limit of the budget would be exceeded.
    Budget,
    /// A missing key or another configuration error.
    Configuration,
}

impl Failure {
    /// Whether the same request may be answered later without a change.
    pub fn may_pass(self) -> bool {
        use Failure::{BadResponse, Connection, Overloaded, RateLimited, TimedOut, Truncated};
        matches!(self, BadResponse | Connection | Overloaded | RateLimited | TimedOut | Truncated)
    }
}
