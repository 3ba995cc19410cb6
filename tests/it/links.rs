//! Systems of specs in Python and TypeScript: the code of one uses what is promoted of another.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::composition::{asked, code_shown, prompt, spec_of};
use crate::python::{self, WITHOUT_TOOLS};
use crate::server::{Act, Server, files};
use crate::typescript;
use crate::world::{World, all, stable};

const UNITS: &str = "# Units\n\n```wit\n/// An amount of money in cents.\nrecord money { cents: s64 }\n\
    /// The sum of two amounts.\nadd: func(a: money, b: money) -> money;\n```\n\n\
    - `add` MUST add. `test_id: adds`\n\n  ```wave\n  add({cents: 1}, {cents: 2}) = {cents: 3}\n  ```\n";
const TILL: &str = "---\ntargets: [tool]\ndepends: [stock]\n---\n# Till\n\n- `till PRICE...` MUST print the sum. \
    `test_id: prints`\n\n  ```console\n  $ till 3 4\n  7\n  ```\n";

/// Writes more specs.
fn add(world: &World, specs: &[(&str, &str)]) {
    specs.iter().for_each(|(name, text)| world.write(&format!("specs/{name}.md"), text));
}

/// Runs a program in the folder of promoted code.
pub fn in_generated(world: &World, program: &Path, args: &[&str]) -> String {
    let mut command = Command::new(program);
    let ran = command.args(args).current_dir(world.path("generated")).output().expect("runs");
    let (out, error) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{} {args:?}: {out}{error}", program.display());
    out.into_owned()
}

/// Tells Git to ignore what the languages' own tools write.
fn ignoring(world: &World) {
    let told = world.run(&["check"]).expect(22);
    assert!(told.out.contains("left by a build and not ignored by Git"), "{}", told.out);
    let ignored = ["node_modules", "package-lock.json", ".venv", "uv.lock"];
    let lines = ignored.map(|name| format!("generated/{name}\n"));
    world.write(".gitignore", &lines.concat());
    let git = Command::new("git").args(["init", "--quiet"]).current_dir(world.path("")).status();
    assert!(git.expect("runs").success());
}

/// A language in which a library, a library over it and a program over that are made.
struct Language {
    manifest: &'static str,
    /// The spec of the second library.
    stock: &'static str,
    /// The answers.
    code: fn(usize, &Value) -> String,
    /// The promoted manifest of the program.
    program: &'static str,
    /// A promoted file of the second library.
    edited: &'static str,
}

/// Makes a system, changes what is below, and gives what was told.
fn system(language: &Language, server: &Server, world: &World) -> String {
    add(world, &[("stock", language.stock), ("till", TILL)]);
    let mut told = world.run(&["run"]).expect(0).titled("from nothing");
    assert_eq!(asked(server), ["units", "stock", "till", "till"]);
    let wrong = server.told(3);
    assert!(wrong.contains("prints") && wrong.contains("70"), "the clause and the value: {wrong}");
    told += &format!("== the prompt of stock\n{}\n", code_shown(&server.prompt(1)));
    told += &format!("== the prompt of till\n{}\n", code_shown(&server.prompt(2)));
    told += &world.read(language.program);
    told += &world.read(language.manifest);
    world.run(&["check", "--rerun"]).expect(0);
    let manifest = world.read(language.manifest);
    world.write(language.manifest, "{}\n");
    told += &world.run(&["check"]).expect(22).titled("another manifest");
    world.write(language.manifest, &manifest);

    let below = UNITS.replace("MUST add.", "MUST add and saturate.");
    world.write("specs/units.md", &below);
    told += &world.run(&["run"]).expect(0).titled("a change below");
    assert_eq!(asked(server)[4..], ["units"], "the others are only checked");
    world.write("specs/units.md", &below.replace("An amount", "A sum"));
    told += &world.run(&["run"]).expect(0).titled("a changed type");
    assert_eq!(asked(server)[5..], ["units", "stock"], "till does not use it");
    let again = world.run(&["run"]).expect(0);
    assert_eq!(asked(server).len(), 7, "nothing is left: {}", again.err);
    world.run(&["check"]).expect(0);

    let edited = world.read(language.edited);
    world.write(language.edited, &format!("{edited}\n"));
    world.write("specs/till.md", &TILL.replace("the sum", "their sum"));
    told += &world.run(&["run", "--spec", "till"]).expect(22).titled("an edited dependency");
    world.write(language.edited, &edited);
    world.write("specs/till.md", TILL);
    world.run(&["check"]).expect(0);
    assert_eq!(asked(server).len(), 7, "nothing was asked");
    told
}

