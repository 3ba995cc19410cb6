//! Agents run the visible tests of languages whose tests run apart from the candidate.

use super::{said, with_agent};
use crate::server::Server;
use crate::world::{QUICK, World, all};
use crate::{python, typescript};

/// What the agent's tests said, without addresses of objects.
fn told(world: &World) -> String {
    let said = said(world);
    let lines = said.split("--- what").next().unwrap_or_default().lines();
    lines
        .filter(|line| !line.contains(" 0x"))
        .map(|line| format!("{}\n", line.trim_start()))
        .collect()
}

/// An agent that writes the second code only because a visible test fails with the first one.
fn tries(path: &str, wrong: &str, right: &str) -> String {
    let write =
        |code: &str| format!("mkdir -p \"$(dirname {path})\"\ncat > {path} <<'END'\n{code}END\n");
    format!(
        "#!/bin/sh\ngrep -o 'run with `sh regen_tests.sh`' SPEC.md\n{}\
         if sh regen_tests.sh; then exit; fi\necho again\n{}sh regen_tests.sh\n\
         echo \"hidden: $(cat SPEC.md *.sh | grep -c 77001) $(grep -rl 77001 tests src | wc -l)\"\n",
        write(wrong),
        write(right)
    )
}

#[test]
fn an_agent_runs_the_visible_tests_of_python() {
    if !python::has_tools() || !all() {
        return;
    }
    let spec = "# Adder\n\n- `add(a: int, b: int) -> int` MUST give the sum. `test_id: adds`\n\n  ```python\n  \
        assert adder.add(2, 3) == 5\n  ```\n\n  ```python hidden\n  assert adder.add(77001, 1) == 77002\n  ```\n\n\
        - It MUST refuse negative numbers. `test_id: refuses`\n";
    let suite = "import adder\nimport pytest\n\n\n@pytest.mark.parametrize(\"a\", [-1, -2])\ndef test_refuses(a):\n    \
        with pytest.raises(ValueError, match=\"can't\"):\n        adder.add(a, 1)\n";
    let code = |sum: &str| {
        format!(
            "\"\"\"Adds.\"\"\"\n\n__all__ = [\"add\"]\n\n\ndef add(a: int, b: int) -> int:\n    \"\"\"The sum.\"\"\"\n    \
             if a < 0 or b < 0:\n        raise ValueError(\"can't be negative\")\n    return {sum}\n"
        )
    };
    let server = Server::start(Vec::new());
    let world = python::world(&server, "adder", spec, QUICK);
    world.write("validators/adder/python/test_adder.py", suite);
    let script = tries("src/adder/__init__.py", &code("a - b"), &code("a + b"));
    let world = with_agent(world, &script, "");
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!(told(&world), @r#"
    run with `sh regen_tests.sh`
    FAILED tests/regen_examples.py::test_adds__1
    errors:  [],
    failed:  [["tests/regen_examples.py::test_adds__1", "failed", "assert adder.add(2, 3) == 5
    AssertionError: assert -1 == 5
    passed tests/test_adder.py::test_refuses
    1 of 2 passed
    again
    passed tests/regen_examples.py::test_adds__1
    passed tests/test_adder.py::test_refuses
    2 of 2 passed
    hidden: 0 0
    "#);
}

#[test]
fn an_agent_runs_the_visible_tests_of_typescript() {
    if !typescript::has_tools() || !all() {
        return;
    }
    let spec = "# Adder\n\n- `add(a: number, b: number): number` MUST give the sum. `test_id: adds`\n\n  ```ts\n  \
        assert.equal(adder.add(2, 3), 5);\n  ```\n\n\
        - It MUST refuse negative numbers. `test_id: refuses`\n";
    let suite = "import { expect, test } from \"vitest\";\nimport { add } from \"adder\";\n\n\
        test(\"refuses\", () => {\n  expect(() => add(-1, 1)).toThrow(\"can't\");\n});\n";
    let code = |sum: &str| {
        format!(
            "/** The sum. */\nexport function add(a: number, b: number): number {{\n  if (a < 0 || b < 0) {{\n    \
             throw new RangeError(\"can't be negative\");\n  }}\n  return {sum};\n}}\n"
        )
    };
    let server = Server::start(Vec::new());
    let world = typescript::world(&server, "adder", spec, QUICK);
    world.write("validators/adder/typescript/adder.test.ts", suite);
    let script = tries("src/index.ts", &code("a - b"), &code("a + b"));
    let world = with_agent(world, &script, "");
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!(told(&world), @r#"
    run with `sh regen_tests.sh`
    FAILED tests/regen_examples.ts::adds
    errors: [],
    failed: [["adds","failed","assert.equal(adder.add(2, 3), 5);
    AssertionError: Expected values to be strictly equal:
    -1 !== 5
    "]],"broken":null,"late":false,"swallowed":null}
    passed tests/adder.test.ts::refuses
    1 of 2 passed
    again
    passed tests/regen_examples.ts::adds
    passed tests/adder.test.ts::refuses
    2 of 2 passed
    hidden: 0 0
    "#);
}
