//! What examples and tests expect, as far as they are nothing but comparisons with values.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Lit, Stmt, Token};

use super::recursion_limit;
use crate::toolchain::Expectation;
use crate::types::Example;

/// Most passes of loops that are read in one test.
const PASSES: usize = 1000;

/// What an example expects.
pub fn of_example(example: &Example) -> Vec<Expectation> {
    let unhidden = super::examples::unhide(&example.code);
    let found = recursion_limit::parse(&format!("{{{unhidden}}}"), |text| {
        let block: syn::Block = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        Ok(of_body(Scope::default(), &block.stmts))
    });
    found.unwrap_or_default()
}

/// What the tests of a file expect, by test.
pub fn of_suite(text: &str) -> Vec<(String, Vec<Expectation>)> {
    let found = recursion_limit::parse(text, |text| {
        let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        let mut found = Vec::new();
        of_items(&file.items, &Scope::default(), "", &mut found);
        Ok(found)
    });
    found.unwrap_or_default()
}

/// What the tests of a module and those inside of it expect.
fn of_items(
    items: &[syn::Item],
    around: &Scope,
    path: &str,
    found: &mut Vec<(String, Vec<Expectation>)>,
) {
    let mut scope = around.clone();
    for item in items {
        match item {
            syn::Item::Use(import) => scope.import("", &import.tree),
            syn::Item::Const(one) => {
                scope.constant(one.ident.to_string(), one.expr.to_token_stream());
            }
            _ => {}
        }
    }
    for item in items {
        match item {
            syn::Item::Fn(function) if function.attrs.iter().any(is_test) => {
                let name = format!("{path}{}", function.sig.ident);
                found.push((name, of_body(scope.clone(), &function.block.stmts)));
            }
            syn::Item::Mod(inner) => {
                let path = format!("{path}{}::", inner.ident);
                let items = inner.content.iter().flat_map(|(_, items)| items);
                of_items(&items.cloned().collect::<Vec<_>>(), &scope, &path, found);
            }
            _ => {}
        }
    }
}

/// Whether an attribute is that of a test, of any library.
fn is_test(attribute: &syn::Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "test")
}

/// What is known in a body: imported names by their path, and values by their name.
#[derive(Clone, Default)]
struct Scope {
    paths: BTreeMap<String, String>,
    /// Modules of which all names are imported.
    globs: Vec<String>,
    values: BTreeMap<String, TokenStream>,
    /// Names of values that cannot change.
    constants: BTreeSet<String>,
    /// How often each value was used: one that is used twice may have changed between.
    used: BTreeMap<String, usize>,
    /// How many passes of loops were read.
    passes: usize,
}

fn of_body(mut scope: Scope, body: &[Stmt]) -> Vec<Expectation> {
    statements(&mut scope, body).unwrap_or_default()
}

