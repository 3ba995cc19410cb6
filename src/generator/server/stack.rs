//! The stack: retries over pace over HTTP.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use reqwest::{Request, Response};
use tower::retry::{Policy, Retry};
use tower::{ServiceExt, service_fn};

use crate::gateway::Pace;
use crate::generator::GenerationError;
use crate::generator::wire;
use crate::generator::wire::classify::{self, pause};
use crate::types::generator::ServerSettings;
use crate::types::{Failure, ModelApi, limits};

/// Bytes of a body that is read whole: errors and lists.
const BODY_BYTES: usize = 32 * 1024 * 1024;

/// Sends a request, again where that may help, and gives the response of a success, whose body is
/// still to come.
///
/// # Errors
/// The class of what went wrong at last.
pub async fn send(
    settings: &ServerSettings,
    http: reqwest::Client,
    pace: Arc<Pace>,
    request: Request,
) -> Result<Response, GenerationError> {
    let patience = Duration::from_millis(settings.first_token_timeout_ms);
    let policy = Attempts {
        tried: 0,
        most: settings.max_tries,
        base: Duration::from_millis(settings.retry_base_ms),
        pace: pace.clone(),
    };
    let (api, model) = (settings.api(), settings.model.clone());
    let once = service_fn(move |request: Request| -> BoxFuture<'static, _> {
        let (http, pace, model) = (http.clone(), pace.clone(), model.clone());
        Box::pin(async move {
            pace.wait().await;
            tokio::time::timeout(patience, one(&http, request, api, &model)).await.unwrap_or_else(
                |_| {
                    let message =
                        format!("the server answered nothing for {} ms", patience.as_millis());
                    Err(GenerationError::new(Failure::TimedOut, message))
                },
            )
        })
    });
    Retry::new(policy, once).oneshot(request).await
}

/// One try: the response of a success, whatever it calls itself, or a classified error.
async fn one(
    http: &reqwest::Client,
    request: Request,
    api: ModelApi,
    model: &str,
) -> Result<Response, GenerationError> {
    let response = http.execute(request).await.map_err(|error| classify::of_reqwest(&error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, headers) = (response.status(), response.headers().clone());
    let body = whole(response).await?;
    let error = classify::of_response(status.as_u16(), &headers, &body);
    // A refusal is an answer, which is read and recorded as one.
    match wire::read_response(api, model, body.as_bytes()) {
        Err(refused) if error.failure == Failure::Refused => Err(refused.recorded(body.into())),
        _ => Err(error),
    }
}

/// A whole body.
///
/// # Errors
/// The connection broke, or there is too much of it.
pub async fn whole(response: Response) -> Result<String, GenerationError> {
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

/// The retry policy: by class, with the server's wish before our own.
#[derive(Clone, Debug)]
struct Attempts {
    tried: u32,
    most: u32,
    base: Duration,
    pace: Arc<Pace>,
}

impl Policy<Request, Response, GenerationError> for Attempts {
    type Future = BoxFuture<'static, ()>;

    fn retry(
        &mut self,
        _: &mut Request,
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

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}
