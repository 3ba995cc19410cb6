//! Tests whose functions a macro or an attribute completes: `#[tokio::test]`, `#[rstest]`,
//! `#[test_case]`, a test in a `macro_rules!`, `proptest!`. Their bodies are sealed where they are
//! written; their names are those of the built program.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;

/// Attributes of test functions besides those whose last word is `test`.
const TESTS: [&str; 3] = ["rstest", "test_case", "test_matrix"];
/// Attributes that make several tests of one function, of it or of its parameters.
const CASES: [&str; 5] = ["case", "test_case", "test_matrix", "values", "files"];

/// What the attributes of a function say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestAttributes {
    /// Whether it is a test.
    pub is_test: bool,
    /// Whether it makes several tests.
    pub has_cases: bool,
    /// Whether it must panic.
    pub panics: bool,
    /// Whether it is not run.
    pub is_off: bool,
}

impl TestAttributes {
    /// Reads the path of one attribute: all of it, without its arguments.
    fn note(&mut self, path: &str) {
        let last = path.rsplit("::").next().unwrap_or(path);
        self.is_test |= last == "test" || TESTS.contains(&last);
        self.has_cases |= CASES.contains(&last);
        self.panics |= last == "should_panic";
        self.is_off |= last == "ignore";
    }

    /// Reads a function's attributes.
    pub fn of(function: &syn::ItemFn) -> Self {
        let mut found = Self::default();
        for attribute in &function.attrs {
            found.note(&attribute.path().to_token_stream().to_string().replace(' ', ""));
        }
        let inputs = function.sig.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Typed(typed) => Some(&typed.attrs),
            syn::FnArg::Receiver(_) => None,
        });
        let on_inputs = |name: &str| {
            inputs.clone().flatten().any(|one| one.path().get_ident().is_some_and(|i| i == name))
        };
        found.has_cases |= CASES.into_iter().any(on_inputs);
        found
    }
}

/// A test's function, as its seal needs it.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Its parameters.
    pub inputs: &'a str,
    /// Its return type with the arrow, if it has one.
    pub output: &'a str,
    pub is_async: bool,
    pub panics: bool,
}

/// Text before and after a body that seals it; `None` where its end cannot be seen.
pub fn seal(form: Form<'_>) -> Option<(String, String)> {
    let Form { inputs, output, is_async, panics } = form;
    let result = output.trim_start_matches("->").trim();
    if result.starts_with("impl") || result.starts_with('!') {
        return None;
    }
    let is_held = result.is_empty() || result == "()" || {
        let path = result.split('<').next().unwrap_or_default().trim();
        path.ends_with("Result") || path.ends_with("ExitCode")
    };
    let words = || inputs.split(|c: char| !c.is_alphanumeric() && c != '_');
    if words().any(|word| word == "in") {
        // The body of a property: it runs with many values, and may end early with an error.
        let open = " let regen_seal = crate::regen_guard::start(); {".to_owned();
        return Some((open, "}; regen_seal.end(); ".to_owned()));
    }
    if is_async {
        let (open, call) = if inputs.trim().is_empty() {
            (format!(" async fn regen_body() {output} {{"), "regen_body()")
        } else {
            (format!(" crate::regen_guard::run_async({panics}, async move {{"), "")
        };
        let close = match call {
            "" => "}).await ".to_owned(),
            call => format!("}} crate::regen_guard::run_async({panics}, {call}).await "),
        };
        return is_held.then_some((open, close));
    }
    let run = if is_held { "run_once" } else { "run_value" };
    let result = if result.is_empty() { "()" } else { result };
    let open = format!(" crate::regen_guard::{run}({panics}, move || -> {result} {{");
    Some((open, "}) ".to_owned()))
}

/// A test's function in the tokens of a macro.
#[derive(Debug)]
pub struct MacroTest {
    /// Its name; `None` where the macro is given it.
    pub name: Option<String>,
    /// The insertions that seal it.
    pub inserts: [(usize, String); 2],
}

/// The tests in the tokens of a macro's definition or call; `text` is the file.
pub fn in_macro(tokens: TokenStream, text: &str) -> Vec<MacroTest> {
    let mut found = Vec::new();
    let mut streams = vec![tokens];
    while let Some(stream) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut attributes = TestAttributes::default();
        let mut is_async = false;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) if is_punct(at.checked_sub(1), &tokens, '#') => {
                    let path = group.stream().into_iter();
                    let path = path.take_while(|one| !matches!(one, TokenTree::Group(_)));
                    let path = path.map(|one| one.to_string()).collect::<String>();
                    attributes.note(path.split('=').next().unwrap_or_default());
                }
                TokenTree::Ident(word) if word == "async" => is_async = true,
                TokenTree::Ident(word) if word == "fn" => {
                    let given = std::mem::take(&mut attributes);
                    let is_async = std::mem::take(&mut is_async);
                    if given.is_test && !given.is_off {
                        found.extend(function(&tokens[at + 1..], text, given.panics, is_async));
                    }
                }
                _ => {}
            }
            if let TokenTree::Group(group) = token {
                streams.push(group.stream());
            }
        }
    }
    found
}