/// What the statements of a body expect; `None` if there may be a state on which results depend.
fn statements(scope: &mut Scope, body: &[Stmt]) -> Option<Vec<Expectation>> {
    for statement in body {
        match statement {
            Stmt::Item(syn::Item::Use(import)) => scope.import("", &import.tree),
            Stmt::Item(syn::Item::Const(one)) => {
                scope.constant(one.ident.to_string(), one.expr.to_token_stream());
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for statement in body {
        match statement {
            Stmt::Item(syn::Item::Use(_) | syn::Item::Const(_)) => {}
            Stmt::Local(local) => {
                let (name, value) = plain(local)?;
                let value = scope.resolved(value.to_token_stream());
                scope.values.insert(name, value);
            }
            Stmt::Macro(one) if is_print(&one.mac) => {}
            Stmt::Macro(one) => {
                let compared = comparison(&one.mac)?;
                found.extend(scope.expectation(compared, one.span().start().line - 1));
            }
            Stmt::Expr(Expr::ForLoop(cases), _) => {
                for case in elements(&cases.expr)? {
                    scope.passes += 1;
                    if scope.passes > PASSES {
                        return None;
                    }
                    let mut inner = scope.clone();
                    inner.bind(&cases.pat, &case)?;
                    found.extend(statements(&mut inner, &cases.body.stmts)?);
                    inner.used.retain(|name, _| scope.values.contains_key(name));
                    (scope.used, scope.passes) = (inner.used, inner.passes);
                }
            }
            // The end of a test with a result.
            Stmt::Expr(Expr::Call(call), None) if call.args.len() == 1 => {
                let Expr::Path(path) = &*call.func else { return None };
                path.path.segments.first().filter(|first| first.ident == "Ok")?;
            }
            _ => return None,
        }
    }
    let changes = |name: &String| !scope.constants.contains(name);
    let is_reused = scope.used.iter().any(|(name, count)| *count > 1 && changes(name));
    (!is_reused).then_some(found)
}

/// The elements of a list that is written down.
fn elements(list: &Expr) -> Option<Vec<Expr>> {
    match list {
        Expr::Array(array) => Some(array.elems.iter().cloned().collect()),
        Expr::Reference(inner) => elements(&inner.expr),
        Expr::Paren(inner) => elements(&inner.expr),
        Expr::MethodCall(call) if call.method == "iter" || call.method == "into_iter" => {
            elements(&call.receiver)
        }
        Expr::Macro(one) if one.mac.path.is_ident("vec") => {
            let items = one.mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
            Some(items.ok()?.into_iter().collect())
        }
        _ => None,
    }
}

/// `let name = value;`, without `mut` and without another pattern.
fn plain(local: &syn::Local) -> Option<(String, &Expr)> {
    let pattern = match &local.pat {
        syn::Pat::Type(typed) => &*typed.pat,
        pattern => pattern,
    };
    let syn::Pat::Ident(name) = pattern else { return None };
    let init = local.init.as_ref().filter(|init| init.diverge.is_none())?;
    (name.mutability.is_none() && name.by_ref.is_none() && name.subpat.is_none())
        .then(|| (name.ident.to_string(), &*init.expr))
}

fn is_print(one: &syn::Macro) -> bool {
    let name = one.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    ["print", "println", "eprint", "eprintln"].contains(&name.as_str())
}

/// Tokens with literals in one spelling, without commas at the end and colons at the start.
fn spelled(tokens: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, mark: char| tokens.get(at).is_some_and(|one| is_mark(one, mark));
    let starts = |at: usize| at == 0 || is(at - 1, ',') || is(at - 1, '&');
    let mut out = TokenStream::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(one) if one.as_char() == ':' && starts(at - 1) && is(at, ':') => {
                at += 1
            }
            TokenTree::Punct(one) if one.as_char() == ',' && at == tokens.len() => {}
            TokenTree::Group(group) => {
                let inner = spelled(group.stream());
                out.extend([TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inner))]);
            }
            TokenTree::Literal(literal) => {
                let value = syn::parse_str::<Expr>(&literal.to_string()).ok();
                let value = value.and_then(|one| value_of(&one)).unwrap_or(literal.to_string());
                out.extend(value.parse::<TokenStream>().unwrap_or_default());
            }
            token => out.extend([token.clone()]),
        }
    }
    out
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(one) if one.as_char() == mark)
}

/// A literal in one spelling.
pub fn literal(text: &str) -> Option<String> {
    value_of(&syn::parse_str(text).ok()?)
}

fn value_of(one: &Expr) -> Option<String> {
    value(one, &mut Scope::default())
}

/// The sides of an assertion.
struct Assertion {
    /// What is called.
    input: Expr,
    /// The value that it must give.
    result: Expr,
    /// Whether it must give any other one.
    is_unequal: bool,
}

