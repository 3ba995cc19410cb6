//! Seals tests: a trusted test counts only if its body ran to its end, which a candidate in the
//! same process cannot fake.
//!
//! Each test reads a random number from standard input before any candidate code runs, and prints
//! it after its last statement. Code that ends the process early, or prints a report of success,
//! does not know the number.
//!
//! Each sealed file also has a canary: a test that must fail, with the number in its message. If it
//! does not, no result of that program counts.

use std::collections::BTreeSet;

use proc_macro2::extra::DelimSpan;
use quote::ToTokens;
use syn::visit::Visit;

use super::expanded::{self, Form, TestAttributes};
use super::{identifiers, recursion_limit};
use crate::toolchain::Expansion;

/// [`guard`] for a file with tests of macros or attributes, of which a process may run several.
fn guard_of_expanded(forbids: bool) -> String {
    let read = "std::io::read_to_string(std::io::stdin()).unwrap_or_default()";
    let once = format!(
        "static NUMBER: std::sync::OnceLock<String> = std::sync::OnceLock::new();\n        \
        NUMBER.get_or_init(|| {read}).clone()"
    );
    let whole = guard(forbids).replacen(read, &once, 1);
    let end = whole.trim_end().trim_end_matches('}').len();
    format!("{}{}}}\n", &whole[..end], expanded::MORE)
}

/// Code appended to a sealed file. Its lints are disabled, unless the file forbids that.
pub fn guard(forbids: bool) -> String {
    let lints = "#[cfg_attr(all(), allow(warnings, clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction))]";
    format!("\n{}\n{GUARD}", if forbids { "" } else { lints })
}

const GUARD: &str = r#"mod regen_guard {
    #[test]
    fn canary() {
        panic!("{}", number());
    }
    fn number() -> String {
        std::io::read_to_string(std::io::stdin()).unwrap_or_default()
    }
    pub(crate) trait Held {
        fn held(&self) -> bool;
    }
    impl Held for () {
        fn held(&self) -> bool {
            true
        }
    }
    impl<T, E> Held for Result<T, E> {
        fn held(&self) -> bool {
            self.is_ok()
        }
    }
    impl Held for std::process::ExitCode {
        fn held(&self) -> bool {
            *self == std::process::ExitCode::SUCCESS
        }
    }
    pub(crate) fn run<T: Held>(panics: bool, body: fn() -> T) -> T {
        let number = number();
        let seal = || {
            let mut out = std::io::stdout().lock();
            drop(std::io::Write::write_all(&mut out, format!("\n{number}\n").as_bytes()));
        };
        match std::panic::catch_unwind(body) {
            Ok(value) => {
                if !panics && value.held() {
                    seal();
                }
                value
            }
            Err(panic) => {
                if panics {
                    seal();
                }
                std::panic::resume_unwind(panic)
            }
        }
    }
}
"#;

/// The canary's name in a program.
pub const CANARY: &str = "regen_guard::canary";

/// A sealed file without the test that must fail.
pub fn without_canary(text: &str) -> String {
    text.replacen("    #[test]\n    fn canary()", "    fn canary()", 1)
}

/// A test function of a generated file.
pub fn test(name: &str, body: &str) -> String {
    format!(
        "\n#[test]\nfn {name}() {{ fn regen_body() {{\n{body}\n}} crate::regen_guard::run(false, regen_body) }}\n"
    )
}

/// A test in a file.
#[derive(Debug)]
pub struct SealedTest {
    /// Its path.
    pub name: String,
    /// The identifiers in it and in the items it uses.
    pub words: BTreeSet<String>,
    /// How its name in the program is made.
    pub expansion: Expansion,
}

