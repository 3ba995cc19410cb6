//! What servers of all three APIs send: each variant has its class, costs its number of calls, and
//! no whole answer is lost.

use std::sync::Mutex;

use regen::generator::{
    self, CallContext, Cassettes, Generation, GenerationError, GenerationProgress, GeneratorParts,
    RateLimits, Request,
};
use regen::types::{AttemptKind, Digest, Finish, InputsDigest, Prompt, Usage};
use serde_json::{Value, json};

use crate::server::{Act, Asked, Server, events, files};

/// What came of one request.
pub struct Told {
    pub answer: Result<Generation, GenerationError>,
    pub asked: Vec<Asked>,
    pub notes: Vec<String>,
}

impl Told {
    /// `whole`, another end of an answer, or the class of a failure.
    fn word(&self) -> String {
        match &self.answer {
            Ok(Generation::Text { completion, .. }) => match &completion.finish {
                Finish::Stop if completion.text == answer() => "whole".to_owned(),
                Finish::Stop => format!("another text: {}", completion.text),
                Finish::Length => "length".to_owned(),
                Finish::Other(other) => other.clone(),
            },
            Ok(Generation::Workspace { .. }) => "a tree".to_owned(),
            Err(error) => json!(error.failure).as_str().unwrap_or_default().to_owned(),
        }
    }

    fn message(&self) -> String {
        self.answer.as_ref().err().map(ToString::to_string).unwrap_or_default()
    }

