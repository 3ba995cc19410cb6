//! Rollbacks, histories of specs, and stored runs.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output};

use crate::check::{ALSO_GOOD, commit};
use crate::server::{Server, lib};
use crate::world::{GOOD, PLAIN, WRONG, World, all, rounds};

const LIB: &str = "generated/adder/rust/src/lib.rs";

/// Promoted twice for the same spec, with different trees.
fn twice() -> (World, Server) {
    let server = Server::start(vec![lib(GOOD), lib(ALSO_GOOD), lib(GOOD)]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    world.first(&server, &["run", "-q", "--force"]).expect(0);
    assert_eq!(world.read(LIB), ALSO_GOOD);
    (world, server)
}

#[test]
fn rollback_restores_tree_entry_and_attestation() {
    let server = Server::start(vec![lib(GOOD), lib(ALSO_GOOD)]);
    let world = World::quick(&server.url);
    world.run(&["rollback", "adder"]).expect(2);
    world.run(&["run", "-q"]).expect(0);
    let first = (world.read("regen.lock"), world.snapshot("generated"));
    let run = world.run(&["rollback", "adder"]).expect(2);
    insta::assert_snapshot!(run.shown());
    world.write("specs/adder.md", &PLAIN.replace("give the sum", "give their sum"));
    world.run(&["run", "-q"]).expect(0);
    let second = world.snapshot("generated");
    assert_ne!(first.1, second);
    insta::assert_snapshot!(world.run(&["log", "adder"]).expect(0).shown());

    let run = world.run(&["rollback", "adder", "--json"]).expect(0);
    let last = run.json().pop().expect("says so");
    assert_eq!((last["to"].as_i64(), last["held"].as_bool()), (Some(1), Some(true)));
    assert_eq!(world.snapshot("generated"), first.1, "tree, manifest and attestation");
    let lock = world.read("regen.lock");
    let without: Vec<_> = lock.lines().filter(|line| !line.starts_with("held = ")).collect();
    assert_eq!(without.join("\n") + "\n", first.0, "its entry, and the hold");
    // Held: nothing undoes it, and `check` reports it.
    world.run(&["run", "-q"]).expect(0);
    assert_eq!((world.snapshot("generated"), server.requests().len()), (first.1.clone(), 2));
    insta::assert_snapshot!(world.run(&["plan"]).expect(0).shown());
    insta::assert_snapshot!(world.run(&["check"]).expect(22).shown());
    world.run(&["check", "--fix-lock"]).expect(22);
    assert_eq!(world.read("regen.lock"), lock, "a hold outlives a new lock file");
    let run = world.run(&["rollback", "adder"]).expect(2);
    insta::assert_snapshot!(run.shown());
    world.run(&["rollback", "adder", "--to", "77"]).expect(2);
    // Forward again by run number: this matches the spec.
    world.run(&["rollback", "adder", "--to", "2"]).expect(0);
    assert_eq!(world.snapshot("generated"), second);
    world.run(&["check", "-q"]).expect(0);
    // The spec is reverted too: nothing is held, and everything matches.
    world.run(&["rollback", "adder", "--to", "1"]).expect(0);
    world.write("specs/adder.md", PLAIN);
    world.run(&["check", "-q"]).expect(0);
    world.run(&["run", "-q"]).expect(0);
    assert_eq!(server.requests().len(), 2);
    world.write("specs/adder.md", &PLAIN.replace("give the sum", "give their sum"));
    world.run(&["rollback", "adder", "--to", "2"]).expect(0);
    // A hold ends with the spec's next change.
    world.run(&["rollback", "adder", "--to", "1"]).expect(0);
    world.write("specs/adder.md", &PLAIN.replace("give the sum", "yield the sum"));
    world.run(&["run", "-q"]).expect(0);
    assert_eq!(server.requests().len(), 3);
    world.run(&["check", "-q"]).expect(0);
    // Manual edits are not lost.
    world.write(LIB, "mine");
    world.run(&["rollback", "adder"]).expect(22);
    assert_eq!(world.read(LIB), "mine");
    world.run(&["rollback", "adder", "--discard-edits"]).expect(0);
    let saved = world.snapshot(".regen/drift").into_values().any(|bytes| bytes == b"mine");
    assert!(saved);
}

#[test]
fn a_refused_spec_is_not_rolled_back() {
    let server = Server::start(vec![lib(GOOD), lib(ALSO_GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    let other = PLAIN.replace("give the sum", "give their sum");
    world.write("specs/adder.md", &other);
    world.first(&server, &["run", "-q"]).expect(0);
    let before = world.snapshot("generated");
    world.write("specs/adder.md", &format!("{other}\n- It MUST be so. `test_id: adds`\n"));
    let run = world.run(&["rollback", "adder"]).expect(10);
    insta::assert_snapshot!(run.shown());
    let run = world.run(&["rollback", "adder", "--json"]).expect(10);
    assert_eq!(run.json()[0]["exit_code"], 10, "{}", run.out);
    assert_eq!(world.snapshot("generated"), before);
    world.write("specs/adder.md", &other);
    world.run(&["rollback", "adder", "-q"]).expect(0);
    assert_ne!(world.snapshot("generated"), before);
}

#[test]
fn a_running_daemon_performs_the_rollback_and_keeps_it() {
    let server = Server::start(vec![lib(GOOD), lib(ALSO_GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    let first = world.read(LIB);
    world.write("specs/adder.md", &PLAIN.replace("give the sum", "give their sum"));
    world.first(&server, &["run", "-q"]).expect(0);
    let daemon = crate::watch::Daemon::start(&world);
    daemon.idle();
    let run = world.run(&["rollback", "adder"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(world.read(LIB), first);
    let run = world.run(&["rollback", "adder"]);
    assert_ne!(run.code, 0, "there is none before");
    // It answers after reloading with nothing to do.
    world.run(&["trigger"]).expect(0);
    world.run(&["trigger", "adder"]).expect(0);
    assert_eq!((world.read(LIB), server.requests().len()), (first, 2));
    // The same in the page's API.
    let mut socket = UnixStream::connect(world.path(".regen/socket")).expect("listens");
    socket
        .write_all(b"GET /api/state HTTP/1.1\r\nHost: regen\r\nConnection: close\r\n\r\n")
        .expect("asks");
    let mut state = String::new();
    socket.read_to_string(&mut state).expect("answers");
    assert!(state.contains("\"held\":true"), "{state}");
    drop(daemon);
}

/// System calls that change something.
const CHANGES: &str =
    "rename,renameat,renameat2,fsync,fdatasync,syncfs,mkdir,unlink,unlinkat,pwrite64,ftruncate";

/// Runs regen under strace; `None` without one that may trace.
fn traced(world: &World, args: &[&str], with: &[&str]) -> Option<Output> {
    let plain = world.command(args);
    let mut traced = Command::new("strace");
    traced
        .args(["-qq", "-e", &format!("trace={CHANGES}")])
        .args(with)
        .arg(plain.get_program())
        .args(args)
        .current_dir(world.path(""))
        .env("XDG_CACHE_HOME", world.cache())
        .env("XDG_STATE_HOME", world.cache());
    let output = traced.output().ok()?;
    // If tracing is not permitted, nothing runs.
    let refused = String::from_utf8_lossy(&output.stderr).contains("PTRACE");
    (!refused).then_some(output)
}

/// Kills regen at its n-th changing system call, if it has so many; `None` without strace.
pub fn killed_at(world: &World, args: &[&str], n: usize) -> Option<bool> {
    let inject = format!("inject={CHANGES}:signal=SIGKILL:when={n}");
    let output = traced(world, args, &["-o", "/dev/null", "-e", &inject])?;
    Some(!output.status.success())
}

/// How many such calls a command makes; `None` without strace.
pub fn steps(world: &World, args: &[&str]) -> Option<usize> {
    let calls = world.folder().join("calls");
    traced(world, args, &["-o", &calls.display().to_string()])?;
    Some(std::fs::read_to_string(calls).expect("is written").lines().count())
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.expect("copies").success());
}

/// Kills a command at each of its steps, or at some of them in a short run. `states` are the
/// possible trees, each with the expected result of `check`.
fn kill_at_every_step(world: &World, args: &[&str], states: [(&str, i32); 2]) -> usize {
    let work = world.path("").canonicalize().expect("is there");
    let saved = work.with_file_name("saved");
    copy(&work, &saved);
    for n in (1..2000).step_by(rounds(1, 12)) {
        let Some(killed) = killed_at(world, args, n) else {
            #[expect(clippy::print_stderr, reason = "says what is not tested")]
            {
                eprintln!("SKIPPED: there is no strace that may trace");
            }
            return 0;
        };
        if !killed {
            assert_eq!(world.read(LIB), states[1].0, "it ended");
            world.run(&["check", "-q"]).expect(0);
            return n;
        }
        let before = world.read(LIB);
        let state = states.iter().find(|(tree, _)| *tree == before);
        let (_, code) = state.unwrap_or_else(|| panic!("step {n}: neither old nor new: {before}"));
        // `check` reports the interruption and writes nothing.
        if !world.snapshot(".regen/journal").is_empty() {
            let all = world.snapshot("");
            let run = world.run(&["check"]).expect(22);
            assert!(run.out.contains("check::interrupted"), "step {n}: {}", run.out);
            assert!(world.snapshot("") == all, "step {n}: it wrote");
        }
        // A writer finishes it; lockfile and attestation match the tree.
        world.run(&["gc", "-q"]).expect(0);
        let run = world.run(&["check"]);
        assert_eq!(run.code, *code, "step {n}: {}{}", run.out, run.err);
        assert!(
            run.code == 0 || !run.out.replace("check::clause", "").contains("check::"),
            "{}",
            run.out
        );
        assert!(world.run(&["verify", "-q"]).code == 0, "step {n}");
        let log = world.run(&["log", "adder", "--json"]).expect(0).json().remove(0);
        let tree =
            log["promotions"].as_array().expect("a list").iter().find(|p| p["stands"] == true);
        assert!(tree.is_some(), "step {n}: the ledger knows what stands: {log:#}");
        // The same command completes.
        if n % 7 == 0 {
            world.run(args).expect(0);
            world.run(&["check", "-q"]).expect(0);
            assert!(world.snapshot(".regen/journal").is_empty(), "step {n}");
        }
        copy(&saved, &work);
    }
    panic!("it has too many steps");
}

#[test]
fn a_rollback_killed_at_any_step_leaves_the_old_or_the_new_tree() {
    let (world, _server) = twice();
    let steps = kill_at_every_step(
        &world,
        &["rollback", "adder", "--to", "1", "-q"],
        [(ALSO_GOOD, 0), (GOOD, 0)],
    );
    assert!(steps == 0 || steps > 20, "{steps}");
}

#[test]
fn a_promotion_killed_at_any_step_leaves_the_old_or_the_new_tree() {
    let server = Server::start(vec![lib(GOOD), lib(ALSO_GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    world.write("specs/adder.md", &PLAIN.replace("give the sum", "give their sum"));
    // The step before any visible change: the stage is synced.
    let traced = Command::new("strace")
        .args([
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=syncfs",
            "-e",
            "inject=syncfs:signal=SIGKILL:when=1",
        ])
        .arg(env!("CARGO_BIN_EXE_regen"))
        .args(["run", "-q"])
        .current_dir(world.path(""))
        .env("XDG_CACHE_HOME", world.cache())
        .env("XDG_STATE_HOME", world.cache())
        .output();
    if !traced.is_ok_and(|output| !output.status.success()) || server.requests().len() < 2 {
        return;
    }
    assert_eq!(world.read(LIB), GOOD);
    let steps = kill_at_every_step(&world, &["run", "-q"], [(GOOD, 22), (ALSO_GOOD, 0)]);
    assert!(steps == 0 || steps > 20, "{steps}");
    assert_eq!(server.requests().len(), 2, "nothing is bought twice");
}

#[test]
fn a_run_is_shown_exported_and_replayed() {
    if !all() {
        return;
    }
    let (world, server) = twice();
    commit(&world);
    let run = world.run(&["show", "2"]).expect(0);
    insta::assert_snapshot!(run.shown());
    assert!(!run.out.contains("77001"), "a held-out example is in no prompt");
    let json = world.run(&["show", "2", "--json"]).expect(0).json().remove(0);
    assert_eq!((json["attempt"].as_i64(), json["accepted"].as_bool()), (Some(1), Some(true)));
    world.run(&["show", "99"]).expect(2);
    world.run(&["export", "2", "-o", "../run.tar.gz", "-q"]).expect(0);
    let again = world.path("../again.tar.gz");
    world.run(&["export", "2", "-o", &again.display().to_string(), "-q"]).expect(0);
    let bytes = |path: &str| std::fs::read(world.path(path)).expect("is there");
    assert_eq!(bytes("../run.tar.gz"), bytes("../again.tar.gz"), "the same run, the same bytes");
    // The spec has changed since, and the server is gone.
    let tree = world.snapshot("generated/adder/rust");
    world.write("specs/adder.md", "# Adder\n\nOther.\n");
    drop(server);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut unpack = Command::new("tar");
    unpack.arg("-xzf").arg(world.path("../run.tar.gz")).current_dir(elsewhere.path());
    assert!(unpack.status().expect("there is tar").success());
    let there = elsewhere.path().join("regen-run-2");
    let lib = there.join(LIB);
    assert_eq!(std::fs::read_to_string(&lib).expect("what stood before"), GOOD);
    let output = Command::new(env!("CARGO_BIN_EXE_regen"))
        .args(["run", "--force", "--spec", "adder"])
        .current_dir(&there)
        .env("XDG_CACHE_HOME", elsewhere.path().join("cache"))
        .env("XDG_STATE_HOME", elsewhere.path().join("cache"))
        .output()
        .expect("runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    for (path, bytes) in tree {
        let relative = path.strip_prefix(world.path("")).expect("is below").to_owned();
        assert_eq!(std::fs::read(there.join(&relative)).expect("is there"), bytes, "{relative:?}");
    }
}

#[test]
fn gc_keeps_promotions_rollback_candidates_and_recent_attempts() {
    let server = Server::start(vec![lib(WRONG), lib(GOOD), lib(ALSO_GOOD)]);
    let world = World::quick(&server.url);
    world.run(&["run", "-q"]).expect(0);
    world.run(&["run", "-q", "--force"]).expect(0);
    let before = world.snapshot(".regen/objects").len();
    let young = world.run(&["gc", "--json"]).expect(0).json().remove(0);
    assert_eq!(young["swept"]["objects"], 0, "{young}");
    let dry = world.run(&["gc", "--days", "0", "--dry-run", "--json"]).expect(0).json().remove(0);
    assert!(dry["swept"]["objects"].as_u64() > Some(0), "the first answer led to nothing: {dry}");
    assert_eq!(world.snapshot(".regen/objects").len(), before);
    world.run(&["gc", "--days", "0"]).expect(0);
    assert!(world.snapshot(".regen/objects").len() < before);
    let run = world.run(&["show", "1"]).expect(0);
    insta::assert_snapshot!(run.shown());
    let run = world.run(&["export", "1", "-o", "../run.tar.gz"]).expect(0);
    // The number of missing parts depends on the order of cargo's messages: equal bytes are stored
    // once.
    insta::assert_snapshot!(run.shown().replace(|c: char| c.is_ascii_digit(), "#"));
    world.run(&["rollback", "adder", "--to", "1"]).expect(0);
    assert_eq!(world.read(LIB), GOOD);
    world.run(&["check", "-q"]).expect(0);
    world.run(&["run", "-q"]).expect(0);
}

#[test]
fn a_later_job_reuses_the_answer_of_an_interrupted_one() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD), lib(ALSO_GOOD)]);
    let world = World::adder(&server.url);
    let gate = "[gate.slow]\nargv = [\"/bin/sh\", \"-c\", \"sleep 1000\"]\n";
    let config = world.read("harness.toml");
    let gates = "gates = [\"layout\", \"slow\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n";
    world.write("harness.toml", &format!("{}{gates}{gate}", config.trim_end().to_owned() + "\n"));
    let mut run = world.spawn(&["run"]);
    let is_at_gates = || world.run(&["why", "adder"]).out.contains("layout");
    crate::world::until("no gate runs", is_at_gates);
    run.kill().expect("kills");
    run.wait().expect("ends");
    assert_eq!(server.requests().len(), 1);
    world.write("harness.toml", &config);
    // Other gates are other work: the job is superseded, and its answer is reused.
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("already paid for"), "{}", run.err);
    assert_eq!((server.requests().len(), world.read(LIB).as_str()), (1, GOOD));
    // `--force` requests a new answer.
    world.run(&["run", "-q", "--force"]).expect(0);
    assert_eq!((server.requests().len(), world.read(LIB).as_str()), (2, ALSO_GOOD));
}

#[test]
fn force_after_a_rollback_uses_the_answer_that_was_promoted_before() {
    let (world, server) = twice();
    world.run(&["rollback", "adder", "--to", "1", "-q"]).expect(0);
    assert_eq!(world.read(LIB), GOOD);
    world.run(&["run", "-q", "--force"]).expect(0);
    assert_eq!((server.requests().len(), world.read(LIB).as_str()), (2, ALSO_GOOD));
    world.run(&["check", "-q"]).expect(0);
}
