//! The part of a suite that does not depend on a candidate: what no answer can change, so that it
//! can be compiled before one is asked for.
//!
//! Items and statements that use a name of the candidate's, directly or through another name, are
//! replaced by spaces; places stay where they are. What is left may lack a type that a removed
//! statement decided, so only errors of [`CERTAIN`] count.

use std::collections::BTreeSet;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::Visit;

use super::options::{CrateType, RustOptions};
use super::package::{crate_name, root};
use super::{examples, identifiers, manifest, recursion_limit};
use crate::toolchain::{Independent, Suite, Visibility};
use crate::types::{Spec, Target, Tree};

/// Errors that a removed statement cannot cause.
pub const CERTAIN: [&str; 9] =
    ["E0308", "E0061", "E0277", "E0369", "E0600", "E0605", "E0606", "E0614", "E0618"];

/// What of a spec's suites and examples does not depend on a candidate.
pub fn suites(spec: &Spec, target: &Target, suites: &[Suite]) -> Option<Independent> {
    let name = crate_name(spec);
    let shown = [Visibility::Visible, Visibility::Hidden];
    let examples = shown.into_iter().filter_map(|shown| examples::suite(spec, target, shown));
    // What runs a program asks the build for its place.
    let examples = examples.filter(|suite| suite.tests.iter().all(|one| one.transcript.is_none()));
    let kept = suites.iter().cloned().chain(examples).filter_map(|suite| {
        // A user's suite as it was written: sealed, a test is one statement.
        let text = if suite.shown.is_empty() { &suite.text } else { &suite.shown };
        let text = of(text, &name)?;
        Some(Suite { text, tests: Vec::new(), ..suite })
    });
    let suites: Vec<Suite> = kept.collect();
    let crate_type = RustOptions::of(target).crate_type;
    let empty = if crate_type == CrateType::Bin { "fn main() {}\n" } else { "" };
    let tree = Tree::from_iter([(root(crate_type), empty.into())]);
    let tree = manifest::normalise(&tree, spec, target, &[]).ok()?;
    (!suites.is_empty()).then_some(Independent {
        tree,
        suites,
        // It looks at tests, too.
        gate: "clippy",
        certain: &CERTAIN,
    })
}

/// What of a file does not depend on the crate of this name; `None` where that is nothing that is
/// worth compiling.
pub fn of(text: &str, candidate: &str) -> Option<String> {
    let cuts = recursion_limit::parse(text, |text| {
        let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        Ok(Cutter::over(&file, candidate))
    });
    let Cutter { cuts, left, .. } = cuts.ok()??;
    if left == 0 {
        return None;
    }
    let mut kept = text.to_owned().into_bytes();
    for (cut, with) in cuts {
        let hole = &mut kept[cut];
        hole.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        if hole.len() >= with.len() {
            hole[..with.len()].copy_from_slice(with.as_bytes());
        }
    }
    String::from_utf8(kept).ok()
}

/// Finds what depends on a candidate.
#[derive(Default)]
struct Cutter {
    /// Names of the candidate's, and names of what depends on them.
    names: BTreeSet<String>,
    /// What is cut, and what stands there instead.
    cuts: Vec<(Range<usize>, &'static str)>,
    /// Statements that are left.
    left: usize,
}

impl Cutter {
    /// `None` where names cannot be told apart: all of a module of the candidate's is in scope.
    fn over(file: &syn::File, candidate: &str) -> Option<Self> {
        // The harness's own part of a test is no statement of its author's.
        let mut names = BTreeSet::from([candidate.to_owned(), "regen_guard".to_owned()]);
        loop {
            let mut cutter = Self { names: names.clone(), ..Self::default() };
            cutter.items(&file.items)?;
            if cutter.names == names {
                return Some(cutter);
            }
            names = cutter.names;
        }
    }

    fn cut(&mut self, part: &impl Spanned, with: &'static str) {
        self.cuts.push((part.span().byte_range(), with));
    }

    fn depends(&self, part: &impl ToTokens) -> bool {
        words(part.to_token_stream()).iter().any(|word| self.names.contains(word))
    }

    fn items(&mut self, items: &[syn::Item]) -> Option<()> {
        items.iter().try_for_each(|item| self.item(item))
    }

    fn item(&mut self, item: &syn::Item) -> Option<()> {
        match item {
            syn::Item::Fn(function) => return self.function(function),
            syn::Item::Use(import) if self.depends(import) => {
                let mut bound = Bound::default();
                bound.visit_item_use(import);
                if bound.all {
                    return None;
                }
                self.names.extend(bound.names);
            }
            // Its file may be another one.
            syn::Item::Mod(module) if module.content.is_none() => {
                self.names.insert(module.ident.to_string());
            }
            item if !self.depends(item) => return Some(()),
            syn::Item::Impl(block) => {
                // A type some of whose methods depend on the candidate.
                self.names.extend(words(block.self_ty.to_token_stream()));
            }
            item => self.names.extend(identifiers::declared(item.to_token_stream())),
        }
        if let syn::Item::Macro(syn::ItemMacro { ident: Some(name), .. }) = item {
            self.names.insert(name.to_string());
        }
        self.cut(item, "");
        Some(())
    }

