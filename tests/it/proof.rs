//! The red proof: tests that pass without an implementation are detected.

use serde_json::Value;

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, Run, World, all, rounds, stable};

/// The last report of the proof gate.
fn proof(world: &World) -> Value {
    let log = world.run(&["log", "--json"]).expect(0).out;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut reports = events.filter(|event| event["report"]["gate"] == "proof");
    reports.next_back().expect("the gate ran")["report"].clone()
}

/// The coverage of each test, and the rules of the findings.
fn learnt(report: &Value) -> (Vec<String>, Vec<String>) {
    let list = |key: &str, part: &dyn Fn(&Value) -> String| -> Vec<String> {
        report[key].as_array().into_iter().flatten().map(part).collect()
    };
    let red = list("red", &|one| {
        format!("{} {}", one["test"].as_str().unwrap_or("?"), one["red"].as_str().unwrap_or("?"))
    });
    let notes = list("findings", &|one| {
        let text = |key: &str| one[key].as_str().unwrap_or("?").to_owned();
        format!("{}: {}", text("rule"), text("message"))
    });
    (red, notes)
}

fn adder(clauses: &str, code: &str) -> (World, Server, Run) {
    let spec = format!("# Adder\n\n{clauses}");
    let server = Server::start(vec![lib(code), lib(code)]);
    let world = World::new(&server.url, &[("adder", &spec)], "");
    let run = world.run(&["run"]);
    (world, server, run)
}

const ADDS: &str =
    "- It MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!(adder::add(2, 3), 5);\n  ```\n\n";

#[test]
fn a_vacuous_must_is_the_specs_fault_after_one_answer() {
    let mut said = String::new();
    let examples = [
        "assert!(true);",
        "assert_eq!(2 + 3, 5);",
        "let add = |a: i32, b: i32| a + b;\n  assert_eq!(add(2, 3), 5);",
        "use adder::add;\n  let _ = add as fn(i32, i32) -> i32;",
    ];
    for example in examples.into_iter().skip(rounds(0, 2)) {
        let vacuous = format!(
            "{ADDS}- It MUST be quick. `test_id: quick`\n\n  ```rust\n  {example}\n  ```\n"
        );
        let (world, server, run) = adder(&vacuous, GOOD);
        assert_eq!(run.code, 21, "{example}: {}", run.err);
        said += &run.titled(example);
        assert!(!run.err.contains("adder/adds"), "{}", run.err);
        assert_eq!(server.requests().len(), 1, "no code can fix it");
        assert!(!world.path("generated").exists());
        let (red, _) = learnt(&proof(&world));
        assert_eq!(red, ["adds seen", "quick vacuous"], "{example}");
    }
    if all() {
        insta::assert_snapshot!(said);
    }
}

#[test]
fn user_suites_and_hidden_examples_are_proven() {
    if !all() {
        return;
    }
    let clauses = format!(
        "{ADDS}- It MUST be sound. `test_id: sound`\n\n- It MUST stay. `test_id: stays`\n\n  \
        ```rust hidden\n  let secret = 77001;\n  assert!(secret > 0);\n  ```\n"
    );
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", &format!("# Adder\n\n{clauses}"))], "");
    let suite = "fn two() -> i32 {\n    2\n}\n\n#[test]\nfn sound() {\n    assert_eq!(two(), 2);\n}\n\n\
        #[test]\nfn sound__more() {\n    assert_eq!(adder::add(1, two()), 3);\n}\n\n\
        mod deep {\n    #[test]\n    fn sound__deep() {\n        assert_eq!(adder::add(1, 1), 2);\n    }\n}\n";
    world.write("validators/adder/rust/more.rs", suite);
    let run = world.run(&["run"]).expect(21);
    insta::assert_snapshot!(run.shown());
    assert!(!run.err.contains("77001"), "{}", run.err);
    let (red, _) = learnt(&proof(&world));
    let wanted = ["adds", "deep::sound__deep", "sound", "sound__more", "stays"];
    let states = ["seen", "seen", "vacuous", "seen", "vacuous"];
    assert_eq!(red, wanted.iter().zip(states).map(|(t, s)| format!("{t} {s}")).collect::<Vec<_>>());
    // Nothing is promoted; results come from the last job.
    let trace = world.run(&["trace", "--json"]).expect(0).out;
    let trace: Value = serde_json::from_str(&trace).expect("is JSON");
    let proofs = trace["clauses"].as_array().expect("is a list").iter();
    let proofs = proofs.flat_map(|row| row["proofs"].as_array().cloned().unwrap_or_default());
    let said: Vec<String> = proofs
        .map(|proof| format!("{} {}", proof["test"], proof["said"]).replace('"', ""))
        .collect();
    let states = ["passed", "passed", "unproven", "passed", "unproven"];
    assert_eq!(
        said,
        wanted.iter().zip(states).map(|(t, s)| format!("{t} {s}")).collect::<Vec<_>>()
    );
}

