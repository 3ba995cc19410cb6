//! State from a checkout is not trusted, and special files do not block commands.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::server::{Server, lib};
use crate::world::{GOOD, PATIENCE, Run, World, collect, rounds};

/// A regen of a user on another machine.
fn elsewhere(world: &World, args: &[&str]) -> Run {
    let state = world.path("").join("../elsewhere-state");
    Run::of(world.command(args).env("XDG_STATE_HOME", state.canonicalize().unwrap_or(state)))
}

/// A journal that would move a folder outside of the workspace.
fn plant_journal(world: &World, unit: &str) {
    let standing = r#"{"target": {}}"#;
    let journal = format!(
        r#"{{"version": 2, "job": 1, "spec": "adder", "unit": "{unit}", "old": null, "new": [0, 0],
            "old_content": null, "in_place": true, "standing": {standing}, "trees": []}}"#
    );
    world.write(".regen/journal/1.json", &journal);
    world.write(".regen/stage/1/rust/src/lib.rs", "pub fn planted() {}\n");
}

fn tree(path: &Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = Default::default();
    collect(path, &mut found);
    found
}

#[test]
fn a_planted_journal_moves_nothing_and_check_writes_nothing() {
    let server = Server::start(vec![lib(GOOD)]);
    for unit in ["../victim", "victim", "generated/adder", "/tmp/victim"] {
        let world = World::quick(&server.url);
        let victim = world.path("victim");
        fs::create_dir_all(&victim).expect("is made");
        fs::write(victim.join("file"), "precious").expect("writes");
        plant_journal(&world, unit);
        let before = tree(&world.path(""));
        let check = world.run(&["check"]);
        assert_eq!(check.code, 22, "nothing is promoted yet: {}", check.err);
        assert!(check.err.contains("it is ignored"), "{}", check.err);
        for args in
            [&["run"][..], &["watch"], &["status"], &["gc"], &["log"], &["rollback", "adder"]]
        {
            let refused = world.run(args).expect(40);
            assert!(refused.err.contains(".regen.old"), "{args:?}: {}", refused.err);
        }
        assert_eq!(tree(&world.path("")), before, "{unit}: every byte is as it was");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_journal_can_only_name_folders_of_its_spec() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    for unit in ["../victim", "victim", "generated/other", "generated"] {
        plant_journal(&world, unit);
        let before = tree(&world.path("generated"));
        let check = world.run(&["check"]);
        assert_eq!(check.code, 22, "it is reported: {}", check.err);
        let refused = world.run(&["run"]);
        assert_eq!(refused.code, 40, "{unit}: {}", refused.err);
        assert_eq!(tree(&world.path("generated")), before);
        assert!(!world.path(unit).exists() || unit == "generated");
        fs::remove_dir_all(world.path(".regen/journal")).expect("deletes");
    }
}

#[test]
fn a_ledger_of_another_machine_promotes_nothing() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    fs::remove_dir_all(world.path("generated")).expect("deletes");
    fs::remove_file(world.path("regen.lock")).expect("deletes");
    let asked = server.requests().len();
    for args in [&["run"][..], &["status"], &["why", "adder"], &["log"], &["rollback", "adder"]] {
        let refused = elsewhere(&world, args).expect(40);
        assert!(refused.err.contains("not created by this user"), "{args:?}: {}", refused.err);
    }
    assert!(!world.path("generated").exists());
    assert_eq!(server.requests().len(), asked);
    // Commands without state work.
    elsewhere(&world, &["plan"]).expect(0);
    elsewhere(&world, &["lint"]).expect(0);
    // As in the hint: without the folder, everything starts again.
    fs::rename(world.path(".regen"), world.path(".regen.old")).expect("moves");
    elsewhere(&world, &["run"]).expect(0);
}

#[test]
fn state_tracked_by_git_is_rejected() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(world.path("")).output();
        assert!(done.expect("git runs").status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    world.run(&["status"]).expect(0);
    git(&["add", "."]);
    world.run(&["status"]).expect(0);
    git(&["add", "-f", ".regen/id"]);
    let refused = world.run(&["run"]).expect(40);
    assert!(refused.err.contains("git rm -r --cached .regen"), "{}", refused.err);
    world.run(&["check"]).expect(0);
    git(&["rm", "-r", "-q", "--cached", ".regen"]);
    world.run(&["run"]).expect(0);
}

#[test]
fn state_is_private_and_symbolic_links_are_rejected() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    let mode = |path: &str| world.path(path).metadata().expect("is there").permissions().mode();
    assert_eq!(mode(".regen") & 0o777, 0o700);
    for file in ["ledger.db", "id", "lock"] {
        assert_eq!(mode(&format!(".regen/{file}")) & 0o077, 0, "{file}");
    }
    for file in tree(&world.path(".regen/objects")).keys() {
        let mode = file.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
    fs::set_permissions(world.path(".regen"), fs::Permissions::from_mode(0o755)).expect("is set");
    world.run(&["status"]).expect(0);
    assert_eq!(mode(".regen") & 0o777, 0o700);
    let objects = tree(&world.path(".regen/objects"));
    let object = objects.keys().next().expect("there is one").parent().expect("has a folder");
    for linked in [object, &world.path(".regen/objects"), &world.path(".regen")] {
        let moved = linked.with_extension("moved");
        fs::rename(linked, &moved).expect("moves");
        symlink(&moved, linked).expect("links");
        let refused = world.run(&["run"]).expect(40);
        assert!(refused.err.contains("a symbolic link"), "{}", refused.err);
        fs::remove_file(linked).expect("goes");
        fs::rename(&moved, linked).expect("moves back");
    }
    world.run(&["run"]).expect(0);
}