fn comparison(one: &syn::Macro) -> Option<Assertion> {
    let args = one.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated).ok()?;
    let mut args = args.into_iter();
    let truth = |value: bool| syn::parse_str::<Expr>(if value { "true" } else { "false" }).ok();
    let mut is_unequal = false;
    let (left, right) = match one.path.segments.last()?.ident.to_string().as_str() {
        "assert_eq" | "debug_assert_eq" => (args.next()?, args.next()?),
        "assert_ne" | "debug_assert_ne" => {
            is_unequal = true;
            (args.next()?, args.next()?)
        }
        "assert" | "debug_assert" => match args.next()? {
            Expr::MethodCall(call) if call.method == "is_none" && call.args.is_empty() => {
                (*call.receiver, syn::parse_str("None").ok()?)
            }
            Expr::Binary(syn::ExprBinary { left, op: syn::BinOp::Eq(_), right, .. }) => {
                (*left, *right)
            }
            Expr::Binary(syn::ExprBinary { left, op: syn::BinOp::Ne(_), right, .. }) => {
                is_unequal = true;
                (*left, *right)
            }
            Expr::Binary(_) => return None,
            Expr::Unary(syn::ExprUnary { op: syn::UnOp::Not(_), expr, .. }) => {
                (*expr, truth(false)?)
            }
            other => (other, truth(true)?),
        },
        _ => return None,
    };
    let calls = |side: &Expr| value(side, &mut Scope::default()).is_none();
    let is_swapped = calls(&right) && !calls(&left);
    let (input, result) = if is_swapped { (right, left) } else { (left, right) };
    Some(Assertion { input, result, is_unequal })
}

/// A value in one spelling; `None` for what is no literal, or is not made of literals.
fn value(one: &Expr, scope: &mut Scope) -> Option<String> {
    let mut list = |items: &Punctuated<Expr, Token![,]>| {
        let items: Option<Vec<String>> = items.iter().map(|item| value(item, scope)).collect();
        items.map(|items| items.join(", "))
    };
    match one {
        Expr::Lit(literal) => Some(match &literal.lit {
            Lit::Int(number) => number.base10_digits().to_owned(),
            Lit::Float(number) => number.base10_parse::<f64>().ok()?.to_string(),
            Lit::Str(text) => format!("{:?}", text.value()),
            other => other.to_token_stream().to_string(),
        }),
        Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => {
            Some(format!("-{}", value(expr, scope)?))
        }
        Expr::Reference(inner) => value(&inner.expr, scope),
        Expr::Paren(inner) => value(&inner.expr, scope),
        Expr::Cast(inner) => value(&inner.expr, scope),
        Expr::Group(inner) => value(&inner.expr, scope),
        Expr::Tuple(tuple) => Some(format!("({})", list(&tuple.elems)?)),
        Expr::Array(array) => Some(format!("[{}]", list(&array.elems)?)),
        Expr::Macro(one) if one.mac.path.is_ident("vec") => {
            let items = one.mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
            Some(format!("[{}]", list(&items.ok()?)?))
        }
        // Another spelling of the same text or number.
        Expr::MethodCall(call)
            if call.args.is_empty()
                && ["to_string", "to_owned", "into", "to_vec"]
                    .contains(&&*call.method.to_string()) =>
        {
            value(&call.receiver, scope)
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let name = path.path.segments.last()?.ident.to_string();
            let items = list(&call.args)?;
            let wraps = ["Some", "Ok", "Err"].contains(&name.as_str());
            let same = name == "from" && call.args.len() == 1;
            if same { Some(items) } else { wraps.then(|| format!("{name}({items})")) }
        }
        Expr::Path(path) => {
            let name = path.path.segments.last()?.ident.to_string();
            if let Some(bound) = path.path.get_ident().and_then(|_| scope.values.get(&name)) {
                let bound: Expr = syn::parse2(bound.clone()).ok()?;
                return value(&bound, scope);
            }
            // A constant's value is not known; a variant is its name.
            let is_variant =
                name.chars().any(|c| c.is_lowercase()) && name.starts_with(char::is_uppercase);
            is_variant.then_some(name)
        }
        _ => None,
    }
}

