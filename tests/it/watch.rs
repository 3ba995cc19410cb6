//! `regen watch`: changes are generated once, in the newest revision.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::server::{Act, Server, lib};
use crate::world::{ADDER, GOOD, PATIENCE, PLAIN, WRONG, World, all, stable};

/// A daemon in a workspace.
pub struct Daemon {
    child: Child,
    lines: Receiver<Value>,
}

impl Daemon {
    pub fn start(world: &World) -> Self {
        Self::start_with(world, &[])
    }

    pub fn start_with(world: &World, args: &[&str]) -> Self {
        Self::start_env(world, args, &[])
    }

    pub fn start_env(world: &World, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = world.command(&[&["watch", "--json"], args].concat());
        command.envs(env.iter().copied());
        Self::of(command)
    }

    /// Starts a command that becomes a daemon which speaks JSON.
    pub fn of(mut command: std::process::Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        let out = BufReader::new(child.stdout.take().expect("is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap_or_default());
            }
        });
        Self { child, lines }
    }

    /// Waits for a matching line.
    pub fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            if is(&line) {
                return line;
            }
            seen.push(line.to_string());
        }
        panic!("{what} did not come: {}", seen.join("\n"));
    }

    pub fn idle(&self) {
        self.until("idle", |line| line["type"] == "idle");
    }

    pub fn ended(&self, result: &str) -> Value {
        self.until(result, |line| line["type"] == "ended" && line["result"] == result)
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("is one");
        kill_process(pid, signal).expect("runs");
    }

    /// Its exit code, once it has ended.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().expect("ends").code()
    }

    /// Stops it as systemd does. Gives its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let told = Instant::now();
        self.signal(Signal::TERM);
        let code = self.code();
        assert!(
            told.elapsed() < Duration::from_secs(60),
            "it takes too long: {:?}",
            told.elapsed()
        );
        code
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn with(word: &str) -> String {
    PLAIN.replace("A crate that adds.", &format!("A crate that adds {word}."))
}

#[test]
fn every_kind_of_save_gives_one_run() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    let daemon = Daemon::start(&world);
    daemon.ended("promoted");
    daemon.idle();
    let spec = world.path("specs/adder.md");
    type Save<'a> = (&'a str, &'a dyn Fn(&str));
    let saves: [Save<'_>; 4] = [
        ("plainly", &|text| std::fs::write(&spec, text).expect("writes")),
        ("by another file in its place", &|text| {
            let other = world.path("specs/.adder.md.tmp");
            std::fs::write(&other, text).expect("writes");
            std::fs::rename(&other, &spec).expect("renames");
        }),
        ("as vim does", &|text| {
            std::fs::rename(&spec, world.path("specs/adder.md~")).expect("renames");
            std::fs::write(&spec, text).expect("writes");
            std::fs::remove_file(world.path("specs/adder.md~")).expect("removes");
        }),
        ("in two parts", &|text| {
            use std::io::Write;
            let (one, two) = text.split_at(40);
            let mut file = std::fs::File::create(&spec).expect("opens");
            file.write_all(one.as_bytes()).expect("writes");
            std::thread::sleep(Duration::from_millis(100));
            file.write_all(two.as_bytes()).expect("writes");
        }),
    ];
    for (number, (how, save)) in saves.iter().enumerate() {
        save(&with(how));
        daemon.ended("promoted");
        daemon.idle();
        assert_eq!(server.requests().len(), number + 2, "{how}: one request a save");
        assert!(server.prompt(number + 1).contains(how), "{how}: the whole spec, and the new one");
    }
    // Unchanged content is not a change.
    std::fs::write(&spec, with("in two parts")).expect("writes");
    world.write(
        "validators/adder/rust/more.rs",
        "#[test]\nfn adds__more() {\n    assert_eq!(adder::add(1, 1), 2);\n}\n",
    );
    daemon.ended("promoted");
    assert_eq!(server.requests().len(), 5, "a new test judges the promoted tree without a call");
    assert_eq!(daemon.stop(), Some(0));
    insta::assert_snapshot!(world.run(&["run"]).expect(0).shown());
}

#[test]
fn a_save_cancels_the_run_and_the_newest_revision_is_promoted() {
    let server = Server::start(vec![Act::Silence, lib(GOOD)]);
    let world = World::quick(&server.url);
    let daemon = Daemon::start(&world);
    server.arrived();
    world.write("specs/adder.md", &with("newly"));
    daemon.ended("promoted");
    daemon.idle();
    assert_eq!(server.requests().len(), 2);
    assert!(server.prompt(1).contains("newly"));
    let log = world.run(&["log", "--json"]).expect(0).out;
    assert!(log.contains("\"event\":\"superseded\""), "{log}");
    // An added spec, a removed one, and a replaced folder.
    world.write("specs/other.md", &PLAIN.replace("adder::", "other::"));
    daemon.ended("promoted");
    std::fs::rename(world.path("specs"), world.path("old")).expect("renames");
    std::fs::create_dir(world.path("specs")).expect("makes");
    world.write("specs/third.md", &PLAIN.replace("adder::", "third::"));
    let line = daemon.ended("promoted");
    assert_eq!(line["spec"], "third");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn an_invalid_configuration_is_reported_and_the_last_valid_one_kept() {
    if !all() {
        return;
    }
    let slow = GOOD.replace(
        "    a.saturating_add(b)",
        "    std::thread::sleep(std::time::Duration::from_millis(500));\n    a.saturating_add(b)",
    );
    let server = Server::start(vec![lib(&slow), lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", ADDER)], "effects = [\"clock\"]\n");
    let daemon = Daemon::start(&world);
    daemon.until("a gate", |line| line["body"]["report"]["gate"] == "clippy");
    let good = world.read("harness.toml");
    world.write("harness.toml", &good.replace("jobs = 1", "jobs = 0"));
    let line = daemon.until("the fault", |line| line["type"] == "unreadable");
    let message = line["message"].as_str().unwrap_or_default();
    insta::assert_snapshot!(stable(message));
    // Running jobs end with their configuration.
    daemon.ended("promoted");
    assert_eq!(server.requests().len(), 1);
    // It survives, and continues once the file is valid.
    world.write("harness.toml", &good.replace("jobs = 1", "jobs = 2"));
    world.write("specs/adder.md", &with("later"));
    daemon.ended("promoted");
    daemon.signal(Signal::HUP);
    daemon.until("nothing to do", |_| true);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn failing_jobs_wait_and_those_for_a_person_are_parked() {
    let vacuous =
        PLAIN.replace("assert_eq!(adder::add(2, 3), 5, \"two and three\");", "assert!(true);");
    let server = Server::start(vec![lib(WRONG), lib(WRONG), lib(WRONG), lib(WRONG), lib(GOOD)]);
    let world = World::quick(&server.url);
    let daemon = Daemon::start(&world);
    let line = daemon.ended("rejected");
    assert!((10..=13).contains(&line["again_in_s"].as_u64().unwrap_or(0)), "{line}");
    let asked = server.requests().len();
    world.write("specs/adder.md", &vacuous);
    let line = daemon.ended("spec_suspected");
    assert_eq!(
        (&line["parked"], &line["again_in_s"]),
        (&Value::Bool(true), &Value::Null),
        "{line}"
    );
    assert!(server.requests().len() > asked);
    // It waits for its change.
    world.write("specs/adder.md", PLAIN);
    daemon.ended("promoted");
    daemon.idle();
    // Two daemons in one workspace are refused.
    insta::assert_snapshot!(world.run(&["run"]).expect(40).shown());
    assert_eq!(daemon.stop(), Some(0));
}