    fn function(&mut self, function: &syn::ItemFn) -> Option<()> {
        let attributes = function.attrs.iter().any(|one| self.depends(one));
        if attributes || self.depends(&function.sig) {
            self.names.insert(function.sig.ident.to_string());
            self.cut(function, "");
            return Some(());
        }
        let around = self.names.clone();
        // A name that a later statement gives a meaning may stand in an earlier one.
        loop {
            let (before, cuts, left) = (self.names.len(), self.cuts.len(), self.left);
            for statement in &function.block.stmts {
                self.statement(statement)?;
            }
            let gives = !matches!(function.sig.output, syn::ReturnType::Default);
            if gives && self.cuts.len() > cuts {
                self.cuts.truncate(cuts);
                self.left = left;
                self.cut(&function.block, "{loop{}}");
                break;
            }
            if self.names.len() == before {
                break;
            }
            self.cuts.truncate(cuts);
            self.left = left;
        }
        self.names = around;
        Some(())
    }

    fn statement(&mut self, statement: &syn::Stmt) -> Option<()> {
        match statement {
            syn::Stmt::Item(item) => return self.item(item),
            syn::Stmt::Local(local) if self.depends(local) => {
                let mut bound = Bound::default();
                bound.visit_pat(&local.pat);
                self.names.extend(bound.names);
                self.cut(local, "");
                return Some(());
            }
            statement if self.depends(statement) => {
                self.cut(statement, "");
                return Some(());
            }
            _ => {}
        }
        self.left += 1;
        Some(())
    }
}

/// The names that an import or a pattern binds.
#[derive(Default)]
struct Bound {
    names: BTreeSet<String>,
    /// Whether it binds all that is somewhere.
    all: bool,
}

impl<'ast> Visit<'ast> for Bound {
    fn visit_use_name(&mut self, one: &'ast syn::UseName) {
        self.names.insert(one.ident.to_string());
    }

    fn visit_use_rename(&mut self, one: &'ast syn::UseRename) {
        self.names.insert(one.rename.to_string());
    }

    fn visit_use_glob(&mut self, _: &'ast syn::UseGlob) {
        self.all = true;
    }

    fn visit_pat_ident(&mut self, one: &'ast syn::PatIdent) {
        self.names.insert(one.ident.to_string());
        syn::visit::visit_pat_ident(self, one);
    }
}

/// Every name in tokens, and those that texts capture: `"{name}"`.
fn words(tokens: TokenStream) -> BTreeSet<String> {
    let mut found = identifiers::of(tokens.clone());
    let mut streams = vec![tokens];
    while let Some(stream) = streams.pop() {
        for token in stream {
            match token {
                TokenTree::Group(group) => streams.push(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let captured = text.split('{').skip(1);
                    let name = |part: &str| {
                        let end = part.find(|c: char| !c.is_alphanumeric() && c != '_');
                        part[..end.unwrap_or(part.len())].to_owned()
                    };
                    found.extend(captured.map(name));
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn what_depends_on_the_candidate_is_cut_and_places_stay() {
        let text = "use one::{Two, three as tri};\nuse std::fmt;\nstruct Own(Two);\n\
            fn three() -> u8 { let n: u8 = 3; n }\nfn other() -> u8 { tri() + 1 }\n\
            #[test]\nfn same() {\n    let s: String = 5;\n    let t = Two::new();\n    let u = t + 1;\n    \
            assert_eq!(one::one(), s);\n    println!(\"{u}\");\n    let v: u8 = three();\n}\n";
        let kept = of(text, "one").expect("something is left");
        assert_eq!(kept.lines().count(), text.lines().count());
        let lines: Vec<&str> = kept.lines().map(str::trim_end).collect();
        assert_eq!(lines[0..3], ["", "use std::fmt;", ""]);
        assert_eq!(lines[3], "fn three() -> u8 { let n: u8 = 3; n }");
        assert_eq!(lines[4].split_whitespace().collect::<String>(), "fnother()->u8{loop{}}");
        assert_eq!(lines[7], "    let s: String = 5;");
        assert_eq!(lines[8..12], ["", "", "", ""]);
        assert_eq!(lines[12], "    let v: u8 = three();");
    }

    #[test]
    fn where_nothing_is_left_or_everything_may_depend_there_is_nothing_to_compile() {
        assert_eq!(of("#[test]\nfn a() { assert_eq!(one::a(), 1); }\n", "one"), None);
        assert_eq!(of("use one::*;\n#[test]\nfn a() { let n: u8 = 3; }\n", "one"), None);
        assert_eq!(of("fn a( {", "one"), None);
    }
}