#[test]
fn every_command_rejects_a_linked_output_folder() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    let outside = tempfile::tempdir().expect("a folder");
    symlink(outside.path(), world.path("generated")).expect("links");
    let commands = [
        &["run"][..],
        &["plan"],
        &["check"],
        &["status"],
        &["why", "adder"],
        &["watch"],
        &["trace"],
    ];
    for args in commands {
        let refused = world.run(args).expect(2);
        assert!(
            refused.err.contains("`generated` is a symbolic link"),
            "{args:?}: {}",
            refused.err
        );
    }
    assert_eq!(fs::read_dir(outside.path()).expect("is there").count(), 0);
    fs::remove_file(world.path("generated")).expect("deletes");
    world.run(&["run"]).expect(0);
    fs::rename(world.path("generated"), outside.path().join("away")).expect("moves");
    symlink(outside.path().join("away"), world.path("generated")).expect("links");
    world.run(&["check"]).expect(2);
}

#[test]
fn missing_history_is_noted() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    let first = world.first(&server, &["run", "-q"]).expect(0);
    assert!(!first.err.contains("no history"), "{}", first.err);
    fs::remove_dir_all(world.path(".regen")).expect("deletes");
    for args in [&["status"][..], &["run"]] {
        let told = world.run(args).expect(0);
        assert!(told.err.contains("no history of 1 promoted spec"), "{}", told.err);
    }
    let again = world.run(&["run"]).expect(0);
    assert!(!again.err.contains("no history"), "{}", again.err);
}

#[test]
fn a_pipe_in_place_of_a_file_does_not_hang() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.write(
        "validators/adder/rust/suite.rs",
        "#[test]\nfn adds__more() {\n    assert_eq!(adder::add(2, 2), 4);\n}\n",
    );
    world.run(&["run"]).expect(0);
    let files = [
        "harness.toml",
        "regen.lock",
        "regen.trace",
        "specs/adder.md",
        "validators/adder/rust/suite.rs",
        ".regen/lock",
        ".regen/id",
        ".regen/ledger.db",
        ".regen/journal/1.json",
        "generated/adder/rust/src/lib.rs",
        "generated/adder/rust.manifest",
        "generated/adder/rust.intoto.jsonl",
    ];
    let commands = [
        &["check"][..],
        &["run"],
        &["plan"],
        &["status"],
        &["lint"],
        &["trace"],
        &["diff"],
        &["gc"],
    ];
    for (number, file) in files.into_iter().enumerate() {
        let path = world.path(file);
        let before = fs::read(&path).ok();
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().expect("has one")).expect("is made");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|made| made.success()), "{file}");
        // In a short run three commands over each file.
        for args in commands.iter().skip(rounds(0, number % 3)).step_by(rounds(1, 3)) {
            let started = Instant::now();
            let mut child = world.spawn(args);
            while child.try_wait().expect("is told").is_none() {
                let waited = started.elapsed() < PATIENCE;
                if !waited {
                    let _ = child.kill();
                }
                assert!(waited, "{args:?} hangs on {file}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = fs::remove_file(&path);
        if let Some(before) = before {
            fs::write(&path, before).expect("writes");
        }
    }
    world.run(&["run"]).expect(0);
}

#[test]
fn a_changed_attestation_does_not_change_a_valid_lockfile() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    let (lock, path) = (world.read("regen.lock"), "generated/adder/rust.intoto.jsonl");
    let attested = world.read(path);
    let alter = |line: &str| {
        use base64::Engine as _;
        let coder = base64::engine::general_purpose::STANDARD;
        let mut value: serde_json::Value = serde_json::from_str(line).expect("is JSON");
        let text = coder.decode(value["payload"].as_str().expect("has one")).expect("is base64");
        let text = String::from_utf8(text).expect("is text");
        value["payload"] = coder.encode(text.replace("\"model\":\"", "\"model\":\"better-")).into();
        value.to_string() + "\n"
    };
    let altered: String = attested.lines().map(alter).collect();
    assert_ne!(altered, attested);
    world.write(path, &altered);
    let fixed = world.run(&["check", "--fix-lock"]).expect(22);
    assert!(fixed.err.contains("kept the entry"), "{}", fixed.err);
    assert_eq!(world.read("regen.lock"), lock);
    assert!(fixed.out.contains("hint: regen --spec adder"), "{}", fixed.out);
    world.run(&["--spec", "adder"]).expect(0);
    world.run(&["check"]).expect(0);
    assert_eq!(server.requests().len(), 1, "gates judge again, no model");
}