const PYTHON: Language = Language {
    manifest: "generated/pyproject.toml",
    stock: "---\ndepends: [units]\n---\n# Stock\n\nA class `Stock` of prices.\n\n\
        - `Stock().taking(3).total()` MUST be the sum as `units.contract.Money`. `test_id: total`\n\n  \
        ```python\n  from units.contract import Money\n\n  \
        assert stock.Stock().taking(3).taking(4).total() == Money(7)\n  ```\n",
    code: in_python,
    program: "generated/till/tool/pyproject.toml",
    edited: "generated/stock/python/src/stock/__init__.py",
};

fn in_python(_: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let wrong = if prompt.contains("## What is wrong with it") { "" } else { " * 10" };
    let (path, text) = match spec_of(&prompt) {
        "units" => {
            let sum = if prompt.contains("saturate") { "min(sum, 2**63 - 1)" } else { "sum" };
            let text = "\"\"\"Units.\"\"\"\n\nfrom .contract import Money\n\n__all__ = [\"add\"]\n\n\n\
                def add(a: Money, b: Money) -> Money:\n    \"\"\"The sum.\"\"\"\n    \
                sum = a.cents + b.cents\n    return Money(SUM)\n";
            ("src/units/__init__.py", text.replace("SUM", sum))
        }
        "stock" => (
            "src/stock/__init__.py",
            "\"\"\"Stock.\"\"\"\n\nfrom units import add\nfrom units.contract import Money\n\n\n\
             class Stock:\n    \"\"\"Prices.\"\"\"\n\n    def __init__(self) -> None:\n        \
             self._total = Money(0)\n\n    def taking(self, cents: int) -> \"Stock\":\n        \
             \"\"\"One more.\"\"\"\n        self._total = add(self._total, Money(cents))\n        return self\n\n    \
             def total(self) -> Money:\n        \"\"\"The sum.\"\"\"\n        return self._total\n"
                .to_owned(),
        ),
        _ => (
            "src/till/__main__.py",
            "\"\"\"Till.\"\"\"\n\nimport sys\n\nimport stock\n\n\ndef main() -> int:\n    \
             \"\"\"Runs the program.\"\"\"\n    prices = stock.Stock()\n    for word in sys.argv[1:]:\n        \
             prices.taking(int(word))\n    print(prices.total().centsWRONG)\n    return 0\n\n\n\
             if __name__ == \"__main__\":\n    sys.exit(main())\n"
                .replace("WRONG", wrong),
        ),
    };
    files(&[(path, &text)])
}

#[test]
fn a_python_program_uses_a_package_that_uses_another() {
    if !python::has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(PYTHON.code)]);
    let tool = "[target.tool]\ntoolchain = \"python\"\nkind = \"program\"\n";
    let world = python::world(&server, "units", UNITS, tool);
    insta::assert_snapshot!("python_system", stable(&system(&PYTHON, &server, &world)));
    if !all() {
        return;
    }
    // Python's own tools build all of it where it is.
    let tools = world.folder().join("tools");
    let venv = tools.display().to_string();
    in_generated(&world, Path::new("python3"), &["-m", "venv", &venv]);
    in_generated(&world, &tools.join("bin/pip"), &["install", "--quiet", "uv"]);
    in_generated(&world, &tools.join("bin/uv"), &["sync", "--quiet", "--offline"]);
    let till = world.path("generated/.venv/bin/till");
    assert_eq!(in_generated(&world, &till, &["3", "4"]), "7\n");
    ignoring(&world);
    world.run(&["check"]).expect(0);
    let pip = ["install", "--quiet", "./units/python", "./stock/python", "./till/tool"];
    in_generated(&world, &tools.join("bin/pip"), &pip);
    assert_eq!(in_generated(&world, &tools.join("bin/till"), &["3", "4"]), "7\n");
    world.run(&["check"]).expect(0);
}

