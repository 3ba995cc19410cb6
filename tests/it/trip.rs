//! The main job, end to end.

use crate::server::{Act, Server, files, lib};
use crate::world::{ADDER, GOOD, SHALLOW, WRONG, World, all, stable};

#[test]
fn a_wrong_answer_is_repaired_and_promoted_and_then_up_to_date() {
    let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    assert_eq!(server.requests().len(), 2);
    let repair = server.prompt(1);
    insta::assert_snapshot!(stable(&repair));
    assert!(!repair.contains(&*world.cache().to_string_lossy()), "a machine's path: {repair}");
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
    let mut tree: Vec<_> = world.snapshot("generated/adder").into_keys().collect();
    tree.iter_mut()
        .for_each(|p| *p = p.strip_prefix(world.path("generated/adder")).unwrap().to_owned());
    let names: Vec<_> = tree.iter().map(|p| p.display().to_string()).collect();
    assert_eq!(names, ["rust/Cargo.toml", "rust/src/lib.rs", "rust.intoto.jsonl", "rust.manifest"]);
    let lock = world.read("regen.lock");
    assert!(
        lock.contains("[spec.adder.target.rust]") && lock.contains("hidden = \"pass\""),
        "{lock}"
    );

    let again = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(again.shown());
    assert_eq!(server.requests().len(), 2, "nothing was asked");
    insta::assert_snapshot!(world.run(&["why", "adder"]).expect(0).shown());
    // The manifest beside the tree is checkable with coreutils.
    let check = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "../rust.manifest"])
        .current_dir(world.path("generated/adder/rust"))
        .output()
        .expect("coreutils");
    assert!(check.status.success());
}

#[test]
fn wrong_answers_end_by_policy_and_change_nothing() {
    let wrong =
        |n: i32| lib(&GOOD.replace("a.saturating_add(b)", &format!("a.saturating_mul(b) * {n}")));
    let server = Server::start((7..12).map(wrong).collect());
    let world = World::adder(&server.url);
    world.write("generated/other/rust/x", "mine");
    let before = world.snapshot("generated");
    let run = world.run(&["--spec", "adder"]).expect(20);
    insta::assert_snapshot!(run.shown());
    assert_eq!(server.requests().len(), 5);
    assert_eq!(world.snapshot("generated"), before);
    assert!(!world.path("regen.lock").exists());
    insta::assert_snapshot!(world.run(&["why", "adder"]).expect(0).shown());
}

#[test]
fn the_same_failure_twice_skips_to_a_fresh_start_without_the_candidate() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(WRONG), lib(&WRONG.replace("Adds.", "Sums.")), lib(GOOD)]);
    let world = World::adder(&server.url);
    world.run(&["--spec", "adder"]).expect(0);
    assert!(server.prompt(1).contains("saturating_sub"));
    assert!(!server.prompt(2).contains("saturating_sub"));
    // What is not configured is not sent.
    assert!(server.requests().iter().all(|body| body.get("temperature").is_none()));
}

#[test]
fn a_model_can_report_a_conflict() {
    let server =
        Server::start(vec![Act::Say("### CONFLICT: adder/saturates contradicts adds".into())]);
    let world = World::adder(&server.url);
    let run = world.run(&["--spec", "adder"]).expect(21);
    insta::assert_snapshot!(run.shown());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_stronger_generator_is_used_after_the_first_fails() {
    if !all() {
        return;
    }
    let wrong =
        |n: i32| lib(&GOOD.replace("a.saturating_add(b)", &format!("a.saturating_mul(b) * {n}")));
    let mut acts: Vec<Act> = (7..12).map(wrong).collect();
    acts.push(lib(GOOD));
    let server = Server::start(acts);
    let world = World::adder(&server.url);
    let config = world.read("harness.toml") + "\n[[generator.tiers]]\nmodel = \"stronger\"\n";
    world.write("harness.toml", &config);
    world.run(&["--spec", "adder"]).expect(0);
    let models: Vec<_> = server.requests().iter().map(|r| r["model"].clone()).collect();
    assert_eq!(models.len(), 6);
    assert_eq!((models[4].as_str(), models[5].as_str()), (Some("scripted"), Some("stronger")));
}

#[test]
fn equal_workspaces_send_equal_requests() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(WRONG), lib(GOOD), lib(WRONG), lib(GOOD)]);
    for _ in 0..2 {
        World::adder(&server.url).run(&["--spec", "specs/adder.md"]).expect(0);
    }
    let requests = server.requests();
    assert_eq!(requests[0], requests[2]);
    assert_eq!(requests[1], requests[3], "findings are normalised");
}

