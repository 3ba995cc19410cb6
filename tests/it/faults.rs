//! The fault table of the API: class, number of calls, exit code.

use serde_json::Value;

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, World, all, rounds, stable};

struct Case {
    acts: Vec<Act>,
    calls: usize,
    code: i32,
    class: &'static str,
}

fn json(status: u16, body: &str) -> Act {
    Act::Raw(status, vec![("content-type", "application/json".to_owned())], body.to_owned())
}

/// Runs the cases. Gives the failures and the outcome of each.
fn check(cases: Vec<Case>) -> String {
    let mut said = String::new();
    for (number, Case { acts, calls, code, class }) in (1..).zip(cases) {
        let server = Server::start(acts.clone());
        let world = World::quick(&server.url);
        let run = world.run(&["--spec", "adder", "--json"]);
        let label = format!("{acts:?}\n{}\n{}", run.out, run.err);
        assert_eq!(run.code, code, "{label}");
        assert_eq!(server.requests().len(), calls, "{label}");
        said += &format!("=== case {number} ===\nexit code: {code}\n{}\n", told(&run.json()));
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
    stable(&said)
}

/// Every message of an event, and the result.
fn told(lines: &[Value]) -> String {
    let mut told = String::new();
    for line in lines {
        if let Some(message) = line["body"]["message"].as_str() {
            told += &format!("{}: {message}\n", line["body"]["failure"]);
        }
        for job in line["jobs"].as_array().into_iter().flatten() {
            told += &format!("{}: {}\n", job["result"], job["outcome"]);
        }
    }
    told
}

fn case(acts: Vec<Act>, calls: usize, code: i32, class: &'static str) -> Case {
    Case { acts, calls, code, class }
}

#[test]
fn temporary_faults_are_retried() {
    if !all() {
        return;
    }
    let limited = |code: &str| {
        json(429, &format!("{{\"error\":{{\"message\":\"slow down\",\"code\":{code}}}}}"))
    };
    let after = Act::Raw(429, vec![("retry-after", "1".to_owned())], "{}".to_owned());
    let said = check(vec![
        case(vec![limited("\"rate_limit\""), lib(GOOD)], 2, 0, ""),
        case(vec![limited("429"), lib(GOOD)], 2, 0, ""),
        case(vec![after, lib(GOOD)], 2, 0, ""),
        case(vec![json(503, "{}"), Act::Close, lib(GOOD)], 3, 0, ""),
        case(vec![limited("\"x\"")], 5, 30, "rate_limited"),
        case(vec![json(503, "busy")], 5, 30, "overloaded"),
        case(vec![Act::Close], 5, 30, "connection"),
    ]);
    insta::assert_snapshot!(said);
    let long = Act::Raw(429, vec![("retry-after", "3600".to_owned())], "{}".to_owned());
    insta::assert_snapshot!(check(vec![case(vec![long], 1, 30, "rate_limited")]));
}

#[test]
fn permanent_faults_end_at_once() {
    let quota = "{\"error\":{\"message\":\"no credit\",\"code\":\"insufficient_quota\"}}";
    let overflow = "{\"error\":{\"message\":\"maximum context length is 10\",\"code\":\"context_length_exceeded\"}}";
    let llama = "{\"error\":{\"code\":400,\"message\":\"request exceeds the available context size\",\
        \"type\":\"exceed_context_size_error\"}}";
    let html = Act::Raw(
        200,
        vec![("content-type", "text/html".to_owned())],
        "<html>login</html>".to_owned(),
    );
    let said = check(vec![
        case(vec![json(401, "{\"error\":{\"message\":\"bad key\"}}")], 1, 30, "unauthorised"),
        case(vec![json(429, quota)], 1, 30, "quota"),
        case(vec![json(402, "{}")], 1, 30, "quota"),
        case(vec![json(400, overflow)], 1, 30, "context_overflow"),
        case(vec![json(400, llama)], 1, 30, "context_overflow"),
        case(vec![json(404, "{}")], 1, 30, "bad_request"),
        case(vec![json(200, "{\"error\":\"out of memory\"}")], 1, 30, "bad_response"),
        case(vec![json(200, "{\"error\":{\"code\":500}}")], 1, 30, "overloaded"),
        case(vec![Act::Cut(String::new())], 1, 30, "bad_response"),
        case(vec![html], 1, 30, "bad_response"),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn truncated_answers_count_as_attempts() {
    if !all() {
        return;
    }
    // The last line is missing: with it the answer would be complete.
    let text = || files(&[("src/lib.rs", GOOD)]).replace("### DONE: 1 files\n", "");
    let said = check(vec![
        case(vec![Act::Cut(text()), lib(GOOD)], 2, 0, "truncated"),
        case(vec![Act::CutInside(text()), lib(GOOD)], 2, 0, "truncated"),
        case(vec![Act::Stall(text()), lib(GOOD)], 2, 0, "truncated"),
        case(vec![Act::CutByError(text()), lib(GOOD)], 2, 0, "truncated"),
        case(vec![Act::CutInside(text())], 5, 30, "truncated"),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn a_complete_answer_is_used_whatever_the_server_does_behind_it() {
    let text = || files(&[("src/lib.rs", GOOD)]);
    let acts = [Act::CutByError(text()), Act::Cut(text()), Act::CutInside(text())];
    for act in acts.into_iter().take(rounds(3, 1)) {
        check(vec![case(vec![act], 1, 0, "")]);
    }
}

#[test]
fn unusual_but_complete_answers_are_used() {
    let body = serde_json::json!({
        "choices": [{ "message": { "content": files(&[("src/lib.rs", GOOD)]) }, "finish_reason": "stop" }],
    });
    let said = check(vec![
        case(vec![Act::Finish(files(&[("src/lib.rs", GOOD)]), "eos_token_of_ours")], 1, 0, ""),
        case(vec![json(200, &body.to_string())], 1, 0, ""),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn missing_server_key_and_budget_have_exit_codes() {
    let world = World::adder("http://127.0.0.1:9/v1");
    let run = world.run(&["--spec", "adder"]).expect(30);
    insta::assert_snapshot!(run.shown());

    let server = Server::start(vec![lib(GOOD)]);
    let mut said = String::new();
    for budget in ["run_tokens = 900", "call_tokens = 10", "day_usd = 0.000001"] {
        let world = World::new(
            &server.url,
            &[("adder", crate::world::ADDER)],
            &format!("[budget]\n{budget}\n"),
        );
        let config = world
            .read("harness.toml")
            .replace("[target", "input_price = 1.0\noutput_price = 2.0\n[target");
        world.write("harness.toml", &config);
        said += &world.run(&["--spec", "adder"]).expect(31).titled(budget);
    }
    insta::assert_snapshot!(said);
    assert_eq!(server.requests().len(), 0, "reserved, not discovered");
}

#[test]
fn a_stall_before_content_is_a_timeout() {
    let server = Server::start(vec![Act::Stall(String::new())]);
    let world = World::adder(&server.url);
    let run = world.run(&["--spec", "adder"]).expect(30);
    insta::assert_snapshot!(run.shown());
    let server = Server::start(vec![Act::Silence]);
    let run = World::adder(&server.url).run(&["--spec", "adder"]).expect(30);
    insta::assert_snapshot!(run.shown());
}
