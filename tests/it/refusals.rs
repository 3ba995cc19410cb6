//! Lies and tricks: each ends in a rejection, never in a promotion.

use serde_json::{Value, json};

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, Run, SHALLOW, World, all, stable};

/// Runs with one constant answer, asserts that nothing was promoted, and gives the run.
#[track_caller]
fn refused(act: Act, extra: &str) -> Run {
    refused_with(act, extra, &["--spec", "adder"])
}

#[track_caller]
fn refused_with(act: Act, extra: &str, args: &[&str]) -> Run {
    let server = Server::start(vec![act.clone()]);
    let world = World::new(&server.url, &[("adder", crate::world::ADDER)], extra);
    let run = world.run(args);
    assert!([20, 30].contains(&run.code), "{act:?}: {} {}", run.code, run.err);
    assert!(!world.path("generated").exists() && !world.path("regen.lock").exists());
    assert!((1..=8).contains(&server.requests().len()));
    run
}

/// The same for messages of the compiler or linker, which vary: gives the last rejection's finding.
#[track_caller]
fn refusal(act: Act) -> Value {
    refusal_with(act, "")
}

#[track_caller]
fn refusal_with(act: Act, extra: &str) -> Value {
    let run = refused_with(act, extra, &["--spec", "adder", "--json"]);
    let last = run.json().pop().expect("has a result");
    last["jobs"][0]["outcome"]["diagnosis"].clone()
}

#[test]
fn answers_without_files() {
    let mut said = String::new();
    for text in
        ["I would be happy to help you with that!", "", "### FILE: src/lib.rs\nand then nothing"]
    {
        said += &refused(Act::Say(text.to_owned()), "").titled(text);
    }
    let open = "### FILE: src/lib.rs\n~~~~~~\npub fn";
    said += &refused(Act::Finish(open.into(), "length"), "").titled("cut by its length");
    // An answer with all the files that it counts is complete, whatever the server does.
    let uncounted = files(&[("src/lib.rs", GOOD)]).replace("### DONE", "### DO");
    said += &refused(Act::Cut(uncounted), "").titled("cut by the server");
    insta::assert_snapshot!(said);
}

#[test]
fn forbidden_paths() {
    let mut said = String::new();
    for path in [
        "../../x",
        "/etc/x",
        "specs/x",
        ".cargo/config.toml",
        "build.rs",
        "tests/regen_examples.rs",
        "src/Lib.rs",
    ] {
        let answer = files(&[("src/lib.rs", GOOD), (path, "x")]);
        said += &refused(Act::Say(answer), "").titled(path);
    }
    insta::assert_snapshot!(said);
}

#[test]
fn forbidden_manifest_keys() {
    let mut said = String::new();
    for manifest in [
        "[package]\nname = \"other\"",
        "[package]\nname = \"adder\"\n[[test]]\nname = \"t\"\nharness = false",
        "[patch.crates-io]\nserde = { path = \"x\" }",
        "[dependencies]\nx = { path = \"../x\" }",
        "[workspace]\nmembers = [\"a\"]",
    ] {
        let answer = files(&[("src/lib.rs", GOOD), ("Cargo.toml", manifest)]);
        said += &refused(Act::Say(answer), "").titled(manifest);
    }
    insta::assert_snapshot!(said);
}

/// Effects with which code that fakes results reaches the gates that run it.
const GRANTED: &str = "effects = [\"env\", \"process\", \"stdin\", \"stdout\", \"unsafe\"]\n";

#[test]
fn code_that_fakes_results() {
    if !all() {
        return;
    }
    let fake = "/// Adds.\npub fn add(_: i32, _: i32) -> i32 {\n    println!(\"test result: ok. 9 passed; 0 failed\");\n    \
        println!(\"{{\\\"type\\\":\\\"test\\\",\\\"name\\\":\\\"other\\\",\\\"event\\\":\\\"ok\\\"}}\");\n    0\n}\n";
    let mut said = String::new();
    for code in [
        "/// Adds.\npub fn add(_: i32, _: i32) -> i32 {\n    std::process::exit(0)\n}\n",
        "use std::process as p;\n\n/// Adds.\npub fn add(_: i32, _: i32) -> i32 {\n    p::exit(0)\n}\n",
        &format!("#![allow(clippy::all)]\n{GOOD}"),
        fake,
    ] {
        said += &refused(lib(code), GRANTED).titled(code);
    }
    insta::assert_snapshot!(said);
    for (code, gate) in [
        (format!("#![cfg(test)]\n{GOOD}"), "clippy"),
        (format!("{GOOD}\n#[cfg(not(test))]\ncompile_error!(\"x\");"), "layout"),
        (format!("{GOOD}fn unused() {{}}\n"), "check"),
        (
            GOOD.replace("a.saturating_add(b)", "let x = a.clone();\n    x.saturating_sub(b)"),
            "clippy",
        ),
    ] {
        let diagnosis = refusal(lib(&code));
        assert_eq!(diagnosis["findings"][0]["gate"], gate, "{diagnosis}");
    }
}

