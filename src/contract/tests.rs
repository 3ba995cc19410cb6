//! Contracts: every type, hostile answers, texts at their place.

use proptest::prelude::*;

use super::generate::inputs;
use super::wave::read_value;
use super::wire::{answer, request, value_from, value_to};
use super::*;
use crate::types::interface::{Interface, WitType};
use crate::types::{Digest, limits};

/// Every kind of type.
const EVERY: &str = "
    type name = string;
    record point { x: s32, y: f64, label: option<name>, small: f32 }
    enum color { red, dark-blue, %err }
    flags access { read, write }
    variant shape { dot, circle(f32), path(list<point>), pair(tuple<u8, char>), some-thing(color) }
    record all {
        a: bool, b: s8, c: u8, d: s16, e: u16, f: u32, g: s64, h: u64, i: char,
        j: option<option<u8>>, k: result<shape, access>, l: result, m: result<_, string>,
        n: list<list<option<string>>>, o: tuple<f64, name, list<color>>, p: access,
    }
    f: func(all: all) -> all;
";

fn every() -> (Interface, WitType) {
    let interface = read_interface(EVERY).expect("is WIT");
    let at = interface.types.iter().position(|one| one.name == "all").expect("is there");
    (interface, WitType::Named(at))
}

#[test]
fn values_survive_json_and_wave() {
    let (interface, ty) = every();
    for input in inputs(&interface, &[(&ty, None)], Digest::of("values"), 500) {
        let value = input.values().remove(0);
        let json = value_to(&interface, &ty, &value);
        let text = serde_json::from_str(&json.to_string()).expect("is JSON");
        assert_eq!(value_from(&interface, &ty, &text), Ok(value.clone()), "{json}");
        let wave = value.text(&interface, &ty);
        let read = read_value(&interface, &ty, &wave, false);
        assert_eq!(read.as_ref(), Ok(&value), "{wave}");
    }
}

#[test]
fn answers_of_another_type_are_errors() {
    let (interface, ty) = every();
    let input = inputs(&interface, &[(&ty, None)], Digest::of("answers"), 1);
    let json = value_to(&interface, &ty, &input[0].values()[0]);
    let list = json.as_array().expect("is a list").clone();
    for at in 0..list.len() {
        for wrong in ["null", "{}", "\"x\"", "[7]", "[0,0,0]", "1e99", "[[[[]]]]"] {
            let mut changed = list.clone();
            changed[at] = serde_json::from_str(wrong).expect("is JSON");
            if changed[at] != list[at] && !(wrong == "\"x\"" && at == 8) {
                let read = value_from(&interface, &ty, &changed.into());
                assert!(read.is_err(), "{at} {wrong}: {read:?}");
            }
        }
    }
}

