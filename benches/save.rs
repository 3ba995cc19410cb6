//! The time from the save of a spec to the first byte of the model request, with a busy daemon: 100
//! saves, each of which supersedes the previous run. Limits: median 22 ms, 99th percentile 60 ms.
//!
//! `cargo bench --bench save`; exits with 1 if a limit is exceeded.
#![expect(clippy::disallowed_methods, reason = "a bench runs programs and reads the clock")]
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const SAVES: usize = 100;

fn spec(number: usize) -> String {
    format!(
        "# Adder\n\nRevision {number}.\n\n- `add` MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!(adder::add(2, 3), 5);\n  ```\n"
    )
}

fn main() -> ExitCode {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let (sender, arrivals) = channel();
    std::thread::spawn(move || {
        // Requests are never answered: the next save cancels the call.
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_ok() {
                let _ = sender.send(Instant::now());
            }
            open.push(stream);
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let config = format!(
        "[harness]\ndefault_targets = [\"rust\"]\n[generator]\nbase_url = \"{url}\"\nmodel = \"none\"\n[target.rust]\ntoolchain = \"rust\"\n"
    );
    std::fs::write(path("harness.toml"), config).expect("writes");
    std::fs::create_dir(path("specs")).expect("makes");
    std::fs::write(path("specs/adder.md"), spec(0)).expect("writes");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_regen"))
        .args(["watch", "-q"])
        .current_dir(folder.path())
        .env("XDG_CACHE_HOME", path("cache"))
        .env("XDG_STATE_HOME", path("cache"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let wait = Duration::from_secs(30);
    arrivals.recv_timeout(wait).expect("the first request");
    let mut times = Vec::new();
    for number in 1..=SAVES {
        std::thread::sleep(Duration::from_millis(60));
        let saved = Instant::now();
        std::fs::write(path("specs/adder.md"), spec(number)).expect("writes");
        let arrived = arrivals.recv_timeout(wait).expect("a request for each save");
        times.push(arrived.duration_since(saved));
    }
    let more = arrivals.recv_timeout(Duration::from_millis(300)).is_ok();
    daemon.kill().expect("runs");
    daemon.wait().expect("ends");
    times.sort();
    let (middle, late) = (times[SAVES / 2], times[SAVES * 99 / 100]);
    println!(
        "{SAVES} saves: {middle:.1?} in the middle (promised 22 ms), {late:.1?} at the 99th percentile (60 ms)"
    );
    let good = middle <= Duration::from_millis(22) && late <= Duration::from_millis(60) && !more;
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
