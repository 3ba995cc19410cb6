//! What is up to date, and what is detected before a model is called.

use crate::server::{Act, Server, lib};
use crate::world::{ADDER, GOOD, SHALLOW, World, all, stable};

#[test]
fn a_waived_clause_is_not_required_until_its_date() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(SHALLOW), lib(GOOD)]);
    let waived = |day: &str| {
        ADDER.replace(
            "`test_id: saturates`",
            &format!("`test_id: saturates` `waived: later until {day}`"),
        )
    };
    let world = World::new(&server.url, &[("adder", &waived("2999-01-01"))], "");
    let run = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(run.shown());
    world.write("specs/adder.md", &waived("2020-01-01"));
    let run = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(run.shown());
    assert_eq!(server.requests().len(), 2, "the promoted tree does not hold any more");
    insta::assert_snapshot!(stable(&server.told(1)));
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
}

#[test]
fn dependents_are_up_to_date_after_promotions_in_the_same_run() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let above = format!("---\ndepends: [adder]\n---\n{}", ADDER.replace("adder::", "above::"));
    let world = World::new(&server.url, &[("adder", ADDER), ("above", &above)], "");
    world.run(&["run"]).expect(0);
    let again = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(again.shown());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn foreign_files_are_refused_before_a_model_is_called() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    let mut said = String::new();
    let mut refused = |what: &str| {
        said += &world.run(&["run", "--force"]).expect(22).titled(what);
        assert_eq!(server.requests().len(), 1, "nothing was asked");
    };
    world.write("generated/adder/notes.txt", "mine");
    refused("a file of a person's");
    std::fs::remove_file(world.path("generated/adder/notes.txt")).expect("is there");
    let link = world.path("generated/adder/rust/src/link.rs");
    std::os::unix::fs::symlink("/etc/passwd", &link).expect("links");
    refused("a link in the tree");
    std::fs::remove_file(link).expect("is there");
    let manifest = world.read("generated/adder/rust.manifest");
    world.write("generated/adder/rust.manifest", &format!("{manifest}mine\n"));
    refused("a changed manifest");
    world.write("generated/adder/rust.manifest", &manifest);
    std::fs::rename(world.path("generated/adder"), world.path("elsewhere")).expect("moves");
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("generated/adder"))
        .expect("links");
    refused("a link in place of the folder");
    std::fs::remove_file(world.path("generated/adder")).expect("is there");
    std::fs::rename(world.path("elsewhere"), world.path("generated/adder")).expect("moves");
    std::fs::remove_file(world.path("regen.lock")).expect("is there");
    refused("no lock file");
    insta::assert_snapshot!(said);
}

#[test]
fn files_that_look_like_specs_are_reported() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    std::fs::rename(world.path("specs/adder.md"), world.path("adder.md")).expect("moves");
    std::os::unix::fs::symlink(world.path("adder.md"), world.path("specs/link.md")).expect("links");
    world.write("specs/other.md", &ADDER.replace("adder", "other"));
    insta::assert_snapshot!(world.run(&["plan"]).expect(0).shown());
}

#[test]
fn command_line_mistakes_and_empty_workspaces_are_usage_errors() {
    let server = Server::start(vec![Act::Close]);
    let world = World::new(&server.url, &[], "");
    let run = world.run(&["run"]).expect(2);
    insta::assert_snapshot!(run.shown());
    insta::assert_snapshot!(world.run(&["--force", "run"]).expect(2).shown());
    world.write("specs/adder.md", ADDER);
    let config = world.read("harness.toml");
    world.write("harness.toml", &config.replace("default_targets = [\"rust\"]", ""));
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!(run.shown());
    world.write(
        "harness.toml",
        &(config + "gates = [\"layout\", \"check\", \"test\", \"clauses\"]\n"),
    );
    let run = world.run(&["run"]).expect(2);
    insta::assert_snapshot!(run.shown());
    let run = world.run(&["--json"]).expect(2);
    assert_eq!(run.json()[0]["exit_code"], 2);
    let run = world.run(&["why", "--json"]).expect(2);
    assert_eq!(run.json()[0]["type"], "error");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn every_test_id_of_a_clause_needs_a_test() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let spec = ADDER.replace("`test_id: adds`", "`test_id: adds, commutes`");
    let world = World::new(&server.url, &[("adder", &spec)], "");
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!(run.shown());
    let suite = "#[test]\nfn commutes() -> Result<(), String> {\n    \
        assert_eq!(adder::add(1, 2), adder::add(2, 1));\n    Err(\"always\")?;\n    Ok(())\n}\n";
    world.write("validators/adder/rust/a.rs", suite);
    let run = world.run(&["run"]).expect(20);
    insta::assert_snapshot!(run.shown());
    world.write("validators/adder/rust/a.rs", &suite.replace("    Err(\"always\")?;\n", ""));
    world.run(&["run"]).expect(0);
}
