//! What a worker did, as it is given back.

use crate::dispatch::{AskEnd, GateEnd};
use crate::types::Failure;

/// What was done, as it is given back.
pub(super) struct Performed {
    /// What it was of, for people.
    pub(super) of: String,
    /// How it ended, for people.
    pub(super) word: String,
    /// The end's bytes.
    pub(super) bytes: Vec<u8>,
    /// Content that the end names.
    pub(super) content: Option<Vec<u8>>,
}

impl Performed {
    pub(super) fn gate(of: String, end: &GateEnd, content: Option<Vec<u8>>) -> Self {
        let word = match end {
            GateEnd::Ran { result, .. } => result.report.outcome.word().to_owned(),
            GateEnd::NotRun { why, .. } => format!("not run: {why}"),
        };
        let bytes = serde_json::to_vec(end).expect("an end is plain data");
        Self { of, word, bytes, content }
    }

    pub(super) fn ask(of: String, end: &AskEnd, content: Option<Vec<u8>>) -> Self {
        let word = match end {
            AskEnd::Answered { .. } => "answered".to_owned(),
            AskEnd::Unanswered { message, .. } => format!("not answered: {message}"),
            AskEnd::NotAsked { why, .. } => format!("not asked: {why}"),
        };
        let bytes = serde_json::to_vec(end).expect("an end is plain data");
        Self { of, word, bytes, content }
    }

    /// A question that this worker gives up.
    pub(super) fn given_up() -> Self {
        let message = "the worker was stopped while it asked".to_owned();
        let (failure, served) = (Failure::Connection, true);
        let end = AskEnd::Unanswered { failure, message, after: None, served };
        Self::ask(String::new(), &end, None)
    }

    /// Something that could not be begun. Both kinds of ends say it in the same form.
    pub(super) fn not_begun(of: String, why: String, missing: bool) -> Self {
        let word = format!("not begun: {why}");
        let end = GateEnd::NotRun { why, missing };
        Self { word, ..Self::gate(of, &end, None) }
    }
}
