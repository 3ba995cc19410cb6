//! Workspaces of older versions of regen.

use std::path::Path;

use crate::world::{World, all, collect, copy};

/// The workspace of `tests/fixtures/format-2`.
fn older() -> World {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-2");
    copy(
        &["harness.toml", "specs", "validators", "generated", "regen.lock"],
        &fixture,
        &world.path(""),
    );
    world
}

fn trees(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut found = std::collections::BTreeMap::new();
    collect(&world.path("generated"), &mut found);
    let name =
        |path: &Path| path.strip_prefix(world.path("")).expect("is below").display().to_string();
    let all = found.into_iter().map(|(path, bytes)| (name(&path), bytes));
    all.filter(|(name, _)| !name.ends_with(".intoto.jsonl")).collect()
}

#[test]
fn fix_lock_migrates_a_lockfile_of_format_2() {
    let world = older();
    let (before, lock) = (trees(&world), world.read("regen.lock"));
    let found = world.run(&["check"]).expect(22);
    insta::assert_snapshot!(found.out, @r"
    regen.lock  the lockfile has format 2; this regen writes format 3
        check::lock  hint: regen check --fix-lock
    ");
    assert_eq!(world.read("regen.lock"), lock, "a check changes nothing");
    let fixed = world.run(&["check", "--fix-lock"]).expect(0);
    assert!(fixed.err.contains("migrated from format 2 to 3"), "{}", fixed.err);
    world.run(&["check"]).expect(0);
    assert_eq!(trees(&world), before);
    let again = world.read("regen.lock");
    world.run(&["check", "--fix-lock"]).expect(0);
    assert_eq!(world.read("regen.lock"), again);
}

#[test]
fn a_run_migrates_a_lockfile_of_format_2_without_a_model() {
    if !all() {
        return;
    }
    let world = older();
    let before = trees(&world);
    // A clause changed before the update is still out of date after it.
    let spec = world.read("specs/celsius.md");
    world.write("specs/celsius.md", &spec.replacen(" MUST ", " MUST always ", 1));
    let plan = world.run(&["plan", "--json"]).expect(0).json().remove(0);
    let reasons: Vec<_> = plan["jobs"]
        .as_array()
        .expect("has jobs")
        .iter()
        .map(|job| {
            let reason = &job["parts"][0]["reason"]["reason"];
            // The fixture's tools may differ from this machine's.
            (
                job["spec"].as_str().expect("is one"),
                reason.as_str().filter(|reason| *reason != "gates"),
            )
        })
        .collect();
    assert_eq!(reasons, [("celsius", Some("clauses")), ("divisors", None), ("greet", None)]);
    world.write("specs/celsius.md", &spec);
    // There is no server and no recording: a request would fail the run.
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("migrated from format 2 to 3"), "{}", run.err);
    assert_eq!(trees(&world), before);
    world.run(&["check"]).expect(0);
    assert!(!world.run(&["run"]).expect(0).err.contains("migrated"));
}

/// The plan, without effects of this machine's tools.
fn reasons(world: &World) -> Vec<String> {
    let plan = world.run(&["plan", "--json"]).expect(0).json().remove(0);
    let jobs = plan["jobs"].as_array().expect("has jobs").iter();
    let reasons = jobs.filter_map(|job| job["parts"][0]["reason"]["reason"].as_str());
    reasons.filter(|reason| *reason != "gates").map(str::to_owned).collect()
}

#[test]
fn a_lockfile_made_from_older_attestations_is_migrated_too() {
    for damage in ["<<<<<<< ours\n", "version = 1\n"] {
        let world = older();
        let before = trees(&world);
        let lock = world.read("regen.lock");
        world.write("regen.lock", &lock.replacen("version = 2\n", damage, 1));
        world.run(&["check"]).expect(22);
        world.run(&["check", "--fix-lock"]).expect(0);
        world.run(&["check"]).expect(0);
        assert_eq!(reasons(&world), Vec::<String>::new(), "{damage}");
        assert_eq!(trees(&world), before);
    }
}

#[test]
fn a_change_undone_after_the_migration_leaves_the_target_up_to_date() {
    if !all() {
        return;
    }
    let world = older();
    let spec = world.read("specs/celsius.md");
    world.write("specs/celsius.md", &spec.replacen(" MUST ", " MUST always ", 1));
    world.run(&["check", "--fix-lock"]).expect(22);
    assert_eq!(reasons(&world), ["clauses"]);
    world.write("specs/celsius.md", &spec);
    assert_eq!(reasons(&world), Vec::<String>::new());
    world.run(&["check"]).expect(0);
    world.run(&["run"]).expect(0);
    world.run(&["check"]).expect(0);
}

#[test]
fn fix_lock_does_not_change_a_newer_lockfile() {
    let world = older();
    let newer = world.read("regen.lock").replacen("version = 2", "version = 4", 1);
    world.write("regen.lock", &newer);
    insta::assert_snapshot!(world.run(&["check", "--fix-lock"]).expect(2).shown(), @r"
    exit code: 2
    --- stderr ---
    error: regen.lock has version 4; this regen supports 3
    hint: update regen
    ");
    assert_eq!(world.read("regen.lock"), newer);
}

#[test]
fn a_lockfile_with_loose_context_is_migrated_without_a_model() {
    let world = crate::check::demonstration();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = repository.join("tests/fixtures/format-3-sorted");
    std::fs::remove_dir_all(world.path("generated")).expect("is there");
    copy(&["generated", "regen.lock"], &fixture, &world.path(""));
    let before = trees(&world);
    let plan = world.run(&["plan"]);
    assert!(
        plan.out.lines().all(|l| l.ends_with("up to date") || l.starts_with("at most: nothing")),
        "{}{}",
        plan.out,
        plan.err
    );
    world.run(&["check", "--fix-lock"]).expect(0);
    assert_eq!(trees(&world), before);
    let migrated = std::fs::read_to_string(fixture.join("regen.lock.migrated"));
    assert_eq!(world.read("regen.lock"), migrated.expect("is there"));
}
