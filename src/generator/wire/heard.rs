//! What a server has said so far, and what it comes to when it says no more.

use std::fmt;

use serde_json::Value;

use super::events::{EventData, StreamEvent};
use super::{classify, thoughts};
use crate::generator::{Generation, GenerationError, Request};
use crate::reply;
use crate::types::generator::ServerSettings;
use crate::types::{Completion, Failure, Finish, ModelApi, Usage, limits};

/// One API.
pub trait ApiWire: fmt::Debug + Sync {
    /// Its word.
    fn api(&self) -> ModelApi;

    /// Where requests go, below the server's address; recordings have it too.
    fn path(&self) -> &'static str;

    /// The body of a request, canonical: its keys are sorted.
    fn body(&self, server: &ServerSettings, request: &Request) -> Value;

    /// Adds an event of a stream, or a whole answer, to what was heard.
    fn hear(&self, event: &Value, heard: &mut Heard);
}

/// What was read of an answer. Wires add to it.
#[derive(Debug, Default)]
pub struct Heard {
    /// The answer.
    pub text: String,
    /// Characters of thoughts, which are no part of the answer.
    pub thought: usize,
    /// The number of the choice that is the answer.
    pub choice: Option<u64>,
    /// Why the model refuses.
    pub refusal: String,
    /// Why it ended.
    pub finish: Option<Finish>,
    /// What it cost.
    pub usage: Option<Usage>,
    /// The model, as the server names it.
    pub model: Option<String>,
    /// The server has begun with an answer, if with no word of it.
    pub opened: bool,
    /// The server has said that this is all.
    pub done: bool,
    /// What went wrong.
    pub error: Option<GenerationError>,
    /// How much of the text was there when a piece of the answer was lost.
    damaged: Option<usize>,
    /// How much of the text stood there when its last part was finished.
    settled: usize,
    /// The first thing that is no event of any API.
    foreign: Option<String>,
}

impl Heard {
    /// Adds an event.
    pub fn add(&mut self, wire: &dyn ApiWire, event: &StreamEvent) {
        match &event.data {
            EventData::Done => self.done |= wire.api() != ModelApi::Responses,
            EventData::Damaged if self.finish.is_some() => {}
            EventData::Damaged => {
                self.damaged.get_or_insert(self.text.len());
            }
            EventData::Text(text) if event.name == "error" => self.fail(&Value::from(text.clone())),
            EventData::Text(text) => self.unknown(text),
            EventData::Object(value) => match error_of(&event.name, value) {
                Some(error) => self.fail(error),
                None => wire.hear(value, self),
            },
        }
        if self.text.len() > limits::REPLY_BYTES {
            let message = "the answer is longer than 32 MiB: the model is looping";
            self.error = Some(GenerationError::new(Failure::Truncated, message));
        }
    }

    /// Takes an error object. Behind a whole answer, or the end of one, it takes nothing from it.
    pub fn fail(&mut self, error: &Value) {
        let is_ended = self.finish.is_some() || (self.done && !self.text.is_empty());
        if is_ended || self.error.is_some() {
        } else if self.is_whole() {
            self.finish = Some(unsaid());
        } else {
            let error = classify::of_error_object(error, None);
            self.error = Some(self.broken(error));
        }
    }

    /// Takes the whole text of a part that is finished, of which the pieces may have come before.
    pub fn finish_part(&mut self, text: &str) {
        let is_new = self.text.len() == self.settled;
        if is_new && !self.text.trim_end().ends_with(text.trim()) {
            self.text.push_str(text);
        }
        self.settled = self.text.len();
    }

    /// Whether no more is needed: the server has said why it ends, or the answer is complete.
    pub fn is_ended(&self) -> bool {
        self.finish.is_some() || self.is_whole()
    }

    /// Whether the answer is complete, whatever the server says or does from here on.
    pub fn is_whole(&self) -> bool {
        is_whole(&self.text)
    }

    /// Takes a piece of a thought.
    pub fn think(&mut self, text: &str) {
        self.thought += text.len();
    }

    /// Takes what no wire knows.
    pub fn unknown(&mut self, text: &str) {
        self.foreign.get_or_insert_with(|| text.to_owned());
    }

    /// Takes the model's name, if there is one.
    pub fn named(&mut self, model: &Value) {
        if let Some(name) = model.as_str().filter(|name| !name.is_empty()) {
            self.model = Some(name.chars().filter(|c| !c.is_control()).take(100).collect());
        }
    }

    /// How much has come, answer and thoughts.
    pub fn grown(&self) -> usize {
        self.text.len() + self.thought
    }

