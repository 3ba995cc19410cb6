//! Counter-example twins: a file of tests in which every assertion expects another result. A
//! candidate that passes one of them does not compute what it is asked for.

use std::collections::BTreeSet;
use std::ops::Range;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{BinOp, Expr, Lit, Stmt, Token};

use super::recursion_limit;
use crate::toolchain::Suite;

/// The twin of a sealed file, with the tests that must fail in it: plain ones that assert something
/// whatever happens. `None` if there are none.
pub fn of(suite: &Suite) -> Option<Suite> {
    let edited = recursion_limit::parse(&suite.text, |text| {
        let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        let mut twins = Twins { text, ..Twins::default() };
        twins.visit_file(&file);
        Ok((edit(text, twins.edits), twins.certain))
    });
    let (text, certain) = edited.ok()?;
    let tests: Vec<_> =
        suite.tests.iter().filter(|test| certain.contains(&test.name)).cloned().collect();
    (!tests.is_empty()).then(|| Suite { text, tests, ..suite.clone() })
}

/// A text with these ranges replaced.
fn edit(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    let mut edited = text.to_owned();
    // From last to first, so that offsets stay valid.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
    for (range, new) in edits {
        edited.replace_range(range, &new);
    }
    edited
}

#[derive(Default)]
struct Twins<'a> {
    text: &'a str,
    path: Vec<String>,
    edits: Vec<(Range<usize>, String)>,
    /// Tests with an assertion that always runs.
    certain: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Twins<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident == "regen_guard" {
            return;
        }
        self.path.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.path.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let has = |name| item.attrs.iter().any(|attr| attr.path().is_ident(name));
        if has("test") && !has("should_panic") && asserts(&item.block.stmts) {
            let path = self.path.iter().map(|part| format!("{part}::")).collect::<String>();
            self.certain.insert(format!("{path}{}", item.sig.ident));
        }
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_macro(&mut self, one: &'ast syn::Macro) {
        self.edits.extend(assertion(self.text, one).unwrap_or_default());
    }
}

/// Whether the sealed body of a test has an assertion as a statement of its own.
fn asserts(test: &[Stmt]) -> bool {
    let body = test.iter().find_map(|statement| match statement {
        Stmt::Item(syn::Item::Fn(body)) if body.sig.ident == "regen_body" => Some(&body.block),
        _ => None,
    });
    let is_assertion = |statement: &Stmt| match statement {
        Stmt::Macro(one) => name(&one.mac).is_some_and(|name| name.starts_with("assert")),
        _ => false,
    };
    // Behind a `return` or `?` it might not run; then the test may pass as it is.
    body.is_some_and(|body| body.stmts.iter().any(is_assertion))
}

fn name(one: &syn::Macro) -> Option<String> {
    Some(one.path.segments.last()?.ident.to_string())
}

/// The edits that make an assertion expect another result.
fn assertion(source: &str, one: &syn::Macro) -> Option<Vec<(Range<usize>, String)>> {
    let args = one.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated).ok()?;
    let ident = one.path.segments.last()?.ident.span().byte_range();
    let mut args = args.iter();
    match name(one)?.as_str() {
        "assert_eq" => {
            let (left, right) = (args.next()?, args.next()?);
            let changed = other(right).or_else(|| other(left));
            let changed = changed.or_else(|| constructed(source, one, left, right));
            Some(vec![changed.unwrap_or((ident, "assert_ne".to_owned()))])
        }
        "assert_ne" => Some(vec![(ident, "assert_eq".to_owned())]),
        "assert" => {
            let condition = args.next()?;
            if let Expr::Binary(one) = condition
                && let Some(opposite) = opposite(&one.op)
            {
                return Some(vec![(one.op.span().byte_range(), opposite.to_owned())]);
            }
            let condition = condition.span().byte_range();
            let (start, end) = (condition.start, condition.end);
            Some(vec![(start..start, "!(".to_owned()), (end..end, ")".to_owned())])
        }
        _ => None,
    }
}

