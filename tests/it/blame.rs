//! Whose fault it is: what no answer can change is never the model's, and costs no call or few.

use crate::python::{self, WITHOUT_TOOLS};
use crate::server::{Act, Server, files, lib};
use crate::typescript::{self, FEW_GATES};
use crate::world::{ADDER, GOOD, World, all, rounds};

/// A workspace with a suite of the user's.
fn with_suite(server: &Server, suite: &str) -> World {
    let world = World::adder(&server.url);
    world.write("validators/adder/rust/suite.rs", suite);
    world
}

#[test]
fn an_error_in_a_suites_own_text_is_found_before_a_call() {
    for (suite, line) in [
        (
            "#[test]\nfn adds__s() {\n    let s: String = 5;\n    assert_eq!(adder::add(1, 2).to_string(), s);\n}\n",
            3,
        ),
        (
            "use adder::add;\n\nfn wanted() -> i32 {\n    \"3\"\n}\n#[test]\nfn adds__s() {\n    assert_eq!(add(1, 2), wanted());\n}\n",
            4,
        ),
        (
            "#[test]\nfn adds__s() {\n    assert_eq!(adder::add(1, 2), 3);\n    let n = [1, 2] + 1;\n}\n",
            4,
        ),
    ] {
        let server = Server::start(vec![lib(GOOD)]);
        let world = with_suite(&server, suite);
        let run = world.run(&["--spec", "adder"]).expect(10);
        assert!(server.requests().is_empty());
        let place = format!("validators/adder/rust/suite.rs:{line}: error[E");
        assert!(run.err.contains(&place) && run.err.contains("fault: spec"), "{}", run.err);
        assert!(!world.path("generated").exists());
    }
}