    /// Whether the model has begun: what breaks then is an attempt of the model's.
    pub fn has_begun(&self) -> bool {
        self.grown() > 0
    }

    /// Whether it comes to an answer, of whatever use. A refusal can come as an error.
    pub fn is_answer(&self) -> bool {
        let is_refused = self.error.as_ref().is_some_and(|one| one.failure == Failure::Refused);
        self.finish.is_some() || self.has_begun() || is_refused
    }

    /// An error as what it is once the model has begun. What came from behind a success may have
    /// been paid for, and is not asked for again here.
    pub fn broken(&self, error: GenerationError) -> GenerationError {
        let failure = if self.has_begun() { Failure::Truncated } else { error.failure };
        GenerationError { failure, retry: false, served: true, ..error }
    }

    /// What it comes to. `model` is what was asked for.
    ///
    /// # Errors
    /// The class of what went wrong.
    pub fn end(mut self, model: &str) -> Result<Completion, GenerationError> {
        if let Some(error) = self.error.take() {
            return Err(match error.failure {
                Failure::Refused => self.refused(model, error),
                _ => error,
            });
        }
        let is_whole = self.is_whole();
        if !is_whole && (!self.refusal.is_empty() || self.finish == Some(filtered())) {
            let why = if self.refusal.is_empty() { "a content filter" } else { &self.refusal };
            let message = format!("the model refuses to answer: {why}; reword the spec");
            return Err(self.refused(model, GenerationError::new(Failure::Refused, message)));
        }
        let ended = (is_whole || (self.done && !self.text.is_empty())).then(unsaid);
        let Some(finish) = self.finish.take().or(ended) else { return Err(self.unfinished()) };
        // A piece before the first word, or behind the last one, takes nothing from it.
        let is_lost = |at: usize| !is_whole || (at > 0 && !self::is_whole(&self.text[..at]));
        if self.damaged.is_some_and(is_lost) {
            let message = "a piece of the answer is not JSON, and lost";
            return Err(GenerationError::new(Failure::Truncated, message));
        }
        let text = thoughts::without(&self.text, finish == Finish::Stop);
        let usage = self.usage.unwrap_or_default();
        let model = self.model.unwrap_or_else(|| model.to_owned());
        Ok(Completion { text, finish, usage, model, replay: None, exchange: None })
    }

    /// An error with what the model said in place of an answer.
    fn refused(self, model: &str, error: GenerationError) -> GenerationError {
        let completion = Completion {
            text: self.refusal,
            finish: filtered(),
            usage: self.usage.unwrap_or_default(),
            model: self.model.unwrap_or_else(|| model.to_owned()),
            replay: None,
            exchange: None,
        };
        let refusal = Generation::Text { completion, transcript: Vec::new() };
        GenerationError { refusal: Some(Box::new(refusal)), ..error }
    }

    fn unfinished(self) -> GenerationError {
        if self.has_begun() || self.opened {
            let message = "the stream ended before the model had finished";
            return GenerationError::new(Failure::Truncated, message);
        }
        match self.foreign {
            Some(said) => classify::of_status(200, &said),
            None => {
                let message = "the stream ended without any content";
                GenerationError::new(Failure::BadResponse, message)
            }
        }
    }
}

/// The end of an answer that a content filter refuses.
fn filtered() -> Finish {
    Finish::Other("content_filter".to_owned())
}

/// An end for which the server gives no reason.
fn unsaid() -> Finish {
    Finish::Other("unsaid".to_owned())
}

/// Whether a text is a complete answer without the thoughts before it.
fn is_whole(text: &str) -> bool {
    reply::is_whole(&thoughts::without(text, false))
}

/// The error in a field, which many servers also send where there is none: `""`, `{}`, `code: 0`.
pub fn error_in(value: &Value) -> Option<&Value> {
    let error = value.get("error")?;
    let says_success = match &error["code"] {
        Value::Number(code) => code.as_u64() == Some(0) || code.as_u64() == Some(200),
        Value::String(code) => ["0", "200", "ok", "success"].iter().any(|word| code == word),
        _ => false,
    };
    (!says_success && !is_nothing(error)).then_some(error)
}

/// Whether a value says nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.iter().all(is_nothing),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

/// The error in an event, wherever servers put it.
fn error_of<'a>(name: &str, value: &'a Value) -> Option<&'a Value> {
    let inner = error_in(value);
    let is_one = name == "error" || value["type"] == "error" || value["object"] == "error";
    inner.or_else(|| is_one.then_some(value))
}

/// A count of tokens. One that no model reaches is cut: sums of these never overflow.
pub fn count(value: &Value) -> Option<u64> {
    value.as_u64().map(|count| count.min(u32::MAX.into()))
}
