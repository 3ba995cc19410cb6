//! A user's workspace in a temporary folder, and the real program run in it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use regen::gate::{
    DependencyCache, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, Machine, find_tools,
};
use regen::sandbox::{Probe, Sandbox, probe};
use regen::store::{ContentStore, MemoryStore};
use regen::toolchain::Suite;
use regen::types::{GateName, GateReport, Provenance, RelPath, Spec, ToolEnv, Tree};
use regex::Regex;
use serde_json::Value;

/// Parts that differ between runs and machines, with their replacements in snapshots. In order:
/// whole lines first, then parts of them.
static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        // Printed only on machines with weaker isolation.
        (r"(?m)^warning: isolation.*\n", ""),
        // Cargo's messages have no fixed order.
        (r#"(?m)^\{"reason":"[a-z-]+".*\n"#, ""),
        // Git's messages depend on its version.
        (r"(?m)git rev-parse: .*", "git rev-parse: [message]"),
        (r"[\w./-]*/\.tmp[A-Za-z0-9]{6}\b", "[tmp]"),
        (r"· [0-9]+ ms\b", "· [time]"),
        (r"(?m)^(promoted [0-9]+, .*) in [0-9.]+ s;", "$1 in [time];"),
        (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "[time]"),
        (r"\bdid not end within [0-9]+ ?s\b", "did not end within [time]"),
        (r"\b(recorded|REPLAY of|replayed from) [0-9]{4}-[0-9]{2}-[0-9]{2}\b", "$1 [date]"),
        (r"\b[0-9a-f]{64}\b", "[digest]"),
        (r"\b[0-9a-f]{12}\b", "[digest]"),
        (r"\b127\.0\.0\.1:[0-9]+", "127.0.0.1:[port]"),
        (r"\bprocess [0-9]+", "process [id]"),
        (
            r"\b(rustc|cargo|clippy|rustfmt) [0-9]+\.[0-9]+\.[0-9]+(-\w+)?( \([^)]*\))?",
            "$1 [version]",
        ),
        (r#""semanticVersion": "[^"]*""#, r#""semanticVersion": "[version]""#),
        (r"\bregen [0-9]+\.[0-9]+\.[0-9]+", "regen [version]"),
    ];
    patterns.map(|(pattern, with)| (Regex::new(pattern).expect("is one"), with)).into()
});

/// A text without parts that differ between runs and machines.
pub fn stable(text: &str) -> String {
    let replace = |text: String, (pattern, with): &(Regex, &str)| {
        pattern.replace_all(&text, *with).into_owned()
    };
    VARYING.iter().fold(text.to_owned(), replace)
}

/// Dependency layers shared by all worlds, so that each is built once. The folder belongs to one
/// build of regen.
static LAYERS: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Path::new(env!("CARGO_BIN_EXE_regen")).metadata().expect("is built");
    let built = built.modified().expect("has a time").duration_since(SystemTime::UNIX_EPOCH);
    let name = format!("layers-{}", built.expect("is after 1970").as_nanos());
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in std::fs::read_dir(all).into_iter().flatten().flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with("layers-") && other != name {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    std::fs::create_dir_all(all.join(&name)).expect("makes folders");
    all.join(name)
});

/// The tools of all languages as they are remembered, so that each world need not look for them.
static TOOLS: LazyLock<BTreeMap<PathBuf, Vec<u8>>> = LazyLock::new(|| {
    let targets = ["rust", "python", "typescript"]
        .map(|language| format!("[target.{language}]\ntoolchain = \"{language}\"\n"));
    let text = format!("[generator]\nmodel = \"none\"\n{}", targets.concat());
    let harness = regen::config::parse("h", &text).expect("is right");
    let folder = tempfile::tempdir().expect("a folder");
    // The first world may be made in a runtime.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let env = tool_env();
            let found = find_tools(&harness, &env, folder.path());
            runtime.expect("a runtime").block_on(found).expect("has tools")
        });
    });
    let mut known = BTreeMap::new();
    collect(folder.path(), &mut known);
    known
});

