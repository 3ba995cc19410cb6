//! The demo of this repository, as in README.md: real recordings, replayed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{all, copy, stable};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs regen in a folder; gives exit code and standard error.
fn regen(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_regen"))
        .args(args)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("XDG_STATE_HOME", folder.join("cache"))
        .output()
        .expect("runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), err)
}

/// The output, by spec, because several run at once.
fn by_spec(text: &str) -> String {
    let text = stable(text);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| line.split([' ', ':']).next());
    lines.join("\n")
}

fn files(folder: &Path, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    crate::world::collect(&folder.join(name), &mut found);
    let relative = |path: PathBuf| path.strip_prefix(folder).expect("is below").to_owned();
    found.into_iter().map(|(path, bytes)| (relative(path), bytes)).collect()
}

const WORKSPACE: [&str; 4] = ["harness.toml", "specs", "validators", "cassettes"];

#[test]
fn specs_and_recordings_give_the_committed_trees() {
    if !all() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    copy(&WORKSPACE, repository(), folder.path());
    let (code, err) = regen(folder.path(), &["run"]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(by_spec(&err));
    let made = files(folder.path(), "generated");
    for (path, bytes) in files(repository(), "generated") {
        // Build leftovers of the user's cargo are not part of a tree.
        let leftover =
            path.components().any(|c| c.as_os_str() == "target") || path.ends_with("Cargo.lock");
        assert!(leftover || made.get(&path) == Some(&bytes), "{}", path.display());
    }
    let (code, err) = regen(folder.path(), &["run"]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(by_spec(&err));
    let (code, err) = regen(folder.path(), &["cassette", "verify"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_fresh_clone_uses_its_lockfile_and_has_one_spec_to_run() {
    if !all() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    copy(&WORKSPACE, repository(), folder.path());
    copy(&["generated", "regen.lock"], repository(), folder.path());
    let (code, err) = regen(folder.path(), &["run"]);
    assert_eq!(code, 0, "{err}");
    // With another compiler, the gates of the other specs run again.
    let of_lights: Vec<&str> =
        err.lines().filter(|line| line.starts_with("lights") || line.starts_with(' ')).collect();
    insta::assert_snapshot!(stable(&of_lights.join("\n")));
    let (code, err) = regen(folder.path(), &["run"]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(by_spec(&err));
}

#[test]
fn the_rejected_run_is_rejected_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let example = repository().join("examples/rejected");
    copy(&["harness.toml", "specs", "cassettes"], &example, folder.path());
    let (code, err) = regen(folder.path(), &["run"]);
    assert_eq!(code, 20, "{err}");
    insta::assert_snapshot!(stable(&err));
    assert!(!folder.path().join("generated").exists());
}

#[test]
fn one_contract_is_replayed_in_three_languages() {
    if !all() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let example = repository().join("examples/languages");
    copy(&["harness.toml", "specs", "cassettes"], &example, folder.path());
    let (code, err) = regen(folder.path(), &["run"]);
    assert_eq!(code, 0, "{err}");
    for file in ["rust/src/lib.rs", "python/src/clamp/__init__.py", "typescript/src/index.ts"] {
        assert!(folder.path().join("generated/clamp").join(file).is_file(), "{file}");
    }
    // No clause says what happens where `low` is above `high`, and the answers differ there.
    let why = Command::new(env!("CARGO_BIN_EXE_regen"))
        .args(["why", "clamp"])
        .current_dir(folder.path())
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        .env("XDG_STATE_HOME", folder.path().join("cache"))
        .output()
        .expect("runs");
    let why = String::from_utf8_lossy(&why.stdout).into_owned();
    let notes: Vec<&str> = why.lines().filter(|line| line.contains("differs: ")).collect();
    insta::assert_snapshot!(notes.join("\n"));
}

#[test]
fn assistants_are_replayed_and_one_is_rejected() {
    if !all() || !crate::behaviour::has_node() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let example = repository().join("examples/assistant");
    copy(&["harness.toml", "spec", "tests", "cassettes"], &example, folder.path());
    let (code, err) = regen(folder.path(), &["run", "library"]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!("assistants", by_spec(&err));
    let (code, err) = regen(folder.path(), &["run", "seven-words"]);
    assert_eq!(code, 20, "{err}");
    insta::assert_snapshot!("assistant_rejected", stable(&err));
}
