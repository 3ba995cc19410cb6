//! Agents over the wires of Anthropic and Gemini: bodies without a length, kills, prices.

use serde_json::{Value, json};

use super::{KEY, has_python, runs, said, world};
use crate::server::{Act, Server};
use crate::world::{PLAIN, QUICK, Run, World, all, until};

const WIRES: &str = include_str!("wires.py");
const KEYS: &str = "api_key_env = \"AGENT_KEY\"\n";
const PRICES: &str = "input_price = 2.0\noutput_price = 10.0\ncached_input_price = 0.5\n\
    cache_write_price = 4.0\nattempt_tokens = 20000\n";

fn events(list: &[Value]) -> String {
    let line = |event: &Value| {
        let name = event["type"].as_str().map(|name| format!("event: {name}\n"));
        format!("{}data: {event}\n\n", name.unwrap_or_default())
    };
    list.iter().map(line).collect()
}

/// A message of Anthropic's API: its beginning and the rest.
fn message() -> [String; 2] {
    let usage = json!({ "input_tokens": 40, "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 3, "output_tokens": 1 });
    let first = json!({ "type": "message_start", "message": { "id": "m", "usage": usage } });
    let delta = json!({ "type": "text_delta", "text": "saturating_add" });
    let rest = [
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" },
            "usage": { "output_tokens": 7 } }),
        json!({ "type": "message_stop" }),
    ];
    [events(&[first]), events(&rest)]
}

fn run(world: &World) -> Run {
    Run::of(world.command(&["run"]).env("AGENT_KEY", KEY))
}

/// Today's tokens, dollars and reserved tokens.
fn today(world: &World) -> Value {
    let status = world.run(&["status", "--json"]).expect(0).json_document();
    json!([status["today"]["tokens"], status["today"]["usd"], status["today"]["reserved"]])
}

#[test]
fn messages_are_metered_and_a_body_that_is_too_large_is_refused() {
    if !has_python() {
        return;
    }
    let server = Server::start(vec![Act::Bytes(message().concat())]);
    let script = WIRES.replace("\"messages\", False", "\"messages\", True");
    let budget = format!("{QUICK}[budget]\nday_usd = 0.2\n");
    let world = world(&server.url, PLAIN, &script, &format!("{KEYS}{PRICES}"), &budget);
    run(&world).expect(0);
    let told = said(&world);
    for line in [
        "secrets: [] True\n  status: 200",
        "1 request; 48 tokens read (5 from a cache), 7 written",
        "refused: a request of more than 32 MiB",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let asked = &server.asked()[..];
    let [asked] = asked else { panic!("{asked:?}") };
    assert_eq!(asked.path, "POST /v1/messages");
    for line in [format!("x-api-key: {KEY}"), "anthropic-version: 2023-06-01".to_owned()] {
        assert!(asked.head.contains(&line), "{line}: {:?}", asked.head);
    }
    assert!(!asked.head.iter().any(|line| line.contains("rg-")), "{:?}", asked.head);
    let usd = (40.0 * 2.0 + 5.0 * 0.5 + 3.0 * 4.0 + 7.0 * 10.0) / 1e6;
    assert_eq!(today(&world), json!([55, usd, 0]));
}

#[test]
fn an_attempt_that_may_cost_more_than_the_day_has_is_not_begun() {
    let server = Server::start(vec![Act::Close]);
    let budget = format!("{QUICK}[budget]\nday_usd = 0.19\n");
    let world = world(&server.url, PLAIN, WIRES, &format!("{KEYS}{PRICES}"), &budget);
    insta::assert_snapshot!(run(&world).expect(31).shown());
    assert!(server.asked().is_empty());
    assert_eq!(today(&world), json!([0, 0.0, 0]));
}

#[test]
fn gemini_is_metered_with_its_thoughts() {
    if !has_python() || !all() {
        return;
    }
    let content = json!({ "parts": [{ "text": "saturating_add" }], "role": "model" });
    let usage = json!({ "promptTokenCount": 40, "candidatesTokenCount": 7,
        "thoughtsTokenCount": 5, "cachedContentTokenCount": 6, "totalTokenCount": 52 });
    let chunks = [
        json!({ "candidates": [{ "content": content }] }),
        json!({ "candidates": [{ "finishReason": "STOP" }], "usageMetadata": usage }),
    ];
    let server = Server::start(vec![Act::Bytes(events(&chunks))]);
    let script = WIRES.replace("HUGE = \"messages\"", "HUGE = \"gemini\"");
    let url = server.url.replace("/v1", "/v1beta");
    let world = world(&url, PLAIN, &script, KEYS, QUICK);
    run(&world).expect(0);
    let told = said(&world);
    let line = "; 1 request; 40 tokens read (6 from a cache), 12 written";
    assert!(told.contains("secrets: [] True") && told.contains(line), "{told}");
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "POST /v1beta/models/scripted:streamGenerateContent?alt=sse");
    assert!(asked.head.contains(&format!("x-goog-api-key: {KEY}")), "{:?}", asked.head);
    assert_eq!(asked.body["generationConfig"]["maxOutputTokens"], 1000);
}

