//! Tests in Python over a candidate in a sandbox of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use regen::gate::{DependencyCache, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor};
use regen::process::{Ended, Program};
use regen::sandbox::{JoinedProgram, SandboxSpec, SandboxView, probe};
use regen::store::{ContentStore, MemoryStore};
use regen::toolchain::{self, SuiteFile};
use regen::types::{
    GateName, GateReport, Limits, LimitsConfig, Outcome, Provenance, RelPath, TestStatus,
    ToolchainId, Tree,
};

use crate::python::{WITHOUT_TOOLS, has_tools, package, world};
use crate::server::Server;
use crate::world::{PATIENCE, Run, World, all, is_full, of_each_kind, stable};

/// A spec with examples in Python, one of them hidden.
const ADDER: &str = "# Adder\n\nA package that adds.\n\n- `add(a: int, b: int) -> int` MUST give the sum. \
    `test_id: adds`\n\n  ```python\n  from adder import add\n\n  assert add(2, 3) == 5\n  ```\n\n- `adder.parse` MUST \
    refuse a text that is not a number with `ValueError`. `test_id: refuses`\n\n  ```python hidden\n  import pytest\n\n  \
    with pytest.raises(ValueError, match=\"none\"):\n      adder.parse(\"none\")\n  assert adder.parse(\"12\") == 12\n  \
    ```\n";

const GOOD: &str = "\"\"\"Adds.\"\"\"\n\n__all__ = [\"add\", \"parse\"]\n\n\ndef add(a: int, b: int) -> int:\n    \
    \"\"\"The sum.\"\"\"\n    return a + b\n\n\ndef parse(text: str) -> int:\n    \"\"\"Its number.\"\"\"\n    return int(text)\n";

/// A run over the adder with this answer each time.
fn answered(code: &str) -> (World, Run) {
    let server = Server::start(vec![package("adder", code)]);
    let world = world(&server, "adder", ADDER, WITHOUT_TOOLS);
    let run = world.run(&["run"]);
    (world, run)
}

#[test]
fn examples_are_judged_apart_from_the_candidate_and_promoted() {
    if !has_tools() {
        return;
    }
    let (world, run) = answered(GOOD);
    run.expect(0);
    assert!(world.read("regen.lock").contains("assurance = \"membrane\""));
    let trace = world.run(&["trace"]).expect(0);
    assert_eq!(trace.out.matches(": passed").count(), 2, "{}", trace.out);
    if !all() {
        return;
    }
    let (world, run) = answered(&GOOD.replace("return a + b", "return a * b"));
    run.expect(20);
    let why = world.run(&["why", "adder"]).out;
    assert!(why.contains("assert 6 == 5") && !world.path("generated/adder").exists(), "{why}");
    let (world, run) = answered(&GOOD.replace("return int(text)", "return len(text)"));
    run.expect(20);
    let why = world.run(&["why", "adder"]).out;
    assert!(why.contains("a held-out example of adder/refuses does not pass"), "{why}");
}

/// A spec for suites over a package `adder`.
pub const SUITES: &str = "# Adder\n\n- It MUST add. `test_id: add`\n";

/// Each test is run once.
pub const ONCE: &str = "[gate.test]\nruns = 1\n";
/// The same, for tests that do not end: none waits for a minute.
pub const SOON: &str = "[gate.test]\nruns = 1\ntimeout_s = 15\n";

/// Runs one gate over a package `adder` with these suites.
fn judged(gate: &str, code: &str, suites: &[(&str, &str)]) -> GateReport {
    judged_with(ONCE, gate, code, suites)
}

fn judged_with(config: &str, gate: &str, code: &str, suites: &[(&str, &str)]) -> GateReport {
    let server = Server::start(Vec::new());
    let world = world(&server, "adder", SUITES, config);
    judge(&world, "python", gate, &[("src/adder/__init__.py", code)], suites)
}

