//! A model's server: one `tower` stack (retry by class, pace, HTTP) under the wire of its API, and
//! a reader of the stream that trusts nothing.

mod models;
mod read;
mod stack;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::Instant;

use super::cassette::RecordedRequest;
use super::wire::{self, ApiWire, classify, parameters};
use super::{
    Generating, Generation, GenerationError, GenerationProgress, Generator, Recordable, Request,
    Workplace, estimate, rate_limit,
};
use crate::gateway::{Pace, RateLimits};
use crate::types::generator::ServerSettings;
use crate::types::{Completion, Digest, Failure, ModelApi, Usage, limits};

pub use models::{KnownModel, known_models};

/// The version of Anthropic's API that is spoken.
const MESSAGES_VERSION: &str = "2023-06-01";

/// One server and model.
pub struct ModelServer {
    settings: ServerSettings,
    key: Option<String>,
    http: reqwest::Client,
    pace: Arc<Pace>,
}

impl fmt::Debug for ModelServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelServer({} at {})", self.settings.model, self.settings.base_url)
    }
}

impl ModelServer {
    /// A server with its key: the content of the variable that the settings name.
    ///
    /// # Errors
    /// A key that no header can carry, or TLS that cannot start.
    pub fn new(
        settings: ServerSettings,
        key: Option<String>,
        servers: &RateLimits,
    ) -> Result<Self, GenerationError> {
        let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if let Some(key) = &key
            && !key.bytes().all(|b| b.is_ascii_graphic())
        {
            let name = settings.api_key_env.clone().unwrap_or_default();
            let message = format!("the key in {name} has blanks or other characters no key has");
            return Err(GenerationError::new(Failure::Configuration, message));
        }
        let http = client(&settings)?;
        let pace = servers.of(&settings);
        Ok(Self { settings, key, http, pace })
    }

    fn wire(&self) -> &'static dyn ApiWire {
        wire::of(self.settings.api())
    }

    /// Asks, and reads the answer. What the server refuses by name is left out, and the person is
    /// told; it stays left out.
    async fn ask(
        &self,
        request: &Request,
        progress: &dyn GenerationProgress,
    ) -> Result<(Completion, Vec<u8>), GenerationError> {
        let _slot = self.pace.slots.acquire().await;
        let deadline = Instant::now() + Duration::from_millis(self.settings.deadline_ms);
        let mut body = self.wire().body(&self.settings, request);
        let mut without = self.pace.refused();
        without.retain(|name| parameters::leave_out(&mut body, name));
        let response = loop {
            let sent = self.send(&body, deadline).await;
            let Err(GenerationError { parameter: Some(name), message, .. }) = &sent else {
                break sent?;
            };
            if !without.insert(name) || !parameters::leave_out(&mut body, name) {
                break sent?;
            }
            self.pace.refuse(name);
            let server = &self.settings.base_url;
            let model = &self.settings.model;
            progress.note(&format!(
                "{model} at {server} is asked again without `{name}`, which it refuses: {message}"
            ));
        };
        let pieces = response.bytes_stream().map(|piece| match piece {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(error) => Err(classify::of_reqwest(&error)),
        });
        let settings = patient(&self.settings, &body);
        let reader = read::AnswerReader::new(&settings, self.wire(), deadline);
        let (completion, tape) = reader.read(pieces, progress).await?;
        Ok((counted(completion, request), tape))
    }

    async fn send(
        &self,
        body: &Value,
        deadline: Instant,
    ) -> Result<reqwest::Response, GenerationError> {
        let path = self.wire().path().trim_start_matches('/');
        let request = self
            .http
            .post(below(&self.settings, path.split('/'))?)
            .headers(headers(&self.settings, self.key.as_deref()))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .build();
        let request = request
            .map_err(|error| GenerationError::new(Failure::Configuration, error.to_string()))?;
        let (http, pace) = (self.http.clone(), self.pace.clone());
        let settings = patient(&self.settings, body);
        let sent = stack::send(&settings, http, pace, request);
        let sent = tokio::time::timeout_at(deadline, sent).await;
        sent.unwrap_or_else(|_| Err(read::late(&self.settings)))
    }
}

