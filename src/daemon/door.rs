//! Connections to the daemon's listeners: how many are open, and how long a request may take to
//! arrive. Any local user can connect to loopback, so unauthenticated connections give way to new
//! ones, and some file descriptors stay reserved for jobs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_tokio::rt::{TokioIo, TokioTimer};
use hyper_tokio::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, yield_now};
use tower::ServiceExt;

use super::api_error::ApiError;
use crate::types::limits;

/// Whether a connection has sent a complete, authorized request.
#[derive(Clone, Default)]
struct Admitted(Arc<AtomicBool>);

/// An open connection.
struct Connection {
    task: AbortHandle,
    admitted: Admitted,
}

/// How many connections a listener keeps open, depending on the limit on open files.
pub(super) fn most_connections() -> usize {
    let open = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let open = open.and_then(|open| usize::try_from(open).ok()).unwrap_or(usize::MAX);
    (open.saturating_sub(limits::WORK_DESCRIPTORS) / 2)
        .clamp(limits::LEAST_CONNECTIONS, limits::MOST_CONNECTIONS)
}

/// Answers requests, one per connection. If too many are open, the oldest unauthenticated one is
/// closed for a new one; if all are authenticated, the new one is closed.
pub(super) async fn serve<L: Listener>(mut listener: L, router: Router) {
    let most = most_connections();
    let mut open: VecDeque<Connection> = VecDeque::new();
    loop {
        let (io, _) = listener.accept().await;
        open.retain(|one| !one.task.is_finished());
        if open.len() >= most {
            let waits = |one: &Connection| !one.admitted.0.load(Ordering::Relaxed);
            let Some(oldest) = open.iter().position(waits) else { continue };
            open.remove(oldest).inspect(|one| one.task.abort());
        }
        let admitted = Admitted::default();
        let task = tokio::spawn(answer(io, router.clone(), admitted.clone())).abort_handle();
        open.push_back(Connection { task, admitted });
        // Lets closed connections finish, and reads what was sent, before more are accepted.
        yield_now().await;
    }
}

/// Answers the only request of a connection.
async fn answer(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    admitted: Admitted,
) {
    let service = router.map_request(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(admitted.clone());
        request
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits::REQUEST_TIME).keep_alive(false);
    let ended = server.serve_connection(TokioIo::new(io), TowerToHyperService::new(service)).await;
    if let Err(error) = ended {
        tracing::debug!("a connection: {error}");
    }
}

/// Marks an authorized request once its body has arrived.
pub(super) async fn admit(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(Admitted(admitted)) = parts.extensions.get() {
        admitted.store(true, Ordering::Relaxed);
    }
    let body = tokio::time::timeout(limits::REQUEST_TIME, to_bytes(body, limits::REQUEST_BYTES));
    let (status, why) = match body.await {
        Ok(Ok(bytes)) => return next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or incomplete"),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive"),
    };
    ApiError(status, why.to_owned()).into_response()
}
