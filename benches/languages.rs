//! Warm gates of a package of about 200 lines in Python and in TypeScript: linter and type checker in
//! the sandbox against the same programs by hand over the same files in place, alternating in one run,
//! and the time of 1,000 contract examples. Limits: 1.5 of the programs by hand, and 2 s for the
//! examples.
//!
//! `cargo bench --bench languages`; exits with 1 if a limit is exceeded.
#![expect(clippy::disallowed_methods, reason = "a bench runs programs and reads the clock")]
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use regen::gate::{
    DependencyCache, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, Machine, find_tools,
};
use regen::sandbox::{Namespaces, Probe, Sandbox};
use regen::store::{ContentStore, MemoryStore};
use regen::toolchain;
use regen::types::{Digest, Outcome, Provenance, RelPath, ToolEnv, Tree, places};

const ROUNDS: usize = 7;
const ROWS: usize = 1000;
/// How many functions make about 200 lines.
const FUNCTIONS: usize = 24;

/// A program that is run by hand.
struct HandProgram {
    path: PathBuf,
    args: &'static str,
}

/// A language of the bench.
struct Language {
    name: &'static str,
    root: &'static str,
    code: fn() -> String,
    /// The gates with programs that can be run by hand.
    gates: [&'static str; 2],
    /// These programs, below the layer of the tools.
    programs: fn(&Path) -> [HandProgram; 2],
}

fn spec() -> String {
    let rows: String = (0..ROWS).map(|n| format!("  | {n} | 2 | {} |\n", n + 2)).collect();
    format!(
        "# Adder\n\n```wit\nadd: func(a: u32, b: u32) -> u32;\n```\n\n- It MUST add. `test_id: adds`\n\n  \
         | a | b | add(a, b) |\n  |---|---|---|\n{rows}"
    )
}

fn python() -> String {
    let function = |n| {
        format!(
            "def _step_{n}(values: list[int], by: int) -> list[int]:\n    \"\"\"Moves values.\"\"\"\n    \
             moved: dict[int, int] = {{}}\n    for at, value in enumerate(values):\n        moved[at] = value + by - {n}\n    \
             return [moved[at] for at in sorted(moved)]\n\n\n"
        )
    };
    let functions: String = (0..FUNCTIONS).map(function).collect();
    let names: String = (0..FUNCTIONS).map(|n| format!("    _step_{n},\n")).collect();
    format!(
        "\"\"\"Adds.\"\"\"\n\n__all__ = [\"add\"]\n\n\n{functions}STEPS = (\n{names})\n\n\ndef add(a: int, b: int) -> int:\n    \
         \"\"\"The sum.\"\"\"\n    return STEPS[0]([a], b)[0]\n"
    )
}

fn typescript() -> String {
    let function = |n| {
        format!(
            "function step{n}(values: readonly number[], by: number): number[] {{\n  const moved = new Map<number, number>();\n  \
             for (const [at, value] of values.entries()) {{\n    moved.set(at, value + by - {n});\n  }}\n  \
             return [...moved.values()];\n}}\n\n"
        )
    };
    let functions: String = (0..FUNCTIONS).map(function).collect();
    let names: Vec<String> = (0..FUNCTIONS).map(|n| format!("step{n}")).collect();
    format!(
        "{functions}const STEPS = [{}];\n\n/** The sum. */\nexport function add(a: number, b: number): number {{\n  \
         return STEPS[0]?.([a], b)[0] ?? 0;\n}}\n",
        names.join(", ")
    )
}

fn python_programs(tools: &Path) -> [HandProgram; 2] {
    let bin = tools.join("bin");
    [
        HandProgram {
            path: bin.join("ruff"),
            args: "check --config ruff.toml --no-cache --quiet src",
        },
        HandProgram {
            path: bin.join("pyrefly"),
            args: "check -c pyrefly.toml --summary=none --threads=1",
        },
    ]
}

fn typescript_programs(tools: &Path) -> [HandProgram; 2] {
    let find = |folder: &str, start: &str, program: &str| {
        let all = std::fs::read_dir(tools.join("node_modules").join(folder)).expect("has tools");
        let mut all = all.flatten().map(|entry| entry.path().join(program));
        let own = |path: &PathBuf| path.display().to_string().contains(start) && path.is_file();
        all.find(own).expect("is there")
    };
    [
        HandProgram { path: find("@biomejs", "cli-", "biome"), args: "lint --colors=off src" },
        HandProgram {
            path: find("@typescript", "typescript-", "lib/tsc"),
            args: "-p tsconfig.json",
        },
    ]
}

const LANGUAGES: [Language; 2] = [
    Language {
        name: "python",
        root: "src/adder/__init__.py",
        code: python,
        gates: ["lint", "types"],
        programs: python_programs,
    },
    Language {
        name: "typescript",
        root: "src/index.ts",
        code: typescript,
        gates: ["lint", "types"],
        programs: typescript_programs,
    },
];

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let good = LANGUAGES.map(|language| runtime.block_on(measure(&language)));
    if good == [true, true] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure(language: &Language) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = std::env::vars_os();
    let variables = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let env = ToolEnv::new(variables);
    let name = language.name;
    let config = format!("[generator]\nmodel = \"m\"\n[target.{name}]\ntoolchain = \"{name}\"\n");
    let harness = regen::config::parse("harness.toml", &config).expect("is right");
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
    let (spec, problems, _) = regen::spec::parse("specs/adder.md", spec().as_bytes());
    assert!(problems.is_empty(), "{problems:?}");
    let (spec, target) = (spec.without_hold_out(), &harness.target[name]);
    let file = (RelPath::parse(language.root).expect("is one"), (language.code)().into_bytes());
    let tree = toolchain::of(target).normalise(&Tree::from_iter([file]), &spec, target, &[]);
    let tree = store.put_tree(&tree.expect("is right")).expect("is kept");
    let inputs = GateInputs::new(spec, &name.into(), target, &BTreeMap::new(), &[]);
    let inputs = Arc::new(inputs);
    executor.accept(&inputs).expect("is kept");
    let subject =
        Subject { executor: &executor, inputs: &inputs, tree, kept: folder.path().join("kept") };
    let (mut ratios, mut all) = (Vec::new(), BTreeMap::<&str, Vec<Duration>>::new());
    for round in 0..=ROUNDS {
        let mut times = BTreeMap::new();
        for gate in ["check", "lint", "types", "test"] {
            times.insert(gate, subject.gate(gate, round == 0).await);
        }
        let layer = tools_layer(folder.path());
        if round == 0 {
            subject.point_at(&layer);
        }
        let hand: Duration =
            (language.programs)(&layer).iter().map(|one| subject.by_hand(one)).sum();
        // The first round warms the caches.
        if round > 0 {
            let own: Duration = language.gates.iter().map(|gate| times[gate]).sum();
            ratios.push(own.as_secs_f64() / hand.as_secs_f64());
            times.insert("by hand", hand);
            times.into_iter().for_each(|(gate, time)| all.entry(gate).or_default().push(time));
        }
    }
    report(name, ratios, all)
}

