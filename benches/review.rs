//! Reviews 10,000 clauses in 1,000 files with the release build: `lint`, `diff` and `trace`. Limits
//! for each: 1 s and 300 MB. Also a tenth of them, to check that the time is linear.
//!
//! `cargo bench --bench review`; exits with 1 if a limit is exceeded.
#![expect(clippy::disallowed_methods, reason = "a bench runs programs and reads the clock")]
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const PROMISE: Duration = Duration::from_secs(1);
const MEMORY_KIB: u64 = 300_000;
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let mut good = true;
    let small = world(100);
    let large = world(1000);
    for args in [&["lint", "-q"][..], &["diff", "-q", "HEAD"], &["trace", "-q", "--format", "csv"]]
    {
        let (few, _) = measure(small.path(), args);
        let (many, memory) = measure(large.path(), args);
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        println!(
            "{:<6} 1,000 clauses {few:?}, 10,000 clauses {many:?} (ratio {ratio:.1}), {} MB; promised {PROMISE:?}, {} MB",
            args[0],
            memory / 1000,
            MEMORY_KIB / 1000
        );
        // Ten times the input takes at most about ten times as long.
        good &= many <= PROMISE && memory <= MEMORY_KIB && ratio < 13.0;
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A workspace with this many specs of ten clauses.
fn world(specs: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |path: &str, text: &str| std::fs::write(folder.path().join(path), text).expect("writes");
    std::fs::create_dir(folder.path().join("specs")).expect("is made");
    write(
        "harness.toml",
        "[harness]\ndefault_targets = [\"rust\"]\n[generator]\nmodel = \"m\"\n[target.rust]\ntoolchain = \"rust\"\n",
    );
    for spec in 0..specs {
        let mut text =
            format!("# Spec {spec}\n\nSome prose about the part {spec} of the whole.\n\n");
        for clause in 0..10 {
            let _ = write!(
                text,
                "- `s{spec}::f{clause}` MUST return `{clause}` for an input of {spec} words. `test_id: f{clause}_gives_{spec}`\n\n  \
                 ```rust\n  assert_eq!(s{spec}::f{clause}({spec}), {clause});\n  ```\n\n"
            );
        }
        write(&format!("specs/s{spec}.md"), &text);
    }
    for args in [
        &["init", "-q"][..],
        &["add", "."],
        &["-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qm", "x"],
    ] {
        let done = Command::new("git").args(args).current_dir(folder.path()).status();
        assert!(done.expect("there is git").success());
    }
    folder
}

/// The median of several runs, and the maximum memory in KiB.
fn measure(folder: &Path, args: &[&str]) -> (Duration, u64) {
    let mut times = Vec::new();
    let mut most = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let output = Command::new("/usr/bin/env")
            .args(["bash", "-c", "\"$0\" \"$@\" > /dev/null & pid=$!; peak=0; while kill -0 $pid 2> /dev/null; do \
                read -r _ rss _ < <(grep VmHWM /proc/$pid/status 2> /dev/null) && peak=$rss; sleep 0.02; done; echo $peak; wait $pid"])
            .arg(env!("CARGO_BIN_EXE_regen"))
            .args(args)
            .current_dir(folder)
            .output()
            .expect("runs");
        times.push(started.elapsed());
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let peak = String::from_utf8_lossy(&output.stdout);
        most = most.max(peak.trim().parse().unwrap_or(0));
    }
    times.sort();
    (times[times.len() / 2], most)
}
