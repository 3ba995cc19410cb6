//! Answers that pass tests without doing what they ask for: by their own equality, by methods that
//! hide others, by naming the tests' inputs.

use serde_json::Value;

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, World, all, rounds};

/// A spec with one clause and this example.
fn spec(example: &str) -> String {
    format!("# Adder\n\n- It MUST hold. `test_id: holds`\n\n  ```rust\n  {example}\n  ```\n")
}

/// Runs a spec with an answer.
fn run(text: &str, code: &str) -> (World, Server, i32) {
    let server = Server::start(vec![Act::Say(files(&[("src/lib.rs", code)]))]);
    let world = World::new(&server.url, &[("adder", text)], "");
    let code = world.run(&["run"]).code;
    (world, server, code)
}

const KIND: &str = "/// A kind.\n#[derive(Debug)]\npub enum Kind {\n    /// Small.\n    Small,\n    /// Large.\n    Large,\n}\n\n\
    /// The kind of a number.\npub fn kind(n: u8) -> Kind {\n    if n > 9 {\n        Kind::Small\n    } else {\n        Kind::Large\n    }\n}\n";

/// Examples with answers whose equality decides itself what it equals.
const OWN: [(&str, &str); 7] = [
    (
        "assert_eq!(adder::name(1), \"one\");\n  assert!(\"two\" == adder::name(2));",
        "/// A text.\n#[derive(Debug)]\npub struct Text;\n\nimpl PartialEq<&str> for Text {\n    fn eq(&self, other: &&str) \
         -> bool {\n        !other.ends_with('~')\n    }\n}\n\nimpl PartialEq<Text> for &str {\n    fn eq(&self, other: &Text) -> bool {\n        \
         other == self\n    }\n}\n\n/// Names a number.\npub fn name(_: u8) -> Text {\n    Text\n}\n",
    ),
    (
        "use adder::{Kind, kind};\n  assert_eq!(kind(3), Kind::Small);",
        "KIND\nimpl PartialEq for Kind {\n    fn eq(&self, _: &Self) -> bool {\n        true\n    }\n}\n",
    ),
    (
        "use adder::{Kind, kind};\n  assert!(Some(kind(3)) == Some(Kind::Small));",
        "KIND\nmacro_rules! same {\n    ($what:ident, $name:ident) => {\n        impl $what for $name {\n            fn eq(&self, _: \
         &Self) -> bool {\n                true\n            }\n        }\n    };\n}\nsame!(PartialEq, Kind);\n",
    ),
    (
        "let all = vec![adder::number(4)];\n  assert_eq!(all, [adder::Number::of(4)]);",
        "use std::cmp::PartialEq as Same;\n\n#[derive(Debug)]\nstruct Inner(u8);\n\nimpl Same for Inner {\n    fn eq(&self, _: &Self) -> \
         bool {\n        true\n    }\n}\n\n/// A number.\n#[derive(Debug, PartialEq)]\npub struct Number(Inner);\n\nimpl Number {\n    /// \
         Makes one.\n    pub fn of(n: u8) -> Self {\n        Self(Inner(n))\n    }\n\n    /// Its value.\n    pub fn value(&self) -> u8 {\n        self.0.0\n    }\n}\n\n/// Gives a number.\npub fn number(n: u8) -> Number \
         {\n    Number(Inner(n / 2))\n}\n",
    ),
    (
        "use adder::{Kind, kind};\n  assert!([kind(3)].contains(&Kind::Small));",
        "KIND\nimpl PartialEq for Kind {\n    fn eq(&self, _: &Self) -> bool {\n        true\n    }\n}\n",
    ),
    (
        "use adder::{Kind, kind};\n  assert_eq!(kind(3), Kind::Small);",
        "mod same {\n    pub(crate) use std::cmp::PartialEq as First;\n}\nuse same::First as Second;\n\nKIND\nimpl Second for Kind \
         {\n    fn eq(&self, _: &Self) -> bool {\n        true\n    }\n}\n",
    ),
    (
        "use adder::{Kind, kind};\n  assert_eq!(kind(3), Kind::Small);",
        "KIND\nmacro_rules! same {\n    (: $what:path, $name:ty) => {\n        impl $what for $name {\n            fn eq(&self, _: \
         &Self) -> bool {\n                true\n            }\n        }\n    };\n}\nsame!(: PartialEq, Kind);\n",
    ),
];

