//! OpenAI's Responses. Every request restates everything: none goes on from another one.

use serde_json::{Value, json};

use super::body::{schema, talk, temperature};
use super::heard::{ApiWire, Heard, count};
use crate::generator::Request;
use crate::types::generator::ServerSettings;
use crate::types::harness::ReplyForm;
use crate::types::{Digest, Finish, ModelApi, Usage};

/// The wire.
#[derive(Debug)]
pub struct Responses;

impl ApiWire for Responses {
    fn api(&self) -> ModelApi {
        ModelApi::Responses
    }

    fn path(&self) -> &'static str {
        "/responses"
    }

    fn body(&self, server: &ServerSettings, request: &Request) -> Value {
        let context = &request.context;
        let cache = Digest::of_parts([context.spec.to_string(), context.target.to_string()]);
        let mut body = json!({
            "model": server.model,
            "instructions": request.prompt.system,
            "input": talk(&request.prompt).collect::<Vec<_>>(),
            "max_output_tokens": server.output_tokens(),
            "stream": true,
            "store": false,
            "prompt_cache_key": format!("regen-{}", cache.short()),
        });
        if let Some(temperature) = temperature(server, request, 2.0) {
            body["temperature"] = temperature.into();
        }
        if let Some(effort) = &server.reasoning_effort {
            body["reasoning"] = json!({ "effort": effort });
        }
        if server.reply == ReplyForm::Json {
            body["text"] = json!({ "format": {
                "type": "json_schema", "name": "files", "strict": true, "schema": schema(),
            } });
        }
        body
    }

    fn hear(&self, event: &Value, heard: &mut Heard) {
        let delta = &event["delta"];
        let delta = delta.as_str().or(delta["text"].as_str()).unwrap_or_default();
        let kind = event["type"].as_str().unwrap_or_default();
        match kind {
            "response.output_text.delta" => heard.text.push_str(delta),
            "response.output_text.done" => heard.finish_part(text_of(event)),
            "response.content_part.done" if event["part"]["type"] == "output_text" => {
                heard.finish_part(text_of(&event["part"]));
            }
            "response.output_item.done" => {
                let mut item = Heard::default();
                output(&json!([event["item"]]), &mut item);
                heard.finish_part(&item.text);
                if heard.refusal.is_empty() {
                    heard.refusal = item.refusal;
                }
            }
            "response.refusal.delta" => heard.refusal.push_str(delta),
            "response.created" | "response.in_progress" | "response.queued" => heard.opened = true,
            "response.completed" | "response.done" | "response.incomplete" | "response.failed" => {
                end(&event["response"], kind, heard);
            }
            kind if kind.starts_with("response.reasoning") => heard.think(delta),
            kind if kind.starts_with("response.") => {}
            // The whole response of a server that does not stream.
            _ if event["object"] == "response" => end(event, "", heard),
            _ => heard.unknown(&event.to_string()),
        }
    }
}

/// The closing event, or a whole response.
fn end(response: &Value, kind: &str, heard: &mut Heard) {
    let status = response["status"].as_str().unwrap_or_default();
    let is = |word: &str| status == word || kind.strip_prefix("response.") == Some(word);
    heard.named(&response["model"]);
    heard.usage = usage(&response["usage"]).or(heard.usage);
    if heard.text.is_empty() && heard.refusal.is_empty() {
        output(&response["output"], heard);
        if heard.text.is_empty() && heard.refusal.is_empty() {
            output(&response["output_text"], heard);
        }
    }
    heard.opened = true;
    if is("failed") || is("cancelled") {
        heard.fail(&response["error"]);
        heard.done = true;
        return;
    }
    heard.done = true;
    let why = response["incomplete_details"]["reason"].as_str();
    heard.finish = Some(match why {
        Some("max_output_tokens" | "max_tokens") => Finish::Length,
        Some(other) => Finish::Other(other.to_owned()),
        None if is("incomplete") => Finish::Other("incomplete".to_owned()),
        None => Finish::Stop,
    });
}

fn text_of(part: &Value) -> &str {
    part["text"].as_str().unwrap_or_default()
}

/// The texts of the messages in a response.
fn output(output: &Value, heard: &mut Heard) {
    heard.text.push_str(output.as_str().unwrap_or_default());
    for item in output.as_array().into_iter().flatten() {
        heard.text.push_str(item["content"].as_str().unwrap_or_default());
        for part in item["content"].as_array().into_iter().flatten() {
            match part["type"].as_str() {
                Some("refusal") => {
                    heard.refusal.push_str(part["refusal"].as_str().unwrap_or_default());
                }
                Some("reasoning_text") => heard.think(text_of(part)),
                _ => heard.text.push_str(text_of(part)),
            }
        }
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let details = &usage["input_tokens_details"];
    Some(Usage {
        input: count(&usage["input_tokens"])?,
        output: count(&usage["output_tokens"])?,
        cached: count(&details["cached_tokens"]).unwrap_or_default(),
        cache_write: count(&details["cache_write_tokens"]).unwrap_or_default(),
    })
}