/// Runs one gate over these files with these suites, in a process that never judged them.
pub fn judge(
    world: &World,
    language: &'static str,
    gate: &str,
    files: &[(&str, &str)],
    suites: &[(&str, &str)],
) -> GateReport {
    let (spec, _, _) = regen::spec::parse("specs/adder.md", SUITES.as_bytes());
    let id = ToolchainId::from(language);
    let native = toolchain::find(&id).and_then(|one| one.native()).expect("it runs tests");
    let suite = |(name, text): &(&str, &str)| {
        let file = SuiteFile { name: (*name).to_owned(), text: (*text).to_owned() };
        native.read_suite(&spec, &file).expect("is right")
    };
    let suites: Vec<_> = suites.iter().map(suite).collect();
    let file = |(path, text): &(&str, &str)| {
        (RelPath::parse(path).expect("is one"), text.as_bytes().to_vec())
    };
    let tree = files.iter().map(file).collect::<Tree>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
        let probe = probe(supervisor, &world.cache(), 16384).await;
        let layers = DependencyCache::new(&world.cache().join("regen"));
        let machine = world.machine(&probe.sandbox, &layers).await;
        let harness = regen::config::parse("h", &world.read("harness.toml")).expect("is right");
        let store = Arc::new(MemoryStore::default());
        let tree = store.put_tree(&tree).expect("is kept");
        let executor = LocalExecutor::new(machine, store);
        let (name, target) = (language.into(), &harness.target[language]);
        let inputs = GateInputs::new(spec.clone(), &name, target, &harness.gate, &suites);
        let inputs = Arc::new(inputs);
        executor.accept(&inputs).expect("is kept");
        let tools = executor.toolchain(language).expect("was asked for");
        let gate = GateName::parse(gate).expect("is one");
        let action = inputs.action(&gate, tools, tree, Provenance::Promoted);
        let options = ExecuteOptions::at(SystemTime::now());
        executor.execute(&action, options).await.expect("is executed").report
    })
}

/// The names of passed tests, sorted.
pub fn passed(report: &GateReport) -> BTreeSet<&str> {
    let passed = report.tests.iter().filter(|test| test.status == TestStatus::Passed);
    passed.map(|test| test.name.as_str()).collect()
}

/// Messages of a report, without what differs between machines.
pub fn told(report: &GateReport) -> String {
    let line = |one: &regen::types::Finding| format!("{}: {}\n", one.rule, one.message);
    stable(&report.findings.iter().map(line).collect::<String>())
}

/// Tests of many kinds.
const SUITE: &str = include_str!("membrane/test_adder.py");
const CONFTEST: &str = include_str!("membrane/conftest.py");
const SUPPORT: &str = "def expected():\n    return 5\n";
const HONEST: &str = include_str!("membrane/honest.py");

#[test]
fn an_honest_package_passes_suites_of_every_kind() {
    if !has_tools() {
        return;
    }
    let suites = [("test_adder.py", SUITE), ("conftest.py", CONFTEST), ("support.py", SUPPORT)];
    let report = judged("test", HONEST, &suites);
    assert_eq!(told(&report), "");
    assert_eq!(report.outcome, Outcome::Pass);
    assert_eq!(report.tests.len(), SUITE.matches("def test_").count());
    if !all() {
        return;
    }
    let more = [("test_more.py", include_str!("membrane/test_more.py"))];
    let report = judged("test", include_str!("membrane/honest_more.py"), &more);
    assert_eq!(told(&report), "");
    // Each of them fails where what crosses is changed.
    let report = judged("proof", HONEST, &suites);
    insta::assert_snapshot!("proof_of_every_kind", told(&report));
}

