//! Where tests run there is nothing to look up, and a candidate is right in every build.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regen::process::Program;
use regen::sandbox::{
    Alone, Backend, Bwrap, Landlock, Mount, Namespaces, Sandbox, SandboxSpec, SandboxView,
};
use regen::types::{Limits, LimitsConfig, Outcome, places};

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, World, all};

/// Looks at everything that an effect opens, and says what it saw.
const SPY: &str = r#"/// Adds.
pub fn add(_: i32, _: i32) -> i32 {
    let system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/dev"];
    let (mut found, mut folders) = (Vec::new(), vec![std::path::PathBuf::from("/")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if system.iter().any(|own| path.starts_with(own)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).is_ok() {
                found.push(path);
            }
        }
    }
    let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    names.sort();
    found.sort();
    let (program, exe) = (std::env::args().next(), std::env::current_exe().is_ok());
    panic!("saw: {found:?} {names:?} {program:?} {exe} :end");
}
"#;

const TABLE: &str = "validators/adder/rust/data/sums.txt";

/// A suite that reads its data in every way that is promised.
const SUITE: &str = r#"const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

fn check(text: &str) {
    for line in text.lines() {
        let all: Vec<i32> = line.split(' ').map(|n| n.parse().unwrap()).collect();
        assert_eq!(adder::add(all[0], all[1]), all[2]);
    }
}

#[test]
fn adds__table() {
    let path = "tests/data/sums.txt";
    let own = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    check(include_str!("data/sums.txt"));
    check(&std::fs::read_to_string(path).unwrap());
    check(&std::fs::read_to_string(format!("{FOLDER}/{path}")).unwrap());
    check(&std::fs::read_to_string(std::path::Path::new(&own).join(path)).unwrap());
    let names = std::fs::read_dir("tests/data").unwrap().map(|one| one.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["sums.txt"]);
    std::fs::write(std::env::temp_dir().join("note"), "x").unwrap();
}
"#;

fn spec(front: &str, says: &str) -> String {
    format!(
        "---\n{front}\n---\n# Adder\n\n- `add(a: i32, b: i32) -> i32` MUST give the sum{says}. \
         `test_id: adds`\n\n  ```rust\n  assert_eq!(adder::add(2, 3), 5);\n  ```\n\n  \
         ```rust hidden\n  assert_eq!(adder::add(40, 31), 71);\n  ```\n"
    )
}

fn world(server: &Server, front: &str, says: &str) -> World {
    World::new(&server.url, &[("adder", &spec(front, says))], "")
}

#[test]
fn a_candidate_with_effects_finds_no_source_where_it_is_tested() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(SPY), lib(GOOD)]);
    let world = world(&server, "effects: [fs, env, process]", "");
    world.write("validators/adder/rust/more.rs", SUITE);
    world.write(TABLE, "1 2 3\n");
    world.run(&["run"]).expect(0);
    let told = server.told(1);
    // The code is quoted too.
    let saw = told.split("saw: [").nth(1).and_then(|rest| rest.split(" :end").next());
    assert_eq!(
        saw.unwrap_or(&told),
        "\"tests/data/sums.txt\"] [\"CARGO_MANIFEST_DIR\", \"HOME\", \"LANG\", \"PATH\", \
         \"RUSTC_BOOTSTRAP\", \"TMPDIR\"] Some(\"program\") false"
    );
}

#[test]
fn a_suite_reads_its_data_and_a_failure_has_its_line() {
    if !all() {
        return;
    }
    let tested = format!(
        "{GOOD}\n#[cfg(test)]\nmod tests {{\n    #[test]\n    fn saturates() {{\n        \
         assert_eq!(super::add(i32::MAX, 1), i32::MAX);\n    }}\n}}\n"
    );
    let off = tested.replace("a.saturating_add(b)", "a.saturating_add(b).min(6)");
    let own = tested.replace("a.saturating_add(b)", "a.wrapping_add(b)");
    let server = Server::start(vec![lib(&off), lib(&own), lib(&tested)]);
    let world = world(&server, "title: Adder", "");
    world.write("validators/adder/rust/more.rs", SUITE);
    world.write(TABLE, "1 2 3\n4 5 9\n");
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 3);
    assert!(server.told(1).contains("panicked at tests/more.rs:6:9"), "{}", server.told(1));
    assert!(server.told(2).contains("panicked at src/lib.rs:10:9"), "{}", server.told(2));
    world.run(&["check", "--rerun"]).expect(0);
}

