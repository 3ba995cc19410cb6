//! Seals tests: a trusted test counts only if its body ran to its end, which a candidate in the
//! same process cannot fake.
//!
//! Each test reads a random number from standard input before any candidate code runs, and prints
//! it after its last statement. Code that ends the process early, or prints a report of success,
//! does not know the number.
//!
//! Each sealed file also has a canary: a test that must fail, with the number in its message. If it
//! does not, no result of that program counts.

use proc_macro2::extra::DelimSpan;
use quote::ToTokens;
use syn::visit::Visit;

use super::{identifiers, recursion_limit};

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

/// A test function of a generated file.
pub fn test(name: &str, body: &str) -> String {
    format!(
        "\n#[test]\nfn {name}() {{ fn regen_body() {{\n{body}\n}} crate::regen_guard::run(false, regen_body) }}\n"
    )
}

/// A test in a file: its path, and the identifiers in it and in the items it uses.
pub type Found = identifiers::Named;

/// Seals every test of a user's file, keeping line numbers. Gives the tests too. Tests from macros
/// run, but prove nothing.
///
/// # Errors
/// The text is not Rust: the reason and the line.
/// The text is not Rust: why, and in which line.
pub fn file(text: &str) -> Result<(String, Vec<Found>), (String, usize)> {
    let mut tests = recursion_limit::parse(text, |text| {
        let parsed: syn::File =
            syn::parse_str(text).map_err(|error| (error.to_string(), error.span().start().line))?;
        let mut tests = Tests::default();
        tests.visit_file(&parsed);
        Ok(tests)
    })?;
    for (_, words) in &mut tests.found {
        identifiers::follow(words, &tests.others);
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
    if !tests.found.is_empty() {
        sealed.push_str(&guard(text.contains("forbid(")));
    }
    Ok((sealed, tests.found))
}

/// Collects test functions that are not `#[ignore]`.
#[derive(Default)]
struct Tests {
    path: Vec<String>,
    /// Modules around that may not exist.
    conditions: usize,
    found: Vec<Found>,
    /// Other items.
    others: Vec<identifiers::Named>,
    inserts: Vec<(usize, String)>,
    /// Line of a test whose success cannot be derived from its return type.
    unsealed: Option<usize>,
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
        if !has("test") || has("ignore") || !exists {
            self.others.push((item.sig.ident.to_string(), identifiers::of(item.to_token_stream())));
            return;
        }
        let mut name = self.path.clone();
        name.push(item.sig.ident.to_string());
        self.found.push((name.join("::"), identifiers::of(item.to_token_stream())));
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
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() != "test",
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
        let (_, tests) = file(text).expect("is Rust");
        assert_eq!(tests.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["m::b"]);
    }

    #[test]
    fn tests_are_sealed_in_place() {
        let text = "// ä\nmod m {\n    #[test]\n    fn a() -> Result<(), String> {\n        Err(\"ü\")? // }\n    }\n}\n\
            #[test]\n#[should_panic]\nfn b() { panic!() }\n#[test]\n#[ignore]\nfn c() {}\nfn d() {}\n#[test]\nfn e() {}\n";
        let (sealed, tests) = file(text).expect("is Rust");
        let names: Vec<_> = tests.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["m::a", "b", "e"]);
        assert!(tests[1].1.contains("should_panic"), "{:?}", tests[1].1);
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
    fn a_file_without_tests_stays_as_it_is() {
        assert_eq!(file("fn a() {}").expect("is Rust").0, "fn a() {}");
        assert!(file("fn a( {}").is_err());
    }
}
