//! Outputs for CI, and the recipes of docs/pipelines.md, run as documented.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::check::{commit, demonstration, git, promoted};
use crate::origin::python;
use crate::world::{PLAIN, Run, World, stable};

/// The code block of docs/pipelines.md that contains a line.
fn recipe(line: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pipelines.md");
    let text = fs::read_to_string(path).expect("is there");
    let blocks = text.split("```").skip(1).step_by(2);
    let block = blocks.into_iter().find(|block| block.contains(line)).expect("is documented");
    block.split_once('\n').expect("has a language").1.to_owned()
}

/// A shell with regen on PATH.
fn shell(folder: &Path, script: &str, env: &[(&str, &str)]) -> Output {
    let regen = Path::new(env!("CARGO_BIN_EXE_regen")).parent().expect("has one");
    let path = format!("{}:{}", regen.display(), std::env::var("PATH").expect("is set"));
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(folder).env("PATH", path);
    command.envs(env.iter().copied()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.output().expect("there is a shell")
}

fn hook(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().expect("has one")).expect("is made");
    fs::write(file, text).expect("writes");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("sets it");
}

fn stale(world: &World) {
    let spec = world.read("specs/seasons.md");
    world.write("specs/seasons.md", &spec.replacen("MUST", "MUST always", 1));
}

#[test]
fn the_pre_commit_hook_rejects_stale_trees_only() {
    let world = demonstration();
    git(&world, &["init", "-q", "-b", "main"]).expect(0);
    hook(&world.path(".git/hooks/pre-commit"), &recipe("pre-commit"));
    let commit = |message: &str| {
        let script = format!(
            "git add -A && git -c user.name=t -c user.email=t@example.org commit -qm {message}"
        );
        shell(&world.path(""), &script, &[])
    };
    let good = commit("good");
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    stale(&world);
    let refused = Run::from(commit("stale"));
    assert_ne!(refused.code, 0);
    insta::assert_snapshot!(refused.shown());
    // Uncommitted files do not matter.
    git(&world, &["reset", "-q"]).expect(0);
    world.write("notes.txt", "n");
    let script =
        "git add notes.txt && git -c user.name=t -c user.email=t@example.org commit -qm notes";
    assert!(shell(&world.path(""), script, &[]).status.success());
}

#[test]
fn the_pre_receive_hook_rejects_stale_pushes_only() {
    let world = demonstration();
    commit(&world);
    let bare = world.path("").canonicalize().expect("is there").with_file_name("bare.git");
    let bare_name = bare.display().to_string();
    git(&world, &["init", "-q", "--bare", &bare_name]).expect(0);
    hook(&bare.join("hooks/pre-receive"), &recipe("pre-receive"));
    let push = |refs: &str| shell(&world.path(""), &format!("git push -q {bare_name} {refs}"), &[]);
    let good = push("main");
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    git(&world, &["checkout", "-q", "-b", "other"]).expect(0);
    stale(&world);
    commit(&world);
    let refused = push("other");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    // Git decorates and wraps a hook's output.
    assert!(!refused.status.success() && said.contains("check::clause"), "{said}");
    assert!(push("main:third").status.success());
    assert!(push(":third").status.success(), "a branch can be deleted");
}

#[test]
fn container_and_ci_recipes_reject_stale_trees_only() {
    let step = |text: &str, start: &str| -> String {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(start));
        line.expect("has the step").to_owned()
    };
    let container = step(&recipe("AS checked"), "RUN ");
    let github = step(&recipe("GITHUB_STEP_SUMMARY"), "- run: ");
    let gitlab = step(&recipe("gitlab-ci"), "- ");
    let world = demonstration();
    world.write("deploy.toml", "models = [\"qwen2.5-*\"]\nmin_isolation = 2\n");
    let summary = world.path("summary.md");
    let env = [("GITHUB_STEP_SUMMARY", summary.to_str().expect("is text"))];
    for (is_good, code) in [(true, 0), (false, 22)] {
        if !is_good {
            stale(&world);
        }
        for script in [&container, &github, &gitlab] {
            let output = shell(&world.path(""), script, &env);
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(code), "{script}: {said}");
        }
    }
    let text = world.read("summary.md");
    insta::assert_snapshot!(stable(&text));
    assert!(world.path("regen.sarif").is_file() && world.path("regen.xml").is_file());
}

/// Flaws of every kind, in every format.
fn reports() -> World {
    let world = demonstration();
    stale(&world);
    world.write("generated/celsius/rust/src/lib.rs", "<&\"' \u{1b}");
    world.write("generated/a b.txt", "x");
    let args =
        ["check", "-o", "all.sarif", "-o", "junit=all.xml", "-o", "all.json", "-o", "all.md"];
    world.run(&args).expect(22);
    world
}

#[test]
fn github_annotations_are_at_the_clauses_line() {
    let world = reports();
    let run = world.run(&["check", "--format", "github"]).expect(22);
    let spec = world.read("specs/seasons.md");
    let line = 1 + spec.lines().position(|line| line.contains("MUST always")).expect("is there");
    let expected = format!("::error file=specs/seasons.md,line={line},");
    assert!(run.out.lines().any(|one| one.starts_with(&expected)), "{expected}: {}", run.out);
    insta::assert_snapshot!(run.shown());
    let json = world.read("all.json");
    let json: serde_json::Value = serde_json::from_str(&json).expect("is JSON");
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(run.out.lines().count()));
    insta::assert_snapshot!(world.run(&["check", "-o", "what.ever"]).expect(2).shown());
    insta::assert_snapshot!(world.run(&["check", "--summary"]).expect(22).shown());
    for name in ["all.md", "all.xml", "all.sarif"] {
        insta::assert_snapshot!(name, stable(&world.read(name)));
    }
    let pretty = serde_json::to_string_pretty(&json).expect("is JSON");
    insta::assert_snapshot!("all.json", stable(&pretty));
}

