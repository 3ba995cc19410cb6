//! Tests in Python over a candidate in a sandbox of its own.

use crate::python::{WITHOUT_TOOLS, has_tools, package, world};
use crate::server::Server;
use crate::world::{Run, World};

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
}
