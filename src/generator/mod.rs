//! Asking a model: one `tower` stack under async-openai (cassettes, retry by class, pace, HTTP),
//! and a reader of the stream that trusts nothing.
#![expect(clippy::disallowed_methods, reason = "the edge to the model's server and its recordings")]

pub mod cassette;
mod classify;
mod http;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use futures::{Stream, StreamExt};
use serde_json::{Value, json};

use crate::types::harness::{CassetteMode, GeneratorConfig as Config, ReplyForm};
use crate::types::{Completion, Digest, Failure, Finish, Prompt, Usage, limits};

pub use cassette::{Cassette, Cassettes};
pub use classify::CallError;

/// A call: what is asked, and where its recording belongs.
#[derive(Clone, Debug)]
pub struct Call {
    /// The prompt.
    pub prompt: Prompt,
    /// Sampling temperature.
    pub temperature: f64,
    /// Distinguishes calls with the same body: the n-th sample of one prompt.
    pub sample: u32,
    /// Spec, target and job key, for the recording.
    pub context: cassette::CallContext,
}

/// A generator: one server and model, with what is to be done with recordings.
#[derive(Clone)]
pub struct Generator {
    config: Config,
    key: Option<String>,
    http: reqwest::Client,
    cassettes: Arc<Cassettes>,
    shared: Arc<http::Shared>,
}

/// What requests share, for as long as a process lives and however often it plans anew.
#[derive(Clone, Debug, Default)]
pub struct RateLimits(Arc<Mutex<KnownServers>>);

/// By server, and by server, model and limits.
#[derive(Debug, Default)]
struct KnownServers {
    held: BTreeMap<String, http::HeldUntil>,
    shared: BTreeMap<String, Arc<http::Shared>>,
}

impl RateLimits {
    fn of(&self, config: &Config) -> Arc<http::Shared> {
        let Config { base_url, model, requests_per_minute: rate, requests, .. } = config;
        // What is behind it is whole after every statement.
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let held = known.held.entry(base_url.clone()).or_default().clone();
        let key = format!("{base_url} {model} {rate} {requests}");
        known
            .shared
            .entry(key)
            .or_insert_with(|| Arc::new(http::Shared::new(*rate, *requests, held)))
            .clone()
    }
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generator({} at {})", self.config.model, self.config.base_url)
    }
}

/// Makes ring the cryptography of TLS in this process: no HTTP client can be built before.
///
/// It is said here and not by a feature of `reqwest`, whose only choice is `aws-lc`.
pub fn install_tls() {
    // An error means that it is installed.
    drop(rustls::crypto::ring::default_provider().install_default());
}