const TYPESCRIPT: Language = Language {
    manifest: "generated/package.json",
    stock: "---\ndepends: [units]\n---\n# Stock\n\nA class `Stock` of prices.\n\n\
        - `new Stock().taking(3n).total()` MUST be the sum as `Money` of `units`. `test_id: total`\n\n  \
        ```ts\n  import { add } from \"units\";\n  import type { Money } from \"units/contract\";\n\n  \
        const seven: Money = add({ cents: 0n }, { cents: 7n });\n  \
        assert.deepEqual(new stock.Stock().taking(3n).taking(4n).total(), seven);\n  ```\n",
    code: in_typescript,
    program: "generated/till/tool/package.json",
    edited: "generated/stock/typescript/src/index.ts",
};

fn in_typescript(_: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let wrong = if prompt.contains("## What is wrong with it") { "" } else { " * 10n" };
    let (path, text) = match spec_of(&prompt) {
        "units" => {
            let sum = "a.cents + b.cents";
            let saturated = "BigInt.asIntN(64, a.cents + b.cents)";
            let sum = if prompt.contains("saturate") { saturated } else { sum };
            let text = "import type { Money } from \"./contract.ts\";\n\n/** The sum. */\n\
                export function add(a: Money, b: Money): Money {\n  return { cents: SUM };\n}\n";
            ("src/index.ts", text.replace("SUM", sum))
        }
        "stock" => (
            "src/index.ts",
            "import { add } from \"units\";\nimport type { Money } from \"units/contract\";\n\n/** Prices. */\n\
             export class Stock {\n  #total: Money = { cents: 0n };\n\n  /** One more. */\n  \
             taking(cents: bigint): this {\n    this.#total = add(this.#total, { cents });\n    return this;\n  }\n\n  \
             /** The sum. */\n  total(): Money {\n    return this.#total;\n  }\n}\n"
                .to_owned(),
        ),
        _ => (
            "src/main.ts",
            "import { Stock } from \"stock\";\n\nconst prices = new Stock();\n\
             for (const word of process.argv.slice(2)) {\n  prices.taking(BigInt(word));\n}\n\
             console.log(String(prices.total().centsWRONG));\n"
                .replace("WRONG", wrong),
        ),
    };
    files(&[(path, &text)])
}

#[test]
fn a_typescript_program_uses_a_package_that_uses_another() {
    if !typescript::has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(TYPESCRIPT.code)]);
    let tool = "[target.tool]\ntoolchain = \"typescript\"\nkind = \"program\"\n";
    let world = typescript::world(&server, "units", UNITS, tool);
    insta::assert_snapshot!("typescript_system", stable(&system(&TYPESCRIPT, &server, &world)));
    // npm needs no network.
    in_generated(&world, Path::new("npm"), &["install", "--offline", "--no-audit", "--no-fund"]);
    let main = std::fs::canonicalize(world.path("generated/node_modules/till/src/main.ts"));
    assert_eq!(main.expect("is there"), world.path("generated/till/tool/src/main.ts"));
    assert!(world.path("generated/node_modules/units").exists());
    ignoring(&world);
    world.run(&["check"]).expect(0);
}