/// A comparison with what the expected side gives for several other literals. A value of a type of
/// the candidate's that equals all of them says nothing, derived equality or not: the type may have
/// no data. One that differs is enough, because a constructor may round or clamp.
fn constructed(
    source: &str,
    one: &syn::Macro,
    left: &Expr,
    right: &Expr,
) -> Option<(Range<usize>, String)> {
    let mut literals = Literals::default();
    literals.visit_expr(right);
    if literals.found.is_empty() || literals.has_names {
        return None;
    }
    let text = |range: Range<usize>| source.get(range);
    let at = right.span().byte_range();
    let variant = |value: &dyn Fn(&Lit) -> Option<String>| {
        let edit_of = |lit: &&Lit| {
            let range = lit.span().byte_range();
            Some((range.start - at.start..range.end - at.start, value(lit)?))
        };
        Some(edit(text(at.clone())?, literals.found.iter().filter_map(edit_of).collect()))
    };
    let [fewer, more, none] = [variant(&less)?, variant(&larger)?, variant(&zero)?];
    let (left, right) = (text(left.span().byte_range())?, text(at.clone())?);
    let twin = format!(
        "match ({left}, {right}, {fewer}, {more}, {none}) {{ (one, same, fewer, more, none) => \
         if ::std::any::type_name_of_val(&one).split(|c: char| !c.is_alphanumeric() && c != '_' \
         && c != ':').any(|path| path.contains(\"::\") && ![\"core:\", \"alloc:\", \"std:\"]\
         .iter().any(|own| path.starts_with(own))) {{ assert_eq!(one, fewer); \
         assert_eq!(one, more); assert_eq!(one, none); }} else {{ assert_ne!(one, same); }} }}"
    );
    let start = one.path.span().byte_range().start;
    let close = match &one.delimiter {
        syn::MacroDelimiter::Paren(one) => one.span.close(),
        syn::MacroDelimiter::Brace(one) => one.span.close(),
        syn::MacroDelimiter::Bracket(one) => one.span.close(),
    };
    Some((start..close.byte_range().end, twin))
}

/// The literals of an expression, and whether it has values that it might use up.
#[derive(Default)]
struct Literals<'ast> {
    found: Vec<&'ast Lit>,
    has_names: bool,
}

impl<'ast> Visit<'ast> for Literals<'ast> {
    fn visit_expr(&mut self, one: &'ast Expr) {
        match one {
            Expr::Lit(one) => self.found.push(&one.lit),
            Expr::Call(one) => one.args.iter().for_each(|arg| self.visit_expr(arg)),
            Expr::MethodCall(_)
            | Expr::Reference(_)
            | Expr::Paren(_)
            | Expr::Group(_)
            | Expr::Tuple(_)
            | Expr::Array(_)
            | Expr::Unary(_) => syn::visit::visit_expr(self, one),
            _ => self.has_names = true,
        }
    }
}

fn less(literal: &Lit) -> Option<String> {
    match literal {
        Lit::Int(number) => {
            let value = number.base10_parse::<u128>().ok()?;
            Some(format!("{}{}", if value == 0 { 1 } else { value - 1 }, number.suffix()))
        }
        Lit::Float(number) => {
            let value = number.base10_parse::<f64>().ok()?;
            Some(format!("{:?}{}", if value == 0.0 { 1.0 } else { value / 2.0 }, number.suffix()))
        }
        Lit::Str(text) => Some(format!("{:?}", text.value() + "~")),
        Lit::Bool(value) => Some((!value.value).to_string()),
        Lit::Char(value) => Some(format!("{:?}", if value.value() == 'x' { 'y' } else { 'x' })),
        _ => None,
    }
}

fn larger(literal: &Lit) -> Option<String> {
    match literal {
        // Within the range of every type: the literal's own digits decide.
        Lit::Int(number) => match number.base10_parse::<u128>().ok()? {
            value @ 0..=99 => Some(format!("{}{}", value + 1, number.suffix())),
            value => Some(format!("{}{}", value / 2, number.suffix())),
        },
        Lit::Str(text) => Some(format!("{:?}", format!("a1{}", text.value()))),
        _ => less(literal),
    }
}

fn zero(literal: &Lit) -> Option<String> {
    match literal {
        Lit::Int(number) => Some(format!("0{}", number.suffix())),
        Lit::Str(_) => Some("\"\"".to_owned()),
        _ => less(literal),
    }
}

/// The comparison that does not hold where this one does. A type that is compared by its own code
/// has to answer both.
fn opposite(op: &BinOp) -> Option<&'static str> {
    match op {
        BinOp::Eq(_) => Some("!="),
        BinOp::Ne(_) => Some("=="),
        BinOp::Lt(_) | BinOp::Le(_) => Some(">"),
        BinOp::Gt(_) | BinOp::Ge(_) => Some("<"),
        _ => None,
    }
}