    fn usage(&self) -> Usage {
        self.answer.as_ref().map(Generation::usage).unwrap_or_default()
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl GenerationProgress for Notes {
    fn grown(&self, _: usize) {}

    fn note(&self, text: &str) {
        self.0.lock().expect("no test panics while holding it").push(text.to_owned());
    }
}

pub fn answer() -> String {
    files(&[("src/lib.rs", "/// One.\npub fn one() -> u32 {\n    1\n}\n")])
}

pub fn request(kind: AttemptKind) -> Request {
    let (spec, target) = ("one".into(), "rust".into());
    let user = "# One\n\n---\n\nWrite it.".to_owned();
    Request {
        prompt: Prompt::new("You write code.".to_owned(), user),
        kind,
        sample: 0,
        base: None,
        call: None,
        context: CallContext { spec, target, job: InputsDigest(Digest::of("")), attempt: 1 },
    }
}

/// Asks a server by an API. `extra` is added to `[generator]`.
pub async fn ask(api: &str, extra: &str, acts: Vec<Act>) -> Told {
    ask_again(api, extra, acts, &[AttemptKind::Generate]).await
}

async fn ask_again(api: &str, extra: &str, acts: Vec<Act>, kinds: &[AttemptKind]) -> Told {
    let server = Server::start(acts);
    let text = format!(
        "[generator]\nbase_url = \"{}\"\napi = \"{api}\"\nmodel = \"m\"\nretry_base_ms = 1\n\
         first_token_timeout_ms = 1200\nidle_timeout_ms = 1200\nmax_tries = 2\n{extra}",
        server.url
    );
    let harness = regen::config::parse("harness.toml", &text).expect("is right");
    let config = harness.generator.expect("is there");
    let (servers, notes) = (RateLimits::default(), Notes::default());
    let cassettes = Cassettes::new(std::path::PathBuf::new());
    let parts = GeneratorParts {
        config: &config,
        key: None,
        cassettes,
        servers: &servers,
        elsewhere: None,
    };
    let generator = generator::of(parts).expect("can be made");
    let mut last = None;
    for kind in kinds {
        last = Some(generator.generate(request(*kind), None, &notes).await);
    }
    let notes = notes.0.into_inner().expect("no test panics while holding it");
    Told { answer: last.expect("was asked"), asked: server.asked(), notes }
}

/// A variant: what it is, what the server does, what comes of it, and after how many calls.
struct Variant(&'static str, Vec<Act>, &'static str, usize);

/// One call, answered like this.
fn one(name: &'static str, act: Act, word: &'static str) -> Variant {
    Variant(name, vec![act], word, 1)
}

/// One call, answered by these bytes.
fn sent(name: &'static str, text: impl Into<String>, word: &'static str) -> Variant {
    one(name, Act::Bytes(text.into()), word)
}

async fn check(api: &str, variants: Vec<Variant>) {
    let mut wrong = Vec::new();
    for Variant(name, acts, word, calls) in variants {
        let told = ask(api, "", acts).await;
        let (said, asked) = (told.word(), told.asked.len());
        if (said.as_str(), asked) != (word, calls) {
            let message = told.message();
            wrong.push(format!("{name}: {said}, {asked} calls, not {word}, {calls}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// A piece of a chat completion.
fn chunk(delta: Value, finish: Option<&str>) -> String {
    data(
        &json!({ "model": "m-1", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] }),
    )
}

const DONE: &str = "data: [DONE]\n\n";

pub fn raw(status: u16, kind: &str, body: impl Into<String>) -> Act {
    Act::Raw(status, vec![("content-type", kind.to_owned())], body.into())
}

fn whole_chat() -> Value {
    json!({
        "choices": [{ "message": { "role": "assistant", "content": answer() }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 50 },
    })
}

#[tokio::test]
async fn chat_completions_are_read_in_every_framing() {
    let usual = events(&answer(), Some("stop"));
    let text = chunk(json!({ "content": answer() }), None);
    let stop = chunk(json!({}), Some("stop"));
    let noise =
        ": ping\n\n:\n\ndata:\n\ndata: : keep-alive\n\nevent: ping\ndata: {}\n\ndata: ping\n\n";
    let changed = |from: &str, to: &str| usual.replace(from, to);
    let kind = |kind: &str| raw(200, kind, usual.clone());
    let (half, rest) = (&answer()[..20], &answer()[20..]);
    let own = [(half, false), (rest, true)].map(|(text, done)| {
        let message = json!({ "role": "assistant", "content": text });
        json!({ "message": message, "done": done, "done_reason": "stop" }).to_string()
    });
    let own = own.join("\n");
    let (line, lines) = (whole_chat().to_string(), format!("{:#}", whole_chat()));
    let variants = vec![
        sent("usual", usual.clone(), "whole"),
        sent("CRLF", changed("\n", "\r\n"), "whole"),
        sent("CR", changed("\n", "\r"), "whole"),
        sent("no empty lines", changed("\n\n", "\n"), "whole"),
        sent("no blank behind the colon", changed("data: ", "data:"), "whole"),
        sent("data twice", changed("data: ", "data: data: "), "whole"),
        sent("bare lines", changed("data: ", ""), "whole"),
        sent("ids and names", changed("data: ", "id: 1\nevent: chunk\ndata: "), "whole"),
        sent("a byte-order mark", format!("\u{feff}{usual}"), "whole"),
        sent("keep-alives", changed("data: ", &format!("{noise}data: ")), "whole"),
        sent("no end of the last line", format!("{text}{}", stop.trim()), "whole"),
        one("letters of the media type", kind("Text/Event-Stream; Charset=UTF-8"), "whole"),
        one("another media type", kind("text/plain"), "whole"),
        one("no media type", Act::Raw(200, Vec::new(), usual.clone()), "whole"),
        one("no stream", raw(200, "application/json", line), "whole"),
        sent("another number", changed("\"index\":0", "\"index\":1"), "whole"),
        one("Ollama's own form", raw(200, "application/x-ndjson", own), "whole"),
        one("no stream, on lines", raw(200, "application/json", lines), "whole"),
    ];
    check("chat", variants).await;
}

/// A piece with this as its error.
fn with_error(error: Value) -> Act {
    let delta = json!({ "delta": { "content": answer() }, "finish_reason": null });
    let text = data(&json!({ "choices": [delta], "error": error }));
    Act::Bytes(format!("{text}{}{DONE}", chunk(json!({}), Some("stop"))))
}

#[tokio::test]
async fn pieces_that_say_there_is_no_error_and_pieces_on_one_line_are_read() {
    let (half, rest) = (&answer()[..20], &answer()[20..]);
    let [half, rest] = [half, rest].map(|text| chunk(json!({ "content": text }), None));
    let stop = chunk(json!({}), Some("stop"));
    let object = |text: &str| text.trim().trim_start_matches("data: ").to_owned();
    let list = format!("[{},{}]", object(&half), object(&rest));
    let body = format!("[{},\n{},\n{}]", object(&half), object(&rest), object(&stop));
    let variants = vec![
        one("an empty error", with_error(json!("")), "whole"),
        one("an error without fields", with_error(json!({})), "whole"),
        one("an error that is none", with_error(json!(false)), "whole"),
        one("no error", with_error(Value::Null), "whole"),
        one("code 0", with_error(json!({ "code": 0, "message": "" })), "whole"),
        one("code 0 and a word", with_error(json!({ "code": 0, "message": "ok" })), "whole"),
        sent("two on a line", format!("{}{rest}{stop}{DONE}", half.trim()), "whole"),
        sent("no mark between", format!("{}{}\n\n{stop}", half.trim(), object(&rest)), "whole"),
        sent("all on a line", format!("{half}{rest}{stop}{DONE}").replace("\n\n", ""), "whole"),
        sent("a list in an event", format!("data: {list}\n\n{stop}{DONE}"), "whole"),
        one("a list as body", raw(200, "application/json", body), "whole"),
    ];
    check("chat", variants).await;
}

#[tokio::test]
async fn a_whole_chat_completion_is_never_lost() {
    let text = chunk(json!({ "content": answer() }), None);
    let stop = chunk(json!({}), Some("stop"));
    let whole = format!("{text}{stop}");
    let thought = chunk(json!({ "reasoning_content": "hm " }), None);
    let error = data(&json!({ "error": { "message": "accounting failed", "code": 500 } }));
    let parts = json!({ "content": [
        { "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] },
        { "type": "text", "text": answer() },
    ] });
    let parts = chunk(parts, None);
    let slow = vec![thought; 5].into_iter().chain([whole.clone()]).collect();
    let empty =
        events(&answer(), None).replace("\"choices\":[{", "\"choices\":[{\"finish_reason\":\"\",");
    let half = chunk(json!({ "content": "### FILE: a\n" }), None);
    let draft = format!("<think>\n{}\n", answer());
    let draft = chunk(json!({ "content": draft }), None);
    let counted = answer().replace("DONE: 1", "DONE: 2");
    let counted = chunk(json!({ "content": counted }), None);
    let analysis = json!({ "content": "<Analysis>\n### CONFLICT: a b\n</Analysis>\n" });
    let tagged = json!({ "content": "<think>\n### CONFLICT: a b\n</think>\n" });
    let details =
        json!({ "reasoning_details": [{ "type": "reasoning.summary", "summary": "hm" }] });
    let details = chunk(details, None);
    let end = |reason: &'static str| format!("{text}{}", chunk(json!({}), Some(reason)));
    let together = chunk(json!({ "content": answer() }), Some("stop"));
    let variants = vec![
        sent("parts", format!("{parts}{stop}{DONE}"), "whole"),
        one("stop, and no end", Act::Hold(whole.clone()), "whole"),
        one("stop, and a break", Act::Break(whole.clone()), "whole"),
        sent("stop with the text", together, "whole"),
        sent("an error behind stop", format!("{whole}{error}{DONE}"), "whole"),
        sent("bytes behind the end", format!("{whole}{DONE}{error}{{\"cho"), "whole"),
        sent("an end without a reason", format!("{text}{DONE}"), "unsaid"),
        sent("an end without a reason, an error", format!("{half}{DONE}{error}"), "unsaid"),
        sent("an error without a reason", format!("{text}{error}"), "unsaid"),
        sent("an error without a reason, stop", format!("{text}{error}{stop}"), "whole"),
        sent("no end", text.clone(), "unsaid"),
        one("a break without an end", Act::Break(text.clone()), "unsaid"),
        one("silence without an end", Act::Hold(text.clone()), "unsaid"),
        sent("a lost piece behind all", format!("{text}data: {{\"usage\":\n\n"), "unsaid"),
        sent("a broken keep-alive", format!("data: {{\"ping\n\n{whole}"), "whole"),
        sent("a whole draft in thoughts, cut", draft, "truncated"),
        sent("a count that is not reached", counted, "truncated"),
        sent("an analysis in tags", format!("{}{whole}", chunk(analysis, None)), "whole"),
        sent("empty reasons", format!("{empty}{stop}{DONE}"), "whole"),
        one("thoughts for long", Act::Slow(350, slow), "whole"),
        sent("thoughts of many forms", format!("{details}{whole}"), "whole"),
        sent("thoughts in tags", format!("{}{whole}", chunk(tagged, None)), "whole"),
        sent("too long", end("length"), "length"),
        sent("a filter behind a whole answer", end("content_filter"), "content_filter"),
    ];
    check("chat", variants).await;
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 100, "completion_tokens": 50,
        "prompt_tokens_details": { "cached_tokens": 60 } } });
    let told = ask("chat", "", vec![Act::Bytes(format!("{whole}{}{DONE}", data(&usage)))]).await;
    assert_eq!(told.usage(), Usage { input: 100, output: 50, cached: 60, cache_write: 0 });
}

#[tokio::test]
async fn errors_of_chat_completions_have_their_class() {
    let stop = chunk(json!({}), Some("stop"));
    let error = |error: &Value| data(&json!({ "error": error }));
    let context = "{\"error\":{\"code\":400,\"message\":\"exceeds the available context size\"}}\n";
    let busy = json!({ "message": "busy", "type": "overloaded_error" });
    let limited = format!("event: error\ndata: {}\n\n", json!({ "error": { "code": 429 } }));
    let list = json!([{ "error": { "code": 400, "message": "no", "status": "INVALID_ARGUMENT" } }]);
    let old = json!({ "object": "error", "message": "no such model", "code": 404 });
    let choice = json!({ "choices": [{ "error": { "code": 503 } }] });
    let limited = raw(429, "text/event-stream", limited);
    let part = chunk(json!({ "content": "### FILE: a\n" }), None);
    let failed = format!("{part}{}", chunk(json!({}), Some("error")));
    let refusal = format!("{}{stop}", chunk(json!({ "refusal": "no" }), None));
    let filtered = chunk(json!({ "content": "a" }), Some("content_filter"));
    let elsewhere = Act::Raw(302, vec![("location", "/login".to_owned())], String::new());
    let variants = vec![
        sent("a bare error", context, "context_overflow"),
        sent("an error of llama.cpp", format!("error: {context}"), "context_overflow"),
        sent("an error in words", "event: error\ndata: upstream died\n\n", "bad_response"),
        sent("an error first", error(&busy), "overloaded"),
        sent("an error of a choice", data(&choice), "overloaded"),
        sent("an old error", data(&old), "bad_request"),
        sent("an error behind content", format!("{part}{}", error(&busy)), "truncated"),
        sent("a reason that is an error", failed, "truncated"),
        sent("a filter", filtered, "refused"),
        sent("a refusal", refusal, "refused"),
        Variant("a limit as a stream", vec![limited], "rate_limited", 2),
        one("a list of errors", raw(400, "application/json", list.to_string()), "bad_request"),
        one("another place", elsewhere, "bad_response"),
    ];
    check("chat", variants).await;
}

#[tokio::test]
async fn ends_of_chat_completions_that_are_none_have_their_class() {
    let text = chunk(json!({ "content": answer() }), None);
    let begun = chunk(json!({ "content": "### FILE" }), None);
    let stop = chunk(json!({}), Some("stop"));
    let thought = chunk(json!({ "reasoning": "hm" }), None);
    let lost = format!("{begun}data: {{\"choices\":[\n\n{text}{stop}");
    let pings = Act::Slow(100, vec![": ping\n\n".to_owned(); 30]);
    let variants = vec![
        sent("cut", begun.clone(), "truncated"),
        one("broken", Act::Break(begun.clone()), "truncated"),
        sent("a lost piece", lost, "truncated"),
        one("silence behind content", Act::Hold(begun), "truncated"),
        one("silence behind thoughts", Act::Hold(thought.clone()), "truncated"),
        sent("thoughts and no answer", thought, "truncated"),
        one("silence", Act::Hold(String::new()), "timed_out"),
        one("keep-alives for ever", pings, "timed_out"),
        sent("nothing", "", "bad_response"),
        sent("an end alone", DONE, "bad_response"),
        one("a page", raw(200, "text/html", "<html>login</html>"), "bad_response"),
    ];
    check("chat", variants).await;
}

fn event(value: &Value) -> String {
    format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap_or_default())
}

fn response(status: &str, more: Value) -> Value {
    let mut response = json!({
        "object": "response", "status": status, "model": "m-1", "error": null, "incomplete_details": null,
        "output": [
            { "type": "reasoning", "summary": [] },
            { "type": "message", "content": [{ "type": "output_text", "text": answer() }] },
        ],
        "usage": { "input_tokens": 100, "output_tokens": 50, "input_tokens_details": {
            "cached_tokens": 60, "cache_write_tokens": 30 } },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        response[key] = value.clone();
    }
    response
}

#[tokio::test]
async fn responses_end_with_their_closing_event() {
    let nothing = || json!({ "output": [] });
    let created = response("in_progress", nothing());
    let created = event(&json!({ "type": "response.created", "response": created }));
    let delta =
        |delta: &str| event(&json!({ "type": "response.output_text.delta", "delta": delta }));
    let text = format!("{created}{}", delta(&answer()));
    let end = |status: &str, more: Value| {
        event(&json!({ "type": format!("response.{status}"), "response": response(status, more) }))
    };
    let whole = format!("{text}{}", end("completed", json!({})));
    let part = format!("{created}{}", delta("### FILE: a\n"));
    let completed = end("completed", nothing());
    let part_done = event(&json!({ "type": "response.output_text.done", "text": answer() }));
    let content = json!([{ "type": "output_text", "text": answer() }]);
    let item = json!({ "type": "message", "content": content });
    let item_done = event(&json!({ "type": "response.output_item.done", "item": item }));
    let cut = |why: &str| {
        end("incomplete", json!({ "output": [], "incomplete_details": { "reason": why } }))
    };
    let failed = |code: &str| {
        end("failed", json!({ "error": { "code": code, "message": "no" }, "output": [] }))
    };
    let error = event(
        &json!({ "type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": null }),
    );
    let refusal = event(&json!({ "type": "response.refusal.delta", "delta": "I cannot" }));
    let thought = json!({ "type": "response.reasoning_summary_text.delta", "delta": "hm" });
    let slow = vec![event(&thought); 5].into_iter().chain([whole.clone()]).collect();
    let unstreamed = format!("{:#}", response("completed", json!({})));
    let variants = vec![
        sent("usual", whole.clone(), "whole"),
        sent("no names", whole.replace("event: ", "x: "), "whole"),
        sent("nothing but the end", end("completed", json!({})), "whole"),
        one("no stream", raw(200, "application/json", unstreamed), "whole"),
        one("an open connection", Act::Hold(whole.clone()), "whole"),
        one("thoughts for long", Act::Slow(350, slow), "whole"),
        sent("an error behind the end", format!("{whole}{error}"), "whole"),
        sent("too long", format!("{text}{}", cut("max_output_tokens")), "length"),
        sent("too long for a word", format!("{created}{}", cut("max_output_tokens")), "length"),
        sent("a filter", format!("{created}{}", cut("content_filter")), "refused"),
        sent("a refusal", format!("{created}{refusal}{}", end("completed", nothing())), "refused"),
        sent("failed", format!("{created}{}", failed("server_error")), "overloaded"),
        sent("failed behind content", format!("{part}{}", failed("server_error")), "truncated"),
        sent("failed behind all", format!("{text}{}", failed("server_error")), "unsaid"),
        sent("an error behind all", format!("{text}{error}"), "unsaid"),
        sent("text at the end of a part", format!("{created}{part_done}{completed}"), "whole"),
        sent("text at the end of an item", format!("{created}{item_done}{completed}"), "whole"),
        sent("both", format!("{created}{part_done}{item_done}{completed}"), "whole"),
        sent("pieces and both", format!("{text}{part_done}{item_done}{completed}"), "whole"),
        sent(
            "a text alone",
            end("completed", json!({ "output": [], "output_text": answer() })),
            "whole",
        ),
        sent("no credit", format!("{created}{}", failed("insufficient_quota")), "quota"),
        sent("an error", format!("{created}{error}"), "rate_limited"),
        sent("no end", part.clone(), "truncated"),
        sent("no end, and a mark", format!("{part}{DONE}"), "truncated"),
        sent("no end of all", text.clone(), "unsaid"),
        sent("no content and no end", created, "truncated"),
        sent("nothing", "", "bad_response"),
    ];
    check("responses", variants).await;
    let told = ask("responses", "", vec![Act::Bytes(whole)]).await;
    assert_eq!(told.usage(), Usage { input: 100, output: 50, cached: 60, cache_write: 30 });
}

fn message_start() -> String {
    event(&json!({ "type": "message_start", "message": { "model": "m-1", "content": [], "usage": {
        "input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30, "output_tokens": 1 } } }))
}

fn message_end(reason: &str) -> String {
    let delta = json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": { "output_tokens": 50 } });
    event(&delta) + &event(&json!({ "type": "message_stop" }))
}

pub fn message(text: &str, reason: &str) -> String {
    let delta =
        json!({ "type": "content_block_delta", "delta": { "type": "text_delta", "text": text } });
    message_start() + &event(&delta) + &message_end(reason)
}

#[tokio::test]
async fn messages_are_read_block_by_block() {
    let usual = message(&answer(), "end_turn");
    let (open, _) = usual.split_once("event: message_delta").expect("has an end");
    let part = message("### FILE: a\n", "end_turn");
    let (part, _) = part.split_once("event: message_delta").expect("has an end");
    let (unstopped, _) = usual.split_once("event: message_stop").expect("has an end");
    let thought = event(
        &json!({ "type": "content_block_delta", "delta": { "type": "thinking_delta", "thinking": "hm" } }),
    );
    let ping = event(&json!({ "type": "ping" }));
    let slow =
        [message_start()].into_iter().chain(vec![thought; 5]).chain([usual.clone()]).collect();
    let error = event(
        &json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
    );
    let whole = json!({
        "type": "message", "model": "m-1", "stop_reason": "end_turn",
        "content": [{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": answer() }],
        "usage": { "input_tokens": 100, "output_tokens": 50 },
    });
    let pinged = usual.replace("event: content", &format!("{ping}event: content"));
    let busy = json!({ "type": "error", "error": { "type": "overloaded_error" } });
    let busy = vec![raw(529, "application/json", busy.to_string()), Act::Bytes(usual.clone())];
    let variants = vec![
        sent("usual", usual.clone(), "whole"),
        sent("pings", pinged, "whole"),
        one("thoughts for long", Act::Slow(350, slow), "whole"),
        one("no stream", raw(200, "application/json", whole.to_string()), "whole"),
        one("stopped, and a break", Act::Break(unstopped.to_owned()), "whole"),
        sent("an error behind the reason", format!("{unstopped}{error}"), "whole"),
        sent("too long", message(&answer(), "max_tokens"), "length"),
        sent("a refusal", message("I", "refusal"), "refused"),
        sent("overloaded", format!("{}{error}", message_start()), "overloaded"),
        sent("overloaded behind content", format!("{part}{error}"), "truncated"),
        sent("overloaded behind all", format!("{open}{error}"), "unsaid"),
        Variant("overloaded at once", busy, "whole", 2),
        sent("no end", part, "truncated"),
        sent("no end of all", open, "unsaid"),
        sent("no content and no end", message_start(), "truncated"),
    ];
    check("messages", variants).await;
    let told = ask("messages", "", vec![Act::Bytes(usual)]).await;
    assert_eq!(told.usage(), Usage { input: 100, output: 50, cached: 60, cache_write: 30 });
}

#[tokio::test]
async fn each_api_has_its_own_request_and_optional_parameters_are_not_sent() {
    let failing = || vec![raw(400, "application/json", "{}")];
    let keys = |asked: &Asked| {
        asked.body.as_object().expect("is an object").keys().cloned().collect::<Vec<_>>().join(" ")
    };
    for (api, path, words) in [
        ("chat", "POST /v1/chat/completions", "max_tokens messages model stream stream_options"),
        (
            "responses",
            "POST /v1/responses",
            "input instructions max_output_tokens model prompt_cache_key store stream",
        ),
        ("messages", "POST /v1/messages", "max_tokens messages model stream system"),
    ] {
        let told = ask(api, "", failing()).await;
        let [asked] = &told.asked[..] else { panic!("{api}: {:?}", told.asked) };
        assert_eq!((asked.path.as_str(), keys(asked).as_str()), (path, words));
        let set = "temperature = 0.2\nreasoning_effort = \"low\"\nreply = \"json\"\nmax_output_tokens = 7";
        let told = ask_again(api, set, failing(), &[AttemptKind::Fresh]).await;
        let body = &told.asked[0].body;
        assert_eq!(body["temperature"], 0.7, "{api}: a fresh start is warmer");
        let text = body.to_string();
        assert!(text.contains("\"json_schema\"") && text.contains("\"low\""), "{text}");
        assert!(text.contains(":7"), "{text}");
    }
    let told = ask("responses", "", failing()).await;
    let body = &told.asked[0].body;
    assert_eq!((&body["store"], &body["max_output_tokens"]), (&json!(false), &json!(32768)));
    let told = ask("messages", "", failing()).await;
    assert!(told.asked[0].head.contains(&"anthropic-version: 2023-06-01".to_owned()));
    let content = &told.asked[0].body["messages"][0]["content"];
    assert_eq!(content[0]["text"].as_str().map(str::len), Some("# One\n".len()));
    assert!(content[0]["cache_control"].is_object() && content[1]["cache_control"].is_null());
}

/// A refusal of a parameter.
fn refuses(name: &str) -> Act {
    let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
    let error = json!({ "message": message, "param": name, "code": "unsupported_parameter" });
    raw(400, "application/json", json!({ "error": error }).to_string())
}

#[tokio::test]
async fn what_is_refused_by_name_is_left_out_once_and_told() {
    let good = || Act::Bytes(events(&answer(), Some("stop")));
    let told = ask("chat", "temperature = 0.3", vec![refuses("temperature"), good()]).await;
    assert_eq!((told.word().as_str(), told.asked.len()), ("whole", 2));
    assert!(told.asked[1].body.get("temperature").is_none());
    let [note] = &told.notes[..] else { panic!("{:?}", told.notes) };
    assert!(
        note.contains("without `temperature`") && note.contains("leave `temperature` out"),
        "{note}"
    );
    // A limit has another name, and two can be refused one after the other.
    let acts = vec![refuses("max_tokens"), refuses("reasoning_effort"), good()];
    let told = ask("chat", "reasoning_effort = \"low\"", acts).await;
    assert_eq!((told.word().as_str(), told.asked.len(), told.notes.len()), ("whole", 3, 2));
    assert_eq!(told.asked[2].body["max_completion_tokens"], 8192);
    assert!(told.asked[2].body.get("reasoning_effort").is_none());
    // Also for a later request, a fresh start, which is not refused again.
    let kinds = [AttemptKind::Generate, AttemptKind::Fresh];
    let acts = vec![refuses("temperature"), good(), good()];
    let told = ask_again("chat", "temperature = 0.3", acts, &kinds).await;
    assert_eq!((told.word().as_str(), told.asked.len(), told.notes.len()), ("whole", 3, 1));
    // What is refused again, or cannot be left out, ends it with the setting.
    for (extra, name, calls, says) in [
        ("temperature = 1.0", "temperature", 2, "leave `temperature` out of [generator]"),
        ("", "max_tokens", 2, "set `max_output_tokens` in [generator]"),
        ("reply = \"json\"", "response_format", 1, "set reply = \"files\" in [generator]"),
    ] {
        let told = ask("chat", extra, vec![refuses(name)]).await;
        assert_eq!((told.word().as_str(), told.asked.len()), ("bad_request", calls), "{name}");
        assert!(told.message().contains(says), "{}", told.message());
    }
    let message = "Your organization must be verified to stream this model.";
    let error = json!({ "message": message, "param": "stream", "code": "unsupported_value" });
    let unstreamed = raw(400, "application/json", json!({ "error": error }).to_string());
    let acts = vec![unstreamed, raw(200, "application/json", whole_chat().to_string())];
    let told = ask("chat", "", acts).await;
    assert_eq!((told.word().as_str(), told.asked.len(), told.notes.len()), ("whole", 2, 1));
    let sent = &told.asked[1].body;
    assert!(sent.get("stream").is_none() && sent.get("stream_options").is_none(), "{sent}");
    for (api, extra, said, key) in [
        ("responses", "", "Unsupported parameter: max_output_tokens", "max_output_tokens"),
        ("chat", "temperature = 0.3", "Unsupported parameter: temperature", "temperature"),
        (
            "messages",
            "reasoning_effort = \"low\"",
            "output_config: Extra inputs are not permitted",
            "output_config",
        ),
    ] {
        let told =
            ask(api, extra, vec![raw(400, "text/plain", said), raw(401, "text/plain", "")]).await;
        assert_eq!((told.asked.len(), told.notes.len()), (2, 1), "{said}");
        assert!(told.asked[1].body.get(key).is_none(), "{said}");
    }
    let only = "This model is only supported in v1/responses and not in v1/chat/completions.";
    let error = json!({ "error": { "message": only, "type": "invalid_request_error" } });
    let told = ask("chat", "", vec![raw(404, "application/json", error.to_string())]).await;
    assert!(
        told.message().contains("set api = \"responses\" in [generator]"),
        "{}",
        told.message()
    );
}