/// The environment that tools are found in.
fn tool_env() -> ToolEnv {
    let variables = std::env::vars_os();
    ToolEnv::new(variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
}

/// Whether this is the full run, `REGEN_TEST=all`, or the long one.
pub fn is_full() -> bool {
    is_long() || std::env::var_os("REGEN_TEST").is_some_and(|value| value == "all")
}

/// Whether this is the long run, `REGEN_TEST=long`: what is random is repeated more often.
pub fn is_long() -> bool {
    std::env::var_os("REGEN_TEST").is_some_and(|value| value == "long")
}

/// The same; otherwise prints how to start one.
#[expect(clippy::print_stdout, reason = "a shortened test says so")]
pub fn all() -> bool {
    let all = is_full();
    if !all {
        println!("runs with REGEN_TEST=all");
    }
    all
}

/// A quantity: `full` with `REGEN_TEST=all`, otherwise `few`.
pub fn rounds<T>(full: T, few: T) -> T {
    if all() { full } else { few }
}

/// How often something random is repeated: `long` with `REGEN_TEST=long`, otherwise `full`.
pub fn repeated<T>(long: T, full: T) -> T {
    if is_long() { long } else { full }
}

/// All cases in a full run, otherwise the first of each kind.
pub fn of_each_kind<T, K: Ord>(
    cases: impl IntoIterator<Item = T>,
    kind: impl Fn(&T) -> K,
) -> Vec<T> {
    let (all, mut seen) = (all(), BTreeSet::new());
    cases.into_iter().filter(|case| seen.insert(kind(case)) || all).collect()
}

/// A spec with one visible and one hidden example.
pub const ADDER: &str = "# Adder\n\nA crate that adds.\n\n- `add(a: i32, b: i32) -> i32` MUST give the sum. \
    `test_id: adds`\n\n  ```rust\n  assert_eq!(adder::add(2, 3), 5, \"two and three\");\n  ```\n\n- It MUST NOT \
    overflow: it saturates. `test_id: saturates`\n\n  ```rust hidden\n  \
    assert_eq!(adder::add(i32::MAX, 77001), i32::MAX);\n  ```\n";

/// The adder without what it hides, for tests of something else than gates.
pub const PLAIN: &str = "# Adder\n\nA crate that adds.\n\n- `add(a: i32, b: i32) -> i32` MUST give the sum. \
    `test_id: adds`\n\n  ```rust\n  assert_eq!(adder::add(2, 3), 5, \"two and three\");\n  ```\n";
/// As few gates as possible.
pub const QUICK: &str = "gates = [\"layout\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n";

/// Right.
pub const GOOD: &str =
    "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a.saturating_add(b)\n}\n";
/// Fails the visible example.
pub const WRONG: &str =
    "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a.saturating_sub(b)\n}\n";
/// Passes the visible example and fails the hidden one.
pub const SHALLOW: &str =
    "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a.wrapping_add(b)\n}\n";

/// The inputs of a gate.
pub struct Subject<'a> {
    pub spec: &'a Spec,
    pub suites: &'a [Suite],
    pub tree: Tree,
}

/// A workspace.
pub struct World {
    folder: tempfile::TempDir,
    /// Its first runs; `None` after another command.
    pub ran: Mutex<Option<String>>,
}

/// The result of a run of the program.
#[derive(Clone, Debug)]
pub struct Run {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl World {
    /// A workspace with these specs, asking a server. `extra` is appended to harness.toml.
    pub fn new(url: &str, specs: &[(&str, &str)], extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { folder, ran: Mutex::new(Some(String::new())) };
        world.write(
            "harness.toml",
            &format!(
                "[harness]\ndefault_targets = [\"rust\"]\n[schedule]\njobs = 1\n[generator]\nbase_url = \"{url}\"\nmodel = \
                 \"scripted\"\nretry_base_ms = 1\nfirst_token_timeout_ms = 2000\nidle_timeout_ms = 300\n\
                 max_output_tokens = 1000\n[target.rust]\ntoolchain = \"rust\"\n{extra}"
            ),
        );
        for (name, text) in specs {
            world.write(&format!("specs/{name}.md"), text);
        }
        std::fs::create_dir_all(world.cache().join("regen")).expect("makes folders");
        symlink(&*LAYERS, world.cache().join("regen/layers")).expect("links");
        for (path, bytes) in &*TOOLS {
            let name = path.file_name().expect("has a name");
            std::fs::write(world.cache().join("regen").join(name), bytes).expect("writes");
        }
        world
    }

    /// Uses separate dependency layers, for tests that inspect them.
    pub fn with_own_layers(self) -> Self {
        std::fs::remove_file(self.cache().join("regen/layers")).expect("is a link");
        self
    }

    /// The adder, with a server.
    pub fn adder(url: &str) -> Self {
        Self::new(url, &[("adder", ADDER)], "")
    }

    /// The plain adder with few gates, and a server.
    pub fn quick(url: &str) -> Self {
        Self::new(url, &[("adder", PLAIN)], QUICK)
    }

    /// The folder of the workspace and its caches.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("project").join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("makes folders");
        std::fs::write(path, text).expect("writes");
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// The machine's cache folder of this world.
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        *self.ran.lock().expect("none panics") = None;
        let mut command = Command::new(env!("CARGO_BIN_EXE_regen"));
        command
            .args(args)
            .current_dir(self.path(""))
            .env("XDG_CACHE_HOME", self.cache())
            .env("XDG_STATE_HOME", self.cache())
            .env_remove("RUST_BACKTRACE")
            // As without a terminal.
            .env_remove("COLUMNS")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("RUSTC_BOOTSTRAP")
            .stdin(Stdio::null());
        // Variables that `cargo test` sets are not part of a user's environment.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG")) {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(args))
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
    }

