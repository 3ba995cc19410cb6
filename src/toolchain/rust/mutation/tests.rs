//! Mutations and their places.

use std::collections::BTreeSet;

use super::of;
use super::switch::Switch;
use crate::toolchain::Extent;
use crate::types::{RelPath, Tree};

fn changed(code: &str, extent: &Extent) -> (String, Vec<String>, BTreeSet<String>) {
    let changed = mutated(code, extent);
    assert!(syn::parse_str::<syn::File>(&changed.0).is_ok(), "{}", changed.0);
    assert_eq!(changed.0.lines().count(), code.lines().count(), "lines stay where they are");
    changed
}

fn mutated(code: &str, extent: &Extent) -> (String, Vec<String>, BTreeSet<String>) {
    let path = RelPath::parse("src/part.rs").expect("is one");
    let tree = Tree::from_iter([(path, code.as_bytes().to_vec())]);
    let mutants = of(&tree, extent, tree.digest()).expect("is Rust");
    let text = mutants.tree.text("src/part.rs").expect("is there").to_owned();
    assert_eq!(mutants.variable, Switch::of(tree.digest()).name);
    let text = text.replace(&mutants.variable, "NAME");
    (
        text,
        mutants.list.into_iter().map(|m| format!("{}: {}", m.line, m.what)).collect(),
        mutants.rest,
    )
}

#[test]
fn every_mutation_keeps_its_line() {
    let code = "#![deny(warnings)]\n// ä\nfn a(n: i64) -> bool {\n    let ü = n + 1; // <\n    ü < 3 && !(n == 4)\n}\n\
        fn b(n: u8) -> &'static str {\n    match n {\n        1 => \"one\",\n        2 if a(3) => \"two\",\n        _ => \"many\",\n    }\n}\n";
    let (text, list, _) = changed(code, &Extent::But(BTreeSet::new()));
    assert_eq!(
        list,
        [
            "3: when `a` returns false",
            "3: when `a` returns true",
            "4: with - instead of + in a",
            "5: with || instead of && in a",
            "5: with <= instead of < in a",
            "5: without ! in a",
            "5: with != instead of == in a",
            "7: when `b` returns \"\"",
            "7: when `b` returns \"xyzzy\"",
            "9: without the arm 1 in b",
        ]
    );
    assert!(text.contains("#![warn(warnings)]"), "{text}");
    assert!(text.contains("(if crate::NAME::on(4) { ü < 3 || ! (n == 4) } else { (if "), "{text}");
    assert!(text.contains("1 if !crate::NAME::on(10) =>"), "{text}");
}

#[test]
fn lines_can_be_excluded_and_panics_used_alone() {
    let code = "fn a(n: i64) -> bool {\n    n < 3\n}\nconst fn c() -> u8 {\n    1\n}\n";
    let all = changed(code, &Extent::But(BTreeSet::new()));
    assert_eq!(all.1.len(), 5, "{:?}", all.1);
    assert!(all.0.contains("\n      fn c()") && all.2.is_empty(), "{}", all.0);
    let spared = BTreeSet::from([("src/part.rs".to_owned(), 2)]);
    let (text, list, rest) = changed(code, &Extent::But(spared));
    assert_eq!(list.len(), 2, "{list:?}");
    assert!(text.contains("\nconst fn c() -> u8 {\n    1\n}") && rest.contains("c"), "{text}");
    let (text, ..) = changed(
        "const N: u8 = 1;\nconst fn c() -> u8 {\n    N\n}\n",
        &Extent::Constants(BTreeSet::new()),
    );
    assert!(
        text.contains("{ let it: u8 = 1; it ^ 1 };\nconst fn c() -> u8 { if true { return 0; } "),
        "{text}"
    );
    let (text, list, _) = changed(code, &Extent::Panics);
    assert!(list.is_empty() && text.contains("body(1, 0) { 0 => crate::NAME::stop(), "), "{text}");
}

#[test]
fn compile_time_code_is_not_mutated() {
    let code = "const N: usize = 1 + 2;\nstatic S: bool = 1 < 2;\nenum E { A = 1 + 1 }\n\
        fn a() -> [u8; 1 + 1] {\n    let x: [u8; 2 + 3] = [0; 2 + 3];\n    let _ = const { 1 < 2 };\n    \
        if let [0, ..] = x && true {}\n    [0; 2]\n}\n#[cfg(test)]\nmod tests {\n    fn t() -> bool { 1 < 2 }\n}\n\
        fn b() -> impl Iterator<Item = u8> {\n    [1].into_iter()\n}\nfn c() -> ! {\n    loop {}\n}\n\
        macro_rules! m { () => { 1 < 2 } }\n";
    let (_, list, rest) = changed(code, &Extent::But(BTreeSet::new()));
    assert_eq!(list, ["4: when `a` returns [0; 1 + 1]"]);
    assert_eq!(rest, ["A", "E", "N", "S", "m"].map(str::to_owned).into());
}

#[test]
fn values_fit_their_types() {
    for (of, count) in [
        ("", 1),
        ("-> Option<bool>", 3),
        ("-> Result<Vec<u8>, String>", 3),
        ("-> fmt::Result", 1),
        ("-> (u8, &str)", 1),
        ("-> Box<i32>", 2),
        ("-> &[u8]", 1),
        ("-> &mut u8", 0),
        ("-> T", 0),
        ("-> D", 1),
        ("-> Self", 0),
    ] {
        let code = format!("#[derive(Clone, Default)]\nstruct D;\nfn f() {of} {{ todo!() }}\n");
        let list = changed(&code, &Extent::But(BTreeSet::new())).1;
        assert_eq!(list.len(), count, "{of}: {list:?}");
    }
}