impl Scope {
    fn constant(&mut self, name: String, value: TokenStream) {
        self.values.insert(name.clone(), value);
        self.constants.insert(name);
    }

    /// Binds the names of a loop to one element.
    fn bind(&mut self, pattern: &syn::Pat, element: &Expr) -> Option<()> {
        match (pattern, element) {
            (syn::Pat::Ident(name), _) if name.mutability.is_none() => {
                self.constant(name.ident.to_string(), element.to_token_stream());
                Some(())
            }
            (syn::Pat::Reference(inner), _) => self.bind(&inner.pat, element),
            (syn::Pat::Paren(inner), _) => self.bind(&inner.pat, element),
            (syn::Pat::Tuple(names), Expr::Tuple(parts))
                if names.elems.len() == parts.elems.len() =>
            {
                let mut pairs = names.elems.iter().zip(&parts.elems);
                pairs.try_for_each(|(name, part)| self.bind(name, part))
            }
            _ => None,
        }
    }

    /// What an assertion expects, if it calls something and compares with a value.
    fn expectation(&mut self, compared: Assertion, line: usize) -> Option<Expectation> {
        let Assertion { input, result, is_unequal } = compared;
        let input = spelled(self.resolved(input.to_token_stream())).to_string();
        let result = value(&result, self)?;
        input.contains('(').then_some(Expectation { input, result, is_unequal, line })
    }

