//! A daemon over a long time: many specs, many changes, many kills.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::server::{Act, Server, lib};
use crate::watch::Daemon;
use crate::world::{ADDER, GOOD, QUICK, World, all, repeated, rounds};

/// The shortest spec.
const PLAIN: &str = "# Plain\n\nA crate that adds.\n\n- `add(a: i32, b: i32)` MUST add. `test_id: adds`\n\n  \
                     ```rust\n  assert_eq!(NAME::add(2, 3), 5);\n  ```\n";

/// A deterministic pseudo-random generator.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn plain(name: &str, revision: u64) -> String {
    let text =
        PLAIN.replace("A crate that adds", &format!("A crate that adds, revision {revision}"));
    text.replace("NAME", name)
}

fn write(world: &World, name: &str, revision: u64) {
    world.write(&format!("specs/{name}.md"), &plain(name, revision));
}

/// The promoted trees of all specs.
fn promoted(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let specs = world.snapshot("specs");
    let specs: Vec<String> = specs
        .keys()
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    let root = world.path("generated");
    let all = world
        .snapshot("generated")
        .into_iter()
        .map(|(path, bytes)| (path.strip_prefix(&root).expect("is below").to_owned(), bytes));
    // An attestation contains the prompt's digest, and a prompt the previous tree.
    let all = all.filter(|(path, _)| path.extension().is_none_or(|end| end != "jsonl"));
    all.filter(|(path, _)| specs.iter().any(|spec| path.starts_with(spec))).collect()
}

/// How often each prompt was sent.
fn asked(server: &Server) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for number in 0..server.requests().len() {
        *asked.entry(server.prompt(number)).or_default() += 1;
    }
    asked
}

#[test]
fn a_checkout_of_many_specs_is_one_plan_without_duplicate_jobs() {
    let server = Server::start(vec![Act::Silence]);
    let world = World::new(&server.url, &[], QUICK);
    let config = world.read("harness.toml").replace("jobs = 1", "jobs = 8");
    world.write("harness.toml", &config);
    std::fs::create_dir_all(world.path("specs")).expect("makes");
    let daemon = Daemon::start(&world);
    daemon.idle();
    // As in a Git checkout: one file after the other, each new.
    let many = rounds(300, 100);
    for number in 0..many {
        write(&world, &format!("s{number}"), number as u64);
    }
    for _ in 0..8 {
        server.arrived();
    }
    // Later events are no changes.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(daemon.stop(), Some(0));
    let log = world.run(&["log", "--json", "--limit", "100000"]).expect(0).json();
    let plans = log.iter().filter(|entry| entry["event"] == "planned");
    let sizes: Vec<usize> = plans.map(|p| p["specs"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(sizes.last(), Some(&many), "{sizes:?}");
    assert!(sizes.len() <= many / 10, "one plan is for many files: {sizes:?}");
    assert_eq!(asked(&server).len(), server.requests().len(), "nothing is asked twice");
    assert!(server.requests().len() <= 16, "{}", server.requests().len());
}

#[test]
fn a_daemon_after_many_changes_equals_a_fresh_run() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[], QUICK);
    write(&world, "s0", 0);
    let daemon = Daemon::start(&world);
    let mut random = Random(7);
    for round in 1..=repeated(100, 50) {
        let name = format!("s{}", random.below(8));
        let path = world.path(&format!("specs/{name}.md"));
        let away = world.path(&format!("specs/{name}.md.away"));
        match random.below(6) {
            0 => drop(std::fs::remove_file(&path)),
            1 => drop(std::fs::rename(&path, &away).or_else(|_| std::fs::rename(&away, &path))),
            2 => {
                world.write("specs/.tmp", &plain(&name, round));
                std::fs::rename(world.path("specs/.tmp"), &path).expect("renames");
            }
            _ => write(&world, &name, round),
        }
        std::thread::sleep(Duration::from_millis(random.below(120)));
    }
    // A marker after all other changes.
    write(&world, "last", 0);
    daemon.until("the last", |line| line["type"] == "ended" && line["spec"] == "last");
    daemon.idle();
    assert_eq!(daemon.stop(), Some(0));
    let fresh = World::new(&server.url, &[], QUICK);
    for (path, bytes) in world.snapshot("specs") {
        let name = path.file_name().expect("has one").to_string_lossy().into_owned();
        fresh.write(&format!("specs/{name}"), &String::from_utf8(bytes).expect("is text"));
    }
    fresh.run(&["run"]).expect(0);
    let (now, wanted) = (promoted(&world), promoted(&fresh));
    assert!(!wanted.is_empty() && now == wanted, "{:?}\n{:?}", now.keys(), wanted.keys());
    assert!(world.run(&["run", "--quiet", "--json"]).expect(0).out.contains("\"jobs\":[]"));
}