/// What is measured.
struct Subject<'a> {
    executor: &'a LocalExecutor,
    inputs: &'a GateInputs,
    tree: Digest,
    kept: PathBuf,
}

impl Subject<'_> {
    async fn gate(&self, gate: &'static str, keeps: bool) -> Duration {
        let toolchain = self.executor.toolchain(self.inputs.language().id()).expect("is there");
        let action = self.inputs.action(&gate.into(), toolchain, self.tree, Provenance::Promoted);
        let keep = keeps.then(|| self.kept.clone());
        let options = ExecuteOptions { keep, ..ExecuteOptions::at(SystemTime::now()) };
        let started = Instant::now();
        let report = self.executor.execute(&action, options).await.expect("is executed").report;
        assert_eq!(report.outcome, Outcome::Pass, "{report:?}");
        started.elapsed()
    }

    /// Lets the configuration of the type checker name the tools outside of a sandbox.
    fn point_at(&self, layer: &Path) {
        let file = self.kept.join("visible/tsconfig.json");
        let Ok(text) = std::fs::read_to_string(&file) else { return };
        let text = text.replace(places::DEPENDENCIES, &layer.display().to_string());
        std::fs::write(file, text).expect("writes");
    }

    /// Runs a program over the same files outside of a sandbox.
    fn by_hand(&self, program: &HandProgram) -> Duration {
        let started = Instant::now();
        let HandProgram { path, args } = program;
        let mut command = Command::new(path);
        command.args(args.split(' ')).current_dir(self.kept.join("visible"));
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("runs").success(), "{} {args}", path.display());
        started.elapsed()
    }
}

/// The layer with the linter.
fn tools_layer(cache: &Path) -> PathBuf {
    let layers = std::fs::read_dir(cache.join("layers")).expect("is there").flatten();
    let mut vendors = layers.map(|entry| entry.path().join("vendor"));
    let has_linter = |vendor: &PathBuf| {
        vendor.join("bin/ruff").is_file() || vendor.join("node_modules/@biomejs").is_dir()
    };
    vendors.find(has_linter).expect("was fetched")
}

fn report(name: &str, mut ratios: Vec<f64>, mut all: BTreeMap<&str, Vec<Duration>>) -> bool {
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let mut line =
        format!("{name}: linter and type checker {ratio:.2} of those by hand (limit 1.5)");
    for (gate, times) in &mut all {
        times.sort();
        line += &format!(", {gate} {} ms", times[times.len() / 2].as_millis());
    }
    println!("{line}; `test` has {ROWS} examples (limit 2 s)");
    let examples = &all["test"];
    ratio <= 1.5 && examples[examples.len() / 2] < Duration::from_secs(2)
}
