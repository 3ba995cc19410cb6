//! Reads a stream to its end, with patience for a model that thinks and none for silence.

use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::generator::wire::{ApiWire, Heard, StreamReader};
use crate::generator::{GenerationError, GenerationProgress};
use crate::types::generator::ServerSettings;
use crate::types::{Completion, Failure, limits};

/// Reads an answer.
#[derive(Debug)]
pub struct AnswerReader<'a> {
    server: &'a ServerSettings,
    wire: &'a dyn ApiWire,
    deadline: Instant,
    events: StreamReader,
    heard: Heard,
    /// When the model last said or thought something.
    alive: Instant,
    /// The bytes of the response.
    tape: Vec<u8>,
}

impl<'a> AnswerReader<'a> {
    /// A reader of a response that has begun. The whole answer has to be there at the deadline.
    pub fn new(server: &'a ServerSettings, wire: &'a dyn ApiWire, deadline: Instant) -> Self {
        let (events, heard) = (StreamReader::default(), Heard::default());
        Self { server, wire, deadline, events, heard, alive: Instant::now(), tape: Vec::new() }
    }

    /// Reads to the end of the answer, which may be before the end of the stream. Gives the answer
    /// and the bytes that were read.
    ///
    /// # Errors
    /// The class of what went wrong. Once the answer is whole, nothing goes wrong any more.
    pub async fn read(
        mut self,
        mut stream: impl Stream<Item = Result<Vec<u8>, GenerationError>> + Unpin,
        progress: &dyn GenerationProgress,
    ) -> Result<(Completion, Vec<u8>), GenerationError> {
        while !self.heard.done && self.heard.error.is_none() {
            let (wait, key) = self.patience();
            let until = (self.alive + wait).min(self.deadline);
            match timeout_at(until, stream.next()).await {
                Ok(Some(Ok(bytes))) => self.take(&bytes, progress),
                Ok(None) => break,
                Ok(Some(Err(_))) | Err(_) if self.heard.is_ended() => break,
                Ok(Some(Err(error))) => return Err(self.heard.broken(error)),
                Err(_) => return Err(self.silence(wait, key)),
            }
        }
        for event in std::mem::take(&mut self.events).finish() {
            self.heard.add(self.wire, &event);
        }
        match self.heard.end(&self.server.model) {
            Ok(completion) => Ok((completion, self.tape)),
            Err(error) => Err(error.recorded(self.tape)),
        }
    }

    fn take(&mut self, bytes: &[u8], progress: &dyn GenerationProgress) {
        let before = self.heard.grown();
        for event in self.events.push(bytes) {
            self.heard.add(self.wire, &event);
        }
        if self.heard.grown() > before {
            self.alive = Instant::now();
        }
        progress.grown(self.heard.grown());
        self.tape.extend_from_slice(bytes);
        if self.tape.len() > limits::STREAM_BYTES {
            let message = "the stream is longer than 256 MiB";
            self.heard.error = Some(GenerationError::new(Failure::Truncated, message));
        }
    }

    /// How long the model may say nothing, and the setting behind it.
    fn patience(&self) -> (Duration, &'static str) {
        let idle = Duration::from_millis(self.server.idle_timeout_ms);
        if self.heard.finish.is_some() {
            (idle.min(limits::AFTER_FINISH), "")
        } else if self.heard.has_begun() {
            (idle, "idle_timeout_ms")
        } else {
            let first = Duration::from_millis(self.server.first_token_timeout_ms);
            (first, "first_token_timeout_ms")
        }
    }

    fn silence(&self, wait: Duration, key: &str) -> GenerationError {
        if Instant::now() >= self.deadline {
            return self.heard.broken(late(self.server));
        }
        let message = format!("the server sent no content for {} ms ({key})", wait.as_millis());
        self.heard.broken(GenerationError::new(Failure::TimedOut, message))
    }
}

/// The whole answer was not there at the deadline.
pub fn late(server: &ServerSettings) -> GenerationError {
    let message = format!("no whole answer within {} s (deadline_ms)", server.deadline_ms / 1000);
    GenerationError::new(Failure::TimedOut, message)
}