/// SARIF by OASIS's schema, JUnit by the schema of Jenkins' xUnit plugin.
const VALIDATE: &str = r#"
import json, sys, jsonschema, xmlschema
folder, schema, xsd = sys.argv[1:]
jsonschema.Draft7Validator(json.load(open(schema))).validate(json.load(open(folder + "/all.sarif")))
xmlschema.XMLSchema(xsd).validate(folder + "/all.xml")
xmlschema.XMLSchema(xsd).validate(folder + "/good.xml")
"#;

#[test]
fn sarif_and_junit_are_valid() {
    let world = reports();
    let log = fs::read_to_string(world.path("all.sarif")).expect("is written");
    let _: serde_sarif::sarif::Sarif = serde_json::from_str(&log).expect("is SARIF");
    let good = demonstration();
    good.run(&["check", "-q", "-o", "good.xml"]).expect(0);
    fs::copy(good.path("good.xml"), world.path("good.xml")).expect("copies");
    let xsd = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/verify/junit-10.xsd");
    let (Some(python), Some(schema), true) = (python(), sarif_schema(), xsd.is_file()) else {
        #[expect(clippy::print_stderr, reason = "says what is not tested")]
        {
            eprintln!("SKIPPED: target/verify has no validators or schemas (.ci/run makes it)");
        }
        return;
    };
    let mut run = Command::new(python);
    run.args(["-c", VALIDATE]).arg(world.path("")).arg(schema).arg(xsd);
    let output = run.output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// OASIS's schema, from the crate `serde-sarif`.
fn sarif_schema() -> Option<PathBuf> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).ok()?;
    let package = metadata["packages"].as_array()?.iter().find(|p| p["name"] == "serde-sarif")?;
    let schema = Path::new(package["manifest_path"].as_str()?).with_file_name("src/schema.json");
    schema.is_file().then_some(schema)
}

#[test]
fn check_against_covers_only_what_a_branch_touches() {
    let world = demonstration();
    stale(&world);
    commit(&world);
    git(&world, &["checkout", "-q", "-b", "topic"]).expect(0);
    world.run(&["check", "-q", "--against", "main"]).expect(0);
    world.run(&["check", "-q"]).expect(22);
    world.write("generated/greet/command/src/main.rs", "fn main() {}\n");
    let run = world.run(&["check", "--against", "main", "--json"]).expect(22);
    let found = run.json()[0]["findings"].clone();
    let specs: Vec<_> =
        found.as_array().expect("a list").iter().map(|one| one["spec"].clone()).collect();
    assert_eq!(specs, ["greet"], "{found:#}");
    world.write("generated/new.txt", "x");
    insta::assert_snapshot!(world.run(&["check", "--against", "main"]).expect(22).shown());
    // A removed spec is detected.
    fs::rename(world.path("specs/celsius.md"), world.path("../celsius.md")).expect("moves");
    insta::assert_snapshot!(world.run(&["check", "--against", "main"]).expect(22).shown());
    fs::rename(world.path("../celsius.md"), world.path("specs/celsius.md")).expect("moves");
    // Shared inputs affect every spec.
    world.write("validators/documented/check.sh", "#!/bin/sh\nexit 0\n");
    insta::assert_snapshot!(world.run(&["check", "--against", "main"]).expect(22).shown());
    world.run(&["check", "--against", "nothing"]).expect(2);
}

#[test]
fn rerun_runs_all_gates_on_the_promoted_trees() {
    let (world, server) = promoted();
    world.first(&server, &["run", "-q"]).expect(0);
    let run = world.run(&["check", "--rerun"]).expect(0);
    insta::assert_snapshot!(run.shown());
    // Lockfile and attestation can be forged for any tree, but the gates detect it.
    let path = world.path("generated/adder/rust/src/lib.rs");
    fs::write(&path, crate::world::WRONG).expect("writes");
    let run = world.run(&["check", "--rerun", "--json"]).expect(22);
    let json = run.json().remove(0);
    let codes: Vec<_> = json["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["code"].clone())
        .collect();
    assert!(
        codes.contains(&"check::rerun_test".into()) && codes.contains(&"check::changed".into())
    );
    let spec = json["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["file"] == "specs/adder.md");
    assert!(spec.is_some(), "{json:#}");
    forge(&world);
    world.run(&["check", "-q"]).expect(0);
    let run = world.run(&["check", "--rerun"]).expect(20);
    let line = 1 + PLAIN.lines().position(|line| line.contains("adds`")).expect("is there");
    assert!(run.out.contains(&format!("specs/adder.md:{line}")), "{}", run.out);
    insta::assert_snapshot!(run.shown());
    assert_eq!(server.requests().len(), 1);
}

/// Makes lockfile, manifest and attestation claim for this tree what they had for another.
fn forge(world: &World) {
    use regen::attest::Attested;
    use regen::types::{Digest, Standing};
    let (mut lock, _) = Standing::parse(&world.read("regen.lock")).expect("is one");
    let entry =
        lock.spec.get_mut("adder").and_then(|s| s.target.get_mut("rust")).expect("is there");
    let lib = world.read("generated/adder/rust/src/lib.rs");
    entry.files.insert("src/lib.rs".to_owned(), Digest::of(lib));
    entry.tree = Digest::of(entry.manifest());
    let text = Attested::new(&"adder".into(), &"rust".into(), entry, None).render(None);
    world.write("generated/adder/rust.manifest", &entry.manifest());
    world.write("generated/adder/rust.intoto.jsonl", &text);
    world.write("regen.lock", &lock.render());
}
