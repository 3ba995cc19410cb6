//! What a program asks: read from the body of a request, without a translation of the wire.

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::content::{added, hosted, own_content};
use super::unique::UniqueKeys;
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
    pub body: Bytes,
    /// The most tokens of all its answers.
    pub output: u64,
    /// The most tokens that the server may add, for tools too.
    pub added: u64,
    /// What was taken out of it.
    pub notes: Vec<String>,
}

impl AgentRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// Why it cannot be sent on.
    pub fn read(wire: Wire, path: &str, bytes: Bytes, most: Option<u32>) -> Result<Self, String> {
        let value = serde_json::from_slice(&bytes);
        let Ok(Value::Object(mut body)) = value else {
            return Err("a body that is not a JSON object".to_owned());
        };
        serde_json::from_slice::<UniqueKeys>(&bytes).map_err(|why| why.to_string())?;
        spelled(&body)?;
        let named = body.get("model").and_then(Value::as_str);
        let model = if wire == Wire::Gemini { gemini(path) } else { named };
        let model = model.ok_or("a request without a model")?.to_owned();
        if named.is_some_and(|name| name.trim_start_matches("models/") != model) {
            return Err("two names of models".to_owned());
        }
        for name in ELSEWHERE {
            if body.get(name).is_some_and(|value| !value.is_null() && *value != json!(false)) {
                return Err(format!("`{name}`, whose tokens are not in the request"));
            }
        }
        for name in LISTS.iter().chain(&SYSTEM) {
            body.get(*name).map_or(Ok(()), own_content)?;
        }
        let settings = |body: &Map<String, Value>| {
            let settings = body.iter().filter(|(key, _)| !LISTS.contains(&key.as_str()));
            settings.map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        };
        let before = settings(&body);
        let notes = hosted(&mut body);
        let output = limit(wire, &mut body, most)?;
        let added = added(&body);
        if wire == Wire::Responses {
            body.insert("store".to_owned(), json!(false));
        }
        if wire == Wire::Chat && body.get("stream") == Some(&json!(true)) {
            let options = body.entry("stream_options").or_insert_with(|| json!({}));
            if let Value::Object(options) = options {
                options.insert("include_usage".to_owned(), json!(true));
            }
        }
        let body = if settings(&body) == before {
            bytes
        } else {
            serde_json::to_vec(&body).map_err(|why| why.to_string())?.into()
        };
        Ok(Self { wire, path: path.to_owned(), model, body, output, added, notes })
    }

    /// Its identity: what is sent, and where.
    pub fn digest(&self) -> Digest {
        Digest::of_parts([self.path.as_bytes(), &self.body])
    }

    /// The most tokens that it may take. A token has at least one byte; of the parts that the
    /// server counted in the request `before`, the count of all together is known.
    pub fn most(&self, before: Option<&(AgentRequest, u64)>) -> u64 {
        if self.wire == Wire::CountTokens {
            return 0;
        }
        let whole = self.body.len() as u64;
        let known = before.and_then(|(before, tokens)| Some(self.new_bytes(before)? + tokens));
        let input = known.map_or(whole, |known| known.min(whole));
        input.saturating_add(self.added).saturating_add(self.output)
    }

    /// The bytes of the parts that are not the same, at the same place, in an earlier request for
    /// the same model; `None` where what is the same may be counted as more than before.
    fn new_bytes(&self, before: &Self) -> Option<u64> {
        let is_same =
            (self.wire, &self.path, &self.model) == (before.wire, &before.path, &before.model);
        let read = |one: &Self| serde_json::from_slice::<Map<String, Value>>(&one.body).ok();
        let (now, before) = (read(self).filter(|_| is_same)?, read(before)?);
        let changed = |key: &&String| now.get(*key) != before.get(*key);
        let is_alone = |key: &str| [&LISTS[..], &SYSTEM, &ALONE].concat().contains(&key);
        if !now.keys().chain(before.keys()).filter(changed).all(|key| is_alone(key)) {
            return None;
        }
        let bytes = |value: &Value| value.to_string().len() as u64 + 1;
        let new = now.iter().map(|(key, value)| match (value, before.get(key)) {
            (value, Some(old)) if value == old => 0,
            (Value::Array(list), Some(Value::Array(old))) if LISTS.contains(&key.as_str()) => {
                let same = list.iter().zip(old).take_while(|(one, other)| one == other).count();
                list[same..].iter().map(bytes).sum()
            }
            _ => key.len() as u64 + bytes(value),
        });
        Some(new.sum())
    }
}

