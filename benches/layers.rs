//! The cost of a second candidate: check, clippy and test of a crate with dozens of dependencies,
//! in the sandbox, compared with the same commands in place with warm caches, without and with
//! incremental builds, in shuffled order. Limits: 1.05 and 1.10 of these; for `cargo test` in the
//! sandbox 1.03 of the same outside.
//!
//! `cargo bench --bench layers`; exits with 1 if a limit is exceeded.
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
use regen::types::{Digest, HostTools, Outcome, Provenance, RelPath, ToolEnv, Tree};

const ROUNDS: usize = 9;
const SPEC: &str = "# Big\n\n- It MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!(big::add_0(2, 3), 5);\n  ```\n";
const ALLOWED: &str =
    "serde = \"1\"\nserde_json = \"1\"\nregex = \"1\"\nclap = \"4\"\nurl = \"2\"\n";
const MANIFEST: &str = "[package]\nname = \"big\"\n[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\n\
    serde_json = \"1\"\nregex = \"1\"\nclap = { version = \"4\", features = [\"derive\"] }\nurl = \"2\"\n";

/// A crate of about this many lines. Each round is another answer of a model: equal in the tested
/// parts, different names and bodies elsewhere.
fn code(lines: usize, round: usize) -> String {
    let mut text = format!("//! Round {round}.\nuse serde::{{Deserialize, Serialize}};\n");
    let change = round + 1;
    for n in 0..lines / 20 {
        let other = if n == 0 { String::new() } else { format!("_{change}") };
        text += &format!(
            "\n/// A record.\n#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]\npub struct Record{n}{change} {{\n    \
             /// Its name.\n    pub name{change}: String,\n    /// Its number.\n    pub number{change}: i64,\n}}\n\n/// Adds.\n#[must_use]\n\
             pub fn add_{n}{other}(a: i64, b: i64) -> i64 {{\n    let extra = {change};\n    a + b + extra - {change}\n}}\n\n\
             /// Reads.\n///\n/// # Errors\n/// It is none.\npub fn read_{n}{other}(text: &str) -> Result<Record{n}{change}, serde_json::Error> {{\n    \
             serde_json::from_str(text)\n}}\n"
        );
    }
    text += "\n/// Matches.\n#[must_use]\npub fn matches(text: &str) -> bool {\n    regex::Regex::new(\"a+\").is_ok_and(|p| p.is_match(text))\n}\n";
    text + "\n/// Parses.\n#[must_use]\npub fn host(text: &str) -> Option<String> {\n    url::Url::parse(text).ok()?.host_str().map(str::to_owned)\n}\n"
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let good = [200, 2000].map(|lines| runtime.block_on(measure(lines)));
    if good == [true, true] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The commands in place: in a separate warm folder.
/// The search path of cargo outside of a sandbox.
fn path(tools: &HostTools) -> String {
    format!("{}:/usr/local/bin:/usr/bin:/bin", tools.path("toolchain").join("bin").display())
}

struct Place {
    folder: PathBuf,
    incremental: bool,
    tools: HostTools,
}

impl Place {
    fn write(&self, files: &[(String, Vec<u8>)]) {
        for (path, bytes) in files {
            let path = self.folder.join(path);
            std::fs::create_dir_all(path.parent().expect("has one")).expect("makes folders");
            std::fs::write(path, bytes).expect("writes");
        }
        let config =
            format!("[build]\nincremental = {}\n[profile.dev]\ndebug = false\n", self.incremental);
        std::fs::create_dir_all(self.folder.join(".cargo")).expect("makes folders");
        std::fs::write(self.folder.join(".cargo/config.toml"), config).expect("writes");
    }

    fn cargo(&self, program: &str, args: &[&str]) -> Duration {
        let started = Instant::now();
        let status = Command::new(self.tools.path("toolchain").join("bin").join(program))
            .args(args)
            .args(["--quiet", "--offline"])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", path(&self.tools))
            .env("HOME", &self.folder)
            .env("CARGO_HOME", self.tools.path("cargo"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("runs").success(), "{program} {args:?} in {}", self.folder.display());
        started.elapsed()
    }

    fn all(&self) -> (Duration, Duration) {
        let check = self.cargo("cargo", &["check"]);
        let clippy = self.cargo("cargo-clippy", &["clippy", "--all-targets"]);
        let started = Instant::now();
        self.cargo("cargo", &["test", "--no-run"]);
        // Runs each test in its own process, as in the sandbox; the canary must fail.
        for test in [
            "adds",
            toolchain::all()[0].native().expect("Rust has tests").canary().expect("Rust has one"),
        ] {
            let deps = std::fs::read_dir(self.folder.join("target/debug/deps")).expect("is there");
            let newest = deps
                .flatten()
                .filter(|e| e.file_name().to_string_lossy().starts_with("regen_examples-"))
                .filter(|e| e.path().extension().is_none())
                .max_by_key(|e| e.metadata().and_then(|m| m.modified()).ok());
            let program = newest.expect("was built").path();
            for args in [&["--list", "--format", "terse"][..], &["--exact", test]] {
                let _ = Command::new(&program).args(args).stdin(Stdio::null()).output();
            }
        }
        let test = started.elapsed();
        (check + clippy + test, test)
    }
}

async fn measure(lines: usize) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = std::env::vars_os();
    let variables = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let env = ToolEnv::new(variables);
    let (spec, _, _) = regen::spec::parse("specs/big.md", SPEC.as_bytes());
    let config = format!(
        "[generator]\nmodel = \"m\"\n[target.rust]\ntoolchain = \"rust\"\n[target.rust.allowed_dependencies]\n{ALLOWED}"
    );
    let harness = regen::config::parse("harness.toml", &config).expect("is right");
    let tools = find_tools(&harness, &env, folder.path()).await.expect("has tools");
    let target = &harness.target["rust"];
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let sandbox = Sandbox::new(supervisor, Arc::new(Namespaces), folder.path(), 16384);
    let kept = folder.path().join("kept");
    let machine = Machine {
        tools: Arc::new(tools.clone()),
        probe: Arc::new(Probe::of(sandbox)),
        layers: DependencyCache::new(folder.path()),
        validators: folder.path().to_owned(),
        read_only: Vec::new(),
    };
    let store = Arc::new(MemoryStore::default());
    let executor = LocalExecutor::new(machine, store.clone());
    let inputs = GateInputs::new(spec.clone(), &"rust".into(), target, &BTreeMap::new(), &[]);
    let inputs = Arc::new(inputs);
    executor.accept(&inputs).expect("is kept");
    let candidate = |round: usize| {
        let file =
            |path: &str, text: String| (RelPath::parse(path).expect("is one"), text.into_bytes());
        let tree = Tree::from_iter([
            file("Cargo.toml", MANIFEST.to_owned()),
            file("src/lib.rs", code(lines, round)),
        ]);
        toolchain::of(target).normalise(&tree, &spec, target, &[]).expect("is right")
    };
    let (mut same, mut default, mut tests) = (Vec::new(), Vec::new(), Vec::new());
    let place = |name: &str, incremental| Place {
        folder: folder.path().join(name),
        incremental,
        tools: tools.get("rust").expect("was asked for").clone(),
    };
    let places = [place("plain", false), place("incremental", true)];
    for round in 0..=ROUNDS {
        let candidate = candidate(round);
        let tree = store.put_tree(&candidate).expect("is kept");
        let mut times: BTreeMap<usize, (Duration, Duration)> = BTreeMap::new();
        // Another order in each round.
        let order = [[0, 1, 2], [2, 0, 1], [1, 2, 0], [0, 2, 1], [2, 1, 0], [1, 0, 2]][round % 6];
        if round == 0 {
            let check = inputs.action(
                &"check".into(),
                executor.toolchain("rust").expect("was asked for"),
                tree,
                Provenance::Promoted,
            );
            let now = SystemTime::now();
            let keeping = ExecuteOptions { keep: Some(kept.clone()), ..ExecuteOptions::at(now) };
            let report = executor.execute(&check, keeping).await.expect("is executed").report;
            assert_eq!(report.outcome, Outcome::Pass, "{report:?}");
        }
        let mut files = BTreeMap::new();
        collect(&kept.join("visible"), &kept.join("visible"), &mut files);
        files.insert(
            "src/lib.rs".to_owned(),
            candidate.text("src/lib.rs").expect("is there").into(),
        );
        let files: Vec<(String, Vec<u8>)> = files.into_iter().collect();
        for who in order {
            let time = match who {
                0 => in_sandbox(&executor, &inputs, tree).await,
                who => {
                    places[who - 1].write(&files);
                    places[who - 1].all()
                }
            };
            times.insert(who, time);
        }
        // The first round warms the caches.
        if round > 0 {
            let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
            same.push(ratio(times[&0].0, times[&1].0));
            default.push(ratio(times[&0].0, times[&2].0));
            tests.push(ratio(times[&0].1, times[&1].1));
        }
    }
    let lock = std::fs::read_to_string(kept.join("visible/Cargo.lock")).expect("is there");
    let dependencies = lock.matches("[[package]]").count() - 1;
    let median = |list: &mut Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    };
    let (same, default, tests) = (median(&mut same), median(&mut default), median(&mut tests));
    println!(
        "{lines} lines, {dependencies} dependencies: {same:.3} of the same in place (promised 1.05), {default:.3} with incremental \
         builds (1.10); the test gate {tests:.3} (1.03)"
    );
    same <= 1.05 && default <= 1.10 && tests <= 1.03
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if !path.ends_with(".cargo/config.toml") {
            let name = path.strip_prefix(root).expect("is below").display().to_string();
            found.insert(name, std::fs::read(&path).expect("reads"));
        }
    }
}

async fn in_sandbox(
    executor: &LocalExecutor,
    inputs: &GateInputs,
    tree: Digest,
) -> (Duration, Duration) {
    let started = Instant::now();
    let mut test = Duration::ZERO;
    for gate in ["check", "clippy", "test"] {
        let begun = Instant::now();
        let action = inputs.action(
            &gate.into(),
            executor.toolchain("rust").expect("was asked for"),
            tree,
            Provenance::Promoted,
        );
        let options = ExecuteOptions::at(SystemTime::now());
        let report = executor.execute(&action, options).await.expect("is executed").report;
        assert_eq!(report.outcome, Outcome::Pass, "{gate}: {:?}", report.findings.first());
        test = begun.elapsed();
    }
    (started.elapsed(), test)
}