#[test]
fn suites_that_lean_on_the_candidate_are_left_to_the_gates() {
    let suite = "use adder::add as plus;\nuse std::fmt::Write as _;\n\nstruct Log(String);\n\
        impl Log {\n    fn note(&mut self, n: i32) -> usize {\n        write!(self.0, \"{n};\").unwrap();\n        \
        self.0.len()\n    }\n}\nfn twice(n: i32) -> i32 {\n    plus(n, n)\n}\n#[test]\nfn adds__log() {\n    \
        let mut log = Log(String::new());\n    let mut all = Vec::new();\n    for n in 0..3 {\n        \
        all.push(twice(n));\n        log.note(twice(n));\n    }\n    let sum: i32 = all.iter().sum();\n    \
        assert_eq!(sum, 6, \"{}\", log.0);\n    let none: Vec<u8> = Vec::new();\n    assert!(none.is_empty());\n}\n";
    let server = Server::start(vec![lib(GOOD)]);
    let world = with_suite(&server, suite);
    world.run(&["--spec", "adder"]).expect(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_file_without_tests_among_the_suites_is_not_a_test_program() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = with_suite(&server, "pub fn three() -> i32 {\n    3\n}\n");
    world.run(&["--spec", "adder"]).expect(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_same_error_in_an_example_under_two_answers_is_the_specs_fault() {
    let spec = ADDER.replace(
        "assert_eq!(adder::add(2, 3), 5, \"two and three\");",
        "assert_eq!(adder::add(2, 3), \"5\".len());",
    );
    let other = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    b.saturating_add(a)\n}\n";
    let server = Server::start(vec![lib(GOOD), lib(other)]);
    let world = World::new(&server.url, &[("adder", &spec)], "");
    let run = world.run(&["--spec", "adder"]).expect(21);
    assert_eq!(server.requests().len(), 2);
    assert!(run.err.contains("specs/adder.md:5: error[E"), "{}", run.err);
    assert!(run.err.contains("two different answers fail here in the same way"), "{}", run.err);
}

#[test]
fn two_examples_that_contradict_each_other_are_found_before_a_call_in_every_spelling() {
    let spec = |second: &str| {
        format!(
            "# Adder\n\n- `add(a: i32, b: i32) -> i32` MUST give the sum. `test_id: adds`\n\n  ```rust\n  \
             assert_eq!(adder::add(2, 3), 5);\n  assert!(adder::is_even(2));\n  ```\n\n- It MUST saturate. \
             `test_id: saturates`\n\n  ```rust\n  {second}\n  ```\n"
        )
    };
    for second in [
        "assert_eq!(adder::add(2, 3), 6);",
        "assert_eq!(6, adder::add(2, 3));",
        "let sum = adder::add(2, 3);\n  assert_eq!(sum, 6);",
        "use adder::add;\n  assert_eq!(add(2, 3), 6);",
        "assert!(!adder::is_even(2));",
        "assert!(adder::add(2, 3) == 6);",
        "assert_ne!(adder::add(2, 3), 5);",
        "for (a, sum) in [(1, 3), (3, 6)] { assert_eq!(adder::add(2, a), sum); }",
    ] {
        let server = Server::start(vec![lib(GOOD)]);
        let world = World::new(&server.url, &[("adder", &spec(second))], "");
        let run = world.run(&["run"]).expect(10);
        assert!(server.requests().is_empty());
        let text = run.err.replace('│', "");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = format!("line {}", 13 + second.matches('\n').count());
        assert!(
            run.err.contains("specs/adder.md:6") || run.err.contains("specs/adder.md:7"),
            "{}",
            run.err
        );
        assert!(text.contains(&line), "{}", run.err);
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = with_suite(
        &server,
        "use adder::add;\n\n#[test]\nfn saturates__small() {\n    let five = 6;\n    assert_eq!(add(2, 3), five);\n}\n",
    );
    let run = world.run(&["run"]).expect(10);
    assert!(run.err.contains("in suite.rs, line 6"), "{}", run.err);
    assert!(server.requests().is_empty());
}

#[test]
fn a_property_that_has_no_value_is_the_specs_fault_before_a_call() {
    let spec = "# Sums\n\n```wit\nsum: func(a: s64, b: s64) -> s64;\n```\n\n- It MUST add. `test_id: sums`\n\n  \
        ```property\n  a: s64\n  b: s64\n  sum(a, b) == a + b\n  ```\n";
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("sums", spec)], "");
    let run = world.run(&["run"]).expect(10);
    insta::assert_snapshot!(run.shown());
    assert!(server.requests().is_empty());
}

#[test]
fn a_name_that_two_answers_lack_is_the_models_fault() {
    let answer = |name: &str| {
        lib(&format!(
            "/// Adds.\npub fn {name}(a: i32, b: i32) -> i32 {{\n    a.saturating_add(b)\n}}\n"
        ))
    };
    let server = Server::start(vec![answer("plus"), answer("sum"), answer("total")]);
    let world = World::adder(&server.url);
    let run = world.run(&["--spec", "adder"]).expect(20);
    assert!(run.err.contains("fault: model"), "{}", run.err);
}

#[test]
fn where_every_answer_fails_in_one_clause_alone_the_clause_may_be_wrong() {
    let spec = ADDER.replace("adder::add(2, 3), 5,", "adder::add(2, 3), 6,");
    let answers = ["a.saturating_add(b)", "b.saturating_add(a)", "{ a }.saturating_add(b)"];
    let answers = answers.map(|body| {
        lib(&format!("/// Adds.\npub fn add(a: i32, b: i32) -> i32 {{\n    {body}\n}}\n"))
    });
    let server = Server::start(answers.into());
    let world = World::new(&server.url, &[("adder", &spec)], "");
    let run = world.run(&["--spec", "adder"]).expect(20);
    let said = "or the clause `adder/adds` is wrong: it requires 6, the answers give 5";
    assert!(run.err.contains(said), "{}", run.err);
}

#[test]
fn a_conflict_of_an_unknown_clause_is_asked_about_once_and_then_taken() {
    let conflict = Act::Say("### CONFLICT: adder/nothing these cannot both hold\n".to_owned());
    let server = Server::start(vec![conflict]);
    let world = World::adder(&server.url);
    let run = world.run(&["--spec", "adder"]).expect(21);
    assert_eq!(server.requests().len(), 2);
    assert!(server.prompt(1).contains("`adder/nothing`"), "{}", server.prompt(1));
    assert!(run.err.contains("these cannot both hold"), "{}", run.err);
}

#[test]
fn results_count_for_a_clause_only_in_the_words_they_were_had_with() {
    let said = |world: &World| {
        let trace = world.run(&["trace", "--json"]).json().pop().expect("is told");
        let rows = trace["clauses"].as_array().expect("has rows").clone();
        let row = rows.into_iter().find(|row| row["clause"] == "adder/adds").expect("is there");
        row["proofs"][0]["said"].as_str().expect("is a word").to_owned()
    };
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    assert_eq!(said(&world), "passed");
    let spec = world.read("specs/adder.md");
    world.write("specs/adder.md", &spec.replace("MUST give the sum", "MUST give the exact sum"));
    assert_eq!(said(&world), "not_run");
    world.write("specs/adder.md", &spec.replace("add(2, 3), 5", "add(2, 4), 6"));
    assert_eq!(said(&world), "not_run");
    world.write("specs/adder.md", &spec);
    assert_eq!(said(&world), "passed");
}

#[test]
fn the_log_ends_a_job_with_outcome_fault_and_cost_and_the_same_answer_is_told() {
    let wrong = lib("/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a.saturating_sub(b)\n}\n");
    let server = Server::start(vec![wrong]);
    let world = World::adder(&server.url);
    let run = world.run(&["--spec", "adder"]).expect(20);
    assert!(run.err.contains("the same files as in attempt 1: refused again"), "{}", run.err);
    let log = world.run(&["log"]).expect(0);
    let last = log.out.lines().last().expect("has lines");
    assert!(last.contains("job ended: rejected; fault: model · 4 attempts, "), "{last}");
    assert!(last.ends_with(" tokens, price unknown"), "{last}");
    let entries = world.run(&["log", "--json"]).expect(0).json();
    let last = entries.last().expect("has entries");
    assert_eq!((&last["type"], &last["attempts"]), (&"job_ended".into(), &4.into()));
    assert_eq!(last["outcome"]["result"], "rejected");
}

#[test]
fn what_is_not_compiled_and_tested_is_not_promoted() {
    let code = |before: &str| {
        format!(
            "{before}/// Adds.\npub fn add(a: i32, b: i32) -> i32 {{\n    a.saturating_add(b)\n}}\n"
        )
    };
    for (answer, rule) in [
        (files(&[("src/lib.rs", &code("")), ("src/orphan.rs", "this is not {{{")]), "unreached"),
        (files(&[("src/lib.rs", &code("#[cfg(windows)]\npub mod other;\n\n"))]), "condition"),
        (
            files(&[(
                "src/lib.rs",
                "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    if cfg!(debug_assertions) { a.saturating_add(b) } else { 0 }\n}\n",
            )]),
            "condition",
        ),
    ] {
        let server = Server::start(vec![Act::Say(answer)]);
        let world = World::adder(&server.url);
        let run = world.run(&["--spec", "adder"]).expect(20);
        assert!(run.err.contains(rule), "{rule}: {}", run.err);
        assert!(!world.path("generated").exists());
    }
    let unit = "\n#[cfg(test)]\nmod tests;\n";
    let tests = "use super::add;\n\n#[test]\nfn sums() {\n    assert_eq!(add(1, 1), 2);\n}\n";
    let answer = files(&[("src/lib.rs", &(code("") + unit)), ("src/tests.rs", tests)]);
    let server = Server::start(vec![Act::Say(answer)]);
    World::adder(&server.url).run(&["--spec", "adder"]).expect(0);
}

#[test]
fn a_lint_against_the_interface_itself_can_be_allowed() {
    let spec = "# Steps\n\n- `Steps::new() -> Steps` MUST start at 1. `test_id: starts`\n\n  ```rust\n  \
        assert_eq!(steps::Steps::new().next(), Some(1));\n  ```\n";
    let code = "/// Steps.\n#[derive(Debug)]\npub struct Steps(u32);\n\nimpl Steps {\n    /// Starts.\n    #[must_use]\n    \
        pub fn new() -> Self {\n        Self(0)\n    }\n\n    /// Goes on.\n    pub fn next(&mut self) -> Option<u32> {\n        \
        self.0 = self.0.checked_add(1)?;\n        Some(self.0)\n    }\n}\n";
    let server = Server::start(vec![lib(code)]);
    let world = World::new(&server.url, &[("steps", spec)], "");
    let run = world.run(&["run"]).expect(20);
    assert!(run.err.contains("[gate.clippy] allow"), "{}", run.err);
    let config = world.read("harness.toml");
    let allow = "\n[gate.clippy]\nallow = [\"clippy::should_implement_trait\", \"clippy::new_without_default\"]\n";
    world.write("harness.toml", &(config.clone() + allow));
    world.run(&["run"]).expect(0);
    world.write("harness.toml", &(config + "\n[gate.test]\nallow = [\"clippy::x\"]\n"));
    world.run(&["plan"]).expect(2);
}

#[test]
fn a_forced_run_asks_as_if_nothing_were_promoted() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    world.run(&["run", "--force"]).expect(0);
    assert_eq!(server.prompt(0), server.prompt(1));
}