/// Another value of the same type in place of a literal's, in an expression made of literals.
fn other(one: &Expr) -> Option<(Range<usize>, String)> {
    let first = |items: &Punctuated<Expr, Token![,]>| items.iter().find_map(other);
    match one {
        Expr::Lit(literal) => {
            let range = literal.lit.span().byte_range();
            Some((range, less(&literal.lit)?))
        }
        Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => other(expr),
        Expr::Reference(inner) => other(&inner.expr),
        Expr::Paren(inner) => other(&inner.expr),
        Expr::Group(inner) => other(&inner.expr),
        Expr::Tuple(tuple) => first(&tuple.elems),
        Expr::Array(array) => first(&array.elems),
        Expr::MethodCall(call)
            if call.args.is_empty()
                && ["to_string", "to_owned", "into", "to_vec"]
                    .contains(&&*call.method.to_string()) =>
        {
            other(&call.receiver)
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let name = path.path.segments.last()?.ident.to_string();
            let wraps = ["Some", "Ok", "Err", "from"].contains(&name.as_str());
            wraps.then(|| first(&call.args)).flatten()
        }
        Expr::Macro(one) if one.mac.path.is_ident("vec") => {
            let items =
                one.mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated).ok()?;
            first(&items)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::toolchain::SuiteFile;
    use crate::toolchain::rust::suites;

    fn twin(text: &str) -> Option<(String, Vec<String>)> {
        let (spec, _) = crate::spec_for_tests::spec("# S\n\n- it MUST add `test_id: a`\n");
        let file = SuiteFile { name: "s.rs".to_owned(), text: text.to_owned() };
        let twin = of(&suites::read(&spec, &file).expect("is read"))?;
        let names = twin.tests.iter().map(|test| test.name.clone()).collect();
        Some((twin.text.split("mod regen_guard").next().unwrap_or_default().to_owned(), names))
    }

    #[test]
    fn every_assertion_expects_another_result() {
        for (assertion, changed) in [
            ("assert_eq!(f(1), 2)", "assert_eq!(f(1), 1)"),
            ("assert_eq!(0u8, f(1), \"why\")", "assert_eq!(1u8, f(1), \"why\")"),
            ("assert_eq!(f(1), -3)", "assert_eq!(f(1), -2)"),
            (
                "assert_eq!(f(1), Some(\"a\".to_string()))",
                "assert_eq!(f(1), Some(\"a~\".to_string()))",
            ),
            ("assert_eq!(f(1), [(true, 'x')])", "assert_eq!(f(1), [(false, 'x')])"),
            ("assert_eq!(f(1), vec![1.5])", "assert_eq!(f(1), vec![0.75])"),
            ("assert_eq!(f(1), g(x))", "assert_ne!(f(1), g(x))"),
            (
                "assert_eq!(f(1), Some(g(2, \"b\")))",
                "match (f(1), Some(g(2, \"b\")), Some(g(1, \"b~\")), Some(g(3, \"a1b\")), \
                 Some(g(0, \"\")))",
            ),
            ("assert_ne!(f(1), 2)", "assert_eq!(f(1), 2)"),
            ("assert!(f(1) > 2, \"why\")", "assert!(f(1) < 2, \"why\")"),
            ("assert!(f(1) <= 2)", "assert!(f(1) > 2)"),
            ("assert!(f(1) == 2)", "assert!(f(1) != 2)"),
            ("assert!(f(1) && g(2))", "assert!(!(f(1) && g(2)))"),
            ("std::assert!(f(1).is_none())", "std::assert!(!(f(1).is_none()))"),
        ] {
            let text = format!("#[test]\nfn a() {{ let x = 1; {assertion}; }}\n");
            let (twin, names) = twin(&text).expect("has one");
            assert!(twin.contains(changed), "{changed}: {twin}");
            assert_eq!(names, ["a"]);
        }
    }

    #[test]
    fn tests_that_may_assert_nothing_are_not_judged() {
        for text in [
            "#[test]\nfn a() { for x in f() { assert_eq!(x, 1); } }\n",
            "#[test]\nfn a() { if f() { assert!(g()); } }\n",
            "#[test]\nfn a() { f().unwrap(); }\n",
            "#[test]\n#[should_panic]\nfn a() { assert_eq!(f(), 1); }\n",
            "#[tokio::test]\nasync fn a() { assert_eq!(f().await, 1); }\n",
            "fn plain() {}\n",
        ] {
            assert!(twin(text).is_none(), "{text}");
        }
        let (_, names) =
            twin("mod m {\n#[test]\nfn a() { assert_eq!(f(), 1); }\n#[test]\nfn b() { f(); }\n}\n")
                .expect("has one");
        assert_eq!(names, ["m::a"]);
    }
}