/// Types of every kind, and a contract that takes them.
const KINDS: &str = "# Kinds\n\n```wit\nvariant shape { circle(u32), dot }\nenum color { red, blue }\n\
    flags marks { bold, wide }\nrecord odd { maybe: option<option<u8>>, done: result<u8, string> }\n\
    type pair = tuple<u8, u8>;\narea: func(of: shape) -> u32;\n```\n\n- `area` MUST be square. `test_id: area`\n\n  \
    ```wave\n  area(circle(2)) = 4\n  area(dot) = 0\n  ```\n";
const DRAW: &str = "---\ndepends: [kinds]\n---\n# Draw\n\n```wit\nuse kinds.{shape, shape as form, color, marks, odd, pair};\n\
    record picture { of: form, tint: color }\n\
    paint: func(many: list<picture>, how: marks, one: odd, two: pair) -> result<odd, color>;\n\
    size: func(of: shape) -> u32;\n```\n\n\
    - `paint` MUST give the odd one, and refuse what is blue. `test_id: paints`\n\n  ```wave\n  \
    paint([{of: circle(2), tint: red}], {bold}, {maybe: some(some(1)), done: ok(2)}, (1, 2)) = \
    ok({maybe: some(some(1)), done: ok(2)})\n  \
    paint([], {}, {maybe: some(none), done: err(\"no\")}, (1, 2)) = ok({maybe: some(none), done: err(\"no\")})\n  \
    paint([{of: dot, tint: blue}], {}, {maybe: none, done: ok(2)}, (1, 2)) = err(blue)\n  ```\n\n\
    - `size` MUST be the area. `test_id: sizes`\n\n  ```wave\n  size(circle(3)) = 9\n  ```\n";

/// In the language that is asked for.
fn drawn(_: usize, body: &Value) -> String {
    let prompt = prompt(body);
    match spec_of(&prompt) {
        "kinds" if prompt.contains("You write TypeScript code") => files(&[(
            "src/index.ts",
            "import type { Shape } from \"./contract.ts\";\n\n/** The area. */\nexport function area(of: Shape): number {\n  \
             return of.tag === \"circle\" ? of.val ** 2 : 0;\n}\n",
        )]),
        _ if prompt.contains("You write TypeScript code") => files(&[(
            "src/index.ts",
            "import { area } from \"kinds\";\nimport type { Color, Marks, Odd, Pair, Picture, Shape } from \"./contract.ts\";\n\
             import { ContractError } from \"./contract.ts\";\n\n/** Paints. */\n\
             export function paint(many: Picture[], how: Marks, one: Odd, two: Pair): Odd {\n  \
             if (many.some((picture) => picture.tint === \"blue\")) {\n    throw new ContractError<Color>(\"blue\");\n  }\n  \
             return one;\n}\n\n/** The size. */\nexport function size(of: Shape): number {\n  return area(of);\n}\n",
        )]),
        "kinds" => files(&[(
            "src/kinds/__init__.py",
            "\"\"\"Kinds.\"\"\"\n\nfrom .contract import Shape, Shape_Circle\n\n__all__ = [\"area\"]\n\n\n\
             def area(of: Shape) -> int:\n    \"\"\"The area.\"\"\"\n    \
             return of.value**2 if isinstance(of, Shape_Circle) else 0\n",
        )]),
        _ => files(&[(
            "src/draw/__init__.py",
            "\"\"\"Draw.\"\"\"\n\nfrom kinds import area\n\nfrom .contract import Color, Err, Marks, Odd, Pair, Picture, Shape\n\n\
             __all__ = [\"paint\", \"size\"]\n\n\ndef paint(many: list[Picture], how: Marks, one: Odd, two: Pair) -> Odd:\n    \
             \"\"\"Paints.\"\"\"\n    if any(picture.tint is Color.BLUE for picture in many):\n        \
             raise Err(Color.BLUE)\n    return one\n\n\ndef size(of: Shape) -> int:\n    \"\"\"The size.\"\"\"\n    \
             return area(of)\n",
        )]),
    }
}

