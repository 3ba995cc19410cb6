//! Chunks of a streamed completion, and a parser that trusts none of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_openai::error::OpenAIError;
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::classify;
use crate::generator::{GenerationError, GenerationProgress};
use crate::types::generator::OpenaiSettings;
use crate::types::{Completion, Failure, Finish, Usage, limits};

/// Reads a stream to its end. `begun` is set when the first content arrives.
///
/// # Errors
/// The class of the failure.
pub async fn read(
    server: &OpenaiSettings,
    mut stream: impl Stream<Item = Result<Value, OpenAIError>> + Unpin,
    progress: &dyn GenerationProgress,
    begun: &AtomicBool,
) -> Result<Completion, GenerationError> {
    let mut text = String::new();
    let (mut finish, mut usage, mut model) = (None, Usage::default(), server.model.clone());
    let first = Duration::from_millis(server.first_token_timeout_ms);
    let first = tokio::time::Instant::now() + first;
    loop {
        let (wait, until) = if text.is_empty() {
            (server.first_token_timeout_ms, first)
        } else {
            let wait = server.idle_timeout_ms;
            (wait, tokio::time::Instant::now() + Duration::from_millis(wait))
        };
        let next = tokio::time::timeout_at(until, stream.next()).await;
        let Ok(next) = next else {
            let message = format!("no content from the server for {wait} ms");
            return Err(GenerationError::new(silence(!text.is_empty()), message));
        };
        let Some(next) = next else { break };
        let value = next.map_err(|error| classify::of_openai(error, !text.is_empty()))?;
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            let error = classify::of_error_object(error, None);
            return Err(if text.is_empty() {
                error
            } else {
                GenerationError::new(Failure::Truncated, error.message)
            });
        }
        let chunk = Chunk::of(&value);
        text.push_str(&chunk.text);
        finish = chunk.finish.or(finish);
        usage = chunk.usage.unwrap_or(usage);
        model = chunk.model.unwrap_or(model);
        begun.store(!text.is_empty(), Ordering::Relaxed);
        progress.grown(text.len());
        if text.len() > limits::REPLY_BYTES {
            let message =
                "the answer is longer than 32 MiB; the model is probably looping".to_owned();
            return Err(GenerationError::new(Failure::Truncated, message));
        }
    }
    let finish = match finish.as_deref() {
        Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some(other) => Finish::Other(other.to_owned()),
        None if text.is_empty() => {
            let message = "the stream ended without any content".to_owned();
            return Err(GenerationError::new(Failure::BadResponse, message));
        }
        None => {
            let message = "the stream ended before the model had finished".to_owned();
            return Err(GenerationError::new(Failure::Truncated, message));
        }
    };
    Ok(Completion { text, finish, usage, model, replay: None, exchange: None })
}

/// The failure for a silent server: before the first content, nothing was generated.
pub fn silence(begun: bool) -> Failure {
    if begun { Failure::Truncated } else { Failure::TimedOut }
}

/// A chunk, or a whole completion. Missing or invalid fields are ignored one by one.
#[derive(Debug, Default, PartialEq)]
struct Chunk {
    text: String,
    finish: Option<String>,
    usage: Option<Usage>,
    model: Option<String>,
}

impl Chunk {
    fn of(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut chunk = Self::default();
        for choice in value["choices"].as_array().into_iter().flatten() {
            let said = text(&choice["delta"]["content"]).or(text(&choice["message"]["content"]));
            chunk.text.push_str(&said.unwrap_or_default());
            chunk.finish = text(&choice["finish_reason"]).or(chunk.finish);
        }
        // Implausible counts are ignored, so that sums never overflow.
        let count = |name: &str| value["usage"][name].as_u64().map(|n| n.min(u32::MAX.into()));
        if let (Some(input), Some(output)) = (count("prompt_tokens"), count("completion_tokens")) {
            chunk.usage = Some(Usage { input, output });
        }
        let model = value["model"].as_str().filter(|model| !model.is_empty());
        chunk.model =
            model.map(|name| name.chars().filter(|c| !c.is_control()).take(100).collect());
        chunk
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Chunk;
    use crate::types::Usage;

    #[test]
    fn an_invalid_field_is_ignored_alone() {
        let chunk = Chunk::of(&json!({
            "choices": [{ "delta": { "content": "a" }, "index": "x" }, 7],
            "usage": "none", "model": 3,
        }));
        assert_eq!(chunk, Chunk { text: "a".to_owned(), ..Chunk::default() });
        let most = u64::MAX;
        let chunk = Chunk::of(&json!({
            "choices": [{ "message": { "content": "b" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": most, "completion_tokens": 2 }, "model": "m\u{1b}",
        }));
        assert_eq!(chunk.usage, Some(Usage { input: u64::from(u32::MAX), output: 2 }));
        assert_eq!((chunk.finish.as_deref(), chunk.model.as_deref()), (Some("stop"), Some("m")));
    }
}