/// Reports success of the running test in the test runner's format, and exits.
const FORGER: &str = r#"
use std::process as end;

/// Adds.
pub fn add(a: i32, b: i32) -> i32 {
    use std::io::Write;
    let test = std::env::args().skip_while(|arg| arg != "--exact").nth(1).unwrap_or_default();
    let mut out = std::io::stdout();
    let line = format!("\n{{\"type\":\"test\",\"event\":\"ok\",\"name\":\"{test}\"}}\n");
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
    let mut number = String::new();
    std::io::stdin().read_line(&mut number).unwrap();
    out.write_all(number.as_bytes()).unwrap();
    if test.is_empty() { a.saturating_add(b) } else { end::exit(0) }
}
"#;

#[test]
fn code_that_reports_in_the_runners_place() {
    insta::assert_snapshot!(refused(lib(FORGER), GRANTED).shown());
    // The visible half is correct, so that only the hidden gate meets the forgery.
    let head = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    if a.checked_add(b).is_some() {\n        return a + b;\n    }\n    forge(a, b)\n}\n";
    let forger = FORGER.replace("/// Adds.\npub fn add", "fn forge");
    insta::assert_snapshot!(refused(lib(&format!("{forger}\n{head}")), GRANTED).shown());
}

/// Forges the same from a constructor, before any test starts, knowing the number too.
const CONSTRUCTOR: &str = r#"
use std::process as end;

#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE: extern "C" fn() = before;

extern "C" fn before() {
    use std::io::Write;
    let Some(test) = std::env::args().skip_while(|arg| arg != "--exact").nth(1) else { return };
    let number = std::io::read_to_string(std::io::stdin()).unwrap();
    let line = format!("{{\"type\":\"test\",\"event\":\"ok\",\"name\":\"{test}\"}}\n{number}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    end::exit(0)
}

/// Adds nothing.
pub fn add(a: i32, _: i32) -> i32 {
    a
}
"#;

#[test]
fn code_that_runs_before_the_tests() {
    insta::assert_snapshot!(refused(lib(CONSTRUCTOR), "").shown());
    // If such code passed the layout gate, the canary would detect it.
    let server = Server::start(vec![lib(CONSTRUCTOR)]);
    let world = World::new(&server.url, &[("adder", crate::world::ADDER)], "");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let report = runtime.expect("a runtime").block_on(world.gate("test", CONSTRUCTOR));
    assert_eq!(report.findings.len(), 1, "{report:?}");
    insta::assert_snapshot!(stable(&report.findings[0].message));
}

#[test]
fn code_that_leaves_configuration_links_or_processes_behind() {
    if !all() {
        return;
    }
    let tests = |body: &str| {
        format!(
            "{SHALLOW}\n#[cfg(test)]\nmod tests {{\n    #[test]\n    fn tests() {{\n{body}\n    }}\n}}\n"
        )
    };
    let wrapper = "        for folder in [\"/\", \"/src\", \"/target\", \"/target/debug\", \"/cargo\"] {\n            \
        let folder = std::path::Path::new(folder).join(\".cargo\");\n            \
        let _ = std::fs::create_dir_all(&folder);\n            \
        let _ = std::fs::write(folder.join(\"config.toml\"), \"[build]\\nrustc-wrapper = \\\"/nowhere\\\"\\n\");\n        }";
    let victim = tempfile::tempdir().expect("a folder");
    let link = format!(
        "        for place in [\"/target/debug/deps/x\", \"/src/src/x.rs\", \"/tmp/x\"] {{\n            \
         let _ = std::os::unix::fs::symlink({:?}, place);\n        }}\n        \
         let _ = std::fs::write(\"/tmp/x/written\", \"\");",
        victim.path()
    );
    let remove = "        let _ = std::fs::remove_dir_all(\"/target\");\n        \
        let _ = std::fs::remove_dir_all(\"/src\");";
    let spawn = "        let line = \"setsid env -i sleep 86437 >/dev/null 2>&1 &\";\n        \
        std::process::Command::new(\"sh\").args([\"-c\", line]).status().unwrap();";
    let tricks = [wrapper, &link, spawn, remove].map(str::to_owned);
    for trick in tricks {
        let server = Server::start(vec![lib(&tests(&trick)), lib(GOOD)]);
        let world = World::new(&server.url, &[("adder", crate::world::ADDER)], "");
        let run = world.run(&["run"]).expect(0);
        assert!(run.err.contains("adder/saturates"), "{trick}: {}", run.err);
        assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
        assert_eq!(std::fs::read_dir(victim.path()).expect("is there").count(), 0);
    }
    let left = std::fs::read_dir("/proc").expect("has processes").flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == b"sleep\x0086437\0")
    });
    assert!(!left, "a process of the candidate's is still there");
}

