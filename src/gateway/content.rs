//! What a request may have in it: text of which each token has a byte, and tools of the program.

use serde_json::{Map, Value, json};

use crate::types::limits;

/// Refuses content whose tokens have no bytes in the request, or more tokens than bytes: what is at
/// the server or at another address, and media. What a program says in JSON of its own is text.
pub fn own_content(value: &Value) -> Result<(), String> {
    let Value::Object(part) = value else {
        return value.as_array().into_iter().flatten().try_for_each(own_content);
    };
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    let words = ["image", "file", "document", "video", "audio", "item_reference", "upload"];
    let media = words.iter().any(|one| kind.contains(one)).then_some(kind);
    let place = part.keys().map(String::as_str).find(|key| PLACES.contains(key));
    if let Some(name) = media.or(place) {
        return Err(format!("content of the kind `{name}`, whose tokens cannot be bounded"));
    }
    if let Some(Value::Array(tools)) = part.get("tools") {
        let mut notes = Vec::new();
        own_tools(&mut tools.clone(), &mut notes);
        notes.pop().map_or(Ok(()), Err)?;
    }
    let inner = part.iter().filter(|(key, _)| !OWN_JSON.contains(&key.as_str()));
    inner.map(|(_, value)| value).try_for_each(own_content)
}

/// Keys of media, whatever the kind of the part says.
const PLACES: [&str; 11] = [
    "image_url",
    "video_url",
    "audio_url",
    "input_audio",
    "file_url",
    "file_id",
    "file_data",
    "fileData",
    "inline_data",
    "inlineData",
    "image_embeds",
];

/// Keys of a program's own JSON.
const OWN_JSON: [&str; 7] =
    ["input", "args", "arguments", "response", "operation", "annotations", "citations"];

/// Takes out tools that the server runs by itself: their tokens are not in the request, and they
/// reach other hosts.
pub fn hosted(body: &mut Map<String, Value>) -> Vec<String> {
    let mut notes = Vec::new();
    if body.remove("mcp_servers").is_some() {
        notes.push("servers of tools were left out".to_owned());
    }
    for (name, value) in [("service_tier", "priority"), ("speed", "fast")] {
        if body.get(name).is_some_and(|given| given == value) {
            body.remove(name);
            notes.push(format!("`{name}`, which has another price, was left out"));
        }
    }
    let Some(tools) = body.get_mut("tools").filter(|tools| !tools.is_null()) else { return notes };
    // Some servers take one for a list.
    if !tools.is_array() {
        *tools = json!([tools.take()]);
    }
    let Value::Array(tools) = tools else { return notes };
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
        let is_hosted = tool.get("environment").is_some();
        let name = match tool.get("type").and_then(Value::as_str) {
            Some(kind) if OWN.iter().any(|own| kind.starts_with(own)) && !is_hosted => return true,
            Some(kind) => kind,
            None if tool.get("input_schema").is_some() => return true,
            // Gemini names a tool by its key.
            None => {
                let is_own = |key: &&String| {
                    ["functionDeclarations", "function_declarations"].contains(&key.as_str())
                };
                let mut keys = tool.as_object().into_iter().flat_map(Map::keys);
                match keys.find(|key| !is_own(key)) {
                    Some(key) => key,
                    None => return true,
                }
            }
        };
        notes.push(format!("the server's own tool `{name}` was left out"));
        false
    });
}

/// Tokens that a server may add: APIs describe the use of tools, and tools without a schema.
pub fn added(body: &Map<String, Value>) -> u64 {
    let tools = body.get("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let bare = tools.iter().filter(|tool| {
        let kind = tool["type"].as_str().unwrap_or_default();
        !["", "function", "custom", "namespace"].contains(&kind)
    });
    let uses = if tools.is_empty() { 0 } else { limits::TOOLS_TOKENS };
    (limits::MESSAGE_TOKENS + uses + bare.count() * limits::TOOL_TOKENS) as u64
}