#[test]
fn undemanded_and_undecided_tests_do_not_block_promotion() {
    if !all() {
        return;
    }
    let clauses = format!(
        "{ADDS}- It SHOULD be quick. `test_id: quick`\n\n  ```rust\n  assert!(true);\n  ```\n\n\
        - The limit MUST be 7. `test_id: limit`\n\n  ```rust\n  assert_eq!(adder::LIMIT, 7);\n  ```\n\n\
        - A side MUST be copied. `test_id: side`\n\n  ```rust\n  let side = adder::Side::Left;\n  assert_eq!((side, side).0, side);\n  ```\n\n\
        - It MUST end. `test_id: ends`\n\n  ```rust\n  let _ = std::panic::catch_unwind(|| adder::add(2, 3));\n  ```\n\n\
        - It MUST NOT panic. `test_id: calm`\n\n  ```rust\n  adder::add(i32::MAX, 1);\n  ```\n"
    );
    let code = format!(
        "{GOOD}\n/// The limit.\npub const LIMIT: i32 = 7;\n\n/// A side.\n#[derive(Clone, Copy, Debug, PartialEq)]\n\
        pub enum Side {{\n    /// Left.\n    Left,\n    /// Right.\n    Right,\n}}\n"
    );
    let (world, _, run) = adder(&clauses, &code);
    run.expect(0);
    let (red, notes) = learnt(&proof(&world));
    assert_eq!(
        red,
        [
            "adds seen",
            "calm seen",
            "ends undecided",
            "limit seen",
            "quick vacuous",
            "side undecided"
        ]
    );
    insta::assert_snapshot!(stable(&notes.join("\n")));
    // Tests that passed but were never seen to fail do not cover.
    assert!(world.read("regen.lock").contains("unproven = [\"ends\", \"quick\", \"side\"]"));
    std::fs::remove_dir_all(world.path(".regen")).expect("is there");
    let trace = world.run(&["trace", "--json"]).expect(0).out;
    let trace: Value = serde_json::from_str(&trace).expect("is JSON");
    let rows = trace["clauses"].as_array().expect("is a list").iter();
    let rows: Vec<_> = rows.map(|row| format!("{} {}", row["clause"], row["coverage"])).collect();
    let wanted = [
        "adds\" \"passed",
        "calm\" \"passed",
        "ends\" \"unproven",
        "limit\" \"passed",
        "quick\" \"unproven",
        "side\" \"unproven",
    ];
    assert_eq!(rows, wanted.map(|row| format!("\"adder/{row}\"")));
}

/// Specs of one clause each, with correct code; none may be vacuous.
const HONEST: [(&str, &str, &str); 5] = [
    (
        "a function that a macro writes",
        "assert_eq!(adder::inc(1), 2);",
        "macro_rules! op {\n    ($name:ident, $by:literal) => {\n        /// Adds.\n        #[must_use]\n        \
         pub fn $name(n: u8) -> u8 {\n            n + $by\n        }\n    };\n}\nop!(inc, 1);\n",
    ),
    (
        "a type under another name",
        "assert!(adder::Metre(1) < adder::Metre(2));",
        "mod kinds {\n    /// A length.\n    #[derive(Debug, PartialEq, PartialOrd)]\n    pub struct Meters(pub u8);\n}\n\
         pub use kinds::Meters as Metre;\n",
    ),
    (
        "variants of an enumeration",
        "use adder::Side::*;\n  assert!(Left < Right);",
        "/// A side.\n#[derive(Debug, PartialEq, PartialOrd)]\npub enum Side {\n    /// Left.\n    Left,\n    \
         /// Right.\n    Right,\n}\n",
    ),
    (
        "a panic that is caught",
        "assert!(std::panic::catch_unwind(|| adder::Level::new(10)).is_err());",
        "/// A level.\n#[derive(Debug)]\npub struct Level(u8);\n\nimpl Level {\n    /// At most 9.\n    #[must_use]\n    \
         pub fn new(n: u8) -> Self {\n        assert!(n <= 9, \"{n}\");\n        Self(n)\n    }\n\n    /// Its number.\n    \
         #[must_use]\n    pub fn number(&self) -> u8 {\n        self.0\n    }\n}\n",
    ),
    (
        "a panic in a thread",
        "assert!(std::thread::spawn(|| adder::half(3)).join().is_err());",
        "/// Half of an even number.\n#[must_use]\npub fn half(n: u8) -> u8 {\n    match n % 2 {\n        0 => n / 2,\n        \
         _ => panic!(\"odd\"),\n    }\n}\n",
    ),
];

