//! Answers of the gateway's own.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::journal::WholeAnswer;

/// An error in the form that every API has.
pub fn error(status: StatusCode, kind: &str, why: &str) -> Response<Body> {
    let message = format!("regen: {why}");
    said(status, &json!({ "error": { "message": message, "type": kind, "code": kind } }))
}

/// A JSON answer.
pub fn said(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// An answer that was recorded.
pub fn whole(answer: WholeAnswer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    let kind = answer.kind.and_then(|kind| header::HeaderValue::from_str(&kind).ok());
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}
