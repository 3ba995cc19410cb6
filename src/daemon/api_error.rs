//! Errors of the API.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::workspace::{CommandError, ErrorKind};

/// An error, as the API answers it.
pub(super) struct ApiError(pub(super) StatusCode, pub(super) String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "type": "error", "message": self.1 }))).into_response()
    }
}

impl<E: Into<CommandError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        let error: CommandError = error.into();
        let status = match error.kind() {
            ErrorKind::Usage => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.lines())
    }
}
