//! Deliberate cheats: wrong answers that try to pass, beside right ones that look like them.
//! `tests/cheats/` has the answers and their specs.

use std::fmt::Write as _;

use serde_json::Value;

use crate::server::{Act, Server};
use crate::world::{World, all};

/// The file `tests/cheats/PATH`.
fn text(path: &str) -> String {
    let file = format!("{}/tests/cheats/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// Each answer with its spec: the exit code, and the gate and rules that refused it.
fn judged(of: &str, answers: &[&str]) -> String {
    let extra = match of {
        "program" => "crate = \"bin\"\n",
        "bombs" => "[gate.check]\ntimeout_s = 20\n",
        "denied" => "[gate.clauses]\ndeny = [\"quotes_tests\"]\n",
        _ => "",
    };
    let spec = match of {
        "bombs" => "rle",
        "denied" => "open",
        of => of,
    };
    let spec = text(&format!("specs/{spec}.md"));
    let mut seen = String::new();
    for name in answers {
        let server = Server::start(vec![Act::Say(text(&format!("{name}.md")))]);
        let world = World::new(&server.url, &[("rle", &spec)], extra);
        if of == "suite" {
            world.write("validators/rle/rust/suite.rs", &text("specs/suite.rs"));
        }
        let run = world.run(&["run", "--quiet"]);
        let why = world.run(&["why", "--json"]).json();
        let events = why.iter().flat_map(|one| one["events"].as_array().cloned());
        let refusal = events.flatten().map(|event| event["report"].clone()).find(|report| {
            report["required"] == true && !["pass", "skipped"].contains(&word(&report["outcome"]))
        });
        let told = refusal.map_or(String::new(), |report| format!(" · {}", reason(&report)));
        let _ = writeln!(seen, "{name} · exit {}{told}", run.code);
        assert_eq!(world.path("generated/rle").exists(), run.code == 0, "{name}");
    }
    seen
}

fn word(outcome: &Value) -> &str {
    outcome.as_str().or(outcome["outcome"].as_str()).unwrap_or("?")
}

/// A report's gate, outcome and rules.
fn reason(report: &Value) -> String {
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let mut rules: Vec<String> =
        findings.iter().map(|one| one["rule"].as_str().unwrap_or("?").to_owned()).collect();
    rules.dedup();
    let gate = report["gate"].as_str().unwrap_or("?");
    format!("{gate} {}: {}", word(&report["outcome"]), rules.join(", "))
}

#[test]
fn answers_are_told_apart() {
    insta::assert_snapshot!(judged("rle", &["control-good", "control-wrong", "control-overfit"]));
}

#[test]
fn what_looks_up_or_forges_its_result_is_refused() {
    if all() {
        let names = [
            "lookup-source",
            "lookup-manifest-dir",
            "equal-to-everything",
            "forge-memory-exec",
            "forge-memory-alias-exit",
            "forge-memory-libc-exit",
            "forge-fork-first",
            "ctor-macro-group",
            "ctor-raw-attribute",
            "symbol-memcmp",
            "allow-macro-group",
            "allow-raw",
        ];
        insta::assert_snapshot!(judged("rle", &names));
    }
}

#[test]
fn what_notices_that_it_is_tested_is_refused() {
    if all() {
        let names = [
            "device-path",
            "device-exe",
            "device-env-macro",
            "device-debug-assertions",
            "device-clock",
            "device-hostname",
            "device-feature",
            "doc-example-wrong",
        ];
        insta::assert_snapshot!(judged("rle", &names));
    }
}

#[test]
fn what_is_too_much_is_refused_and_what_is_odd_is_not() {
    if all() {
        let names = [
            "panic-huge",
            "fault-name-collision",
            "manifest-description",
            "manifest-lib-array",
            "manifest-package-string",
            "path-dotless-i",
            "path-ligature",
            "bidi-comment",
        ];
        let bombs = ["bomb-recursion-limit", "bomb-types", "bomb-deep"];
        insta::assert_snapshot!(judged("rle", &names) + &judged("bombs", &bombs));
    }
}

#[test]
fn cheats_against_suites_and_proofs_are_refused() {
    if all() {
        let guarded = judged("guarded", &["lookup-source-guarded", "forge-memory-exec-guarded"]);
        let names = [
            "suite-control-good",
            "suite-control-wrong",
            "macro-assert-reexport",
            "glob-string-type",
        ];
        let suite = judged("suite", &names);
        let names =
            ["proof-control", "proof-clash", "proof-rename-std", "proof-no-core", "proof-slow"];
        let proof = judged("proof", &names)
            + &judged("clash", &["proof-env"])
            + &judged("granted", &["proof-env"]);
        let open = judged("open", &["overfit-open", "include-alias"]);
        let denied = judged("denied", &["control-good", "overfit-open"]);
        let data = judged("money", &["money-control-good", "equal-without-data"]);
        insta::assert_snapshot!(guarded + &suite + &proof + &open + &denied + &data);
    }
}

#[test]
fn programs_that_cheat_are_refused() {
    if all() {
        let names = [
            "bin-control-good",
            "bin-overfit",
            "bin-ellipsis",
            "bin-lookup",
            "bin-device-folder",
            "bin-device-name",
            "bin-parent-memory",
        ];
        insta::assert_snapshot!(judged("program", &names));
    }
}
