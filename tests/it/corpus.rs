//! Third-party suites of crates that regen depends on: all their tests are proven.

use std::path::{Path, PathBuf};
use std::process::Command;

use regen::gate::DependencyCache;
use regen::sandbox::probe;
use regen::toolchain::{self, SuiteFile};
use regen::types::{GateReport, Red, RelPath, Tree};
use serde_json::Value;

use crate::world::{Subject, World, all, collect};

/// Runs the proof gate over a crate's sources with one of its own test files.
async fn prove(world: &World, source: &Path, name: &str, file: &Path) -> GateReport {
    let text = std::fs::read_to_string(file).expect("reads");
    let found = text.lines().filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next());
    let clauses: String =
        found.map(|test| format!("- It MUST hold: {test}. `test_id: {test}`\n")).collect();
    let spec = format!("# {name}\n\n{clauses}");
    let (spec, ..) = regen::spec::parse(&format!("specs/{name}.md"), spec.as_bytes());
    let harness = regen::config::parse("h", &world.read("harness.toml")).expect("is right");
    let target = &harness.target["rust"];
    let suite_file = SuiteFile { name: "theirs.rs".to_owned(), text };
    let suite = toolchain::of(target)
        .native()
        .expect("Rust has tests")
        .read_suite(&spec, &suite_file)
        .expect("is Rust");
    let mut files = std::collections::BTreeMap::new();
    collect(&source.join("src"), &mut files);
    let tree = files.into_iter().filter_map(|(path, bytes)| {
        let path = path.strip_prefix(source).ok()?.to_str()?.to_owned();
        Some((RelPath::parse(&path).ok()?, bytes))
    });
    let tree = toolchain::of(target)
        .normalise(&Tree::from_iter(tree), &spec, target, &[])
        .expect("is right");
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let probe = probe(supervisor, &world.cache(), 8192).await;
    let layers = DependencyCache::new(&world.cache());
    let subject = Subject { spec: &spec, suites: &[suite], tree };
    world.gate_of("proof", subject, (&probe.sandbox, &layers)).await
}

/// Where cargo keeps the sources of the crates that regen is built with.
fn sources() -> Vec<(String, PathBuf)> {
    let run = |variable: &str, program: &str, args: &[&str]| {
        let mut command =
            Command::new(std::env::var_os(variable).unwrap_or_else(|| program.into()));
        let output = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        let output = output.expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("is text")
    };
    let about = run("RUSTC", "rustc", &["-vV"]);
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).expect("has a host");
    // Crates for other platforms were never fetched.
    let args = ["metadata", "--format-version", "1", "--offline", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&run("CARGO", "cargo", &args)).expect("is JSON");
    let packages = metadata["packages"].as_array().expect("is a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let folder = |package: &Value| {
        PathBuf::from(text(&package["manifest_path"])).parent().map(Path::to_owned)
    };
    packages.filter_map(|package| Some((text(&package["name"]), folder(package)?))).collect()
}

#[tokio::test]
async fn suites_of_third_party_crates_are_proven_without_false_positives() {
    if !all() {
        return;
    }
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    let sources = sources();
    let suites = [
        ("bytes", "test_bytes_odd_alloc.rs", 7),
        ("bytes", "test_buf_mut.rs", 20),
        ("slab", "slab.rs", 45),
    ];
    for (name, file, least) in suites {
        let (_, source) = sources.iter().find(|(one, _)| one == name).expect("is a dependency");
        let report = prove(&world, source, name, &source.join("tests").join(file)).await;
        let count = |red| report.red.iter().filter(|proof| proof.red == red).count();
        let vacuous: Vec<_> = report.red.iter().filter(|proof| proof.red == Red::Vacuous).collect();
        // This test checks the suite's own allocator.
        let wanted = vacuous.iter().all(|proof| proof.test == "sanity_check_odd_allocator");
        assert!(wanted && count(Red::Seen) >= least, "{name} {file}: {:?}", report.red);
        assert!(count(Red::Undecided) <= 1, "{name} {file}: {:?}", report.red);
    }
}
