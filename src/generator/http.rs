//! The stack: cassettes over retries over pace over HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::StreamExt;
use futures::future::BoxFuture;
use reqwest::Response;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::retry::{Policy, Retry};
use tower::{Service, ServiceExt, service_fn};

use super::classify::{self, CallError, pause};
use super::{Call, Generator};
use crate::types::harness::CassetteMode;
use crate::types::{Failure, limits};

/// Bytes of a body that is read whole: errors and answers that are no stream.
const BODY_BYTES: usize = 32 * 1024 * 1024;

/// What went over the wire in one call.
#[derive(Debug, Default)]
pub struct Tape {
    bytes: Mutex<Vec<u8>>,
    replayed: Mutex<Option<String>>,
}

impl Tape {
    /// The body of the response so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().map(|bytes| bytes.clone()).unwrap_or_default()
    }

    /// The recording's date, when nothing was asked.
    pub fn replayed(&self) -> Option<String> {
        self.replayed.lock().ok().and_then(|date| date.clone())
    }

    fn add(&self, piece: &[u8]) {
        if let Ok(mut bytes) = self.bytes.lock() {
            bytes.extend_from_slice(piece);
        }
    }
}

/// Until when a server wants to be left alone.
pub type HeldUntil = Arc<Mutex<Option<Instant>>>;

/// What requests to one server and model share: they are spread over the minute, only so many are
/// under way, and all wait when the server wants to be left alone.
#[derive(Debug)]
pub struct Shared {
    gap: Duration,
    next: tokio::sync::Mutex<Option<Instant>>,
    /// Until when the server wants to be left alone, whatever the model.
    held: HeldUntil,
    /// Places for requests at a time.
    pub slots: Semaphore,
}

impl Shared {
    /// At most so many requests per minute, and at a time; 0 for no limit.
    pub fn new(per_minute: u32, at_a_time: u32, held: HeldUntil) -> Self {
        let gap = Duration::from_secs(60).checked_div(per_minute).unwrap_or_default();
        let most = match at_a_time {
            0 => Semaphore::MAX_PERMITS,
            most => most as usize,
        };
        let slots = Semaphore::new(most);
        Self { gap, next: tokio::sync::Mutex::new(None), held, slots }
    }

    async fn wait(&self) {
        let mut next = self.next.lock().await;
        while let Some(at) = (*next).max(self.held()).filter(|at| *at > Instant::now()) {
            tokio::time::sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.gap);
    }

    fn hold(&self, time: Duration) {
        if let Ok(mut held) = self.held.lock() {
            *held = (*held).max(Instant::now().checked_add(time));
        }
    }

    /// Until when the server wants to be left alone.
    pub fn held(&self) -> Option<Instant> {
        self.held.lock().ok().and_then(|held| *held).filter(|at| *at > Instant::now())
    }
}

/// The service under async-openai for one call.
pub fn stack(
    generator: &Generator,
    call: &Call,
    tape: Arc<Tape>,
) -> impl Service<
    HttpRequestFactory,
    Response = Response,
    Error = OpenAIError,
    Future = BoxFuture<'static, Result<Response, OpenAIError>>,
> + Clone
+ Send
+ Sync
+ 'static {
    let (http, shared) = (generator.http.clone(), generator.shared.clone());
    let patience = Duration::from_millis(generator.config.first_token_timeout_ms);
    let send = service_fn(move |request: HttpRequestFactory| -> BoxFuture<'static, _> {
        let (http, shared) = (http.clone(), shared.clone());
        Box::pin(async move {
            shared.wait().await;
            tokio::time::timeout(patience, send(&http, request)).await.unwrap_or_else(|_| {
                let message =
                    format!("the server answered nothing for {} ms", patience.as_millis());
                Err(CallError::new(Failure::TimedOut, message))
            })
        })
    });
    let policy = Attempts {
        tried: 0,
        most: generator.config.max_tries,
        base: Duration::from_millis(generator.config.retry_base_ms),
        shared: generator.shared.clone(),
    };
    let retrying = Retry::new(policy, send);
    let (generator, call) = (generator.clone(), call.clone());
    service_fn(move |request: HttpRequestFactory| -> BoxFuture<'static, _> {
        let (retrying, tape) = (retrying.clone(), Arc::clone(&tape));
        let (generator, call) = (generator.clone(), call.clone());
        Box::pin(async move {
            match replay(&generator, &call, &tape) {
                Ok(Some(response)) => Ok(response),
                Ok(None) => match retrying.oneshot(request).await {
                    Ok(response) => Ok(taped(response, tape)),
                    Err(error) => Err(boxed(error)),
                },
                Err(error) => Err(boxed(error)),
            }
        })
    })
}