#[test]
fn a_changed_clause_regenerates_with_the_change_in_the_prompt() {
    let server = Server::start(vec![lib(GOOD), lib(WRONG), lib(&GOOD.replace("Adds.", "Sums."))]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    world.write("specs/adder.md", &ADDER.replace("A crate that adds.", "A crate\nthat adds."));
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 1, "wrapping is no change");
    world.write("specs/adder.md", &ADDER.replace("give the sum", "return the sum"));
    insta::assert_snapshot!(world.run(&["plan"]).expect(0).shown());
    let old = world.snapshot("generated");
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 3);
    insta::assert_snapshot!(stable(&server.told(1)));
    assert_ne!(world.snapshot("generated"), old);
}

#[test]
fn a_changed_suite_runs_the_gates_before_a_model_is_called() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(SHALLOW), lib(GOOD)]);
    let spec = ADDER.split("- It MUST NOT").next().unwrap_or_default();
    let world = World::new(&server.url, &[("adder", spec)], "");
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 1);
    let suite = |body: &str| format!("#[test]\nfn adds__more() {{\n    {body}\n}}\n");
    world.write("validators/adder/rust/more.rs", &suite("assert_eq!(adder::add(1, 1), 2);"));
    let run = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(run.shown());
    assert_eq!(server.requests().len(), 1, "it still holds");
    let body = "assert_eq!(adder::add(i32::MAX, 1), i32::MAX);";
    world.write("validators/adder/rust/more.rs", &suite(body));
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 2, "it does not hold any more");
    assert!(server.prompt(1).contains("adds__more"), "suites are shown");
    assert!(!server.prompt(1).contains("regen_guard"), "as they were written");
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
}

#[test]
fn manual_edits_are_refused_or_saved() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    world.write("generated/adder/rust/src/lib.rs", "// mine\n");
    let run = world.run(&["run"]).expect(22);
    insta::assert_snapshot!(run.shown());
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), "// mine\n");
    assert_eq!(server.requests().len(), 1);
    world.run(&["run", "--discard-edits"]).expect(0);
    // The accepted bytes are in the store: no model is called.
    assert_eq!(
        (world.read("generated/adder/rust/src/lib.rs").as_str(), server.requests().len()),
        (GOOD, 1)
    );
    assert_eq!(world.read(".regen/drift/adder/1/rust/src/lib.rs"), "// mine\n");
}

#[test]
fn all_targets_of_a_spec_switch_together_or_not_at_all() {
    if !all() {
        return;
    }
    let main = "fn main() {\n    println!(\"5\");\n}\n";
    let program = |main: &str| Act::Say(files(&[("src/main.rs", main), ("src/lib.rs", GOOD)]));
    let server = Server::start(vec![
        lib(GOOD),
        program("fn main() {}\n"),
        program("fn main() { }\n"),
        program("fn main() {}\n// a\n"),
        program("fn main() {}\n// b\n"),
        program("fn main() {}\n// c\n"),
        lib(GOOD),
        program(main),
    ]);
    let spec = "---\ntargets: [rust, command]\n---\n# Adder\n\n- It MUST add. `test_id: adds`\n\n  ```rust\n  \
        assert_eq!(adder::add(2, 3), 5);\n  ```\n\n- The program MUST show it. `test_id: shows`\n\n  ```console\n  \
        $ adder 2 3\n  5\n  ```\n\n  ```rust\n  assert_eq!(adder::add(0, 0), 0);\n  ```\n";
    let extra = "[target.command]\ntoolchain = \"rust\"\ncrate = \"bin\"\n";
    let world = World::new(&server.url, &[("adder", spec)], extra);
    world.run(&["run"]).expect(20);
    assert!(!world.path("generated").exists() && !world.path("regen.lock").exists());
    let asked = server.requests().len();
    let rest = Server::start(vec![lib(GOOD), program(main)]);
    let config = world.read("harness.toml").replace(&server.url, &rest.url);
    world.write("harness.toml", &config);
    world.run(&["run"]).expect(0);
    assert!(asked >= 4 && rest.requests().len() == 2);
    assert!(world.path("generated/adder/rust/src/lib.rs").exists());
    assert!(world.path("generated/adder/command/src/main.rs").exists());
    insta::assert_snapshot!(world.run(&["run"]).expect(0).shown());
}