/// The conversation, in which each request has those before.
const LISTS: [&str; 3] = ["messages", "input", "contents"];

/// What stands before it.
const SYSTEM: [&str; 4] = ["system", "instructions", "systemInstruction", "system_instruction"];

/// Settings that change no count but that of their own bytes.
const ALONE: [&str; 15] = [
    "tools",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "user",
    "metadata",
    "client_metadata",
    "prompt_cache_key",
    "safety_identifier",
];

/// State and other models of a server: their tokens are not in the request, and cannot be counted
/// beforehand.
const ELSEWHERE: [&str; 15] = [
    "previous_response_id",
    "conversation",
    "background",
    "cachedContent",
    "prompt",
    "container",
    "models",
    "plugins",
    "web_search_options",
    "search_parameters",
    "search_options",
    "enable_search",
    "connectors",
    "fallbacks",
    "prediction",
];

/// Keys whose meaning matters here. Some servers read other spellings of them too.
const SPELLED: [&str; 15] = [
    "model",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "n_predict",
    "n",
    "best_of",
    "n_cmpl",
    "candidateCount",
    "generationConfig",
    "tools",
    "store",
    "service_tier",
    "speed",
];

/// Refuses other spellings of keys whose meaning matters.
fn spelled(body: &Map<String, Value>) -> Result<(), String> {
    let plain = |key: &str| key.replace('_', "").to_lowercase();
    let nested = body.get("generationConfig").and_then(Value::as_object);
    for key in body.keys().chain(nested.into_iter().flat_map(Map::keys)) {
        let other = SPELLED.iter().find(|one| plain(one) == plain(key));
        if other.is_some_and(|_| !SPELLED.contains(&key.as_str()))
            || ELSEWHERE.iter().any(|one| plain(one) == plain(key) && one != key)
        {
            return Err(format!("`{key}`, another spelling of a known key"));
        }
    }
    Ok(())
}

