//! Classifies failures by status, headers and body: class, retry, advice.

use std::time::{Duration, SystemTime};

use async_openai::error::{OpenAIError, StreamError};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::generator::GenerationError;
use crate::types::{Failure, limits};

/// Classifies a response other than a successful stream.
pub fn of_response(status: u16, headers: &HeaderMap, body: &str) -> GenerationError {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let error = value.get("error").filter(|error| !error.is_null());
    match error {
        Some(error) => {
            GenerationError { after: after(headers), ..of_error_object(error, Some(status)) }
        }
        None => {
            let detail = value.get("message").or(value.get("detail")).and_then(Value::as_str);
            let said = detail.map_or_else(|| first_line(body), str::to_owned);
            GenerationError { after: after(headers), ..of_status(status, &said) }
        }
    }
}

/// Classifies an error object, whose `code` may be a string, a number or missing.
pub fn of_error_object(error: &Value, status: Option<u16>) -> GenerationError {
    let text = |key: &str| match error.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let message = match error.as_str() {
        Some(text) => text.to_owned(),
        None => text("message"),
    };
    let (code, kind) = (text("code"), text("type"));
    let said = |word: &str| code.contains(word) || kind.contains(word);
    if said("insufficient_quota") || said("billing") {
        return quota(&message);
    }
    let folded = message.to_lowercase();
    let overflow = ["context length", "context size", "context window", "too many tokens"];
    if said("context_length")
        || said("exceed_context")
        || overflow.iter().any(|o| folded.contains(o))
    {
        let message = format!("the prompt exceeds the model's context: {message}; split the spec");
        return GenerationError::new(Failure::ContextOverflow, message);
    }
    let status = status.filter(|status| *status >= 400).or_else(|| code.parse().ok());
    match status {
        Some(status) => of_status(status, &message),
        None => {
            GenerationError::new(Failure::BadResponse, format!("the server reports: {message}"))
        }
    }
}

fn quota(said: &str) -> GenerationError {
    GenerationError::new(Failure::Quota, format!("no credit left: {said}"))
}

fn of_status(status: u16, said: &str) -> GenerationError {
    let with = |what: &str| format!("HTTP {status}: {what}: {said}");
    match status {
        408 | 409 | 425 | 429 => GenerationError::again(Failure::RateLimited, with("rate limited")),
        500..=599 => GenerationError::again(Failure::Overloaded, with("server error")),
        401 | 403 => {
            GenerationError::new(Failure::Unauthorised, with("invalid API key (check api_key_env)"))
        }
        402 => quota(said),
        404 => GenerationError::new(
            Failure::BadRequest,
            with("no such model or path (check model, base_url)"),
        ),
        400..=499 => GenerationError::new(Failure::BadRequest, with("request rejected")),
        _ => GenerationError::new(Failure::BadResponse, with("not a completions API")),
    }
}

fn first_line(body: &str) -> String {
    let line = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(empty)");
    line.chars().take(200).collect()
}

/// `retry-after-ms`, or `Retry-After` as seconds, a fraction or a date.
fn after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return seconds(ms / 1000.0);
    }
    let text = text("retry-after")?;
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}

fn seconds(number: f64) -> Option<Duration> {
    (0.0..1e9).contains(&number).then(|| Duration::from_secs_f64(number))
}

/// Classifies async-openai's errors; `begun`: content came before.
pub fn of_openai(error: OpenAIError, begun: bool) -> GenerationError {
    let failure = |unbegun: Failure| if begun { Failure::Truncated } else { unbegun };
    let broken = |message: String| GenerationError::new(failure(Failure::BadResponse), message);
    match error {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<GenerationError>() {
            Ok(error) => *error,
            Err(other) => GenerationError::new(Failure::Connection, other.to_string()),
        },
        OpenAIError::Reqwest(error) => of_reqwest(&error),
        OpenAIError::StreamError(error) => {
            let text = match *error {
                StreamError::EventStream(text) => text,
                StreamError::UnknownEvent(event) => format!("unknown event {}", event.event),
            };
            GenerationError::new(
                failure(Failure::Connection),
                format!("the stream was interrupted: {text}"),
            )
        }
        OpenAIError::JSONDeserialize(error, _) => {
            broken(format!("invalid JSON in the stream: {error}"))
        }
        OpenAIError::ApiError(error) => broken(error.to_string()),
        OpenAIError::InvalidArgument(text) => GenerationError::new(Failure::Configuration, text),
        _ => broken("cannot read the answer".to_owned()),
    }
}

/// Classifies a failure below HTTP. Retried, because no answer was given.
pub fn of_reqwest(error: &reqwest::Error) -> GenerationError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    let url = error.url().map_or_else(String::new, |url| format!(" to {url}"));
    let what = if error.is_connect() { "cannot connect" } else { "connection lost" };
    let served = !error.is_connect();
    GenerationError {
        served,
        ..GenerationError::again(Failure::Connection, format!("{what}{url}: {text}"))
    }
}

/// The wait before try number `tried + 1`; `None` when no tries are left.
pub fn pause(error: &GenerationError, tried: u32, base: Duration, most: u32) -> Option<Duration> {
    if !error.retry || tried >= most {
        return None;
    }
    match error.after {
        Some(after) if after > limits::RETRY_AFTER_CAP => None,
        Some(after) => Some(after),
        None => {
            let most =
                base.saturating_mul(1 << tried.saturating_sub(1).min(16)).min(limits::RETRY_CAP);
            Some(most.mul_f64(jitter()))
        }
    }
}

/// A random factor from the standard library's hash keys, which suffices for jitter.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let word = RandomState::new().hash_one(0u8);
    word as f64 / u64::MAX as f64
}