/// The settings for a request. An answer that is not streamed comes when it is whole.
fn patient<'a>(settings: &'a ServerSettings, body: &Value) -> Cow<'a, ServerSettings> {
    if body["stream"] == true {
        return Cow::Borrowed(settings);
    }
    let first_token_timeout_ms = settings.deadline_ms;
    Cow::Owned(ServerSettings { first_token_timeout_ms, ..settings.clone() })
}

/// An answer with tokens that are estimated, where the server did not count them.
fn counted(completion: Completion, request: &Request) -> Completion {
    let usage = match completion.usage {
        none if none == Usage::default() => estimate(&request.prompt, &completion.text),
        usage => usage,
    };
    Completion { usage, ..completion }
}

/// An address below the server's, which may have a query.
fn below<'a>(
    settings: &ServerSettings,
    path: impl IntoIterator<Item = &'a str>,
) -> Result<Url, GenerationError> {
    let wrong = |why: String| GenerationError::new(Failure::Configuration, why);
    let mut url = Url::parse(&settings.base_url).map_err(|why| wrong(why.to_string()))?;
    url.path_segments_mut()
        .map_err(|()| wrong(format!("{} has no path", settings.base_url)))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

fn client(settings: &ServerSettings) -> Result<reqwest::Client, GenerationError> {
    super::install_tls();
    reqwest::Client::builder()
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .no_proxy_for_loopback(&settings.base_url)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|e| GenerationError::new(Failure::Configuration, e.to_string()))
}

/// The key, as the API wants it. Its characters were looked at.
fn headers(settings: &ServerSettings, key: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    };
    let is_messages = settings.api() == ModelApi::Messages;
    let is_its_home = ModelApi::of_address(&settings.base_url) == ModelApi::Messages;
    if is_messages {
        add(HeaderName::from_static("anthropic-version"), MESSAGES_VERSION);
        add(HeaderName::from_static("x-api-key"), key.unwrap_or("none"));
    }
    if !(is_messages && is_its_home) {
        add(AUTHORIZATION, &format!("Bearer {}", key.unwrap_or("none")));
    }
    headers
}

impl Generator for ModelServer {
    fn kind(&self) -> &'static str {
        "openai"
    }

    fn request_id(&self, request: &Request) -> Digest {
        self.recorded_request(request).key()
    }

    fn ceiling(&self, request: &Request) -> Usage {
        let input = estimate(&request.prompt, "").input;
        Usage { input, output: self.settings.output_tokens().into(), ..Usage::default() }
    }

    fn deadline(&self) -> Option<Duration> {
        // `deadline_ms` counts from when a request may be sent.
        None
    }

    fn generate<'a>(
        &'a self,
        request: Request,
        _: Option<Workplace>,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            self.check_setup()?;
            let (completion, transcript) = self.ask(&request, progress).await?;
            Ok(Generation::Text { completion, transcript })
        })
    }

    fn check_rate_limit(&self) -> Result<(), GenerationError> {
        rate_limit(&self.pace)
    }
}

impl Recordable for ModelServer {
    fn recorded_request(&self, request: &Request) -> RecordedRequest {
        let (path, body) = (self.wire().path(), self.wire().body(&self.settings, request));
        RecordedRequest { path: path.to_owned(), sample: request.sample, body }
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
            let (api, model) = (self.settings.api(), &self.settings.model);
            let read = wire::read_response(api, model, answer.as_bytes());
            let completion = read.map_err(|error| error.recorded(answer.clone().into_bytes()))?;
            progress.grown(completion.text.len());
            let completion = counted(completion, &request);
            Ok(Generation::Text { completion, transcript: answer.into_bytes() })
        })
    }

    fn check_setup(&self) -> Result<(), GenerationError> {
        match (&self.settings.api_key_env, &self.key) {
            (Some(name), None) => {
                let message =
                    format!("the variable {name} is not set: put the server's key into it");
                Err(GenerationError::new(Failure::Configuration, message))
            }
            _ => Ok(()),
        }
    }

    fn secret(&self) -> Option<&str> {
        self.key.as_deref()
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
