//! Mutates Rust code.
//!
//! All mutations are compiled into one copy of the candidate, and a variable selects one ("mutant
//! schemata", Untch, Offutt and Harrold 1993), so one build suffices. The operators are those of
//! cargo-mutants: return values, comparisons, `&&` and `||`, arithmetic with literals, negations,
//! `match` arms.

mod functions;
mod places;
mod switch;

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Expr, Pat};

use super::{identifiers, recursion_limit, replacements};
use crate::toolchain::{Extent, Mutant, Mutants};
use crate::types::{Digest, RelPath, Tree};
pub use places::of_tests;
use switch::Switch;

/// The crate roots, where the switch's code is added.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// Mutates a candidate, with a switch named by `seed`.
///
/// # Errors
/// A file has no tokens of Rust.
pub fn of(tree: &Tree, extent: &Extent, seed: Digest) -> Result<Mutants, String> {
    let switch = Switch::of(seed);
    let variable = switch.name.clone();
    let mut mutants =
        Mutants { tree: tree.clone(), list: Vec::new(), rest: BTreeSet::new(), variable };
    let is_rust = |path: &str| path.starts_with("src/") && path.ends_with(".rs");
    let defaults = defaults(tree);
    for (path, bytes) in tree.iter().filter(|(path, _)| is_rust(path.as_str())) {
        let text = String::from_utf8_lossy(bytes);
        // The parser does not count it.
        let text = text.trim_start_matches('\u{feff}');
        let mut changed = file(path, text, extent, &switch, &defaults, &mut mutants)?;
        if ROOTS.contains(&path.as_str()) {
            // Mutated code would trigger lints.
            changed.insert_str(0, "#![allow(warnings)] ");
            changed.push_str(&switch.code());
        }
        mutants.tree.insert(path.clone(), changed.into_bytes());
    }
    Ok(mutants)
}

/// Types of a candidate with a default value.
fn defaults(tree: &Tree) -> BTreeSet<String> {
    let files = tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs"));
    let mut all = replacements::Defaults::default();
    for (_, bytes) in files {
        let found = recursion_limit::parse(&String::from_utf8_lossy(bytes), |text| {
            let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
            let mut found = replacements::Defaults::default();
            found.in_items(&file.items);
            Ok(found)
        });
        // A file that is not Rust has none; it is refused below.
        let found = found.unwrap_or_default();
        all.names.extend(found.names);
        all.declared.extend(found.declared);
    }
    all.unambiguous()
}

fn file(
    path: &RelPath,
    text: &str,
    extent: &Extent,
    switch: &Switch,
    defaults: &BTreeSet<String>,
    mutants: &mut Mutants,
) -> Result<String, String> {
    let (mut list, mut rest) =
        (std::mem::take(&mut mutants.list), std::mem::take(&mut mutants.rest));
    let edits = recursion_limit::parse(text, |text| {
        let parsed: syn::File =
            syn::parse_str(text).map_err(|error| (error.to_string(), error.span().start().line))?;
        let mut writer = Writer {
            file: path.as_str(),
            extent,
            switch,
            defaults: defaults.clone(),
            own: None,
            function: String::new(),
            opens: Vec::new(),
            closes: Vec::new(),
            spared: Vec::new(),
            list: &mut list,
            rest: &mut rest,
        };
        writer.visit_file(&parsed);
        Ok((writer.opens, writer.closes, writer.spared))
    });
    (mutants.list, mutants.rest) = (list, rest);
    let (opens, closes, spared) = match edits {
        Ok(edits) => edits,
        Err((why, line)) => {
            // What the parser does not read has tokens nevertheless.
            let tokens: Result<TokenStream, _> = text.parse();
            let tokens = tokens.map_err(|_| format!("{path}:{line}: {why}"))?;
            mutants.rest.extend(identifiers::of(tokens.clone()));
            let stub = switch.stub("crate", 0, 0, "");
            let bodies = functions::bodies(tokens).into_iter();
            (bodies.map(|at| (at, stub.clone())).collect(), Vec::new(), Vec::new())
        }
    };
    // At one offset: closing texts first, inner before outer; then opening texts, outer before
    // inner.
    let mut inserts: Vec<(usize, bool, &String)> =
        closes.iter().map(|(at, text)| (*at, false, text)).collect();
    inserts.extend(opens.iter().map(|(at, text)| (*at, true, text)));
    inserts.sort_by_key(|(at, opens, _)| (*at, *opens));
    let mut out = text.as_bytes().to_vec();
    for (range, by) in spared {
        out[range.clone()].fill(b' ');
        out[range.start..range.start + by.len()].copy_from_slice(by.as_bytes());
    }
    let mut out = String::from_utf8_lossy(&out).into_owned();
    for (at, _, text) in inserts.iter().rev() {
        out.insert_str(*at, text);
    }
    Ok(out)
}

