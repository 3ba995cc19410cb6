//! Asking a model: one `tower` stack under async-openai (cassettes, retry by class, pace, HTTP),
//! and a reader of the stream that trusts nothing.
#![expect(clippy::disallowed_methods, reason = "the edge to the model's server and its recordings")]

pub mod cassette;
mod classify;
mod http;

use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::types::harness::{CassetteMode, Generator as Config, ReplyForm};
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
    pub context: cassette::Context,
}

/// A generator: one server and model, with what is to be done with recordings.
#[derive(Clone)]
pub struct Generator {
    config: Config,
    key: Option<String>,
    http: reqwest::Client,
    cassettes: Arc<Cassettes>,
    pace: Arc<http::Pace>,
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generator({} at {})", self.config.model, self.config.base_url)
    }
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
    ) -> Result<Self, CallError> {
        let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if let Some(key) = &key
            && !key.bytes().all(|b| b.is_ascii_graphic())
        {
            let name = config.api_key_env.clone().unwrap_or_default();
            let message = format!("the key in {name} has blanks or other characters no key has");
            return Err(CallError::new(Failure::Configuration, message));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(limits::CONNECT_TIMEOUT)
            .no_proxy_for_loopback(&config.base_url)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| CallError::new(Failure::Configuration, e.to_string()))?;
        let pace = Arc::new(http::Pace::new(config.requests_per_minute));
        Ok(Self { config, key, http, cassettes: Arc::new(cassettes), pace })
    }

    /// The body of a request, canonical: its keys are sorted.
    pub fn body(&self, call: &Call) -> Value {
        // OpenAI's own servers refuse `max_tokens` for newer models; the compatible ones know it.
        let limit = match self.config.base_url.starts_with("https://api.openai.com") {
            true => "max_completion_tokens",
            false => "max_tokens",
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

    /// Names a request: path, body and sample; never host, headers or key.
    pub fn request(&self, call: &Call) -> Digest {
        cassette::key(&self.body(call), call.sample)
    }

    /// Asks. `progress` is told the number of characters so far.
    ///
    /// # Errors
    /// The class of what went wrong, with what to do.
    pub async fn ask(
        &self,
        call: &Call,
        today: &str,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Completion, CallError> {
        let mode = self.config.cassette_mode();
        if let (Some(name), None, false) =
            (&self.config.api_key_env, &self.key, mode == CassetteMode::Replay)
        {
            let message = format!("the variable {name} is not set: put the server's key into it");
            return Err(CallError::new(Failure::Configuration, message));
        }
        let tape = Arc::new(http::Tape::default());
        let service = http::stack(self, call, tape.clone());
        let config = OpenAIConfig::new()
            .with_api_base(self.config.base_url.trim_end_matches('/'))
            .with_api_key(self.key.clone().unwrap_or_else(|| "none".to_owned()));
        let client = Client::build(self.http.clone(), config).with_http_service(service);
        let deadline = Duration::from_millis(self.config.deadline_ms);
        let asked = async {
            let chat = client.chat();
            let stream = chat.create_stream_byot::<_, Value>(self.body(call)).await;
            let stream = stream.map_err(|error| classify::of_openai(error, false))?;
            self.read(stream, progress).await
        };
        let mut completion = tokio::time::timeout(deadline, asked).await.unwrap_or_else(|_| {
            let message = format!("no whole answer within {} s (deadline_ms)", deadline.as_secs());
            Err(CallError::new(Failure::Truncated, message))
        })?;
        completion.replay = tape.replayed();
        if completion.usage == Usage::default() {
            completion.usage = estimate(&call.prompt, &completion.text);
        }
        self.keep(call, &completion, &tape, today)?;
        Ok(completion)
    }

    /// Records or compares an answer, as the mode says.
    fn keep(
        &self,
        call: &Call,
        completion: &Completion,
        tape: &http::Tape,
        today: &str,
    ) -> Result<(), CallError> {
        let mode = self.config.cassette_mode();
        if completion.replay.is_some() || mode == CassetteMode::Off || mode == CassetteMode::Replay
        {
            return Ok(());
        }
        let taped = cassette::Taped {
            body: self.body(call),
            sample: call.sample,
            response: tape.bytes(),
            date: today.to_owned(),
        };
        let cassette = Cassette::new(taped, completion, &call.context);
        if mode == CassetteMode::Verify {
            return self.cassettes.compare(&cassette);
        }
        self.cassettes.write(&cassette, self.key.as_deref())
    }

    async fn read(
        &self,
        mut stream: impl Stream<Item = Result<Value, OpenAIError>> + Unpin,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Completion, CallError> {
        let mut text = String::new();
        let (mut finish, mut usage, mut model) =
            (None, Usage::default(), self.config.model.clone());
        loop {
            let wait = match text.is_empty() {
                true => self.config.first_token_timeout_ms,
                false => self.config.idle_timeout_ms,
            };
            let next = tokio::time::timeout(Duration::from_millis(wait), stream.next()).await;
            let Ok(next) = next else {
                let failure = if text.is_empty() { Failure::TimedOut } else { Failure::Truncated };
                let message = format!("the server sent nothing for {wait} ms");
                return Err(CallError::new(failure, message));
            };
            let Some(next) = next else { break };
            let value = next.map_err(|error| classify::of_openai(error, !text.is_empty()))?;
            if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
                return Err(classify::of_error_object(error, None));
            }
            let chunk: Chunk = serde_json::from_value(value).unwrap_or_default();
            for choice in chunk.choices {
                let said = choice.delta.or(choice.message).and_then(|message| message.content);
                text.push_str(&said.unwrap_or_default());
                finish = choice.finish_reason.or(finish);
            }
            usage = chunk
                .usage
                .map_or(usage, |u| Usage { input: u.prompt_tokens, output: u.completion_tokens });
            model = chunk.model.unwrap_or(model);
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
            None => {
                let message = "the stream ended before the model had finished".to_owned();
                return Err(CallError::new(Failure::Truncated, message));
            }
        };
        Ok(Completion { text, finish, usage, model, replay: None })
    }
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

/// A piece of a stream, or a whole completion: every field may be missing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk {
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    model: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Option<Message>,
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
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