#[test]
fn tests_of_types_macros_or_panics_are_not_vacuous() {
    if !all() {
        return;
    }
    for (what, example, code) in HONEST {
        let clause = format!("- It MUST hold. `test_id: holds`\n\n  ```rust\n  {example}\n  ```\n");
        let (world, _, run) = adder(&clause, code);
        assert_eq!(run.code, 0, "{what}: {}", run.err);
        assert!(!proof(&world).to_string().contains("vacuous"), "{what}");
    }
}

/// Code that adds, and that would not compile as it is once it is mutated carelessly.
const SPOILS: [(&str, &str); 7] = [
    ("a guessed name", "GOOD\nmod regen_mutants {}\n"),
    ("a mark at the start", "\u{feff}GOOD"),
    ("attributes in a body", "BARE    //! Adds.\n    a.saturating_add(b)\n}\n"),
    ("a lint under a raw name", "#![r#forbid(warnings)]\nGOOD"),
    ("a hidden crate", "extern crate self as core;\nGOOD"),
    (
        "a long statement",
        "BODY    if matches!(a, LONG) {\n        return b.saturating_add(a);\n    }\n    a.saturating_add(b)\n}\n",
    ),
    (
        "a macro's function",
        "macro_rules! op {\n    ($name:ident) => {\n        /// Adds.\n        pub fn $name(a: i32, b: i32) -> i32 \
         {\n            a.saturating_add(b)\n        }\n    };\n}\nop!(add);\n",
    ),
];

#[test]
fn code_that_does_not_like_to_be_mutated_is_proven_nevertheless() {
    if !all() {
        return;
    }
    let clauses = format!(
        "{ADDS}- It MUST be quick. `test_id: quick`\n\n  ```rust\n  assert!(true);\n  ```\n"
    );
    for (what, code) in SPOILS {
        let body = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n";
        let bare = "pub fn add(a: i32, b: i32) -> i32 {\n";
        let code = code.replace("BARE", bare);
        let long = (100..700).map(|n| (n * 3).to_string()).collect::<Vec<_>>().join(" | ");
        let code = code.replace("GOOD", GOOD).replace("BODY", body).replace("LONG", &long);
        let (world, _, run) = adder(&clauses, &code);
        assert_eq!(run.code, 21, "{what}: {}", run.err);
        assert_eq!(learnt(&proof(&world)).0, ["adds seen", "quick vacuous"], "{what}");
    }
}

#[test]
fn code_that_compiles_only_without_mutations_is_refused() {
    let code = format!("{GOOD}\nconst _: () = assert!(include_str!(\"lib.rs\").len() < 400);\n");
    let (_, server, run) = adder(ADDS, &code);
    assert_eq!(run.code, 20, "{}", run.err);
    let told = server.told(1);
    assert!(told.contains("tests of this code cannot be proven"), "{told}");
}

#[test]
fn programs_are_proven_through_their_output() {
    if !all() {
        return;
    }
    let main = "use std::process::ExitCode;\n\nfn main() -> ExitCode {\n    match std::env::args().nth(1) {\n        \
        Some(name) => {\n            println!(\"Hello, {name}!\");\n            ExitCode::SUCCESS\n        }\n        \
        None => ExitCode::from(3),\n    }\n}\n";
    let spec = "---\ntargets: [command]\n---\n- It MUST refuse. `test_id: refuses`\n- It MUST greet. `test_id: greets`\n";
    let suite = "use std::process::Command;\nconst PROGRAM: &str = env!(\"CARGO_BIN_EXE_hello\");\n\n#[test]\nfn refuses() {\n    \
        assert!(!Command::new(PROGRAM).status().unwrap().success());\n}\n\n#[test]\nfn greets() {\n    \
        let out = Command::new(PROGRAM).env_clear().arg(\"you\").output().unwrap();\n    \
        assert_eq!(out.stdout, b\"Hello, you!\\n\");\n}\n";
    let server = Server::start(vec![Act::Say(files(&[("src/main.rs", main)]))]);
    let target = "[target.command]\ntoolchain = \"rust\"\ncrate = \"bin\"\n";
    let world = World::new(&server.url, &[("hello", spec)], target);
    world.write("validators/hello/command/runs.rs", suite);
    world.run(&["run"]).expect(0);
    assert_eq!(learnt(&proof(&world)).0, ["greets undecided", "refuses seen"]);
}

