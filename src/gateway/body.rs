//! What a program asks: read from the body of a request, without a translation of the wire.

use serde_json::{Map, Value, json};

use crate::types::{Digest, limits};

/// The form of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/responses`.
    Responses,
    /// `POST /v1/messages`.
    Messages,
    /// `POST /v1/messages/count_tokens`.
    CountTokens,
    /// `POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`.
    Gemini,
}

impl Wire {
    /// The wire of a path.
    pub fn of(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::Chat),
            "/v1/responses" => Some(Self::Responses),
            "/v1/messages" => Some(Self::Messages),
            "/v1/messages/count_tokens" => Some(Self::CountTokens),
            _ => gemini(path).map(|_| Self::Gemini),
        }
    }

    /// Names of the limit on an answer's tokens; the first is written where none is there.
    fn limit(self) -> &'static [&'static str] {
        match self {
            Self::Chat => &["max_tokens", "max_completion_tokens"],
            Self::Responses => &["max_output_tokens"],
            Self::Messages => &["max_tokens"],
            Self::CountTokens => &[],
            Self::Gemini => &["maxOutputTokens"],
        }
    }
}

/// The model of a path of Gemini's.
fn gemini(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1beta/models/")?;
    let (model, action) = rest.split_once(':')?;
    let known = ["generateContent", "streamGenerateContent"].contains(&action);
    (known && !model.contains('/')).then_some(model)
}

/// A request that may be sent on.
#[derive(Clone, Debug)]
pub struct AgentRequest {
    /// Its wire.
    pub wire: Wire,
    /// Its path, as it came.
    pub path: String,
    /// Its model.
    pub model: String,
    /// Its body, as it is sent on.
    pub body: Vec<u8>,
    /// The most tokens of all its answers.
    pub output: u64,
    /// What was taken out of it.
    pub notes: Vec<String>,
}

impl AgentRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// Why it cannot be sent on.
    pub fn read(wire: Wire, path: &str, bytes: &[u8], most: u32) -> Result<Self, String> {
        let value = serde_json::from_slice(bytes);
        let Ok(Value::Object(mut body)) = value else {
            return Err("a body that is not a JSON object".to_owned());
        };
        let model = match wire {
            Wire::Gemini => gemini(path).map(str::to_owned),
            _ => body.get("model").and_then(Value::as_str).map(str::to_owned),
        };
        let model = model.ok_or("a request without a model")?;
        // Their tokens are at the server, where they cannot be counted beforehand.
        for name in ["previous_response_id", "conversation", "background", "cachedContent"] {
            if body.get(name).is_some_and(|value| !value.is_null() && *value != json!(false)) {
                return Err(format!("`{name}`, whose tokens are not in the request"));
            }
        }
        let before = body.clone();
        let notes = hosted(&mut body);
        let output = limit(wire, &mut body, most)?;
        if wire == Wire::Chat && body.get("stream") == Some(&json!(true)) {
            let options = body.entry("stream_options").or_insert_with(|| json!({}));
            if let Value::Object(options) = options {
                options.insert("include_usage".to_owned(), json!(true));
            }
        }
        let body = if body == before {
            bytes.to_vec()
        } else {
            serde_json::to_vec(&body).map_err(|why| why.to_string())?
        };
        Ok(Self { wire, path: path.to_owned(), model, body, output, notes })
    }

    /// Its identity: what is sent, and where.
    pub fn digest(&self) -> Digest {
        Digest::of_parts([self.path.as_bytes(), &self.body])
    }

    /// The most tokens that it may take. A token has at least one byte; of a part that the server
    /// has counted before, the count is known: `known` has its bytes and tokens.
    pub fn most(&self, known: (usize, u64)) -> u64 {
        if self.wire == Wire::CountTokens {
            return 0;
        }
        let (bytes, tokens) = known;
        let new = self.body.len().saturating_sub(bytes) + limits::MESSAGE_TOKENS;
        tokens.saturating_add(new as u64).saturating_add(self.output)
    }
}

/// Takes out tools that the server runs by itself: their tokens are not in the request, and they
/// reach other hosts.
fn hosted(body: &mut Map<String, Value>) -> Vec<String> {
    let mut notes = Vec::new();
    if body.remove("mcp_servers").is_some() {
        notes.push("servers of tools were left out".to_owned());
    }
    let Some(Value::Array(tools)) = body.get_mut("tools") else { return notes };
    own_tools(tools, &mut notes);
    if tools.is_empty() {
        body.remove("tools");
        body.remove("tool_choice");
    }
    notes
}