#[test]
fn a_contract_takes_types_of_every_kind_from_another_one() {
    if !python::has_tools() || !typescript::has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(drawn)]);
    let more = "[target.typescript]\ntoolchain = \"typescript\"\n";
    let world = python::world(&server, "kinds", KINDS, more);
    let config = world.read("harness.toml");
    world.write("harness.toml", &config.replace("[\"python\"]", "[\"python\", \"typescript\"]"));
    add(&world, &[("draw", DRAW)]);
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!(
        "python_types",
        world.read("generated/draw/python/src/draw/contract.py")
    );
    insta::assert_snapshot!(
        "typescript_types",
        world.read("generated/draw/typescript/src/contract.ts")
    );
    // Another case of the variant is another type for those who name a case.
    world.write("specs/kinds.md", &KINDS.replace("circle(u32), dot", "circle(u32), dot, line"));
    world.run(&["run"]).expect(0);
    assert_eq!(
        asked(&server),
        ["kinds", "kinds", "draw", "draw", "kinds", "kinds", "draw", "draw"]
    );
}

/// Stock with parts that are private or can be changed.
const PLAIN_STOCK: &str = "---\ndepends: [units]\n---\n# Stock\n\n- `total([1])` MUST be the sum. `test_id: total`\n\n  ```python\n  \
    assert stock.total([3, 4]) == 7\n  ```\n";
const SHOP: &str = "---\ndepends: [stock]\n---\n# Shop\n\n```wit\nsum: func(prices: list<s64>) -> s64;\n```\n\n\
    - `sum` MUST add the prices. `test_id: sum`\n\n  | prices | sum(prices) |\n  |---|---|\n  | [1, 2] | 3 |\n";
const KEYS: &str = "---\ndepends: [stock]\neffects: [fs, unsafe]\n---\n# Keys\n\n```wit\nkeys: func() -> string;\n```\n\n\
    - `keys` MUST find no other way. `test_id: keys`\n\n  ```wave\n  keys() = \"ok\"\n  ```\n";

/// Ways around what may be used, and what is told of them.
const WAYS: [(&str, &str); 5] = [
    ("import units; units.add()", "`units` comes neither"),
    ("from stock import _hidden", "`stock._hidden` needs the effect `unsafe`"),
    ("stock.PRICES.append(1)", "`a change of PRICES` needs the effect `state`"),
    ("stock.total = sum", "`a change of another module` needs the effect `unsafe`"),
    ("stock.json.loads('1')", "`stock.json` needs the effect `unsafe`"),
];

fn around(at: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let shop = |body: &str| {
        let text = format!(
            "\"\"\"Shop.\"\"\"\n\nimport stock\n\n__all__ = [\"sum\"]\n\n\ndef sum(prices: list[int]) -> int:\n    \
             \"\"\"The sum.\"\"\"\n    {body}\n    all = stock.Prices()\n    all.add(len(stock.PRICES))\n    stock.add(1)\n    \
             return stock.total(prices)\n"
        );
        files(&[("src/shop/__init__.py", &text)])
    };
    match spec_of(&prompt) {
        "units" => in_python(at, body),
        "stock" => files(&[(
            "src/stock/__init__.py",
            "\"\"\"Stock.\"\"\"\n\nimport json\n\nPRICES = [1]\n\n\nclass Prices:\n    \"\"\"All.\"\"\"\n\n    \
             def add(self, price: int) -> None:\n        \"\"\"One more.\"\"\"\n        self.last = json.dumps(price)\n\n\n\
             def add(price: int) -> int:\n    \"\"\"One more.\"\"\"\n    return price + 1\n\n\n\
             def total(prices: list[int]) -> int:\n    \"\"\"The sum.\"\"\"\n    return _hidden(prices)\n\n\n\
             def _hidden(prices: list[int]) -> int:\n    return sum(prices)\n",
        )]),
        "keys" => files(&[(
            "src/keys/__init__.py",
            "\"\"\"Keys.\"\"\"\n\nimport importlib\n\nimport stock\n\n__all__ = [\"keys\"]\n\n\ndef keys() -> str:\n    \
             \"\"\"Tries.\"\"\"\n    try:\n        open(str(stock.__file__), \"w\").close()\n    except OSError as error:\n        \
             written = str(error) if error.errno not in (13, 30) else \"\"\n    else:\n        written = \"written\"\n    \
             try:\n        importlib.import_module(\"shop\")\n    except ImportError:\n        return written or \"ok\"\n    \
             return \"imported\"\n",
        )]),
        _ if prompt.contains("## What is wrong with it") => shop("pass"),
        _ => shop(&WAYS.map(|(way, _)| way).join("\n    ")),
    }
}