#[test]
fn an_edited_recording_neither_verifies_nor_replays() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.run(&["cassette", "record", "--spec", "adder"]).expect(0);
    let verified = world.run(&["cassette", "verify"]).expect(0);
    assert!(!verified.err.contains("unverified"), "{}", verified.err);
    let cassettes = world.snapshot("cassettes");
    let (file, bytes) = cassettes.into_iter().next().expect("is recorded");
    let file = world.path("cassettes").join(file);
    let text = String::from_utf8(bytes).expect("is text");
    std::fs::write(&file, text.replace("saturating_add", "wrapping_add")).expect("writes");
    let edited = world.run(&["cassette", "verify"]).expect(2);
    assert!(edited.err.contains("it was edited"), "{}", edited.err);
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("[generator]\n", "[generator]\ncassettes = \"replay\"\n"),
    );
    world.run(&["run", "--force"]).expect(30);
    // A recording of an earlier version has no digest.
    let start = text.find("  \"digest\"").expect("has one");
    let old = text[..start].trim_end().trim_end_matches(',').to_owned() + "\n}\n";
    std::fs::write(&file, old.replace("\"version\": 2", "\"version\": 1")).expect("writes");
    let old = world.run(&["cassette", "verify"]).expect(0);
    assert!(old.err.contains("unverified: 1 cassette"), "{}", old.err);
    world.run(&["run", "--force"]).expect(0);
}

