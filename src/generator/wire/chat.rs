//! Chat completions, as OpenAI began them and most servers speak them.

use serde_json::{Value, json};

use super::body::{schema, talk, temperature};
use super::heard::{ApiWire, Heard, count, error_in};
use crate::generator::Request;
use crate::types::generator::ServerSettings;
use crate::types::harness::ReplyForm;
use crate::types::{Finish, ModelApi, Prompt, Usage, api};

/// The wire.
#[derive(Debug)]
pub struct Chat;

impl ApiWire for Chat {
    fn api(&self) -> ModelApi {
        ModelApi::Chat
    }

    fn path(&self) -> &'static str {
        "/chat/completions"
    }

    fn body(&self, server: &ServerSettings, request: &Request) -> Value {
        // OpenAI's own servers refuse `max_tokens` for newer models; the compatible ones know it.
        let limit =
            if api::is_openai(&server.base_url) { "max_completion_tokens" } else { "max_tokens" };
        let mut body = json!({
            "model": server.model,
            "messages": messages(&request.prompt),
            limit: server.output_tokens(),
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        if let Some(temperature) = temperature(server, request, 2.0) {
            body["temperature"] = temperature.into();
        }
        if let Some(effort) = &server.reasoning_effort {
            body["reasoning_effort"] = effort.clone().into();
        }
        if server.reply == ReplyForm::Json {
            let named = json!({ "name": "files", "strict": true, "schema": schema() });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": named });
        }
        body
    }

    fn hear(&self, event: &Value, heard: &mut Heard) {
        let choices = event.get("choices").and_then(Value::as_array);
        if event["message"].is_object() && choices.is_none() {
            own_of_ollama(event, heard);
        } else if choices.is_none() && event.get("usage").is_none() {
            let said = event.get("message").or(event.get("detail")).and_then(Value::as_str);
            heard.unknown(said.map_or_else(|| event.to_string(), str::to_owned).as_str());
        }
        // Of several choices the first is the answer, whatever its number.
        for choice in choices.into_iter().flatten() {
            let index = choice["index"].as_u64().unwrap_or_default();
            if *heard.choice.get_or_insert(index) == index {
                self::choice(choice, heard);
            }
        }
        heard.usage =
            usage(&event["usage"]).or_else(|| usage(&event["x_groq"]["usage"])).or(heard.usage);
        heard.named(&event["model"]);
    }
}

/// All messages of a prompt.
fn messages(prompt: &Prompt) -> Vec<Value> {
    let system = json!({ "role": "system", "content": prompt.system });
    let system = (!prompt.system.is_empty()).then_some(system);
    system.into_iter().chain(talk(prompt)).collect()
}

/// A piece of Ollama's own form: a message, and at last `done`.
fn own_of_ollama(event: &Value, heard: &mut Heard) {
    said(&event["message"]["content"], heard);
    think(&event["message"]["thinking"], heard);
    if event["done"] == true {
        heard.finish = Some(finish(event["done_reason"].as_str().unwrap_or("stop")));
        let counts = (count(&event["prompt_eval_count"]), count(&event["eval_count"]));
        if let (Some(input), Some(output)) = counts {
            heard.usage = Some(Usage { input, output, ..Usage::default() });
        }
    }
}

fn choice(choice: &Value, heard: &mut Heard) {
    let delta = &choice["delta"];
    said(&delta["content"], heard);
    // A whole message, or a text as completions had it, where no pieces came.
    for whole in [&choice["message"], choice] {
        if heard.text.is_empty() {
            said(&whole["content"], heard);
        }
    }
    if let Some(text) = choice["text"].as_str().filter(|_| delta.is_null()) {
        heard.text.push_str(text);
    }
    for message in [delta, &choice["message"]] {
        // `reasoning_content`, `reasoning`, `reasoning_details`, `thinking`, …
        let is_thought = |key: &str| ["reason", "think", "thought"].iter().any(|w| key.contains(w));
        for (_, thought) in message.as_object().into_iter().flatten().filter(|(k, _)| is_thought(k))
        {
            think(thought, heard);
        }
        heard.refusal.push_str(message["refusal"].as_str().unwrap_or_default());
    }
    if let Some(error) = error_in(choice) {
        return heard.fail(error);
    }
    // Some servers send an empty reason with every piece.
    match choice["finish_reason"].as_str() {
        None | Some("" | "null" | "none") => {}
        Some("error") => heard.fail(&json!("the server reports an error of the model")),
        Some(reason) => heard.finish = Some(finish(reason)),
    }
}

/// Takes every text in a thought, whatever its form.
fn think(thought: &Value, heard: &mut Heard) {
    match thought {
        Value::String(text) => heard.think(text),
        Value::Array(parts) => parts.iter().for_each(|part| think(part, heard)),
        Value::Object(fields) => {
            let is_text = |key: &str| !["type", "format", "id"].contains(&key);
            let texts = fields.iter().filter(|(key, _)| is_text(key));
            texts.for_each(|(_, text)| think(text, heard));
        }
        _ => {}
    }
}

/// A text, or a list of parts of which some may be thoughts.
fn said(content: &Value, heard: &mut Heard) {
    match content {
        Value::String(text) => heard.text.push_str(text),
        Value::Array(parts) => parts.iter().for_each(|part| self::part(part, heard)),
        Value::Object(_) => part(content, heard),
        _ => {}
    }
}

fn part(part: &Value, heard: &mut Heard) {
    let kind = part["type"].as_str().unwrap_or_default();
    let text = part.as_str().or(part["text"].as_str()).or(part["text"]["value"].as_str());
    if kind.contains("think") || kind.contains("reason") {
        think(part, heard);
    } else {
        heard.text.push_str(text.or(part["content"].as_str()).unwrap_or_default());
    }
}

fn finish(reason: &str) -> Finish {
    match reason.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "stop_sequence" | "eos" | "eos_token" => Finish::Stop,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => Finish::Length,
        other => Finish::Other(other.to_owned()),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let details = &usage["prompt_tokens_details"];
    Some(Usage {
        input: count(&usage["prompt_tokens"])?,
        output: count(&usage["completion_tokens"])?,
        cached: count(&details["cached_tokens"])
            .or_else(|| count(&usage["prompt_cache_hit_tokens"]))
            .unwrap_or_default(),
        cache_write: count(&details["cache_write_tokens"]).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ApiWire, Chat, Finish, Heard, Usage};

    #[test]
    fn a_wrong_field_takes_nothing_with_it() {
        let mut heard = Heard::default();
        Chat.hear(
            &json!({
                "choices": [{ "delta": { "content": "a" }, "index": "x" }, 7],
                "usage": "none", "model": 3,
            }),
            &mut heard,
        );
        assert_eq!((heard.text.as_str(), &heard.finish, heard.usage), ("a", &None, None));
        let most = u64::MAX;
        let mut heard = Heard::default();
        Chat.hear(
            &json!({
                "choices": [{ "message": { "content": "b" }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": most, "completion_tokens": 2 }, "model": "m\u{1b}",
            }),
            &mut heard,
        );
        let input = u64::from(u32::MAX);
        assert_eq!(heard.usage, Some(Usage { input, output: 2, ..Usage::default() }));
        assert_eq!((heard.text.as_str(), heard.finish), ("b", Some(Finish::Stop)));
        assert_eq!(heard.model.as_deref(), Some("m"));
    }
}
