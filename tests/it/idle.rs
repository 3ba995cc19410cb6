//! A run without work is remembered, and what it is remembered by.

use std::fs::File;
use std::time::Duration;

use crate::server::{Server, lib};
use crate::world::{GOOD, PLAIN, QUICK, World, until};

/// Runs until a run is remembered: files that are too new are in doubt.
fn settle(world: &World) {
    let _ = std::fs::remove_file(world.path(".regen/idle.json"));
    until("a run without work is remembered", || {
        world.run(&["run", "-q"]).expect(0);
        world.path(".regen/idle.json").exists()
    });
}

/// Whether a run uses what was remembered: what it says then comes from there.
fn is_remembered(world: &World) -> bool {
    let path = ".regen/idle.json";
    let text = world.read(path);
    world.write(path, &text.replace("\"adder\"", "\"remembered\""));
    let out = world.run(&["run"]).expect(0).err;
    assert!(out.contains("up to date 1 in"), "{out}");
    if world.read(path).contains("\"remembered\"") {
        world.write(path, &text);
    }
    out.contains("remembered: up to date")
}

#[test]
fn a_run_without_work_is_remembered_until_a_file_changes() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", PLAIN)], QUICK);
    world.run(&["run", "-q"]).expect(0);
    settle(&world);
    assert!(is_remembered(&world));
    let whole = world.run(&["run"]).expect(0).err;
    let json = world.run(&["run", "--json"]).expect(0).json();
    assert_eq!(json[0]["up_to_date"][0], "adder");
    let named = world.run(&["run", "adder"]).expect(0).err;
    assert_eq!(stable_seconds(&whole), stable_seconds(&named), "a full run says the same");

    // Each change is seen; what changes nothing for the code is remembered again.
    let changes = |what: &str, change: &dyn Fn()| {
        std::thread::sleep(Duration::from_millis(20));
        change();
        assert!(!is_remembered(&world), "{what}");
        settle(&world);
        assert!(is_remembered(&world), "after {what}");
    };
    let spec = world.path("specs/adder.md");
    changes("a touched spec", &|| {
        let file = File::options().write(true).open(&spec).expect("opens");
        file.set_modified(std::time::SystemTime::now()).expect("sets");
    });
    changes("a new file beside it", &|| world.write("specs/README.md", "# Notes\n"));
    changes("the configuration", &|| {
        world.write("harness.toml", &(world.read("harness.toml") + "\n# A comment.\n"));
    });
    changes("a file of other programs", &|| world.write("generated/notes.txt", "x"));

    // What is out of date, or edited by hand with the same size and time, is found.
    let code = "generated/adder/rust/src/lib.rs";
    let text = world.read(code);
    let time = world.path(code).metadata().and_then(|meta| meta.modified()).expect("has one");
    std::thread::sleep(Duration::from_millis(20));
    world.write(code, &text.replace("Adds.", "Subs."));
    let file = File::options().write(true).open(world.path(code)).expect("opens");
    file.set_modified(time).expect("sets");
    world.run(&["run", "-q"]).expect(22);
    world.run(&["run", "-q", "--discard-edits"]).expect(0);
    settle(&world);
    world.write("specs/adder.md", &PLAIN.replace("A crate", "A small crate"));
    world.run(&["run", "-q"]).expect(0);
    assert_eq!(server.requests().len(), 2, "the spec changed");
    settle(&world);
    std::fs::remove_file(world.path("regen.lock")).expect("is there");
    let lost = world.run(&["run", "-q"]);
    assert_ne!(lost.code, 0, "code without a lockfile: {}", lost.err);
}

#[test]
fn warnings_are_shown_by_every_run_and_a_file_of_this_name_cannot_harm() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", PLAIN)], QUICK);
    std::os::unix::fs::symlink("adder.md", world.path("specs/link.md")).expect("links");
    world.run(&["run", "-q"]).expect(0);
    let first = world.run(&["run"]).expect(0).err;
    settle(&world);
    let remembered = world.run(&["run"]).expect(0).err;
    assert!(remembered.contains("specs/link.md"), "{remembered}");
    assert_eq!(stable_seconds(&first), stable_seconds(&remembered));
    for text in ["", "{", "[]", "{\"state\":\"x\",\"up_to_date\":[],\"problems\":[]}"] {
        world.write(".regen/idle.json", text);
        assert_eq!(stable_seconds(&world.run(&["run"]).expect(0).err), stable_seconds(&first));
    }
}

/// What a run said, without how long it took.
fn stable_seconds(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.parse::<f64>().is_ok() { "N" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
