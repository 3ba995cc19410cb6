//! The fault table of the API: class, number of calls, exit code.

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, World};

struct Case {
    acts: Vec<Act>,
    calls: usize,
    code: i32,
    class: &'static str,
    says: &'static str,
}

fn json(status: u16, body: &str) -> Act {
    Act::Raw(status, vec![("content-type", "application/json".to_owned())], body.to_owned())
}

fn check(cases: Vec<Case>) {
    for Case { acts, calls, code, class, says } in cases {
        let server = Server::start(acts.clone());
        let world = World::adder(&server.url);
        let run = world.run(&["--spec", "adder", "--json"]);
        let label = format!("{acts:?}\n{}\n{}", run.out, run.err);
        assert_eq!(run.code, code, "{label}");
        assert_eq!(server.requests().len(), calls, "{label}");
        assert!(run.out.contains(says), "{says}: {label}");
        let failures: Vec<_> = run
            .json()
            .iter()
            .filter_map(|line| line["body"]["failure"].as_str().map(str::to_owned))
            .collect();
        assert!(
            class.is_empty() || failures.first().is_some_and(|f| f == class),
            "{failures:?} {label}"
        );
        assert_eq!(world.path("regen.lock").exists(), code == 0, "{label}");
    }
}

fn case(acts: Vec<Act>, calls: usize, code: i32, class: &'static str, says: &'static str) -> Case {
    Case { acts, calls, code, class, says }
}

#[test]
fn what_gets_better_is_tried_again() {
    let limited = |code: &str| {
        json(429, &format!("{{\"error\":{{\"message\":\"slow down\",\"code\":{code}}}}}"))
    };
    let after = Act::Raw(429, vec![("retry-after", "1".to_owned())], "{}".to_owned());
    check(vec![
        case(vec![limited("\"rate_limit\""), lib(GOOD)], 2, 0, "", "promoted"),
        case(vec![limited("429"), lib(GOOD)], 2, 0, "", "promoted"),
        case(vec![after, lib(GOOD)], 2, 0, "", "promoted"),
        case(vec![json(503, "{}"), Act::Close, lib(GOOD)], 3, 0, "", "promoted"),
        case(vec![limited("\"x\"")], 5, 30, "rate_limited", "after 5 tries"),
        case(vec![json(503, "busy")], 5, 30, "overloaded", "busy"),
        case(vec![Act::Close], 5, 30, "connection", "the connection broke"),
    ]);
    let long = Act::Raw(429, vec![("retry-after", "3600".to_owned())], "{}".to_owned());
    check(vec![case(vec![long], 1, 30, "rate_limited", "asks for 3600 s")]);
}

#[test]
fn what_does_not_get_better_stops_at_once() {
    let quota = "{\"error\":{\"message\":\"no credit\",\"code\":\"insufficient_quota\"}}";
    let overflow = "{\"error\":{\"message\":\"maximum context length is 10\",\"code\":\"context_length_exceeded\"}}";
    let llama = "{\"error\":{\"code\":400,\"message\":\"request exceeds the available context size\",\
        \"type\":\"exceed_context_size_error\"}}";
    let html = Act::Raw(
        200,
        vec![("content-type", "text/html".to_owned())],
        "<html>login</html>".to_owned(),
    );
    check(vec![
        case(
            vec![json(401, "{\"error\":{\"message\":\"bad key\"}}")],
            1,
            30,
            "unauthorised",
            "api_key_env",
        ),
        case(vec![json(429, quota)], 1, 30, "quota", "no credit"),
        case(vec![json(402, "{}")], 1, 30, "quota", "credit"),
        case(vec![json(400, overflow)], 1, 30, "context_overflow", "split the spec"),
        case(vec![json(400, llama)], 1, 30, "context_overflow", "split the spec"),
        case(vec![json(404, "{}")], 1, 30, "bad_request", "base_url"),
        case(
            vec![json(200, "{\"error\":\"out of memory\"}")],
            1,
            30,
            "bad_response",
            "out of memory",
        ),
        case(vec![json(200, "{\"error\":{\"code\":500}}")], 1, 30, "overloaded", "trouble"),
        case(vec![Act::Cut(String::new())], 1, 30, "bad_response", "without any content"),
        case(vec![html], 1, 30, "bad_response", "no answer of a completions API"),
    ]);
}

#[test]
fn what_breaks_after_content_began_is_an_attempt() {
    let text = || files(&[("src/lib.rs", GOOD)]);
    check(vec![
        case(vec![Act::Cut(text()), lib(GOOD)], 2, 0, "truncated", "promoted"),
        case(vec![Act::CutInside(text()), lib(GOOD)], 2, 0, "truncated", "promoted"),
        case(vec![Act::Stall(text()), lib(GOOD)], 2, 0, "truncated", "promoted"),
        case(vec![Act::CutByError(text()), lib(GOOD)], 2, 0, "truncated", "promoted"),
        case(vec![Act::CutInside(text())], 5, 30, "truncated", "every answer broke off"),
    ]);
}

#[test]
fn odd_but_whole_answers_are_used() {
    let body = serde_json::json!({
        "choices": [{ "message": { "content": files(&[("src/lib.rs", GOOD)]) }, "finish_reason": "stop" }],
    });
    check(vec![
        case(
            vec![Act::Finish(files(&[("src/lib.rs", GOOD)]), "eos_token_of_ours")],
            1,
            0,
            "",
            "promoted",
        ),
        case(vec![json(200, &body.to_string())], 1, 0, "", "promoted"),
    ]);
}

#[test]
fn no_server_no_key_and_no_money() {
    let world = World::adder("http://127.0.0.1:9/v1");
    let run = world.run(&["--spec", "adder"]).expect(30);
    assert!(run.err.contains("no connection"), "{}", run.err);

    let server = Server::start(vec![lib(GOOD)]);
    for (budget, says) in [
        ("run_tokens = 900", "run_tokens = 900"),
        ("call_tokens = 10", "call_tokens = 10"),
        ("day_usd = 0.000001", "day_usd"),
    ] {
        let world = World::new(
            &server.url,
            &[("adder", crate::world::ADDER)],
            &format!("[budget]\n{budget}\n"),
        );
        let config = world
            .read("harness.toml")
            .replace("[target", "input_price = 1.0\noutput_price = 2.0\n[target");
        world.write("harness.toml", &config);
        let run = world.run(&["--spec", "adder"]).expect(31);
        assert!(run.err.contains(says), "{}", run.err);
    }
    assert_eq!(server.requests().len(), 0, "reserved, not discovered");
}

#[test]
fn a_stall_before_anything_is_a_time_out() {
    let server = Server::start(vec![Act::Stall(String::new())]);
    let world = World::adder(&server.url);
    let run = world.run(&["--spec", "adder"]).expect(30);
    assert!(run.err.contains("sent no content for 2000 ms"), "{}", run.err);
    let server = Server::start(vec![Act::Silence]);
    let run = World::adder(&server.url).run(&["--spec", "adder"]).expect(30);
    assert!(run.err.contains("answered nothing for 2000 ms"), "{}", run.err);
}
