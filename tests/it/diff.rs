//! `regen diff` between the working tree, Git revisions and what is promoted.

use crate::server::{Server, lib};
use crate::world::{ADDER, GOOD, World};

/// Runs Git in a workspace, independent of the user's configuration.
fn git(world: &World, args: &[&str]) {
    let mut command = std::process::Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(args);
    let output = command.current_dir(world.path("")).output().expect("there is git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn commit(world: &World) {
    git(world, &["add", "specs", "harness.toml"]);
    git(world, &["commit", "-qm", "specs"]);
}

/// A spec of many clauses, and one that depends on it.
fn many() -> World {
    let clauses: Vec<String> = (0..40)
        .map(|n| format!("- `f{n}()` MUST return `{n}`. `test_id: gives_{n}`\n\n  ```rust\n  assert_eq!(many::f{n}(), {n});\n  ```\n"))
        .collect();
    let text = format!("# Many\n\nProse.\n\n{}", clauses.join("\n"));
    let on = "---\ndepends: [many]\n---\n# On\n\n- `g()` MUST return `1`. `test_id: ones`\n\n  ```rust\n  assert_eq!(on::g(), 1);\n  ```\n";
    let world = World::new("http://127.0.0.1:1", &[("many", &text), ("on", on)], "");
    git(&world, &["init", "-q", "-b", "main"]);
    commit(&world);
    world
}

fn json(world: &World, args: &[&str]) -> serde_json::Value {
    let args = [&["diff", "--json"], args].concat();
    world.run(&args).expect(0).json().remove(0)
}

#[test]
fn a_changed_word_lists_its_clause_and_effects() {
    let world = many();
    assert_eq!(json(&world, &["HEAD"])["specs"], serde_json::json!([]));
    let text = world.read("specs/many.md");
    world.write("specs/many.md", &text.replace("`f7()` MUST return", "`f7()` SHOULD return"));
    let said = json(&world, &["HEAD"]);
    let specs = said["specs"].as_array().expect("is a list");
    assert_eq!(specs.len(), 1, "{said}");
    let clauses = specs[0]["clauses"].as_array().expect("is a list");
    assert_eq!(clauses.len(), 1, "{said}");
    assert_eq!(
        (&clauses[0]["clause"], &clauses[0]["change"]),
        (&"many/gives_7".into(), &"changed".into())
    );
    assert_eq!(clauses[0]["level"], serde_json::json!(["MUST", "SHOULD"]));
    assert_eq!(said["tests"]["many/gives_7"], serde_json::json!(["gives_7"]));
    let late: Vec<_> = said["out_of_date"]
        .as_array()
        .expect("is a list")
        .iter()
        .map(|one| (one["spec"].as_str(), one["dependent"].as_bool()))
        .collect();
    assert_eq!(late, [(Some("many"), Some(false)), (Some("on"), Some(true))], "{said}");
    for format in ["human", "markdown", "github"] {
        let run = world.run(&["diff", "HEAD", "--format", format]).expect(0);
        insta::assert_snapshot!(format!("diff_{format}"), run.shown());
    }
}

#[test]
fn formatting_and_order_make_nothing_out_of_date() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    let (head, clauses) = ADDER.split_once("- `add(").expect("has both");
    let (first, second) = clauses.split_once("- It MUST NOT").expect("has both");
    let other = format!(
        "{head}* It MUST NOT{}\n\n\n* `add({first}",
        second.replace("it saturates", "it\n  saturates")
    );
    world.write("specs/adder.md", &other);
    assert_eq!(json(&world, &[])["specs"], serde_json::json!([]));
    insta::assert_snapshot!(world.run(&["run"]).expect(0).shown());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn promoted_specs_are_compared_by_lockfile_and_git_history() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    world.write("specs/adder.md", &ADDER.replace("give the sum", "give the exact sum"));
    let said = json(&world, &[]);
    let clause = &said["specs"][0]["clauses"][0];
    assert_eq!(
        (&clause["clause"], &clause["words"]),
        (&"adder/adds".into(), &serde_json::json!([]))
    );
    // The same, with the old text available.
    git(&world, &["init", "-q", "-b", "main"]);
    world.write("specs/adder.md", ADDER);
    commit(&world);
    world.write("specs/adder.md", &ADDER.replace("give the sum", "give the exact sum"));
    commit(&world);
    insta::assert_snapshot!(world.run(&["diff", "--promoted"]).expect(0).shown());
}

