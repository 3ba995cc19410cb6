//! Recordings around any generator that can be recorded: answers from them, writes them, compares
//! with them, as the mode says.

use super::cassette::{Cassette, Cassettes, RecordedRequest, Recording};
use super::{Generating, Generation, GenerationError, GenerationProgress, Generator, Request};
use crate::types::harness::CassetteMode;
use crate::types::{Digest, Failure, Usage};

/// A generator whose answers can be recorded and replayed.
pub trait Recordable: Generator {
    /// The request as a recording has it. Its key is the request's id.
    fn recorded_request(&self, request: &Request) -> RecordedRequest;

    /// The answer as a recording has it: what [`Self::replay`] reads.
    fn recorded_answer(&self, answer: &Generation) -> Vec<u8>;

    /// Reads a recorded answer as if it had just arrived; nobody is asked.
    fn replay<'a>(
        &'a self,
        request: Request,
        answer: String,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a>;

    /// Whether everything is there that asking needs, such as the key.
    ///
    /// # Errors
    /// What is missing.
    fn check_setup(&self) -> Result<(), GenerationError>;

    /// What no recording may contain.
    fn secret(&self) -> Option<&str>;
}

/// A generator with its recordings.
#[derive(Debug)]
pub struct Recorded<G> {
    generator: G,
    kind: &'static str,
    mode: CassetteMode,
    cassettes: Cassettes,
}

impl<G: Recordable> Recorded<G> {
    /// Puts recordings around a generator. `kind` is the word for both in the lockfile's `origin`.
    pub fn new(
        generator: G,
        kind: &'static str,
        (mode, cassettes): (CassetteMode, Cassettes),
    ) -> Self {
        Self { generator, kind, mode, cassettes }
    }

    /// The recorded answer, if the mode wants one.
    fn find(&self, request: &Request) -> Result<Option<Cassette>, GenerationError> {
        if !matches!(self.mode, CassetteMode::Replay | CassetteMode::Auto) {
            return Ok(None);
        }
        let asked = self.generator.recorded_request(request);
        let found = self.cassettes.read(asked.key())?;
        if found.is_none() && self.mode == CassetteMode::Replay {
            let message = self.cassettes.miss(&asked, &request.context);
            return Err(GenerationError::new(Failure::CassetteMiss, message));
        }
        Ok(found)
    }

    fn cassette(&self, request: &Request, answer: &Generation, today: &str) -> Cassette {
        let recording = Recording {
            response: self.generator.recorded_answer(answer),
            date: answer.replay().unwrap_or(today).to_owned(),
            model: answer.model().to_owned(),
            usage: answer.usage(),
        };
        Cassette::new(self.generator.recorded_request(request), recording, &request.context)
    }
}

impl<G: Recordable> Generator for Recorded<G> {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn request_id(&self, request: &Request) -> Digest {
        self.generator.request_id(request)
    }

    fn ceiling(&self, request: &Request) -> Usage {
        self.generator.ceiling(request)
    }

    fn generate<'a>(
        &'a self,
        request: Request,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            if self.mode != CassetteMode::Replay {
                self.generator.check_setup()?;
            }
            let Some(cassette) = self.find(&request)? else {
                return self.generator.generate(request, progress).await;
            };
            let answer = self.generator.replay(request, cassette.response(), progress).await?;
            Ok(answer.replayed(cassette.label()))
        })
    }

    fn is_free(&self) -> bool {
        self.mode == CassetteMode::Replay || self.generator.is_free()
    }

    fn check_rate_limit(&self) -> Result<(), GenerationError> {
        self.generator.check_rate_limit()
    }

    fn recording(&self, request: &Request, answer: &Generation, today: &str) -> Option<Vec<u8>> {
        let text = self.cassette(request, answer, today).text();
        let shows_key = self.generator.secret().is_some_and(|secret| text.contains(secret));
        (!shows_key).then(|| text.into_bytes())
    }

    fn keep(
        &self,
        request: &Request,
        answer: &Generation,
        today: &str,
    ) -> Result<(), GenerationError> {
        let writes = matches!(self.mode, CassetteMode::Auto | CassetteMode::Record);
        if answer.replay().is_some() || !(writes || self.mode == CassetteMode::Verify) {
            return Ok(());
        }
        let cassette = self.cassette(request, answer, today);
        if writes {
            self.cassettes.write(&cassette, self.generator.secret())
        } else {
            self.cassettes.compare(&cassette)
        }
    }
}
