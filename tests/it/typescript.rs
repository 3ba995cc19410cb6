//! TypeScript and JavaScript as languages: contracts, compared outside of the candidate's process.

use std::sync::LazyLock;

use serde_json::Value;

use crate::contracts::{GOOD as GOOD_RUST, ROMAN, SHAPES, SHAPES_CODE};
use crate::server::{Act, Server, files};
use crate::world::{Run, World, all, rounds, stable};

/// The gates without linter and type checker, for tests of others.
pub const FEW_GATES: &str =
    "gates = [\"layout\", \"check\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n";

/// Right.
const GOOD: &str = r#"import { ContractError, type Problem } from "./contract.ts";

const DIGITS: readonly (readonly [number, string])[] = [
  [1000, "M"],
  [900, "CM"],
  [500, "D"],
  [400, "CD"],
  [100, "C"],
  [90, "XC"],
  [50, "L"],
  [40, "XL"],
  [10, "X"],
  [9, "IX"],
  [5, "V"],
  [4, "IV"],
  [1, "I"],
];

/** The numeral of `n`. */
export function toRoman(n: number): string {
  if (n < 1 || n > 3999) {
    throw new ContractError<Problem>({ tag: "out-of-range", val: n });
  }
  let left = n;
  let out = "";
  for (const [value, digit] of DIGITS) {
    while (left >= value) {
      out += digit;
      left -= value;
    }
  }
  return out;
}

/** The number of a numeral. */
export function fromRoman(numeral: string): number | undefined {
  for (let n = 1; n < 4000; n++) {
    if (toRoman(n) === numeral) {
      return n;
    }
  }
  return undefined;
}
"#;

const SHAPES_TYPESCRIPT: &str = r#"import {
  type Access,
  type Color,
  ContractError,
  type Name,
  type Point,
  type Shape,
} from "./contract.ts";

/** Counts. */
export class Counter {
  #count: bigint;

  constructor(start: bigint) {
    this.#count = start;
  }

  add(by: bigint): bigint {
    if (this.#count + by >= 2n ** 64n) {
      throw new ContractError("full");
    }
    this.#count += by;
    return this.#count;
  }

  static fromText(text: string): Counter {
    if (!/^\d+$/.test(text)) {
      throw new ContractError(text);
    }
    return new Counter(BigInt(text));
  }
}

export function total(of: Counter, more: bigint[]): bigint {
  return more.reduce((sum, one) => sum + one, of.add(0n));
}

export function same(shape: Shape, color: Color, access: Access): [Shape, Color, Access] {
  return [shape, color, access];
}

export function moveBy(
  point: Readonly<Point>,
  by: Point | undefined,
  none: { tag: "some"; val: number | undefined } | undefined,
): Point {
  const { x, y } = by ?? { x: 0, y: 0 };
  const label: Name | undefined = none === undefined ? "no byte" : undefined;
  return { x: point.x + x, y: point.y + y, label };
}

export const half = (of: number): number => of / 2;

export function spell(text: string, one: string, maybe: string | undefined): string[] {
  return maybe === undefined ? [text, one] : [text, one, maybe];
}

export function nothing(): void {}

export function fail(text: string): void {
  if (text) {
    throw new Error(text);
  }
}
"#;

/// Whether this machine has Node with npm, and the tools can be fetched; otherwise says so.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
pub fn has_tools() -> bool {
    static FOUND: LazyLock<bool> = LazyLock::new(|| {
        let ask = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)";
        let asked = std::process::Command::new("node").args(["-e", ask]).output();
        let fetched = std::process::Command::new("npm").args(["view", "acorn", "version"]).output();
        asked.is_ok_and(|output| output.status.success())
            && fetched.is_ok_and(|output| output.status.success())
    });
    if !*FOUND {
        println!("skipped: no node >= 20 on PATH, or npm cannot fetch packages");
    }
    *FOUND
}

/// A workspace with a TypeScript target only. `more` are keys of the target.
pub fn world(server: &Server, id: &str, spec: &str, more: &str) -> World {
    let world = World::new(&server.url, &[(id, spec)], "");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"typescript\"]");
    let target = format!("[target.typescript]\ntoolchain = \"typescript\"\n{more}");
    world.write("harness.toml", &config.replace("[target.rust]\ntoolchain = \"rust\"\n", &target));
    world
}

pub fn module(code: &str) -> Act {
    Act::Say(files(&[("src/index.ts", code)]))
}

/// A run over the numerals with this answer each time.
fn answered(code: &str, gates: &str) -> (World, Run) {
    let server = Server::start(vec![module(code)]);
    let world = world(&server, "roman", ROMAN, gates);
    let run = world.run(&["run"]);
    (world, run)
}

/// In the language that is asked for.
fn in_both(_: usize, body: &Value) -> String {
    let text = body.to_string();
    let is_typescript = text.contains("You write TypeScript code");
    let (rust, typescript) =
        if text.contains("Shapes") { (SHAPES_CODE, SHAPES_TYPESCRIPT) } else { (GOOD_RUST, GOOD) };
    if is_typescript {
        files(&[("src/index.ts", typescript)])
    } else {
        files(&[("src/lib.rs", rust)])
    }
}

#[test]
fn one_spec_is_promoted_in_two_languages_in_one_run() {
    if !has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(in_both)]);
    let specs = &[("shapes", SHAPES), ("roman", ROMAN)][..rounds(2, 1)];
    let world = World::new(&server.url, specs, "[target.typescript]\ntoolchain = \"typescript\"\n");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"rust\", \"typescript\"]");
    world.write("harness.toml", &config);
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains(&format!("promoted {}, rejected 0", specs.len())), "{run:?}");
    assert_eq!(server.requests().len(), 2 * specs.len(), "{run:?}");
    assert_eq!(world.read("generated/shapes/typescript/src/index.ts"), SHAPES_TYPESCRIPT);
    let types = world.read("generated/shapes/typescript/src/contract.ts");
    insta::assert_snapshot!("types", types);
    insta::assert_snapshot!("manifest", world.read("generated/shapes/typescript/package.json"));
    if all() {
        assert_eq!(world.read("generated/roman/typescript/src/index.ts"), GOOD);
        world.run(&["check", "--rerun"]).expect(0);
    }
    let prompts = (0..2 * specs.len()).map(|at| server.prompt(at));
    let prompt = prompts.into_iter().find(|text| text.contains("export class Counter"));
    let prompt = prompt.expect("one is for TypeScript");
    let part = &prompt[..prompt.find("## Specification").expect("is there")];
    insta::assert_snapshot!("prompt", part);
}

/// Why a run was rejected: what is printed for the last attempt.
fn refusal(run: &Run) -> String {
    let from = run.err.find("\nroman: rejected").expect("is told");
    stable(run.err[from..].trim_start())
}

