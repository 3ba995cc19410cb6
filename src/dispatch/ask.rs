//! A question to a model as it is sent to a worker, and what came of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::types::{Digest, Encoder, Failure, Fingerprint, Request};

/// A question to ask on another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskOrder {
    /// What is asked.
    pub request: Request,
    /// The digest of the settings that an answer depends on: model, API, temperature. Address and
    /// key are the worker's own.
    pub settings: Fingerprint,
}

impl AskOrder {
    /// The digest of the question and of the call that pays for it: equal after a restart, so that
    /// an answer is not bought twice.
    pub fn id(&self) -> Digest {
        let text = serde_json::to_string(self).expect("a question is plain data");
        Encoder::new("ask").text(VERSION).text(text).finish()
    }
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum AskEnd {
    /// The model answered, or refused to.
    Answered {
        /// The digest of its response.
        response: Digest,
    },
    /// It gave no answer.
    Unanswered {
        /// The class.
        failure: Failure,
        /// What failed.
        message: String,
        /// The duration of a rate limit.
        after: Option<Duration>,
        /// Whether a model may have worked for it, at a cost.
        served: bool,
    },
    /// It was not asked.
    #[serde(rename = "not_run")]
    NotAsked {
        /// Why.
        why: String,
        /// Content that the server does not have.
        missing: bool,
    },
}

/// How an answer goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskNotice {
    /// Characters so far.
    Grown(usize),
    /// Something that a person should know.
    Note(String),
}

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "errand")]
pub enum Errand {
    /// A gate to run.
    Gate(super::GateOrder),
    /// A question to ask.
    Ask(AskOrder),
}

impl Errand {
    /// The digest of everything that the result depends on.
    pub fn id(&self) -> Digest {
        match self {
            Self::Gate(order) => order.id(),
            Self::Ask(order) => order.id(),
        }
    }

    /// The bytes that travel.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an errand is plain data")
    }
}

#[cfg(test)]
mod tests {
    use super::{AskOrder, Errand, Fingerprint};
    use crate::types::{AttemptKind, CallContext, Digest, InputsDigest, Prompt, Request};

    fn order(call: &str, settings: &str) -> AskOrder {
        let (spec, target) = ("adder".into(), "rust".into());
        let request = Request {
            prompt: Prompt::new("Write.".to_owned(), "# Adder".to_owned()),
            kind: AttemptKind::Generate,
            sample: 0,
            base: None,
            call: Some(Digest::of(call)),
            context: CallContext { spec, target, job: InputsDigest(Digest::of("")), attempt: 1 },
        };
        AskOrder { request, settings: Fingerprint(Digest::of(settings)) }
    }

    #[test]
    fn a_question_is_the_same_only_in_the_same_call_with_the_same_settings() {
        let one = order("job 1", "qwen");
        assert_eq!(one.id(), order("job 1", "qwen").id());
        assert_ne!(one.id(), order("job 2", "qwen").id());
        assert_ne!(one.id(), order("job 1", "qwen, warm").id());
        let text = Errand::Ask(one.clone()).bytes();
        let read: Errand = serde_json::from_slice(&text).expect("reads");
        assert_eq!((read.id(), read), (one.id(), Errand::Ask(one)));
    }
}
