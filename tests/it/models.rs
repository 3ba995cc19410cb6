//! Models' servers through the program: each API, what is refused, prices, recordings, `doctor`,
//! and what README says of them.

use std::path::Path;

use regen::types::{GeneratorSettings, ModelApi};
use serde_json::{Value, json};

use crate::apis::{message, raw};
use crate::server::{Act, Server, events, files, lib};
use crate::world::{GOOD, PLAIN, QUICK, World, all, rounds};

/// The adder, with more in `[generator]`.
fn world(url: &str, generator: &str, rest: &str) -> World {
    let world = World::new(url, &[("adder", PLAIN)], &format!("{QUICK}{rest}"));
    let config = world.read("harness.toml");
    world.write("harness.toml", &config.replace("[target", &format!("{generator}\n[target")));
    world
}

fn good() -> String {
    files(&[("src/lib.rs", GOOD)])
}

/// The adder as each API answers with it.
fn answers() -> [(&'static str, &'static str, Act); 3] {
    let text = json!({ "type": "response.output_text.delta", "delta": good() });
    let end = json!({ "type": "response.completed", "response": {
        "status": "completed", "usage": { "input_tokens": 100, "output_tokens": 50 } } });
    [
        ("chat", "/v1/chat/completions", Act::Bytes(events(&good(), Some("stop")))),
        ("responses", "/v1/responses", Act::Bytes(format!("data: {text}\n\ndata: {end}\n\n"))),
        ("messages", "/v1/messages", Act::Bytes(message(&good(), "end_turn"))),
    ]
}

#[test]
fn each_api_promotes_records_and_replays() {
    for (api, path, act) in answers().into_iter().take(rounds(3, 1)) {
        let server = Server::start(vec![act]);
        let set = format!("api = \"{api}\"\ncassettes = \"record\"");
        let world = world(&server.url, &set, "");
        world.run(&["run"]).expect(0);
        let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(asked, [format!("POST {path}")]);
        world.run(&["cassette", "verify"]).expect(0);
        let recorded = world.run(&["cassette", "ls", "--json"]).expect(0).json();
        let key = recorded[0]["key"].as_str().expect("has a key")[..12].to_owned();
        let shown = world.run(&["cassette", "show", &key]).expect(0).out;
        assert!(shown.contains("saturating_add") && shown.contains("A crate that adds"), "{shown}");
        // From the recording alone, without state.
        for folder in ["generated", ".regen"] {
            std::fs::remove_dir_all(world.path(folder)).expect("is there");
        }
        std::fs::remove_file(world.path("regen.lock")).expect("is there");
        let config = world.read("harness.toml").replace("\"record\"", "\"replay\"");
        world.write("harness.toml", &config);
        let run = world.run(&["run"]).expect(0);
        assert!(run.err.contains("REPLAY"), "{}", run.err);
        assert_eq!(server.requests().len(), 1);
        // The path is part of the key.
        let other = if api == "chat" { "messages" } else { "chat" };
        world
            .write("harness.toml", &config.replace(&format!("\"{api}\""), &format!("\"{other}\"")));
        let missed = world.run(&["run", "--force"]).expect(30);
        assert!(missed.err.contains("no cassette for request"), "{}", missed.err);
    }
}