#[test]
fn wrong_answers_are_refused_with_the_call_and_both_values() {
    if !all() || !has_tools() {
        return;
    }
    let wrong = [
        ("value", GOOD.replace("[4, \"IV\"]", "[4, \"IIII\"]")),
        ("range", GOOD.replace("n < 1 || n", "n < 0 || n")),
        (
            "trap",
            GOOD.replace(
                "new ContractError<Problem>({ tag: \"out-of-range\", val: n })",
                "new RangeError(\"no\")",
            ),
        ),
        ("lookup", GOOD.replace("n < 4000", "n < 1000")),
        ("held out", GOOD.replace("n > 3999", "n > 3998")),
        (
            "null",
            GOOD.replace("return undefined;", "return null as unknown as undefined;")
                .replace("=== numeral", "=== numeral && n > 9"),
        ),
        (
            "another error",
            GOOD.replace("tag: \"out-of-range\"", "tag: \"out-of-reach\" as \"out-of-range\""),
        ),
        (
            "load",
            GOOD.replace("/** The numeral", "throw new TypeError(\"at load\");\n/** The numeral"),
        ),
        ("a missing name", GOOD.replace("ContractError, type", "ContractError, Nothing, type")),
        ("syntax", GOOD.replace("toRoman(n: number)", "toRoman(n: number")),
        ("an enum", GOOD.replace("/** The numeral", "enum A { B }\n/** The numeral")),
    ];
    let mut told = String::new();
    for (name, code) in wrong {
        let (_, run) = answered(&code, FEW_GATES);
        told += &format!("== {name}\n{}", refusal(&run.expect(20)));
    }
    insta::assert_snapshot!(told);
}

const SORTS: &str = "# Sorts\n\n```wit\nsorted-of: func(xs: list<s32>) -> list<s32>;\n```\n\n- It MUST sort. \
    `test_id: sorts`\n\n  | xs | sorted-of(xs) |\n  |----|----|\n  | [2, 1] | [1, 2] |\n  | [] | [] |\n";

#[test]
fn an_argument_belongs_to_its_caller() {
    if !has_tools() {
        return;
    }
    let code = |body: &str| {
        module(&format!("export function sortedOf(xs: number[]): number[] {{\n  {body}\n}}\n"))
    };
    let server = Server::start(vec![
        code("return xs.sort((a, b) => a - b);"),
        code("return [...xs].sort((a, b) => a - b);"),
    ]);
    let world = world(&server, "sorts", SORTS, FEW_GATES);
    world.run(&["run"]).expect(0);
    let told = server.told(1);
    assert!(told.contains("argument 1 was changed by the call, in sorted-of([2, 1])"), "{told}");
}

/// A function for each type, which returns what the code says.
const EXACT: [(&str, &str, &str, &[&str]); 12] = [
    ("bool", "true", "boolean", &["1", "\"true\"", "undefined"]),
    ("u8", "0", "number", &["0.5", "-1", "256", "NaN", "0n", "\"0\"", "[0]"]),
    ("s64", "0", "bigint", &["0", "2n ** 63n", "\"0\""]),
    ("f32", "0", "number", &["-0", "1e39", "0n", "NaN", "Infinity"]),
    ("char", "'a'", "string", &["\"\"", "\"ab\"", "\"\\ud83d\"", "97", "new String(\"a\")"]),
    ("string", "\"\"", "string", &["\"\\ud83d\"", "null", "{ toString: () => \"\" }"]),
    (
        "list<u8>",
        "[1]",
        "number[]",
        &[
            "new Uint8Array([1])",
            "new Array(1)",
            "Object.assign([1], { a: 1 })",
            "new Proxy([1], {})",
            "{ 0: 1, length: 1 }",
            "Object.defineProperty([1], 0, { get: () => 1 })",
            "new (class extends Array {})(1)",
            "Promise.resolve([1])",
        ],
    ),
    ("tuple<u8, u8>", "(1, 1)", "[number, number]", &["[1]", "[1, 1, 1]", "[1, , ]"]),
    ("option<u8>", "none", "number | undefined", &["null", "false", "[]"]),
    (
        "r",
        "{x: 1}",
        "R",
        &[
            "{}",
            "{ x: 1, y: undefined, z: 1 }",
            "{ get x() { return 1; } }",
            "Object.create({ x: 1 })",
            "new (class { x = 1; })()",
            "Object.defineProperty({}, \"x\", { value: 1 })",
            "{ x: 1, [Symbol.iterator]: 1 }",
        ],
    ),
    ("v", "a", "V", &["\"a\"", "{ tag: \"c\" }", "{ tag: \"a\", val: 1 }", "{ tag: \"b\" }"]),
    ("e", "p", "E", &["\"P\"", "0", "{ tag: \"p\" }"]),
];

/// Values that fit: one zero of integers, missing and undefined options.
const FITS: [(&str, &str, &str, &str); 5] = [
    ("u8", "0", "number", "-0"),
    ("r", "{x: 1}", "R", "{ x: 1, y: undefined }"),
    (
        "option<option<u8>>",
        "some(none)",
        "{ tag: \"some\"; val: number | undefined } | undefined",
        "{ tag: \"some\", val: undefined }",
    ),
    ("f64", "nan", "number", "Number(\"x\")"),
    ("char", "'\\u{1F600}'", "string", "\"\\u{1F600}\""),
];

/// A spec with these functions, and their module.
fn exact<'a>(cases: impl Iterator<Item = [&'a str; 4]>) -> (String, String) {
    let (mut wit, mut clauses) = (String::new(), String::new());
    let mut code =
        "import type { E, R, V } from \"./contract.ts\";\nexport type { E, R, V };\n".to_owned();
    for (at, [wit_type, expected, ty, value]) in cases.enumerate() {
        wit += &format!("t{at}: func() -> {wit_type};\n");
        clauses += &format!(
            "- It MUST be {at}. `test_id: t{at}`\n\n  ```wave\n  t{at}() = {expected}\n  ```\n\n"
        );
        code += &format!(
            "export function t{at}(): {ty} {{\n  return {value} as unknown as {ty};\n}}\n"
        );
    }
    let types = "record r { x: u8, y: option<u8> }\nvariant v { a, b(u8) }\nenum e { p, q }\n";
    (format!("# Exact\n\n```wit\n{types}{wit}```\n\n{clauses}"), code)
}

#[test]
fn values_have_exactly_the_types_of_the_contract() {
    if !has_tools() {
        return;
    }
    let wrong = EXACT.iter().flat_map(|(wit, expected, ty, values)| {
        let values = values.iter().take(rounds(values.len(), 1));
        values.map(move |value| [*wit, *expected, *ty, *value])
    });
    let wrong: Vec<_> = wrong.collect();
    let (spec, code) = exact(wrong.iter().copied());
    let server = Server::start(vec![module(&code)]);
    let refused = world(&server, "roman", &spec, FEW_GATES);
    let run = refused.run(&["run"]).expect(20);
    for (at, case) in wrong.iter().enumerate() {
        assert!(run.err.contains(&format!("clause roman/t{at} (")), "{case:?}: {}", run.err);
    }
    let fits = FITS.iter().map(|(wit, expected, ty, value)| [*wit, *expected, *ty, *value]);
    let (spec, code) = exact(fits);
    let server = Server::start(vec![module(&code)]);
    world(&server, "roman", &spec, FEW_GATES).run(&["run"]).expect(0);
}

