//! The example of a system: twelve specs in four layers, with answers of a scripted server.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::composition::{asked, prompt, spec_of};
use crate::server::{Act, Server, files};
use crate::world::{World, all, copy, stable};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/system")
}

/// The answer for a spec, from the example's `answers/`.
fn answer(_: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let spec = spec_of(&prompt);
    let path = example().join("answers").join(format!("{spec}.rs"));
    let mut text = std::fs::read_to_string(path).expect("has an answer");
    if prompt.contains("Checked twice.") {
        text = text.replacen("//! ", "//! Checked twice. ", 1);
    }
    let root = if text.contains("fn main()") { "src/main.rs" } else { "src/lib.rs" };
    files(&[(root, &text)])
}

/// The example in a world of its own, which asks a server.
fn world(server: &Server, kind: &str) -> World {
    let world = World::new(&server.url, &[], "");
    let config = std::fs::read_to_string(example().join("harness.toml")).expect("is there");
    let config = config.replace("http://127.0.0.1:8099/v1", &server.url);
    world.write("harness.toml", &config.replace("kind = \"cassette\"", kind));
    copy(&["specs", "cassettes"], &example(), &world.path(""));
    world
}

const SERVER: &str = "kind = \"openai\"\nretry_base_ms = 1";

fn change(world: &World, spec: &str, from: &str, to: &str) {
    let path = format!("specs/{spec}.md");
    let text = world.read(&path);
    assert!(text.contains(from), "{spec}: {from}");
    world.write(&path, &text.replace(from, to));
}

/// How many targets are out of date for a reason.
fn planned(world: &World, reason: &str) -> usize {
    let plan = world.run(&["plan", "--json"]).expect(0).json_document();
    let jobs = plan["jobs"].as_array().expect("has jobs").iter();
    let parts = jobs.flat_map(|job| job["parts"].as_array().expect("has parts"));
    parts.filter(|part| part["reason"]["reason"] == reason).count()
}

#[test]
fn the_example_of_a_system_is_promoted_from_nothing_and_changed() {
    let server = Server::start(vec![Act::Make(answer)]);
    if std::env::var_os("REGEN_BLESS").is_some() {
        let world = world(&server, "kind = \"cassette\"");
        world.run(&["cassette", "record", "--force"]).expect(0);
        let _ = std::fs::remove_dir_all(example().join("cassettes"));
        copy(&["cassettes"], &world.path(""), &example());
    }
    if !all() {
        return;
    }
    let replayed = world(&server, "kind = \"cassette\"");
    let before = server.requests().len();
    let run = replayed.run(&["run"]).expect(0);
    assert!(run.err.contains("promoted 12, rejected 0 in"), "{}", run.err);
    assert_eq!(server.requests().len(), before, "answers are replayed");
    replayed.run(&["check"]).expect(0);
    // Plain cargo builds all of it where it is.
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--offline", "-p", "till", "T-1", "2"]);
    let target = replayed.cache().join("plain");
    cargo.current_dir(replayed.path("generated")).env("CARGO_TARGET_DIR", target);
    let till = cargo.output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&till.stdout).lines().count(), 3, "{till:?}");

    // A change of code far below is checked by all eleven that use it; a model is asked for it
    // alone.
    let config = replayed.read("harness.toml").replace("kind = \"cassette\"", SERVER);
    replayed.write("harness.toml", &config);
    change(&replayed, "words", "# Words\n", "# Words\n\nChecked twice.\n");
    let mut told = replayed.run(&["plan"]).expect(0).titled("a change below: the plan");
    assert_eq!(planned(&replayed, "dependency"), 11);
    assert_eq!(planned(&replayed, "context"), 1);
    let run = replayed.run(&["run"]).expect(0);
    assert!(run.err.contains("promoted 12, rejected 0"), "{}", run.err);
    assert_eq!(asked(&server)[before..], ["words"]);
    let checked = run.err.matches("check the promoted tree").count();
    let verified = run.err.matches("verify what it depends on").count();
    assert_eq!((checked, verified), (9, 2), "{}", run.err);

    // A changed item of a contract asks for its users.
    change(&replayed, "prices", "/// Its name.", "/// Its name, in lower case.");
    told += &replayed.run(&["plan"]).expect(0).titled("a changed item: the plan");
    replayed.run(&["run", "-q"]).expect(0);
    let mut made = asked(&server)[before + 1..].to_vec();
    made.sort_unstable();
    assert_eq!(made, ["cart", "prices", "shop"]);
    insta::assert_snapshot!(stable(&told));
}