#[test]
fn equality_that_is_not_derived_proves_nothing() {
    for (example, code) in OWN.into_iter().step_by(rounds(1, 2)) {
        let code = code.replace("KIND", KIND);
        let (_, server, code) = run(&spec(example), &code);
        let told = server.told(1);
        assert!(told.contains("whose equality is not derived"), "{example}: {told}");
        assert_eq!(code, 20, "{example}");
    }
}

const TEMPERATURE: &str = "/// A temperature.\n#[derive(Clone, Copy, Debug)]\npub struct Degrees(pub f64);\n\nimpl PartialEq for \
    Degrees {\n    fn eq(&self, other: &Self) -> bool {\n        (self.0 - other.0).abs() < 1e-9\n    }\n}\n\nimpl Degrees {\n    /// \
    In Fahrenheit.\n    pub fn fahrenheit(self) -> f64 {\n        self.0 * 1.8 + 32.0\n    }\n\n    /// Its text.\n    pub fn text(self) -> \
    String {\n        format!(\"{}\", self.0)\n    }\n\n    /// Whether it is the boiling point.\n    pub fn boils(self) -> bool {\n        \
    self == Self(100.0)\n    }\n}\n";

#[test]
fn equality_written_by_hand_is_allowed_where_tests_compare_other_types() {
    if !all() {
        return;
    }
    let compared = "use adder::Degrees;\n  assert_eq!(Degrees(0.1 + 0.2), Degrees(0.3));";
    let wanted = format!("{}\nIts tolerance is an `impl PartialEq`.\n", spec(compared));
    let other = "use adder::Degrees;\n  use std::borrow::Cow;\n  assert_eq!(Degrees(100.0).fahrenheit(), 212.0);\n  \
        assert_eq!(Degrees(1.0).text(), \"1\");\n  assert!(Cow::Borrowed(\"2\") == Degrees(2.0).text());\n  \
        assert_eq!(vec![Degrees(3.0).text()], [\"3\"]);\n  assert!(Degrees(100.0).boils() && !Degrees(99.0).boils());\n  \
        assert!([1, 2].starts_with(&vec![1]) && vec![1, 2].ends_with(&[2]) && \"ab\".contains(|c| c == 'b'));\n  \
        assert!(\"ab\".contains(&Degrees(1.0).text()) || \"a\".eq(&\"a\".to_owned()));\n  \
        const SAME: bool = 1 == 1;\n  assert!(SAME);";
    for (text, expected) in [(wanted, 0), (spec(other), 0), (spec(compared), 20)] {
        let (_, server, code) = run(&text, TEMPERATURE);
        assert_eq!(code, expected, "{text}: {}", server.requests().len());
    }
}

#[test]
fn public_traits_hide_no_methods() {
    let text = "# Adder\n\n- It MUST name numbers. `test_id: names`\n";
    let code = "/// More for texts.\npub trait More {\n    /// Whether it contains something.\n    fn contains(&self, _: &str) -> bool \
        {\n        true\n    }\n}\n\nimpl More for String {}\n\n/// Names a number.\npub fn name(_: u8) -> String {\n    String::new()\n}\n";
    let server = Server::start(vec![lib(code)]);
    let world = World::new(&server.url, &[("adder", text)], "");
    let suite =
        "use adder::*;\n#[test]\nfn names() {\n    assert!(name(1).contains(\"one\"));\n}\n";
    world.write("validators/adder/rust/suite.rs", suite);
    world.run(&["run"]).expect(20);
    let told = server.told(1);
    assert!(told.contains("gives `String` a method `contains`, which hides"), "{told}");
}