    /// Runs one gate over a library, without earlier gates.
    pub async fn gate(&self, gate: &str, code: &str) -> GateReport {
        let manifest = "[package]\nname = \"adder\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n";
        self.gate_over(gate, &[("Cargo.toml", manifest), ("src/lib.rs", code)]).await
    }

    /// Runs one gate over a tree.
    pub async fn gate_over(&self, gate: &str, files: &[(&str, &str)]) -> GateReport {
        let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
        let probe = probe(supervisor, &self.cache(), 8192).await;
        self.gate_in(gate, files, (&probe.sandbox, &DependencyCache::new(&self.cache()))).await
    }

    /// The same in a given sandbox.
    pub async fn gate_in(
        &self,
        gate: &str,
        files: &[(&str, &str)],
        room: (&Sandbox, &DependencyCache),
    ) -> GateReport {
        let (spec, _, _) = regen::spec::parse("specs/adder.md", ADDER.as_bytes());
        let file = |(path, text): &(&str, &str)| {
            (RelPath::parse(path).expect("is one"), text.as_bytes().to_vec())
        };
        let tree = Tree::from_iter(files.iter().map(file));
        self.gate_of(gate, Subject { spec: &spec, suites: &[], tree }, room).await
    }

    /// Runs one gate over a tree with a spec.
    pub async fn gate_of(
        &self,
        gate: &str,
        subject: Subject<'_>,
        (sandbox, layers): (&Sandbox, &DependencyCache),
    ) -> GateReport {
        let harness = regen::config::parse("h", &self.read("harness.toml")).expect("is right");
        let store = Arc::new(MemoryStore::default());
        let tree = store.put_tree(&subject.tree).expect("is kept");
        let machine = self.machine(sandbox, layers).await;
        let executor = LocalExecutor::new(machine, store);
        let (name, target) = ("rust".into(), &harness.target["rust"]);
        let spec = subject.spec.clone();
        let inputs = GateInputs::new(spec, &name, target, &harness.gate, subject.suites);
        let inputs = Arc::new(inputs);
        executor.accept(&inputs).expect("is kept");
        let tools = executor.toolchain("rust").expect("was asked for");
        let action = inputs.action(
            &GateName::parse(gate).expect("is one"),
            tools,
            tree,
            Provenance::Promoted,
        );
        let options = ExecuteOptions::at(SystemTime::now());
        executor.execute(&action, options).await.expect("is executed").report
    }

    /// This machine, for the gates of this workspace.
    pub async fn machine(&self, sandbox: &Sandbox, layers: &DependencyCache) -> Machine {
        let env = tool_env();
        let harness = regen::config::parse("h", &self.read("harness.toml")).expect("is right");
        let tools = find_tools(&harness, &env, &self.cache().join("regen")).await;
        Machine {
            tools: Arc::new(tools.expect("has tools")),
            probe: Arc::new(Probe::of(sandbox.clone())),
            layers: layers.clone(),
            validators: self.path("validators"),
            read_only: Vec::new(),
        }
    }

    /// Every file below a folder of the workspace, with its bytes.
    pub fn snapshot(&self, path: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.path(path), &mut found);
        found
    }
}

/// Files below a folder, or the file itself.
pub fn collect(path: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    if path.is_file() {
        found.insert(path.to_owned(), std::fs::read(path).expect("reads"));
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), found);
    }
}

/// Copies files and folders by name, with their modes.
pub fn copy(names: &[&str], from: &Path, to: &Path) {
    for name in names {
        let mut found = BTreeMap::new();
        collect(&from.join(name), &mut found);
        for (path, bytes) in found {
            let target = to.join(path.strip_prefix(from).expect("is below"));
            std::fs::create_dir_all(target.parent().expect("has a folder")).expect("makes it");
            std::fs::write(&target, bytes).expect("writes");
            let mode = path.metadata().expect("is there").permissions();
            std::fs::set_permissions(&target, mode).expect("sets the mode");
        }
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        command.output().expect("runs").into()
    }

    /// Asserts an exit code, showing the output otherwise.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The whole output for a snapshot: exit code, standard output, standard error.
    pub fn shown(&self) -> String {
        let part = |name: &str, text: &str| {
            let text = text.trim_end_matches('\n');
            if text.is_empty() { String::new() } else { format!("--- {name} ---\n{text}\n") }
        };
        let (out, err) = (part("stdout", &self.out), part("stderr", &self.err));
        stable(&format!("exit code: {}\n{out}{err}", self.code))
    }

    /// The same under a title, for a snapshot of several runs.
    pub fn titled(&self, title: &str) -> String {
        format!("=== {title} ===\n{}\n", self.shown())
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json_document(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

/// How long a test waits for what comes sooner or later on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until something is so; panics with `what` if it does not become so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