#[test]
fn names_that_no_answer_can_give_are_the_specs_fault() {
    if !all() {
        return;
    }
    let answers = [GOOD.to_owned(), GOOD.replace("a.saturating_add(b)", "b.saturating_add(a)")];
    let codes = [
        ("assert_eq!(adder::add(2, 3), expected);", 21),
        ("assert_eq!(adders::add(2, 3), 5);", 21),
        ("assert_eq!(serde_json::json!(adder::add(2, 3)), 5);", 21),
    ];
    for (code, exit) in codes {
        let server = Server::start(answers.iter().map(|code| lib(code)).collect());
        let world = World::adder(&server.url);
        let spec = ADDER.replace("assert_eq!(adder::add(2, 3), 5, \"two and three\");", code);
        world.write("specs/adder.md", &spec);
        let run = world.run(&["run"]).expect(exit);
        assert!(run.err.contains("fault: spec"), "{code}: {}", run.err);
        assert!(server.requests().len() <= 2, "{code}");
    }
    for (suite, exit) in [
        (
            "mod h {\n    fn hidden() -> i32 {\n        3\n    }\n}\n#[test]\nfn adds__s() {\n    assert_eq!(adder::add(1, 2), h::hidden());\n}\n",
            21,
        ),
        ("use adder::*;\n#[test]\nfn adds__s() {\n    assert_eq!(sum(1, 2), 3);\n}\n", 20),
    ] {
        let server = Server::start(answers.iter().map(|code| lib(code)).collect());
        let run = with_suite(&server, suite).run(&["run"]);
        assert!(run.code == exit || run.code == 10, "{suite}: {}", run.err);
        assert_eq!(run.err.contains("fault: model"), exit == 20, "{suite}: {}", run.err);
    }
}

#[test]
fn a_file_name_that_is_no_program_is_refused_before_a_call() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.write("validators/adder/rust/my suite.rs", "#[test]\nfn adds__s() {}\n");
    let run = world.run(&["run"]).expect(10);
    assert!(run.err.contains("cannot be the name of a test"), "{}", run.err);
    assert!(server.requests().is_empty());
}

/// A spec with one clause, and an example of it.
fn adds(language: &str, example: &str) -> String {
    format!(
        "# Adder\n\n- `add` MUST add. `test_id: adds`\n\n  ```{language}\n  {example}\n  ```\n\n- \
         It MUST hold. `test_id: holds`\n"
    )
}

/// Runs with a suite in which a line is wrong: nothing may be asked, and this is told of the line.
fn refused(world: &World, server: &Server, place: &str, said: &str) {
    let run = world.run(&["run"]).expect(10);
    assert!(server.requests().is_empty(), "{}", run.err);
    let text = format!("{place}: {said}");
    assert!(run.err.contains(&text) && run.err.contains("fault: spec"), "{text}: {}", run.err);
}

