//! Control of a daemon through the command line and HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::server::{Act, Server, lib};
use crate::watch::Daemon;
use crate::world::{GOOD, PATIENCE, PLAIN, QUICK, WRONG, World, all, stable};

/// A daemon that serves HTTP, with its address and token.
fn serving(world: &World) -> (Daemon, String, String) {
    serving_of(Daemon::start_with(world, &["--http", "127.0.0.1:0"]))
}

/// The address and token of a daemon that serves HTTP.
pub fn serving_of(daemon: Daemon) -> (Daemon, String, String) {
    let line = daemon.until("its address", |line| line["type"] == "serving");
    let url = line["url"].as_str().expect("is one").to_owned();
    let (url, token) = url.split_once("/#token=").expect("has a token");
    (daemon, url.trim_start_matches("http://").to_owned(), token.to_owned())
}

/// Sends a request unchanged. Gives status and body.
fn http(address: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("listens");
    let length = body.len();
    write!(stream, "{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .expect("sends");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answers");
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("has a status");
    (status, text.split_once("\r\n\r\n").expect("has a body").1.to_owned())
}

/// A request as the page sends it.
pub fn ask(address: &str, token: &str, line: &str, body: &str) -> (u16, Value) {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json"
    );
    let (status, body) = http(address, &head, body);
    // Removes the lengths of a chunked body.
    let from = body.find('{').unwrap_or(0);
    let to = body.rfind('}').map_or(0, |end| end + 1);
    (status, serde_json::from_str(body.get(from..to).unwrap_or_default()).unwrap_or_default())
}

/// Reads lines of a running command until one matches.
struct Follows(Child, Receiver<String>);

