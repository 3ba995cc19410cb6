//! What an example costs in gate `test`: rows of a contract's table, compared outside, against native
//! examples with a process each, alternating in one run. Limit: a row costs less than a native one.
//!
//! `cargo bench --bench contract`; exits with 1 if the median ratio exceeds the limit.
#![expect(clippy::disallowed_methods, reason = "a bench runs programs and reads the clock")]
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use regen::gate::{
    DependencyCache, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, Machine, find_tools,
};
use regen::sandbox::{Namespaces, Probe, Sandbox};
use regen::store::{ContentStore, MemoryStore};
use regen::toolchain;
use regen::types::{Digest, Outcome, Provenance, RelPath, ToolEnv, Tree};

const ROUNDS: usize = 5;
const ROWS: usize = 1000;
const NATIVE: usize = 100;

const CODE: &str = "/// Adds.\npub fn add(a: u32, b: u32) -> u32 {\n    a.saturating_add(b)\n}\n";

fn table() -> String {
    let rows: String = (0..ROWS).map(|n| format!("  | {n} | 2 | {} |\n", n + 2)).collect();
    format!(
        "# Adder\n\n```wit\nadd: func(a: u32, b: u32) -> u32;\n```\n\n- It MUST add. `test_id: adds`\n\n  \
         | a | b | add(a, b) |\n  |---|---|---|\n{rows}"
    )
}

fn native() -> String {
    let example = |n| format!("  ```rust\n  assert_eq!(adder::add({n}, 2), {});\n  ```\n", n + 2);
    let examples: String = (0..NATIVE).map(example).collect();
    format!("# Adder\n\n- It MUST add. `test_id: adds`\n\n{examples}")
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure())
}

async fn measure() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = std::env::vars_os();
    let variables = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let env = ToolEnv::new(variables);
    let config = "[generator]\nmodel = \"m\"\n[prompt]\nhold_out = \"off\"\n[target.rust]\ntoolchain = \"rust\"\n";
    let harness = regen::config::parse("harness.toml", config).expect("is right");
    let tools = find_tools(&harness, &env, folder.path()).await.expect("has tools");
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let sandbox = Sandbox::new(supervisor, Arc::new(Namespaces), folder.path(), 16384);
    let machine = Machine {
        tools: Arc::new(tools),
        probe: Arc::new(Probe::of(sandbox)),
        layers: DependencyCache::new(folder.path()),
        validators: folder.path().to_owned(),
        read_only: Vec::new(),
    };
    let store = Arc::new(MemoryStore::default());
    let executor = LocalExecutor::new(machine, store.clone());
    let mut subjects = Vec::new();
    for text in [table(), native()] {
        let (spec, problems, _) = regen::spec::parse("specs/adder.md", text.as_bytes());
        assert!(problems.is_empty(), "{problems:?}");
        let spec = spec.without_hold_out();
        let target = &harness.target["rust"];
        let file = (RelPath::parse("src/lib.rs").expect("is one"), CODE.as_bytes().to_vec());
        let tree = toolchain::of(target)
            .normalise(&Tree::from_iter([file]), &spec, target, &[])
            .expect("is right");
        let tree = store.put_tree(&tree).expect("is kept");
        let inputs = GateInputs::new(spec, &"rust".into(), target, &BTreeMap::new(), &[]);
        let inputs = Arc::new(inputs);
        executor.accept(&inputs).expect("is kept");
        subjects.push((inputs, tree));
    }
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for ((inputs, tree), times) in subjects.iter().zip(&mut times) {
            let time = gate(&executor, inputs, *tree).await;
            // The first round warms the caches.
            if round > 0 {
                times.push(time);
            }
        }
    }
    report(times)
}

async fn gate(executor: &LocalExecutor, inputs: &GateInputs, tree: Digest) -> Duration {
    let toolchain = executor.toolchain("rust").expect("was asked for");
    let action = inputs.action(&"test".into(), toolchain, tree, Provenance::Promoted);
    let started = Instant::now();
    let done = executor.execute(&action, ExecuteOptions::at(SystemTime::now())).await;
    let report = done.expect("is executed").report;
    assert_eq!(report.outcome, Outcome::Pass, "{report:?}");
    started.elapsed()
}

fn report([mut outside, mut native]: [Vec<Duration>; 2]) -> ExitCode {
    outside.sort();
    native.sort();
    let median = |times: &[Duration]| times[times.len() / 2];
    let (all, each) = (median(&outside), median(&native));
    let per = |time: Duration, count: usize| time.as_secs_f64() * 1000.0 / count as f64;
    let (row, example) = (per(all, ROWS), per(each, NATIVE));
    let ratio = row / example;
    println!(
        "{ROWS} rows of a contract {} ms, {row:.2} ms each; {NATIVE} native examples {} ms, {example:.2} ms each; \
         ratio {ratio:.3}, promised less than 1",
        all.as_millis(),
        each.as_millis()
    );
    ExitCode::from(u8::from(ratio >= 1.0))
}
