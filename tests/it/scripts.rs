//! Tests in TypeScript and JavaScript over a candidate in a sandbox of its own.

use regen::types::{GateReport, Outcome};

use crate::membrane::{SUITES, judge, told};
use crate::server::Server;
use crate::typescript::{FEW_GATES, has_tools, module, world};
use crate::world::{Run, World, all};

/// A spec with examples, one of them hidden.
const ADDER: &str = "# Adder\n\nA package that adds.\n\n- `add(a: number, b: number): number` MUST give the sum. \
    `test_id: adds`\n\n  ```ts\n  assert.equal(adder.add(2, 3), 5);\n  ```\n\n- `parse` MUST refuse a text that is not \
    a number with a `RangeError`. `test_id: refuses`\n\n  ```ts hidden\n  import { expect } from \"vitest\";\n  \
    import { parse } from \"adder\";\n\n  expect(() => parse(\"none\")).toThrow(RangeError);\n  \
    expect(parse(\"12\")).toBe(12);\n  ```\n";

const GOOD: &str = "/** The sum. */\nexport function add(a: number, b: number): number {\n  return a + b;\n}\n\n\
    /** Its number. */\nexport function parse(text: string): number {\n  const found = Number(text);\n  \
    if (Number.isNaN(found)) {\n    throw new RangeError(\"none\");\n  }\n  return found;\n}\n";

/// A run over the adder with this answer each time.
fn answered(code: &str) -> (World, Run) {
    let server = Server::start(vec![module(code)]);
    let world = world(&server, "adder", ADDER, FEW_GATES);
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
    assert!(why.contains("6 !== 5") && !world.path("generated/adder").exists(), "{why}");
    let (world, run) = answered(&GOOD.replace("return found", "return text.length"));
    run.expect(20);
    let why = world.run(&["why", "adder"]).out;
    assert!(why.contains("a held-out example of adder/refuses does not pass"), "{why}");
}

/// Runs one gate over a package `adder` with these suites.
fn judged(gate: &str, code: &str, suites: &[(&str, &str)]) -> GateReport {
    let server = Server::start(Vec::new());
    let world = world(&server, "adder", SUITES, "[gate.test]\nruns = 1\n");
    judge(&world, "typescript", gate, &[("src/index.ts", code)], suites)
}

/// Tests of many kinds.
const VITEST: &str = include_str!("scripts/vitest.test.ts");
const NODE: &str = include_str!("scripts/node.test.ts");
const HONEST: &str = include_str!("scripts/honest.ts");

#[test]
fn an_honest_package_passes_suites_of_every_kind() {
    if !has_tools() {
        return;
    }
    let suites = [("vitest.test.ts", VITEST), ("node.test.ts", NODE)];
    let suites = if all() { &suites[..] } else { &suites[1..] };
    let report = judged("test", HONEST, suites);
    assert_eq!(told(&report), "");
    assert_eq!(report.outcome, Outcome::Pass);
}
