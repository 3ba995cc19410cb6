//! Tests in TypeScript and JavaScript over a candidate in a sandbox of its own.

use std::collections::BTreeSet;

use regen::types::{GateReport, Outcome};

use crate::membrane::{ONCE, SOON, SUITES, judge, passed, told};
use crate::server::{Act, Server, files};
use crate::typescript::{FEW_GATES, has_tools, module, world};
use crate::world::{Run, World, all, is_full, of_each_kind};

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
    judged_with(ONCE, gate, code, suites)
}

fn judged_with(config: &str, gate: &str, code: &str, suites: &[(&str, &str)]) -> GateReport {
    let server = Server::start(Vec::new());
    let world = world(&server, "adder", SUITES, config);
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
    let report = judged("test", HONEST, &[("node.test.ts", NODE)]);
    assert_eq!(told(&report), "");
    assert_eq!(report.outcome, Outcome::Pass);
    if all() {
        let report = judged("test", HONEST, &[("vitest.test.ts", VITEST)]);
        assert_eq!(told(&report), "");
        let more = [("more.test.ts", include_str!("scripts/more.test.ts"))];
        let report = judged("test", include_str!("scripts/more.ts"), &more);
        assert_eq!(told(&report), "");
    }
}

#[test]
fn javascript_has_suites_and_examples_of_its_own() {
    if !has_tools() {
        return;
    }
    let code = "import { twice } from \"./inner.js\";\n\n/**\n * @param {number} a\n * @param {number} b\n \
        * @returns {number}\n */\nexport function add(a, b) {\n  return a + b;\n}\n\nexport { twice };\n";
    let inner = "/**\n * @param {number} n\n * @returns {number}\n */\nexport const twice = (n) => 2 * n;\n";
    let jest = "import { expect, jest, test } from \"@jest/globals\";\nimport { add, twice } from \"../src/index.js\";\n\n\
        test(\"adds__all\", (done) => {\n  setTimeout(() => {\n    expect(add(1, 2)).toBe(3);\n    done();\n  }, 1);\n});\n\
        test.each([[1, 2]])(\"twice %i\", (a, b) => {\n  const call = jest.fn(twice);\n  expect(call(a)).toBe(b);\n});\n";
    let globals = "import { add } from \"adder\";\n\ndescribe(\"globals\", () => {\n  it(\"adds\", () => {\n    \
        expect(add(1, 1)).toBe(2);\n  });\n});\n";
    let spec = "# Adder\n\n- `add(a: number, b: number): number` MUST add. `test_id: adds`\n\n  ```js\n  \
        assert.equal(adder.add(2, 3), 5);\n  ```\n";
    let answer = files(&[("src/index.js", code), ("src/inner.js", inner)]);
    let server = Server::start(vec![Act::Say(answer)]);
    let world = world(&server, "adder", spec, FEW_GATES);
    let config = world.read("harness.toml").replace("typescript", "javascript");
    world.write("harness.toml", &config);
    world.write("validators/adder/javascript/jest.test.js", jest);
    world.write("validators/adder/javascript/globals.spec.js", globals);
    world.run(&["run"]).expect(0);
    let trace = world.run(&["trace"]).expect(0).out;
    assert!(trace.contains("adds__all"), "{trace}");
}

/// Tests in which every cheat fails what it does not do.
const STRICT: &str = include_str!("scripts/strict.test.ts");
/// What all cheats do.
const LAZY: &str = include_str!("scripts/lazy.ts");
/// Cheats: a family, the tests that it truly fulfils, and the code behind [`LAZY`].
const CHEATS: &str = include_str!("scripts/cheats.ts");
/// Families that attack something else than values.
const ELSEWHERE: [&str; 7] = ["ends", "kills", "report", "timers", "net", "threads", "looks"];
/// Writes to the wires.
const WIRES: &str = include_str!("scripts/wires.ts");
/// Lies in the protocol, as the body of a loop. Each fails every test.
const LIES: &[&str] = &[
    "told(['=', 999, 5, []])",
    "told('}{')",
    "told('['.repeat(200000))",
    "told('x'.repeat(65536)); continue",
    "told(['?', 1, 'get', ['o', 1], 'x'])",
    "told(['?', 1, 'call', ['g', 'Object'], null, ['u'], 'x'])",
    "told(['?', 1, 'get', ['y', 99], 'x'])",
    "told(['?', 1, 'turn', null, null])",
    "told(['=', N, ['f', 'x', 'y', 0, null, []], []])",
    "told(['=', N, ['e', 1, ['g', 'Array'], 'x', [['__proto__', 1, true]], null], []])",
    "told(['=', N, 5, [[0, ['a', 7]]]])",
    "told(['=', N, ['o', 3, 4], []])",
    "told(['=', N, ['y', 77], []])",
    "told(['=', N, ['__proto__'], []])",
    "told(['=', N, ['g', 'Function'], []])",
    "told(['=', N, ['b', 'Object', 'AA=='], []])",
    "told(['=', N, ['d', false, [7, 5]], []])",
    "told(['=', N, ['S', 1.5, 'x'], []])",
    "told(['!', N, ['u'], 5])",
];