#[test]
fn mistakes_in_a_python_suite_are_found_before_a_call() {
    if !python::has_python() {
        return;
    }
    let good = "\"\"\"Adds.\"\"\"\n\n\ndef add(a: int, b: int) -> int:\n    return a + b\n";
    let server = Server::start(vec![python::package("adder", good)]);
    let world = |example: &str, suite: &str| {
        let spec = adds("python", example);
        let world = python::world(&server, "adder", &spec, WITHOUT_TOOLS);
        world.write("validators/adder/python/test_adder.py", suite);
        world
    };
    let holds = "from adder import add\n\n\ndef test_holds():\n    assert add(1, 2) == ";
    let skip = "@pytest.mark.skip(reason='later')\ndef test_holds__later():\n    pass\n";
    let cases = [
        (format!("{holds}wanted\n"), 5, "`wanted` is neither imported nor defined"),
        (
            format!("{holds}3\n    pytest.fail()\n"),
            6,
            "`pytest` is neither imported nor defined: write `import pytest`",
        ),
        (format!("{holds}(3\n"), 5, "syntax error: '(' was never closed"),
        (
            format!("from leap import x\n{holds}3\n"),
            1,
            "there is no module `leap`: import the code under test as `adder`",
        ),
        (
            format!("import pytest\n{holds}3\n\n\n{skip}"),
            10,
            "`test_holds__later` is marked with `pytest.mark.skip`",
        ),
    ];
    for (suite, line, said) in &cases[..rounds(cases.len(), 1)] {
        let place = format!("validators/adder/python/test_adder.py:{line}");
        refused(&world("assert adder.add(1, 2) == 3", suite), &server, &place, said);
    }
    for fence in ["python", "python hidden"] {
        let world = world("assert adder.add(1, 2) == wanted", &format!("{holds}3\n"));
        let spec = world.read("specs/adder.md").replace("```python", &format!("```{fence}"));
        world.write("specs/adder.md", &spec);
        refused(&world, &server, "specs/adder.md:3", "`wanted` is neither imported nor defined");
    }
    // Names of fixtures, of a module beside the suite, of branches and of Python itself.
    let honest = "import sys\n\nimport pytest\nfrom adder import add\nfrom beside import three\n\n\ndef test_holds(four, \
        tmp_path):\n    with pytest.raises(TypeError):\n        add(\"\", four)\n    if sys.platform == \"win32\":\n        \
        assert WindowsError\n    match add(1, 2):\n        case int(sum):\n            assert sum == three\n    \
        assert [n for n in [1]] == (y := [1]) == y and __name__ and tmp_path\n";
    let world = world("assert adder.add(1, 2) == 3", honest);
    world.write("validators/adder/python/beside.py", "three = 3\n");
    let fixture = "import pytest\n\n\n@pytest.fixture\ndef four():\n    return 4\n";
    world.write("validators/adder/python/conftest.py", fixture);
    world.run(&["run"]).expect(0);
}

#[test]
fn a_python_suite_that_fails_by_itself_is_blamed_after_two_answers() {
    if !all() || !python::has_python() {
        return;
    }
    let good = "\"\"\"Adds.\"\"\"\n\n\ndef add(a: int, b: int) -> int:\n    return a + b\n";
    let suite =
        "from adder import add\n\n\ndef test_holds(missing):\n    assert add(1, 2) == missing\n";
    for suite in [suite, &suite.replace("missing", "").replace("== ", "== (three if add else 3)")] {
        let answers = [good.to_owned(), good.replace("a + b", "b + a")];
        let server = Server::start(answers.map(|code| python::package("adder", &code)).into());
        let spec = adds("python", "assert adder.add(1, 2) == 3");
        let world = python::world(&server, "adder", &spec, WITHOUT_TOOLS);
        world.write("validators/adder/python/test_adder.py", suite);
        let run = world.run(&["run"]).expect(21);
        assert!(run.err.contains("validators/adder/python/test_adder.py:"), "{}", run.err);
        assert_eq!(server.requests().len(), 2, "{}", run.err);
    }
}

/// Right.
const ADD: &str = "export function add(a: number, b: number): number {\n  return a + b;\n}\n";

