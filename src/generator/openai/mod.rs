//! OpenAI-compatible chat completions: a `tower` stack under async-openai (retries, pacing, HTTP),
//! and a parser that does not trust the stream.

mod chunks;
mod classify;
mod pace;
mod stack;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use serde_json::{Value, json};

use super::cassette::{CHAT, RecordedRequest};
use super::{
    Generating, Generation, GenerationError, GenerationProgress, Generator, Recordable, Request,
    estimate,
};
use crate::types::generator::OpenaiSettings;
use crate::types::harness::ReplyForm;
use crate::types::{AttemptKind, Completion, Digest, Failure, Usage, limits};

pub use pace::RateLimits;

/// By how much a fresh start raises the temperature, and the maximum.
const FRESH: (f64, f64) = (0.5, 2.0);

/// One server and model.
pub struct Openai {
    settings: OpenaiSettings,
    key: Option<String>,
    http: reqwest::Client,
    pace: Arc<pace::Pace>,
}

impl fmt::Debug for Openai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Openai({} at {})", self.settings.model, self.settings.base_url)
    }
}

impl Openai {
    /// A server with its key, from the variable in the settings.
    ///
    /// # Errors
    /// The key is not a valid header value, or TLS cannot start.
    pub fn new(
        settings: OpenaiSettings,
        key: Option<String>,
        servers: &RateLimits,
    ) -> Result<Self, GenerationError> {
        let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if let Some(key) = &key
            && !key.bytes().all(|b| b.is_ascii_graphic())
        {
            let name = settings.api_key_env.clone().unwrap_or_default();
            let message = format!("the key in {name} contains blanks or other invalid characters");
            return Err(GenerationError::new(Failure::Configuration, message));
        }
        super::install_tls();
        let http = reqwest::Client::builder()
            .connect_timeout(limits::CONNECT_TIMEOUT)
            .no_proxy_for_loopback(&settings.base_url)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| GenerationError::new(Failure::Configuration, e.to_string()))?;
        let pace = servers.of(&settings);
        Ok(Self { settings, key, http, pace })
    }

    /// The body of a request, canonical: keys are sorted.
    fn body(&self, request: &Request) -> Value {
        // OpenAI rejects `max_tokens` for newer models; compatible servers know only this name.
        let limit = if self.settings.base_url.starts_with("https://api.openai.com") {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        let (warmer, warmest) = FRESH;
        let warmer = if request.kind == AttemptKind::Fresh { warmer } else { 0.0 };
        let mut body = json!({
            "model": self.settings.model,
            "messages": [
                { "role": "system", "content": request.prompt.system },
                { "role": "user", "content": request.prompt.user },
            ],
            "temperature": (self.settings.temperature + warmer).min(warmest),
            limit: self.settings.max_output_tokens,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        if self.settings.reply == ReplyForm::Json {
            body["response_format"] = constraint();
        }
        body
    }

    /// Sends a request over HTTP or to a recording, and reads the answer.
    async fn send(
        &self,
        request: &Request,
        wire: impl stack::Wire,
        progress: &dyn GenerationProgress,
    ) -> Result<Completion, GenerationError> {
        let _slot = self.pace.slots.acquire().await;
        let config = OpenAIConfig::new()
            .with_api_base(self.settings.base_url.trim_end_matches('/'))
            .with_api_key(self.key.clone().unwrap_or_else(|| "none".to_owned()));
        let client = Client::build(self.http.clone(), config).with_http_service(wire);
        let deadline = Duration::from_millis(self.settings.deadline_ms);
        let begun = AtomicBool::new(false);
        let asked = async {
            let chat = client.chat();
            let stream = chat.create_stream_byot::<_, Value>(self.body(request)).await;
            let stream = stream.map_err(|error| classify::of_openai(error, false))?;
            chunks::read(&self.settings, stream, progress, &begun).await
        };
        let mut completion = tokio::time::timeout(deadline, asked).await.unwrap_or_else(|_| {
            let message =
                format!("no complete answer within {}s (deadline_ms)", deadline.as_secs());
            Err(GenerationError::new(chunks::silence(begun.load(Ordering::Relaxed)), message))
        })?;
        if completion.usage == Usage::default() {
            completion.usage = estimate(&request.prompt, &completion.text);
        }
        Ok(completion)
    }
}

impl Generator for Openai {
    fn kind(&self) -> &'static str {
        "openai"
    }

    fn request_id(&self, request: &Request) -> Digest {
        self.recorded_request(request).key()
    }

    fn ceiling(&self, request: &Request) -> Usage {
        let input = estimate(&request.prompt, "").input;
        Usage { input, output: u64::from(self.settings.max_output_tokens) }
    }

    fn deadline(&self) -> Option<Duration> {
        // `deadline_ms` counts from when a request may be sent.
        None
    }

    fn generate<'a>(
        &'a self,
        request: Request,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            self.check_setup()?;
            let tape = Arc::new(stack::Tape::default());
            let wire =
                stack::stack(&self.settings, self.http.clone(), self.pace.clone(), tape.clone());
            let completion = self.send(&request, wire, progress).await?;
            Ok(Generation::Text { completion, transcript: tape.bytes() })
        })
    }

    fn check_rate_limit(&self) -> Result<(), GenerationError> {
        let held = self.pace.held().map(|until| until - tokio::time::Instant::now());
        match held.filter(|rest| *rest > limits::RETRY_AFTER_CAP) {
            None => Ok(()),
            after => {
                let message = "the server limits the rate of requests";
                let error = GenerationError::new(Failure::RateLimited, message);
                Err(GenerationError { after, ..error })
            }
        }
    }
}

impl Recordable for Openai {
    fn recorded_request(&self, request: &Request) -> RecordedRequest {
        let (path, sample) = (CHAT.to_owned(), request.sample);
        RecordedRequest { path, sample, body: self.body(request) }
    }

    fn recorded_answer(&self, answer: &Generation) -> Vec<u8> {
        answer.transcript().to_vec()
    }

    fn replay<'a>(
        &'a self,
        request: Request,
        answer: String,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            let transcript = answer.clone().into_bytes();
            let completion = self.send(&request, stack::recorded(answer), progress).await?;
            Ok(Generation::Text { completion, transcript })
        })
    }

    fn check_setup(&self) -> Result<(), GenerationError> {
        match (&self.settings.api_key_env, &self.key) {
            (Some(name), None) => {
                let message = format!("{name} is not set; set it to the server's API key");
                Err(GenerationError::new(Failure::Configuration, message))
            }
            _ => Ok(()),
        }
    }

    fn secret(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

/// The schema for answers with `reply = "json"`.
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

/// Requests to this machine bypass proxies.
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