/// What was told of the wrong answer for `shop`; the next one was accepted.
fn told_of_shop(server: &Server) -> String {
    let asked = asked(server);
    let shops: Vec<usize> = (0..asked.len()).filter(|at| asked[*at] == "shop").collect();
    assert_eq!(shops.len(), 2, "honest code was refused: {}", server.told(shops[shops.len() - 1]));
    server.told(shops[1])
}

#[test]
fn python_code_uses_only_what_its_spec_depends_on() {
    if !python::has_python() {
        return;
    }
    let server = Server::start(vec![Act::Make(around)]);
    let world = python::world(&server, "units", UNITS, WITHOUT_TOOLS);
    add(&world, &[("stock", PLAIN_STOCK), ("shop", SHOP)]);
    world.run(&["run"]).expect(0);
    let told = told_of_shop(&server);
    for (way, says) in WAYS {
        assert!(told.lines().any(|line| line.contains(says)), "{way}: {told}");
    }
    assert!(told.contains("use only the code of: stock"), "{told}");
    add(&world, &[("keys", KEYS)]);
    world.run(&["run"]).expect(0);
}

/// In TypeScript: what begins the module, what stands in a function, and what is told.
const SCRIPT_WAYS: [(&str, &str, &str); 4] = [
    ("import { add } from \"units\";", "add();", "`units` comes neither"),
    ("import { x } from \"stock/src/index.ts\";", "x();", "`stock/src/index.ts` comes neither"),
    (
        "import { PRICES } from \"stock\";",
        "PRICES.push(1n);",
        "`a change of PRICES` needs the effect `state`",
    ),
    (
        "import type { Money } from \"units/contract\";",
        "const none: Money | null = null;",
        "`units/contract` comes neither",
    ),
];

fn around_in_typescript(at: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let shop = |head: &str, body: &str| {
        let text = format!(
            "{head}\nimport * as stock from \"stock\";\n\n/** The sum. */\n\
             export function sum(prices: bigint[]): bigint {{\n  {body}\n  const all = new stock.Prices();\n  \
             all.add(BigInt(stock.PRICES.length));\n  stock.add(1n);\n  return stock.total(prices);\n}}\n"
        );
        files(&[("src/index.ts", &text)])
    };
    match spec_of(&prompt) {
        "units" => in_typescript(at, body),
        "stock" => files(&[(
            "src/index.ts",
            "/** All. */\nexport const PRICES: bigint[] = [1n];\n\n/** All. */\nexport class Prices {\n  last = 0n;\n\n  \
             /** One more. */\n  add(price: bigint): void {\n    this.last = price;\n  }\n}\n\n/** One more. */\n\
             export function add(price: bigint): bigint {\n  return price + 1n;\n}\n\n/** The sum. */\n\
             export function total(prices: bigint[]): bigint {\n  return prices.reduce((sum, one) => sum + one, 0n);\n}\n",
        )]),
        _ if prompt.contains("## What is wrong with it") => shop("", ""),
        _ => shop(
            &SCRIPT_WAYS.map(|(head, _, _)| head).join("\n"),
            &SCRIPT_WAYS.map(|(_, way, _)| way).join("\n  "),
        ),
    }
}

