//! Incomplete requests from any local user while the daemon works.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;

use crate::control::{ask, serving_of};
use crate::server::{Server, lib};
use crate::watch::Daemon;
use crate::world::{ADDER, GOOD, PATIENCE, Run, World, all};

/// Raises this process's limit on open files.
fn many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("is allowed");
}

/// A command of regen's after one of the shell's.
fn under(world: &World, limit: &str, args: &[&str]) -> Command {
    let regen = world.command(args);
    let mut command = Command::new("sh");
    let script = format!("{limit}; exec \"$0\" \"$@\"");
    command.arg("-c").arg(script).arg(regen.get_program()).args(regen.get_args());
    command.current_dir(world.path("")).stdin(Stdio::null());
    for (name, value) in regen.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// A daemon that may open only so many files, with its address and token.
fn limited(world: &World, files: usize) -> (Daemon, String, String) {
    let args = ["watch", "--json", "--http", "127.0.0.1:0"];
    serving_of(Daemon::of(under(world, &format!("ulimit -S -n {files}"), &args)))
}

/// Beginnings of requests; none is complete.
fn beginnings(address: &str, token: &str) -> [String; 5] {
    [
        String::new(),
        "G".to_owned(),
        format!("GET /api/state HTTP/1.1\r\nHost: {address}\r\nX: "),
        format!("POST /api/orders HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9999\r\n\r\n{{"),
        format!("GET /page.js HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}x\r\n\r\n"),
    ]
}

fn connect(address: &str, text: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    // It may be closed already.
    let _ = stream.write_all(text.as_bytes());
    Some(stream)
}

/// Opens connections repeatedly until it is stopped.
fn storm(address: String, end: Arc<AtomicBool>) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut open = std::collections::VecDeque::new();
        let mut count = 0;
        while !end.load(Ordering::Relaxed) {
            open.extend(connect(&address, "GET / HT"));
            count += 1;
            if open.len() > 500 {
                open.pop_front();
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        count
    })
}

#[test]
fn incomplete_requests_do_not_block_the_daemon() {
    if !all() {
        return;
    }
    many_files();
    for files in [256, 1024] {
        let server = Server::start(vec![lib(GOOD)]);
        let world = World::adder(&server.url);
        let (daemon, address, token) = limited(&world, files);
        daemon.ended("promoted");
        daemon.idle();
        let head = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
        let mut events =
            connect(&address, &format!("GET /api/events HTTP/1.1\r\n{head}")).expect("is accepted");
        let mut answer = [0; 12];
        events.read_exact(&mut answer).expect("answers");
        assert_eq!(&answer, b"HTTP/1.1 200");

        let kinds = beginnings(&address, &token);
        let held: Vec<TcpStream> =
            (0..2000).filter_map(|n| connect(&address, &kinds[n % kinds.len()])).collect();
        assert!(held.len() > 1000, "{}", held.len());
        world.write("specs/adder.md", &ADDER.replace("that adds.", &format!("that adds {files}.")));
        daemon.ended("promoted");
        assert_eq!(ask(&address, &token, "GET /api/state", "").0, 200);
        world.run(&["pause"]).expect(0);

        let end = Arc::new(AtomicBool::new(false));
        let storm = storm(address.clone(), Arc::clone(&end));
        for _ in 0..20 {
            assert_eq!(ask(&address, &token, "GET /api/state", "").0, 200);
        }
        world.run(&["resume"]).expect(0);
        world.write("specs/adder.md", &ADDER.replace("that adds.", &format!("adding {files}.")));
        daemon.ended("promoted");
        end.store(true, Ordering::Relaxed);
        assert!(storm.join().expect("ends") > 20);

        // Earlier requests are still answered.
        events.set_read_timeout(Some(PATIENCE)).expect("is set");
        let (mut text, mut part) = (Vec::new(), [0; 4096]);
        while !String::from_utf8_lossy(&text).contains(&format!("adding {files}"))
            && !String::from_utf8_lossy(&text).contains("promoted")
        {
            let count = events.read(&mut part).expect("goes on");
            assert!(count > 0, "it was closed: {}", String::from_utf8_lossy(&text));
            text.extend(&part[..count]);
        }
        drop(held);
        assert_eq!(daemon.stop(), Some(0));
    }
}

#[test]
fn whole_requests_are_answered_however_they_arrive() {
    let world = World::new("http://127.0.0.1:1", &[("adder", ADDER)], "");
    let (daemon, address, token) = limited(&world, 1024);
    daemon.until("a result", |line| line["type"] == "ended");
    let body = "{\"order\":\"pause\"}";
    let mut stream = connect(&address, "POST /api/orders HTTP/1.1\r\n").expect("is accepted");
    let length = body.len();
    let rest = format!(
        "Host: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    for part in rest.as_bytes().chunks(40) {
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(part).expect("is taken");
    }
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answers");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(ask(&address, &token, "POST /api/orders", "{\"order\":\"resume\"}").0, 200);
}

#[test]
fn doctor_names_a_low_limit_on_open_files() {
    let server = Server::start(Vec::new());
    let world = World::new(&server.url, &[("adder", ADDER)], "");
    let (run, check) = doctor(&world, "ulimit -S -n 128");
    assert_eq!((run, check["good"].as_bool()), (40, Some(false)), "{check}");
    assert!(check["says"].as_str().is_some_and(|says| says.contains("128")), "{check}");
    assert!(check["hint"].as_str().is_some_and(|hint| hint.contains("ulimit -n 1024")), "{check}");
    let (_, check) = doctor(&world, "ulimit -n 512");
    assert!(check["says"].as_str().is_some_and(|says| says.contains("hard limit")), "{check}");
    let (run, check) = doctor(&world, "ulimit -S -n 256");
    assert_eq!((run, check["good"].as_bool()), (0, Some(true)), "{check}");
}

/// What `doctor` says of open files under a limit, with its exit code.
fn doctor(world: &World, limit: &str) -> (i32, Value) {
    let run = Run::of(&mut under(world, limit, &["doctor", "--json"]));
    let said = run.json().remove(0);
    let checks = said["checks"].as_array().expect("is a list");
    let check = checks.iter().find(|check| check["name"] == "open files").expect("is there");
    (run.code, check.clone())
}
