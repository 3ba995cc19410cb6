//! The HTTP stack: retries over pacing over HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::StreamExt;
use futures::future::BoxFuture;
use reqwest::Response;
use tower::retry::{Policy, Retry};
use tower::{Service, ServiceExt, service_fn};

use super::classify::{self, pause};
use super::pace::Pace;
use crate::generator::GenerationError;
use crate::types::generator::OpenaiSettings;
use crate::types::{Failure, limits};

/// Maximum size of a body that is read at once: errors and unstreamed answers.
const BODY_BYTES: usize = 32 * 1024 * 1024;

/// What async-openai sends requests to: a server or a recording.
pub trait Wire:
    Service<HttpRequestFactory, Response = Response, Error = OpenAIError, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Wire for S where
    S: Service<
            HttpRequestFactory,
            Response = Response,
            Error = OpenAIError,
            Future: Send + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// The raw exchange of one call.
#[derive(Debug, Default)]
pub struct Tape(Mutex<Vec<u8>>);

impl Tape {
    /// The response body so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().map(|bytes| bytes.clone()).unwrap_or_default()
    }

    fn add(&self, piece: &[u8]) {
        if let Ok(mut bytes) = self.0.lock() {
            bytes.extend_from_slice(piece);
        }
    }
}

/// The connection to the server for one call; copies the response to the tape.
pub fn stack(
    settings: &OpenaiSettings,
    http: reqwest::Client,
    pace: Arc<Pace>,
    tape: Arc<Tape>,
) -> impl Wire + use<> {
    let patience = Duration::from_millis(settings.first_token_timeout_ms);
    let policy = Attempts {
        tried: 0,
        most: settings.max_tries,
        base: Duration::from_millis(settings.retry_base_ms),
        pace: pace.clone(),
    };
    let send = service_fn(move |request: HttpRequestFactory| -> BoxFuture<'static, _> {
        let (http, pace) = (http.clone(), pace.clone());
        Box::pin(async move {
            pace.wait().await;
            tokio::time::timeout(patience, send(&http, request)).await.unwrap_or_else(|_| {
                let message = format!("no answer from the server for {} ms", patience.as_millis());
                Err(GenerationError::new(Failure::TimedOut, message))
            })
        })
    });
    let retrying = Retry::new(policy, send);
    let answered = move |response| taped(response, tape.clone());
    let boxed = |error| OpenAIError::Boxed(Box::new(error));
    retrying.map_response(answered).map_err(boxed)
}

/// A recorded response instead of a server.
pub fn recorded(response: String) -> impl Wire {
    service_fn(move |_: HttpRequestFactory| {
        std::future::ready(Ok(stream_of(response.clone().into())))
    })
}

fn stream_of(body: reqwest::Body) -> Response {
    let response = http::Response::builder().header("content-type", "text/event-stream").body(body);
    Response::from(response.expect("a status and a header that are constants"))
}

/// Copies chunks to the tape.
fn taped(response: Response, tape: Arc<Tape>) -> Response {
    let pieces = response.bytes_stream().map(move |piece| {
        if let Ok(piece) = &piece {
            tape.add(piece);
        }
        piece
    });
    stream_of(reqwest::Body::wrap_stream(pieces))
}

/// One try: a successful stream, or a classified error.
async fn send(
    http: &reqwest::Client,
    request: HttpRequestFactory,
) -> Result<Response, GenerationError> {
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
        // A server that does not stream: its answer becomes a stream of one chunk.
        return Ok(stream_of(format!("data: {value}\n\ndata: [DONE]\n\n").into()));
    }
    let error = classify::of_response(status.as_u16(), &headers, &body);
    // An error in a successful response comes from the model's backend; the request may be billed.
    let served = status.is_success() || error.served;
    Err(GenerationError { retry: error.retry && !status.is_success(), served, ..error })
}

async fn whole(response: Response) -> Result<String, GenerationError> {
    let mut bytes = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| classify::of_reqwest(&error))?);
        if bytes.len() > BODY_BYTES {
            let message = "the server's answer is larger than 32 MiB";
            return Err(GenerationError::new(Failure::BadResponse, message));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The retry policy: by class; the server's Retry-After comes first.
#[derive(Clone, Debug)]
struct Attempts {
    tried: u32,
    most: u32,
    base: Duration,
    pace: Arc<Pace>,
}

impl Policy<HttpRequestFactory, Response, GenerationError> for Attempts {
    type Future = BoxFuture<'static, ()>;

    fn retry(
        &mut self,
        _: &mut HttpRequestFactory,
        result: &mut Result<Response, GenerationError>,
    ) -> Option<Self::Future> {
        self.tried += 1;
        let Err(error) = result else { return None };
        if let Some(after) = error.after {
            self.pace.hold(after.min(limits::RATE_LIMIT_MOST));
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
