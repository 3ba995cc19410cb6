//! Equality that a candidate writes by hand decides itself what a result equals. Where it has some,
//! its tests also run in a form that fails where they compare values of such a type.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Token};

use super::identifiers::{self, plain};
use super::{mutation, recursion_limit};
use crate::toolchain::{Expansion, Suite};
use crate::types::Tree;

/// The trait.
const EQUALITY: &str = "PartialEq";
/// What a comparison of such a type is reported with.
const COMPARES: &str = "it compares a value of";

/// The code of the checked form; its lists are filled in.
const CHECK: &str = r#"
mod regen_equality {
    pub(crate) fn typed<T: ?Sized>(value: &T) -> &T {
        let part = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
        for path in ::std::any::type_name::<T>().split(part) {
            let name = path.rsplit("::").next().unwrap_or_default();
            let listed = ALL || [NAMES].contains(&name);
            ::std::assert!(!(path.starts_with("CRATE::") && listed), "COMPARES `{path}`");
        }
        value
    }
}
"#;

/// The types of a candidate whose equality is not derived.
#[derive(Debug, Default, PartialEq, Eq)]
struct ByHand {
    names: BTreeSet<String>,
    /// Whether a macro may write it for any type.
    all: bool,
}

/// The checked form of a sealed file of tests of a crate; `None` if all equality is derived.
pub fn checked(suite: &Suite, name: &str, tree: &Tree) -> Option<Suite> {
    let by_hand = by_hand(tree)?;
    let tests = suite.tests.iter().filter(|test| test.expansion != Expansion::Macro);
    let tests: Vec<_> = tests.cloned().collect();
    let edited = recursion_limit::parse(&suite.text, |text| {
        let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        let mut sides = Sides::default();
        sides.visit_file(&file);
        Ok(sides.edit(text))
    });
    let names = by_hand.names.iter().map(|name| format!("{name:?}"));
    let names = [String::from("\"\"")].into_iter().chain(names).collect::<Vec<_>>().join(", ");
    let check = CHECK
        .replace("ALL", &by_hand.all.to_string())
        .replace("NAMES", &names)
        .replace("CRATE", name)
        .replace("COMPARES", COMPARES);
    (!tests.is_empty()).then_some(())?;
    Some(Suite { text: edited.ok()? + &check, tests, ..suite.clone() })
}

/// The type of which a failed test of a checked form compares a value.
pub fn compared(message: &str) -> Option<&str> {
    message.split_once(COMPARES)?.1.split('`').nth(1)
}

/// The types whose equality is written by hand, and those that have such a field.
fn by_hand(tree: &Tree) -> Option<ByHand> {
    let files = tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs"));
    let texts: Vec<_> = files.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
    // Without the word there is none.
    if !texts.iter().any(|text| text.contains(EQUALITY)) {
        return None;
    }
    let mut found = Equalities::default();
    for text in &texts {
        let text = text.trim_start_matches('\u{feff}');
        let parsed = recursion_limit::parse(text, |text| {
            let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
            let mut found = Equalities::default();
            found.visit_file(&file);
            Ok(found)
        });
        let parsed = parsed.unwrap_or_else(|_| {
            let is_free = text.parse().is_ok_and(|tokens| !is_written(&tokens));
            Equalities { in_macro: !is_free, ..Equalities::default() }
        });
        found.renamed.extend(parsed.renamed);
        found.impls.extend(parsed.impls);
        found.in_macro |= parsed.in_macro;
        found.macro_types |= parsed.macro_types;
        for (name, parts) in parsed.types {
            found.types.entry(name).or_default().extend(parts);
        }
    }
    found.conclude()
}

/// What a candidate's files say about equality.
#[derive(Default)]
struct Equalities {
    /// Names that get another one, with it.
    renamed: BTreeSet<(String, String)>,
    /// Traits that are implemented, with the identifiers of the types.
    impls: Vec<(String, BTreeSet<String>)>,
    /// Types, with the identifiers in them.
    types: BTreeMap<String, BTreeSet<String>>,
    /// Whether a macro may implement the trait.
    in_macro: bool,
    /// Whether macros write types.
    macro_types: bool,
}