/// Seals every test of a user's file, keeping line numbers. Gives the tests too, and the names that a
/// macro of the file may give to tests.
///
/// # Errors
/// The text is not Rust: the reason and the line.
pub fn file(text: &str) -> Result<(String, Vec<SealedTest>), (String, usize)> {
    let mut tests = recursion_limit::parse(text, |text| {
        let parsed: syn::File =
            syn::parse_str(text).map_err(|error| (error.to_string(), error.span().start().line))?;
        let conditions = usize::from(is_conditional(&parsed.attrs));
        let mut tests = Tests { text: text.to_owned(), conditions, ..Tests::default() };
        tests.visit_file(&parsed);
        Ok(tests)
    })?;
    tests.made_by_macros();
    for test in &mut tests.found {
        identifiers::follow(&mut test.words, &tests.others);
    }
    if let Some(line) = tests.unsealed {
        return Err(("a test must return nothing, a `Result` or an `ExitCode`".to_owned(), line));
    }
    let mut sealed = text.to_owned();
    // From last to first, so that offsets stay valid.
    tests.inserts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (at, insert) in tests.inserts {
        sealed.insert_str(at, &insert);
    }
    let forbids = identifiers::in_text(text).contains("forbid");
    if tests.is_expanded {
        sealed.push_str(&guard_of_expanded(forbids));
    } else if !tests.found.is_empty() {
        sealed.push_str(&guard(forbids));
    }
    Ok((sealed, tests.found))
}

/// Collects test functions that are not `#[ignore]`.
#[derive(Default)]
struct Tests {
    text: String,
    path: Vec<String>,
    /// Modules around that may not exist.
    conditions: usize,
    found: Vec<SealedTest>,
    /// Macros of the file that make tests.
    makers: BTreeSet<String>,
    /// Calls of macros: the path around, the macro, and what may be names of tests.
    calls: Vec<(Vec<String>, String, BTreeSet<String>)>,
    /// Whether a test of a macro or attribute is sealed.
    is_expanded: bool,
    /// Other items.
    others: Vec<identifiers::Named>,
    inserts: Vec<(usize, String)>,
    /// Line of a test whose success cannot be derived from its return type.
    unsealed: Option<usize>,
}

impl Tests {
    /// Seals the tests in a macro's definition or call.
    fn macro_item(&mut self, item: &syn::ItemMacro) {
        if self.conditions > 0 || is_conditional(&item.attrs) {
            return;
        }
        let tokens = &item.mac.tokens;
        let is_definition = item.mac.path.is_ident("macro_rules");
        for test in expanded::in_macro(tokens.clone(), &self.text) {
            self.is_expanded = true;
            self.inserts.extend(test.inserts);
            match (test.name, is_definition) {
                (Some(name), false) => {
                    let words = identifiers::of(tokens.clone());
                    self.add(&name, words, Expansion::Macro);
                }
                _ => self.makers.extend(item.ident.as_ref().map(ToString::to_string)),
            }
        }
        let called = item.mac.path.segments.last().map(|last| last.ident.to_string());
        if let Some(called) = called.filter(|_| !is_definition) {
            self.calls.push((self.path.clone(), called, expanded::names(tokens.clone())));
        }
    }

    /// Adds the tests that calls of the file's macros may make.
    fn made_by_macros(&mut self) {
        for (path, called, names) in std::mem::take(&mut self.calls) {
            if self.makers.contains(&called) {
                self.path = path;
                for name in names {
                    let words = BTreeSet::from([called.clone(), name.clone()]);
                    self.add(&name, words, Expansion::Macro);
                }
            }
        }
    }

    fn add(&mut self, name: &str, words: BTreeSet<String>, expansion: Expansion) {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        self.found.push(SealedTest { name: path.join("::"), words, expansion });
    }