#[test]
fn typescript_code_uses_only_what_its_spec_depends_on() {
    if !typescript::has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(around_in_typescript)]);
    let world = typescript::world(&server, "units", UNITS, "");
    let stock = PLAIN_STOCK.replace("```python", "```ts").replace("[1]", "[1n]");
    let stock = stock
        .replace("assert stock.total([3, 4]) == 7", "assert.equal(stock.total([3n, 4n]), 7n);");
    add(&world, &[("stock", &stock), ("shop", SHOP)]);
    world.run(&["run"]).expect(0);
    let told = told_of_shop(&server);
    for (_, way, says) in SCRIPT_WAYS {
        assert!(told.lines().any(|line| line.contains(says)), "{way}: {told}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_its_spec() {
    let server = Server::start(vec![Act::Close]);
    let targets = "[target.tool]\ntoolchain = \"python\"\nkind = \"program\"\n[target.rust]\ntoolchain = \"rust\"\n[target.more]\n\
        toolchain = \"python\"\nallowed_dependencies = { attrs = \"==23.2.0\" }\n";
    let world = python::world(&server, "units", UNITS, targets);
    add(&world, &[("shop", &SHOP.replace("stock", "units"))]);
    let mut told = String::new();
    let mut units = |front: &str, code: i32, title: &str| {
        world.write("specs/units.md", &format!("---\n{front}\n---\n{UNITS}"));
        told += &world.run(&["lint"]).expect(code).titled(title);
    };
    units("targets: [rust]", 10, "another language");
    units("targets: [python, rust]", 0, "more languages");
    units("effects: [clock]", 10, "more effects");
    units("targets: [tool]", 10, "a program");
    units("targets: [more]", 10, "more packages");
    insta::assert_snapshot!("refused", stable(&told));
}

/// Right code in JavaScript.
fn in_javascript(_: usize, body: &Value) -> String {
    let head = "/** @import { Money } from \"./contract.js\" */\n";
    let text = match spec_of(&prompt(body)) {
        "units" => format!(
            "{head}\n/**\n * The sum.\n * @param {{Money}} a\n * @param {{Money}} b\n * @returns {{Money}}\n */\n\
             export function add(a, b) {{\n  return {{ cents: a.cents + b.cents }};\n}}\n"
        ),
        _ => format!(
            "{head}import {{ add }} from \"units\";\n\n/**\n * The sum.\n * @param {{Money[]}} prices\n * @returns {{Money}}\n */\n\
             export function sum(prices) {{\n  return prices.reduce((all, one) => add(all, one), {{ cents: 0n }});\n}}\n"
        ),
    };
    files(&[("src/index.js", &text)])
}

#[test]
fn a_javascript_package_uses_another_with_its_types() {
    if !typescript::has_tools() || !all() {
        return;
    }
    let bill = "---\ndepends: [units]\n---\n# Bill\n\n```wit\nuse units.{money};\nsum: func(prices: list<money>) -> money;\n```\n\n\
        - `sum` MUST add. `test_id: sum`\n\n  ```wave\n  sum([{cents: 1}, {cents: 2}]) = {cents: 3}\n  ```\n\n  \
        ```js\n  import { add } from \"units\";\n\n  assert.deepEqual(bill.sum([{ cents: 3n }]), add({ cents: 1n }, { cents: 2n }));\n  ```\n";
    let server = Server::start(vec![Act::Make(in_javascript)]);
    let world = typescript::world(&server, "units", UNITS, "");
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("toolchain = \"typescript\"", "toolchain = \"javascript\""),
    );
    add(&world, &[("bill", bill)]);
    world.run(&["run"]).expect(0);
    world.run(&["check", "--rerun"]).expect(0);
    assert_eq!(asked(&server), ["units", "bill"]);
    assert!(
        world
            .read("generated/bill/typescript/src/contract.js")
            .contains("import(\"units/contract\").Money")
    );
}
