//! Agents run the visible tests of languages whose tests run apart from the candidate, and the
//! visible examples of contracts.

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
fn tries(tests: &str, path: &str, wrong: &str, right: &str) -> String {
    let write =
        |code: &str| format!("mkdir -p \"$(dirname {path})\"\ncat > {path} <<'END'\n{code}END\n");
    format!(
        "#!/bin/sh\ngrep -o 'run with `sh {tests}`' SPEC.md\n{}\
         if sh {tests}; then exit; fi\necho again\n{}sh {tests}\n\
         echo \"hidden: $(cat SPEC.md regen_* *.sh | grep -c 77001) $(grep -rsl 77001 tests src | wc -l)\"\n",
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
    let script = tries("regen_tests.sh", "src/adder/__init__.py", &code("a - b"), &code("a + b"));
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
    let script = tries("regen_tests.sh", "src/index.ts", &code("a - b"), &code("a + b"));
    let world = with_agent(world, &script, "");
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!(told(&world), @r#"
    run with `sh regen_tests.sh`
    FAILED tests/regen_examples.ts::adds
    errors: [],
    failed: [["adds","failed","assert.equal(adder.add(2, 3), 5);
    AssertionError: Expected values to be strictly equal:
    -1 !== 5
    ",null,null]],"broken":null,"late":false,"swallowed":null}
    passed tests/adder.test.ts::refuses
    1 of 2 passed
    again
    passed tests/regen_examples.ts::adds
    passed tests/adder.test.ts::refuses
    2 of 2 passed
    hidden: 0 0
    "#);
}

const HALVES: &str = "# Halves

```wit
half: func(of: f64) -> result<f64, string>;
```

- `half` MUST give the half. `test_id: halves`

  ```wave
  half(3.0) = ok(1.5)
  half(0.1) = ok(0.05) ~ 0.001
  ```
  ```wave hidden
  half(77001.0) = ok(38500.5)
  ```

- It MUST refuse negative numbers. `test_id: refuses`

  ```wave
  half(-1.0) = err(\"negativ: ä\")
  ```
";

#[test]
fn an_agent_runs_the_examples_of_a_contract() {
    if !all() {
        return;
    }
    let rust = |half: &str| {
        format!(
            "//! Halves.\n\n/// The half.\n///\n/// # Errors\n/// It is negative.\npub fn half(of: f64) -> Result<f64, String> \
             {{\n    if of < 0.0 {{ Err(\"negativ: ä\".to_owned()) }} else {{ Ok({half}) }}\n}}\n"
        )
    };
    let server = Server::start(Vec::new());
    let world = World::new(&server.url, &[("halves", HALVES)], QUICK);
    let script = tries("regen_contract.sh", "src/lib.rs", &rust("of / 3.0"), &rust("of / 2.0"));
    let world = with_agent(world, &script, "");
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!("contract_rust", told(&world));

    if python::has_tools() {
        let code = |half: &str| {
            format!(
                "\"\"\"Halves.\"\"\"\n\nfrom .contract import Err\n\n__all__ = [\"half\"]\n\n\n\
                 def half(of: float) -> float:\n    \"\"\"The half.\"\"\"\n    \
                 if of < 0:\n        raise Err(\"negativ: ä\")\n    return {half}\n"
            )
        };
        let world = python::world(&server, "halves", HALVES, QUICK);
        let file = "src/halves/__init__.py";
        let script = tries("regen_contract.sh", file, &code("of / 3"), &code("of / 2"));
        let world = with_agent(world, &script, "");
        world.run(&["run"]).expect(0);
        insta::assert_snapshot!("contract_python", told(&world));
    }
    if typescript::has_tools() {
        let code = |half: &str| {
            format!(
                "import {{ ContractError }} from \"./contract.ts\";\n\n/** The half. */\nexport function half(of: number): number {{\n  \
                 if (of < 0) throw new ContractError(\"negativ: ä\");\n  return {half};\n}}\n"
            )
        };
        let world = typescript::world(&server, "halves", HALVES, QUICK);
        let script = tries("regen_contract.sh", "src/index.ts", &code("of / 3"), &code("of / 2"));
        let world = with_agent(world, &script, "");
        world.run(&["run"]).expect(0);
        insta::assert_snapshot!("contract_typescript", told(&world));
    }
}