fn is_punct(at: Option<usize>, tokens: &[TokenTree], char: char) -> bool {
    let token = at.and_then(|at| tokens.get(at));
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

/// A function, from the tokens after `fn`.
fn function(tokens: &[TokenTree], text: &str, panics: bool, is_async: bool) -> Option<MacroTest> {
    let group = |delimiter: Delimiter| {
        move |token: &TokenTree| match token {
            TokenTree::Group(group) if group.delimiter() == delimiter => Some(group.clone()),
            _ => None,
        }
    };
    let place = tokens.iter().position(|token| matches!(token, TokenTree::Group(_)))?;
    let inputs: Group = group(Delimiter::Parenthesis)(&tokens[place])?;
    let body: Group = tokens[place + 1..].iter().find_map(group(Delimiter::Brace))?;
    let name = match tokens {
        [TokenTree::Ident(name), ..] => Some(name.to_string()),
        _ => None,
    };
    let open = body.span_open().byte_range().end;
    let close = body.span_close().byte_range().start;
    let output = text.get(inputs.span().byte_range().end..body.span().byte_range().start)?;
    let inputs = inputs.stream().to_string();
    let form = Form { inputs: &inputs, output: output.trim(), is_async, panics };
    let (before, after) = seal(form)?;
    Some(MacroTest { name, inserts: [(close, after), (open, before)] })
}

/// The identifiers in a macro's call that may be the names of tests: not parts of paths, calls or
/// fields.
pub fn names(tokens: TokenStream) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut streams = vec![tokens];
    while let Some(stream) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back);
            match token {
                TokenTree::Group(group) => streams.push(group.stream()),
                TokenTree::Ident(name) => {
                    let in_path =
                        is_punct(before(1), &tokens, ':') && is_punct(before(2), &tokens, ':');
                    let is_field = is_punct(before(1), &tokens, '.');
                    let opens = is_punct(Some(at + 1), &tokens, ':')
                        && is_punct(Some(at + 2), &tokens, ':');
                    let calls = matches!(tokens.get(at + 1), Some(TokenTree::Group(group))
                        if group.delimiter() == Delimiter::Parenthesis);
                    if !(in_path || is_field || opens || calls) {
                        found.insert(name.to_string());
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// The harness's code that seals tests of macros and attributes, beside that of ordinary ones.
pub const MORE: &str = r#"    fn print(number: &str) {
        let mut out = std::io::stdout().lock();
        drop(std::io::Write::write_all(&mut out, format!("\n{number}\n").as_bytes()));
    }
    fn finish<T>(panics: bool, held: fn(&T) -> bool, body: impl FnOnce() -> T) -> T {
        let number = number();
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)) {
            Ok(value) => {
                if !panics && held(&value) {
                    print(&number);
                }
                value
            }
            Err(panic) => {
                if panics {
                    print(&number);
                }
                std::panic::resume_unwind(panic)
            }
        }
    }
    pub(crate) fn run_once<T: Held>(panics: bool, body: impl FnOnce() -> T) -> T {
        finish(panics, T::held, body)
    }
    pub(crate) fn run_value<T>(panics: bool, body: impl FnOnce() -> T) -> T {
        finish(panics, |_| true, body)
    }
    pub(crate) async fn run_async<T: Held>(
        panics: bool,
        body: impl std::future::Future<Output = T>,
    ) -> T {
        let number = number();
        let mut body = Box::pin(body);
        std::future::poll_fn(move |context| {
            finish_poll(panics, &number, || std::future::Future::poll(body.as_mut(), context))
        })
        .await
    }
    fn finish_poll<T: Held>(
        panics: bool,
        number: &str,
        poll: impl FnOnce() -> std::task::Poll<T>,
    ) -> std::task::Poll<T> {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)) {
            Ok(std::task::Poll::Ready(value)) => {
                if !panics && value.held() {
                    print(number);
                }
                std::task::Poll::Ready(value)
            }
            Ok(pending) => pending,
            Err(panic) => {
                if panics {
                    print(number);
                }
                std::panic::resume_unwind(panic)
            }
        }
    }
    pub(crate) struct Seal(String);
    pub(crate) fn start() -> Seal {
        Seal(number())
    }
    impl Seal {
        pub(crate) fn end(self) {
            print(&self.0);
        }
    }
"#;
