//! What the bodies of all APIs share.

use serde_json::{Value, json};

use crate::generator::Request;
use crate::types::generator::ServerSettings;
use crate::types::{AttemptKind, Prompt};

/// How much warmer a fresh start is sampled.
const FRESH: f64 = 0.5;

/// The temperature of a request, where one is configured: a fresh start is sampled warmer.
pub fn temperature(server: &ServerSettings, request: &Request, warmest: f64) -> Option<f64> {
    let warmer = if request.kind == AttemptKind::Fresh { FRESH } else { 0.0 };
    server.temperature.map(|temperature| (temperature + warmer).min(warmest))
}

/// The messages of a prompt behind the first, in the form that all APIs share.
pub fn talk(prompt: &Prompt) -> impl Iterator<Item = Value> {
    let user = json!({ "role": "user", "content": prompt.user });
    prompt.earlier.iter().map(|one| json!(one)).chain([user])
}

/// The schema that `reply = "json"` holds an answer to.
pub fn schema() -> Value {
    let text = json!({ "type": "string" });
    let file = json!({
        "type": "object",
        "properties": { "path": text, "content": text },
        "required": ["path", "content"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": { "files": { "type": "array", "items": file } },
        "required": ["files"],
        "additionalProperties": false,
    })
}