impl Equalities {
    fn conclude(self) -> Option<ByHand> {
        let mut names = BTreeSet::from([EQUALITY.to_owned()]);
        // A name may have another name in turn.
        while let Some((_, name)) =
            self.renamed.iter().find(|(of, name)| names.contains(of) && !names.contains(name))
        {
            names.insert(name.clone());
        }
        let is_equality = |of: &String| names.contains(of);
        let own = |names: &BTreeSet<String>| -> BTreeSet<String> {
            names.iter().filter(|name| self.types.contains_key(*name)).cloned().collect()
        };
        let impls = self.impls.iter().filter(|(of, _)| is_equality(of));
        let impls: Vec<_> = impls.map(|(_, names)| own(names)).collect();
        if impls.is_empty() && !self.in_macro {
            return None;
        }
        // A type that is not declared here is one of a macro.
        let all = self.in_macro || self.macro_types || impls.iter().any(BTreeSet::is_empty);
        let mut names: BTreeSet<String> = impls.into_iter().flatten().collect();
        loop {
            let has = |parts: &BTreeSet<String>| parts.iter().any(|part| names.contains(part));
            let more =
                self.types.iter().filter(|(name, parts)| !names.contains(*name) && has(parts));
            let more: Vec<String> = more.map(|(name, _)| name.clone()).collect();
            if more.is_empty() {
                return Some(ByHand { names, all });
            }
            names.extend(more);
        }
    }

    fn tokens(&mut self, tokens: &TokenStream) {
        self.in_macro |= is_written(tokens);
        let words = identifiers::of(tokens.clone());
        self.macro_types |= ["struct", "enum"].iter().any(|word| words.contains(*word));
    }
}

/// Whether tokens name the trait other than to derive it, or as a bound.
fn is_written(tokens: &TokenStream) -> bool {
    let mut streams = vec![tokens.clone()];
    while let Some(stream) = streams.pop() {
        let mut before = [String::new(), String::new()];
        for token in stream {
            let mut text = String::new();
            match &token {
                TokenTree::Group(group) if before[1] != "derive" => streams.push(group.stream()),
                TokenTree::Group(_) | TokenTree::Literal(_) => {}
                TokenTree::Ident(name) => text = plain(name),
                TokenTree::Punct(punct) => text = punct.to_string(),
            }
            let is_bound =
                before[1] == "+" || before[1] == ":" && before[0] != ":" && !before[0].is_empty();
            if text == EQUALITY && !is_bound {
                return true;
            }
            before = [std::mem::take(&mut before[1]), text];
        }
    }
    false
}