#[test]
fn the_public_surface_is_exactly_the_contract() {
    if !has_tools() {
        return;
    }
    let wrong = [
        ("more", GOOD.replace("const DIGITS", "export const DIGITS")),
        ("a type", GOOD.replace("/** The numeral", "export type Own = Problem;\n/** The numeral")),
        ("missing", GOOD.replace("export function fromRoman", "export function ofRoman")),
        ("a default", GOOD.to_owned() + "export default fromRoman;\n"),
        ("all", GOOD.to_owned() + "export * from \"./contract.ts\";\nexport const more = 1;\n"),
        ("parameters", GOOD.replace("toRoman(n: number)", "toRoman(n: number, _m?: number)")),
        ("any", GOOD.replace("fromRoman(numeral: string)", "fromRoman(numeral: any)")),
        ("a result", GOOD.replace("): number | undefined", "): unknown")),
        (
            "no promise",
            GOOD.replace(
                "export function toRoman(n: number): string",
                "export async function toRoman(n: number): Promise<string>",
            ),
        ),
        ("nothing", "const x = 1;\nString(x);\n".to_owned()),
    ];
    let mut told = String::new();
    for (name, code) in &wrong[..rounds(wrong.len(), 1)] {
        let (_, run) = answered(code, FEW_GATES);
        told += &format!("== {name}\n{}", refusal(&run.expect(20)));
    }
    assert!(told.contains("the contract does not have: `DIGITS`"), "{told}");
    if !all() {
        return;
    }
    insta::assert_snapshot!(told);
    let honest = [
        // Read-only parameters, other names of types, functions as values, types again.
        GOOD.replace("export function fromRoman(numeral: string): number | undefined", "type Numeral = string;\nexport type { Problem };\nexport { ContractError };\nexport function fromRoman(numeral: Readonly<Numeral>): number | undefined"),
        GOOD.replace("export function fromRoman(numeral: string): number | undefined {", "export const fromRoman = (numeral: string): number | undefined => {"),
    ];
    for code in &honest {
        answered(code, FEW_GATES).1.expect(0);
    }
}

/// The numerals, with four strokes for four, and this before.
fn four_strokes(before: &str) -> String {
    let code = GOOD.replace("[4, \"IV\"]", "[4, \"IIII\"]");
    code.replace("/** The numeral", &format!("{before}\n/** The numeral"))
}

/// Cheats: their names, and code before the functions.
const CHEATS: [(&str, &str); 24] = [
    ("none", ""),
    ("prints", "console.log('[\"0\",0,[0,\"IV\"]]');"),
    ("exits", "process.exit(0);"),
    ("exits_later", "process.on('exit', () => { process.exitCode = 0; });"),
    ("exits_really", "(process as unknown as { reallyExit(n: number): void }).reallyExit(0);"),
    ("exits_as_the_adapter", "process.exit(97);"),
    ("kills", "process.kill(process.pid, 'SIGKILL');"),
    ("patches_json", "JSON.stringify = () => '[\"0\",0,[0,\"IV\"]]';"),
    (
        "patches_arrays",
        "Array.prototype.join = () => 'IV';\nArray.prototype[Symbol.iterator] = function* () { yield 'IV'; };",
    ),
    ("patches_is", "Object.is = () => true;\nReflect.ownKeys = () => [];"),
    (
        "to_json",
        "Object.defineProperty(String.prototype, 'toJSON', { value: () => 'IV' });\nObject.defineProperty(Object.prototype, 'toJSON', { value: () => 'IV' });",
    ),
    (
        "pollutes",
        "Object.defineProperty(Object.prototype, 'val', { value: 'IV' });\nObject.defineProperty(Object.prototype, 'get', { value: () => 'IV' });",
    ),
    (
        "setters",
        "for (const at of [0, 1, 2]) Object.defineProperty(Array.prototype, at, { get: () => 'IV', set() {} });",
    ),
    (
        "patches_calls",
        "Function.prototype.call = () => 'IV';\nFunction.prototype.apply = () => 'IV';\nReflect.apply = () => 'IV';",
    ),
    (
        "patches_text",
        "String.prototype.slice = () => 'IV';\nString.prototype.isWellFormed = () => true;\nString = (() => 'IV') as unknown as StringConstructor;",
    ),
    (
        "writes_to_every_descriptor",
        "import { writeSync } from 'node:fs';\nfor (let fd = 1; fd < 60; fd++) { try { writeSync(fd, '[\"0\",0,[0,\"IV\"]]\\n'); } catch { } }",
    ),
    (
        "closes_every_descriptor",
        "import { closeSync } from 'node:fs';\nfor (let fd = 0; fd < 60; fd++) { try { closeSync(fd); } catch { } }",
    ),
    (
        "reads_the_driver",
        "import { readFileSync } from 'node:fs';\ntry { console.log(readFileSync('/proc/self/cmdline', 'utf8'), readFileSync('regen_adapter.mjs', 'utf8')); } catch { }",
    ),
    ("evaluates", "eval('process.exit(0)');"),
    ("constructs", "(() => 1)['const' + 'ructor']('return process')().exit(0);"),
    (
        "reads_the_stack",
        "Error.prepareStackTrace = (_, frames) => frames;\nconsole.log(new Error('').stack);",
    ),
    (
        "loads_more",
        "import('node:fs').then((fs) => fs.writeSync(3, 'IV'));\nawait Promise.resolve();",
    ),
    (
        "equals_everything",
        "class Text extends String { override valueOf(): string { return 'IV'; } }",
    ),
    ("hangs", "for (;;) { }"),
];

/// The cheat of the package that is asked for.
fn cheat(_: usize, body: &Value) -> String {
    let text = body.to_string();
    let asked = |name: &str| text.contains(&format!("Write the package `{name}`"));
    let (name, before) = CHEATS.iter().find(|(name, _)| asked(name)).expect("names its package");
    let code = four_strokes(before);
    let code = match *name {
        "equals_everything" => {
            code.replace("return out;", "return new Text(out) as unknown as string;")
        }
        _ => code,
    };
    files(&[("src/index.ts", &code)])
}

#[test]
fn no_cheat_is_promoted_even_with_every_effect() {
    if !all() || !has_tools() {
        return;
    }
    let every = "effects = [\"fs\", \"net\", \"env\", \"process\", \"clock\", \"thread\", \"stdin\", \
        \"stdout\", \"stderr\", \"state\", \"unsafe\"]\n";
    let names = CHEATS.map(|(name, _)| name);
    for effects in [every, ""] {
        let server = Server::start(vec![Act::Make(cheat)]);
        let more = format!("{FEW_GATES}{effects}[gate.test]\ntimeout_s = 10\n");
        let world = world(&server, names[0], ROMAN, &more);
        for name in names {
            world.write(&format!("specs/{name}.md"), ROMAN);
        }
        let run = world.run(&["run"]);
        // The candidate's fault, never the machine's.
        assert_eq!(run.code, 20, "{run:?}");
        for name in names {
            let tree = world.read(&format!("generated/{name}/typescript/src/index.ts"));
            assert_eq!(tree, "", "{name}");
        }
        let summary = format!("promoted 0, rejected {}", names.len());
        assert!(run.err.contains(&summary) || run.out.contains(&summary), "{run:?}");
        if effects.is_empty() {
            // Each is found by what it uses, before anything runs.
            let open = ["none", "equals_everything", "hangs"];
            for name in names.into_iter().filter(|name| !open.contains(name)) {
                let needs = run.err.lines().any(|line| {
                    line.starts_with(name) && line.contains("check") && line.contains("fail")
                });
                assert!(needs, "{name}: {}", run.err);
            }
        }
    }
}