#[test]
fn an_allowed_dependency_is_built_at_the_targets_version() {
    let code = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    \
        itoa::Buffer::new().format(a.saturating_add(b)).parse().unwrap_or(i32::MAX)\n}\n";
    let manifest = "[package]\nname = \"adder\"\n[dependencies]\nitoa = \"0.1\"\n";
    let server =
        Server::start(vec![Act::Say(files(&[("src/lib.rs", code), ("Cargo.toml", manifest)]))]);
    let world = World::new(
        &server.url,
        &[("adder", ADDER)],
        "[target.rust.allowed_dependencies]\nitoa = \"1\"\n",
    );
    world.run(&["run"]).expect(0);
    let manifest = world.read("generated/adder/rust/Cargo.toml");
    assert!(manifest.contains("itoa = { version = \"1\" }"), "{manifest}");
}

#[test]
fn templates_are_files_a_user_can_override() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    let config =
        world.read("harness.toml").replace("[schedule]", "templates = \"prompts\"\n[schedule]");
    world.write("harness.toml", &config);
    world.write("prompts/task.md", "MY TASK {{ spec }} {{ speck }}");
    let run = world.run(&["run"]).expect(2);
    insta::assert_snapshot!(run.shown());
    world.write("prompts/task.md", "MY TASK {{ spec }}");
    world.run(&["run"]).expect(0);
    assert!(server.prompt(0).contains("MY TASK # Adder"));
}

#[test]
fn cassettes_record_replay_and_report_differences() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
    let world = World::adder(&server.url);
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("[target", "api_key_env = \"TEST_SERVER_KEY\"\n[target"),
    );
    let refused = world.run(&["cassette", "record"]).expect(30);
    insta::assert_snapshot!(refused.shown());
    let mut record = world.command(&["cassette", "record", "--spec", "adder"]);
    let status = record.env("TEST_SERVER_KEY", "sk-secret-77\n").output().expect("runs").status;
    assert_eq!(status.code(), Some(0));
    let cassettes = world.snapshot("cassettes");
    assert_eq!(cassettes.len(), 2);
    for bytes in cassettes.values() {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("secret-77") && !text.to_lowercase().contains("authorization"));
    }
    let first = (world.snapshot("generated"), world.read("regen.lock"));
    for folder in ["generated", ".regen"] {
        std::fs::remove_dir_all(world.path(folder)).expect("is there");
    }
    std::fs::remove_file(world.path("regen.lock")).expect("is there");
    world.write("harness.toml", &config.replace("[generator]", "[generator]\nkind = \"cassette\""));
    let replay = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(replay.shown());
    let lock = world.read("regen.lock");
    assert!(lock.contains("source = \"replay\"\nrecorded = \"20"), "{lock}");
    let by = |line: &&str| !["generator", "source", "recorded"].iter().any(|k| line.starts_with(k));
    let asked: Vec<_> = first.1.lines().filter(by).collect();
    let lock: Vec<_> = lock.lines().filter(by).collect();
    // Attestations and lockfile have the origin.
    let trees = |all: std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
        all.into_iter()
            .filter(|(path, _)| path.extension().is_none_or(|end| end != "jsonl"))
            .collect::<Vec<_>>()
    };
    let now = trees(world.snapshot("generated"));
    assert_eq!((now, lock), (trees(first.0), asked), "byte for byte");
    assert_eq!(server.requests().len(), 2);
    let listed = world.run(&["cassette", "ls", "--json"]).expect(0);
    assert_eq!(listed.json().len(), 2);
    world.run(&["cassette", "verify"]).expect(0);

    world.write("specs/adder.md", &ADDER.replace("A crate that adds.", "A crate that sums."));
    let miss = world.run(&["run"]).expect(30);
    insta::assert_snapshot!(miss.shown());
    let pruned = world.run(&["cassette", "prune"]).expect(0);
    assert_eq!(pruned.out.lines().count(), 2);
    assert!(world.snapshot("cassettes").is_empty());
}