#[test]
fn renames_are_detected_and_concurrent_changes_are_conflicts() {
    let world = many();
    let text = world.read("specs/many.md");
    git(&world, &["checkout", "-qb", "feature"]);
    world.write(
        "specs/many.md",
        &text
            .replace("`f7()` MUST return `7`", "`f7()` MUST return `70`")
            .replace("gives_9`", "returns_nine`"),
    );
    commit(&world);
    insta::assert_snapshot!(world.run(&["diff", "main..feature"]).expect(0).shown());
    git(&world, &["checkout", "-q", "main"]);
    world.write(
        "specs/many.md",
        &text
            .replace("`f7()` MUST return `7`", "`f7()` MUST return `77`")
            .replace("`f8()` MUST return `8`", "`f8()` MUST return `88`"),
    );
    commit(&world);
    let run = world.run(&["diff", "--merge-base", "feature"]).expect(10);
    insta::assert_snapshot!(run.shown());
    assert!(!run.err.contains("gives_8"), "{}", run.err);
    let both = world.run(&["diff", "--json", "--merge-base", "feature..main"]).expect(10).json();
    assert_eq!(both[0]["conflicts"].as_array().map(Vec::len), Some(1), "{both:?}");
}

#[test]
fn a_removed_spec_can_be_chosen_by_its_id() {
    let world = many();
    std::fs::remove_file(world.path("specs/on.md")).expect("is there");
    let said = json(&world, &["HEAD", "--spec", "on"]);
    assert_eq!(said["specs"][0]["clauses"][0]["change"], "removed", "{said}");
    assert_eq!(json(&world, &["HEAD", "--spec", "many"])["specs"], serde_json::json!([]));
    insta::assert_snapshot!(world.run(&["diff", "HEAD", "--spec", "one"]).expect(2).shown());
}

#[test]
fn unknown_revisions_are_reported() {
    let world = many();
    let wrong = world.run(&["diff", "nowhere"]).expect(2);
    insta::assert_snapshot!(wrong.shown());
    world.run(&["diff", "--output=x"]).expect(2);
    let bare = World::adder("http://127.0.0.1:1");
    insta::assert_snapshot!(bare.run(&["diff", "HEAD"]).expect(2).shown());
    // Nothing is promoted, so everything is new.
    insta::assert_snapshot!(bare.run(&["diff"]).expect(0).shown());
}

#[test]
fn a_waiver_and_a_joined_word_are_changes() {
    let world = World::new(
        "http://127.0.0.1:1",
        &[("s", "# S\n\n## A `test_id: a`\n\nAlpha\n\nbeta MUST hold.\n")],
        "",
    );
    git(&world, &["init", "-q", "-b", "main"]);
    commit(&world);
    let text = world.read("specs/s.md");
    world.write("specs/s.md", &text.replace("Alpha\n\nbeta", "Alphabeta"));
    insta::assert_snapshot!(world.run(&["diff", "HEAD"]).expect(0).shown());
    world.write(
        "specs/s.md",
        &text.replace("test_id: a`", "test_id: a` `waived: slow until 2099-01-01`"),
    );
    insta::assert_snapshot!(world.run(&["diff", "HEAD"]).expect(0).shown());
    // Control and markup characters are escaped.
    world.write("specs/s.md", &text.replace("beta", "b\u{1b}[31m|<b>eta"));
    assert!(!world.run(&["diff", "HEAD"]).expect(0).out.contains('\u{1b}'));
    let markdown = world.run(&["diff", "HEAD", "--format", "markdown"]).expect(0);
    insta::assert_snapshot!(markdown.shown());
}
