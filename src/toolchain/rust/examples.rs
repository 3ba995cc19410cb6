//! Generates a test file from examples, with the origin of each line.

use super::options::{CrateType, RustOptions};
use super::{console, identifiers, nonce, package, recursion_limit, signature};
use crate::toolchain::shared::console::parse;
use crate::toolchain::{Expansion, Expected, Suite, Visibility, key, kind_option};
use crate::types::{Clause, Example, RelPath, Spec, Target};

/// Where examples are mounted; hidden ones too, in a workspace of their own.
const PATH: &str = "tests/regen_examples.rs";
/// The start of a generated file; lints of examples are disabled.
const HEAD: &str = "#![allow(warnings, clippy::all, clippy::pedantic)]\n";

/// Whether a target runs examples of this language.
fn runs(example: &Example, target: &Target) -> bool {
    !example.ignored
        && match example.language.as_str() {
            "rust" => true,
            "console" => {
                let is_program = RustOptions::of(target).crate_type == CrateType::Bin;
                is_program && !kind_option::is_service(target)
            }
            _ => false,
        }
}

/// The test file of a spec's visible or hidden examples.
pub fn suite(spec: &Spec, target: &Target, shown: Visibility) -> Option<Suite> {
    let hidden = shown == Visibility::Hidden;
    let mut suite = Suite {
        path: RelPath::parse(PATH).expect("it is a plain path"),
        text: HEAD.to_owned(),
        shown: String::new(),
        tests: Vec::new(),
        data: false,
        bytes: None,
        lines: Vec::new(),
    };
    let mut lines = suite.text.lines().count() as u32;
    let crate_name = package::crate_name(spec);
    for clause in &spec.clauses {
        let Some(name) = clause.test_ids().next() else { continue };
        let calls = signature::calls(&clause.text, &crate_name);
        let mine = clause.examples.iter().filter(|e| runs(e, target));
        let several = mine.clone().count() > 1;
        for (number, example) in mine.enumerate().filter(|(_, e)| e.hidden == hidden) {
            let name = if several { format!("{name}__{}", number + 1) } else { name.to_owned() };
            let steps = (example.language == "console")
                .then(|| parse(&example.code, &spec.id.package()).unwrap_or_default());
            let body = match &steps {
                Some(steps) => console::body(steps, &spec.id.package()),
                None => {
                    signature::demands(&calls, &example.code, &crate_name) + &body(&example.code)
                }
            };
            let test = Expected {
                key: key(spec, &name, &example.code),
                name,
                clause: Some(clause.id.clone()),
                words: identifiers::in_text(&unhide(&example.code)),
                transcript: steps,
                expansion: Expansion::Plain,
            };
            lines = add(&mut suite, lines, test, &body, clause);
        }
    }
    if suite.tests.iter().any(|test| test.transcript.is_some()) {
        suite.text.push_str(console::SUPPORT);
    }
    suite.text.push_str(&nonce::guard(false));
    (!suite.tests.is_empty()).then_some(suite)
}

/// Appends a test to a file of this many lines. Gives the new number of lines.
fn add(suite: &mut Suite, lines: u32, test: Expected, body: &str, clause: &Clause) -> u32 {
    let text = nonce::test(&test.name, body.trim_end());
    let last = lines + text.lines().count() as u32;
    suite.text.push_str(&text);
    suite.lines.push((lines + 1, last, clause.id.clone()));
    suite.tests.push(test);
    last
}

/// Checks an example's syntax. The error has its line in the example, from 0.
pub fn check(example: &Example, spec: &Spec, target: &Target) -> Result<(), (String, usize)> {
    if !runs(example, target) {
        return Ok(());
    }
    if example.language == "console" {
        return parse(&example.code, &spec.id.package()).map(drop);
    }
    let code = unhide(&example.code);
    let is_test = |item: &syn::ItemFn| item.attrs.iter().any(|one| one.path().is_ident("test"));
    match has_function(&code, is_test) {
        Ok(false) => Ok(()),
        Ok(true) => Err(("an example is the body of a test, not a test".to_owned(), 0)),
        Err((why, line)) => {
            Err((format!("the example is not Rust: {why}"), line.saturating_sub(2)))
        }
    }
}

/// Whether a function body defines such a function.
fn has_function(
    code: &str,
    is_it: impl Fn(&syn::ItemFn) -> bool + Sync,
) -> Result<bool, (String, usize)> {
    let is_it = |s: &syn::Stmt| matches!(s, syn::Stmt::Item(syn::Item::Fn(f)) if is_it(f));
    recursion_limit::parse(&format!("{{\n{code}\n}}"), |text| {
        let block: syn::Block =
            syn::parse_str(text).map_err(|error| (error.to_string(), error.span().start().line))?;
        Ok(block.stmts.iter().any(is_it))
    })
}

/// Removes rustdoc's markers of hidden lines.
pub fn unhide(code: &str) -> String {
    let lines = code.lines().map(|line| {
        let trimmed = line.trim_start();
        match trimmed.strip_prefix("##") {
            Some(rest) => format!("#{rest}"),
            None if trimmed == "#" => String::new(),
            None => trimmed.strip_prefix("# ").unwrap_or(line).to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A Rust example as a function body, as in rustdoc: its own `main` is called, and a final
/// `Ok::<(), E>(())` allows `?`.
pub fn body(code: &str) -> String {
    let code = unhide(code);
    if has_function(&code, |item| item.sig.ident == "main") == Ok(true) {
        return format!(
            "{code}\nassert_eq!(std::process::Termination::report(main()), std::process::ExitCode::SUCCESS);"
        );
    }
    if code.trim_end().ends_with("(())") {
        return format!(
            "fn _inner() -> core::result::Result<(), impl core::fmt::Debug> {{\n{code}\n}}\n_inner().unwrap()"
        );
    }
    code
}

#[cfg(test)]
mod tests {
    use super::{Visibility, body, suite};
    use crate::spec_for_tests::spec;

    #[test]
    fn several_examples_are_numbered_and_lines_are_mapped() {
        let (spec, target) = spec(
            "- a `test_id: a`\n  ```rust\n  visible();\n  ```\n  ```rust hidden\n  secret();\n  ```\n  ```rust ignore\n  \
             z();\n  ```\n- b `test_id: b`\n  ```rust\n  w();\n  ```\n",
        );
        let visible = suite(&spec, &target, Visibility::Visible).expect("has some");
        let names: Vec<_> = visible.tests.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["a__1", "b"]);
        let (first, last, clause) = &visible.lines[1];
        let lines: Vec<_> = visible.text.lines().collect();
        assert!(lines[*first as usize..*last as usize].contains(&"w();"), "{}", visible.text);
        assert_eq!(clause.as_str(), "s/b");
        let hidden = suite(&spec, &target, Visibility::Hidden).expect("has one");
        assert_eq!(hidden.tests[0].name, "a__2");
        assert!(!visible.text.contains("secret") && !hidden.text.contains("visible"));
    }

    #[test]
    fn rust_bodies_follow_rustdoc() {
        assert_eq!(body("# use a::b;\nb();"), "use a::b;\nb();");
        assert!(body("fn main() { a(); }").contains("report(main())"));
        assert!(body("a()?;\nOk::<(), E>(())").contains("_inner().unwrap()"));
    }
}