    /// Seals a function that an attribute makes a test.
    fn attributed(&mut self, item: &syn::ItemFn, attributes: TestAttributes) -> bool {
        let inputs = item.sig.inputs.to_token_stream().to_string();
        let output = item.sig.output.to_token_stream().to_string();
        let is_async = item.sig.asyncness.is_some();
        let form = Form { inputs: &inputs, output: &output, is_async, panics: attributes.panics };
        let Some((open, close)) = expanded::seal(form) else { return false };
        let braces: DelimSpan = item.block.brace_token.span;
        self.inserts.push((braces.close().byte_range().start, close));
        self.inserts.push((braces.open().byte_range().end, open));
        self.is_expanded = true;
        let expansion = if attributes.has_cases { Expansion::Cases } else { Expansion::Plain };
        self.add(&item.sig.ident.to_string(), identifiers::of(item.to_token_stream()), expansion);
        true
    }
}

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.path.push(item.ident.to_string());
        self.conditions += usize::from(is_conditional(&item.attrs));
        syn::visit::visit_item_mod(self, item);
        self.conditions -= usize::from(is_conditional(&item.attrs));
        self.path.pop();
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        if let syn::Item::Macro(item) = item {
            self.macro_item(item);
        }
        let name = match item {
            syn::Item::Macro(item) => item.ident.as_ref().map(ToString::to_string),
            syn::Item::Struct(item) => Some(item.ident.to_string()),
            syn::Item::Enum(item) => Some(item.ident.to_string()),
            syn::Item::Trait(item) => Some(item.ident.to_string()),
            syn::Item::Const(item) => Some(item.ident.to_string()),
            syn::Item::Static(item) => Some(item.ident.to_string()),
            syn::Item::Type(item) => Some(item.ident.to_string()),
            syn::Item::Impl(item) => Some(item.self_ty.to_token_stream().to_string()),
            _ => return syn::visit::visit_item(self, item),
        };
        let name = name.unwrap_or_default();
        self.others.push((name, identifiers::of(item.to_token_stream())));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let has = |name| item.attrs.iter().any(|attr| attr.path().is_ident(name));
        // One that may not exist is not demanded, and proves nothing.
        let exists = self.conditions == 0 && !is_conditional(&item.attrs);
        let attributes = TestAttributes::of(item);
        let is_plain = has("test") && item.sig.asyncness.is_none() && !attributes.has_cases;
        if attributes.is_test
            && !(is_plain || attributes.is_off)
            && exists
            && self.attributed(item, attributes)
        {
            return;
        }
        if !is_plain || has("ignore") || !exists {
            self.others.push((item.sig.ident.to_string(), identifiers::of(item.to_token_stream())));
            return;
        }
        let words = identifiers::of(item.to_token_stream());
        self.add(&item.sig.ident.to_string(), words, Expansion::Plain);
        let braces: DelimSpan = item.block.brace_token.span;
        let output = item.sig.output.to_token_stream();
        if let syn::ReturnType::Type(_, of) = &item.sig.output
            && matches!(**of, syn::Type::ImplTrait(_) | syn::Type::Never(_))
        {
            let line = item.sig.ident.span().start().line;
            self.unsealed = self.unsealed.or(Some(line));
        }
        let end = if output.is_empty() { ";" } else { "" };
        let open = format!(" fn regen_body() {output} {{");
        let panics = has("should_panic");
        let close = format!("}} crate::regen_guard::run({panics}, regen_body){end} ");
        // In an empty body both have the same offset; the later insertion comes first.
        self.inserts.push((braces.close().byte_range().start, close));
        self.inserts.push((braces.open().byte_range().end, open));
    }
}

/// Whether an item may not exist: behind `#[cfg]` of anything but `test`, or with attributes that
/// depend on something.
fn is_conditional(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|one| match &one.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            // The interpreters of these names do not run tests here.
            !["test", "not (miri)", "not (loom)"].contains(&&*list.tokens.to_string())
        }
        meta => meta.path().is_ident("cfg_attr"),
    })
}

#[cfg(test)]
mod tests {
    use super::file;

