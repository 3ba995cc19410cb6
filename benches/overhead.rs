//! The overhead of the harness: wall-clock time of the gates in regen, divided by that of the same
//! cargo commands by hand, alternating in one run. Limit: 1.10.
//!
//! `cargo bench --bench overhead`; exits with 1 if the median ratio exceeds the limit.
#![expect(clippy::disallowed_methods, reason = "a bench runs programs and reads the clock")]
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use regen::gate::{
    DependencyCache, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, Machine, find_tools,
};
use regen::sandbox::{Namespaces, Probe, Sandbox};
use regen::store::{ContentStore, MemoryStore};
use regen::toolchain;
use regen::types::{Digest, HostTools, Outcome, Provenance, RelPath, ToolEnv, Tree};

const ROUNDS: usize = 15;
const PROMISE: f64 = 1.10;
const GATES: [&str; 5] = ["layout", "check", "clippy", "test", "clauses"];

const SPEC: &str = "# Adder\n\n- It MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!(adder::add(2, 3), 5);\n  \
    ```\n\n- It MUST saturate. `test_id: saturates`\n\n  ```rust\n  assert_eq!(adder::add(i32::MAX, 1), i32::MAX);\n  \
    ```\n";
const CODE: &str = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a.saturating_add(b)\n}\n";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure())
}

async fn measure() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = std::env::vars_os();
    let variables = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let env = ToolEnv::new(variables);
    let (spec, _, _) = regen::spec::parse("specs/adder.md", SPEC.as_bytes());
    let config = "[generator]\nmodel = \"m\"\n[target.rust]\ntoolchain = \"rust\"\n";
    let harness = regen::config::parse("harness.toml", config).expect("is right");
    let tools = find_tools(&harness, &env, folder.path()).await.expect("has tools");
    let target = &harness.target["rust"];
    let file = (RelPath::parse("src/lib.rs").expect("is one"), CODE.as_bytes().to_vec());
    let tree = toolchain::of(target)
        .normalise(&Tree::from_iter([file]), &spec, target, &[])
        .expect("is right");
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let sandbox = Sandbox::new(supervisor, Arc::new(Namespaces), folder.path(), 16384);
    let kept = folder.path().join("kept");
    let tools = Arc::new(tools);
    let machine = Machine {
        tools: tools.clone(),
        probe: Arc::new(Probe::of(sandbox)),
        layers: DependencyCache::new(folder.path()),
        validators: folder.path().to_owned(),
        read_only: Vec::new(),
    };
    let store = Arc::new(MemoryStore::default());
    let tree = store.put_tree(&tree).expect("is kept");
    let executor = LocalExecutor::new(machine, store);
    let inputs = Arc::new(GateInputs::new(spec, &"rust".into(), target, &BTreeMap::new(), &[]));
    executor.accept(&inputs).expect("is kept");
    // The same files, for the commands by hand.
    let check = inputs.action(
        &"check".into(),
        executor.toolchain("rust").expect("was asked for"),
        tree,
        Provenance::Promoted,
    );
    let now = SystemTime::now();
    let keeping = ExecuteOptions { keep: Some(kept.clone()), ..ExecuteOptions::at(now) };
    executor.execute(&check, keeping).await.expect("is executed");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("makes a folder");
    let (mut ours, mut hand) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let one = by_regen(&executor, &inputs, tree).await;
        let two = by_hand(tools.get("rust").expect("was asked for"), &kept.join("visible"), &home);
        // The first round warms the caches.
        if round > 0 {
            ours.push(one);
            hand.push(two);
        }
    }
    report(&ours, &hand)
}

async fn by_regen(executor: &LocalExecutor, inputs: &GateInputs, tree: Digest) -> Duration {
    let started = Instant::now();
    let mut reports = Vec::new();
    for gate in GATES {
        let action = inputs.action(
            &gate.into(),
            executor.toolchain("rust").expect("was asked for"),
            tree,
            Provenance::Promoted,
        );
        let now = SystemTime::now();
        let options = ExecuteOptions { before: &reports, ..ExecuteOptions::at(now) };
        let report = executor.execute(&action, options).await.expect("is executed").report;
        assert_eq!(report.outcome, Outcome::Pass, "{gate}: {report:?}");
        reports.push(report);
    }
    started.elapsed()
}

/// The same commands over the same files, which are new to cargo as in regen.
fn by_hand(tools: &HostTools, source: &Path, home: &Path) -> Duration {
    let bin = tools.path("toolchain").join("bin");
    let now = SystemTime::now();
    for file in ["src/lib.rs", "tests/regen_examples.rs"] {
        let file = std::fs::File::options().write(true).open(source.join(file)).expect("is there");
        file.set_modified(now).expect("sets the time");
    }
    let started = Instant::now();
    for (program, args) in [
        ("cargo", &["check", "--quiet", "--offline"][..]),
        ("cargo-clippy", &["clippy", "--all-targets", "--quiet", "--offline"]),
        ("cargo-clippy", &["clippy", "--lib", "--quiet", "--offline"]),
        (
            "cargo",
            &[
                "rustc",
                "--lib",
                "--profile",
                "check",
                "--quiet",
                "--offline",
                "--",
                "-Zunpretty=expanded",
            ],
        ),
        (
            "cargo",
            &[
                "test",
                "--quiet",
                "--offline",
                "--lib",
                "--tests",
                "--",
                "--skip",
                toolchain::all()[0]
                    .native()
                    .expect("Rust has tests")
                    .canary()
                    .expect("Rust has one"),
            ],
        ),
    ] {
        let status = Command::new(bin.join(program))
            .args(args)
            .current_dir(source)
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()))
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("LANG", "C.UTF-8")
            .env("CARGO_HOME", tools.path("cargo"))
            .env(
                "CARGO_TARGET_DIR",
                home.join(if args[1] == "--lib" { "effects" } else { "target" }),
            )
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO", bin.join("cargo"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("runs").success());
    }
    started.elapsed()
}

fn report(ours: &[Duration], hand: &[Duration]) -> ExitCode {
    let mut ratios: Vec<f64> =
        ours.iter().zip(hand).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let middle = |list: &[Duration]| {
        let mut list = list.to_vec();
        list.sort();
        list[list.len() / 2].as_millis()
    };
    println!(
        "gates by regen {} ms, by hand {} ms, ratio {median:.3} (from {:.3} to {:.3}), promised {PROMISE}",
        middle(ours),
        middle(hand),
        ratios[0],
        ratios[ratios.len() - 1],
    );
    if median <= PROMISE { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