#[test]
fn a_stream_that_a_kill_cuts_is_paid_for_as_reserved() {
    if !has_python() || !all() {
        return;
    }
    let [first, rest] = message();
    let whole = Act::Bytes(format!("{first}{rest}"));
    let server = Server::start(vec![Act::Hold(first), whole]);
    let mark = "31557606";
    let sleeps = format!("import subprocess\nsubprocess.Popen([\"sleep\", \"{mark}\"])\ndef ask(");
    let script = WIRES.replace("def ask(", &sleeps);
    let world = world(&server.url, PLAIN, &script, &format!("{KEYS}{PRICES}"), QUICK);
    let mut child = world.command(&["run"]).env("AGENT_KEY", KEY).spawn().expect("starts");
    server.arrived();
    until("the agent works", || runs(mark));
    child.kill().expect("is there");
    child.wait().expect("ends");
    until("the agent does not end", || !runs(mark));
    // All of the attempt is reserved, and said to be.
    assert_eq!(today(&world), json!([20000, 0.2, 20000]));
    let shown = world.run(&["status"]).expect(0).out;
    let line = "20000 tokens reserved for calls that have not ended, were cut or told no count";
    assert!(shown.contains(line), "{shown}");
    run(&world).expect(0);
    // The cut request counts as reserved, its repetition as counted.
    let cut = server.requests()[0].to_string().len() as u64;
    let spent = today(&world);
    let tokens = spent[0].as_u64().unwrap_or_default();
    assert!(tokens > 55 + 500 + cut && tokens < 2000, "{spent}");
    assert_eq!((spent[2].as_i64(), server.asked().len()), (Some(0), 2));
}

/// What `doctor` says of the generator.
fn doctor(world: &World, args: &[&str], code: i32) -> String {
    let args = [&["doctor", "--json"], args].concat();
    let run = Run::of(world.command(&args).env("AGENT_KEY", KEY)).expect(code);
    let checks = run.json()[0]["checks"].as_array().cloned().expect("has checks");
    let check = checks.into_iter().find(|check| check["name"] == "generator").expect("is one");
    check["says"].as_str().expect("says something").to_owned()
}

#[test]
fn doctor_tells_the_line_of_an_agent_and_lets_it_ask_once() {
    if !has_python() || !all() {
        return;
    }
    let list = json!({ "object": "list", "data": [{ "id": "scripted" }] });
    let models = || Act::Raw(200, Vec::new(), list.to_string());
    let server = Server::with_models(vec![Act::Bytes(message().concat())], models());
    let world = world(&server.url, PLAIN, WIRES, KEYS, QUICK);
    let line = format!("as `{} scripted {{base_url}} {{token}}`", world.path("agent").display());
    let says = doctor(&world, &[], 0);
    assert!(says.contains(&line) && says.ends_with("reachable, has the model"), "{says}");
    assert!(server.asked().is_empty());
    let says = doctor(&world, &["--deep"], 0);
    let ran = "; 1 request; 48 tokens read (5 from a cache), 7 written";
    assert!(
        says.contains("; the agent exited with status 0 after") && says.contains(ran),
        "{says}"
    );
    assert_eq!(server.asked().len(), 1);
    assert_eq!(today(&world), json!([0, 0.0, 0]));
    world.write("agent", "#!/bin/sh\necho no libraries; exit 3\n");
    let says = doctor(&world, &["--deep"], 40);
    let why = "the agent does not work in the sandbox: it exited with status 3 after";
    assert!(says.starts_with(why) && says.ends_with("its last words: no libraries"), "{says}");
    let refuses = vec![Act::Raw(401, Vec::new(), "{}".to_owned())];
    let server = Server::with_models(refuses, models());
    let world = super::world(&server.url, PLAIN, WIRES, KEYS, QUICK);
    let says = doctor(&world, &["--deep"], 40);
    assert!(says.starts_with("no answer: HTTP 401: the key is refused"), "{says}");
}
