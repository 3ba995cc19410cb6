//! `regen lint` as used by reviewers and CI.

use crate::world::{ADDER, World};

/// Two contradictions, and clauses that only look like them.
const PLANTED: &str = "# Client\n\n\
    - A response with status 503 MUST be retried. `test_id: retries_unavailable`\n\
    - The client MUST NOT retry a 503 response. `test_id: gives_up`\n\
    - A 404 response MUST NOT be retried. `test_id: gives_up_missing`\n\
    - An unknown key in the settings MUST be reported as an error. `test_id: strict_keys`\n\
    - Unknown keys in the settings MUST only give a warning. `test_id: lenient_keys`\n\
    - A missing optional key is a warning. `test_id: optional_keys`\n\
    - A missing key is an error. `test_id: needed_keys`\n";

/// Codes and lines in the output of `--json`.
fn findings(world: &World, args: &[&str], code: i32) -> Vec<(String, u64)> {
    let args = [&["lint", "--json"], args].concat();
    let said = world.run(&args).expect(code).json().remove(0);
    let list = said["problems"].as_array().expect("is a list");
    let pair = |one: &serde_json::Value| {
        (one["code"].as_str().unwrap_or_default().to_owned(), one["line"].as_u64().unwrap_or(0))
    };
    list.iter().map(pair).collect()
}

#[test]
fn only_contradictions_are_reported_at_both_clauses() {
    let world = World::new("http://127.0.0.1:1", &[], "");
    world.write("planted.md", PLANTED);
    std::fs::remove_file(world.path("harness.toml")).expect("is there");
    let found = findings(&world, &["planted.md"], 0);
    let lines: Vec<u64> =
        found.iter().filter(|(code, _)| code == "lint::contradiction").map(|(_, l)| *l).collect();
    assert_eq!(lines, [3, 4, 6, 7], "{found:?}");
    insta::assert_snapshot!(world.run(&["lint", "planted.md"]).expect(0).shown());
}

#[test]
fn every_rule_finds_its_case() {
    let spec = "# S\n\nWords that MUST bind.\n\n```wit\nf: func(n: u8) -> u8;\n```\n\n\
        - `add` MUST be fast, etc. `test_id: adds_number`\n\
        - The store MUST be durable. `test_id: lasts`\n\
        - `add` MUST return `1`. It MUST also print. `test_id: adds_numbers`\n\
        - It SHOULD print `x`. `test_id: unproven`\n\
        - It MUST print `y`. `test_id: old` `waived: slow until 2020-01-01`\n\
        - It MUST print `z`. `test_id: late` `waived: slow until 2099-01-01`\n\
        - It MUST print TBD. `test_id: missing` `testid: other`\n\
        - A name longer than that MUST be stored. `test_id: stored`\n\
        - A name longer than that MUST be stored. `test_id: stored_too`\n\n\
        - One gives `two`. `test_id: one`\n\n  ```rust\n  assert_eq!(s::f(1), 2);\n  ```\n\n\
        - Another gives `three`. `test_id: other`\n\n  ```rust\n  assert_eq!(s::f(1), 3);\n  ```\n\n\
        - It MUST print `u`. `test_id: seen`\n\n  ```wave\n  f(2) = 3\n  ```\n\n\
        - It MUST print `v`. `test_id: held`\n\n  ```rust hidden\n  assert_eq!(s::f(7), 9);\n  assert_eq!(s::f(8), 9);\n  ```\n";
    let world = World::new("http://127.0.0.1:1", &[("s", spec)], "");
    let tests = "#[test]\nfn of_nothing() { assert_eq!(s::f(1), 2); }\n";
    world.write("validators/s/rust/suite.rs", tests);
    let codes: Vec<String> =
        findings(&world, &["--level", "note"], 10).into_iter().map(|(code, _)| code).collect();
    for (rule, ..) in regen::types::lint::RULES {
        let elsewhere = ["contradiction", "no_binding"].contains(&rule);
        let found = codes.contains(&format!("lint::{rule}"));
        assert!(found || elsewhere, "{rule}: {codes:?}");
    }
    insta::assert_snapshot!(world.run(&["lint", "--level", "note"]).expect(10).shown());
}

