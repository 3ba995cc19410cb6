//! The web page and API: JSON over HTTP, on a socket that only the user can open and, optionally,
//! on loopback with a token.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path as TargetJob, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use super::api_error::ApiError;
use super::door;
use super::live_state::{LiveState, SseEvent};
use super::request::{CommandRequest, OrderBody, Refusal};
use crate::promote::Promoter;
use crate::report::{Styler, words};
use crate::store::{ContentStore, Ledger, Objects, SqliteLedger, files, write_private};
use crate::types::{Digest, Event, JobId, RelPath, SpecId, TargetName, Tree, limits};
use crate::workspace::{WorkspaceLayout, load, load_harness, today};

/// The state of the API.
#[derive(Clone)]
pub struct Api {
    /// The workspace.
    pub places: WorkspaceLayout,
    /// The live state.
    pub hub: Arc<LiveState>,
    /// The queue of orders.
    pub orders: Sender<CommandRequest>,
}

/// The address and token for browsers.
#[derive(Clone, Debug)]
pub struct Web {
    /// The bound address.
    pub address: SocketAddr,
    token: String,
}

impl Web {
    /// The page's URL with the token after `#`, which browsers do not send to the server.
    pub fn url(&self) -> String {
        format!("http://{}/#token={}", self.address, self.token)
    }

    /// Whether Host and Origin of a request are this address.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let hosts = [self.address.to_string(), format!("localhost:{}", self.address.port())];
        let text =
            |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
        let host = text(header::HOST);
        let origin = text(header::ORIGIN);
        host.is_some_and(|host| hosts.iter().any(|own| own == host))
            && origin.is_none_or(|origin| hosts.iter().any(|own| origin == format!("http://{own}")))
            && text(header::HeaderName::from_static("sec-fetch-site")) != Some("cross-site")
    }
}

type Answered = Result<Json<Value>, ApiError>;

impl Api {
    /// Serves on the workspace's socket. The caller holds the writer lock, so an existing socket is
    /// stale.
    ///
    /// # Errors
    /// The socket cannot be created.
    pub fn on_socket(&self) -> io::Result<()> {
        let path = self.places.state.join("socket");
        std::fs::create_dir_all(&self.places.state)?;
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let short = Short::of(&path)?;
        // With this umask no other user can connect before the mode is set.
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(&short.path);
        rustix::process::umask(mask);
        let listener = listener?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let router = self.router();
        tokio::spawn(door::serve(listener, router));
        Ok(())
    }