#[test]
fn macro_output_is_named_and_assertions_can_be_removed() {
    let code = "macro_rules! op { ($n:ident) => { pub fn $n() {} pub fn fixed() {} } }\nop!(inc);\n\
        thread_local! { static CELL: u8 = const { 1 }; }\npub use a::B as C;\n\
        fn f(n: u8) {\n    assert!(n < 9, \"{n}\");\n    debug_assert_eq!(n, 1)\n}\n";
    let (text, list, rest) = changed(code, &Extent::But(BTreeSet::new()));
    assert_eq!(rest, ["C", "CELL", "fixed", "inc", "op"].map(str::to_owned).into());
    assert_eq!(
        list,
        ["5: when `f` returns ()", "6: without assert! in f", "7: without debug_assert_eq! in f"]
    );
    assert!(text.contains("if !crate::NAME::on(2) { assert!(n < 9, \"{n}\") };"), "{text}");
}

#[test]
fn types_in_modules_builders_and_assignments_are_mutated() {
    let code = "pub mod deep {\n    #[derive(Default)]\n    pub struct Kept { n: u8, all: [u8; 2] }\n    \
        impl Kept {\n        pub fn get() -> Kept { Kept { n: 1, all: [0; 2] } }\n        pub fn with(mut self, n: u8) -> Self {\n            \
        self.n = n;\n            self.all[0] += n;\n            let other;\n            other = n;\n            drop(other);\n            \
        self\n        }\n        pub fn set(&mut self) -> &mut Self { self }\n        pub fn get_self(self: Box<Self>) -> Self { *self }\n    }\n}\n\
        fn made() -> deep::Kept { deep::Kept::get() }\n";
    let (text, list, _) = changed(code, &Extent::But(BTreeSet::new()));
    let has = |what: &str| list.iter().any(|one| one.contains(what));
    for what in [
        "when `get` returns a default",
        "when `made` returns a default",
        "when `with` returns self",
        "when `set` returns self",
        "without the assignment to self.n in with",
        "without the assignment to self.all [0] in with",
    ] {
        assert!(has(what), "{what}: {list:#?}");
    }
    assert!(!has("assignment to other") && !has("`get_self` returns self"), "{list:#?}");
    assert!(text.contains(" { self.n = n; }") || text.contains("{ self.n = n }"), "{text}");
}

#[test]
fn what_would_spoil_a_mutation_does_not() {
    for (code, part) in [
        ("\u{feff}fn a() {}", "fn a() { match crate::NAME::body(1, 1)"),
        (
            "fn a() { //! A.\n    let b = 1; }",
            "{ //! A.\n     match crate::NAME::body(1, 1) { 0 => crate::NAME::stop(), 1 => return (), _ => {} } let",
        ),
        ("fn a() { #![warn(unused)] }", "{ #![warn(unused)]  match crate::NAME::body"),
        (
            "impl A { fn a() { #![warn(unused)] #[b] c(); } }",
            "#![warn(unused)]  match crate::NAME::body(1, 1) { 0 => crate::NAME::stop(), 1 => return (), _ => {} } #[b] c();",
        ),
        ("#[r#deny(unused)]\nfn a() {}", "#[warn  (unused)]"),
        ("#![cfg_attr(feature = \"a\", b, forbid(unused))]\nfn a() {}", "b, warn  (unused)"),
        ("fn a() -> Option<u8> { b() }", "1 => return crate::NAME::core::option::Option::None,"),
        (
            "macro_rules! m { ($n:ident) => { fn $n() {} } }",
            "fn $n() { match $crate::NAME::body(0, 0) { 0 => $crate::NAME::stop(), _ => {} } }",
        ),
        ("m! { fn a() {} }", "fn a() { match crate::NAME::body(0, 0)"),
    ] {
        let (text, ..) = mutated(code, &Extent::But(BTreeSet::new()));
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_the_parser_does_not_read_is_mutated_by_its_tokens() {
    let code = format!("fn a() -> u8 {{ 1 {} }}", "+ 1 ".repeat(2_000));
    for extent in [Extent::But(BTreeSet::new()), Extent::Panics] {
        let (text, list, rest) = mutated(&code, &extent);
        assert!(text.contains("u8 { match crate::NAME::body(0, 0)") && list.is_empty(), "{text}");
        assert!(rest.contains("a"));
    }
    let path = RelPath::parse("src/part.rs").expect("is one");
    let broken = Tree::from_iter([(path, b"fn a( {".to_vec())]);
    assert!(of(&broken, &Extent::Panics, broken.digest()).is_err());
}

#[test]
fn the_name_of_the_switch_is_another_one_in_each_candidate() {
    let name = |code: &str| {
        let path = RelPath::parse("src/lib.rs").expect("is one");
        let tree = Tree::from_iter([(path, code.into())]);
        let mutants = of(&tree, &Extent::Panics, tree.digest());
        mutants.expect("is Rust").variable
    };
    let first = name("fn a() {}");
    assert_ne!(name(&format!("fn a() {{}} mod {first} {{}}")), first);
}
