//! What people and machines see.

use crate::server::{Server, lib};
use crate::world::{ADDER, GOOD, World};

/// Whole outputs, with what differs from run to run taken out.
fn shown(text: &str) -> String {
    let time =
        regex::Regex::new(r"\d+ ms|\d{4}-\d\d-\d\dT[0-9:.]+Z|\b[0-9a-f]{12}\b").expect("is one");
    time.replace_all(text, "…").into_owned()
}

#[test]
fn a_plain_run_says_what_happened() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    let run = world.run(&["--spec", "adder"]).expect(0);
    assert_eq!(run.out, "");
    insta::assert_snapshot!("run", shown(&run.err));
    insta::assert_snapshot!("plan", shown(&world.run(&["plan"]).expect(0).out));
    insta::assert_snapshot!("status", shown(&world.run(&["status"]).expect(0).out));
}

#[test]
fn problems_show_the_line_and_the_remedy() {
    let world = World::new("http://127.0.0.1:9/v1", &[("adder", ADDER)], "");
    let wrong = ADDER.replace("`test_id: saturates`", "`test_id: adds`");
    world.write("specs/adder.md", &wrong);
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!("spec_problem", shown(&run.err));
    world.write("harness.toml", "[target.rust]\ntoolchain = \"ruts\"\n");
    let run = world.run(&["plan"]).expect(2);
    insta::assert_snapshot!("config_problem", shown(&run.err));
}

#[test]
fn json_is_one_object_a_line_and_ends_with_the_result() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    let lines = world.run(&["run", "--json"]).expect(0).json();
    let last = lines.last().expect("has lines");
    assert_eq!((last["type"].as_str(), last["exit_code"].as_i64()), (Some("result"), Some(0)));
    assert_eq!(last["jobs"][0]["result"], "promoted");
    for command in [&["plan", "--json"][..], &["status", "--json"], &["why", "adder", "--json"]] {
        assert_eq!(world.run(command).expect(0).json().len(), 1, "{command:?}");
    }
    assert!(world.run(&["log", "--json"]).expect(0).json().len() > 8);
    assert_eq!(world.run(&["doctor", "--json"]).expect(0).json()[0]["good"], true);
}

#[test]
fn usage_is_honest() {
    let world = World::adder("http://127.0.0.1:9/v1");
    for (args, code, says) in [
        (&["--help"][..], 0, "Examples:"),
        (&["run", "--help"], 0, "--discard-edits"),
        (&["--version"], 0, env!("CARGO_PKG_VERSION")),
        (&["completions", "bash"], 0, "regen"),
        (&[], 2, "Usage"),
        (&["--spec", "addr"], 2, "did you mean `adder`"),
        (&["frobnicate"], 2, "frobnicate"),
        (&["why", "nothing"], 2, "means no spec"),
        (&["--config", "nowhere.toml", "plan"], 2, "regen init"),
        (&["cassette", "show", "abc"], 2, "cassette ls"),
    ] {
        let run = world.run(args).expect(code);
        assert!((run.out + &run.err).contains(says), "{args:?} does not say {says}");
    }
}

#[test]
fn init_writes_the_smallest_workspace_once_and_it_is_right() {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    std::fs::remove_file(world.path("harness.toml")).expect("was there");
    world.run(&["init"]).expect(0);
    let plan = world.run(&["plan"]).expect(0);
    assert!(plan.out.contains("greeting") && plan.out.contains("nothing promoted yet"));
    let before = world.snapshot("");
    let again = world.run(&["init"]).expect(0);
    assert!(again.err.contains("left as it is"));
    assert_eq!(world.snapshot(""), before);
}

#[test]
fn one_refused_spec_does_not_hold_up_the_others() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.write("specs/bad.md", "- a MUST `test_id: 9`\n");
    let run = world.run(&["run"]).expect(10);
    assert!(run.err.contains("specs/bad.md:1"), "{}", run.err);
    assert!(world.path("generated/adder/rust").exists());
    world.run(&["--spec", "adder"]).expect(0);
}

#[test]
fn a_missing_toolchain_is_the_machines_fault_and_doctor_says_so() {
    let world = World::adder("http://127.0.0.1:9/v1");
    let mut command = world.command(&["run"]);
    let output = command.env("PATH", "/nowhere").output().expect("runs");
    assert_eq!(output.status.code(), Some(40));
    assert!(String::from_utf8_lossy(&output.stderr).contains("install Rust"));
    let output = world.command(&["doctor"]).env("PATH", "/nowhere").output().expect("runs");
    assert_eq!(output.status.code(), Some(40));
}