#[test]
fn a_rule_at_level_error_refuses_at_admission() {
    let spec = ADDER.replace("MUST give the sum", "MUST quickly give the sum");
    let extra = "[lint.rules]\nvague = \"error\"\n";
    let world = World::new("http://127.0.0.1:1", &[("adder", &spec)], extra);
    assert_eq!(findings(&world, &[], 10), [("lint::vague".to_owned(), 5)]);
    let run = world.run(&["--spec", "adder"]).expect(10);
    insta::assert_snapshot!(run.shown());
    let off = extra.replace("error", "off");
    let world = World::new("http://127.0.0.1:1", &[("adder", &spec)], &off);
    assert_eq!(findings(&world, &[], 0), []);
    let own = "[lint]\nvague = [\"sum\"]\n";
    let world = World::new("http://127.0.0.1:1", &[("adder", &spec)], own);
    assert_eq!(findings(&world, &[], 0), [("lint::vague".to_owned(), 5)]);
    let wrong = extra.replace("vague", "vagu");
    let run =
        World::new("http://127.0.0.1:1", &[("adder", &spec)], &wrong).run(&["lint"]).expect(2);
    insta::assert_snapshot!(run.shown());
}

#[test]
fn lint_fix_applies_safe_fixes() {
    let waived = "`test_id: adds` `waived: slow until 2020-01-01`";
    let spec = ADDER.replace("`test_id: adds`", waived);
    let world = World::new("http://127.0.0.1:1", &[("adder", &spec)], "");
    assert_eq!(findings(&world, &[], 0), [("lint::waiver_expired".to_owned(), 5)]);
    insta::assert_snapshot!(world.run(&["lint", "--fix"]).expect(0).shown());
    assert_eq!(world.read("specs/adder.md"), ADDER);
    insta::assert_snapshot!(world.run(&["lint", "--fix"]).expect(0).shown());
    // A waiver on its own line is removed with the line; the clause stays in one piece.
    let line = "Clients MUST wait\n`waived: x until 2020-01-01`\nat most `5` s. `test_id: waits`\n\n  ```rust\n  ```\n";
    world.write("specs/adder.md", &format!("{ADDER}\n{line}"));
    world.run(&["lint", "--fix"]).expect(0);
    assert!(world.read("specs/adder.md").contains("Clients MUST wait\nat most `5` s."));
    // Typing mistakes are corrected.
    let typed = ADDER.replace("```rust hidden", "```rust hiden");
    world.write("specs/adder.md", &format!("---\ntitel: Adder\n---\n{typed}"));
    world.run(&["lint"]).expect(10);
    world.run(&["lint", "--fix"]).expect(0);
    assert_eq!(world.read("specs/adder.md"), format!("---\ntitle: Adder\n---\n{ADDER}"));
    // Files with other line ends are not changed.
    let other = spec.replace('\n', "\r\n");
    world.write("specs/adder.md", &other);
    world.run(&["lint", "--fix"]).expect(0);
    assert_eq!(world.read("specs/adder.md"), other);
}

#[test]
fn sarif_and_github_have_the_place_of_each_finding() {
    let spec = ADDER.replace("MUST give", "MUST quickly give");
    let world = World::new("http://127.0.0.1:1", &[("adder", &spec)], "");
    insta::assert_snapshot!(world.run(&["lint", "--format", "github"]).expect(0).shown());
    let sarif = world.run(&["lint", "--format", "sarif"]).expect(0).out;
    let log: serde_json::Value = serde_json::from_str(&sarif).expect("is JSON");
    // Types generated from the standard's schema: no missing or unknown fields.
    let typed: serde_sarif::sarif::Sarif = serde_json::from_str(&sarif).expect("is SARIF");
    assert_eq!(serde_json::to_value(typed).expect("is JSON"), log);
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "lint::vague");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 5);
}

#[test]
fn unreadable_files_are_errors() {
    let world = World::new("http://127.0.0.1:1", &[("adder", ADDER)], "");
    insta::assert_snapshot!(world.run(&["lint", "nothing"]).expect(2).shown());
    std::fs::remove_file(world.path("harness.toml")).expect("is there");
    insta::assert_snapshot!(world.run(&["lint", "nothing.md"]).expect(40).shown());
    insta::assert_snapshot!(world.run(&["lint"]).expect(2).shown());
}