/// A workspace with an example and a suite in TypeScript.
fn script_world(server: &Server, example: &str, suite: &str) -> World {
    let world = typescript::world(server, "adder", &adds("ts", example), FEW_GATES);
    world.write("validators/adder/typescript/adder.test.ts", suite);
    world
}

#[test]
fn mistakes_in_a_typescript_suite_are_found_before_a_call() {
    if !typescript::has_tools() {
        return;
    }
    let server = Server::start(vec![typescript::module(ADD)]);
    let world = |example: &str, suite: &str| script_world(&server, example, suite);
    let vitest = "import { expect, it } from 'vitest';\n";
    let jest = "import { expect, it, xtest } from '@jest/globals';\n";
    let holds =
        "import { add } from '../src/index.ts';\n\nit('holds', () => {\n  expect(add(1, 2)).toBe(";
    let cases = [
        (format!("{vitest}{holds}wanted);\n}});\n"), 5, "`wanted` is neither imported nor defined"),
        (format!("{vitest}{holds}3;\n}});\n"), 5, "syntax error: "),
        (
            format!("{holds}3);\n}});\nxit('holds__b', () => {{}});\n"),
            6,
            "`xit` is neither imported nor defined: write `it`, or delete the test",
        ),
        (
            format!("{jest}{holds}3);\n}});\nxtest('holds__b', () => {{}});\n"),
            7,
            "`xtest` is neither imported nor defined: write `test`, or",
        ),
        (
            format!("{vitest}{holds}3);\n}});\nit.skip('holds__b', () => {{}});\n"),
            7,
            "a test is marked with `it.skip`",
        ),
        (
            format!("{holds}3);\n  jest.fn();\n}});\n"),
            5,
            "`jest` is neither imported nor defined: write `import { jest } from",
        ),
        (
            format!("import {{ expect }} from 'vitest';\n{holds}3);\n}});\n"),
            4,
            "`it` is neither imported nor defined: import it from \"vitest\"",
        ),
        (
            format!("{vitest}import {{ x }} from './leap';\n{holds}3);\n}});\n"),
            2,
            "there is no `./leap` beside the suite: the code under test is `adder` or `../src/index.ts`",
        ),
        (
            format!("{vitest}import {{ x }} from 'leap';\n{holds}3);\n}});\n"),
            2,
            "tests cannot import `leap`: the code under test is `adder`",
        ),
    ];
    for (suite, line, said) in &cases[..rounds(cases.len(), 3)] {
        let place = format!("validators/adder/typescript/adder.test.ts:{line}");
        refused(&world("assert.equal(adder.add(1, 2), 3);", suite), &server, &place, said);
    }
    for (example, said) in [("wanted", "`wanted` is neither"), ("3;", "syntax error: ")] {
        let world = world(
            &format!("assert.equal(adder.add(1, 2), {example});"),
            &format!("{holds}3);\n}});\n"),
        );
        refused(&world, &server, "specs/adder.md:3", said);
    }
    let twice = format!("{holds}3);\n}});\nit('holds', () => {{}});\n");
    let run = world("assert.equal(adder.add(1, 2), 3);", &twice).run(&["run"]).expect(10);
    assert!(run.err.contains("suite::twice") && !run.err.contains("untested"), "{}", run.err);
}

#[test]
fn names_that_a_typescript_suite_may_use_are_no_mistakes() {
    if !typescript::has_tools() {
        return;
    }
    // Globals of Node and of vitest, types, names in branches, labels, keys, and what is set.
    let honest = "import { type Missing, add } from 'adder';\n\nlet of: Missing | HTMLElement | undefined;\nif (typeof \
        window !== 'undefined') window.x = 1;\nconst { a: b = 1, ...rest } = { a: 2, c: structuredClone(3) };\ndescribe('all', \
        () => {\n  it('holds', function named() {\n    outer: for (const n of [b]) continue outer;\n    class One { \
        static key = new.target; }\n    try { absent(); } catch (error) { expect(error).toBeDefined(); }\n    \
        expect([add(1, 2), rest.c, of, One.key, arguments.length > 9, import.meta.url === '']).toEqual([3, 3, undefined, \
        undefined, false, false]);\n    vi.fn(named);\n  });\n});\n";
    let server = Server::start(vec![typescript::module(ADD)]);
    let world = script_world(&server, "assert.equal(adder.add(1, 2), 3);", honest);
    world.run(&["run"]).expect(0);
}