#[test]
fn no_cheat_passes_a_test_that_it_does_not_fulfil() {
    if !has_tools() {
        return;
    }
    let suites = [("strict.test.ts", STRICT)];
    let honest = judged("test", include_str!("scripts/strict.ts"), &suites);
    assert_eq!(told(&honest), "");
    let cheats = CHEATS.split("//== ").skip(1).map(|cheat| {
        let (head, code) = cheat.split_once('\n').expect("has a head");
        let (family, fulfilled) = head.split_once(' ').unwrap_or((head, ""));
        (family, fulfilled.split(' ').filter(|name| !name.is_empty()), code)
    });
    let (few, _) = STRICT.split_once("test(\"doubles\"").expect("has this test");
    let mut seen = BTreeSet::new();
    for (family, fulfilled, code) in of_each_kind(cheats, |cheat| cheat.0) {
        if !is_full() && family != "equal" {
            continue;
        }
        // Some do not depend on what a test asks; of the others, the first of a family meets all.
        let is_first = seen.insert(family);
        let all = is_first && !ELSEWHERE.contains(&family);
        let (strict, config) = if all { (STRICT, ONCE) } else { (few, SOON) };
        let suites = [("strict.test.ts", strict)];
        let report = judged_with(config, "test", &format!("{LAZY}{code}"), &suites);
        assert_ne!(report.outcome, Outcome::Pass, "{family}: {code}");
        assert!(!told(&report).contains("syntax error"), "{family}: {code}{}", told(&report));
        let true_ones: BTreeSet<&str> = fulfilled.filter(|name| strict.contains(name)).collect();
        assert_eq!(passed(&report), true_ones, "{family}: {code}\n{}", told(&report));
    }
    for lie in of_each_kind(LIES.iter().copied(), |_| ()) {
        let code = WIRES.replace("LIE", lie);
        let few = [("strict.test.ts", few)];
        let report = judged_with(SOON, "test", &format!("{LAZY}{code}"), &few);
        assert_eq!(passed(&report), BTreeSet::new(), "{lie}\n{}", told(&report));
    }
}

#[test]
fn the_candidate_sees_neither_tests_nor_the_machine() {
    if !has_tools() {
        return;
    }
    let suites = [("sandbox.test.ts", include_str!("scripts/sandbox.test.ts"))];
    let report = judged("test", include_str!("scripts/sandbox.ts"), &suites);
    assert_eq!(told(&report), "");
    assert_eq!(report.outcome, Outcome::Pass);
}