#[test]
fn only_vacuous_findings_of_proof_are_the_specs_fault() {
    let wrong = GOOD.replace("saturating_add", "saturating_sub");
    let clause = "- It MUST add. `test_id: vacuous`\n\n  ```rust\n  assert_eq!(adder::add(2, 3), 5);\n  ```\n";
    let server = Server::start(vec![lib(&wrong), lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", &format!("# Adder\n\n{clause}"))], "");
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 2, "the model was told, and mended it");
}

#[test]
fn timeouts_prove_nothing() {
    if !all() {
        return;
    }
    let clauses = format!(
        "{ADDS}- It MUST be quick. `test_id: quick`\n\n  ```rust\n  assert!(true);\n  ```\n"
    );
    let server = Server::start(vec![lib(GOOD)]);
    let spec = format!("# Adder\n\n{clauses}");
    let world = World::new(&server.url, &[("adder", &spec)], "[gate.proof]\ntimeout_s = 1\n");
    // Whether or not the time sufficed: unproven tests stay unproven.
    let run = world.run(&["run"]);
    assert!([0, 21].contains(&run.code), "{}", run.err);
    assert!(!learnt(&proof(&world)).0.contains(&"quick seen".to_owned()));
    let other = world.read("harness.toml").replace("timeout_s = 1", "timeout_s = 100");
    world.write("harness.toml", &other);
    world.run(&["run", "--force"]).expect(21);
}

#[test]
fn undetected_mutations_are_reported() {
    let code = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    if a > 1000 {\n        return b;\n    }\n    a.saturating_add(b)\n}\n";
    let (world, _, run) = adder(ADDS, code);
    run.expect(0);
    let (_, notes) = learnt(&proof(&world));
    insta::assert_snapshot!(stable(&notes.join("\n")));
    insta::assert_snapshot!(world.run(&["why", "adder"]).expect(0).shown());
}

#[test]
fn an_unchanged_test_is_proven_once() {
    if !all() {
        return;
    }
    let more = "- It MUST saturate. `test_id: saturates`\n\n  ```rust\n  assert_eq!(adder::add(i32::MAX, 1), i32::MAX);\n  ```\n";
    let (world, _, run) = adder(ADDS, GOOD);
    run.expect(0);
    let elapsed = |report: &Value| report["elapsed_ms"].as_u64().expect("is a number");
    let before = elapsed(&proof(&world));
    let again = world.run(&["run", "--force"]).expect(0);
    let report = proof(&world);
    assert!(elapsed(&report) < before / 4, "{before} ms, then {} {report}", again.err);
    assert_eq!(learnt(&report).0, ["adds seen"]);
    let server = Server::start(vec![lib(GOOD)]);
    let config = world.read("harness.toml");
    let old = config.lines().find(|line| line.starts_with("base_url")).expect("has one");
    world.write("harness.toml", &config.replace(old, &format!("base_url = \"{}\"", server.url)));
    world.write("specs/adder.md", &format!("# Adder\n\n{ADDS}{more}"));
    world.run(&["run"]).expect(0);
    assert_eq!(learnt(&proof(&world)).0, ["adds seen", "saturates seen"]);
}

#[test]
fn all_kinds_of_code_are_proven_without_false_positives() {
    if !all() {
        return;
    }
    let code = include_str!("../fixtures/shapes/lib.rs");
    let spec = include_str!("../fixtures/shapes/spec.md");
    let suite = include_str!("../fixtures/shapes/suite.rs");
    let server = Server::start(vec![Act::Say(files(&[("src/lib.rs", code)]))]);
    let world = World::new(&server.url, &[("shapes", spec)], "");
    world.write("validators/shapes/rust/suite.rs", suite);
    world.run(&["run"]).expect(0);
    let (red, notes) = learnt(&proof(&world));
    let open: Vec<_> = red.iter().filter(|test| !test.ends_with(" seen")).collect();
    assert!(open.is_empty() && red.len() >= 12, "{open:?} {notes:?}");
}