#[test]
fn findings_of_linter_and_type_checker_are_mended_and_answers_formatted() {
    if !has_tools() {
        return;
    }
    let unused = GOOD.replace("  let out = \"\";", "  const more = 1;\n  let out = \"\";");
    let typed = GOOD.replace("let out = \"\"", "let out: string = 1");
    let silenced = typed.replace("  let out", "  // @ts-expect-error\n  let out");
    let any = GOOD.replace("let out = \"\"", "let out: any = \"\"");
    let unformatted = GOOD.replace("\"M\"", "'M'").replace("  let left = n;\n", "let left = n\n");
    let answers = [&unused, &typed, &silenced, &any, &unformatted];
    let server = Server::start(answers.map(|code| module(code)).to_vec());
    let world = world(&server, "roman", ROMAN, "");
    world.run(&["run"]).expect(0);
    let told: Vec<String> = (1..server.requests().len()).map(|at| server.told(at)).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].contains("gate `lint`, `correctness/noUnusedVariables`"), "{}", told[0]);
    assert!(told[1].contains("gate `types`, `TS2322`"), "{}", told[1]);
    assert!(told[2].contains("`@ts-expect-error` disables a check"), "{}", told[2]);
    assert!(told[3].contains("gate `lint`, `suspicious/noExplicitAny`"), "{}", told[3]);
    assert_eq!(world.read("generated/roman/typescript/src/index.ts"), GOOD);
    let server = Server::start(vec![module(&any)]);
    let allow = "[gate.lint]\nallow = [\"suspicious/noExplicitAny\"]\n";
    self::world(&server, "roman", ROMAN, allow).run(&["run"]).expect(0);
}

#[test]
fn native_examples_of_another_language_are_no_tests() {
    let none =
        "# Adder\n\n- It MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!(1 + 1, 2);\n  ```\n";
    let names = "# Names\n\n```wit\nrecord error { %constructor: u8 }\nflags f { a-b, b-c }\n\
        delete: func(new: u8) -> result<u8, error>;\n```\n\n- It MUST. `test_id: a`\n\n  ```wave\n  delete(1) = ok(1)\n  ```\n";
    let server = Server::start(vec![module(GOOD)]);
    let mut told = String::new();
    for (id, spec) in [("adder", none), ("names", names)] {
        let world = world(&server, id, spec, "");
        told += &format!("== {id}\n{}", world.run(&["plan"]).expect(10).err);
    }
    let world = world(&server, "roman", ROMAN, "");
    world.write("validators/roman/typescript/unit/roman.test.ts", "test('it', () => {});\n");
    world.write("validators/roman/typescript/roman.test.js", "test('it', () => {});\n");
    told += &format!("== suite\n{}", world.run(&["plan"]).expect(10).err);
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(told);
}

#[test]
fn without_node_other_targets_are_promoted_and_nothing_is_bought() {
    let server = Server::start(vec![Act::Make(in_both)]);
    let specs = [("roman", ROMAN)];
    let extra = "[target.typescript]\ntoolchain = \"typescript\"\n";
    let world = World::new(&server.url, &specs, extra);
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"rust\", \"typescript\"]");
    world.write("harness.toml", &config);
    // A folder with `rustc` and no `node`.
    let folder = world.path("bin");
    std::fs::create_dir_all(&folder).expect("makes folders");
    let path = std::env::var_os("PATH").expect("is set");
    let rustc = std::env::split_paths(&path).map(|one| one.join("rustc")).find(|one| one.is_file());
    std::os::unix::fs::symlink(rustc.expect("is there"), folder.join("rustc")).expect("links");
    let run = |args: &[&str]| Run::of(world.command(args).env("PATH", &folder));
    let doctor = run(&["doctor"]).expect(40);
    let missing = "FAIL typescript     no `node` on PATH; install Node.js 20 or newer with npm";
    assert!(doctor.out.contains(missing), "{}", doctor.out);
    if all() {
        let ran = run(&["run"]).expect(40);
        assert!(ran.err.contains("no `node` on PATH"), "{}", ran.err);
        assert_eq!(server.requests().len(), 1);
        assert_eq!(world.read("generated/roman/rust/src/lib.rs"), GOOD_RUST);
    }
    // One that is too old, and one without npm.
    use std::os::unix::fs::PermissionsExt;
    let programs = [
        (
            "echo 18.0.0; echo v8; echo /usr/bin/node; echo /npm; echo",
            "node is 18.0.0; regen needs 20",
        ),
        (
            "echo 20.0.0; echo v8; echo /usr/bin/node; echo; echo",
            "no npm beside `node` nor on PATH",
        ),
    ];
    for (script, said) in programs {
        let program = folder.join("node");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("writes");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("is owned");
        let doctor = run(&["doctor"]).expect(40);
        assert!(doctor.out.contains(said), "{}", doctor.out);
    }
}

#[test]
fn without_its_tools_the_machine_is_at_fault() {
    if !all() || !has_tools() {
        return;
    }
    let server = Server::start(vec![module(GOOD)]);
    let world = world(&server, "roman", ROMAN, FEW_GATES).with_own_layers();
    let mut command = world.command(&["run"]);
    // The model's server is on this machine.
    command.env("https_proxy", "http://127.0.0.1:1").env("no_proxy", "127.0.0.1");
    let run = Run::of(&mut command);
    assert!(run.err.contains("fault: environment"), "{run:?}");
    assert!(run.err.contains("cannot fetch the dependencies"), "{run:?}");
    assert_eq!(world.read("generated/roman/typescript/src/index.ts"), "");
}

#[test]
fn a_linter_that_says_nothing_is_the_machines_fault() {
    if !all() || !has_tools() {
        return;
    }
    let server = Server::start(vec![module(GOOD)]);
    let world = world(&server, "roman", ROMAN, "").with_own_layers();
    world.run(&["run"]).expect(0);
    let entries = |folder: std::path::PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.expect("is there").path())
    };
    let layers = entries(world.cache().join("regen/layers"));
    let tools = layers.flat_map(|one| entries(one.join("vendor/node_modules/@biomejs")));
    let programs = tools.map(|one| one.join("biome")).filter(|one| one.is_file());
    let silent = "#!/bin/sh\n[ \"$1\" = format ] && cat\nexit 0\n";
    let changed = programs.map(|one| std::fs::write(one, silent).expect("is written")).count();
    assert!(changed > 0);
    let run = world.run(&["run", "--force"]).expect(40);
    assert!(run.err.contains("biome gave no readable output"), "{}", run.err);
}

/// The folder of the fetched tools.
static TOOLS: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let (world, run) = answered(GOOD, FEW_GATES);
    run.expect(0);
    let layers = world.cache().join("regen/layers").canonicalize().expect("is a link");
    let layers = std::fs::read_dir(layers).expect("is there");
    let folders = layers.map(|entry| entry.expect("is there").path().join("vendor"));
    let mut folders = folders.filter(|path| path.join("node_modules/typescript").is_dir());
    folders.next().expect("was fetched")
});