/// Leaves the tools that the program runs, in groups too.
fn own_tools(tools: &mut Vec<Value>, notes: &mut Vec<String>) {
    const OWN: [&str; 7] =
        ["function", "custom", "local_shell", "shell", "apply_patch", "bash_", "text_editor_"];
    tools.retain_mut(|tool| {
        if tool["type"] == "namespace"
            && let Some(Value::Array(inner)) = tool.get_mut("tools")
        {
            own_tools(inner, notes);
            return !inner.is_empty();
        }
        let name = match tool.get("type").and_then(Value::as_str) {
            Some(kind) if OWN.iter().any(|own| kind.starts_with(own)) => return true,
            Some(kind) => kind,
            // Gemini names a tool by its key.
            None => match tool.as_object().and_then(|tool| tool.keys().next()) {
                Some(key) if key == "functionDeclarations" || tool.get("name").is_some() => {
                    return true;
                }
                Some(key) => key,
                None => return true,
            },
        };
        notes.push(format!("the server's own tool `{name}` was left out"));
        false
    });
}

/// The most tokens of the answers; the limit is written where the request has none.
fn limit(wire: Wire, body: &mut Map<String, Value>, most: u32) -> Result<u64, String> {
    let Some(first) = wire.limit().first() else { return Ok(0) };
    let many = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(1);
    let part = if wire == Wire::Gemini {
        let part = body.entry("generationConfig").or_insert_with(|| json!({}));
        part.as_object_mut().ok_or("`generationConfig` is not an object")?
    } else {
        body
    };
    let given = wire.limit().iter().filter_map(|name| part.get(*name)).max_by_key(|v| v.as_u64());
    let given = match given {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_u64().ok_or("a limit of tokens that is not a number")?),
    };
    if given.is_none() {
        part.insert((*first).to_owned(), json!(most));
    }
    let each = given.unwrap_or(most.into());
    let times = many(part.get("n")).max(many(part.get("candidateCount")));
    Ok(each.saturating_mul(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(wire: Wire, body: &Value) -> Result<AgentRequest, String> {
        AgentRequest::read(
            wire,
            "/v1beta/models/m:generateContent",
            body.to_string().as_bytes(),
            100,
        )
    }

    #[test]
    fn paths_have_wires() {
        for (path, wire) in [
            ("/v1/chat/completions", Some(Wire::Chat)),
            ("/v1beta/models/gemini-3:streamGenerateContent", Some(Wire::Gemini)),
            ("/v1beta/models/a/b:generateContent", None),
            ("/v1beta/models/a:embedContent", None),
            ("/v1/files", None),
            ("/v1/responses/x", None),
        ] {
            assert_eq!(Wire::of(path), wire, "{path}");
        }
    }

    #[test]
    fn every_answer_has_a_limit() {
        let one = asked(Wire::Chat, &json!({ "model": "m", "stream": true })).expect("is right");
        let body: Value = serde_json::from_slice(&one.body).expect("is JSON");
        assert_eq!((one.output, &body["max_tokens"]), (100, &json!(100)));
        assert_eq!(body["stream_options"]["include_usage"], true);
        let one = json!({ "model": "m", "max_completion_tokens": 7, "n": 3 });
        assert_eq!(asked(Wire::Chat, &one).expect("is right").output, 21);
        let one = json!({ "generationConfig": { "candidateCount": 2 } });
        assert_eq!(asked(Wire::Gemini, &one).expect("is right").output, 200);
        for wrong in [
            json!({ "model": "m", "max_output_tokens": "many" }),
            json!({ "model": "m", "previous_response_id": "r" }),
            json!({ "max_output_tokens": 1 }),
        ] {
            assert!(asked(Wire::Responses, &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tools_of_the_server_are_left_out() {
        let tools = json!([{ "type": "function", "name": "f" }, { "type": "web_search" }]);
        let one = json!({ "model": "m", "tools": tools, "max_output_tokens": 1 });
        let one = asked(Wire::Responses, &one).expect("is right");
        assert!(!String::from_utf8_lossy(&one.body).contains("web_search"));
        assert_eq!(one.notes, ["the server's own tool `web_search` was left out"]);
        let tools = json!([{ "name": "read", "input_schema": {} }]);
        let own = json!({ "model": "m", "max_tokens": 5, "tools": tools });
        let one = asked(Wire::Messages, &own).expect("is right");
        assert_eq!(one.body, own.to_string().into_bytes(), "it goes out as it came");
    }
}