/// A byte range of a text and its replacement, padded with blanks.
type Spared = (std::ops::Range<usize>, &'static str);

struct Writer<'a> {
    file: &'a str,
    extent: &'a Extent,
    switch: &'a Switch,
    /// Types with a default value.
    defaults: BTreeSet<String>,
    /// The type of the current `impl`.
    own: Option<String>,
    /// The current function.
    function: String,
    opens: Vec<(usize, String)>,
    closes: Vec<(usize, String)>,
    spared: Vec<Spared>,
    list: &'a mut Vec<Mutant>,
    rest: &'a mut BTreeSet<String>,
}

/// Assertions.
pub const ASSERTS: [&str; 6] =
    ["assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne"];

impl Writer<'_> {
    fn all(&self) -> Option<&BTreeSet<(String, u32)>> {
        match self.extent {
            Extent::But(lines) => Some(lines),
            Extent::Panics | Extent::Constants(_) => None,
        }
    }

    /// Whether compile-time values at a line are mutated.
    fn constants(&self, line: usize) -> bool {
        let at = (self.file.to_owned(), u32::try_from(line).unwrap_or(0));
        matches!(self.extent, Extent::Constants(lines) if !lines.contains(&at))
    }

    /// A constant: another value, if its type is known.
    fn constant(&mut self, name: &syn::Ident, of: &syn::Type, expr: &Expr) {
        self.rest.insert(name.to_string());
        let (range, line) = (expr.span().byte_range(), expr.span().start().line);
        if let Some((open, close)) = replacements::other(of).filter(|_| self.constants(line)) {
            self.opens.push((range.start, open));
            self.closes.push((range.end, close));
        }
    }

    /// Functions in a macro: they can only panic, and only if everything compiles at once.
    fn macro_functions(&mut self, root: &str, bodies: Vec<usize>) {
        if self.all().is_some_and(BTreeSet::is_empty) {
            let stub = self.switch.stub(root, 0, 0, "");
            self.opens.extend(bodies.into_iter().map(|at| (at, stub.clone())));
        }
    }

    /// Adds a mutation, if wanted at this line. Gives its number.
    fn mutant(&mut self, line: usize, what: String) -> Option<usize> {
        let line = u32::try_from(line).ok()?;
        let file = self.file.to_owned();
        if self.all()?.contains(&(file.clone(), line)) {
            return None;
        }
        self.list.push(Mutant { file, line, what });
        Some(self.list.len())
    }

    /// Mutates a function's body. Gives whether to visit it.
    fn body(&mut self, sig: &syn::Signature, block: &syn::Block, attrs: &[syn::Attribute]) -> bool {
        self.function = sig.ident.to_string();
        attrs.iter().for_each(|attr| self.visit_attribute(attr));
        let start = places::start(block, attrs);
        if let Some(word) = &sig.constness {
            let first = matches!(self.extent, Extent::Constants(lines) if lines.is_empty());
            let value = replacements::constant(&sig.output).filter(|_| first);
            let value =
                value.map(|value| format!(" if true {{ return {}; }} ", self.switch.own(&value)));
            self.opens.extend(value.map(|value| (start, value)));
            if self.all().is_none_or(|lines| !lines.is_empty()) {
                self.rest.insert(self.function.clone());
                return false;
            }
            self.spared.push((word.span().byte_range(), ""));
        }
        let line = block.brace_token.span.open().end().line;
        if let Extent::Constants(_) = self.extent {
            return false;
        }
        let first = self.list.len() + 1;
        let mut arms = String::new();
        let mut values = replacements::of(&sig.output, &self.defaults);
        values.extend(places::returns_itself(sig, self.own.as_deref()).then(|| "self".to_owned()));
        for value in values {
            let shown = value.replace("::core::default::Default::default()", "a default");
            let what = format!("when `{}` returns {shown}", self.function);
            if let Some(number) = self.mutant(line, what) {
                let value = self.switch.own(&value);
                arms += &format!("{} => return {value}, ", number - first + 1);
            }
        }
        let count = self.list.len() + 1 - first;
        let stub = self.switch.stub("crate", first, count, &arms);
        self.opens.push((start, stub));
        true
    }

    /// Replaces an expression.
    fn instead(&mut self, of: &impl Spanned, what: String, other: &str) -> bool {
        let span = of.span();
        if other.contains('\n') {
            return false;
        }
        let Some(number) = self.mutant(span.start().line, what) else { return false };
        let range = span.byte_range();
        let open = format!("(if {} {{ {other} }} else {{ ", self.switch.on(number));
        self.opens.push((range.start, open));
        true
    }

    /// Removes an assertion.
    fn demand(&mut self, one: &syn::Macro, attrs: &[syn::Attribute]) {
        let name = one.path.segments.last().map(|last| last.ident.to_string());
        let name = name.filter(|name| ASSERTS.contains(&&**name) && attrs.is_empty());
        let span = one.span();
        let mutant = name.and_then(|name| {
            self.mutant(span.start().line, format!("without {name}! in {}", self.function))
        });
        if let Some(number) = mutant {
            let open = format!("if !{} {{ ", self.switch.on(number));
            self.opens.push((span.byte_range().start, open));
            self.closes.push((span.byte_range().end, " }".to_owned()));
        }
    }

    /// Drops an assignment.
    fn assignment(&mut self, expr: &Expr) {
        let Some(place) = places::assigned(expr).filter(|_| !places::binds(expr)) else { return };
        let what = format!("without the assignment to {place} in {}", self.function);
        if let Some(number) = self.mutant(expr.span().start().line, what) {
            let open = format!("if !{} {{ ", self.switch.on(number));
            self.opens.push((expr.span().byte_range().start, open));
            self.closes.push((expr.span().byte_range().end, " }".to_owned()));
        }
    }

    fn close(&mut self, of: &impl Spanned) {
        self.closes.push((of.span().byte_range().end, " })".to_owned()));
    }
}

