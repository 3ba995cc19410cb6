//! Custom gates: valid and invalid validators.

use std::os::unix::fs::PermissionsExt;

use crate::server::{Server, lib};
use crate::world::{ADDER, GOOD, Run, WRONG, World, all, stable};

const GATES: &str = "gates = [\"layout\", \"check\", \"own\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n[gate.own]\n\
    validator = \"own\"\n";

fn world(server: &Server, script: &str, extra: &str) -> World {
    let world = World::new(&server.url, &[("adder", ADDER)], &format!("{GATES}{extra}"));
    world.write("validators/own/validator.toml", "argv = [\"own.sh\"]\n");
    world.write("validators/own/own.sh", &format!("#!/bin/sh\n{script}\n"));
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.path("validators/own/own.sh"), mode).expect("changes the mode");
    world
}

#[test]
fn a_validators_finding_reaches_the_model() {
    let script = "read request\nif grep -q 'never sleeps' src/lib.rs; then echo \
        '{\"version\":1,\"outcome\":\"pass\"}'; else echo '{\"version\":1,\"outcome\":\"fail\",\"findings\":\
        [{\"rule\":\"motto\",\"message\":\"say that it never sleeps\",\"file\":\"src/lib.rs\",\"clauses\":[\"adder/adds\"]}]}'; fi";
    let server = Server::start(vec![lib(GOOD), lib(&format!("//! It never sleeps.\n\n{GOOD}"))]);
    let world = world(&server, script, "");
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!(stable(&server.told(1)));
}

#[test]
fn an_invalid_report_is_an_environment_error_never_a_pass() {
    if !all() {
        return;
    }
    let mut said = String::new();
    for script in [
        "echo all good",
        "true",
        "echo '{\"version\":1,\"outcome\":\"pass\"}'; exit 3",
        "echo '{\"version\":1,\"outcome\":\"pass\"}'; kill -9 $$",
        "echo '{\"version\":1,\"outcome\":\"pass\",\"score\":5}'",
        "echo '{\"version\":2,\"outcome\":\"pass\"}'",
        "echo '{\"version\":1,\"outcome\":\"fail\"}'",
        "echo '{\"version\":1,\"outcome\":\"error\",\"message\":\"no idea\"}'",
        "echo '{\"version\":1,\"outcome\":\"pass\"}{}'",
    ] {
        let server = Server::start(vec![lib(GOOD)]);
        let world = world(&server, script, "");
        said += &world.run(&["run"]).expect(40).titled(script);
        assert_eq!(server.requests().len(), 1, "it costs no attempt");
        assert!(!world.path("generated").exists());
    }
    insta::assert_snapshot!(said);
}

#[test]
fn an_advisory_gate_rejects_nothing() {
    let script = "echo '{\"version\":1,\"outcome\":\"fail\",\"findings\":[{\"rule\":\"r\",\"message\":\"hm\"}]}'";
    let server = Server::start(vec![lib(GOOD)]);
    let run = world(&server, script, "advisory = true\n").run(&["run"]).expect(0);
    insta::assert_snapshot!(run.shown());
}

#[test]
fn a_command_gate_runs_without_the_users_environment() {
    let server = Server::start(vec![lib(GOOD)]);
    let extra = "gates = [\"layout\", \"lines\", \"check\", \"fmt\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n[gate.lines]\n\
        argv = [\"sh\", \"-c\", \"test -z \\\"$TEST_TOKEN\\\" || { echo src/lib.rs:1:2: leaked; exit 1; }\"]\n";
    let world = World::new(&server.url, &[("adder", ADDER)], extra);
    let status = world.command(&["run", "--quiet"]).env("TEST_TOKEN", "x").status().expect("runs");
    assert_eq!(status.code(), Some(0));
    let lines = "[gate.lines]\n";
    let given =
        world.read("harness.toml").replace(lines, &format!("{lines}secrets = [\"TEST_TOKEN\"]\n"));
    world.write("harness.toml", &given);
    let run = Run::of(world.command(&["run", "--force"]).env("TEST_TOKEN", "x")).expect(20);
    insta::assert_snapshot!(run.shown());
}