/// Tests in which every cheat fails what it does not do.
const STRICT: &str = include_str!("membrane/test_strict.py");
/// What all cheats do.
const LAZY: &str = include_str!("membrane/lazy.py");
/// Writes to the wires.
const WIRES: &str = include_str!("membrane/wires.py");
/// Cheats: a family, the code behind [`LAZY`], and the tests that it truly fulfils.
const CHEATS: &[(&str, &str, &[&str])] = &[
    ("wrong", "", &[]),
    ("ends", "import os\nos._exit(0)\n", &[]),
    ("ends", "import os\ndef add(*a): os._exit(0)\nitems = check = greet = mean = add\n", &[]),
    ("ends", "import sys\ndef add(*a): sys.exit(0)\nitems = check = greet = mean = add\n", &[]),
    ("ends", "import os\nif os.fork():\n    os._exit(0)\n", &[]),
    ("equal", include_str!("membrane/equal.py"), &["test_length"]),
    ("equal", include_str!("membrane/differences.py"), &["test_length"]),
    ("equal", include_str!("membrane/subclasses.py"), &["test_check"]),
    ("equal", include_str!("membrane/turns.py"), &["test_check"]),
    (
        "equal",
        "class C(type):\n    def __eq__(c, o): return True\n    def __hash__(c): return 0\n\
         class D(metaclass=C): pass\nadd = items = greet = mean = lambda *a: D\n",
        &[],
    ),
    (
        "equal",
        "class T(tuple): _fields = ('__class__', '__eq__')\nadd = lambda *a: T((int, 5))\n",
        &[],
    ),
    (
        "patches",
        "import sys\nfor m in list(sys.modules.values()):\n    if 'test' in getattr(m, '__name__', ''):\n        \
         for c in list(vars(m).values()):\n            if isinstance(c, type):\n                \
         c.runtest = c.assertEqual = lambda *a: None\n",
        &[],
    ),
    ("patches", include_str!("membrane/unittest_patch.py"), &[]),
    (
        "report",
        "import os\nT = b'{\"end\": true, \"status\": 0, \"names\": [\"test_add\"], \"collected\": [], \"errors\": [], \
         \"phases\": {}, \"bad\": [], \"broken\": null, \"late\": false, \"swallowed\": null}\\n'\nfor fd in range(64):\n    \
         try: os.write(fd, T)\n    except OSError: pass\nos._exit(0)\n",
        &[],
    ),
    ("looks", include_str!("membrane/frames.py"), &[]),
    ("looks", include_str!("membrane/disk.py"), &[]),
    ("looks", include_str!("membrane/memory.py"), &[]),
    (
        "looks",
        "def call(f):\n    for n in ('__globals__', '__code__', '__self__', '__closure__', 'gi_frame'):\n        \
         if hasattr(f, n): raise SystemExit(n)\n    return f(4)\n",
        &["test_call"],
    ),
    (
        "threads",
        "import threading, gc, types\ndef go():\n    while True:\n        for o in gc.get_objects():\n            \
         if isinstance(o, types.FunctionType) and o.__name__.startswith('test_'):\n                \
         o.__code__ = (lambda: None).__code__\nthreading.Thread(target=go, daemon=True).start()\n",
        &[],
    ),
    ("skips", "import pytest\npytest.skip('no', allow_module_level=True)\n", &[]),
    (
        "skips",
        "import unittest\ndef add(*a): raise unittest.SkipTest('no')\nitems = check = greet = mean = call = add\n",
        &[],
    ),
    ("memory", include_str!("membrane/integers.py"), &["test_check", "test_length"]),
    (
        "kills",
        "import os, signal\nfor p in (os.getppid(), -1, 0):\n    try: os.kill(p, signal.SIGKILL)\n    \
         except OSError: pass\n",
        &[],
    ),
    ("raises", "def check(n): raise ValueError('negative')\n", &["test_check"]),
    (
        "catches",
        "def call(f):\n    try: f(5)\n    except BaseException: pass\n    return 4\n\
         Context.__exit__ = lambda *a: True\n",
        &[],
    ),
];
/// Families that attack something else than values.
const ELSEWHERE: [&str; 6] = ["ends", "report", "looks", "threads", "skips", "kills"];
/// Tests that import everything, and names that would replace what they use.
const STARRED: &str = "import pytest\n\nfrom adder import *\n\n\ndef test_mean():\n    assert abs(mean(1, 2) - 1.5) < \
    1e-9\n\n\ndef test_check():\n    with pytest.raises(ValueError):\n        check(-1)\n";
const NAMES: &[(&str, &str)] = &[
    ("abs", "abs = lambda x: 0\n"),
    ("pytest", "class pytest:\n    raises = lambda e: Context()\n"),
    ("pytest_pyfunc_call", "pytest_pyfunc_call = lambda pyfuncitem: True\n"),
    ("setup_module", "setup_module = lambda module: module\n"),
];
/// Lies in the protocol, as the body of a loop. Each fails every test.
const LIES: &[&str] = &[
    "line(['=', 999, 5, [], ''])",
    "line(b'}{')",
    "line(b'[' * 200000)",
    "os.write(W, b'x' * 65536); continue",
    "line(['?', 1, 'get', 'read_text', ['pa', '/src/tests/test_strict.py'], [], {}])",
    "line(['?', 1, 'op', '__call__', ['type', 'builtins', 'int'], ['5'], {}])",
    "line(['?', 1, 'get', 'x', ['y', 0], [], {}])",
    "line(['=', M[1], ['type', 'os', 'system'], [], ''])",
    "line(['!', M[1], ['x', 1, ['type', 'builtins', 'int'], ['t'], '', None], [], ''])",
    "line(['=', M[1], 5, [[0, ['l', 7]]], ''])",
    "line(['=', M[1], ['m', 3, 4], [], ''])",
];