#[test]
fn a_daemon_killed_many_times_promotes_everything() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[], QUICK);
    let (specs, kills) = rounds(repeated((20, 50), (10, 20)), (2, 3));
    for number in 0..specs {
        write(&world, &format!("s{number}"), 0);
    }
    let mut random = Random(3);
    for round in 1..=kills {
        let daemon = Daemon::start(&world);
        std::thread::sleep(Duration::from_millis(random.below(400)));
        write(&world, &format!("s{}", random.below(specs)), round);
        std::thread::sleep(Duration::from_millis(random.below(400)));
        // Dropping it kills it.
        daemon.signal(Signal::KILL);
    }
    let config = world.read("harness.toml").replace("jobs = 1", "jobs = 3");
    world.write("harness.toml", &config);
    let daemon = Daemon::start(&world);
    daemon.idle();
    assert_eq!(daemon.stop(), Some(0));
    assert!(!world.run(&["plan"]).expect(0).out.contains("generate"), "nothing is left to do");
    let libs = promoted(&world).into_keys().filter(|path| path.ends_with("lib.rs"));
    assert_eq!(libs.count() as u64, specs);
    // Recorded answers are not requested again: at most the current request is.
    let twice: u64 = asked(&server).values().map(|times| *times as u64 - 1).sum();
    assert!(twice <= kills, "{twice} requests were repeated over {kills} kills");
    // Each recorded answer was recorded once.
    let log = world.run(&["log", "--json", "--limit", "100000"]).expect(0).json();
    let mut bought: BTreeMap<(String, String), usize> = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry["event"] == "completed") {
        *bought.entry((entry["job"].to_string(), entry["attempt"].to_string())).or_default() += 1;
    }
    assert!(bought.values().all(|times| *times == 1), "{bought:?}");
}

#[test]
fn twenty_saves_within_a_second_give_one_run() {
    if !all() {
        return;
    }
    let slow = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    \
                std::thread::sleep(std::time::Duration::from_secs(40));\n    a.saturating_add(b)\n}\n";
    let server = Server::start(vec![lib(slow), lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", ADDER)], "effects = [\"clock\"]\n");
    let daemon = Daemon::start(&world);
    let is_test = |line: &Value| line["body"]["report"]["gate"] == "clippy";
    daemon.until("the gate before the tests", is_test);
    std::thread::sleep(Duration::from_millis(300));
    for revision in 0..20 {
        world.write("specs/adder.md", &ADDER.replace("A crate", &format!("Crate {revision}")));
        std::thread::sleep(Duration::from_millis(40));
    }
    daemon.ended("promoted");
    daemon.idle();
    let asked = server.requests().len();
    // The first run, and one for all saves; on a busy machine some saves are seen late.
    assert!((2..=5).contains(&asked), "one run for all of them: {asked}");
    assert!(server.prompt(asked - 1).contains("Crate 19"), "and that of the newest");
    assert_eq!(daemon.stop(), Some(0));
    // Its processes have this world's cache in their mounts or environment.
    let mark = world.cache().display().to_string();
    for entry in std::fs::read_dir("/proc").expect("is there").flatten() {
        for file in ["mountinfo", "environ"] {
            let text = std::fs::read(entry.path().join(file)).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(&mark), "{:?} is left", entry.path());
        }
    }
    let left = std::fs::read_dir(world.cache().join("regen/rooms")).into_iter().flatten().count();
    assert_eq!(left, 0, "workspaces are left");
}

#[test]
fn a_full_disk_and_a_locked_ledger_are_reported_and_survived() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[], QUICK);
    write(&world, "s0", 0);
    std::fs::create_dir_all(world.path(".regen")).expect("makes");
    let state = world.path(".regen");
    let mount = |args: &[&str]| {
        std::process::Command::new(args[0])
            .args(&args[1..])
            .arg(&state)
            .status()
            .is_ok_and(|s| s.success())
    };
    let small = mount(&["mount", "-t", "tmpfs", "-o", "size=4m", "none"]);
    if !small {
        eprintln!("SKIPPED full disk: mounting is not allowed here");
    }
    let daemon = Daemon::start(&world);
    daemon.idle();
    if small {
        // Fills the last bytes too.
        for size in [1024 * 1024, 4096, 1] {
            let mut options = std::fs::File::options();
            let mut file =
                options.create(true).append(true).open(state.join("full")).expect("opens");
            while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
        }
        write(&world, "s0", 1);
        daemon.until("the full disk", trouble);
        std::fs::remove_file(state.join("full")).expect("removes");
        // By itself it tries again after ten seconds.
        if !all() {
            world.run(&["trigger", "s0"]).expect(0);
        }
        daemon.ended("promoted");
        daemon.idle();
    }
    // The ledger waits 30 s for a lock.
    if all() {
        outlive_a_locked_ledger(&world, &daemon);
    }
    assert_eq!(daemon.stop(), Some(0));
    assert!(!small || mount(&["umount", "-l"]));
}

fn trouble(line: &Value) -> bool {
    line["type"] == "unreadable" || line["result"] == "failed"
}

/// Locks the ledger as a backup tool does; the daemon reports it and continues afterwards.
fn outlive_a_locked_ledger(world: &World, daemon: &Daemon) {
    let backup = rusqlite::Connection::open(world.path(".regen/ledger.db")).expect("opens");
    backup.execute_batch("BEGIN IMMEDIATE").expect("locks");
    write(world, "s0", 2);
    let line = daemon.until("the lock", trouble);
    assert!(line.to_string().contains("locked"), "{line}");
    backup.execute_batch("ROLLBACK").expect("unlocks");
    daemon.ended("promoted");
}