    fn import(&mut self, before: &str, tree: &syn::UseTree) {
        let join = |name: &syn::Ident| format!("{before}{name}");
        match tree {
            syn::UseTree::Path(path) => {
                self.import(&format!("{}::", join(&path.ident)), &path.tree)
            }
            syn::UseTree::Name(name) => {
                drop(self.paths.insert(name.ident.to_string(), join(&name.ident)))
            }
            syn::UseTree::Rename(name) => {
                drop(self.paths.insert(name.rename.to_string(), join(&name.ident)));
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(before, tree));
            }
            syn::UseTree::Glob(_) => {
                let path = before.trim_start_matches("::").trim_end_matches("::");
                if path != "super" {
                    self.globs.push(path.to_owned());
                }
            }
        }
    }

    /// Tokens with values in place of their names, and imported names by their whole path.
    fn resolved(&mut self, tokens: TokenStream) -> TokenStream {
        let mut out = TokenStream::new();
        let mut before = String::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let text = token.to_string();
            let next = tokens.peek().map(ToString::to_string).unwrap_or_default();
            match token {
                TokenTree::Ident(_) if before != "." && before != ":" => {
                    if let Some(value) = self.values.get(&text) {
                        out.extend(value.clone());
                        *self.used.entry(text.clone()).or_default() += 1;
                    } else if let Some(path) = self.paths.get(&text) {
                        out.extend(path.parse::<TokenStream>().unwrap_or_default());
                    } else if let ([glob], true) = (&self.globs[..], next.starts_with('(')) {
                        let path = format!("{glob}::{text}");
                        out.extend(path.parse::<TokenStream>().unwrap_or_default());
                    } else {
                        out.extend([token]);
                    }
                }
                TokenTree::Group(group) => {
                    let inner = self.resolved(group.stream());
                    out.extend([TokenTree::Group(proc_macro2::Group::new(
                        group.delimiter(),
                        inner,
                    ))]);
                }
                token => out.extend([token]),
            }
            before = text;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::of_suite;

    fn pairs(body: &str) -> Vec<(String, String)> {
        let text = format!("use one::deep::add;\n#[test]\nfn t() {{ {body} }}");
        let mut found = of_suite(&text);
        assert_eq!(found.len(), 1, "{body}");
        found.remove(0).1.into_iter().map(|one| (one.input, one.result)).collect()
    }

    #[test]
    fn comparisons_have_one_spelling() {
        let expected = [("one :: deep :: add (1 , 2)".to_owned(), "3".to_owned())];
        for body in [
            "assert_eq!(add(1, 2), 3);",
            "assert_eq!(3u32, one::deep::add(1, 2), \"why\");",
            "assert!(add(1, 2) == 3);",
            "let n: u32 = add(1, 2); assert_eq!(n, 3);",
            "let three = 3; assert_eq!(add(1, 2), three);",
            "use one::deep; assert_eq!(deep::add(1, 2), 3);",
            "std::assert_eq!(::one::deep::add(0x1, 2i64,), 3_u8);",
            "const N: i32 = 1; println!(\"x\"); debug_assert_eq!(add(N, 2), 3 as i64); Ok::<(), ()>(())",
        ] {
            assert_eq!(pairs(body), expected, "{body}");
        }
        for (body, result) in [
            ("assert!(add(1));", "true"),
            ("assert!(!add(1));", "false"),
            ("assert_eq!(add(1), Some(\"a\".to_string()));", "Some(\"a\")"),
            ("assert_eq!(add(1), Ok(vec![-1, 2]));", "Ok([-1, 2])"),
            ("assert_eq!(add(1), Kind::Small);", "Small"),
        ] {
            assert_eq!(pairs(body)[0].1, result, "{body}");
        }
    }

    #[test]
    fn tables_and_unequal_results_are_read() {
        let expected = [("one :: deep :: add (1)", "2"), ("one :: deep :: add (2)", "3")];
        for body in [
            "for (n, m) in [(1, 2), (2, 3)] { assert_eq!(add(n), m); }",
            "for &(n, m) in &[(1, 2), (2, 3)] { assert_eq!(add(n), m, \"{n}\"); }",
            "for (n, m) in vec![(1, 2), (2, 3)].into_iter() { let got = add(n); assert_eq!(got, m); }",
        ] {
            let found = pairs(body);
            let shown: Vec<_> = found.iter().map(|(input, result)| (&**input, &**result)).collect();
            assert_eq!(shown, expected, "{body}");
        }
        let list = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";
        let loops = (0..9).map(|at| format!("for n{at} in {list} {{ ")).collect::<String>();
        assert_eq!(pairs(&format!("{loops} assert_eq!(add(1), n8); {}", "}".repeat(9))), []);
        let found = of_suite("#[test]\nfn t() { assert_ne!(add(1), 2); assert!(add(1) != 3); }");
        let all: Vec<_> = found[0].1.iter().map(|one| (&*one.result, one.is_unequal)).collect();
        assert_eq!(all, [("2", true), ("3", true)]);
    }

    #[test]
    fn tests_in_modules_and_of_libraries_are_read() {
        let text = "use one::*;\nconst N: u8 = 1;\nmod m {\n    use super::*;\n    #[tokio::test]\n    async fn \
            a() { assert_eq!(add(N), 2); assert!(add(2).is_none()); assert_eq!(add(N), 2); }\n}\n";
        let found = of_suite(text);
        let shown: Vec<_> = found[0].1.iter().map(|one| (&*one.input, &*one.result)).collect();
        assert_eq!(found[0].0, "m::a");
        assert_eq!(
            shown,
            [("one :: add (1)", "2"), ("one :: add (2)", "None"), ("one :: add (1)", "2")]
        );
    }

    #[test]
    fn where_a_state_may_be_nothing_is_said() {
        for body in [
            "let mut c = add(); assert_eq!(c.next(), 1);",
            "let c = add(); assert_eq!(c.next(), 1); assert_eq!(c.len(), 2);",
            "add(3); assert_eq!(add(1), 1);",
            "assert_eq!(add(1), LIMIT);",
            "assert_eq!(add(1), add(2));",
            "assert!(add(1) > 2);",
            "for n in 0..3 { assert_eq!(add(n), n); }",
            "for (n, mut m) in [(1, 2)] { assert_eq!(add(n), m); }",
            "let c = add(); for n in [1, 2] { assert_eq!(c.next(), n); }",
        ] {
            assert_eq!(pairs(body), [], "{body}");
        }
    }
}