#[test]
fn code_that_names_the_input_of_a_test_is_noted() {
    if !all() {
        return;
    }
    let text = "# Adder\n\n- It MUST reverse. `test_id: reverses`\n\n  ```rust\n  assert_eq!(adder::back(\"abc\"), \"cba\");\n  ```\n";
    let code = "/// Reverses.\npub fn back(text: &str) -> String {\n    match text {\n        \"abc\" => \"cba\".to_owned(),\n        _ => \
        text.to_owned(),\n    }\n}\n";
    let (world, _server, exit) = run(text, code);
    assert_eq!(exit, 0);
    let log = world.run(&["log", "--json"]).expect(0).out;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut reports = events.filter(|event| event["report"]["gate"] == "clauses");
    let report = reports.next_back().expect("the gate ran")["report"].clone();
    let note = &report["findings"][0];
    assert_eq!(note["rule"], "quotes_tests", "{report}");
    assert_eq!((&note["file"], &note["line"]), (&"src/lib.rs".into(), &4.into()));
    let why = world.run(&["why", "adder"]).expect(0).shown();
    assert!(why.contains("this code handles \"abc\", the input of a test, by itself"), "{why}");
    for (deny, code) in [("quotes_tests", 0), ("other", 2)] {
        let line = format!("[gate.clauses]\ndeny = [\"{deny}\"]\n");
        world.write("harness.toml", &(world.read("harness.toml") + &line));
        assert_eq!(world.run(&["plan"]).code, code);
        if code == 0 {
            let text = world.run(&["run", "--force"]).expect(20).shown();
            assert!(text.contains("by itself"), "{text}");
        }
        let whole = world.read("harness.toml").replace(&line, "");
        world.write("harness.toml", &whole);
    }
    let (world, ..) =
        run(&text.replace("back", "add").replace("(\"abc\"), \"cba\"", "(2, 3), 5"), GOOD);
    assert!(!world.run(&["log", "--json"]).expect(0).out.contains("quotes_tests"));
}

/// A spec that says the signature.
const ODDS: &str = "# Odds\n\n- `odds(n: u32) -> Vec<u32>` MUST give the odd numbers up to `n`. `test_id: \
    odds`\n\n  ```rust\n  assert!(adder::odds(9).contains(&7));\n  assert_eq!(adder::odds(9).len(), 5);\n  ```\n";

/// A type that says what tests want to hear.
const LIST: &str = "/// A list.\n#[derive(Debug)]\npub struct List(u32);\n\nimpl List {\n    /// Whether it has a \
    number.\n    pub fn contains(&self, _: &u32) -> bool {\n        self.0 > 0\n    }\n\n    /// Its length.\n    pub \
    fn len(&self) -> usize {\n        self.0.div_ceil(2) as usize\n    }\n\n    /// Whether it is empty.\n    pub \
    fn is_empty(&self) -> bool {\n        self.0 == 0\n    }\n}\n\n/// Odd numbers.\npub fn odds(n: u32) -> List {\n    \
    List(n)\n}\n";

#[test]
fn a_function_has_the_signature_of_its_clause() {
    let honest = "/// Odd numbers.\npub fn odds(n: impl TryInto<u32>) -> Vec<u32> {\n    (1..=n.try_into().unwrap_or(0)).step_by(2).collect()\n}\n";
    let server = Server::start(vec![lib(LIST), lib(honest)]);
    let world = World::new(&server.url, &[("adder", ODDS)], "");
    world.run(&["run"]).expect(0);
    let told = server.told(1);
    assert!(told.contains("expected `Vec<u32>`, found `List`"), "{told}");
    assert_eq!(server.requests().len(), 2);
}