#[test]
fn lines_that_are_no_answer_to_the_call_are_errors() {
    let interface = read_interface("f: func(n: u8) -> option<u64>;").expect("is WIT");
    let call = read_block(&interface, "f(1) = none").expect("is read").remove(0).call;
    let one = AdapterCall { id: "ab".to_owned(), bind: None, call: &call };
    assert_eq!(request(&interface, &one), r#"["ab",0,-1,-1,[1]]"#);
    let some = answer(&interface, &one, r#"["ab",0,[1,"18446744073709551615"]]"#);
    assert!(matches!(some, Ok(AdapterAnswer::Value(Some(_)))), "{some:?}");
    assert_eq!(answer(&interface, &one, r#"["ab",1,"x"]"#), Ok(AdapterAnswer::Trap("x".into())));
    let deep = "[".repeat(100_000);
    for wrong in [
        "",
        "[]",
        "{}",
        "null",
        r#"["ab"]"#,
        r#"["ab",0]"#,
        r#"["xy",0,[0]]"#,
        r#"["ab",0,[0],1]"#,
        r#"["ab",0,[1,"18446744073709551616"]]"#,
        r#"["ab",0,[1,1]]"#,
        r#"["ab",1,2]"#,
        r#"["ab",3]"#,
        r#"[0,0,[0]]"#,
        r#"["ab",0,[0]"#,
        &deep,
    ] {
        assert!(answer(&interface, &one, wrong).is_err(), "{wrong:.40}");
    }
}

#[test]
fn statements_go_on_in_brackets_and_behind_an_equals_sign() {
    let interface =
        read_interface("f: func(n: list<u8>, t: string) -> list<u8>; g: func();").expect("is WIT");
    let code =
        "// first\nf([1,\n  2], \"a // b\\\"(\") = [_, 2] // last\n\ng()\nf([], \"\") =\n  []\n";
    let steps = read_block(&interface, code).expect("is read");
    let lines: Vec<_> = steps.iter().map(|step| step.lines.clone()).collect();
    assert_eq!(lines, [1..3, 4..5, 5..7]);
    let error = read_block(&interface, "g()\nf([1,\n  2, 300], \"\") = []").expect_err("too large");
    assert_eq!((error.line, error.columns), (2, 5..8), "{}", error.message);
}

#[test]
fn floats_are_compared_by_bits_or_with_a_tolerance() {
    let interface = read_interface("f: func() -> f64;").expect("is WIT");
    let given = |wanted: &str, got: f64| {
        let step = read_block(&interface, &format!("f() = {wanted}")).expect("is read").remove(0);
        mismatch(&interface, &step, &AdapterAnswer::Value(Some(WitValue::Float(got))))
    };
    for (wanted, got) in
        [("nan", f64::NAN), ("nan", -f64::NAN), ("0.5", 0.5), ("inf", f64::INFINITY)]
    {
        assert_eq!(given(wanted, got), None);
    }
    assert_eq!(given("0.3 ~ 0.001", 0.1 + 0.2), None);
    for (wanted, got) in
        [("0.3", 0.1 + 0.2), ("0", -0.0), ("0.3 ~ 0.001", 0.302), ("1 ~ 0.1", f64::NAN)]
    {
        assert!(given(wanted, got).is_some(), "{wanted}");
    }
}

#[test]
fn nesting_is_bounded() {
    let interface = read_interface("f: func(n: list<u8>) -> list<u8>;").expect("is WIT");
    let deep = format!("f({}{}) = []", "[".repeat(50_000), "]".repeat(50_000));
    assert!(read_block(&interface, &deep).is_err());
    let types = "list<".repeat(20_000) + "u8" + &">".repeat(20_000);
    assert!(read_interface(&format!("f: func(n: {types});")).is_err());
    let property = format!("n: {types}\nf([]) == []");
    assert!(read_property(&interface, &property).is_err());
    let expression = format!("n in 0..1\n{}f([]) == []{}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(read_property(&interface, &expression).is_err());
}

#[test]
fn a_property_asks_for_calls_one_after_the_other() {
    let interface =
        read_interface("a: func(n: u8) -> option<u8>; b: func(n: u8) -> u8;").expect("is WIT");
    let property = read_property(&interface, "n in 1..=2\nb(a(n).some) == n").expect("is read");
    assert_eq!(property.examine(&interface, Digest::of("x")), Ok(()));
    let mut trial = PropertyTrial::default();
    let values = [WitValue::Int(2)];
    let mut asked = Vec::new();
    let answers = [WitValue::Case(1, Some(Box::new(WitValue::Int(7)))), WitValue::Int(2)];
    for answer in answers {
        let shared = std::sync::Arc::new(trial);
        let Judged::Needs(call) = property.judge(&interface, &values, &shared) else { panic!() };
        trial = std::sync::Arc::into_inner(shared).expect("is not shared");
        asked.push(call.text.clone());
        trial.learn(&interface, &call, AdapterAnswer::Value(Some(answer)));
    }
    assert_eq!(asked, ["a(2)", "b(7)"]);
    assert_eq!(property.judge(&interface, &values, &std::sync::Arc::new(trial)), Judged::Holds);
}

#[test]
fn a_property_without_a_value_is_wrong_before_any_answer() {
    let interface = read_interface(
        "half: func(n: u64) -> u64;\nnext: func(n: u8) -> u8;\nsum: func(a: s64, b: s64) -> s64;\n\
         scale: func(x: f64) -> f64;\nwords: func(s: string) -> list<string>;",
    )
    .expect("is WIT");
    let examined = |text: &str| {
        let property = read_property(&interface, text).expect("is read");
        property.examine(&interface, Digest::of("x"))
    };
    for (text, why) in [
        ("a: s64\nb: s64\nsum(a, b) == a + b", "verflow"),
        ("n: u8\nnext(n + 1) == n", "is not given a value of type u8"),
        ("n: u8\nnext(n) == n + 0.5", "nsupported"),
        ("n: u8\nnext(n) + n", "it is not true or false"),
        ("n: u8\nnext() == n", "has 1 parameter"),
        ("s: string\nwords(s).size() >= s.indexOf(s)", "no function `indexOf`"),
        ("n in 0..3\n7 / n == next(n)", "for n = 0"),
    ] {
        let found = read_property(&interface, text).map_err(|error| error.message);
        let found = found.and_then(|property| property.examine(&interface, Digest::of("x")));
        let found = found.expect_err(text);
        assert!(found.contains(why), "{text}: {found}");
    }
    for text in [
        "n: u64\nhalf(n) == n / 2",
        "a in -9..=9\nb in -9..=9\nsum(a, b) == a + b",
        "n: u8\n7 / next(n) >= 0",
        "x: f64\nscale(x) == x || x == x",
        "s: string\nwords(s)[0] == s",
    ] {
        let found = examined(text);
        let always = "the property holds whatever the functions give";
        assert!(found.as_ref().map_or_else(|why| why == always, |()| true), "{text}: {found:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let (interface, _) = every();
        let _ = read_interface(&text);
        for wild in ["f(", "", "let x = "] {
            let _ = read_block(&interface, &format!("{wild}{text}"));
        }
        let _ = read_table(&interface, &format!("| a | f(a) |\n|---|---|\n| {text} | {text} |\n"));
        let _ = read_property(&interface, &format!("x: all\n{text}"));
        prop_assert!(text.len() < limits::CONTRACT_BYTES);
    }
}

#[test]
fn problems_lie_between_characters() {
    for text in ["é", "a: func() -> ü;", "record é { }", "f: func(\u{2028}: u8);", "\"ß"] {
        let problem = read_interface(text).expect_err("is wrong");
        let line = text.lines().nth(problem.line).unwrap_or_default();
        assert!(line.get(problem.columns.clone()).is_some(), "{text} {problem:?}");
    }
}

#[test]
fn properties_have_the_macros_of_cel_and_tables_escaped_bars() {
    let interface = read_interface(
        "order: func(of: list<s32>) -> list<s32>;\nsame: func(s: string) -> string;",
    )
    .expect("is WIT");
    for expression in [
        "order(xs).all(y, y in xs)",
        "order(xs).exists(y, y == 1) || xs.map(z, z + 1).size() >= 0",
        "order(xs.filter( x_1 , x_1 > 0)).size() <= xs.size()",
    ] {
        let read = read_property(&interface, &format!("xs: list<s32>\n{expression}"));
        assert!(read.is_ok(), "{expression}: {read:?}");
    }
    assert!(read_property(&interface, "xs: list<s32>\norder(xs).all(y, z in xs)").is_err());
    let nested = |depth: usize| {
        let loops = (0..depth).map(|at| format!("order(xs).all(y{at}, ")).collect::<String>();
        format!("xs: list<s32>\n{loops}true{}", ")".repeat(depth))
    };
    assert!(read_property(&interface, &nested(3)).is_ok());
    assert!(read_property(&interface, &nested(4)).is_err());
    assert!(read_property(&interface, &nested(4).replace("y1, ", "y1, ')' == ')' && ")).is_err());
    let beside = "xs: list<s32>\n(order(xs)).all(y, y > 0) || xs.map(z, z).all(y, (y) == 1) || \
        xs.exists(z, z < 2) || xs.all(a, (a > 3))";
    assert!(read_property(&interface, beside).is_ok());
    let far = format!("xs: list<s32>\n\norder(xs) ==\n{}§", " ".repeat(70_000));
    let error = read_property(&interface, &far).expect_err("is not CEL");
    assert!(
        error.message.starts_with("the expression is not CEL: ") && error.line == 3,
        "{error:?}"
    );
    let steps = read_table(&interface, "| s | same(s) |\n|---|---|\n| \"a\\|b\" | `\"a\\|b\"` |");
    let steps = steps.expect("is a table");
    let (input, result) = steps[0].exact(&interface).expect("is exact");
    assert!(input.contains("a|b") && result.contains("a|b"), "{input} {result}");
}