impl<'ast> Visit<'ast> for Writer<'_> {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let name = attribute.path().get_ident().map(identifiers::plain).unwrap_or_default();
        let mut streams = match name.as_str() {
            "deny" | "forbid" => vec![attribute.path().to_token_stream()],
            "cfg_attr" => vec![attribute.meta.to_token_stream()],
            _ => return,
        };
        while let Some(stream) = streams.pop() {
            for token in stream {
                match token {
                    TokenTree::Group(group) => streams.push(group.stream()),
                    TokenTree::Ident(word)
                        if ["deny", "forbid"].contains(&&*identifiers::plain(&word)) =>
                    {
                        self.spared.push((word.span().byte_range(), "warn"));
                    }
                    _ => {}
                }
            }
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !of_tests(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = item.self_ty.to_token_stream().to_string();
        if self.defaults.contains(&name) {
            self.defaults.insert("Self".to_owned());
        }
        self.own = Some(name);
        syn::visit::visit_item_impl(self, item);
        self.own = None;
        self.defaults.remove("Self");
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let around = self.function.clone();
        if !of_tests(&item.attrs) && self.body(&item.sig, &item.block, &item.attrs) {
            self.visit_block(&item.block);
        }
        self.function = around;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !of_tests(&item.attrs) && self.body(&item.sig, &item.block, &item.attrs) {
            self.visit_block(&item.block);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default
            && self.body(&item.sig, block, &item.attrs)
        {
            self.visit_block(block);
        }
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let by = places::other(binary)
            .filter(|_| !places::binds(&binary.left) && !places::binds(&binary.right));
        let changed = by.is_some_and(|by| {
            let [left, op, right] = [
                binary.left.to_token_stream(),
                binary.op.to_token_stream(),
                binary.right.to_token_stream(),
            ];
            let other = format!("{left} {by} {right}");
            self.instead(binary, format!("with {by} instead of {op} in {}", self.function), &other)
        });
        syn::visit::visit_expr_binary(self, binary);
        if changed {
            self.close(binary);
        }
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let literal = matches!(*unary.expr, Expr::Lit(_));
        let what = match unary.op {
            syn::UnOp::Not(_) => Some("without !"),
            syn::UnOp::Neg(_) if !literal => Some("without -"),
            _ => None,
        };
        let changed = what.is_some_and(|what| {
            let other = unary.expr.to_token_stream().to_string();
            self.instead(unary, format!("{what} in {}", self.function), &other)
        });
        syn::visit::visit_expr_unary(self, unary);
        if changed {
            self.close(unary);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        if let syn::Stmt::Expr(expr, Some(_)) = statement {
            self.assignment(expr);
        }
        syn::visit::visit_stmt(self, statement);
    }

    fn visit_stmt_macro(&mut self, one: &'ast syn::StmtMacro) {
        self.demand(&one.mac, &one.attrs);
    }

    fn visit_expr_macro(&mut self, one: &'ast syn::ExprMacro) {
        self.demand(&one.mac, &one.attrs);
    }

    fn visit_expr_match(&mut self, one: &'ast syn::ExprMatch) {
        let catches_all = one.arms.last().is_some_and(|arm| matches!(arm.pat, Pat::Wild(_)));
        for arm in one.arms.iter().rev().skip(1).filter(|_| catches_all) {
            let end = arm.pat.span();
            if matches!(arm.pat, Pat::Guard(_)) {
                continue;
            }
            let shown = arm.pat.to_token_stream().to_string();
            if let Some(number) =
                self.mutant(end.end().line, format!("without the arm {shown} in {}", self.function))
            {
                let guard = format!(" if !{}", self.switch.on(number));
                self.closes.push((end.byte_range().end, guard));
            }
        }
        syn::visit::visit_expr_match(self, one);
    }

    // Evaluated by the compiler, so not switchable at run time: constants, lengths, patterns.
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(&item.ident, &item.ty, &item.expr);
    }
    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.constant(&item.ident, &item.ty, &item.expr);
    }
    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(&item.ident, &item.ty, &item.expr);
    }
    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.rest.insert(item.ident.to_string());
    }
    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        let tokens = item.mac.tokens.clone();
        if item.mac.path.is_ident("macro_rules") {
            self.macro_functions("$crate", functions::bodies_in_rules(tokens));
        } else {
            self.macro_functions("crate", functions::bodies(tokens));
        }
        let declared = identifiers::declared(item.mac.tokens.clone());
        // A macro's arguments may become names in its output.
        let given = item.ident.is_none() && declared.is_empty();
        self.rest.extend(item.ident.as_ref().map(ToString::to_string));
        self.rest.extend(if given { identifiers::of(item.mac.tokens.clone()) } else { declared });
    }
    fn visit_impl_item_macro(&mut self, item: &'ast syn::ImplItemMacro) {
        self.macro_functions("crate", functions::bodies(item.mac.tokens.clone()));
        self.rest.extend(identifiers::of(item.mac.tokens.clone()));
    }
    fn visit_use_rename(&mut self, item: &'ast syn::UseRename) {
        self.rest.insert(item.rename.to_string());
    }
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.rest.insert(item.ident.to_string());
    }
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.rest.insert(item.ident.to_string());
        self.rest.extend(item.variants.iter().map(|variant| variant.ident.to_string()));
    }
    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.rest.insert(item.ident.to_string());
    }
    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.rest.insert(item.ident.to_string());
    }
    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.rest.insert(item.ident.to_string());
        syn::visit::visit_item_trait(self, item);
    }
    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_generics(&mut self, _: &'ast syn::Generics) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_pat(&mut self, _: &'ast Pat) {}
}

#[cfg(test)]
mod tests;