#[test]
fn no_cheat_passes_a_test_that_it_does_not_fulfil() {
    if !has_tools() {
        return;
    }
    let suites = [("test_strict.py", STRICT)];
    let honest = judged("test", &format!("{LAZY}{}", include_str!("membrane/strict.py")), &suites);
    assert_eq!(told(&honest), "");
    // A value, an error and a call back are enough for what does not depend on what a test asks;
    // of the others, the first of a family meets all.
    let (few, _) = STRICT.split_once("\n\ndef test_box").expect("has this test");
    let (few_tests, few) = (few, [("test_strict.py", few)]);
    let mut seen = BTreeSet::new();
    let cheats = of_each_kind(CHEATS.iter().copied(), |cheat| cheat.0);
    for (family, code, fulfilled) in cheats {
        if !is_full() && family != "equal" {
            continue;
        }
        let all = !ELSEWHERE.contains(&family) && seen.insert(family);
        let strict = if all { &suites } else { &few };
        let report = judged("test", &format!("{LAZY}{code}"), strict);
        assert_ne!(report.outcome, Outcome::Pass, "{family}: {code}");
        let fulfilled = fulfilled.iter().copied();
        let true_ones: BTreeSet<&str> =
            fulfilled.filter(|name| all || few_tests.contains(&format!("def {name}("))).collect();
        assert_eq!(passed(&report), true_ones, "{family}: {code}\n{}", told(&report));
    }
    let starred = [("test_starred.py", STARRED)];
    let honest = judged("test", &format!("{LAZY}{}", include_str!("membrane/strict.py")), &starred);
    assert_eq!(told(&honest), "");
    for (name, code) in of_each_kind(NAMES.iter().copied(), |_| ()) {
        let report = judged("test", &format!("{LAZY}{code}"), &starred);
        assert_eq!(passed(&report), BTreeSet::new(), "{name}");
        assert!(told(&report).contains(&format!("adder has `{name}`")), "{}", told(&report));
    }
    for lie in of_each_kind(LIES.iter().copied(), |_| ()) {
        let code = WIRES.replace("LIE", lie);
        let report = judged_with(SOON, "test", &format!("{LAZY}{code}"), &few);
        assert_eq!(passed(&report), BTreeSet::new(), "{lie}\n{}", told(&report));
    }
}

#[test]
fn what_does_not_pass_is_told_with_its_call() {
    if !has_tools() {
        return;
    }
    let suite = "import adder\nimport pytest\n\n\ndef test_ends():\n    adder.leave(1, [2])\n\n\n@pytest.mark.skipif(adder.add(1, 1) == 2, reason=\"now\")\n\
        def test_skipped():\n    pass\n\n\n@getattr(pytest.mark, \"xfail\")\ndef test_wrong():\n    assert adder.add(1, 1) == 3\n\n\n\
        if adder.add(0, 1) == 0:\n\n    def test_gone():\n        pass\n\n\ndef test_error():\n    adder.add(1, None)\n\n\n\
        @pytest.mark.parametrize(\"a\", [1, 2])\ndef test_case(a):\n    assert (\n        adder.add(a, 1)\n        == 2\n    )\n";
    let code = "import os\n\n\ndef add(a, b):\n    return a + b\n\n\ndef leave(n, parts):\n    os._exit(3)\n\n\n\
        def wait(n):\n    while n:\n        pass\n\n\ndef fill():\n    return [b\"x\" * 2**20] * 2**13\n";
    let report = judged("test", code, &[("test_adder.py", suite)]);
    insta::assert_snapshot!("told_with_its_call", told(&report));
    assert_eq!(passed(&report), BTreeSet::new());
    // Errors in a suite's own text are not the candidate's.
    let own = [("test_adder.py", "def test_a(:\n    pass\n")];
    let report = judged("test", code, &own);
    assert!(report.findings.iter().any(|one| one.in_suite && one.line == Some(1)));
    if !all() {
        return;
    }
    let late = "import adder\n\n\ndef test_hangs():\n    adder.wait(1)\n";
    let report = judged_with(SOON, "test", code, &[("test_adder.py", late)]);
    assert_eq!(told(&report), "test_hangs: adder.wait(1) did not end in time\n");
    assert_eq!(report.outcome, Outcome::Timeout);
    let busy = "import adder\n\n\ndef test_asks():\n    while True:\n        adder.add(1, 1)\n";
    let report = judged_with(SOON, "test", code, &[("test_adder.py", busy)]);
    assert!(told(&report).contains("in time; the test had asked "), "{}", told(&report));
    let late = "import adder\n\n\ndef test_fills():\n    adder.fill()\n";
    let report = judged("test", code, &[("test_adder.py", late)]);
    assert!(matches!(report.outcome, Outcome::Limit { .. }), "{report:?}");
}

