//! The seam to models that are asked on other machines.

use std::fmt;

use futures::future::BoxFuture;

use super::{GenerationError, GenerationProgress, Generator};
use crate::types::{AttemptKind, CallContext, Digest, Fingerprint, InputsDigest, Prompt, Request};

/// A question to be asked on another machine.
#[derive(Debug)]
pub struct RemoteQuestion {
    /// What is asked.
    pub request: Request,
    /// The digest of the settings that the answer depends on.
    pub settings: Fingerprint,
    /// The model, for people.
    pub model: String,
}

/// What came of it.
#[derive(Debug)]
pub enum RemoteAnswer {
    /// The model's response, as it arrived there.
    Response(String),
    /// No answer.
    Failed(GenerationError),
    /// No machine was asked: this one may.
    Alone,
}

/// Asks models on other machines.
pub trait Elsewhere: fmt::Debug + Send + Sync {
    /// Asks.
    fn ask<'a>(
        &'a self,
        question: RemoteQuestion,
        progress: &'a dyn GenerationProgress,
    ) -> BoxFuture<'a, RemoteAnswer>;
}

/// The digest of the settings that answers of a generator depend on: not its address, not its key.
pub fn settings_of(generator: &dyn Generator) -> Fingerprint {
    Fingerprint(generator.request_id(&Request {
        prompt: Prompt::new(String::new(), String::new()),
        kind: AttemptKind::Generate,
        sample: 0,
        base: None,
        call: None,
        context: CallContext {
            spec: "any".into(),
            target: "any".into(),
            job: InputsDigest(Digest::of("any")),
            attempt: 1,
        },
    }))
}