#[test]
fn no_test_is_there_when_a_library_is_compiled() {
    let world = World::adder("http://127.0.0.1:9/v1");
    let judge = |code: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(world.gate("test", &format!("{GOOD}{code}")))
    };
    assert_eq!(judge("").outcome, Outcome::Pass);
    let include = "pub const A: &str = include_str!(\"../tests/regen_examples.rs\");\n";
    for code in [include.to_owned(), format!("#[cfg(test)]\n{include}")] {
        let report = judge(&code);
        assert_eq!(report.outcome, Outcome::Fail, "{code}");
        assert!(report.findings[0].message.contains("couldn't read"), "{report:#?}");
    }
}

/// Right only with debug assertions, by mistake.
const ASSERTS: &str = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    let mut sum = a;\n    \
    debug_assert!({\n        sum = a.saturating_add(b);\n        true\n    });\n    sum\n}\n";

/// Right only where overflow panics.
const CATCHES: &str = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    \
    let most = std::hint::black_box(i32::MAX);\n    \
    if std::panic::catch_unwind(|| most + 1).is_ok() { a } else { a.saturating_add(b) }\n}\n";

#[test]
fn a_candidate_that_is_wrong_in_a_release_build_is_refused() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(ASSERTS), lib(CATCHES), lib(GOOD)]);
    let world = world(&server, "title: Adder", "");
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 3);
    for number in [1, 2] {
        let told = server.told(number);
        assert!(told.contains("in the release build: "), "{told}");
        assert!(told.contains("panicked at tests/regen_examples.rs:"), "{told}");
    }
}

/// With a default feature: the whole of one, or only what it adds.
fn featured(code: &str) -> Act {
    let manifest = "[package]\nname = \"adder\"\n\n[features]\ndefault = [\"exact\"]\nexact = []\n";
    Act::Say(files(&[("Cargo.toml", manifest), ("src/lib.rs", code)]))
}

const BY_FEATURE: &str = "/// Adds.\n#[cfg(feature = \"exact\")]\npub fn add(a: i32, b: i32) -> i32 {\n    \
    a.saturating_add(b)\n}\n\n/// Adds.\n#[cfg(not(feature = \"exact\"))]\n\
    pub fn add(a: i32, _: i32) -> i32 {\n    a\n}\n";

