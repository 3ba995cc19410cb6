//! Status, headers and body -> a class of failure, whether to try again, and what to do.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::events::{EventData, StreamReader};
use super::parameters;
use crate::generator::GenerationError;
use crate::types::{Failure, limits};

/// Classifies an error response.
pub fn of_response(status: u16, headers: &HeaderMap, body: &str) -> GenerationError {
    let value = object(body);
    let inner = value.get("error").filter(|error| !error.is_null());
    let error = match inner.or((value["object"] == "error").then_some(&value)) {
        Some(error) => of_error_object(error, Some(status)),
        None => {
            let detail = value.get("message").or(value.get("detail")).and_then(Value::as_str);
            of_status(status, &detail.map_or_else(|| first_line(body), str::to_owned))
        }
    };
    let refused = match error.failure {
        Failure::BadRequest => parameters::refused(body),
        _ => None,
    };
    let help = refused.map_or("", |refused| refused.setting);
    let help = api_of(body).or((!help.is_empty()).then_some(help));
    let message = match help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message,
    };
    let parameter = refused.and_then(|refused| refused.name);
    GenerationError { after: after(headers), message, parameter, ..error }
}

/// The object in a body: the body itself, the first of a list, or in an event of a stream.
fn object(body: &str) -> Value {
    let mut reader = StreamReader::default();
    let mut events = reader.push(body.as_bytes());
    events.extend(reader.finish());
    let objects = events.into_iter().filter_map(|event| match event.data {
        EventData::Object(value) => Some(value),
        _ => None,
    });
    let mut objects = objects.filter(|value| !value.is_null());
    objects.next().unwrap_or_default()
}

/// The setting that asks by the API that the server names.
fn api_of(body: &str) -> Option<&'static str> {
    let only = ["only supported in", "only available in", "use the", "did you mean", "instead"];
    let folded = body.to_lowercase();
    let names = |path: &str| {
        let said = folded.find(path)?;
        only.iter().any(|word| folded.contains(word)).then_some(said)
    };
    let apis = [
        ("v1/responses", "set api = \"responses\" in [generator]"),
        ("v1/chat/completions", "set api = \"chat\" in [generator]"),
        ("v1/messages", "set api = \"messages\" in [generator]"),
    ];
    // What is named first is what should be used: "only supported in A and not in B".
    let found = apis.iter().filter_map(|(path, help)| Some((names(path)?, *help)));
    found.min_by_key(|(at, _)| *at).map(|(_, help)| help)
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
    if is_refusal(error, &code, &folded) {
        return GenerationError::new(
            Failure::Refused,
            format!("the server refuses the prompt for its content: {message}; reword the spec"),
        );
    }
    let overflow = ["context length", "context size", "context window", "too many tokens"];
    if said("context_length")
        || said("exceed_context")
        || overflow.iter().any(|o| folded.contains(o))
    {
        let message = format!("the prompt does not fit the model: {message}; split the spec");
        return GenerationError::new(Failure::ContextOverflow, message);
    }
    let status = status
        .filter(|status| *status >= 400)
        .or_else(|| code.parse().ok())
        .or_else(|| of_word(&code).or(of_word(&kind)));
    match status {
        Some(status) => of_status(status, &message),
        None => {
            GenerationError::new(Failure::BadResponse, format!("the server reports: {message}"))
        }
    }
}

/// Whether a prompt or answer is refused for its content: `content_filter` of Azure,
/// `content_policy_violation` and `invalid_prompt` of OpenAI, the filtering policy of Anthropic,
/// the moderation of OpenRouter.
fn is_refusal(error: &Value, code: &str, message: &str) -> bool {
    ["content_filter", "content_policy_violation"].contains(&code)
        || (code == "invalid_prompt" && message.contains("policy"))
        || message.contains("blocked by content filtering policy")
        || error["metadata"]["flagged_input"].is_string()
}

/// The status of a named error.
fn of_word(word: &str) -> Option<u16> {
    let words = [
        ("rate_limit", 429),
        ("overloaded", 529),
        ("slow_down", 503),
        ("server_error", 500),
        ("api_error", 500),
        ("internal", 500),
        ("timeout", 504),
        ("authentication", 401),
        ("permission", 403),
        ("not_found", 404),
        ("invalid_", 400),
    ];
    words.iter().find(|(known, _)| word.contains(known)).map(|(_, status)| *status)
}

fn quota(said: &str) -> GenerationError {
    GenerationError::new(Failure::Quota, format!("the account has no credit left: {said}"))
}

pub fn of_status(status: u16, said: &str) -> GenerationError {
    let with = |what: &str| format!("HTTP {status}: {what}: {said}");
    match status {
        408 | 409 | 425 | 429 => {
            GenerationError::again(Failure::RateLimited, with("asked too often"))
        }
        500..=599 => GenerationError::again(Failure::Overloaded, with("the server has trouble")),
        401 => GenerationError::new(
            Failure::Unauthorised,
            with("the key is refused: check api_key_env"),
        ),
        403 => GenerationError::new(
            Failure::Unauthorised,
            with("the key has no right to this: check its permissions, model and base_url"),
        ),
        402 => quota(said),
        404 => GenerationError::new(
            Failure::BadRequest,
            with("no such model or path: check model, base_url, api"),
        ),
        400..=499 => {
            GenerationError::new(Failure::BadRequest, with("the server refuses the request"))
        }
        _ => GenerationError::new(Failure::BadResponse, with("this is no answer of a model's API")),
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

/// Classifies a failure below HTTP: worth another try, because nothing was answered.
pub fn of_reqwest(error: &reqwest::Error) -> GenerationError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    let url = error.url().map_or_else(String::new, |url| format!(" to {url}"));
    let what = if error.is_connect() { "no connection" } else { "the connection broke" };
    let served = !error.is_connect();
    GenerationError {
        served,
        ..GenerationError::again(Failure::Connection, format!("{what}{url}: {text}"))
    }
}

/// How long to wait before try number `tried + 1`, or `None` when waiting is over.
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

/// A random share: the standard library's hash keys are the randomness, which is enough for jitter.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let word = RandomState::new().hash_one(0u8);
    word as f64 / u64::MAX as f64
}