/// The most tokens of the answers; the limit is written where the request has none.
fn limit(wire: Wire, body: &mut Map<String, Value>, most: Option<u32>) -> Result<u64, String> {
    let Some(first) = wire.limit().first() else { return Ok(0) };
    let part = if wire == Wire::Gemini {
        let part = body.entry("generationConfig").or_insert_with(|| json!({}));
        part.as_object_mut().ok_or("`generationConfig` is not an object")?
    } else {
        body
    };
    let most = most.unwrap_or(match wire {
        // What a model thinks counts too.
        Wire::Responses | Wire::Gemini => limits::RESPONSES_TOKENS,
        _ => limits::OUTPUT_TOKENS,
    });
    let is_given = |name: &str| part.get(name).is_some_and(|value| !value.is_null());
    if !wire.limit().iter().any(|name| is_given(name)) {
        part.insert((*first).to_owned(), json!(most));
    }
    // A server may read those of other wires too, and may take 0 for none.
    let largest = |names: &[&str]| {
        let given = names.iter().filter_map(|name| part.get(*name));
        let mut numbers = given.filter(|value| !value.is_null()).map(|value| {
            value.as_u64().filter(|number| *number > 0).ok_or("a limit that is not a number from 1")
        });
        numbers.try_fold(1, |most, number| Ok::<_, String>(most.max(number?)))
    };
    let names = ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"];
    let each = largest(&[&names[..], &["n_predict"]].concat())?;
    Ok(each.saturating_mul(largest(&["n", "best_of", "n_cmpl", "candidateCount"])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(wire: Wire, body: &Value) -> Result<AgentRequest, String> {
        AgentRequest::read(
            wire,
            "/v1beta/models/m:generateContent",
            body.to_string().into(),
            Some(100),
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
        let one = json!({ "model": "m", "max_tokens": 7, "n_predict": 50, "best_of": 2 });
        assert_eq!(asked(Wire::Chat, &one).expect("is right").output, 100);
        for wrong in [
            json!({ "model": "m", "max_output_tokens": "many" }),
            json!({ "model": "m", "previous_response_id": "r" }),
            json!({ "max_output_tokens": 1 }),
            json!({ "model": "m", "max_output_tokens": 5, "max_tokens": "9" }),
            json!({ "model": "m", "n": 50.0 }),
            json!({ "model": "m", "n": 0 }),
            json!({ "model": "m", "n_predict": -1 }),
            json!({ "model": "m", "prediction": { "content": "x" } }),
            json!({ "model": "m", "Max_Output_Tokens": 5 }),
            json!({ "model": "m", "prompt": { "id": "p" } }),
            json!({ "model": "m", "input": [{ "type": "item_reference", "id": "i" }] }),
            json!({ "model": "m", "input": [{ "content": [
                { "type": "input_image", "image_url": "https://example.org/a.png" }] }] }),
            json!({ "model": "m", "input": [{ "content": [{ "image_url": "data:,AA" }] }] }),
            json!({ "model": "m", "input": [{ "type": "computer_call_output",
                "output": { "type": "computer_screenshot", "image_url": "https://x" } }] }),
            json!({ "model": "m", "input": [{ "type": "tool_search_output",
                "tools": [{ "type": "mcp" }] }] }),
        ] {
            assert!(asked(Wire::Responses, &wrong).is_err(), "{wrong}");
        }
        let twice = Bytes::from_static(b"{\"model\":\"other\",\"model\":\"m\"}");
        assert!(AgentRequest::read(Wire::Chat, "", twice, None).is_err());
        for wrong in [
            json!({ "model": "expensive" }),
            json!({ "generationConfig": { "candidateCount": 0 } }),
            json!({ "generationConfig": { "maxOutputTokens": 0 } }),
            json!({ "contents": { "parts": { "inlineData": { "data": "AA==" } } } }),
            json!({ "systemInstruction": { "parts": [{ "fileData": {} }] } }),
        ] {
            assert!(asked(Wire::Gemini, &wrong).is_err(), "{wrong}");
        }
        let own = json!({ "model": "m", "input": [{ "type": "function_call_output",
            "output": "{\"url\": \"https://example.org\"}" }, { "content": [
            { "type": "tool_use", "input": { "type": "file", "file_id": "f" } }] }] });
        let one = asked(Wire::Responses, &own).expect("is right");
        let body: Value = serde_json::from_slice(&one.body).expect("is JSON");
        assert_eq!(body["store"], false, "the server keeps nothing");
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
        assert_eq!(one.body, own.to_string(), "it goes out as it came");
        let tools = json!([{ "functionDeclarations": [], "googleSearch": {} },
            { "function_declarations": [] }, { "type": "shell", "environment": {} }]);
        let one = asked(Wire::Gemini, &json!({ "tools": tools })).expect("is right");
        let body: Value = serde_json::from_slice(&one.body).expect("is JSON");
        assert_eq!(body["tools"], json!([{ "function_declarations": [] }]));
        let one = json!({ "tools": { "googleSearch": {} }, "service_tier": "priority" });
        let one = asked(Wire::Gemini, &one).expect("is right");
        let body: Value = serde_json::from_slice(&one.body).expect("is JSON");
        assert!(body.get("tools").is_none() && body.get("service_tier").is_none(), "{body}");
    }

    #[test]
    fn only_a_conversation_that_goes_on_is_known() {
        let long = "x".repeat(1000);
        let of = |content: Value, model: &str| {
            let body = json!({ "model": model, "max_tokens": 1, "messages": content });
            asked(Wire::Chat, &body).expect("is right")
        };
        let first = json!({ "role": "user", "content": long });
        let before = (of(json!([first]), "m"), 10);
        let more = of(json!([first, { "role": "user", "content": "more" }]), "m");
        assert!(more.most(Some(&before)) < 200);
        let changed = json!([{ "role": "user", "kind": "document", "content": long }]);
        for other in [of(changed, "m"), of(json!([first]), "other")] {
            assert!(other.most(Some(&before)) > 1000);
        }
        // Without tools it may have been counted as less.
        let set = |choice: &str| {
            let body = json!({ "model": "m", "messages": [first], "tool_choice": choice });
            asked(Wire::Chat, &body).expect("is right")
        };
        assert!(set("auto").most(Some(&(set("none"), 10))) > 1000);
    }
}