impl<'ast> Visit<'ast> for Equalities {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (name, attrs) = match item {
            syn::Item::Struct(one) => (Some(&one.ident), &one.attrs),
            syn::Item::Enum(one) => (Some(&one.ident), &one.attrs),
            syn::Item::Union(one) => (Some(&one.ident), &one.attrs),
            syn::Item::Type(one) => (Some(&one.ident), &one.attrs),
            syn::Item::Trait(one) => {
                self.types.entry(one.ident.to_string()).or_default();
                (None, &one.attrs)
            }
            syn::Item::Mod(one) => (None, &one.attrs),
            syn::Item::Impl(one) => (None, &one.attrs),
            _ => return visit::visit_item(self, item),
        };
        if mutation::of_tests(attrs) {
            return;
        }
        if let Some(name) = name {
            let parts = identifiers::of(item.to_token_stream());
            self.types.entry(name.to_string()).or_default().extend(parts);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let last = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
        if let Some(last) = last {
            let types = [last.arguments.to_token_stream(), item.self_ty.to_token_stream()];
            let names = types.into_iter().flat_map(identifiers::of).collect();
            self.impls.push((plain(&last.ident), names));
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_use_rename(&mut self, one: &'ast syn::UseRename) {
        self.renamed.insert((plain(&one.ident), plain(&one.rename)));
    }

    fn visit_macro(&mut self, one: &'ast syn::Macro) {
        self.tokens(&one.tokens);
    }

    fn visit_attribute(&mut self, one: &'ast syn::Attribute) {
        let own = ["derive", "cfg_attr", "doc"].iter().any(|name| one.path().is_ident(name));
        self.in_macro |= !own && is_written(&one.meta.to_token_stream());
    }
}

/// Methods that compare their argument with what they are called on.
const COMPARING: [&str; 4] = ["contains", "contains_key", "starts_with", "ends_with"];

/// Wraps the sides of comparisons, wherever a function can be called.
#[derive(Default)]
struct Sides {
    opens: Vec<(usize, &'static str)>,
    closes: Vec<(usize, &'static str)>,
}

impl Sides {
    fn edit(self, text: &str) -> String {
        let opens = self.opens.into_iter().map(|(at, text)| (at, true, text));
        let closes = self.closes.into_iter().map(|(at, text)| (at, false, text));
        let mut inserts: Vec<_> = closes.chain(opens).collect();
        // At one offset inner ends come before outer ones, and outer starts before inner ones.
        inserts.sort_by_key(|(at, opens, _)| (*at, *opens));
        let (mut edited, mut done) = (String::new(), 0);
        for (at, _, insert) in inserts {
            edited = edited + &text[done..at] + insert;
            done = at;
        }
        edited + &text[done..]
    }

    /// A side of an operator.
    fn side(&mut self, side: &Expr) {
        let is_whole = matches!(
            side,
            Expr::Path(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Macro(_) | Expr::Paren(_)
        );
        let around = if is_whole {
            ("*crate::regen_equality::typed(&", ")")
        } else {
            ("*crate::regen_equality::typed(&(", "))")
        };
        self.wrap(side, around.0, around.1);
    }

    /// An argument, which is coerced as before.
    fn argument(&mut self, argument: &Expr) {
        let look = ") { value => { crate::regen_equality::typed(&value); value } }";
        self.wrap(argument, "match (", look);
    }

    fn wrap(&mut self, side: &Expr, open: &'static str, close: &'static str) {
        let range = side.span().byte_range();
        let is_left = matches!(side, Expr::Lit(_) | Expr::Closure(_));
        if !is_left {
            self.opens.push((range.start, open));
        }
        self.visit_expr(side);
        if !is_left {
            self.closes.push((range.end, close));
        }
    }
}

impl<'ast> Visit<'ast> for Sides {
    fn visit_expr_method_call(&mut self, one: &'ast syn::ExprMethodCall) {
        let name = one.method.to_string();
        let is_reference = matches!(one.args.first(), Some(Expr::Reference(_)));
        match one.args.first() {
            Some(arg) if COMPARING.contains(&&*name) || (is_reference && name == "eq") => {
                self.visit_expr(&one.receiver);
                self.argument(arg);
            }
            _ => visit::visit_expr_method_call(self, one),
        }
    }

    fn visit_expr_binary(&mut self, one: &'ast syn::ExprBinary) {
        if matches!(one.op, BinOp::Eq(_) | BinOp::Ne(_)) {
            self.side(&one.left);
            self.side(&one.right);
        } else {
            visit::visit_expr_binary(self, one);
        }
    }

    fn visit_macro(&mut self, one: &'ast syn::Macro) {
        let name = one.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let sides = match name.trim_start_matches("debug_") {
            "assert_eq" | "assert_ne" => 2,
            "assert" => 0,
            _ => return,
        };
        let args = one.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        for (at, arg) in args.iter().flatten().enumerate() {
            if at < sides {
                self.side(arg);
            } else if at == 0 {
                self.visit_expr(arg);
            }
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "regen_guard" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if item.sig.constness.is_none() {
            visit::visit_item_fn(self, item);
        }
    }

    // The compiler evaluates these.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
}

#[cfg(test)]
mod tests {
    use super::{by_hand, checked, compared};
    use crate::toolchain::SuiteFile;
    use crate::toolchain::rust::suites;
    use crate::types::{RelPath, Tree};

    fn tree(code: &str) -> Tree {
        Tree::from_iter([(RelPath::parse("src/lib.rs").expect("is one"), code.into())])
    }

    #[test]
    fn equality_written_by_hand_is_found_with_the_types_around_it() {
        for (code, names) in [
            ("impl PartialEq for A { }", "A"),
            ("impl<T> ::core::cmp::PartialEq<T> for A {}", "A"),
            ("impl PartialEq<A> for &str {} struct B(&'static str);", "A"),
            ("trait S {} impl PartialEq for dyn S {} struct B(Box<dyn S>);", "B S"),
            ("use std::cmp::PartialEq as Same; impl Same for A {}", "A"),
            ("mod m { pub use std::cmp::PartialEq as B; } use m::B as C; impl C for A {}", "A"),
            (
                "impl r#PartialEq for A {} #[derive(PartialEq)] enum B { C(Vec<A>) } type D = B; struct E(u8);",
                "A B D",
            ),
            ("mod m { mod n { impl PartialEq for A {} } }", "A"),
            ("fn f() { impl PartialEq for A {} }", "A"),
        ] {
            let found = by_hand(&tree(&format!("struct A; {code}"))).expect("is one");
            assert_eq!(found.names.into_iter().collect::<Vec<_>>().join(" "), names, "{code}");
            assert!(!found.all);
        }
        for code in [
            "macro_rules! m { ($t:ident) => { impl PartialEq for $t {} } }",
            "m!(PartialEq, A);",
            "m!(: PartialEq, A);",
            "#[derivative(PartialEq = \"ignore\")] struct A;",
            "macro_rules! m { ($t:ident) => { struct $t; } } impl PartialEq for A {}",
            "m!(A); impl PartialEq for A {}",
        ] {
            assert!(by_hand(&tree(code)).expect("may be one").all, "{code}");
        }
    }

    #[test]
    fn derived_equality_is_left_alone() {
        for code in [
            "#[derive(Debug, PartialEq)] struct A;",
            "#[cfg_attr(test, derive(PartialEq))] struct A;",
            "fn f<T: PartialEq + Clone>(a: impl PartialEq, b: &dyn C<PartialEq>) where T: PartialEq {}",
            "macro_rules! m { ($t:ident) => { #[derive(PartialEq)] struct $t; } }",
            "macro_rules! m { () => { fn f<T: PartialEq, U: A + PartialEq>() {} } }",
            "#[cfg(test)] mod tests { impl PartialEq for A {} }",
            "/// Has `PartialEq`.\nimpl PartialOrd for A {} impl Eq for A {}",
            "use std::cmp::PartialEq;",
        ] {
            assert_eq!(by_hand(&tree(code)), None, "{code}");
        }
    }

    fn form(body: &str) -> String {
        let (spec, _) = crate::spec_for_tests::spec("# S\n\n- it MUST add `test_id: a`\n");
        let text = format!("#[test]\nfn a() {{ {body} }}\n");
        let suite = suites::read(&spec, &SuiteFile { name: "s.rs".to_owned(), text });
        let tree = tree("struct Coded; impl PartialEq for Coded {}");
        let form = checked(&suite.expect("is read"), "s", &tree).expect("has a form").text;
        assert!(syn::parse_str::<syn::File>(&form).is_ok(), "{form}");
        assert!(form.contains("[\"\", \"Coded\"]") && form.contains("\"s::\""), "{form}");
        let form = form.replace("*crate::regen_equality::typed", "T").replace("match (", "M(");
        let form =
            form.replace(" { value => { crate::regen_equality::typed(&value); value } }", "");
        let start = form.find("regen_body()  {").expect("is sealed") + 15;
        form[start..].split("} crate::regen_guard").next().unwrap_or_default().trim().to_owned()
    }

    #[test]
    fn both_sides_of_every_comparison_are_looked_at() {
        for (body, wrapped) in [
            ("assert_eq!(f(1), \"a\");", "assert_eq!(T(&f(1)), \"a\");"),
            (
                "std::assert_ne!(a + 1, b[0], \"{x}\");",
                "std::assert_ne!(T(&(a + 1)), T(&(b[0])), \"{x}\");",
            ),
            ("assert!(f(a == 1) && g() != -1);", "assert!(f(T(&a) == 1) && g() != -1);"),
            (
                "assert!(f().contains(&A) && a.eq(&b));",
                "assert!(f().contains(M(&A)) && a.eq(M(&b)));",
            ),
            (
                "assert!(f().contains(\"a\") && a.eq(b) && a.get(&b).is_none());",
                "assert!(f().contains(\"a\") && a.eq(b) && a.get(&b).is_none());",
            ),
            ("let x = (a == b) == c;", "let x = T(&(T(&a) == T(&b))) == T(&c);"),
            (
                "const X: bool = A == B; let y = [0; (A == B) as usize];",
                "const X: bool = A == B; let y = [0; (A == B) as usize];",
            ),
        ] {
            let wrapped = wrapped.replace("g() != -1", "T(&g()) != T(&(-1))");
            assert_eq!(form(body), wrapped, "{body}");
        }
    }

    #[test]
    fn the_type_is_read_from_the_message() {
        let message = "thread 'a' panicked at tests/a.rs:1:\nit compares a value of `rle::Coded`\n";
        assert_eq!(compared(message), Some("rle::Coded"));
        assert_eq!(compared("left: 1"), None);
    }
}
