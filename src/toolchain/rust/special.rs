//! Literals with a branch of their own: arms, conditions and entries of tables.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr};

use super::{expects, mutation, recursion_limit};
use crate::toolchain::SpecialCase;
use crate::types::Tree;

/// The special cases of a candidate's code, without its tests.
pub fn cases(tree: &Tree) -> Vec<SpecialCase> {
    let files = tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs"));
    let cases = files.filter_map(|(path, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        let cases = recursion_limit::parse(&text, |text| {
            let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
            let mut cases = Cases { file: path.to_string(), tables: 0, found: Vec::new() };
            cases.visit_file(&file);
            Ok(cases.found)
        });
        cases.ok()
    });
    cases.flatten().collect()
}

/// The literals in code, in the spelling of expectations.
pub fn literals(tokens: TokenStream) -> BTreeSet<String> {
    let (mut found, mut streams) = (BTreeSet::new(), vec![tokens]);
    while let Some(stream) = streams.pop() {
        let mut is_negative = false;
        for token in stream {
            if let TokenTree::Literal(literal) = &token {
                let value = expects::literal(&literal.to_string());
                let sign = if is_negative { "-" } else { "" };
                found.extend(value.map(|value| format!("{sign}{value}")));
            }
            is_negative = token.to_string() == "-";
            if let TokenTree::Group(group) = token {
                streams.push(group.stream());
            }
        }
    }
    found
}

struct Cases {
    file: String,
    /// How many `match`es and tables there were.
    tables: usize,
    found: Vec<SpecialCase>,
}

impl Cases {
    fn add(&mut self, at: &impl Spanned, table: usize, inputs: TokenStream, results: TokenStream) {
        let (inputs, results) = (literals(inputs), literals(results));
        if !inputs.is_empty() && !results.is_empty() {
            let line = u32::try_from(at.span().start().line).unwrap_or(u32::MAX);
            self.found.push(SpecialCase { file: self.file.clone(), line, table, inputs, results });
        }
    }

    fn table(&mut self) -> usize {
        self.tables += 1;
        self.tables
    }

    /// The pairs of a list.
    fn list<'a>(&mut self, items: impl Iterator<Item = &'a Expr>) {
        let table = self.table();
        for item in items {
            if let Expr::Tuple(tuple) = item
                && let Some(first) = tuple.elems.first()
            {
                let rest = tuple.elems.iter().skip(1).map(ToTokens::to_token_stream).collect();
                self.add(item, table, first.to_token_stream(), rest);
            }
        }
    }
}

/// The literals that a condition asks for.
#[derive(Default)]
struct Asked(TokenStream);

impl<'ast> Visit<'ast> for Asked {
    fn visit_expr_binary(&mut self, one: &'ast syn::ExprBinary) {
        if let BinOp::Eq(_) = one.op {
            let is_literal =
                |side: &&Expr| matches!(side, Expr::Lit(_) | Expr::Unary(_) | Expr::Tuple(_));
            let sides = [&*one.left, &*one.right].into_iter().filter(is_literal);
            self.0.extend(sides.map(ToTokens::to_token_stream));
        }
        visit::visit_expr_binary(self, one);
    }

    fn visit_expr_let(&mut self, one: &'ast syn::ExprLet) {
        self.0.extend(one.pat.to_token_stream());
    }

    fn visit_macro(&mut self, one: &'ast syn::Macro) {
        if one.path.is_ident("matches") {
            self.0.extend(one.tokens.clone());
        }
    }
}

impl<'ast> Visit<'ast> for Cases {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attrs = match item {
            syn::Item::Mod(one) => &one.attrs[..],
            syn::Item::Fn(one) => &one.attrs[..],
            _ => &[],
        };
        if !mutation::of_tests(attrs) {
            visit::visit_item(self, item);
        }
    }

    fn visit_expr_match(&mut self, one: &'ast syn::ExprMatch) {
        let table = self.table();
        for arm in &one.arms {
            self.add(&arm.pat, table, arm.pat.to_token_stream(), arm.body.to_token_stream());
        }
        visit::visit_expr_match(self, one);
    }

    fn visit_expr_if(&mut self, one: &'ast syn::ExprIf) {
        let mut asked = Asked::default();
        asked.visit_expr(&one.cond);
        let table = self.table();
        self.add(one, table, asked.0, one.then_branch.to_token_stream());
        visit::visit_expr_if(self, one);
    }

    fn visit_expr_array(&mut self, one: &'ast syn::ExprArray) {
        self.list(one.elems.iter());
        visit::visit_expr_array(self, one);
    }
}
