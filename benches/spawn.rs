//! The cost of a sandbox: opening one, running a program and closing it, with 1 GiB of memory in
//! this process, compared with bubblewrap. Limits: 5 ms, and bubblewrap's time.
//!
//! `cargo bench --bench spawn`; exits with 1 if a limit is exceeded.
#![expect(clippy::disallowed_methods, reason = "a bench runs programs and reads the clock")]
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use regen::process::{Ended, Program};
use regen::sandbox::{Mount, Namespaces, Sandbox, SandboxSpec, Scratch};
use regen::types::{Limits, LimitsConfig, places};

const ROUNDS: usize = 200;
const PROMISE: Duration = Duration::from_millis(5);

fn main() -> ExitCode {
    // Ensures that the memory is really allocated.
    let ballast: Vec<u8> = (0..1 << 30).map(|i: u32| i as u8).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let code = runtime.expect("a runtime").block_on(measure());
    assert_eq!(ballast[1 << 29], 0);
    code
}

async fn measure() -> ExitCode {
    let cache = tempfile::tempdir().expect("a folder");
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let sandbox = Sandbox::new(supervisor, Arc::new(Namespaces), cache.path(), 8192);
    let policy = SandboxSpec {
        mounts: vec![Mount::read_only("/usr", places::TOOLS)],
        scratch: vec![
            Scratch::Session(places::BUILD.into()),
            Scratch::Program(places::TOOL_HOME.into()),
        ],
        ..SandboxSpec::new(Limits::of(&LimitsConfig::default()))
    };
    let (mut ours, mut theirs, mut bare, mut again) = (vec![], vec![], vec![], vec![]);
    for round in 0..=ROUNDS {
        let started = Instant::now();
        let session = sandbox.open(&policy).await.expect("opens");
        run(&session).await;
        let within = Instant::now();
        run(&session).await;
        let second = within.elapsed();
        session.close().await;
        let whole = started.elapsed() - second;
        // Preparing the next sandbox is not measured.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let bwrap = timed(
            Command::new("bwrap")
                .args([
                    "--unshare-all",
                    "--ro-bind",
                    "/usr",
                    "/usr",
                    "--symlink",
                    "usr/lib",
                    "/lib",
                ])
                .args(["--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev"])
                .args(["--tmpfs", "/tmp", "--die-with-parent", "/usr/bin/true"]),
        );
        let alone = timed(&mut Command::new("/usr/bin/true"));
        // The first round warms the caches.
        if round > 0 {
            ours.push(whole);
            again.push(second);
            theirs.extend(bwrap);
            bare.extend(alone);
        }
    }
    let middle = |list: &mut Vec<Duration>| {
        list.sort();
        list.get(list.len() / 2).copied()
    };
    let (ours, theirs) = (middle(&mut ours).expect("ran"), middle(&mut theirs));
    println!(
        "a sandbox with one program {ours:?}, another program in it {:?}, by bwrap {theirs:?}, bare {:?}; \
         promised {PROMISE:?} and at most bwrap's",
        middle(&mut again),
        middle(&mut bare)
    );
    if ours <= PROMISE && theirs.is_none_or(|theirs| ours <= theirs) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(session: &regen::sandbox::Session) {
    let program = Program {
        path: "/usr/bin/true".into(),
        args: Vec::new(),
        dir: "/".into(),
        env: Vec::new(),
        stdin: None,
        timeout: Duration::from_secs(10),
    };
    let output = session.run(&program, false).await.expect("runs");
    assert_eq!(output.ended, Ended::Exit(0));
}

/// `None` if the program is not installed.
fn timed(command: &mut Command) -> Option<Duration> {
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    assert!(status.success());
    Some(started.elapsed())
}