#[test]
fn a_gate_after_the_tests_sees_the_original_candidate() {
    let tests = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn cleans_up() {\n        let clean = \
        std::fs::read_to_string(\"src/lib.rs\").unwrap_or_default().replace(\"SECRET\", \"\");\n        \
        let _ = std::fs::write(\"src/lib.rs\", clean);\n    }\n}\n";
    let server = Server::start(vec![lib(&format!("// SECRET\n{GOOD}\n{tests}"))]);
    let extra = "gates = [\"layout\", \"check\", \"test\", \"lines\", \"hidden\", \"proof\", \"clauses\"]\n[gate.lines]\n\
        argv = [\"sh\", \"-c\", \"if grep -n SECRET src/lib.rs; then exit 1; fi\"]\n";
    let world = World::new(&server.url, &[("adder", ADDER)], extra);
    let run = world.run(&["run"]).expect(20);
    insta::assert_snapshot!(run.shown());
}

#[test]
fn a_guard_names_its_clause() {
    let spec =
        ADDER.to_owned() + "\n- The crate MUST NOT contain `unsafe`. `guard: forbid_unsafe`\n";
    let code = GOOD.replace("a.saturating_add(b)", "unsafe { a.unchecked_add(b) }");
    let server = Server::start(vec![lib(&code), lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", &spec)], "");
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!(stable(&server.told(1)));
}

#[test]
fn flaky_tests_are_rejected_unless_waived() {
    if !all() {
        return;
    }
    let suite = "use std::hash::{BuildHasher, RandomState};\n#[test]\nfn keeps() {\n    \
        assert!(RandomState::new().hash_one(1) % 2 == 0, \"odd\");\n    assert_eq!(adder::add(1, 1), 2);\n}\n";
    let spec = |waiver: &str| format!("{ADDER}\n- It MUST keep `1`. `test_id: keeps` {waiver}\n");
    for (waiver, code) in [("", 20), ("`waived: moody until 2099-01-01`", 0)] {
        let server = Server::start(vec![lib(GOOD)]);
        // So many equal runs happen by chance once in a million times.
        let extra = "[gate.test]\nruns = 20\n";
        let world = World::new(&server.url, &[("adder", &spec(waiver))], extra);
        world.write("validators/adder/rust/suite.rs", suite);
        let run = world.run(&["--spec", "adder"]).expect(code);
        // Whether `proof` has a finding depends on random numbers.
        insta::assert_snapshot!(run.shown().replace("pass · 1 note · [time]", "pass · [time]"));
        assert_eq!(world.path("generated").exists(), code == 0);
    }
    let wrong = World::new("http://127.0.0.1:1", &[("adder", ADDER)], "[gate.check]\nruns = 2\n");
    insta::assert_snapshot!(wrong.run(&["plan"]).expect(2).shown());
}

#[test]
fn a_gate_named_error_that_fails_again_is_a_failed_gate() {
    let server = Server::start(vec![lib(GOOD)]);
    let extra = "gates = [\"layout\", \"check\", \"error\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n\
        [gate.error]\nsecrets = [\"TEST_TOKEN\"]\n\
        argv = [\"sh\", \"-c\", \"test $TEST_TOKEN = good || { echo src/lib.rs:1:2: no; exit 1; }\"]\n";
    let world = World::new(&server.url, &[("adder", ADDER)], extra);
    let exits = |args: &[&str], token: &str| {
        let output = world.command(args).env("TEST_TOKEN", token).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(exits(&["run", "--quiet"], "good").0, Some(0));
    let (code, found) = exits(&["check", "--rerun", "--json"], "bad");
    assert!(found.contains("check::rerun_error"), "{found}");
    assert_eq!(code, Some(20), "{found}");
}

#[test]
fn a_validator_failing_only_on_the_candidate_rejects_it() {
    if !all() {
        return;
    }
    let pass = "echo '{\"version\":1,\"outcome\":\"pass\"}'";
    for breaks in ["kill -9 $$", "exit 3", "echo nonsense; exit 0"] {
        let script = format!(
            "read request\nif grep -q saturating_sub src/lib.rs; then {breaks}; fi\n{pass}"
        );
        // With an empty tree as the control, then with the promoted one.
        let server = Server::start(vec![lib(WRONG), lib(GOOD), lib(WRONG), lib(GOOD)]);
        let world = world(&server, &script, "");
        for asked in [2, 4] {
            let run = world.run(&["run", "--force"]).expect(0);
            assert!(run.err.contains("fails only on this candidate"), "{breaks}: {}", run.err);
            assert_eq!(server.requests().len(), asked, "{breaks}");
            assert!(server.told(asked - 1).contains("breaks_validator"), "{breaks}");
        }
    }
}

/// The examples in the documentation of `add`, after each other in several files.
#[test]
fn examples_in_documentation_must_pass() {
    let of = |example: &str| GOOD.replace("/// Adds.\n", &format!("/// Adds.\n///\n{example}"));
    let wrong = of("/// ```\n/// assert_eq!(adder::add(2, 3), 6);\n/// ```\n");
    let broken = of("/// ```\n/// assert_eq!(add(2, 3), 5);\n/// ```\n");
    let right = of("/// ```\n/// assert_eq!(adder::add(2, 3), 5);\n/// ```\n\
        ///\n/// ```should_panic\n/// assert_eq!(adder::add(2, 3), 6);\n/// ```\n\
        ///\n/// ```text\n/// not Rust\n/// ```\n");
    let server = Server::start(vec![lib(&wrong), lib(&broken), lib(&right)]);
    let world = World::new(&server.url, &[("adder", ADDER)], "");
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 3);
    for (at, what) in [(1, "right: 6"), (2, "cannot find function")] {
        let told = server.told(at);
        assert!(told.contains("the test in the documentation of `add` fails"), "{told}");
        assert!(told.contains("in `src/lib.rs` line 3") && told.contains(what), "{told}");
    }
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), right);
}

#[test]
fn an_example_in_documentation_that_does_not_end_is_refused() {
    if !all() {
        return;
    }
    let endless = GOOD.replace("/// Adds.\n", "/// Adds.\n///\n/// ```\n/// loop {}\n/// ```\n");
    let server = Server::start(vec![lib(&endless), lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", ADDER)], "[gate.test]\ntimeout_s = 20\n");
    world.run(&["run"]).expect(0);
    assert!(server.told(1).contains("the tests in the documentation did not end within"));
}