#[test]
fn a_test_that_cannot_fail_proves_nothing() {
    if !has_tools() {
        return;
    }
    let suite = "import pytest\n\nimport adder\n\n\ndef test_empty():\n    assert 1 + 1 == 2\n\n\n\
        def test_ignores():\n    try:\n        adder.add(1, 1)\n    except BaseException:\n        pass\n\n\n\
        def test_only_calls():\n    adder.add(1, 1)\n\n\ndef test_raises():\n    with pytest.raises(ValueError):\n        \
        adder.check(-1)\n\n\ndef test_sorts():\n    parts = [2, 1]\n    adder.sort(parts)\n    assert parts == [1, 2]\n";
    let code = "def add(a, b):\n    return a + b\n\n\ndef check(n):\n    raise ValueError\n\n\ndef sort(parts):\n    \
        parts.sort()\n";
    let report = judged("proof", code, &[("test_adder.py", suite)]);
    insta::assert_snapshot!("proof_of_weak_tests", told(&report));
}

#[test]
fn both_sides_run_at_every_isolation_level() {
    if !has_tools() || !all() {
        return;
    }
    // Tests that a candidate finds on the disk would be in one of these folders.
    let cheat = format!("{GOOD}\n\n{}", include_str!("membrane/disk.py"));
    let effects = "effects = [\"fs\", \"env\", \"state\"]\n";
    for (lacks, level) in [(&["namespaces"][..], "1"), (&["namespaces", "landlock"], "0")] {
        for (code, status) in [(GOOD, 0), (cheat.as_str(), 20)] {
            if level == "0" && status == 20 {
                continue;
            }
            let server = Server::start(vec![package("adder", code)]);
            let more = format!("{effects}{WITHOUT_TOOLS}[sandbox]\nmin_level = {level}\n");
            let world = world(&server, "adder", ADDER, &more);
            let mut command = crate::attacks::without(lacks, &world, &["run"]);
            Run::of(command.env("REGEN_MIN_LEVEL", level)).expect(status);
        }
    }
}

#[test]
fn a_users_suite_is_promoted_and_covers_its_clauses() {
    if !has_tools() || !all() {
        return;
    }
    let spec = "# Adder\n\n- It MUST add. `test_id: adds`\n- It MUST parse. `test_id: parses`\n";
    let suite = "import unittest\n\nimport adder\nimport pytest\n\n\n@pytest.mark.parametrize(\"a\", [1, 2])\ndef \
        test_adds__twice(a):\n    assert adder.add(a, a) == 2 * a\n\n\nclass TestParse(unittest.TestCase):\n    def \
        test_parses(self):\n        self.assertEqual(adder.parse(\"7\"), 7)\n";
    let server = Server::start(vec![package("adder", GOOD)]);
    let world = world_of(&server, spec, suite);
    world.run(&["run"]).expect(0);
    let trace = world.run(&["trace"]).expect(0).out;
    assert!(trace.contains("test_adds__twice") && trace.contains("TestParse::test_parses"));
    world.run(&["check", "--rerun"]).expect(0);
}

/// A workspace with a suite.
fn world_of(server: &Server, spec: &str, suite: &str) -> World {
    let world = world(server, "adder", spec, WITHOUT_TOOLS);
    world.write("validators/adder/python/test_adder.py", suite);
    world
}

#[test]
fn joined_programs_talk_and_end_together() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
        let sandbox = probe(supervisor, folder.path(), 1024).await.sandbox;
        let spec = SandboxSpec::new(Limits::of(&LimitsConfig::default()));
        // Together they want more than there is.
        let (one, other) = sandbox.open_pair(&spec, &spec).await.expect("open");
        let said = |session, script: &str| JoinedProgram {
            session,
            view: SandboxView::Read,
            program: Program {
                path: "/bin/sh".into(),
                args: vec!["-c".into(), script.into()],
                dir: "/".into(),
                env: Vec::new(),
                stdin: None,
                timeout: Duration::from_secs(20),
            },
        };
        let asks = "echo one; read x; echo $x >&2; exec >&-; read y || echo end >&2";
        let first = said(&one, asks);
        let answers = said(&other, "read x; echo $x two; echo no >&2; exit 3");
        let (output, theirs) = first.join(answers).await.expect("run");
        assert_eq!(output.errors(), "one two\nend\n");
        let theirs = theirs.expect("ended");
        assert_eq!((theirs.ended, theirs.errors().as_str()), (Ended::Exit(3), "no\n"));
        // The other one ends with the first, whatever it does.
        let started = Instant::now();
        let stays = said(&other, "trap '' TERM PIPE; while :; do sleep 1; done");
        let (output, theirs) = said(&one, "exit 0").join(stays).await.expect("run");
        assert!(output.succeeded() && theirs.is_none());
        assert!(started.elapsed() < PATIENCE);
        one.close().await;
        other.close().await;
    });
}