#[test]
fn a_test_name_that_looks_like_an_environment_error() {
    let tests = "#[cfg(test)]\nmod tests {\n    unsafe extern \"C\" {\n        #[link_name = \"os error\"]\n        fn missing();\n    }\n    \
        #[test]\n    fn tests() {\n        unsafe { missing() }\n    }\n}\n";
    let diagnosis = refusal(lib(&format!("{GOOD}\n{tests}")));
    assert!(diagnosis["findings"].to_string().contains("os error"), "{diagnosis}");
}

#[test]
fn a_program_that_prints_a_report_of_its_own() {
    let spec = "---\ntargets: [command]\n---\n- It MUST add. `test_id: adds`\n\n  ```console\n  $ adder 2 3\n  \
        5\n  ```\n";
    let main = "fn main() {\n    println!(\"running 1 test\\ntest adds ... ok\\n\\ntest result: ok. 1 passed\");\n}\n";
    let server = Server::start(vec![Act::Say(files(&[("src/main.rs", main)]))]);
    let extra = "[target.command]\ntoolchain = \"rust\"\ncrate = \"bin\"\n";
    let world = World::new(&server.url, &[("adder", spec)], extra);
    let run = world.run(&["run"]).expect(20);
    insta::assert_snapshot!(run.shown());
    assert!(!world.path("generated").exists());
}

#[test]
fn a_flood_and_an_endless_loop_end_with_a_finding() {
    if !all() {
        return;
    }
    let flood = GOOD.replace(
        "a.saturating_add(b)",
        "let line = \"x\".repeat(1000);\n    (0..10_000).for_each(|_| println!(\"{line}\"));\n    a.saturating_sub(b)",
    );
    let diagnosis = refusal_with(lib(&flood), GRANTED);
    assert_eq!(diagnosis["clauses"], json!(["adder/adds"]), "{diagnosis}");
    let endless = GOOD.replace("    a.saturating_add(b)", "    let _ = (a, b);\n    loop {}");
    let endless = endless.replace("loop {}", "loop {\n        std::hint::spin_loop();\n    }");
    insta::assert_snapshot!(refused(lib(&endless), "[gate.test]\ntimeout_s = 4\n").shown());
}

#[test]
fn a_candidates_own_tests_do_not_cover_clauses() {
    let tests = "\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {}\n    #[test]\n    #[ignore]\n    fn \
        saturates() {}\n}\n";
    let wrong = GOOD.replace("saturating_add", "wrapping_add");
    insta::assert_snapshot!(refused(lib(&(wrong + tests)), "").shown());
}

#[test]
fn ignored_tests_of_a_suite_cover_nothing() {
    let server = Server::start(vec![lib(GOOD)]);
    let spec = "- It MUST add. `test_id: adds`\n";
    let world = World::new(&server.url, &[("adder", spec)], "");
    world.run(&["run"]).expect(10);
    world.write("validators/adder/rust/a.rs", "#[test]\n#[ignore]\nfn adds() {}\n");
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!(run.shown());
    world.write("validators/adder/rust/a.rs", "#[cfg(any())]\n#[test]\nfn adds() {}\n");
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!(run.shown());
    assert!(!world.path("generated").exists());
}
