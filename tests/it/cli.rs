//! Output for people and machines.

use crate::server::{Server, lib};
use crate::world::{ADDER, GOOD, Run, World};

#[test]
fn a_run_prints_its_events() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    let run = world.first(&server, &["--spec", "adder"]).expect(0);
    assert_eq!(run.out, "");
    insta::assert_snapshot!("run", run.shown());
    insta::assert_snapshot!("plan", world.run(&["plan"]).expect(0).shown());
    insta::assert_snapshot!("status", world.run(&["status"]).expect(0).shown());
}

#[test]
fn problems_show_the_line_and_a_hint() {
    let world = World::new("http://127.0.0.1:9/v1", &[("adder", ADDER)], "");
    let wrong = ADDER.replace("`test_id: saturates`", "`test_id: adds`");
    world.write("specs/adder.md", &wrong);
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!("spec_problem", run.shown());
    world.write("harness.toml", "[target.rust]\ntoolchain = \"ruts\"\n");
    let run = world.run(&["plan"]).expect(2);
    insta::assert_snapshot!("config_problem", run.shown());
}

#[test]
fn json_is_one_object_per_line_and_ends_with_the_result() {
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
fn wrong_usage_exits_with_2_and_help_is_complete() {
    let world = World::adder("http://127.0.0.1:9/v1");
    let version = world.run(&["--version"]).expect(0);
    assert!(version.out.contains(env!("CARGO_PKG_VERSION")), "{}", version.out);
    assert!(world.run(&["completions", "bash"]).expect(0).out.contains("regen"));
    insta::assert_snapshot!("help", world.run(&["--help"]).expect(0).shown());
    let mut help = String::new();
    for command in [
        "run",
        "plan",
        "status",
        "log",
        "why",
        "check",
        "diff",
        "lint",
        "trace",
        "verify",
        "show",
        "export",
        "gc",
        "rollback",
        "remove",
        "watch",
        "trigger",
        "cancel",
        "retry",
        "pause",
        "resume",
        "cassette",
        "init",
        "doctor",
        "schema",
        "man",
        "completions",
    ] {
        let run = world.run(&[command, "--help"]).expect(0);
        help += &run.titled(&format!("regen {command} --help"));
    }
    insta::assert_snapshot!("help_of_commands", help);
    let mut errors = String::new();
    for args in [
        &[][..],
        &["--spec", "addr"],
        &["frobnicate"],
        &["why", "nothing"],
        &["--config", "nowhere.toml", "plan"],
        &["cassette", "show", "abc"],
    ] {
        let run = world.run(args).expect(2);
        errors += &run.titled(&format!("regen {}", args.join(" ")));
    }
    insta::assert_snapshot!("usage_errors", errors);
}

#[test]
fn init_writes_a_minimal_valid_workspace_once() {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    std::fs::remove_file(world.path("harness.toml")).expect("was there");
    insta::assert_snapshot!("init", world.run(&["init"]).expect(0).shown());
    insta::assert_snapshot!("init_plan", world.run(&["plan"]).expect(0).shown());
    let before = world.snapshot("");
    let again = world.run(&["init"]).expect(2).shown();
    let again = again.replace(&world.path("").display().to_string(), "[work]/");
    insta::assert_snapshot!("init_again", again);
    assert_eq!(world.snapshot(""), before);
}

#[test]
fn a_refused_spec_does_not_block_others() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.write("specs/bad.md", "- a MUST `test_id: 9`\n");
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!("one_spec_refused", run.shown());
    assert!(world.path("generated/adder/rust").exists());
    world.run(&["--spec", "adder"]).expect(0);
}

#[test]
fn a_missing_toolchain_is_an_environment_error_reported_by_doctor() {
    let world = World::adder("http://127.0.0.1:9/v1");
    let run = Run::of(world.command(&["run"]).env("PATH", "/nowhere")).expect(40);
    insta::assert_snapshot!("missing_toolchain", run.shown());
    Run::of(world.command(&["doctor"]).env("PATH", "/nowhere")).expect(40);
}
