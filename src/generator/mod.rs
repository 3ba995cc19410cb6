//! Generators of candidates, behind one trait. A kind of generator is a folder here and a line in
//! `registry.rs`; the engine knows only the trait.
#![expect(clippy::disallowed_methods, reason = "the edge to the model's server and its recordings")]

mod agent;
pub mod cassette;
mod elsewhere;
mod recorded;
mod registry;
mod server;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::gateway::{ExchangeJournal, Pace};
use crate::sandbox::{WorkOrder, WorkSandbox};
use crate::types::{Completion, Digest, Failure, Prompt, Tree, Usage, limits};

pub use crate::gateway::RateLimits;
pub use crate::types::{CallContext, Request};
pub use agent::{
    AgentTranscript, PRESETS, Preset, WorkReport, on_path, program_of, read_transcript,
};
pub use cassette::{Cassette, Cassettes};
pub use elsewhere::{Elsewhere, RemoteAnswer, RemoteQuestion, settings_of};
pub use recorded::{Recordable, Recorded};
pub use registry::{GeneratorParts, MakeGenerator, of};
pub use server::{KnownModel, ModelServer, known_models};
pub use wire::read_response;

/// An answer: text with files in it, or the files themselves. `reply` checks both in the same way
/// before anything is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Generation {
    /// A text in one of the forms that `reply` parses.
    Text {
        /// The reply.
        completion: Completion,
        /// The raw response.
        transcript: Vec<u8>,
    },
    /// A complete tree; files missing from it are deleted.
    Workspace {
        /// The files.
        tree: Tree,
        /// The generator's output while it worked.
        transcript: Vec<u8>,
        /// Tokens used.
        usage: Usage,
        /// The model that wrote it.
        model: String,
        /// Set for a replay: the recording's date, or `scripted`.
        replay: Option<String>,
    },
}

impl Generation {
    /// Tokens used.
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

    /// The recording's date, or `scripted`, for a replay.
    pub fn replay(&self) -> Option<&str> {
        match self {
            Self::Text { completion, .. } => completion.replay.as_deref(),
            Self::Workspace { replay, .. } => replay.as_deref(),
        }
    }

    /// The generator's output.
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

/// Receives progress of a generation.
pub trait GenerationProgress: Sync {
    /// The number of characters so far.
    fn grown(&self, characters: usize);

    /// What an agent says that it did.
    fn turn(&self, _text: &str) {}

    /// Something a person should know.
    fn note(&self, _text: &str) {}
}

impl<F: Fn(usize) + Sync> GenerationProgress for F {
    fn grown(&self, characters: usize) {
        self(characters);
    }
}

/// Installs ring as the TLS provider of this process; required before any HTTP client.
///
/// Done here because `reqwest`'s feature could only choose `aws-lc`.
pub fn install_tls() {
    // An error means that a provider is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Where a generator works on files.
#[derive(Debug)]
pub struct Workplace {
    /// The sandbox that it ordered.
    pub sandbox: WorkSandbox,
    /// Where its exchanges with a model are recorded.
    pub journal: Arc<dyn ExchangeJournal>,
}

/// A running generation. Dropping it stops it.
pub type Generating<'a> = BoxFuture<'a, Result<Generation, GenerationError>>;

/// A generator of candidates: a model server, a coding agent, a program.
pub trait Generator: fmt::Debug + Send + Sync {
    /// Its kind, for the lockfile's `origin`.
    fn kind(&self) -> &'static str;

    /// The id of a request, without host and key. An attempt never sends a request of the same id
    /// twice.
    fn request_id(&self, request: &Request) -> Digest;

    /// The maximum usage of a request; reserved from the budget before it is sent.
    fn ceiling(&self, request: &Request) -> Usage;

    /// The sandbox that it needs for a request; `None` for a generator without one.
    ///
    /// # Errors
    /// It cannot be asked.
    fn order(&self, _request: &Request) -> Result<Option<WorkOrder>, GenerationError> {
        Ok(None)
    }

    /// Sends the request; `work` has the sandbox that was ordered. An error tells whether a model
    /// may have worked ([`GenerationError::served`]); then the reservation stays.
    fn generate<'a>(
        &'a self,
        request: Request,
        work: Option<Workplace>,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a>;

    /// Wall time of a generation: the engine drops one that takes longer. `None` for a generator
    /// that ends its own, because it begins to count when its turn has come.
    fn deadline(&self) -> Option<Duration> {
        Some(limits::ATTEMPT_DEADLINE)
    }

    /// Whether requests are free: then no budget is reserved and rate limits are ignored.
    fn is_free(&self) -> bool {
        false
    }

    /// Whether it can be used now, without a long wait.
    ///
    /// # Errors
    /// It is rate limited for longer than a request waits; the error has the duration.
    fn check_rate_limit(&self) -> Result<(), GenerationError> {
        Ok(())
    }

    /// The exchange as a recording; `None` if it cannot be recorded or contains the API key.
    /// `today` is `YYYY-MM-DD`.
    fn recording(&self, _request: &Request, _answer: &Generation, _today: &str) -> Option<Vec<u8>> {
        None
    }

    /// Called once an answer is in the ledger: writes a recording, or compares with one.
    ///
    /// # Errors
    /// The recording cannot be written, or differs.
    fn keep(
        &self,
        _request: &Request,
        _answer: &Generation,
        _today: &str,
    ) -> Result<(), GenerationError> {
        Ok(())
    }
}

/// A failed request.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct GenerationError {
    /// The class.
    pub failure: Failure,
    /// What failed, and what to do.
    pub message: String,
    /// Whether an immediate retry may succeed.
    pub retry: bool,
    /// The duration of a rate limit.
    pub after: Option<Duration>,
    /// Whether a model may have worked for it, at a cost.
    pub served: bool,
    /// The parameter of the request that the server does not take.
    pub parameter: Option<&'static str>,
    /// What an agent left that was ended: for people, not judged.
    pub left: Option<Box<Generation>>,
    /// What the model said, if it refuses to answer.
    pub refusal: Option<Box<Generation>>,
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
        let (message, retry) = (message.into(), false);
        let (after, parameter, left, refusal) = (None, None, None, None);
        Self { failure, message, retry, after, served, parameter, left, refusal }
    }

    /// The same, with the raw response in a refusal.
    fn recorded(mut self, response: Vec<u8>) -> Self {
        if let Some(Generation::Text { transcript, .. }) = self.refusal.as_deref_mut() {
            *transcript = response;
        }
        self
    }

    /// An error that a retry may fix.
    pub fn again(failure: Failure, message: impl Into<String>) -> Self {
        Self { retry: true, ..Self::new(failure, message) }
    }
}

/// Whether a server limits the rate of requests for longer than one waits.
fn rate_limit(pace: &Pace) -> Result<(), GenerationError> {
    match pace.long_hold() {
        None => Ok(()),
        after => {
            let message = "the server limits the rate of requests";
            let error = GenerationError::new(Failure::RateLimited, message);
            Err(GenerationError { after, ..error })
        }
    }
}

/// Tokens of a prompt and a text, estimated from their bytes, for servers without counts.
pub fn estimate(prompt: &Prompt, text: &str) -> Usage {
    let tokens = |bytes: usize| bytes.div_ceil(limits::BYTES_PER_TOKEN) as u64;
    let input = tokens(prompt.system.len() + prompt.user.len());
    Usage { input, output: tokens(text.len()), ..Usage::default() }
}