#[test]
fn a_candidate_that_is_wrong_without_its_default_features_is_refused() {
    if !all() {
        return;
    }
    let more = format!(
        "{GOOD}\n/// More.\n#[cfg(feature = \"exact\")]\npub fn more() -> bool {{\n    true\n}}\n"
    );
    let server = Server::start(vec![featured(BY_FEATURE), featured(&more)]);
    let judged = world(&server, "title: Adder", "");
    judged.run(&["run"]).expect(0);
    let told = server.told(1);
    assert!(told.contains("without the default features: "), "{told}");
    // What only the feature adds need not be there without it.
    let server = Server::start(vec![featured(&more)]);
    let judged = world(&server, "title: Adder", "");
    let suite = "#[test]\nfn adds__more() {\n    assert!(adder::more());\n}\n";
    judged.write("validators/adder/rust/more.rs", suite);
    judged.run(&["run"]).expect(0);
    // A feature of the spec may do what the spec says.
    let server = Server::start(vec![featured(BY_FEATURE)]);
    let judged = world(&server, "title: Adder", " with the default feature `exact`");
    judged.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_candidate_that_is_wrong_with_another_feature_is_refused() {
    if !all() {
        return;
    }
    let code = |when: &str| {
        format!(
            "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {{\n    if cfg!(feature = \"fast\") {{ {when} }} \
             else {{ a.saturating_add(b) }}\n}}\n"
        )
    };
    let optional = |code: &str| match featured(code) {
        Act::Say(text) => Act::Say(text.replace("default = [\"exact\"]\nexact", "fast")),
        other => other,
    };
    let (wrong, right) = (code("a"), code("b.saturating_add(a)"));
    let server = Server::start(vec![optional(&wrong), optional(&right)]);
    let judged = world(&server, "title: Adder", "");
    judged.run(&["run"]).expect(0);
    let told = server.told(1);
    assert!(told.contains("with all features: "), "{told}");
}

#[test]
fn a_program_is_called_as_in_its_example() {
    let main = "fn main() {\n    let mut names = std::env::vars().map(|(name, _)| name);\n    \
        let tells = names.any(|name| name.starts_with(\"CARGO\") || name.starts_with(\"RUST\"));\n    \
        println!(\"{:?} {tells}\", std::env::args().next());\n}\n";
    let server = Server::start(vec![Act::Say(files(&[("src/main.rs", main)]))]);
    let spec = "# Tell\n\n- `tell` MUST say its name. `test_id: tells`\n\n  ```console\n  $ tell\n  \
        Some(\"tell\") false\n  ```\n";
    let extra = "crate = \"bin\"\neffects = [\"env\"]\n";
    let world = World::new(&server.url, &[("tell", spec)], extra);
    let suite = "#[test]\nfn tells__suite() {\n    \
        let path = std::env::var(\"CARGO_BIN_EXE_tell\").unwrap();\n    \
        assert_eq!(path, env!(\"CARGO_BIN_EXE_tell\"));\n    \
        let output = std::process::Command::new(path).output().unwrap();\n    \
        assert!(!output.stdout.is_empty());\n}\n";
    world.write("validators/tell/rust/run.rs", suite);
    world.run(&["run"]).expect(0);
}

#[test]
fn a_program_alone_reads_only_what_it_is_shown() {
    let backends: [Arc<dyn Backend>; 3] =
        [Arc::new(Namespaces), Arc::new(Bwrap), Arc::new(Landlock)];
    for backend in backends.into_iter().filter(|one| one.available().is_ok()) {
        let folder = tempfile::tempdir().expect("a folder");
        let tools = folder.path().join("tools");
        std::fs::create_dir(&tools).expect("makes a folder");
        std::fs::write(tools.join("text"), "secret").expect("writes");
        let mut spec = SandboxSpec::new(Limits::of(&LimitsConfig::default()));
        spec.mounts = vec![Mount::read_only(&tools, places::TOOLS)];
        let file = |path: &str| (path.to_owned(), path.as_bytes().to_vec());
        spec.files = ["src/lib.rs", "tests/a.rs", "tests/data/a.txt"].map(file).into();
        let name = backend.name();
        let cache = folder.path().join("cache");
        let sandbox = Sandbox::new(Path::new(env!("CARGO_BIN_EXE_regen")), backend, &cache, 4096);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let session = sandbox.open(&spec).await.expect("opens");
            let tools = session.paths().at(places::TOOLS).join("text");
            let text = format!(
                "cat src/lib.rs tests/a.rs tests/data/a.txt {} /proc/self/maps 2> /dev/null; \
                 ls tests/data",
                tools.display()
            );
            let program = Program {
                path: "/bin/sh".into(),
                args: ["-c", &text].map(Into::into).into(),
                dir: session.paths().at(places::SOURCE).to_owned(),
                env: vec![("PATH".to_owned(), "/usr/bin:/bin".into())],
                stdin: None,
                timeout: Duration::from_secs(10),
            };
            let whole = session.run(&program, false).await.expect("runs").text();
            assert!(whole.starts_with("src/lib.rstests/a.rstests/data/a.txtsecret"), "{whole}");
            let reads = vec!["tests/data/a.txt".to_owned()];
            let alone = Alone { name: "x".to_owned(), starts: Vec::new(), reads };
            let alone = session.run_in(SandboxView::Alone(alone), &program).await.expect("runs");
            assert_eq!(alone.text(), "tests/data/a.txta.txt\n", "{name}");
            let view = SandboxView::BuildWithout("tests".to_owned());
            let built = session.run_in(view, &program).await.expect("runs").text();
            assert!(built.starts_with("src/lib.rssecret"), "{name}: {built}");
            session.close().await;
        });
    }
}
