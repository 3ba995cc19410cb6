//! What is up to date, and what is noticed before anything is paid for.

use crate::server::{Act, Server, lib};
use crate::world::{ADDER, GOOD, SHALLOW, World};

#[test]
fn a_waived_clause_is_let_off_until_its_day() {
    let server = Server::start(vec![lib(SHALLOW), lib(GOOD)]);
    let waived = |day: &str| {
        ADDER.replace(
            "`test_id: saturates`",
            &format!("`test_id: saturates` `waived: later until {day}`"),
        )
    };
    let world = World::new(&server.url, &[("adder", &waived("2999-01-01"))], "");
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("hidden   skipped"), "{}", run.err);
    world.write("specs/adder.md", &waived("2020-01-01"));
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("judge the promoted tree"), "{}", run.err);
    assert_eq!(server.requests().len(), 2, "the promoted tree does not hold any more");
    let asked = server.prompt(1);
    assert!(asked.contains("held-out example of adder/saturates does not pass"), "{asked}");
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
}

#[test]
fn what_depends_on_a_promotion_of_the_same_run_is_up_to_date_behind_it() {
    let server = Server::start(vec![lib(GOOD)]);
    let above = format!("---\ndepends: [adder]\n---\n{}", ADDER.replace("adder::", "above::"));
    let world = World::new(&server.url, &[("adder", ADDER), ("above", &above)], "");
    world.run(&["run"]).expect(0);
    let again = world.run(&["run"]).expect(0);
    assert_eq!(again.err.matches("up to date").count(), 2, "{}", again.err);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn what_is_not_regens_is_refused_before_a_model_is_asked() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.run(&["run"]).expect(0);
    let refused = |says: &str| {
        let run = world.run(&["run", "--force"]).expect(22);
        assert!(run.err.contains(says), "{says}: {}", run.err);
        assert_eq!(server.requests().len(), 1, "nothing was asked");
    };
    world.write("generated/adder/notes.txt", "mine");
    refused("generated/adder/notes.txt");
    std::fs::remove_file(world.path("generated/adder/notes.txt")).expect("is there");
    let link = world.path("generated/adder/rust/src/link.rs");
    std::os::unix::fs::symlink("/etc/passwd", &link).expect("links");
    refused("src/link.rs is no regular file");
    std::fs::remove_file(link).expect("is there");
    let manifest = world.read("generated/adder/rust.manifest");
    world.write("generated/adder/rust.manifest", &format!("{manifest}mine\n"));
    refused("generated/adder/rust.manifest");
    world.write("generated/adder/rust.manifest", &manifest);
    std::fs::rename(world.path("generated/adder"), world.path("elsewhere")).expect("moves");
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("generated/adder"))
        .expect("links");
    refused("generated/adder is a link");
    std::fs::remove_file(world.path("generated/adder")).expect("is there");
    std::fs::rename(world.path("elsewhere"), world.path("generated/adder")).expect("moves");
    std::fs::remove_file(world.path("regen.lock")).expect("is there");
    refused("generated/adder/rust/src/lib.rs");
}

#[test]
fn what_a_person_may_take_for_a_spec_is_named() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.run(&["run"]).expect(0);
    std::fs::rename(world.path("specs/adder.md"), world.path("adder.md")).expect("moves");
    std::os::unix::fs::symlink(world.path("adder.md"), world.path("specs/link.md")).expect("links");
    world.write("specs/other.md", &ADDER.replace("adder", "other"));
    let plan = world.run(&["plan"]).expect(0);
    for says in ["specs/link.md: this is no regular file", "generated/adder/rust is promoted from"]
    {
        assert!(plan.err.contains(says), "{says}: {}", plan.err);
    }
}

#[test]
fn mistakes_on_the_command_line_and_empty_workspaces_are_usage_errors() {
    let server = Server::start(vec![Act::Close]);
    let world = World::new(&server.url, &[], "");
    let run = world.run(&["run"]).expect(2);
    assert!(run.err.contains("there is no spec in specs/"), "{}", run.err);
    let run = world.run(&["--force", "run"]).expect(2);
    assert!(run.err.contains("behind `run`"), "{}", run.err);
    world.write("specs/adder.md", ADDER);
    let config = world.read("harness.toml");
    world.write("harness.toml", &config.replace("default_targets = [\"rust\"]", ""));
    let run = world.run(&["run"]).expect(10);
    assert!(run.err.contains("it names no target"), "{}", run.err);
    world.write(
        "harness.toml",
        &(config + "gates = [\"layout\", \"check\", \"test\", \"clauses\"]\n"),
    );
    let run = world.run(&["run"]).expect(2);
    assert!(run.err.contains("the gate `hidden` is missing"), "{}", run.err);
    let run = world.run(&["--json"]).expect(2);
    assert_eq!(run.json()[0]["exit_code"], 2);
    let run = world.run(&["why", "--json"]).expect(2);
    assert_eq!(run.json()[0]["type"], "error");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn every_name_of_a_clause_needs_its_test() {
    let server = Server::start(vec![lib(GOOD)]);
    let spec = ADDER.replace("`test_id: adds`", "`test_id: adds, commutes`");
    let world = World::new(&server.url, &[("adder", &spec)], "");
    let run = world.run(&["run"]).expect(10);
    assert!(run.err.contains("a test named `commutes`"), "{}", run.err);
    let suite = "#[test]\nfn commutes() -> Result<(), String> {\n    \
        assert_eq!(adder::add(1, 2), adder::add(2, 1));\n    Err(\"always\")?;\n    Ok(())\n}\n";
    world.write("validators/adder/rust/a.rs", suite);
    let run = world.run(&["run"]).expect(20);
    assert!(run.err.contains("adder/adds"), "{}", run.err);
    world.write("validators/adder/rust/a.rs", &suite.replace("    Err(\"always\")?;\n", ""));
    world.run(&["run"]).expect(0);
}