#[test]
fn a_parameter_that_is_refused_is_told() {
    let error = json!({ "error": {
        "message": "Unsupported value: 'temperature' does not support 0.4 with this model.",
        "param": "temperature", "code": "unsupported_value" } });
    let refused = raw(400, "application/json", error.to_string());
    let server = Server::start(vec![refused, lib(GOOD)]);
    let run = world(&server.url, "temperature = 0.4", "").run(&["run"]).expect(0);
    assert!(run.err.contains("without `temperature`"), "{}", run.err);
    assert!(run.err.contains("leave `temperature` out of [generator]"), "{}", run.err);
    assert_eq!(server.requests().len(), 2);
    // A server that refuses it however it is asked: the setting is named.
    let only = json!({ "error": { "message": "This model is only supported in v1/responses and not in \
        v1/chat/completions.", "type": "invalid_request_error", "param": "model" } });
    let server = Server::start(vec![raw(404, "application/json", only.to_string())]);
    let run = World::quick(&server.url).run(&["run"]).expect(30);
    assert!(run.err.contains("set api = \"responses\" in [generator]"), "{}", run.err);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn tokens_of_the_servers_cache_have_prices_and_an_unknown_price_is_said() {
    if !all() {
        return;
    }
    let prices = "api = \"messages\"\ninput_price = 1.0\noutput_price = 10.0\ncached_input_price = 0.1\n\
        cache_write_price = 2.0";
    let server = Server::start(vec![Act::Bytes(message(&good(), "end_turn"))]);
    let priced = world(&server.url, prices, "[budget]\nday_usd = 1.0\n");
    priced.run(&["run"]).expect(0);
    let today = priced.run(&["status", "--json"]).expect(0).json()[0]["today"].clone();
    let usd = today["usd"].as_f64().expect("is a number");
    // 10 read, 60 of the cache, 30 into it, 50 written.
    assert!((usd - 0.000_576).abs() < 1e-9, "{today}");
    assert_eq!((&today["tokens"], &today["unpriced"]), (&json!(150), &json!(0)));
    assert!(priced.run(&["status"]).expect(0).out.contains("150 tokens, 0.0006 USD"));

    let server = Server::start(vec![lib(GOOD)]);
    let unpriced = World::quick(&server.url);
    unpriced.run(&["run"]).expect(0);
    let status = unpriced.run(&["status"]).expect(0).out;
    assert!(status.contains("150 tokens, price unknown"), "{status}");
    let today = unpriced.run(&["status", "--json"]).expect(0).json()[0]["today"].clone();
    assert_eq!(today["unpriced"], 150);
    // A price of 0 is one.
    let free =
        world(&server.url, "input_price = 0.0\noutput_price = 0.0", "[budget]\nday_usd = 1.0\n");
    free.run(&["run"]).expect(0);
    assert!(free.run(&["status"]).expect(0).out.contains("150 tokens, 0.00 USD"));
}

#[test]
fn a_cap_in_dollars_needs_prices() {
    let tier = "[[generator.tiers]]\nmodel = \"stronger\"\n";
    let prices = "input_price = 1.0\noutput_price = 2.0";
    for (generator, rest, model) in [
        ("", "[budget]\nday_usd = 1.0\n", "scripted"),
        ("input_price = 1.0", "[budget]\ncall_usd = 1.0\n", "scripted"),
        (prices, &format!("{tier}[budget]\nrun_usd = 1.0\n")[..], "stronger"),
    ] {
        let server = Server::start(vec![lib(GOOD)]);
        let refused = world(&server.url, generator, rest).run(&["run"]).expect(2);
        for word in [model, "input_price and output_price", "has no prices"] {
            assert!(refused.err.contains(word), "{}", refused.err);
        }
        assert_eq!(server.requests().len(), 0);
    }
    let server = Server::start(vec![lib(GOOD)]);
    let tier = format!("{tier}{prices}\n[budget]\nrun_usd = 1.0\n");
    world(&server.url, prices, &tier).run(&["plan"]).expect(0);
    // Recordings cost nothing.
    let replay = world(&server.url, "kind = \"cassette\"", "[budget]\nday_usd = 1.0\n");
    replay.run(&["plan"]).expect(0);
}

/// What `doctor` says of the generator.
fn doctor(world: &World, args: &[&str], code: i32) -> Value {
    let run = world.run(&[&["doctor", "--json"], args].concat()).expect(code);
    let checks = run.json()[0]["checks"].as_array().cloned().expect("has checks");
    checks.into_iter().find(|check| check["name"] == "generator").expect("is one")
}

fn models(list: Value) -> Act {
    raw(200, "application/json", json!({ "object": "list", "data": list }).to_string())
}

/// A day, so many days from now.
fn day(days: i64) -> String {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    now.checked_add(jiff::Span::new().days(days)).expect("is a day").date().to_string()
}

#[test]
fn doctor_asks_the_server_for_its_models() {
    let denied = raw(401, "application/json", "{\"error\":{\"message\":\"no key\"}}");
    let other = models(json!([{ "id": "scripted-2" }, { "id": "other" }]));
    let scripted = |end: Value| models(json!([{ "id": "scripted", "shutdown_date": end }]));
    for (act, code, says, hint) in [
        (denied, 40, "key refused", ""),
        (other, 40, "model unknown", "did you mean `scripted-2`?"),
        (scripted(Value::Null), 0, "reachable, has the model", ""),
        (scripted(json!(day(200))), 0, "reachable, has the model", ""),
        (scripted(json!(day(30))), 0, "reachable, has the model", "is shut down on"),
        (scripted(json!(day(-3))), 0, "reachable, has the model", "was shut down on"),
        (models(json!([{ "id": "scripted:latest" }])), 0, "reachable, has the model", ""),
        (models(json!([{ "id": "a.gguf", "owned_by": "llamacpp" }])), 0, "has the model", ""),
        (raw(404, "text/html", "<html>"), 0, "lists no models", ""),
        (raw(200, "text/html", "<html>"), 0, "lists no models", ""),
    ] {
        let server = Server::with_models(vec![lib(GOOD)], act);
        let check = doctor(&World::quick(&server.url), &[], code);
        let text = check.to_string();
        assert!(text.contains(says) && text.contains(hint), "{says}: {text}");
        assert_eq!(check["hint"].is_null(), hint.is_empty(), "{text}");
        assert_eq!(server.requests().len(), 0, "no model is asked");
    }
    let check = doctor(&World::quick("http://127.0.0.1:9/v1"), &[], 40);
    assert!(check["says"].as_str().is_some_and(|says| says.contains("not reachable")), "{check}");
}

#[test]
fn doctor_asks_the_model_where_it_is_told_to() {
    let list = || models(json!([{ "id": "scripted" }]));
    let server = Server::with_models(vec![Act::Say("ready".to_owned())], list());
    let check = doctor(&World::quick(&server.url), &["--deep"], 0);
    let says = check["says"].as_str().unwrap_or_default();
    assert!(says.contains("it answered: 100 tokens read, 50 written"), "{check}");
    assert_eq!(server.requests().len(), 1);
    let server = Server::with_models(vec![raw(402, "application/json", "{}")], list());
    let check = doctor(&World::quick(&server.url), &["--deep"], 40);
    assert!(check.to_string().contains("no answer: the account has no credit"), "{check}");
    // A host that takes a schema and does not hold to it.
    let server = Server::with_models(vec![Act::Say("ready".to_owned())], list());
    let check = doctor(&world(&server.url, "reply = \"json\"", ""), &["--deep"], 40);
    assert!(check.to_string().contains("set reply = \\\"files\\\""), "{check}");
}

#[test]
fn what_a_host_is_known_not_to_do_is_refused() {
    for (generator, says) in [
        (
            "base_url = \"https://api.anthropic.com/v1\"\napi = \"chat\"\nreply = \"json\"",
            "ignores `reply = \"json\"`",
        ),
        ("api = \"chat\"\nmodel = \"gpt-5.1-codex\"", "does not serve `gpt-5.1-codex`"),
    ] {
        let world = World::quick("http://x/v1");
        let model = if generator.contains("model") { "" } else { "model = \"m\"\n" };
        let target = "[target.rust]\ntoolchain = \"rust\"\n";
        world.write("harness.toml", &format!("[generator]\n{model}{generator}\n{target}"));
        let run = world.run(&["plan"]).expect(2);
        assert!(run.err.contains(says), "{}", run.err);
    }
}

/// Models that README names, with the API that serves them, as their providers' pages say.
const PRINTED: [(&str, ModelApi); 6] = [
    ("gpt-6.1-sol", ModelApi::Responses),
    ("claude-sonnet-5-5", ModelApi::Messages),
    ("claude-opus-5-5", ModelApi::Messages),
    ("qwen/qwen3-coder", ModelApi::Chat),
    ("qwen2.5-coder:7b", ModelApi::Chat),
    ("local", ModelApi::Chat),
];

#[test]
fn what_readme_prints_works_as_printed() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("is there");
    let blocks = readme.split("\n```toml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let mut printed = Vec::new();
    for (block, _) in blocks {
        let mut text = block.to_owned();
        if !text.contains("[target.rust]") {
            text.push_str("\n[target.rust]\ntoolchain = \"rust\"\n");
        }
        // Blocks about something else go with a generator, or into the one they show.
        if !text.contains("model = ") {
            let (before, after) = text.split_once("[generator]").unwrap_or((&text, ""));
            text = format!("{before}\n[generator]\nmodel = \"local\"\n{after}");
        }
        let harness = regen::config::parse("README.md", &text);
        let harness = harness.unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        let generator = harness.generator.expect("is there");
        for tier in 0..=generator.tiers.len() {
            let settings = generator.tier(tier).settings;
            assert!(!matches!(settings, GeneratorSettings::Cassette(_)), "README asks:\n{text}");
            let server = settings.server();
            let (model, api) = (server.model.as_str(), server.api());
            assert!(PRINTED.contains(&(model, api)) || model == "local", "{model}: {api:?}");
            assert!(api.serves(&server.base_url, model) && !api.ignores_schema(&server.base_url));
            printed.push(model.to_owned());
        }
    }
    for (model, _) in PRINTED {
        assert!(printed.contains(&model.to_owned()), "README does not print {model}");
    }
}
