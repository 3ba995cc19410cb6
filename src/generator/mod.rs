//! Whoever writes candidates, behind one trait. A kind of generator is one folder here and one line
//! in `registry.rs`; the engine knows the trait only.
#![expect(clippy::disallowed_methods, reason = "the edge to the model's server and its recordings")]

pub mod cassette;
mod recorded;
mod registry;
mod server;
mod wire;

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::types::{
    AttemptKind, Completion, Digest, Failure, InputsDigest, Prompt, SpecId, TargetName, Tree,
    Usage, limits,
};

pub use cassette::{Cassette, Cassettes};
pub use recorded::{Recordable, Recorded};
pub use registry::{GeneratorParts, MakeGenerator, of};
pub use server::{KnownModel, ModelServer, RateLimits, known_models};
pub use wire::read_response;

/// What is asked of a generator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The prompt.
    pub prompt: Prompt,
    /// What the attempt is for.
    pub kind: AttemptKind,
    /// Distinguishes requests that are otherwise equal: the n-th sample of one prompt, from 0.
    pub sample: u32,
    /// The job it belongs to.
    pub context: CallContext,
}

/// The job that a request belongs to, for recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallContext {
    /// The spec.
    pub spec: SpecId,
    /// The target.
    pub target: TargetName,
    /// What the tree was to be generated from.
    pub job: InputsDigest,
    /// The attempt in its job, from 1.
    pub attempt: u32,
}

/// What a generator gives: a text to read files out of, or the files themselves. Both pass the same
/// checks before anything touches a disk (`reply`).
#[derive(Clone, Debug, PartialEq)]
pub enum Generation {
    /// A reply in one of the forms that `reply` reads.
    Text {
        /// The reply.
        completion: Completion,
        /// What went over the wire, byte for byte.
        transcript: Vec<u8>,
    },
    /// A finished tree: what is missing from it is deleted.
    Workspace {
        /// The files.
        tree: Tree,
        /// What the generator said while it worked.
        transcript: Vec<u8>,
        /// Tokens it used.
        usage: Usage,
        /// The model that wrote it.
        model: String,
        /// Set when nobody was asked: the recording's date, or `scripted`.
        replay: Option<String>,
    },
}

impl Generation {
    /// Tokens it used.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Text { completion, .. } => completion.usage,
            Self::Workspace { usage, .. } => *usage,
        }
    }

    /// The model that wrote it.
    pub fn model(&self) -> &str {
        match self {
            Self::Text { completion, .. } => &completion.model,
            Self::Workspace { model, .. } => model,
        }
    }

    /// The recording's date, or `scripted`, when nobody was asked.
    pub fn replay(&self) -> Option<&str> {
        match self {
            Self::Text { completion, .. } => completion.replay.as_deref(),
            Self::Workspace { replay, .. } => replay.as_deref(),
        }
    }

    /// What was said while it was written.
    pub fn transcript(&self) -> &[u8] {
        match self {
            Self::Text { transcript, .. } | Self::Workspace { transcript, .. } => transcript,
        }
    }

    /// The same answer, marked as a replay of a recording.
    pub fn replayed(mut self, label: String) -> Self {
        match &mut self {
            Self::Text { completion: Completion { replay, .. }, .. }
            | Self::Workspace { replay, .. } => *replay = Some(label),
        }
        self
    }
}

/// Is told how a generation goes on.
pub trait GenerationProgress: Sync {
    /// The answer has so many characters by now.
    fn grown(&self, characters: usize);

    /// Something a person should know.
    fn note(&self, _text: &str) {}
}

impl<F: Fn(usize) + Sync> GenerationProgress for F {
    fn grown(&self, characters: usize) {
        self(characters);
    }
}

/// Makes ring the cryptography of TLS in this process: no HTTP client can be built before.
///
/// It is said here and not by a feature of `reqwest`, whose only choice is `aws-lc`.
pub fn install_tls() {
    // An error means that it is installed.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// A generation that is under way. Dropping it stops it.
pub type Generating<'a> = BoxFuture<'a, Result<Generation, GenerationError>>;

/// Whoever writes candidates: a model's server, a coding agent, a program.
pub trait Generator: fmt::Debug + Send + Sync {
    /// The word for it in the lockfile's `origin`.
    fn kind(&self) -> &'static str;

    /// Names a request. An answer to a request of this name is never asked for twice in an attempt;
    /// no host and no key is part of it.
    fn request_id(&self, request: &Request) -> Digest;

    /// The most that a request can use: so much budget is reserved before it is asked.
    fn ceiling(&self, request: &Request) -> Usage;

    /// Asks. An error says whether a model may have worked ([`GenerationError::served`]): then the
    /// reservation stays.
    fn generate<'a>(
        &'a self,
        request: Request,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a>;

    /// Whether asking costs nothing: then no budget is reserved and no rate limit is looked at.
    fn is_free(&self) -> bool {
        false
    }

    /// Whether it can be asked now, without a long wait.
    ///
    /// # Errors
    /// It is rate limited for longer than a request waits; the error says for how long.
    fn check_rate_limit(&self) -> Result<(), GenerationError> {
        Ok(())
    }

    /// The exchange as a recording that can be replayed elsewhere; `None` where it cannot be
    /// recorded, or the generator's key is in it. `today` is `YYYY-MM-DD`.
    fn recording(&self, _request: &Request, _answer: &Generation, _today: &str) -> Option<Vec<u8>> {
        None
    }

    /// Called once an answer is in the ledger: writes a recording, or compares with one.
    ///
    /// # Errors
    /// The recording cannot be written, or says something else.
    fn keep(
        &self,
        _request: &Request,
        _answer: &Generation,
        _today: &str,
    ) -> Result<(), GenerationError> {
        Ok(())
    }
}

/// A request without an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct GenerationError {
    /// The class.
    pub failure: Failure,
    /// What happened and what to do.
    pub message: String,
    /// Whether the same request may succeed if it is made again at once.
    pub retry: bool,
    /// How long the generator is rate limited.
    pub after: Option<Duration>,
    /// Whether a model may have worked for it, and be paid for it.
    pub served: bool,
    /// The parameter of the request that the server does not take.
    pub parameter: Option<&'static str>,
}

impl GenerationError {
    /// An error that is final.
    pub fn new(failure: Failure, message: impl Into<String>) -> Self {
        let served = matches!(
            failure,
            Failure::Connection
                | Failure::TimedOut
                | Failure::BadResponse
                | Failure::Truncated
                | Failure::Refused
        );
        let message = message.into();
        Self { failure, message, retry: false, after: None, served, parameter: None }
    }

    /// An error that another attempt may fix.
    pub fn again(failure: Failure, message: impl Into<String>) -> Self {
        Self { retry: true, ..Self::new(failure, message) }
    }
}

/// Tokens of a prompt and a text, estimated from their bytes: for servers that do not count.
pub fn estimate(prompt: &Prompt, text: &str) -> Usage {
    let tokens = |bytes: usize| bytes.div_ceil(limits::BYTES_PER_TOKEN) as u64;
    let input = tokens(prompt.system.len() + prompt.user.len());
    Usage { input, output: tokens(text.len()), ..Usage::default() }
}
