//! Requests to the model's server: with its key, and again where that may help.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use reqwest::Url;
use tokio::sync::OwnedSemaphorePermit;

use super::answers::error;
use super::body::{AgentRequest, Wire};
use super::pace::Pace;
use crate::types::generator::ServerSettings;
use crate::types::limits;

/// Headers that say which form of an API is spoken.
const FORMS: [&str; 3] = ["accept", "anthropic-version", "anthropic-beta"];

/// A model's server.
pub struct Upstream {
    settings: ServerSettings,
    key: Option<String>,
    http: reqwest::Client,
    pace: Arc<Pace>,
}

/// The beginning of a server's answer.
pub struct UpstreamAnswer {
    /// The answer.
    pub response: reqwest::Response,
    /// Its place among the requests at a time.
    pub slot: Option<OwnedSemaphorePermit>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({})", self.settings.base_url)
    }
}

/// Why no answer came.
#[derive(Debug)]
pub struct UpstreamError {
    /// The server's status.
    pub status: Option<u16>,
    /// Whether a model may have worked.
    pub served: bool,
    why: String,
}

impl UpstreamError {
    /// The answer for the program.
    pub fn into_response(self) -> Response<Body> {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        error(status.unwrap_or(StatusCode::BAD_GATEWAY), "upstream", &self.why)
    }
}

impl Upstream {
    /// A server with its key.
    ///
    /// # Errors
    /// TLS cannot start.
    pub fn new(
        settings: ServerSettings,
        key: Option<String>,
        pace: Arc<Pace>,
    ) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .connect_timeout(limits::CONNECT_TIMEOUT)
            .read_timeout(Duration::from_millis(settings.first_token_timeout_ms))
            .redirect(reqwest::redirect::Policy::none());
        let host = settings.base_url.split("//").nth(1).unwrap_or_default();
        // Requests to this machine never go through a proxy.
        let local = ["127.", "localhost", "[::1]"].iter().any(|name| host.starts_with(name));
        let http = if local { builder.no_proxy() } else { builder }.build()?;
        Ok(Self { settings, key, http, pace })
    }

    /// The address of a path: below the server's address, whose last part is the API's version.
    fn address(&self, path: &str) -> Result<Url, String> {
        let mut url = Url::parse(&self.settings.base_url).map_err(|why| why.to_string())?;
        let own = path.trim_start_matches('/').split('/').skip(1);
        url.path_segments_mut()
            .map_err(|()| "an address without a path")?
            .pop_if_empty()
            .extend(own);
        if path.ends_with(":streamGenerateContent") {
            url.set_query(Some("alt=sse"));
        }
        Ok(url)
    }

    /// Sends a request; again after errors of the server, before there is an answer.
    ///
    /// # Errors
    /// No answer came.
    pub async fn send(
        &self,
        asked: &AgentRequest,
        headers: &HeaderMap,
    ) -> Result<UpstreamAnswer, UpstreamError> {
        let failed = |why: String| UpstreamError { status: None, served: false, why };
        let url = self.address(&asked.path).map_err(failed)?;
        let slot = self.pace.slots.clone().acquire_owned().await.ok();
        let mut tries = 0;
        loop {
            tries += 1;
            if self.pace.long_hold().is_some() {
                let why = "the server limits the rate of requests".to_owned();
                return Err(UpstreamError { status: Some(429), served: false, why });
            }
            let mut request = self.http.post(url.clone()).body(asked.body.clone());
            request = request.header(header::CONTENT_TYPE, "application/json");
            for name in FORMS {
                if let Some(value) = headers.get(name) {
                    request = request.header(name, value);
                }
            }
            self.pace.wait().await;
            let sent = self.with_key(request, asked.wire).send().await;
            let again = match &sent {
                Ok(response) => {
                    let status = response.status().as_u16();
                    (status == 429 || status >= 500).then(|| after(response.headers()))
                }
                Err(error) => error.is_connect().then_some(None),
            };
            if let Some(Some(asked)) = again {
                self.pace.hold(asked.min(limits::RATE_LIMIT_MOST));
            }
            let wait = self.pause(tries);
            let is_short =
                |asked: &Option<Duration>| asked.is_none_or(|one| one <= limits::RETRY_AFTER_CAP);
            match again.filter(|asked| tries < self.settings.max_tries && is_short(asked)) {
                Some(asked) => {
                    tokio::time::sleep(asked.unwrap_or(wait)).await;
                }
                None => {
                    let sent = sent.map(|response| UpstreamAnswer { response, slot });
                    return sent.map_err(|error| UpstreamError {
                        status: None,
                        served: !error.is_connect(),
                        why: "the model's server gave no answer".to_owned(),
                    });
                }
            }
        }
    }

    fn pause(&self, tries: u32) -> Duration {
        let base = Duration::from_millis(self.settings.retry_base_ms);
        base.saturating_mul(1 << tries.min(16)).min(limits::RETRY_CAP)
    }

    fn with_key(&self, request: reqwest::RequestBuilder, wire: Wire) -> reqwest::RequestBuilder {
        let Some(key) = &self.key else { return request };
        match wire {
            Wire::Chat | Wire::Responses => request.bearer_auth(key),
            Wire::Messages | Wire::CountTokens => request.header("x-api-key", key),
            Wire::Gemini => request.header("x-goog-api-key", key),
        }
    }
}

/// What the server asks to wait for.
fn after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