/// What the program that lists effects says of modules, each sorted.
fn listed(codes: &[&str]) -> Vec<Vec<String>> {
    use std::io::Write;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("src")).expect("makes folders");
    let names = (0..codes.len()).map(|at| format!("src/m{at}.ts")).collect::<Vec<_>>();
    let others = [("src/contract.ts", "export const types = [1];\n"), ("src/index.ts", "")];
    let own = names.iter().map(String::as_str).zip(codes.iter().copied());
    let every: Vec<(&str, &str)> = others.into_iter().chain(own).collect();
    for (path, code) in &every {
        std::fs::write(folder.path().join(path), code).expect("writes");
    }
    let script = include_bytes!("../../src/toolchain/typescript/audit.txt");
    let mut child = std::process::Command::new("node")
        .args(["--input-type=module", "-"])
        .arg(&*TOOLS)
        .args([".ts", "{\"allowed\": [], \"linked\": [], \"program\": false}"])
        .args(every.iter().map(|(path, _)| path))
        .current_dir(folder.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("is piped").write_all(script).expect("writes");
    let output = child.wait_with_output().expect("ends");
    let text = String::from_utf8(output.stdout).expect("is UTF-8");
    assert!(text.ends_with("{\"kind\":\"end\"}\n"), "{text}");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    let of = |name: &String| {
        let own = lines.iter().filter(|line| line["file"] == **name);
        let words = own.filter_map(|line| match line["kind"].as_str() {
            Some("effect") => line["effect"].as_str().map(str::to_owned),
            Some(kind @ ("syntax" | "suppress" | "import")) => Some(kind.to_owned()),
            _ => None,
        });
        let words: std::collections::BTreeSet<String> = words.collect();
        words.into_iter().collect()
    };
    names.iter().map(of).collect()
}