impl Follows {
    fn start(world: &World, args: &[&str]) -> Self {
        let mut child = world
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let out = BufReader::new(child.stdout.take().expect("is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Self(child, lines)
    }

    #[track_caller]
    fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while let Ok(line) = self.1.recv_timeout(PATIENCE) {
            if line.contains(text) {
                return line;
            }
            seen += &format!("{line}\n");
        }
        panic!("`{text}` did not come: {seen}");
    }
}

impl Drop for Follows {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a daemon that was just started answers.
fn listens(world: &World) {
    crate::world::until("it does not listen", || world.path(".regen/socket").exists());
}

fn spec(name: &str) -> String {
    PLAIN.replace("adder::", &format!("{name}::"))
}

#[test]
fn orders_are_performed_and_remembered_across_restarts() {
    let server = Server::start(vec![Act::Silence, lib(GOOD)]);
    let world = World::quick(&server.url);
    insta::assert_snapshot!(world.run(&["pause"]).expect(40).shown());
    let daemon = Daemon::start(&world);
    server.arrived();
    let mut status = Follows::start(&world, &["status", "--follow"]);
    status.until("asking");
    let mut log = Follows::start(&world, &["log", "--follow"]);
    log.until("attempt 1");
    // A cancelled job rests, also after a restart.
    insta::assert_snapshot!(world.run(&["cancel", "adder"]).expect(0).shown());
    let line = daemon.ended("cancelled");
    assert_eq!(line["parked"], true);
    log.until("cancelled by regen cancel adder");
    status.until("parked");
    insta::assert_snapshot!(world.run(&["cancel", "nothing"]).expect(2).shown());
    assert_eq!(daemon.stop(), Some(0));
    let daemon = Daemon::start(&world);
    listens(&world);
    insta::assert_snapshot!(world.run(&["pause"]).expect(0).shown());
    daemon.until("the pause", |line| line["type"] == "paused");
    // Triggered while paused: it waits, also after a restart.
    insta::assert_snapshot!(world.run(&["retry"]).expect(0).shown());
    status.until("waiting");
    assert_eq!(daemon.stop(), Some(0));
    let daemon = Daemon::start(&world);
    status.until("regen watch since");
    assert_eq!(server.requests().len(), 1);
    insta::assert_snapshot!(world.run(&["resume"]).expect(0).shown());
    daemon.ended("promoted");
    log.until("promoted");
    // Up to date: regenerated only with --force.
    world.run(&["trigger", "adder"]).expect(0);
    world.run(&["trigger", "--force", "adder"]).expect(0);
    daemon.ended("promoted");
    assert_eq!(server.requests().len(), 3);
    let said = world.run(&["retry", "--json"]).expect(0).json();
    assert_eq!(said[0], json!({ "type": "done", "specs": [] }));
    assert_eq!(daemon.stop(), Some(0));
    // A follower continues with the ledger alone.
    world.write("specs/adder.md", &PLAIN.replace("A crate", "Another crate"));
    world.run(&["run"]).expect(0);
    log.until("triggered by regen run");
}

#[test]
fn failures_are_counted_across_restarts_until_retry() {
    let server = Server::start(vec![lib(WRONG)]);
    let world = World::quick(&server.url);
    // Each separate run ends in the same way.
    for _ in 0..3 {
        world.run(&["run"]).expect(20);
    }
    let asked = server.requests().len();
    let daemon = Daemon::start(&world);
    let mut status = Follows::start(&world, &["status", "--follow", "--json"]);
    let line: Value = serde_json::from_str(&status.until("parked")).expect("is JSON");
    assert!(
        line["specs"][0]["why"].as_str().is_some_and(|why| why.contains("two and three")),
        "{line}"
    );
    assert_eq!(server.requests().len(), asked, "it is not tried once more");
    world.run(&["retry", "adder"]).expect(0);
    let line = daemon.ended("rejected");
    assert_eq!(line["parked"], false, "the count restarts: {line}");
    assert!(server.requests().len() > asked);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_rate_limit_stops_every_job_and_status_shows_it() {
    let error = json!({ "error": { "message": "slow down" } }).to_string();
    let limited = Act::Raw(429, vec![("retry-after", "300".to_owned())], error);
    let server = Server::start(vec![limited, lib(GOOD)]);
    let world = World::new(&server.url, &[("a1", &spec("a1")), ("b1", &spec("b1"))], QUICK);
    let daemon = Daemon::start(&world);
    let line = daemon.until("the wait", |line| line["type"] == "held");
    assert_eq!(line["again_in_s"], 300);
    let mut status = Follows::start(&world, &["status", "--follow"]);
    status.until("rate limited by the model server until");
    status.until("waiting");
    assert_eq!(server.requests().len(), 1, "no other request");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn in_quiet_hours_only_requested_jobs_start_by_priority() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let specs = [("a1", spec("a1")), ("b1", spec("b1")), ("c1", spec("c1"))];
    let specs: Vec<(&str, &str)> = specs.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let world = World::new(&server.url, &specs, QUICK);
    let loud =
        world.read("harness.toml").replace("jobs = 1", "jobs = 1\npriority = [\"c*\", \"b1\"]");
    world.write(
        "harness.toml",
        &loud.replace("priority", "quiet = [\"00:00-12:00\", \"12:00-00:00\"]\npriority"),
    );
    let daemon = Daemon::start(&world);
    let mut status = Follows::start(&world, &["status", "--follow"]);
    status.until("quiet hours until");
    world.run(&["trigger", "b1"]).expect(0);
    assert_eq!(daemon.ended("promoted")["spec"], "b1");
    assert_eq!(server.requests().len(), 1);
    world.write("harness.toml", &loud);
    assert_eq!(daemon.ended("promoted")["spec"], "c1");
    assert_eq!(daemon.ended("promoted")["spec"], "a1");
    assert_eq!(daemon.stop(), Some(0));
    let wrong = loud.replace("priority = [\"c*\"", "quiet = [\"25:00-1:00\"]\npriority = [\"[\"");
    world.write("harness.toml", &wrong);
    insta::assert_snapshot!(world.run(&["plan"]).expect(2).shown());
}

#[test]
fn hooks_receive_selected_events_and_do_not_affect_jobs() {
    let server = Server::start(vec![lib(GOOD)]);
    let hooks = "[[hook]]\non = [\"promoted\", \"idle\"]\nargv = [\"sh\", \"-c\", \"cat >> heard; \
                 echo key=$KEY >> heard\"]\n[[hook]]\non = [\"promoted\"]\nargv = [\"sh\", \"-c\", \
                 \"echo broken >&2; exit 3\"]\n[[hook]]\non = [\"promoted\"]\ntimeout_s = 1\n\
                 argv = [\"sleep\", \"60\"]\n[[hook]]\non = [\"promoted\"]\nargv = [\"./none\"]\n";
    let world = World::new(&server.url, &[("adder", PLAIN)], &format!("{QUICK}{hooks}"));
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("[generator]\n", "[generator]\napi_key_env = \"KEY\"\n"),
    );
    let daemon = Daemon::start_env(&world, &[], &[("KEY", "secret-key")]);
    daemon.ended("promoted");
    let mut notes = String::new();
    for hook in ["echo broken", "sleep 60", "./none"] {
        let is = |line: &Value| line["text"].as_str().is_some_and(|text| text.contains(hook));
        let line = daemon.until(hook, is);
        notes += &format!("{}\n", line["text"].as_str().unwrap_or_default());
    }
    insta::assert_snapshot!(stable(&notes));
    let heard_both = || world.read("heard").matches("key=").count() >= 2;
    crate::world::until("the hook does not hear both", heard_both);
    let heard = world.read("heard");
    let told: Value = serde_json::from_str(heard.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!((&told["event"], &told["spec"]), (&json!("promoted"), &json!("adder")));
    assert!(heard.contains("\"event\":\"idle\"") && !heard.contains("secret-key"), "{heard}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn http_requires_the_token_and_the_same_origin() {
    let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
    let world = World::quick(&server.url);
    let (daemon, at, token) = serving(&world);
    daemon.idle();
    let head = |line: &str, more: &str| format!("{line} HTTP/1.1\r\nHost: {at}\r\n{more}X: y");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let foreign = [
        (401, head("GET /api/state", "")),
        (401, head("GET /api/state", "Authorization: Bearer 0000\r\n")),
        (401, head("GET /metrics", "")),
        (401, head("POST /api/orders", "")),
        (403, head("GET /api/state", &format!("{bearer}Origin: http://evil.example\r\n"))),
        (403, head("GET /api/state", &format!("{bearer}Origin: null\r\n"))),
        (403, head("GET /", "Sec-Fetch-Site: cross-site\r\n")),
        (403, format!("GET /api/state HTTP/1.1\r\nHost: evil.example\r\n{bearer}X: y")),
        (200, head("GET /", "")),
        (200, head("GET /api/state", &format!("{bearer}Origin: http://{at}\r\n"))),
        (404, head("GET /api/specs/none", &bearer)),
        (404, head("GET /api/jobs/77", &bearer)),
    ];
    for (status, head) in foreign {
        assert_eq!(http(&at, &head, "").0, status, "{head}");
    }
    let (_, state) = ask(&at, &token, "GET /api/state", "");
    assert_eq!(
        (&state["specs"][0]["state"], &state["type"]),
        (&json!("up_to_date"), &json!("state"))
    );
    let (_, spec) = ask(&at, &token, "GET /api/specs/adder", "");
    assert_eq!(spec["clauses"][0]["coverage"], "passed", "{spec}");
    let job = &spec["jobs"][0];
    assert_eq!(job["result"], "promoted");
    let (_, entries) = ask(&at, &token, &format!("GET /api/jobs/{}", job["job"]), "");
    assert!(entries["entries"].as_array().is_some_and(|all| all.len() > 5), "{entries}");
    let (_, diff) = ask(&at, &token, &format!("GET /api/jobs/{}/diff", job["job"]), "");
    assert_eq!(diff["targets"][0]["diff"], "", "what is promoted is the candidate");
    let (_, spending) = ask(&at, &token, "GET /api/spending", "");
    assert_eq!(spending["days"][0]["calls"], 2, "{spending}");
    // An order, and the answers to invalid ones.
    let (status, _) = ask(&at, &token, "POST /api/orders", r#"{"order":"pause"}"#);
    assert_eq!(status, 200);
    assert_eq!(ask(&at, &token, "POST /api/orders", r#"{"order":"explode"}"#).0, 422);
    let (status, why) = ask(&at, &token, "POST /api/orders", r#"{"order":"cancel","specs":["x"]}"#);
    assert_eq!(status, 404, "{why}");
    insta::assert_snapshot!(stable(why["message"].as_str().unwrap_or_default()));
    let metrics = http(&at, &head("GET /metrics", &bearer), "").1;
    for line in [
        "regen_specs{state=\"up_to_date\"} 1",
        "regen_jobs_total{result=\"promoted\"} 1",
        "regen_attempts_total{kind=\"repair\"} 1",
        "regen_gate_runs_total{gate=\"test\",outcome=\"fail\"} 1",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert_eq!(daemon.stop(), Some(0));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(world.path(".regen/token")).expect("is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Only on loopback.
    let out = world.run(&["watch", "--http", "0.0.0.0:0"]).expect(2);
    insta::assert_snapshot!(out.shown());
}

#[test]
fn events_resume_and_include_gate_output() {
    let noisy = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    println!(\"noise\");\n    a.saturating_sub(b)\n}\n";
    let server = Server::start(vec![lib(GOOD), lib(noisy), lib(GOOD)]);
    let world = World::quick(&server.url);
    let (daemon, at, token) = serving(&world);
    daemon.idle();
    let open = |last: i64| {
        let mut stream = TcpStream::connect(&at).expect("listens");
        write!(
            stream,
            "GET /api/events HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {token}\r\n\
             Last-Event-ID: {last}\r\n\r\n"
        )
        .expect("sends");
        BufReader::new(stream).lines().map_while(Result::ok)
    };
    let ids = |lines: &mut dyn Iterator<Item = String>, most: usize| -> Vec<i64> {
        lines
            .filter_map(|line| line.strip_prefix("id: ").and_then(|id| id.parse().ok()))
            .take(most)
            .collect()
    };
    assert_eq!(ids(&mut open(0), 5), [1, 2, 3, 4, 5]);
    assert_eq!(ids(&mut open(3), 2), [4, 5], "from where it was left");
    let (_, state) = ask(&at, &token, "GET /api/state", "");
    let mut live = open(state["seq"].as_i64().expect("is a number"));
    world.write("specs/adder.md", &PLAIN.replace("A crate", "A noisy crate"));
    let seen: Vec<String> = live.by_ref().take_while(|line| !line.contains("accepted")).collect();
    let seen = seen.join("\n");
    assert!(seen.contains("event: output") && seen.contains("event: spec"), "{seen}");
    assert!(seen.contains("\"doing\":\"gate test\""), "{seen}");
    daemon.ended("promoted");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn traces_contain_runs_attempts_gates_and_prompts_only_if_configured() {
    let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
    let accepts =
        Act::Raw(200, vec![("content-type", "application/json".to_owned())], "{}".to_owned());
    let collector = Server::start(vec![accepts]);
    let to = collector.url.trim_end_matches("/v1");
    let telemetry = format!("[telemetry]\notlp = \"{to}\"\n");
    let world = World::new(&server.url, &[("adder", PLAIN)], &format!("{QUICK}{telemetry}"));
    let daemon = Daemon::start(&world);
    daemon.idle();
    let spans = |from: usize, until: &str| -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let batches = collector.requests();
            let batches = batches.iter().skip(from);
            let lists =
                batches.flat_map(|b| b["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array());
            let spans: Vec<Value> = lists.flatten().cloned().collect();
            if spans.iter().any(|span| span["name"] == until) {
                return spans;
            }
            assert!(Instant::now() < end, "{until} does not come: {spans:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let first = spans(0, "run");
    let named = |name: &str| first.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    assert_eq!((named("chat scripted").len(), named("gate test").len()), (2, 2), "{first:?}");
    let (job, run) = (named("job adder")[0], named("run")[0]);
    assert_eq!((&job["parentSpanId"], &job["traceId"]), (&run["spanId"], &run["traceId"]));
    let attempt = named("attempt 2")[0];
    assert_eq!(attempt["parentSpanId"], job["spanId"]);
    assert!(named("gate test").iter().any(|gate| gate["parentSpanId"] == attempt["spanId"]));
    let text = Value::from(first.clone()).to_string();
    assert!(text.contains("gen_ai.usage.input_tokens") && text.contains("adder/adds"), "{text}");
    assert!(!text.contains("A crate that adds") && !text.contains("saturating"), "{text}");
    let before = collector.requests().len();
    let wants = telemetry.replace("[telemetry]", "[telemetry]\nprompts = true");
    world.write("harness.toml", &world.read("harness.toml").replace(&telemetry, &wants));
    world.write("specs/adder.md", &PLAIN.replace("A crate", "Another crate"));
    daemon.ended("promoted");
    let text = Value::from(spans(before, "run")).to_string();
    assert!(text.contains("Another crate that adds") && text.contains("saturating_add"), "{text}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn systemd_is_notified_of_ready_watchdog_and_stopping() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    let path = world.path("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("binds");
    socket.set_read_timeout(Some(PATIENCE)).expect("can be set");
    let path = path.display().to_string();
    let env = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "200000")];
    let daemon = Daemon::start_env(&world, &[], &env);
    let until = |text: &str| {
        let mut seen = String::new();
        while !seen.contains(text) {
            let mut bytes = [0; 1000];
            let count = socket.recv(&mut bytes).unwrap_or_else(|e| panic!("{e}: {seen}"));
            seen += &String::from_utf8_lossy(&bytes[..count]);
        }
    };
    until("READY=1");
    until("WATCHDOG=1");
    until("nothing to do");
    until("WATCHDOG=1");
    assert_eq!(daemon.stop(), Some(0));
    until("STOPPING=1");
}

#[test]
fn refused_specs_are_shown_and_dependents_can_be_forced() {
    let server = Server::start(vec![lib(GOOD)]);
    let dependent = format!("---\ndepends: [a1]\n---\n{}", spec("b1"));
    let world = World::new(&server.url, &[("a1", &spec("a1")), ("b1", &dependent)], QUICK);
    let daemon = Daemon::start(&world);
    daemon.idle();
    assert_eq!(server.requests().len(), 2);
    // A request stays valid although a new plan was made.
    world.run(&["trigger", "--force", "b1"]).expect(0);
    assert_eq!(daemon.ended("promoted")["spec"], "b1");
    assert_eq!(server.requests().len(), 3);
    daemon.idle();
    let mut status = Follows::start(&world, &["status", "--follow"]);
    status.until("up_to_date");
    world.write("specs/a1.md", &format!("{}\n- It MUST be so. `test_id: adds`\n", spec("a1")));
    status.until("refused");
    world.write("specs/a1.md", &spec("a1"));
    status.until("a1");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn second_sigint_exits_immediately() {
    let server = Server::start(vec![Act::Silence]);
    let world = World::quick(&server.url);
    let mut daemon = Daemon::start(&world);
    server.arrived();
    // Both signals arrive before it can handle the first.
    for signal in [Signal::STOP, Signal::TERM, Signal::INT, Signal::CONT] {
        daemon.signal(signal);
    }
    assert_eq!(daemon.code(), Some(130));
    let world = World::quick(&server.url);
    let daemon = Daemon::start(&world);
    server.arrived();
    assert_eq!(daemon.stop(), Some(0), "asked once it ends properly");
}
