//! Contracts: a typed interface, neutral examples and properties, compared outside of the
//! candidate's process.

use crate::check::git;
use crate::server::{Server, lib};
use crate::world::{World, all};

/// The spec of `docs/formats/contract.md`.
pub const ROMAN: &str = "# Roman numerals

```wit
/// Why a number has no numeral.
variant problem { out-of-range(u32), empty }
/// The numeral of `n`.
to-roman: func(n: u32) -> result<string, problem>;
from-roman: func(numeral: string) -> option<u32>;
```

- `to-roman` MUST accept 1 to 3999. `test_id: to_roman_basic`

  | n    | to-roman(n)   |
  |------|---------------|
  | 1    | ok(\"I\")       |
  | 1994 | ok(\"MCMXCIV\") |

  ```wave hidden
  to-roman(3999) = ok(\"MMMCMXCIX\")
  ```

- Numbers outside the range MUST be refused. `test_id: to_roman_range`

  ```wave
  to-roman(0) = err(out-of-range(0))
  ```

- Reading a numeral MUST give back the number it was written from. `test_id: round_trip`

  ```property
  n in 1..=3999
  from_roman(to_roman(n).ok).some == n
  ```
";

/// Right.
pub const GOOD: &str = "//! Roman numerals.

pub mod contract;

use contract::Problem;

const DIGITS: [(u32, &str); 13] = [
    (1000, \"M\"),
    (900, \"CM\"),
    (500, \"D\"),
    (400, \"CD\"),
    (100, \"C\"),
    (90, \"XC\"),
    (50, \"L\"),
    (40, \"XL\"),
    (10, \"X\"),
    (9, \"IX\"),
    (5, \"V\"),
    (4, \"IV\"),
    (1, \"I\"),
];

/// The numeral of `n`.
pub fn to_roman(n: u32) -> Result<String, Problem> {
    if n == 0 || n > 3999 {
        return Err(Problem::OutOfRange(n));
    }
    let mut left = n;
    let mut out = String::new();
    for (value, digit) in DIGITS {
        while left >= value {
            out.push_str(digit);
            left -= value;
        }
    }
    Ok(out)
}

/// The number of a numeral.
pub fn from_roman(numeral: &str) -> Option<u32> {
    (1..=3999).find(|n| to_roman(*n).as_deref() == Ok(numeral))
}
";

fn world(server: &Server, spec: &str) -> World {
    World::new(&server.url, &[("roman", spec)], "")
}

#[test]
fn a_contract_is_promoted_with_its_types() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&server, ROMAN);
    let run = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(crate::world::stable(&run.out));
    let prompt = server.requests()[0].to_string();
    assert!(prompt.contains("pub fn to_roman(n: u32) -> Result<String, Problem>"), "{prompt}");
    assert!(!prompt.contains("MMMCMXCIX"), "{prompt}");
    insta::assert_snapshot!("types", world.read("generated/roman/rust/src/contract.rs"));
    world.run(&["check"]).expect(0);
}

/// A run that is rejected, with this answer each time: what it prints.
fn rejected(spec: &str, code: &str) -> String {
    let server = Server::start(vec![lib(code)]);
    let world = world(&server, spec);
    world.run(&["run"]).expect(20).err
}

#[test]
fn wrong_answers_are_refused_with_the_call_and_both_values() {
    if !all() {
        return;
    }
    let wrong = [
        ("value", GOOD.replace("(4, \"IV\")", "(4, \"IIII\")")),
        ("range", GOOD.replace("n == 0 || ", "")),
        ("trap", GOOD.replace("return Err(Problem::OutOfRange(n));", "panic!(\"no\")")),
        ("lookup", GOOD.replace("(1..=3999).find", "(1..=1000).find")),
        ("held out", GOOD.replace("n > 3999", "n > 3998")),
        ("debug", GOOD.replace("left = n;", "left = 0;\n    debug_assert!({ left = n; true });")),
    ];
    let mut told = String::new();
    for (name, code) in wrong {
        let said = rejected(ROMAN, &code);
        told += &format!("== {name}\n{}", crate::world::stable(&said));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_public_surface_is_exactly_the_contract() {
    let wrong = [
        ("more", GOOD.to_owned() + "\n/// More.\npub fn extra() {}\n"),
        ("less", GOOD.replace("pub fn from_roman", "fn from_roman")),
        (
            "another type",
            GOOD.replace("numeral: &str", "numeral: String")
                .replace("== Ok(numeral)", "== Ok(numeral.as_str())"),
        ),
        ("no module", GOOD.replace("pub mod contract;", "mod contract;")),
    ];
    let mut told = String::new();
    for (name, code) in wrong {
        let said = rejected(ROMAN, &code);
        told += &format!("== {name}\n{}", crate::world::stable(&said));
    }
    insta::assert_snapshot!(told);
}

/// Every type of a contract, and a thing with state.
pub const SHAPES: &str = "# Shapes

```wit
type name = string;
record point { x: s32, y: f64, label: option<name> }
enum color { red, dark-blue }
flags access { read, write }
variant shape { dot, circle(f32), path(list<point>), pair(tuple<u8, char>) }
resource counter {
  constructor(start: u64);
  add: func(by: u64) -> result<u64, string>;
  from-text: static func(text: string) -> result<counter, name>;
}
total: func(of: borrow<counter>, more: list<s64>) -> s64;
same: func(shape: shape, color: color, access: access) -> tuple<shape, color, access>;
move-by: func(point: point, by: option<point>, none: option<option<u8>>) -> point;
half: func(of: f64) -> f64;
spell: func(text: string, one: char, maybe: option<string>) -> list<string>;
nothing: func();
fail: func(text: string);
```

- Values MUST come back as they are. `test_id: same`

  ```wave
  same(dot, red, {}) = (dot, red, {})
  same(circle(1.5), dark-blue, {read, write}) = (circle(1.5), dark-blue, {read, write})
  same(path([{x: -1, y: nan}, {x: 2, y: -0.0, label: some(\"ä\")}]), red, {write}) =
  (path([{x: -1, y: nan}, {x: 2, y: -0.0, label: \"ä\"}]), red, {write})
  ```
  ```wave hidden
  same(pair((255, '\\u{1F600}')), red, {read}) = (pair((255, '\\u{1F600}')), _, {read})
  ```

- A counter MUST count. `test_id: counts`

  ```wave
  let a = counter(18446744073709551614)
  a.add(1) = ok(18446744073709551615)
  a.add(1) = err(\"full\")
  let b = counter.from-text(\"7\")
  total(b, [-8, 9223372036854775807]) = 9223372036854775806
  b.add(1) = ok(8)
  counter.from-text(\"x\") = err(\"x\")
  ```

- Points MUST move. `test_id: moves`

  ```wave
  move-by({x: 1, y: 0.1}, some({x: 2, y: 0.2}), some(none)) = {x: 3, y: 0.3} ~ 0.0001
  move-by({x: 1, y: 0.1}, none, none) = {x: 1, y: 0.1, label: \"no byte\"}
  nothing()
  fail(\"boom\") = trap
  ```

- Texts MUST be spelled. `test_id: spells`

  ```wave
  spell(\"a\\n\\\"\\\\\\u{1}\", '\\'', none) = [\"a\\n\\\"\\\\\\u{1}\", \"'\"]
  spell(\"\", 'x', some(\"y\")) = [\"\", \"x\", \"y\"]
  ```

- Half MUST be less. `test_id: halves`

  ```property
  x: f64
  // Not a number is not ordered.
  half(x) <= x || x < 0.0 || !(x == x)
  ```
";

pub const SHAPES_CODE: &str = "//! Shapes.

pub mod contract;

use contract::{Access, Color, Point, Shape};

/// Counts.
pub struct Counter(u64);

impl Counter {
    /// Starts.
    pub fn new(start: u64) -> Self {
        Self(start)
    }

    /// Adds.
    pub fn add(&mut self, by: u64) -> Result<u64, String> {
        self.0 = self.0.checked_add(by).ok_or_else(|| \"full\".to_owned())?;
        Ok(self.0)
    }

    /// Reads.
    pub fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| text.to_owned())
    }
}

/// The sum.
pub fn total(of: &Counter, more: &[i64]) -> i64 {
    more.iter().fold(of.0 as i64, |sum, one| sum.wrapping_add(*one))
}

/// The same.
pub fn same(shape: &Shape, color: Color, access: Access) -> (Shape, Color, Access) {
    (shape.clone(), color, access)
}

/// Moves.
pub fn move_by(point: &Point, by: Option<&Point>, none: Option<&Option<u8>>) -> Point {
    let (x, y) = by.map_or((0, 0.0), |by| (by.x, by.y));
    let label = none.is_none().then(|| \"no byte\".to_owned());
    Point { x: point.x + x, y: point.y + y, label }
}

/// Half.
pub fn half(of: f64) -> f64 {
    of / 2.0
}

/// Spells.
pub fn spell(text: &str, one: char, maybe: Option<&str>) -> Vec<String> {
    let all = [Some(text.to_owned()), Some(one.to_string()), maybe.map(str::to_owned)];
    all.into_iter().flatten().collect()
}

/// Nothing.
pub fn nothing() {}

/// Fails.
pub fn fail(text: &str) {
    assert!(text.is_empty(), \"{text}\");
}
";

#[test]
fn every_type_goes_to_the_candidate_and_back() {
    let server = Server::start(vec![lib(SHAPES_CODE)]);
    let world = World::new(&server.url, &[("shapes", SHAPES)], "");
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!("shapes", world.read("generated/shapes/rust/src/contract.rs"));
    let prompt = server.requests()[0]["messages"].to_string();
    let from = prompt.find("## Public items").expect("is there");
    let part = &prompt[from..prompt[from..].find("The harness writes").expect("is there") + from];
    insta::assert_snapshot!("items", part.replace("\\n", "\n"));
}

#[test]
fn errors_in_a_contract_are_told_at_their_place_before_a_call() {
    let cases = [
        ("type", "to-roman: func(n: u33) -> string;", "to-roman(1) = \"I\""),
        ("syntax", "to-roman func(n: u32) -> string;", "to-roman(1) = \"I\""),
        ("keyword", "f: func(list: list<u32>) -> u32;", "f([1]) = 1"),
        ("escape", "f: func(); }\ninterface other {", "f() = trap"),
        ("value", "f: func(n: u8) -> string;", "f(256) = \"I\""),
        ("result", "f: func(n: u8) -> option<u8>;", "f(25) = some(\"I\")"),
        ("name", "to-roman: func(n: u8) -> string;", "to-romans(1) = \"I\""),
        ("count", "f: func(n: u8) -> string;", "f(1, 2) = \"I\""),
        ("empty", "f: func(n: u8) -> string;", "f(1)"),
        (
            "case",
            "variant v { some-thing(u8) }\nf: func(n: v) -> v;",
            "f(some-thin(1)) = _\nf(some-thing(1)) = some-thing",
        ),
        (
            "clash",
            "record vec { x: u8 }\nenum e { self }\nvariant ok-ko { a1, a-1 }\nf: func(n: vec) -> e;",
            "f({x: 1}) = self",
        ),
        ("other type", "f: func(n: usize) -> u8;", "f(1) = 1"),
        ("own type", "enum colour { red }\nf: func(c: color) -> u8;", "f(red) = 1"),
        ("other name", "my_f: func(n: u8) -> u8;", "my-f(1) = 1"),
        ("other value", "f: func(n: u8) -> option<u8>;", "f(1) = None"),
        ("other case", "enum e { a-b }\nf: func(n: e) -> u8;", "f(AB_c) = 1"),
        ("quotes", "f: func(s: string) -> u8;", "f('ab') = 1"),
        ("equals", "f: func(n: u8) -> u8;", "f(1) == 1"),
        ("two results", "f: func(n: u8) -> u8;", "f(1) = 1\nf(1) = 2"),
    ];
    let server = Server::start(vec![lib(GOOD)]);
    let mut told = String::new();
    let planned = |wit: &str, wave: &str, code| {
        let spec = format!(
            "# X\n\n```wit\n{wit}\n```\n\n- It MUST work. `test_id: works`\n\n  ```wave\n  {}\n  ```\n",
            wave.replace('\n', "\n  ")
        );
        World::new(&server.url, &[("x", &spec)], "").run(&["plan"]).expect(code).err
    };
    for (name, wit, wave) in cases {
        told += &format!("== {name}\n{}", planned(wit, wave, 10));
    }
    // A state can be the reason of both results.
    planned("f: func() -> u8;", "f() = 1\nf() = 2", 0);
    let chain = format!("n: u8\nf(n) == n{}", ">n".repeat(30_000));
    let nested = format!("n: u8\nf(n) == {}n{}", "(n > ".repeat(21), ")".repeat(21));
    let types = format!("n: {}u8{}\nf(n) == 1", "list<".repeat(70), ">".repeat(70));
    let properties = [
        ("operators", chain.as_str()),
        ("nesting", nested.as_str()),
        ("type", types.as_str()),
        ("variable", "n in 1..=3\nf(m) == 1"),
        ("function", "n in 1..=3\ng(n) == 1"),
        ("none", "n in 1..=3\nn == 1"),
        ("range", "n in 3..=1\nf(n) == 1"),
        ("type", "n: strin\nf(n) == 1"),
        ("cel", "n in 1..=3\nf(n) === 1"),
    ];
    for (name, property) in properties {
        let spec = format!(
            "# X\n\n```wit\nf: func(n: u8) -> u8;\n```\n\n- It MUST work. `test_id: works`\n\n  ```property\n  {}\n  ```\n",
            property.replace('\n', "\n  ")
        );
        let world = World::new(&server.url, &[("x", &spec)], "");
        let run = world.run(&["plan"]).expect(10);
        told += &format!("== property: {name}\n{}", run.err);
    }
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(told);
}

#[test]
fn a_third_of_three_examples_is_held_out() {
    if !all() {
        return;
    }
    let rows: String =
        (1..=9).map(|n| format!("  | {n} | ok(\"{}\") |\n", "I".repeat(n))).collect();
    let spec = format!(
        "# Tally\n\n```wit\ntally: func(n: u32) -> result<string>;\n```\n\n- A tally MUST have a stroke for \
         each. `test_id: tallies`\n\n  | n | tally(n) |\n  |---|---|\n{rows}"
    );
    let shown = |server: &Server| {
        let prompt = server.requests()[0].to_string();
        (1..=9).filter(|n| prompt.contains(&format!("| {n} |"))).collect::<Vec<_>>()
    };
    let good = "//! A tally.\n\n/// Strokes.\npub fn tally(n: u32) -> Result<String, ()> {\n    \
        Ok(\"I\".repeat(n as usize))\n}\n";
    let server = Server::start(vec![lib(good)]);
    let world = World::new(&server.url, &[("tally", &spec)], "");
    world.run(&["run"]).expect(0);
    let open = shown(&server);
    assert_eq!(open.len(), 6, "{open:?}");
    // A table of what was shown does not pass.
    let arms: String = open
        .iter()
        .map(|n| format!("        {n} => Ok(\"{}\".to_owned()),\n", "I".repeat(*n)))
        .collect();
    let table = format!(
        "//! A tally.\n\n/// Strokes.\npub fn tally(n: u32) -> Result<String, ()> {{\n    match n {{\n{arms}        \
         _ => Err(()),\n    }}\n}}\n"
    );
    let server = Server::start(vec![lib(&table)]);
    let world = World::new(&server.url, &[("tally", &spec)], "");
    let run = world.run(&["run"]).expect(20);
    assert!(
        run.err.contains("gate `hidden` failed: a held-out example of tally/tallies"),
        "{}",
        run.err
    );
    // Switched off, all are shown, and it is another prompt.
    let server = Server::start(vec![lib(good)]);
    let world = World::new(&server.url, &[("tally", &spec)], "");
    world.run(&["run"]).expect(0);
    let config = world.read("harness.toml");
    world.write("harness.toml", &(config + "[prompt]\nhold_out = \"off\"\n"));
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 2);
    let prompt = server.requests()[1].to_string();
    assert!((1..=9).all(|n| prompt.contains(&format!("| {n} |"))), "{prompt}");
}

#[test]
fn a_changed_signature_is_a_change_of_the_contract() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&server, ROMAN);
    git(&world, &["init", "-q"]);
    git(&world, &["add", "specs"]);
    git(&world, &["commit", "-qm", "a"]);
    world.write("specs/roman.md", &ROMAN.replace("-> option<u32>", "-> option<u16>"));
    insta::assert_snapshot!(world.run(&["diff", "HEAD"]).out);
}

#[test]
fn examples_that_contradict_each_other_are_told_before_a_call() {
    let server = Server::start(vec![lib(GOOD)]);
    let spec = ROMAN.replace(
        "to-roman(0) = err(out-of-range(0))",
        "to-roman(0) = err(out-of-range(0))\n  to-roman(1) = ok(\"i\")",
    );
    let world = world(&server, &spec);
    let run = world.run(&["run"]).expect(10);
    assert!(run.err.contains("`to-roman(1)` gives ok(\"I\") here"), "{}", run.err);
    assert!(server.requests().is_empty());
}

#[test]
fn a_property_that_always_holds_proves_nothing() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&server, &ROMAN.replace(".some == n", ".some == n || n > 0"));
    let run = world.run(&["run"]).expect(10);
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(crate::world::stable(&run.err));
}

#[test]
fn candidates_cannot_answer_for_the_adapter() {
    if !all() {
        return;
    }
    let hostile = [
        ("exits", "std::process::exit(0)"),
        ("aborts", "std::process::abort()"),
        ("prints", "{ println!(\"[\\\"0\\\",0,[0,\\\"I\\\"]]\"); Ok(\"x\".to_owned()) }"),
        ("is long", "Ok(\"x\".repeat(20_000_000))"),
        ("hangs", "loop { std::thread::yield_now(); }"),
        ("overflows", "to_roman(n.wrapping_add(1)).map(|text| text + \"I\")"),
    ];
    let mut told = String::new();
    for (name, body) in hostile {
        let code = format!(
            "//! Roman numerals.\n\npub mod contract;\n\nuse contract::Problem;\n\n/// The numeral.\n\
             #[expect(unconditional_recursion, reason = \"a test\")]\npub fn to_roman(n: u32) -> \
             Result<String, Problem> {{\n    {body}\n}}\n\n/// The number.\npub fn from_roman(numeral: &str) \
             -> Option<u32> {{\n    numeral.len().try_into().ok()\n}}\n"
        );
        let code = match name {
            "overflows" => code,
            _ => code.replace("#[expect(unconditional_recursion, reason = \"a test\")]\n", ""),
        };
        let server = Server::start(vec![lib(&code)]);
        let world = world(&server, ROMAN);
        let config = world.read("harness.toml");
        let config =
            config.replace("toolchain = \"rust\"\n", "toolchain = \"rust\"\ngates = [\"layout\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n");
        // A text of 20 MB is refused for its length, however slow the machine is.
        let limit = if name == "hangs" { "[gate.test]\ntimeout_s = 6\n" } else { "" };
        world.write("harness.toml", &(config + limit));
        let run = world.run(&["run"]).expect(20);
        let from = run.err.find("roman: rejected").expect("is rejected");
        told += &format!("== {name}\n{}", crate::world::stable(&run.err[from..]));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn nothing_of_an_expected_value_or_a_test_is_beside_the_candidate() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&server, ROMAN);
    world.run(&["run", "--keep"]).expect(0);
    let kept = world.cache().join("regen/kept");
    let mut seen = 0;
    let mut folders = vec![kept];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("is a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("reads")).into_owned();
            for secret in ["MMMCMXCIX", "MCMXCIV", "1994", "to_roman_basic", "round_trip"] {
                assert!(!text.contains(secret), "{secret} in {}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 3, "{seen}");
}

/// Everything that a candidate with the effect `fs` can read, but for the system's programs.
const LOOKS: &str = r#"//! Looks around.

use std::path::Path;

fn below(folder: &Path, seen: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_system = ["/usr", "/dev", "/etc"].iter().any(|system| path.starts_with(system));
        if path.is_symlink() || is_system {
            continue;
        }
        if path.is_dir() {
            below(&path, seen);
        } else if std::fs::read(&path).is_ok() {
            seen.push(path.display().to_string());
        }
    }
}

/// What is there.
#[must_use]
pub fn seen() -> Vec<String> {
    let mut seen = Vec::new();
    below(Path::new("/"), &mut seen);
    seen
}
"#;

#[test]
fn an_adapter_sees_no_sources_and_no_processes() {
    if !all() {
        return;
    }
    let spec = "---\neffects: [fs]\n---\n# Looks\n\n```wit\nseen: func() -> list<string>;\n```\n\n\
        - It MUST see nothing. `test_id: sees_nothing`\n\n  ```wave\n  seen() = []\n  ```\n";
    let server = Server::start(vec![lib(LOOKS)]);
    let world = World::new(&server.url, &[("looks", spec)], "");
    world.run(&["run"]).expect(0);
}

const ORDER: &str = "# Order\n\n```wit\nfirst: func(words: list<string>) -> string;\n```\n\n- The first word MUST be given. \
    `test_id: first`\n\n  ```wave\n  first([\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\"]) = \"a\"\n  \
    first([\"q\", \"r\"]) = \"q\"\n  ```\n";

#[test]
fn a_result_that_depends_on_the_order_of_a_hash_map_is_the_models_fault() {
    let code = |body: &str, more: &str| {
        lib(&format!(
            "//! Order.\n{more}/// The first.\n#[must_use]\npub fn first(words: &[String]) -> String {{\n    {body}\n}}\n"
        ))
    };
    let server = Server::start(vec![code(
        "words.iter().collect::<std::collections::HashSet<_>>().into_iter().next().cloned().unwrap_or_default()",
        "",
    )]);
    let world = World::new(&server.url, &[("order", ORDER)], "");
    let run = world.run(&["run"]).expect(20);
    assert!(run.err.contains("fault: model"), "{run:?}");
    // Types that do not exist are told with what to do.
    let server = Server::start(vec![code(
        "words.first().cloned().unwrap_or_default()",
        "pub mod contract;\n",
    )]);
    let world = World::new(&server.url, &[("order", ORDER)], "");
    let run = world.run(&["run"]).expect(20);
    let why = "the contract has no types, so `src/contract.rs` does not exist";
    assert!(run.err.contains(why), "{run:?}");
}
