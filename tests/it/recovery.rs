//! Real kills at random moments, followed by the same command.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::server::{Act, Server, lib};
use crate::world::{GOOD, PATIENCE, WRONG, World, all, repeated};

/// Kills a run after so many event lines plus so many milliseconds, unless it ends before. Gives
/// whether it was killed.
fn kill_at(world: &World, lines: usize, then: u64) -> bool {
    let mut child = world.spawn(&["--spec", "adder", "--json"]);
    let out = child.stdout.take().expect("is piped");
    let (sender, receiver) = channel();
    let reader = std::thread::spawn(move || {
        BufReader::new(out).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
    });
    for _ in 0..lines {
        if receiver.recv_timeout(PATIENCE).is_err() {
            break;
        }
    }
    // The next line or the timeout.
    let _ = receiver.recv_timeout(Duration::from_millis(then));
    let alive = child.try_wait().expect("waits").is_none();
    child.kill().expect("kills");
    child.wait().expect("ends");
    drop(receiver);
    reader.join().expect("reads to the end");
    alive
}

/// The completions in the ledger.
fn recorded(world: &World) -> usize {
    let Ok(db) = rusqlite::Connection::open(world.path(".regen/ledger.db")) else { return 0 };
    let count = db.query_row("SELECT count(*) FROM completions", [], |row| row.get::<_, i64>(0));
    usize::try_from(count.unwrap_or(0)).expect("a count")
}

#[test]
fn a_job_whose_objects_were_deleted_starts_over() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    // Killed between the answer and the promotion, most likely at a gate.
    for lines in [6, 7, 5, 8] {
        if kill_at(&world, lines, 1) && recorded(&world) > 0 {
            break;
        }
    }
    std::fs::remove_dir_all(world.path(".regen/objects")).expect("goes");
    world.run(&["--spec", "adder"]).expect(0);
    world.run(&["check"]).expect(0);
}

#[test]
fn a_killed_run_resumes_and_requests_nothing_twice() {
    if !all() {
        return;
    }
    let mut killed = 0;
    let step = repeated(1, 2);
    for moment in (0..20u64).step_by(step) {
        let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
        let world = World::quick(&server.url);
        // A whole run has about twenty event lines.
        killed += usize::from(kill_at(&world, moment as usize, (moment * 37) % 90));
        let (asked, had) = (server.requests().len(), recorded(&world));
        let tree = world.snapshot("generated");
        assert!(tree.is_empty() || tree.len() == 4, "old or new, never half: {tree:?}");
        // A request that was sent but not recorded is sent again; the server continues its script.
        let rest = Server::start(vec![lib(WRONG), lib(GOOD)].split_off(had.min(1)));
        let config = world.read("harness.toml").replace(&server.url, &rest.url);
        world.write("harness.toml", &config);
        world.run(&["--spec", "adder"]).expect(0);
        let again = rest.requests().len();
        assert_eq!(again + had, 2, "moment {moment}: asked {asked}, recorded {had}, then {again}");
        assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
        let log = world.run(&["log", "--json"]).expect(0);
        let promoted = log.json().iter().filter(|e| e["event"] == "promoted").count();
        assert_eq!(promoted, 1, "{}", log.out);
        let seqs: Vec<_> = log.json().iter().filter_map(|e| e["seq"].as_i64()).collect();
        assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert!(
            world.snapshot(".regen/journal").is_empty()
                && world.snapshot(".regen/stage").is_empty()
        );
        world.run(&["run"]).expect(0);
        assert_eq!(rest.requests().len(), again, "up to date");
    }
    assert!(killed * step >= 12, "only {killed} runs were killed");
}

#[test]
fn a_second_writer_is_refused_and_readers_work() {
    let server = Server::start(vec![Act::Stall("thinking".to_owned())]);
    let world = World::adder(&server.url);
    let config =
        world.read("harness.toml").replace("idle_timeout_ms = 300", "idle_timeout_ms = 60000");
    world.write("harness.toml", &config);
    let mut first = world.spawn(&["run"]);
    server.arrived();
    let second = world.run(&["run"]).expect(40);
    assert!(second.err.contains(&format!("process {}", first.id())), "{}", second.err);
    insta::assert_snapshot!(second.shown());
    insta::assert_snapshot!(world.run(&["status"]).expect(0).shown());
    insta::assert_snapshot!(world.run(&["log"]).expect(0).shown());
    // SIGINT: exit 130, and nothing of the candidate remains.
    let pid = rustix::process::Pid::from_child(&first);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signals");
    assert_eq!(first.wait().expect("ends").code(), Some(130));
}

#[test]
fn nothing_of_a_candidate_remains_without_keep() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url).with_own_layers();
    world.run(&["run"]).expect(0);
    let sources = |world: &World| {
        let mut found = std::collections::BTreeMap::new();
        crate::world::collect(&world.cache(), &mut found);
        found.into_keys().filter(|path| path.extension().is_some_and(|e| e == "rs")).count()
    };
    assert_eq!(sources(&world), 0);
    let run = world.run(&["run", "--force", "--keep"]).expect(0);
    assert!(sources(&world) > 0);
    insta::assert_snapshot!(run.shown());
}
