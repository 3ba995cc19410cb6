//! The APIs of models' servers: the body of a request, and the words of an answer. Nothing here
//! sends anything.

mod body;
mod chat;
pub(super) mod classify;
mod events;
mod heard;
mod messages;
pub(super) mod parameters;
mod responses;
mod thoughts;

use serde_json::Value;

use super::GenerationError;
use crate::types::{Completion, ModelApi};

pub(super) use events::StreamReader;
pub(super) use heard::{ApiWire, Heard};

/// All of them.
const ALL: [&dyn ApiWire; 3] = [&responses::Responses, &chat::Chat, &messages::Messages];

/// The wire of an API.
pub(super) fn of(api: ModelApi) -> &'static dyn ApiWire {
    *ALL.iter().find(|wire| wire.api() == api).expect("every API has a wire")
}

/// The wire of a path; `None` for the recordings of other generators.
pub(super) fn of_path(path: &str) -> Option<&'static dyn ApiWire> {
    ALL.iter().find(|wire| wire.path() == path).copied()
}

/// Reads a whole response as the answer of a model.
///
/// # Errors
/// The class of what went wrong.
pub fn read_response(
    api: ModelApi,
    model: &str,
    response: &[u8],
) -> Result<Completion, GenerationError> {
    read(of(api), response).end(model)
}

/// Reads a whole response.
pub(super) fn read(wire: &dyn ApiWire, response: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let mut reader = StreamReader::default();
    let mut events = reader.push(response);
    events.extend(reader.finish());
    events.iter().for_each(|event| heard.add(wire, event));
    heard
}

/// The words of a request's body, in the order in which a model reads them.
pub(super) fn words(body: &Value) -> String {
    let mut words = Vec::new();
    for key in ["instructions", "system", "messages", "input"] {
        collect(&body[key], &mut words);
    }
    words.join("\n")
}

fn collect<'a>(value: &'a Value, words: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => words.push(text),
        Value::Array(list) => list.iter().for_each(|one| collect(one, words)),
        Value::Object(fields) => {
            let inner = ["content", "text"].iter().filter_map(|key| fields.get(*key));
            inner.for_each(|one| collect(one, words));
        }
        _ => {}
    }
}