impl Generator {
    /// A generator of a tier. `key` is the content of the variable that the configuration names.
    ///
    /// # Errors
    /// A key that no header can carry, or TLS that cannot start.
    pub fn new(
        config: Config,
        key: Option<String>,
        cassettes: Cassettes,
        servers: &RateLimits,
    ) -> Result<Self, CallError> {
        let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if let Some(key) = &key
            && !key.bytes().all(|b| b.is_ascii_graphic())
        {
            let name = config.api_key_env.clone().unwrap_or_default();
            let message = format!("the key in {name} has blanks or other characters no key has");
            return Err(CallError::new(Failure::Configuration, message));
        }
        install_tls();
        let http = reqwest::Client::builder()
            .connect_timeout(limits::CONNECT_TIMEOUT)
            .no_proxy_for_loopback(&config.base_url)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| CallError::new(Failure::Configuration, e.to_string()))?;
        let shared = servers.of(&config);
        Ok(Self { config, key, http, cassettes: Arc::new(cassettes), shared })
    }

    /// The body of a request, canonical: its keys are sorted.
    pub fn body(&self, call: &Call) -> Value {
        // OpenAI's own servers refuse `max_tokens` for newer models; the compatible ones know it.
        let limit = if self.config.base_url.starts_with("https://api.openai.com") {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        let mut body = json!({
            "model": self.config.model,
            "messages": [
                { "role": "system", "content": call.prompt.system },
                { "role": "user", "content": call.prompt.user },
            ],
            "temperature": call.temperature,
            limit: self.config.max_output_tokens,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        if self.config.reply == ReplyForm::Json {
            body["response_format"] = constraint();
        }
        body
    }

    /// The server wants to be left alone, for longer than a call waits.
    ///
    /// # Errors
    /// That, with how long.
    pub fn is_free(&self) -> Result<(), CallError> {
        let held = self.shared.held().map(|until| until - tokio::time::Instant::now());
        match held.filter(|rest| *rest > limits::RETRY_AFTER_CAP) {
            None => Ok(()),
            after => {
                let message = "the server wants to be left alone";
                Err(CallError { after, ..CallError::new(Failure::RateLimited, message) })
            }
        }
    }

    /// Names a request: path, body and sample; never host, headers or key.
    pub fn request(&self, call: &Call) -> Digest {
        cassette::key(&self.body(call), call.sample)
    }

    /// Asks. `progress` is told the number of characters so far. Also gives the response's body, for
    /// [`Self::keep`].
    ///
    /// # Errors
    /// The class of what went wrong, with what to do.
    pub async fn ask(
        &self,
        call: &Call,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Completion, Vec<u8>), CallError> {
        let mode = self.config.cassette_mode();
        if let (Some(name), None, false) =
            (&self.config.api_key_env, &self.key, mode == CassetteMode::Replay)
        {
            let message = format!("the variable {name} is not set: put the server's key into it");
            return Err(CallError::new(Failure::Configuration, message));
        }
        let _slot = self.shared.slots.acquire().await;
        let tape = Arc::new(http::Tape::default());
        let service = http::stack(self, call, tape.clone());
        let config = OpenAIConfig::new()
            .with_api_base(self.config.base_url.trim_end_matches('/'))
            .with_api_key(self.key.clone().unwrap_or_else(|| "none".to_owned()));
        let client = Client::build(self.http.clone(), config).with_http_service(service);
        let deadline = Duration::from_millis(self.config.deadline_ms);
        let begun = AtomicBool::new(false);
        let asked = async {
            let chat = client.chat();
            let stream = chat.create_stream_byot::<_, Value>(self.body(call)).await;
            let stream = stream.map_err(|error| classify::of_openai(error, false))?;
            self.read(stream, progress, &begun).await
        };
        let mut completion = tokio::time::timeout(deadline, asked).await.unwrap_or_else(|_| {
            let message = format!("no whole answer within {} s (deadline_ms)", deadline.as_secs());
            Err(CallError::new(silence(begun.load(Ordering::Relaxed)), message))
        })?;
        completion.replay = tape.replayed();
        if completion.usage == Usage::default() {
            completion.usage = estimate(&call.prompt, &completion.text);
        }
        Ok((completion, tape.bytes()))
    }

    /// The exchange as a recording, for whoever replays it elsewhere; `None` where the key of the
    /// server is in it.
    pub fn exchange(
        &self,
        call: &Call,
        completion: &Completion,
        response: &[u8],
        today: &str,
    ) -> Option<Vec<u8>> {
        let text = self.taped(call, completion, response.to_vec(), today).text();
        let shows_key = self.key.as_ref().is_some_and(|key| text.contains(key.as_str()));
        (!shows_key).then(|| text.into_bytes())
    }

    fn taped(
        &self,
        call: &Call,
        completion: &Completion,
        response: Vec<u8>,
        today: &str,
    ) -> Cassette {
        let date = completion.replay.clone().unwrap_or_else(|| today.to_owned());
        let taped = cassette::Taped { body: self.body(call), sample: call.sample, response, date };
        Cassette::new(taped, completion, &call.context)
    }

    /// Records or compares an answer, as the mode says.
    ///
    /// # Errors
    /// The recording cannot be written, or says something else.
    pub fn keep(
        &self,
        call: &Call,
        completion: &Completion,
        response: Vec<u8>,
        today: &str,
    ) -> Result<(), CallError> {
        let mode = self.config.cassette_mode();
        if completion.replay.is_some() || mode == CassetteMode::Off || mode == CassetteMode::Replay
        {
            return Ok(());
        }
        let cassette = self.taped(call, completion, response, today);
        if mode == CassetteMode::Verify {
            return self.cassettes.compare(&cassette);
        }
        self.cassettes.write(&cassette, self.key.as_deref())
    }

    async fn read(
        &self,
        mut stream: impl Stream<Item = Result<Value, OpenAIError>> + Unpin,
        progress: &(dyn Fn(usize) + Sync),
        begun: &AtomicBool,
    ) -> Result<Completion, CallError> {
        let mut text = String::new();
        let (mut finish, mut usage, mut model) =
            (None, Usage::default(), self.config.model.clone());
        let first = Duration::from_millis(self.config.first_token_timeout_ms);
        let first = tokio::time::Instant::now() + first;
        loop {
            let (wait, until) = if text.is_empty() {
                (self.config.first_token_timeout_ms, first)
            } else {
                let wait = self.config.idle_timeout_ms;
                (wait, tokio::time::Instant::now() + Duration::from_millis(wait))
            };
            let next = tokio::time::timeout_at(until, stream.next()).await;
            let Ok(next) = next else {
                let message = format!("the server sent no content for {wait} ms");
                return Err(CallError::new(silence(!text.is_empty()), message));
            };
            let Some(next) = next else { break };
            let value = next.map_err(|error| classify::of_openai(error, !text.is_empty()))?;
            if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
                let error = classify::of_error_object(error, None);
                return Err(if text.is_empty() {
                    error
                } else {
                    CallError::new(Failure::Truncated, error.message)
                });
            }
            let chunk = Chunk::of(&value);
            text.push_str(&chunk.text);
            finish = chunk.finish.or(finish);
            usage = chunk.usage.unwrap_or(usage);
            model = chunk.model.unwrap_or(model);
            begun.store(!text.is_empty(), Ordering::Relaxed);
            progress(text.len());
            if text.len() > limits::REPLY_BYTES {
                let message = "the answer is longer than 32 MiB: the model is looping".to_owned();
                return Err(CallError::new(Failure::Truncated, message));
            }
        }
        let finish = match finish.as_deref() {
            Some("stop") => Finish::Stop,
            Some("length") => Finish::Length,
            Some(other) => Finish::Other(other.to_owned()),
            None if text.is_empty() => {
                let message = "the stream ended without any content".to_owned();
                return Err(CallError::new(Failure::BadResponse, message));
            }
            None => {
                let message = "the stream ended before the model had finished".to_owned();
                return Err(CallError::new(Failure::Truncated, message));
            }
        };
        Ok(Completion { text, finish, usage, model, replay: None, exchange: None })
    }
}

/// What a server's silence means: before the first content nothing was written.
fn silence(begun: bool) -> Failure {
    if begun { Failure::Truncated } else { Failure::TimedOut }
}

/// The schema that `reply = "json"` holds an answer to.
fn constraint() -> Value {
    let text = json!({ "type": "string" });
    let file = json!({
        "type": "object",
        "properties": { "path": text, "content": text },
        "required": ["path", "content"],
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "properties": { "files": { "type": "array", "items": file } },
        "required": ["files"],
        "additionalProperties": false,
    });
    let named = json!({ "name": "files", "strict": true, "schema": schema });
    json!({ "type": "json_schema", "json_schema": named })
}

/// What a call may use at most: the prompt's estimate and the longest answer.
pub fn most(prompt: &Prompt, max_output_tokens: u32) -> Usage {
    let input = estimate(prompt, "").input;
    Usage { input, output: u64::from(max_output_tokens) }
}

/// For servers that do not count.
fn estimate(prompt: &Prompt, text: &str) -> Usage {
    let tokens = |bytes: usize| bytes.div_ceil(limits::BYTES_PER_TOKEN) as u64;
    Usage { input: tokens(prompt.system.len() + prompt.user.len()), output: tokens(text.len()) }
}

/// A piece of a stream, or a whole completion. Every field may be missing, and one that is not as
/// it should be takes nothing with it.
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
        // A count that no model reaches is no count: sums of these never overflow.
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

/// Requests to this machine never go through a proxy.
trait Loopback {
    fn no_proxy_for_loopback(self, base_url: &str) -> Self;
}

impl Loopback for reqwest::ClientBuilder {
    fn no_proxy_for_loopback(self, base_url: &str) -> Self {
        let host = base_url.split("//").nth(1).unwrap_or_default();
        let local = ["127.", "localhost", "[::1]"].iter().any(|name| host.starts_with(name));
        if local { self.no_proxy() } else { self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Chunk;
    use crate::types::Usage;

    #[test]
    fn a_wrong_field_takes_nothing_with_it() {
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
