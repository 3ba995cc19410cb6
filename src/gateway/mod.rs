//! The gateway: the only way from a program in a sandbox to a model. It listens on the sandbox's
//! own loopback, knows one token, adds the key outside, and never lets the tokens of an attempt
//! pass their limit: each request is reserved before it is sent and metered on the wire.

mod answers;
mod body;
mod content;
mod journal;
mod meter;
mod pace;
mod unique;
mod upstream;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_tokio::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

use crate::types::{Usage, limits};

use answers::{error, said, whole};
use body::{AgentRequest, Wire};
use journal::OpenExchange;
pub use journal::{ExchangeJournal, NoJournal, WholeAnswer};
pub use meter::GatewayReport;
use meter::{Counts, Meter, locked};
pub use pace::{Pace, RateLimits};
pub use upstream::{Upstream, UpstreamError};

/// What a gateway lets through.
#[derive(Clone, Debug)]
pub struct GatewayRules {
    /// Models that may be asked. The first is the configured one.
    pub models: Vec<String>,
    /// Tokens that an answer may have where the request does not say, if that is configured.
    pub output_tokens: Option<u32>,
    /// Most tokens of all requests, read and written.
    pub tokens: u64,
}

/// A place to read a large body, for all gateways: its values take many times its bytes.
static LARGE: Semaphore = Semaphore::const_new(1);

/// A gateway for one attempt.
#[derive(Debug)]
pub struct Gateway {
    rules: GatewayRules,
    upstream: Upstream,
    journal: Arc<dyn ExchangeJournal>,
    token: String,
    counts: Arc<Mutex<Counts>>,
    capped: Notify,
    /// Places for bodies that are read.
    bodies: Semaphore,
}