    #[test]
    fn tests_that_may_not_exist_are_not_demanded() {
        let text = "#[cfg(windows)]\n#[test]\nfn a() {}\n#[cfg(test)]\nmod m {\n#[test]\nfn b() {}\n}\n\
            #[cfg(feature = \"x\")]\nmod n {\n#[test]\nfn c() {}\n}\n#[cfg_attr(unix, ignore)]\n#[test]\nfn d() {}\n";
        let (_, none) = file(&format!("#![cfg(windows)]\n{text}")).expect("is Rust");
        assert!(none.is_empty());
        let (_, tests) = file(text).expect("is Rust");
        assert_eq!(tests.iter().map(|test| test.name.as_str()).collect::<Vec<_>>(), ["m::b"]);
    }

    #[test]
    fn tests_are_sealed_in_place() {
        let text = "// ä\nmod m {\n    #[test]\n    fn a() -> Result<(), String> {\n        Err(\"ü\")? // }\n    }\n}\n\
            #[test]\n#[should_panic]\nfn b() { panic!() }\n#[test]\n#[ignore]\nfn c() {}\nfn d() {}\n#[test]\nfn e() {}\n";
        let (sealed, tests) = file(text).expect("is Rust");
        let names: Vec<_> = tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["m::a", "b", "e"]);
        assert!(tests[1].words.contains("should_panic"), "{:?}", tests[1]);
        assert!(sealed.contains("{ fn regen_body() -> Result < () , String > {\n        Err(\"ü\")? // }\n    } crate::regen_guard::run(false, regen_body) }"), "{sealed}");
        assert!(
            sealed.contains(
                "fn b() { fn regen_body()  { panic!() } crate::regen_guard::run(true, regen_body); }"
            ),
            "{sealed}"
        );
        let rest = "fn c() {}\nfn d() {}\n#[test]\nfn e() { fn regen_body()  {} crate::regen_guard::run(false, regen_body); }\n\n";
        assert!(sealed.contains(rest), "{sealed}");
        assert!(file(&sealed).is_ok());
    }

    #[test]
    fn tests_of_attributes_and_macros_are_sealed_where_they_are_written() {
        let text = "#[tokio::test]\nasync fn a() { x().await }\n\
            #[rstest]\n#[case(1)]\nfn b(#[case] n: u8) -> Result<(), E> { f(n)? }\n\
            #[test_case(1 => 2)]\nfn c(n: u8) -> u8 { n }\n\
            proptest! {\n#[test]\nfn d(n in 0..9u8) { f(n) }\n}\n\
            macro_rules! m { ($n:ident) => { #[test] fn $n() { f() } } }\n\
            mod k { m!(e); other!(g); }\n#[rstest]\n#[ignore]\nfn h() {}\n#[fixture]\nfn i() {}\n";
        let (sealed, tests) = file(text).expect("is Rust");
        let mut names: Vec<_> =
            tests.iter().map(|one| (one.name.as_str(), one.expansion)).collect();
        names.sort_by_key(|(name, _)| *name);
        use crate::toolchain::Expansion::{Cases, Macro, Plain};
        assert_eq!(
            names,
            [("a", Plain), ("b", Cases), ("c", Cases), ("d", Macro), ("k::e", Macro)]
        );
        for part in [
            "async fn a() { async fn regen_body()  { x().await } crate::regen_guard::run_async(false, regen_body()).await }",
            "{ crate::regen_guard::run_once(false, move || -> Result < () , E > { f(n)? }) }",
            "{ crate::regen_guard::run_value(false, move || -> u8 { n }) }",
            "{ let regen_seal = crate::regen_guard::start(); { f(n) }; regen_seal.end(); }",
            "fn $n() { crate::regen_guard::run_once(false, move || -> () { f() }) }",
            "fn h() {}",
        ] {
            assert!(sealed.contains(part), "{part}: {sealed}");
        }
        assert!(file(&sealed).is_ok(), "{sealed}");
    }

    #[test]
    fn a_file_without_tests_stays_as_it_is() {
        assert_eq!(file("fn a() {}").expect("is Rust").0, "fn a() {}");
        assert!(file("fn a( {}").is_err());
    }
}
