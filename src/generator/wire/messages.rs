//! Anthropic's Messages, with its cache of prompts.

use serde_json::{Value, json};

use super::body::{schema, temperature};
use super::heard::{ApiWire, Heard, count};
use crate::generator::Request;
use crate::types::generator::ServerSettings;
use crate::types::harness::ReplyForm;
use crate::types::{Finish, ModelApi, Usage};

/// What stands in a prompt between what repairs share and what they do not.
const BOUNDARY: &str = "\n---\n";

/// The wire.
#[derive(Debug)]
pub struct Messages;

impl ApiWire for Messages {
    fn api(&self) -> ModelApi {
        ModelApi::Messages
    }

    fn path(&self) -> &'static str {
        "/messages"
    }

    fn body(&self, server: &ServerSettings, request: &Request) -> Value {
        let cached = json!({ "type": "ephemeral" });
        let user = &request.prompt.user;
        let (shared, own) = user.split_at(user.rfind(BOUNDARY).unwrap_or_default());
        let mut content = Vec::new();
        if !shared.is_empty() {
            content.push(json!({ "type": "text", "text": shared, "cache_control": cached }));
        }
        content.push(json!({ "type": "text", "text": own }));
        let earlier = request.prompt.earlier.iter().map(|one| json!(one));
        let messages = earlier.chain([json!({ "role": "user", "content": content })]);
        let mut body = json!({
            "model": server.model,
            "messages": messages.collect::<Vec<_>>(),
            "max_tokens": server.output_tokens(),
            "stream": true,
        });
        let system = &request.prompt.system;
        if !system.is_empty() {
            body["system"] = json!([{ "type": "text", "text": system, "cache_control": cached }]);
        }
        if let Some(temperature) = temperature(server, request, 1.0) {
            body["temperature"] = temperature.into();
        }
        if let Some(effort) = &server.reasoning_effort {
            body["output_config"]["effort"] = effort.clone().into();
        }
        if server.reply == ReplyForm::Json {
            body["output_config"]["format"] = json!({ "type": "json_schema", "schema": schema() });
        }
        body
    }

    fn hear(&self, event: &Value, heard: &mut Heard) {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                heard.opened = true;
                heard.named(&event["message"]["model"]);
                counted(&event["message"]["usage"], heard);
            }
            "content_block_start" => block(&event["content_block"], heard),
            "content_block_delta" => block(&event["delta"], heard),
            "message_delta" => {
                counted(&event["usage"], heard);
                stopped(&event["delta"], heard);
            }
            "message_stop" => heard.done = true,
            "content_block_stop" | "ping" => {}
            // The whole answer of a server that does not stream.
            "message" => {
                let blocks = event["content"].as_array().into_iter().flatten();
                blocks.for_each(|one| block(one, heard));
                heard.named(&event["model"]);
                counted(&event["usage"], heard);
                stopped(event, heard);
                heard.done = true;
            }
            _ => heard.unknown(&event.to_string()),
        }
    }
}

fn block(block: &Value, heard: &mut Heard) {
    heard.text.push_str(block["text"].as_str().unwrap_or_default());
    heard.think(block["thinking"].as_str().unwrap_or_default());
}

fn stopped(message: &Value, heard: &mut Heard) {
    let Some(reason) = message["stop_reason"].as_str() else { return };
    heard.finish = Some(match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "refusal" => Finish::Other("content_filter".to_owned()),
        _ => Finish::Other(reason.to_owned()),
    });
}

/// Counts come in pieces, each the sum so far. What was cached is not among `input_tokens`.
fn counted(usage: &Value, heard: &mut Heard) {
    let before = heard.usage.unwrap_or_default();
    let (cached, cache_write) = (
        count(&usage["cache_read_input_tokens"]).unwrap_or(before.cached),
        count(&usage["cache_creation_input_tokens"]).unwrap_or(before.cache_write),
    );
    let plain = before.input.saturating_sub(before.cached + before.cache_write);
    let plain = count(&usage["input_tokens"]).unwrap_or(plain);
    let output = count(&usage["output_tokens"]).unwrap_or(before.output);
    let sum = Usage { input: plain + cached + cache_write, output, cached, cache_write };
    heard.usage = Some(sum).filter(|sum| *sum != Usage::default());
}