fn boxed(error: CallError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

/// The recorded response, if the mode wants one.
fn replay(generator: &Generator, call: &Call, tape: &Tape) -> Result<Option<Response>, CallError> {
    let mode = generator.config.cassette_mode();
    if !matches!(mode, CassetteMode::Replay | CassetteMode::Auto) {
        return Ok(None);
    }
    let key = generator.request(call);
    match generator.cassettes.read(key)? {
        Some(cassette) => {
            if let Ok(mut replayed) = tape.replayed.lock() {
                *replayed = Some(cassette.label());
            }
            Ok(Some(stream_of(cassette.response().into())))
        }
        None if mode == CassetteMode::Auto => Ok(None),
        None => {
            let body = generator.body(call);
            let message = generator.cassettes.miss(key, &body, &call.context);
            Err(CallError::new(Failure::CassetteMiss, message))
        }
    }
}

fn stream_of(body: reqwest::Body) -> Response {
    let response = http::Response::builder().header("content-type", "text/event-stream").body(body);
    Response::from(response.expect("a status and a header that are constants"))
}

/// Copies what passes to the tape.
fn taped(response: Response, tape: Arc<Tape>) -> Response {
    let pieces = response.bytes_stream().map(move |piece| {
        if let Ok(piece) = &piece {
            tape.add(piece);
        }
        piece
    });
    stream_of(reqwest::Body::wrap_stream(pieces))
}

/// One try: a stream of a success, or a classified error.
async fn send(http: &reqwest::Client, request: HttpRequestFactory) -> Result<Response, CallError> {
    let request = request.build().await.map_err(|error| classify::of_openai(error, false))?;
    let response = http.execute(request).await.map_err(|error| classify::of_reqwest(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let kind = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if status.is_success() && kind.starts_with("text/event-stream") {
        return Ok(response);
    }
    let body = whole(response).await?;
    let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let answered = status.is_success() && value.get("error").is_none_or(serde_json::Value::is_null);
    if answered && value.get("choices").is_some() {
        // A server that does not stream: its whole answer becomes a stream of one piece.
        return Ok(stream_of(format!("data: {value}\n\ndata: [DONE]\n\n").into()));
    }
    let error = classify::of_response(status.as_u16(), &headers, &body);
    // An error inside a success came from behind the server's front: it may have been served.
    let served = status.is_success() || error.served;
    Err(CallError { retry: error.retry && !status.is_success(), served, ..error })
}

async fn whole(response: Response) -> Result<String, CallError> {
    let mut bytes = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| classify::of_reqwest(&error))?);
        if bytes.len() > BODY_BYTES {
            let message = "the server's answer is larger than 32 MiB";
            return Err(CallError::new(Failure::BadResponse, message));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The retry policy: by class, with the server's wish before our own.
#[derive(Clone, Debug)]
struct Attempts {
    tried: u32,
    most: u32,
    base: Duration,
    shared: Arc<Shared>,
}

impl Policy<HttpRequestFactory, Response, CallError> for Attempts {
    type Future = BoxFuture<'static, ()>;

    fn retry(
        &mut self,
        _: &mut HttpRequestFactory,
        result: &mut Result<Response, CallError>,
    ) -> Option<Self::Future> {
        self.tried += 1;
        let Err(error) = result else { return None };
        if let Some(after) = error.after {
            self.shared.hold(after.min(limits::RATE_LIMIT_MOST));
        }
        match pause(error, self.tried, self.base, self.most) {
            Some(pause) => {
                tracing::info!(tried = self.tried, ?pause, "{error}; trying again");
                Some(Box::pin(tokio::time::sleep(pause)))
            }
            None => {
                if let Some(after) = error.after {
                    error.message.push_str(&format!("; the server asks for {} s", after.as_secs()));
                } else if error.retry {
                    error.message.push_str(&format!(" (after {} tries)", self.tried));
                }
                None
            }
        }
    }

    fn clone_request(&mut self, request: &HttpRequestFactory) -> Option<HttpRequestFactory> {
        Some(request.clone())
    }
}
