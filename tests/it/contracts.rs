//! Contracts: a typed interface, neutral examples and properties, compared outside of the
//! candidate's process.

use crate::server::{Server, lib};
use crate::world::World;

/// The spec of `docs/formats/contract.md`.
const ROMAN: &str = "# Roman numerals

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
const GOOD: &str = "//! Roman numerals.

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
    let wrong = [
        ("value", GOOD.replace("(4, \"IV\")", "(4, \"IIII\")")),
        ("range", GOOD.replace("n == 0 || ", "")),
        ("trap", GOOD.replace("return Err(Problem::OutOfRange(n));", "panic!(\"no\")")),
        ("lookup", GOOD.replace("(1..=3999).find", "(1..=1000).find")),
        ("held out", GOOD.replace("n > 3999", "n > 3998")),
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
const SHAPES: &str = "# Shapes

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

const SHAPES_CODE: &str = "//! Shapes.

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
    ];
    let server = Server::start(vec![lib(GOOD)]);
    let mut told = String::new();
    for (name, wit, wave) in cases {
        let spec = format!(
            "# X\n\n```wit\n{wit}\n```\n\n- It MUST work. `test_id: works`\n\n  ```wave\n  {}\n  ```\n",
            wave.replace('\n', "\n  ")
        );
        let world = World::new(&server.url, &[("x", &spec)], "");
        let run = world.run(&["plan"]).expect(10);
        told += &format!("== {name}\n{}", run.err);
    }
    let properties = [
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