#[test]
fn what_does_not_pass_is_told_with_its_call() {
    if !has_tools() {
        return;
    }
    let suite = "import { describe, expect, it, test } from \"vitest\";\nimport { add, Box, lacking, leave } from \"adder\";\n\n\
        test(\"ends\", () => {\n  leave(1, [2]);\n});\ntest.skipIf(add(1, 1) === 2)(\"skipped\", () => {});\n\
        test(\"wrong\", { fails: true }, () => {\n  expect(add(1, 1)).toBe(3);\n});\nif (add(0, 1) === 0) {\n  \
        test(\"gone\", () => {});\n}\nit(\"throws\", () => {\n  add(1, null);\n});\n\
        it(\"lacks\", () => {\n  expect(lacking(1)).toBe(1);\n});\n\
        test.each([1, 2])(\"case %i\", (n) => {\n  expect(\n    add(n, 1),\n  ).toBe(\n    2,\n  );\n});\n\
        describe(\"group\", () => {\n  it(\"method\", () => {\n    new Box(2).leave(3);\n  });\n});\n\
        for (const n of [1, 2]) {\n  test(\"twice\", () => {});\n}\n\
        test(\"caught\", () => {\n  try {\n    leave(1, []);\n  } catch {}\n});\n\
        test(\"late\", async () => {\n  await expect(add(1, 1)).resolves.toBe(2);\n});\n\
        test(\"unawaited\", () => {\n  Promise.reject(new Error(\"nothing awaits it\"));\n});\n";
    let code = "export function add(a: any, b: any): any {\n  if (b === null) throw new TypeError(\"no number\");\n  \
        return a + b;\n}\nexport function leave(n: any, parts: any): void {\n  process.exit(3);\n}\n\
        export class Box {\n  constructor(v: any) {}\n  leave(n: any): void {\n    process.exit(4);\n  }\n}\n\
        export function wait(): void {\n  for (;;);\n}\nexport const never = () => new Promise(() => {});\n\
        export const fill = () => [\"x\".repeat(2 ** 27)];\n";
    let report = judged("test", code, &[("a.test.ts", suite)]);
    insta::assert_snapshot!("told_with_its_call", told(&report));
    assert_eq!(passed(&report), BTreeSet::new());
    // Errors in a suite's own text are not the candidate's.
    for (own, line) in [
        ("test('a', () => {\n  const x = ;\n});\n", 2),
        ("import x from 'lodash';\ntest('a', () => {});\n", 1),
        ("import { test } from 'vitest';\n\ntest('a', () => {});\nnothing();\n", 4),
        ("test('a', () => {});\ndescribe('b', () => {\n  it.skip('c', () => {});\n});\n", 3),
        ("test('a', () => {\n  if (Math) nothing();\n});\n", 2),
    ] {
        let report = judged("test", code, &[("a.test.ts", own)]);
        let is_own = report.findings.iter().any(|one| one.in_suite && one.line == Some(line));
        assert!(is_own, "{own}{:?}", report.findings);
    }
    let property = "class Own {\n  constructor(private x: number) {}\n}\n".to_owned() + code;
    let missing = "import { x } from '../src/leap';\ntest('a', () => {\n  x();\n});\n";
    for (code, suite, why) in [
        (
            property.as_str(),
            suite,
            "(`constructor(private x)`) is more than a type: declare the field",
        ),
        (code, missing, "the code has no module `src/leap.ts`"),
    ] {
        let report = judged("test", code, &[("a.test.ts", suite)]);
        assert!(told(&report).contains(why), "{}", told(&report));
    }
    if !all() {
        return;
    }
    let head =
        "import { expect, test } from 'vitest';\nimport { add, fill, never, wait } from 'adder';\n";
    for (test, why) in [
        ("wait()", "wait() did not end in time"),
        ("await never()", "what the test waits for did not end in time"),
    ] {
        let late = format!("{head}test('hangs', async () => {{ {test}; }});\n");
        let report = judged_with(SOON, "test", code, &[("a.test.ts", &late)]);
        assert_eq!(told(&report), format!("hangs: {why}\n"));
        assert_eq!(report.outcome, Outcome::Timeout);
    }
    let busy = format!("{head}test('asks', () => {{ for (;;) add(1, 1); }});\n");
    let report = judged_with(SOON, "test", code, &[("a.test.ts", &busy)]);
    assert!(told(&report).contains("in time; the test had asked "), "{}", told(&report));
    let late = format!("{head}test('fills', () => {{ fill(); }});\n");
    let report = judged("test", code, &[("a.test.ts", &late)]);
    assert!(told(&report).contains("fill() "), "{report:?}");
}