impl Gateway {
    /// A gateway with a random token.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(
        mut rules: GatewayRules,
        upstream: Upstream,
        journal: Arc<dyn ExchangeJournal>,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes)?;
        let token = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (token, counts, capped) = (format!("rg-{token}"), Arc::default(), Notify::new());
        let bodies = Semaphore::new(limits::GATEWAY_BODIES);
        rules.tokens = rules.tokens.saturating_sub(journal.spent());
        Ok(Arc::new(Self { rules, upstream, journal, token, counts, capped, bodies }))
    }

    /// What programs send in place of a key.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What went through so far. A request that is not answered yet counts as reserved.
    pub fn report(&self) -> GatewayReport {
        GatewayReport { earlier: self.journal.spent(), ..self.counts().report() }
    }

    /// Waits until a request was refused because of the limit on tokens.
    pub async fn capped(&self) {
        self.capped.notified().await;
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        locked(&self.counts)
    }

    /// Answers requests until it is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> Infallible {
        let mut open = tokio::task::JoinSet::new();
        let places = Arc::new(Semaphore::new(limits::GATEWAY_CONNECTIONS));
        loop {
            let place = places.clone().acquire_owned().await;
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(limits::WATCH_TICK).await;
                continue;
            };
            while open.try_join_next().is_some() {}
            let gateway = self.clone();
            open.spawn(async move {
                let _place = place;
                let service = service_fn(move |request| {
                    let gateway = gateway.clone();
                    async move { Ok::<_, Infallible>(gateway.answer(request).await) }
                });
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(limits::REQUEST_TIME);
                if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!("a connection to the gateway: {error}");
                }
            });
        }
    }

    async fn answer(self: Arc<Self>, request: Request<hyper::body::Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if head.method == Method::HEAD && head.uri.path() == "/" {
            return Response::default();
        }
        if !self.knows(&head.headers, head.uri.query()) {
            return self.refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "a wrong token");
        }
        if head.method == Method::GET && head.uri.path() == "/v1/models" {
            let model = |id: &String| json!({ "id": id, "object": "model", "owned_by": "regen" });
            let data = self.rules.models.iter().map(model).collect::<Vec<_>>();
            return said(StatusCode::OK, &json!({ "object": "list", "data": data }));
        }
        let path = head.uri.path();
        let Some(wire) = Wire::of(path).filter(|_| head.method == Method::POST) else {
            let why = format!("{} {path} is not served", head.method);
            return self.refuse(StatusCode::NOT_FOUND, "not_found", &why);
        };
        let reading = self.bodies.acquire().await;
        let bytes = to_bytes(Body::new(body), limits::GATEWAY_BYTES);
        let bytes = match tokio::time::timeout(limits::GATEWAY_BODY_TIME, bytes).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => {
                let why = "a request of more than 32 MiB";
                return self.refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", why);
            }
            Err(_) => {
                let why = "a request that took too long";
                return self.refuse(StatusCode::REQUEST_TIMEOUT, "timeout", why);
            }
        };
        let (path, output) = (path.to_owned(), self.rules.output_tokens);
        let before = self.counts().last().cloned();
        let is_large = bytes.len() > limits::GATEWAY_BYTES / 32;
        let large = if is_large { LARGE.acquire().await.ok() } else { None };
        let asked = tokio::task::spawn_blocking(move || {
            let asked = AgentRequest::read(wire, &path, bytes, output)?;
            let most = asked.most(before.as_ref());
            Ok((asked, most))
        });
        let asked = asked.await.unwrap_or_else(|why| Err(why.to_string()));
        drop(large);
        // Tokens limit how many others are under way.
        let _counting = reading.ok().filter(|_| wire == Wire::CountTokens);
        match asked {
            Ok((asked, most)) if self.rules.models.contains(&asked.model) => {
                self.clone().pass_on(asked, most, &head.headers).await
            }
            Ok((asked, _)) => {
                let why = format!("the model {} is not allowed", asked.model);
                self.refuse(StatusCode::NOT_FOUND, "model_not_found", &why)
            }
            Err(why) => self.refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &why),
        }
    }

    /// Whether a request has the token, where any API has its key.
    fn knows(&self, headers: &HeaderMap, query: Option<&str>) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization").and_then(|text| text.strip_prefix("Bearer "));
        let keys = [bearer, text("x-api-key"), text("x-goog-api-key")];
        let query = query.into_iter().flat_map(|query| query.split('&'));
        let query = query.filter_map(|pair| pair.strip_prefix("key="));
        keys.into_iter().flatten().chain(query).any(|key| key == self.token)
    }

    /// Sends a request on, if the tokens that it may take are left.
    async fn pass_on(
        self: Arc<Self>,
        asked: AgentRequest,
        most: u64,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let request = asked.digest();
        if let Some(answer) = self.journal.known(request) {
            self.counts().repeat();
            return whole(answer);
        }
        if self.counts().is_full() {
            let why = format!("more than {} requests", limits::GATEWAY_REQUESTS);
            return self.refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", &why);
        }
        if !self.counts().reserve(most, self.rules.tokens) {
            self.capped.notify_one();
            let why = "the tokens of this attempt are used up";
            return error(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", why);
        }
        let reserved = Usage { output: most, ..Usage::default() };
        let exchange = match OpenExchange::begin(&self.journal, request, reserved) {
            Ok(exchange) => exchange,
            Err(why) => {
                self.counts().release(most);
                return self.refuse(StatusCode::INTERNAL_SERVER_ERROR, "not_recorded", &why);
            }
        };
        for note in &asked.notes {
            self.counts().refuse(note.clone());
        }
        let meter = Meter::new(self.counts.clone(), exchange, most, asked.clone());
        match self.upstream.send(&asked, headers).await {
            Ok(answer) => meter.over(answer),
            Err(failed) => {
                // What was not served costs nothing.
                meter.settle(failed.served.then_some(most));
                self.counts().status(failed.status);
                failed.into_response()
            }
        }
    }

    fn refuse(&self, status: StatusCode, kind: &str, why: &str) -> Response<Body> {
        self.counts().refuse(why.to_owned());
        error(status, kind, why)
    }
}

/// How long a program may go on after its tokens are used up.
pub const AFTER_CAP: Duration = Duration::from_secs(10);