    /// Serves on a loopback address.
    ///
    /// # Errors
    /// The address is not loopback or in use; the token cannot be written.
    pub async fn on_web(&self, address: SocketAddr) -> io::Result<Web> {
        if !address.ip().is_loopback() {
            let why = format!(
                "{address} is not a loopback address; use 127.0.0.1 and a tunnel, such as ssh -L"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
        let token = token(&self.places.state.join("token"))?;
        let web = Web { address: listener.local_addr()?, token };
        let guarded = self.router().layer(from_fn_with_state(web.clone(), token_only));
        let router = page().merge(guarded).layer(from_fn_with_state(web.clone(), own_pages_only));
        tokio::spawn(door::serve(listener, router));
        Ok(web)
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/api/state", get(state))
            .route("/api/specs/{*spec}", get(spec))
            .route("/api/trace", get(trace))
            .route("/api/jobs", get(jobs))
            .route("/api/jobs/{job}", get(job))
            .route("/api/jobs/{job}/diff", get(diff))
            .route("/api/spending", get(spending))
            .route("/api/events", get(events))
            .route("/api/orders", post(order))
            .route("/metrics", get(metrics))
            .fallback(|| async { ApiError(StatusCode::NOT_FOUND, "no such path".to_owned()) })
            .layer(from_fn(door::admit))
            .layer(from_fn(safe_headers))
            .with_state(self.clone())
    }

    fn ledger(&self) -> Result<SqliteLedger, ApiError> {
        SqliteLedger::read(&self.places.ledger())?
            .ok_or_else(|| ApiError(StatusCode::NOT_FOUND, "no runs yet".to_owned()))
    }
}

/// A socket's path, short enough for `sun_path`.
pub(super) struct Short {
    pub(super) path: PathBuf,
    _folder: Option<std::fs::File>,
}

impl Short {
    /// The path, or a path through its opened folder (`/proc/self/fd`).
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        if path.as_os_str().len() < limits::SOCKET_PATH {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let folder = std::fs::File::open(path.parent().unwrap_or(path))?;
        let name = path.file_name().unwrap_or_default();
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

/// The workspace's token. Kept, so that open pages work after a restart.
fn token(path: &Path) -> io::Result<String> {
    let known = files::read_regular(path, 64).unwrap_or_default();
    if known.len() == 64 && known.iter().all(u8::is_ascii_hexdigit) {
        return Ok(String::from_utf8_lossy(&known).into_owned());
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(path, token.as_bytes())?;
    Ok(token)
}

/// Headers of every response.
async fn safe_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Rejects cross-site requests and DNS rebinding: Host and Origin must be this address.
async fn own_pages_only(State(web): State<Web>, request: Request, next: Next) -> Response {
    if web.is_own(request.headers()) {
        return next.run(request).await;
    }
    let why = "wrong Host or Origin";
    ApiError(StatusCode::FORBIDDEN, why.to_owned()).into_response()
}

/// Rejects requests without the token.
async fn token_only(State(web): State<Web>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Compares digests, so that timing reveals nothing of the token.
    if Digest::of(given) == Digest::of(&web.token) {
        return next.run(request).await;
    }
    let why = "requires `Authorization: Bearer` with the content of .regen/token";
    ApiError(StatusCode::UNAUTHORIZED, why.to_owned()).into_response()
}

/// The page; it contains no workspace data.
fn page() -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/page.js", file("text/javascript; charset=utf-8", include_str!("page/page.js")))
        .route("/page.css", file("text/css; charset=utf-8", include_str!("page/page.css")))
        .layer(from_fn(safe_headers))
}

async fn state(State(api): State<Api>) -> Answered {
    let seq = match SqliteLedger::read(&api.places.ledger())? {
        Some(ledger) => ledger.newest()?,
        None => 0,
    };
    let mut state = api.hub.state();
    state["seq"] = json!(seq);
    Ok(Json(state))
}

/// Runs slow work off the daemon's thread.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?
}

async fn spec(State(api): State<Api>, TargetJob(spec): TargetJob<String>) -> Answered {
    if !api.hub.knows(&spec) {
        return Err(ApiError(StatusCode::NOT_FOUND, format!("no spec `{spec}`")));
    }
    let output = api.hub.output(&spec);
    aside(move || {
        let workspace = load(&api.places, None)?;
        let only = SpecId::parse(&spec).into_iter().collect();
        let matrix = workspace.trace(Some(&only), &[])?;
        let ledger = SqliteLedger::read(&api.places.ledger())?;
        let jobs = ledger.map(|ledger| ledger.jobs(Some(&spec), limits::SHOWN_JOBS)).transpose()?;
        Ok(Json(json!({
            "type": "spec", "spec": spec, "clauses": matrix.rows, "jobs": jobs.unwrap_or_default(),
            "standing": workspace.standing.spec.get(&spec), "output": output,
            "problems": workspace.problems_of(Some(&only)),
        })))
    })
    .await
}

async fn trace(State(api): State<Api>) -> Answered {
    aside(move || {
        let matrix = load(&api.places, None)?.trace(None, &[])?;
        Ok(Json(json!({ "type": "trace", "clauses": matrix.rows, "strays": matrix.strays })))
    })
    .await
}

#[derive(Deserialize)]
struct Which {
    spec: Option<String>,
    limit: Option<u32>,
}

async fn jobs(State(api): State<Api>, Query(which): Query<Which>) -> Answered {
    let most = which.limit.unwrap_or(limits::SHOWN_JOBS).min(limits::SHOWN_JOBS_MOST);
    aside(move || {
        let jobs = api.ledger()?.jobs(which.spec.as_deref(), most)?;
        Ok(Json(json!({ "type": "jobs", "jobs": jobs })))
    })
    .await
}

async fn job(State(api): State<Api>, TargetJob(job): TargetJob<i64>) -> Answered {
    let entries = api.ledger()?.job(JobId(job))?;
    if entries.is_empty() {
        return Err(no_job(job));
    }
    Ok(Json(json!({ "type": "job", "job": job, "entries": entries })))
}

fn no_job(job: i64) -> ApiError {
    ApiError(StatusCode::NOT_FOUND, format!("no job {job}"))
}

/// The newest candidate of each target of a job, compared with what is promoted.
async fn diff(State(api): State<Api>, TargetJob(job): TargetJob<i64>) -> Answered {
    aside(move || {
        let entries = api.ledger()?.job(JobId(job))?;
        if entries.is_empty() {
            return Err(no_job(job));
        }
        let (mut target, mut trees) = (TargetName::default(), std::collections::BTreeMap::new());
        for entry in &entries {
            match &entry.event {
                Event::AttemptStarted { target: of, .. } => target.clone_from(of),
                Event::CandidateMade { tree, .. } => drop(trees.insert(target.clone(), *tree)),
                _ => {}
            }
        }
        let spec = entries.iter().find_map(|entry| entry.spec.clone()).unwrap_or_default();
        let harness = load_harness(&api.places, None)?;
        let objects = Objects::new(api.places.state.join("objects"));
        let promoter = Promoter::new(api.places.root.clone(), api.places.state.clone());
        let mut targets = Vec::new();
        for (name, digest) in trees {
            let place =
                harness.target.get(&name).map(|t| format!("{}/{}", t.unit(&spec), t.leaf(&name)));
            let promoted = place.map(|place| promoter.tree(&place)).transpose()?.flatten();
            let candidate = objects.get_tree(digest)?;
            let text = changes(&promoted.unwrap_or_default(), &candidate);
            targets.push(json!({ "target": name, "tree": digest, "diff": text }));
        }
        Ok(Json(json!({ "type": "diff", "job": job, "spec": spec, "targets": targets })))
    })
    .await
}

/// A unified diff.
fn changes(old: &Tree, new: &Tree) -> String {
    let text = |tree: &Tree, path: &RelPath| {
        tree.get(path.as_str())
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .unwrap_or_default()
    };
    let paths: std::collections::BTreeSet<_> =
        old.iter().chain(new.iter()).map(|(path, _)| path.clone()).collect();
    let mut out = String::new();
    let until = Instant::now() + limits::DIFF_TIME;
    for path in paths {
        let (a, b) = (text(old, &path), text(new, &path));
        if a != b && out.len() < limits::DIFF_BYTES {
            let mut diff = similar::TextDiff::configure();
            let diff = diff.deadline(until).diff_lines(&a, &b);
            let names = (format!("promoted/{path}"), format!("candidate/{path}"));
            out += &diff.unified_diff().context_radius(3).header(&names.0, &names.1).to_string();
        }
    }
    let cut = (0..=limits::DIFF_BYTES.min(out.len())).rev().find(|at| out.is_char_boundary(*at));
    out.truncate(cut.unwrap_or(0));
    out
}

async fn spending(State(api): State<Api>) -> Answered {
    let budget = load_harness(&api.places, None)?.budget;
    let days = api.ledger()?.days(limits::SHOWN_DAYS)?;
    Ok(Json(json!({ "type": "spending", "days": days, "budget": budget })))
}

async fn metrics(State(api): State<Api>) -> Result<Response, ApiError> {
    let today = match SqliteLedger::read(&api.places.ledger())? {
        Some(ledger) => ledger.spent(&today())?,
        None => Default::default(),
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let fleet = api.hub.fleet.seen().await;
    let text = api.hub.metrics.text(api.hub.counts(), &today, fleet.as_ref());
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

async fn order(State(api): State<Api>, Json(ask): Json<OrderBody>) -> Answered {
    let (reply, answer) = oneshot::channel();
    let by = ask.by.unwrap_or_else(|| "the API".to_owned());
    let order = CommandRequest { act: ask.act, specs: ask.specs, by, reply };
    let gone =
        || ApiError(StatusCode::SERVICE_UNAVAILABLE, "the daemon is shutting down".to_owned());
    api.orders.send(order).await.map_err(|_| gone())?;
    match answer.await.map_err(|_| gone())? {
        Ok(answer) => Ok(Json(json!({ "type": "done", "specs": answer.specs }))),
        Err(Refusal::Wrong(why)) => Err(ApiError(StatusCode::NOT_FOUND, why)),
        Err(Refusal::Failed(error)) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct After {
    after: Option<i64>,
}

/// The position of an event reader.
struct EventReader {
    api: Api,
    news: Receiver<SseEvent>,
    /// The last entry sent.
    last: i64,
    /// Entries ready to be sent.
    ready: VecDeque<Sse>,
}

/// Ledger entries after `Last-Event-ID` or `after`, with their numbers as ids, and news without
/// ids. Without either, only new entries.
async fn events(
    State(api): State<Api>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let news = api.hub.listen();
    let known = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let last = match known.or(after) {
        Some(last) => last,
        None => {
            SqliteLedger::read(&api.places.ledger())?.map_or(Ok(0), |ledger| ledger.newest())?
        }
    };
    let reader = EventReader { api, news, last, ready: VecDeque::new() };
    let sse = axum::response::Sse::new(stream(reader));
    Ok(sse.keep_alive(KeepAlive::default()).into_response())
}

fn stream(reader: EventReader) -> impl Stream<Item = Result<Sse, Infallible>> {
    futures::stream::unfold(reader, |mut reader| async move {
        loop {
            if let Some(event) = reader.ready.pop_front() {
                return Some((Ok(event), reader));
            }
            if reader.entries() {
                continue;
            }
            // A reader does not wait for the server of the workers.
            let hub = reader.api.hub.clone();
            if hub.fleet.is_due() {
                tokio::spawn(async move { hub.look_at_workers().await });
            }
            // Orders and plans write entries without a notice.
            match tokio::time::timeout(limits::FOLLOW, reader.news.recv()).await {
                Ok(Ok(SseEvent { kind: "ledger", .. })) | Err(_) => {}
                Ok(Ok(SseEvent { kind, data })) => {
                    reader.ready.push_back(Sse::default().event(kind).data(&*data));
                }
                // Too slow a reader: missed news are in the state.
                Ok(Err(RecvError::Lagged(_))) => {
                    reader.ready.push_back(Sse::default().event("missed").data("null"));
                }
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    })
}

impl EventReader {
    /// Reads new ledger entries; gives whether there were any.
    fn entries(&mut self) -> bool {
        let ledger = SqliteLedger::read(&self.api.places.ledger()).ok().flatten();
        let entries = ledger.and_then(|ledger| ledger.after(self.last, limits::FOLLOWED).ok());
        for entry in entries.into_iter().flatten() {
            self.last = entry.seq;
            let mut data = serde_json::to_value(&entry).unwrap_or_default();
            data["text"] = json!(words::event(&entry.event, Styler { colour: false }));
            let event = Sse::default().event("entry").id(entry.seq.to_string());
            self.ready.push_back(event.data(data.to_string()));
        }
        !self.ready.is_empty()
    }
}