#[test]
fn a_test_that_cannot_fail_proves_nothing() {
    if !has_tools() {
        return;
    }
    let suite = "import assert from \"node:assert\";\nimport { test } from \"node:test\";\n\
        import { add, check, later, sort } from \"adder\";\n\ntest(\"empty\", () => {\n  assert.equal(1 + 1, 2);\n});\n\
        test(\"ignores\", () => {\n  try {\n    add(1, 1);\n  } catch {}\n});\n\
        test(\"only_calls\", () => {\n  add(1, 1);\n});\n\
        test(\"throws\", () => {\n  assert.throws(() => check(-1));\n});\n\
        test(\"sorts\", () => {\n  const parts = [2, 1];\n  sort(parts);\n  assert.deepEqual(parts, [1, 2]);\n});\n\
        test(\"awaits\", async () => {\n  assert.equal(await later(1), 2);\n});\n\
        test(\"rejects\", async () => {\n  await assert.rejects(later(-1));\n});\n";
    let code = "export const add = (a: number, b: number) => a + b;\n\
        export function check(n: number): void {\n  throw new RangeError(`${n}`);\n}\n\
        export async function later(n: number): Promise<number> {\n  if (n < 0) throw new RangeError();\n  \
        return n * 2;\n}\nexport function sort(parts: number[]): void {\n  parts.sort();\n}\n";
    let report = judged("proof", code, &[("a.test.ts", suite)]);
    insta::assert_snapshot!("proof_of_weak_tests", told(&report));
    if all() {
        let report = judged("proof", HONEST, &[("node.test.ts", NODE)]);
        insta::assert_snapshot!("proof_of_every_kind", told(&report));
    }
}

#[test]
fn both_sides_run_at_every_isolation_level() {
    if !has_tools() || !all() {
        return;
    }
    let cheat = CHEATS.split("//== ").find(|cheat| cheat.contains("fs.lstatSync"));
    let (_, cheat) = cheat.and_then(|cheat| cheat.split_once('\n')).expect("is one");
    let cheat = format!(
        "{}\n{cheat}\nexport {{ add }};\n",
        GOOD.replace("export function add", "let add: any; export function sum")
    );
    for (lacks, level) in [(&["namespaces"][..], "1"), (&["namespaces", "landlock"], "0")] {
        for (code, status) in [(GOOD, 0), (cheat.as_str(), 20)] {
            if level == "0" && status == 20 {
                continue;
            }
            let server = Server::start(vec![module(code)]);
            let effects = "effects = [\"fs\", \"env\", \"state\", \"process\", \"unsafe\"]\n";
            let more = format!("{effects}{FEW_GATES}[sandbox]\nmin_level = {level}\n");
            let world = world(&server, "adder", ADDER, &more);
            let mut command = crate::attacks::without(lacks, &world, &["run"]);
            Run::of(command.env("REGEN_MIN_LEVEL", level)).expect(status);
        }
    }
}

#[test]
fn a_users_suites_are_promoted_and_cover_their_clauses() {
    if !has_tools() || !all() {
        return;
    }
    let spec = "# Adder\n\n- It MUST add. `test_id: adds`\n- It MUST parse. `test_id: parses`\n";
    let vitest = "import { describe, expect, it, test } from \"vitest\";\nimport { add } from \"../src/index\";\n\
        import { expected } from \"./support\";\n\ndescribe(\"sums\", () => {\n  \
        test.each([1, 2])(\"of %i (test_id: adds)\", (n) => {\n    expect(add(n, n)).toBe(expected(n));\n  });\n});\n";
    let node = "import assert from \"node:assert/strict\";\nimport { readFileSync } from \"node:fs\";\n\
        import test from \"node:test\";\nimport { parse } from \"adder\";\n\ntest(\"parses__data\", () => {\n  \
        const text = readFileSync(new URL(\"./seven.txt\", import.meta.url), \"utf8\");\n  \
        assert.equal(parse(text), 7);\n});\n";
    let fill = |world: &World, node: &str| {
        world.write("validators/adder/typescript/add.test.ts", vitest);
        world.write(
            "validators/adder/typescript/support.ts",
            "export const expected = (n: number) => 2 * n;\n",
        );
        world.write("validators/adder/typescript/parse.test.ts", node);
        world.write("validators/adder/typescript/seven.txt", "7");
    };
    let server = Server::start(vec![module(GOOD)]);
    let world = world(&server, "adder", spec, "");
    fill(&world, node);
    world.run(&["run"]).expect(0);
    let trace = world.run(&["trace"]).expect(0).out;
    assert!(trace.contains("sums::of %i (test_id: adds)"), "{trace}");
    assert!(trace.contains("parses__data"), "{trace}");
    world.run(&["check", "--rerun"]).expect(0);
}