/// Effects, each with code that has it.
const WAYS: &[(&str, &str)] = &[
    ("fs", r#"import { readFileSync } from "node:fs";"#),
    ("fs", r#"import * as fs from "fs";"#),
    ("fs", r#"export { readFileSync } from "node:fs";"#),
    ("net", r#"fetch("http://a");"#),
    ("net", r#"import "node:net";"#),
    ("env", r#"const x = process.env.HOME;"#),
    ("env", r#"const { argv } = process;"#),
    ("env", r#"const x = Math.random();"#),
    ("env", r#"const { random } = Math;"#),
    ("env", r#"const x = Math?.random();"#),
    ("env", r#"const x = Math["ran" + "dom"]();"#),
    ("env", r#"const x = import.meta.url;"#),
    ("env", r#"const x = crypto.randomUUID();"#),
    ("env", r#"import { randomBytes } from "node:crypto";"#),
    ("env", r#"const x = "a".localeCompare("b");"#),
    ("env", r#"const x = (1).toLocaleString();"#),
    ("env", r#"const x = new Intl.Collator();"#),
    ("env", r#"const x = typeof process;"#),
    ("env", r#"const p = process; const x = p.env;"#),
    ("process", r#"process.exit(1);"#),
    ("process", r#"import { spawn } from "node:child_process";"#),
    ("clock", r#"const x = Date.now();"#),
    ("clock", r#"const x = new Date();"#),
    ("clock", r#"const x = Date();"#),
    ("clock", r#"const x = new Date(...[]);"#),
    ("clock", r#"setTimeout(() => {}, 1);"#),
    ("clock", r#"const x = performance.now();"#),
    ("clock", r#"import { setTimeout } from "node:timers/promises";"#),
    ("thread", r#"await Promise.resolve();"#),
    ("thread", r#"for await (const x of []) {}"#),
    ("thread", r#"queueMicrotask(() => {});"#),
    ("thread", r#"new SharedArrayBuffer(1);"#),
    ("thread", r#"import "node:worker_threads";"#),
    ("stdin", r#"process.stdin.read();"#),
    ("stdout", r#"console.log(1);"#),
    ("stdout", r#"const { log } = console;"#),
    ("stdout", r#"const c = console; c.log(1);"#),
    ("stdout", r#"process.stdout.write("a");"#),
    ("stderr", r#"console.error(1);"#),
    ("unsafe", r#"eval("1");"#),
    ("unsafe", r#"const e = eval;"#),
    ("unsafe", r#"(0, eval)("1");"#),
    ("unsafe", r#"\u0065val("1");"#),
    ("unsafe", r#"new Function("return 1")();"#),
    ("unsafe", r#"const F = Function;"#),
    ("unsafe", r#"(() => 1).constructor("return 1")();"#),
    ("unsafe", r#"const C = (() => 1)["constructor"];"#),
    ("unsafe", r#"const C = (() => 1)["const" + "ructor"];"#),
    ("unsafe", r#"const C = (() => 1)[`const${"ructor"}`];"#),
    ("unsafe", r#"const { constructor: C } = () => 1;"#),
    ("unsafe", r#"Reflect.get(() => 1, "constructor");"#),
    (
        "unsafe",
        r#"Object.getOwnPropertyDescriptor(Object.getPrototypeOf(() => 1), "constructor");"#,
    ),
    ("unsafe", r#"globalThis.x = 1;"#),
    ("unsafe", r#"const g = global;"#),
    ("unsafe", r#"const r = require("fs");"#),
    ("unsafe", r#"import("node:fs");"#),
    ("unsafe", r#"import { createRequire } from "node:module";"#),
    ("unsafe", r#"import "node:vm";"#),
    ("unsafe", r#"new WebAssembly.Module(new Uint8Array());"#),
    ("unsafe", r#"const m = Math; const f = [Math];"#),
    ("unsafe", r#"const k: string = "now"; Date[k as "now"]();"#),
    ("unsafe", r#"const D = [Date];"#),
    ("unsafe", r#"({} as any).__proto__.x = 1;"#),
    ("unsafe", r#"const x = { __proto__: [] };"#),
    ("unsafe", r#"Array.prototype.map = () => [];"#),
    ("unsafe", r#"JSON.stringify = () => "";"#),
    ("unsafe", r#"const J = JSON; J.parse = () => 1;"#),
    ("unsafe", r#"delete (Array.prototype as any).map;"#),
    ("unsafe", r#"Object.assign(Array.prototype, {});"#),
    ("unsafe", r#"Object.defineProperty(Object.prototype, "a", {});"#),
    ("unsafe", r#"Object.setPrototypeOf(Array.prototype, null);"#),
    ("unsafe", r#"const p = Array.prototype; p.x = 1;"#),
    ("unsafe", r#"let p = Array.prototype;"#),
    ("unsafe", r#"((p: any) => { p.x = 1; })(Array.prototype);"#),
    ("unsafe", r#"Object.getPrototypeOf([]).map = 1;"#),
    ("unsafe", r#"const p = Object.getPrototypeOf([]); p.map = 1;"#),
    ("unsafe", r#"undefined_thing();"#),
    ("unsafe", r#"Infinity = 1;"#),
    ("unsafe", r#"try { throw 1 } catch (e) { const x = (e as Error).stack; }"#),
    ("unsafe", r#"const x = new Error("a").stack;"#),
    ("unsafe", r#"Error.stackTraceLimit = 0;"#),
    ("unsafe", r#"const { stack } = new Error("a");"#),
    ("unsafe", r#"Array.prototype.push.call(Array.prototype, 1);"#),
    ("clock", r#"const x = new Intl.DateTimeFormat("en").format();"#),
    ("state", r#"const o = new Map(); export function f() { Map.prototype.set.call(o, 1, 1); }"#),
    ("unsafe", r#"process.binding("fs");"#),
    ("unsafe", r#"process.getBuiltinModule("fs");"#),
    ("unsafe", r#"Buffer.allocUnsafe(9);"#),
    ("state", r#"let n = 0; export function f() { n += 1; return n; }"#),
    ("state", r#"let n = 0; export const f = () => n++;"#),
    ("state", r#"let n = 0; export function f() { [n] = [1]; }"#),
    ("state", r#"let n = 0; export function f() { for (n of [1]) {} }"#),
    ("state", r#"const seen: string[] = []; export function f(a: string) { seen.push(a); }"#),
    ("state", r#"const seen = new Map(); export function f(a: string) { seen.set(a, 1); }"#),
    ("state", r#"const seen = new Set(); export function f(a: string) { return seen.add(a); }"#),
    ("state", r#"const seen: any = {}; export function f(a: string) { seen[a] = 1; }"#),
    ("state", r#"const seen: any = { a: {} }; export function f() { delete seen.a.b; }"#),
    (
        "state",
        r#"const seen: any = { a: {} }; export function f() { const { a } = seen; seen.a.b = 1; }"#,
    ),
    (
        "state",
        r#"const seen: number[][] = [[]]; export function f() { const row = seen[0]!; row.push(1); }"#,
    ),
    ("state", r#"export function f() { f.calls = 1; }"#),
    ("state", r#"class A { static n = 0; static f() { return this.n++; } }"#),
    ("state", r#"class A { static n = 0; f() { A.n += 1; } }"#),
    ("state", r#"class A { static #n = 0; f() { A.#n += 1; } }"#),
    ("state", r#"class A {} export function f() { (A.prototype as any).x = 1; }"#),
    ("state", r#"const o = { n: 0, next() { this.n += 1; return this.n; } };"#),
    ("state", r#"const next = (() => { let n = 0; return () => ++n; })();"#),
    (
        "state",
        r#"function* ids() { yield 1; } const all = ids(); export const f = () => all.next();"#,
    ),
    ("state", r#"const now = [1]; export function f() { return now.sort(); }"#),
    ("state", r#"const o: any = {}; export function f() { Object.assign(o, { a: 1 }); }"#),
    ("state", r#"import { types } from "./contract.ts"; export function f() { types.push(2); }"#),
    (
        "state",
        r#"class A { n = 0; up() { return ++this.n; } } const a = new A(); export const f = () => a.up();"#,
    ),
    (
        "state",
        r#"class A { #n = [1]; #add() { this.#n.push(1); } up() { this.#add(); } } const a = new A(); export const f = () => a.up();"#,
    ),
    ("state", r#"const R = /a/g; export const f = (s: string) => R.exec(s)?.index;"#),
    (
        "state",
        r#"let n = 0; const all = [1].map(() => () => ++n); export const f = () => all[0]!();"#,
    ),
    ("import", r#"import x from "lodash";"#),
    ("import", r#"import { y } from "./missing.ts";"#),
    ("import", r#"import { types } from "./contract.js";"#),
    ("import", r#"import { types } from "./contract";"#),
    ("suppress", r#"const x: number = 1; // @ts-ignore"#),
    ("suppress", r#"/* @ts-nocheck */ const x = 1;"#),
    ("suppress", r#"// biome-ignore lint: no"#),
    ("suppress", r#"/* eslint-disable */"#),
    ("suppress", r#"declare module "./contract.ts" { interface A { b: 1 } }"#),
    ("suppress", r#"declare global { interface Array<T> { b: T } }"#),
    ("suppress", r#"type A = /* @ts-expect-error */ 1;"#),
    ("suppress", r#"/// <reference types="x" />"#),
    ("syntax", r#"function f( {"#),
    ("syntax", r#"enum A { B }"#),
    ("syntax", r#"namespace A { export const x = 1; }"#),
    ("syntax", r#"class A { constructor(private x: number) {} }"#),
    ("syntax", r#"@a class B {}"#),
    ("syntax", r#"const x = 1; const x = 2;"#),
];

#[test]
fn each_way_to_an_effect_is_found() {
    if !has_tools() {
        return;
    }
    let codes: Vec<&str> = WAYS.iter().map(|way| way.1).collect();
    for ((effect, code), found) in WAYS.iter().zip(listed(&codes)) {
        assert!(found.iter().any(|one| one == effect), "{effect}: {code}: {found:?}");
    }
}

#[test]
fn honest_code_has_no_effect() {
    if !has_tools() {
        return;
    }
    let honest = [
        r#"import { types } from "./contract.ts"; export const f = () => types.map((n) => n + 1);"#,
        r#"import type { A } from "./contract.ts"; export type B = A;"#,
        r#"const all: number[] = []; [1, 2].forEach((n) => all.push(n)); export const f = () => all.length;"#,
        r#"const R = /a/g; export function f(s: string) { let n = 0; while (R.exec(s) !== null) n++; return n; }"#,
        r#"const R = /a/y; export function f(s: string, at: number) { R.lastIndex = at; return R.test(s); }"#,
        r#"const R = /a/; export const f = (s: string) => R.test(s) && s.replace(/b/g, "").split(R);"#,
        r#"class A { n = 0; up() { this.n++; } get() { return this.n; } } const a = new A(); a.up(); export const f = () => a.get();"#,
        r#"export const f = (xs: readonly number[]) => [...xs].sort((a, b) => a - b).reverse();"#,
        r#"export function f(xs: number[]) { const out: number[] = []; for (const x of xs) out.push(x); out.sort(); return out; }"#,
        r#"const TABLE = new Map([["a", 1]]); export const f = (k: string) => TABLE.get(k) ?? 0;"#,
        r#"const TABLE: Record<string, number> = {}; for (const k of ["a"]) TABLE[k] = 1; export const f = (k: string) => TABLE[k];"#,
        r#"const RE = /a/g; export function f(s: string) { RE.lastIndex = 0; return RE.exec(s); }"#,
        r#"export class A { #n = 0; add() { this.#n += 1; return this.#n; } static of() { return new A(); } }"#,
        r#"export class Stack { private stack: number[] = []; push(n: number) { this.stack.push(n); return this.stack.length; } }"#,
        r#"export class E extends Error { constructor(m: string) { super(m); this.name = "E"; Object.setPrototypeOf(this, E.prototype); } }"#,
        r#"export function f() { let n = 0; const up = () => { n += 1; }; up(); return n; }"#,
        r#"export const f = (x: unknown) => (x as object).constructor === Array || (x as object).constructor.name === "A";"#,
        r#"export const f = (xs: string[]) => xs.map(Number).filter(Boolean).map(String).map(parseFloat);"#,
        r#"export const f = (x: unknown) => x instanceof Map || x instanceof Date || typeof x === "function" || x instanceof Function;"#,
        r#"export const f = (a: number) => new Date(a).toISOString() + Date.UTC(2020, 1) + Date.parse("2020");"#,
        r#"export const f = (a: string, b: string) => a.localeCompare(b, "en") || (1).toLocaleString("en") || a.toUpperCase();"#,
        r#"export const f = (xs: number[]) => Math.max(...xs, Math.PI, Math["floor"](2));"#,
        r#"const { max, min } = Math; export const f = (a: number, b: number) => max(min(a, 1), b);"#,
        r#"export function f(...args: number[]) { return Array.prototype.slice.call(args, 1); }"#,
        r#"export function f(this: void, a: number) { return arguments.length + a; }"#,
        r#"export const f = (o: object, k: string) => Object.prototype.hasOwnProperty.call(o, k) || Object.hasOwn(o, k);"#,
        r#"export const f = () => Object.create(null) as Record<string, number>;"#,
        r#"export const f = () => ({ __proto__: null, a: 1 });"#,
        r#"export const f = (xs: number[]) => { const out: number[] = []; Array.prototype.push.apply(out, xs); return out; };"#,
        r#"export const f = (o: { stack: number[] }) => { const { stack } = o; return stack.length; };"#,
        r#"const own = Object.prototype; export const f = (o: object) => own.hasOwnProperty.call(o, "a");"#,
        r#"export const f = (o: object) => Object.setPrototypeOf({ ...o }, Object.prototype);"#,
        r#"export const f = (o: object) => Object.hasOwn(o, "__proto__") || "a" in Array.prototype;"#,
        r#"export const f = (x: object) => Object.getPrototypeOf(x) === Object.prototype;"#,
        r#"export function f(process: { env: number }, console: { log(x: number): void }) { console.log(process.env); }"#,
        r#"export function* f() { let x = 1; while (x < 9) yield x++; }"#,
        r#"export const f = () => { const it = [1, 2][Symbol.iterator](); return it.next().value; };"#,
        r#"export async function f(g: () => Promise<number>) { return (await g()) + 1; }"#,
        r#"export const f = (s: string) => new TextEncoder().encode(s).length + encodeURIComponent(s).length + btoa("a").length;"#,
        r#"export const f = (s: string) => JSON.parse(JSON.stringify({ s })) as { s: string };"#,
        r#"export const f = (x: bigint) => BigInt.asUintN(64, x) + BigInt("1");"#,
        r#"export const f = (x: number) => { switch (x) { case 1: { const y = 2; return y; } default: return 0; } };"#,
        r#"export const f = (x?: { a?: { b: number } }) => x?.a?.b ?? 0;"#,
        r#"export function f(n: number): number { label: for (let i = 0; i < n; i++) { if (i > 2) break label; } return n; }"#,
        r#"const text = "// @ts-ignore"; /* see @ts-ignore */ export const f = () => text; // not eslint"#,
        r#"const cache = ((): number[] => { const out: number[] = []; for (let i = 0; i < 3; i++) out.push(i); return out; })(); export const f = () => cache[0];"#,
        r#"class Money { constructor(readonly_: number) { void readonly_; } add(_o: Money) { return this; } } const ZERO = new Money(0); export const f = () => ZERO.add(ZERO);"#,
        r#"const squares: number[] = []; for (let i = 0; i < 9; i++) { squares.push(i * i); squares.sort(); } export const f = () => squares.length;"#,
        r#"import { createHash } from "node:crypto"; import assert from "node:assert"; export const f = (s: string) => { assert(s); return createHash("sha256").update(s).digest("hex"); };"#,
        r#"export const f = (e: unknown) => { try { throw e; } catch (error) { return error instanceof Error ? error.message : String(error); } };"#,
        r#"interface Node { next: Node | undefined; value: number } export function f(list: Node) { let n: Node | undefined = list; while (n) { n.value += 1; n = n.next; } }"#,
        r#"export const f = (x: number) => { const add = (a: number) => a + x; return add.call(null, 1) + add.bind(null)(2); };"#,
        r#"abstract class A { abstract f(): number; declare x: number; } export class B extends A { override f() { return 1; } }"#,
        r#"export function f<T extends object>(a: T): a is T & { b: 1 } { return "b" in a; }"#,
    ];
    for (code, found) in honest.iter().zip(listed(&honest)) {
        assert_eq!(found, [""; 0], "{code}");
    }
}

#[test]
fn a_module_that_no_other_one_imports_is_refused() {
    if !has_tools() {
        return;
    }
    let answer = |imports: &str, more: &[(&str, &str)]| {
        let root = format!("{imports}{GOOD}");
        let parts = [
            ("src/index.ts", root.as_str()),
            (
                "src/parts/used.ts",
                "import type { Of } from \"./types.ts\";\n\nexport const one: Of = 1;\n",
            ),
            ("src/parts/types.ts", "export type Of = number;\n"),
        ];
        Act::Say(files(&[&parts[..], more].concat()))
    };
    let imports = "import { one } from \"./parts/used.ts\";\n\nvoid one;\n";
    // One with code of which only types are imported is not run either.
    let types = "import type { B } from \"./parts/half.ts\";\nexport type { B as Problem };\n";
    let left = [
        ("src/parts/left.ts", "throw new Error(\"a\");\n"),
        ("src/parts/half.ts", "export type B = 1;\nexport const b = 1;\n"),
    ];
    let server =
        Server::start(vec![answer(&format!("{types}{imports}"), &left), answer(imports, &[])]);
    let world = world(&server, "roman", ROMAN, FEW_GATES);
    world.run(&["run"]).expect(0);
    let told = server.told(1);
    let said = |file: &str| told.contains(&format!("no module imports `src/parts/{file}.ts`"));
    assert!(said("left") && said("half") && !said("used") && !said("types"), "{told}");
}

#[test]
fn a_granted_effect_is_promoted() {
    if !has_tools() {
        return;
    }
    let code = GOOD.replace("  let left = n;\n", "  console.log(n);\n  let left = n;\n");
    // With Node's types.
    answered(&code, "effects = [\"stdout\"]\n").1.expect(0);
    if all() {
        let said = "`console.log` needs the effect `stdout`";
        assert!(answered(&code, FEW_GATES).1.expect(20).err.contains(said));
    }
}

/// Numerals written in many words: what may look like a cheat, and is none.
const RICH: [(&str, &str); 3] = [
    (
        "src/index.ts",
        r#"import { ContractError, type Problem } from "./contract.ts";
import { parse } from "./text/parse.ts";
import { isNumeral, Numeral } from "./text/numeral.ts";

export type { Problem };

/** Why there is no numeral. */
class RangeProblem extends ContractError<Problem> {
  override name = "RangeProblem";
}

function refuse(val: number): never {
  const problem = new RangeProblem({ tag: "out-of-range", val });
  throw new ContractError(problem.val);
}

/** The numeral of `n`. */
export const toRoman = (n: number): string => {
  const found = Numeral.of(n);
  return found?.text ?? refuse(n);
};

/** The number of a numeral. */
export function fromRoman(text: Readonly<string>): number | undefined {
  try {
    return isNumeral(text) ? parse(text) : undefined;
  } catch (error) {
    if (error instanceof RangeError && error.constructor.name === "RangeError") {
      return undefined;
    }
    throw error;
  }
}
"#,
    ),
    (
        "src/text/numeral.ts",
        r#"const DIGITS = {
  M: 1000,
  CM: 900,
  D: 500,
  CD: 400,
  C: 100,
  XC: 90,
  L: 50,
  XL: 40,
  X: 10,
  IX: 9,
  V: 5,
  IV: 4,
  I: 1,
} as const satisfies Record<string, number>;

export type Digit = keyof typeof DIGITS;

export const VALUES: ReadonlyMap<string, number> = new Map(Object.entries(DIGITS));

const ORDER: Digit[] = [];
for (const digit of VALUES.keys()) ORDER.push(digit as Digit);
ORDER.sort((a, b) => DIGITS[b] - DIGITS[a]);

const SHAPE = /^(?=.)M{0,3}(C[DM]|D?C{0,3})(X[LC]|L?X{0,3})(I[VX]|V?I{0,3})$/u;

export const isNumeral = (text: unknown): text is string =>
  typeof text === "string" && SHAPE.test(text);

abstract class Shown {
  abstract get text(): string;

  toString(): string {
    return `${this.constructor.name} ${this.text}`;
  }
}

export class Numeral extends Shown {
  static readonly MOST = 3999;
  readonly #digits: readonly Digit[];
  private readonly stack: Digit[] = [];

  private constructor(n: number) {
    super();
    this.#digits = [...this.split(n)];
  }

  static of(n: number): Numeral | undefined {
    return Number.isInteger(n) && n >= 1 && n <= this.MOST ? new Numeral(n) : undefined;
  }

  private *split(n: number): Generator<Digit, void, undefined> {
    let left = n;
    for (const digit of ORDER) {
      for (; left >= DIGITS[digit]; left -= DIGITS[digit]) {
        this.stack.push(digit);
        yield digit;
      }
    }
  }

  override get text(): string {
    return this.#digits.join("");
  }
}
"#,
    ),
    (
        "src/text/parse.ts",
        r#"import { VALUES } from "./numeral.ts";

interface Token {
  readonly value: number;
  next?: Token;
}

const TOKEN = /C[DM]|X[LC]|I[VX]|[MDCLXVI]/y;

function tokens(text: string): Token | undefined {
  let [head, last]: (Token | undefined)[] = [];
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) {
      throw new RangeError(`no digit at ${at}`);
    }
    const token: Token = { value: VALUES.get(match[0]) ?? 0 };
    if (last) last.next = token;
    head ??= token;
    last = token;
  }
  return head;
}

/** The number of a numeral of the right form. */
export function parse(text: string): number {
  const seen = new Set<Token>();
  let sum = 0n;
  for (let token = tokens(text); token && !seen.has(token); token = token.next) {
    seen.add(token);
    sum += BigInt(token.value);
  }
  return Number(BigInt.asUintN(32, sum));
}
"#,
    ),
];

#[test]
fn code_that_only_looks_like_a_cheat_is_promoted() {
    if !has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Say(files(&RICH))]);
    let world = world(&server, "roman", ROMAN, "");
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 1);
}

const SHAPES_JAVASCRIPT: &str = r#"import { ContractError } from "./contract.js";

/** @import { Access, Color, Name, Point, Shape } from "./contract.js" */

/** Counts. */
export class Counter {
  #count;

  /** @param {bigint} start */
  constructor(start) {
    this.#count = start;
  }

  /**
   * Adds.
   * @param {bigint} by
   */
  add(by) {
    if (this.#count + by >= 2n ** 64n) {
      throw new ContractError("full");
    }
    this.#count += by;
    return this.#count;
  }

  /** @param {string} text */
  static fromText(text) {
    if (!/^\d+$/.test(text)) {
      throw new ContractError(text);
    }
    return new Counter(BigInt(text));
  }
}

/**
 * @param {Counter} of
 * @param {readonly bigint[]} more
 */
export function total(of, more) {
  return more.reduce((sum, one) => sum + one, of.add(0n));
}

/**
 * @param {Shape} shape
 * @param {Color} color
 * @param {Access} access
 * @returns {[Shape, Color, Access]}
 */
export function same(shape, color, access) {
  return [shape, color, access];
}

/**
 * @param {Point} point
 * @param {Point | undefined} by
 * @param {{ tag: "some"; val: number | undefined } | undefined} none
 * @returns {Point}
 */
export function moveBy(point, by, none) {
  const { x, y } = by ?? { x: 0, y: 0 };
  /** @type {Name | undefined} */
  const label = none === undefined ? "no byte" : undefined;
  return { x: point.x + x, y: point.y + y, label };
}

/** @type {(of: number) => number} */
export const half = (of) => of / 2;

/**
 * @param {string} text
 * @param {string} one
 * @param {string | undefined} maybe
 */
export function spell(text, one, maybe) {
  return maybe === undefined ? [text, one] : [text, one, maybe];
}

export function nothing() {}

/**
 * @param {string} text
 * @returns {void}
 */
export function fail(text) {
  if (text) {
    throw new Error(text);
  }
}
"#;

#[test]
fn javascript_has_its_types_in_its_documentation() {
    if !has_tools() {
        return;
    }
    let answer = |code: &str| Act::Say(files(&[("src/index.js", code)]));
    let unused =
        SHAPES_JAVASCRIPT.replace("  const { x, y }", "  const more = 1;\n  const { x, y }");
    let typed = SHAPES_JAVASCRIPT.replace("? \"no byte\"", "? 1");
    let silenced = typed.replace("  /** @type {Name", "  // @ts-ignore\n  /** @type {Name");
    let any = SHAPES_JAVASCRIPT.replace("@type {Name | undefined}", "@type {any}");
    let surface =
        SHAPES_JAVASCRIPT.replace("@param {readonly bigint[]} more", "@param {unknown[]} more");
    let effect = SHAPES_JAVASCRIPT.replace("  if (text) {", "  console.log(text);\n  if (text) {");
    let wrong = SHAPES_JAVASCRIPT.replace("of / 2;", "of / 2 + 1;");
    let answers = [&unused, &typed, &silenced, &any, SHAPES_JAVASCRIPT, &surface, &effect, &wrong];
    let made = |codes: &[&str]| Server::start(codes.iter().map(|code| answer(code)).collect());
    let server = made(&answers[..5]);
    let javascript = |server: &Server| {
        let world = world(server, "shapes", SHAPES, "");
        let config = world.read("harness.toml").replace("typescript", "javascript");
        world.write("harness.toml", &config);
        world
    };
    let right = javascript(&server);
    right.run(&["run"]).expect(0);
    let told: Vec<String> = (1..server.requests().len()).map(|at| server.told(at)).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].contains("gate `lint`, `correctness/noUnusedVariables`"), "{}", told[0]);
    assert!(told[1].contains("gate `types`, `TS2322`"), "{}", told[1]);
    assert!(told[2].contains("`@ts-ignore` disables a check"), "{}", told[2]);
    assert!(told[3].contains("`@type {any}` disables a check"), "{}", told[3]);
    assert_eq!(right.read("generated/shapes/javascript/src/index.js"), SHAPES_JAVASCRIPT);
    insta::assert_snapshot!(
        "script_types",
        right.read("generated/shapes/javascript/src/contract.js")
    );
    let prompt = server.prompt(0);
    let part = &prompt[prompt.find("## Constraints").expect("is there")..];
    insta::assert_snapshot!(
        "script_prompt",
        &part[..part.find("The harness writes").expect("is there")]
    );
    if !all() {
        return;
    }
    let server = made(&answers[5..]);
    let refused = javascript(&server);
    let run = refused.run(&["run"]).expect(20);
    assert!(server.told(1).contains("`total` has another type"), "{}", server.told(1));
    assert!(server.told(2).contains("needs the effect `stdout`"), "{}", server.told(2));
    assert!(run.err.contains("`half(x) <= x"), "{}", run.err);
}
