//! Compares a crate's public items with its contract.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::spanned::Spanned;

use super::names::{camel, signature, snake};
use super::types_file;
use crate::toolchain::rust::recursion_limit;
use crate::types::interface::{FunctionRole, WitShape};
use crate::types::{Finding, GateName, Interface, Tree};

/// Differences as findings: public items that the contract does not have, and missing ones.
pub fn check(gate: &GateName, tree: &Tree, interface: &Interface) -> Vec<Finding> {
    let mut surface = Surface { gate, interface, found: BTreeSet::new(), findings: Vec::new() };
    for (path, _) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs")) {
        let text = tree.text(path.as_str()).unwrap_or_default();
        let read = recursion_limit::parse(text, |text| {
            // What does not parse does not compile.
            if let Ok(file) = syn::parse_file(text) {
                surface.file(path.as_str(), &file);
            }
            Ok(())
        });
        if let Err((why, _)) = read {
            let remedy = "divide the expression into several".to_owned();
            surface.finding(path.as_str(), None, why, remedy);
        }
    }
    surface.missing(types_file::text(interface).is_some());
    surface.findings
}

struct Surface<'a> {
    gate: &'a GateName,
    interface: &'a Interface,
    /// Public names at the root.
    found: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl Surface<'_> {
    fn finding(&mut self, file: &str, line: Option<u32>, message: String, remedy: String) {
        self.findings.push(Finding {
            gate: self.gate.clone(),
            rule: "surface".to_owned(),
            file: Some(file.to_owned()),
            line,
            message,
            remedy: Some(remedy),
            ..Finding::default()
        });
    }

    fn file(&mut self, path: &str, file: &syn::File) {
        let is_root = path == "src/lib.rs";
        for item in &file.items {
            if is_root {
                self.root_item(path, item);
            }
            if let syn::Item::Impl(item) = item {
                self.methods(path, item);
            }
        }
    }

    /// Names that the contract has at the root of the crate.
    fn wanted(&self) -> BTreeSet<String> {
        let functions = self.interface.functions.iter().filter(|f| f.role == FunctionRole::Free);
        let resources = self.interface.types.iter().filter(|one| one.shape == WitShape::Resource);
        let names = functions.map(|f| snake(&f.name));
        names.chain(resources.map(|one| camel(&one.name))).collect()
    }

    fn root_item(&mut self, path: &str, item: &syn::Item) {
        let is_public = |vis: &syn::Visibility| matches!(vis, syn::Visibility::Public(_));
        let mut names: Vec<String> = Vec::new();
        let kind = match item {
            syn::Item::Fn(item) if is_public(&item.vis) => {
                names.push(raw(&item.sig.ident));
                "function"
            }
            syn::Item::Struct(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "struct"
            }
            syn::Item::Enum(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "enum"
            }
            syn::Item::Union(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "union"
            }
            syn::Item::Trait(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "trait"
            }
            syn::Item::Type(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "type"
            }
            syn::Item::Const(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "constant"
            }
            syn::Item::Static(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "static"
            }
            syn::Item::Mod(item) if is_public(&item.vis) => {
                names.push(raw(&item.ident));
                "module"
            }
            syn::Item::Use(item) if is_public(&item.vis) => {
                used(&item.tree, false, &mut names);
                "name"
            }
            syn::Item::Macro(item) => {
                let exported = item.attrs.iter().any(|a| a.path().is_ident("macro_export"));
                names.extend(item.ident.as_ref().filter(|_| exported).map(raw));
                "macro"
            }
            _ => return,
        };
        let line = u32::try_from(item.span().start().line).ok();
        let wanted = self.wanted();
        for name in names {
            // The contract's types can be re-exported.
            let is_contract = name == "contract" || name.starts_with("contract::");
            if !is_contract && !wanted.contains(&name) {
                let message = format!("the public {kind} `{name}` is not in the contract");
                self.finding(path, line, message, "make it private".to_owned());
            }
            self.found.insert(name);
        }
    }

    /// Public functions of a resource that the contract does not have.
    fn methods(&mut self, path: &str, item: &syn::ItemImpl) {
        let name = item.self_ty.to_token_stream().to_string();
        let types = self.interface.types.iter();
        let at =
            types.clone().position(|t| t.shape == WitShape::Resource && camel(&t.name) == name);
        let Some(at) = at.filter(|_| item.trait_.is_none()) else { return };
        let own = self.interface.functions.iter().filter_map(|one| match one.role {
            FunctionRole::Constructor(of) if of == at => Some("new".to_owned()),
            FunctionRole::Method(of) | FunctionRole::Static(of) if of == at => {
                Some(snake(&one.name))
            }
            _ => None,
        });
        let own: BTreeSet<String> = own.collect();
        for one in &item.items {
            let syn::ImplItem::Fn(one) = one else { continue };
            let function = raw(&one.sig.ident);
            self.found.insert(format!("{name}::{function}"));
            if matches!(one.vis, syn::Visibility::Public(_)) && !own.contains(&function) {
                let line = u32::try_from(one.sig.ident.span().start().line).ok();
                let message =
                    format!("the public function `{name}::{function}` is not in the contract");
                self.finding(path, line, message, "make it private".to_owned());
            }
        }
    }

    /// What the contract has and the crate does not.
    fn missing(&mut self, has_types: bool) {
        let root = "src/lib.rs";
        if has_types && !self.found.contains("contract") {
            let message = "the module of the contract's types is not declared".to_owned();
            self.finding(root, None, message, "add `pub mod contract;`".to_owned());
        }
        if !has_types && self.found.contains("contract") {
            let message =
                "the contract has no types, so `src/contract.rs` does not exist".to_owned();
            self.finding(root, None, message, "remove `pub mod contract;`".to_owned());
        }
        let interface = self.interface;
        for one in &interface.functions {
            let name = match one.role {
                FunctionRole::Free => snake(&one.name),
                FunctionRole::Constructor(at) => {
                    format!("{}::new", camel(&interface.types[at].name))
                }
                FunctionRole::Method(at) | FunctionRole::Static(at) => {
                    format!("{}::{}", camel(&interface.types[at].name), snake(&one.name))
                }
            };
            // Items of macros are not seen here; the compiler knows them.
            if !self.found.contains(&name) {
                let message = format!("the contract's function `{name}` is missing");
                self.finding(root, None, message, format!("write `{}`", signature(interface, one)));
            }
        }
    }
}

/// A name as it is written in code.
fn raw(ident: &syn::Ident) -> String {
    ident.to_string()
}

/// The names that a `use` makes public; those from the contract's module with its name before.
fn used(tree: &syn::UseTree, in_contract: bool, names: &mut Vec<String>) {
    let mut add = |name: String| {
        names.push(if in_contract { format!("contract::{name}") } else { name });
    };
    match tree {
        syn::UseTree::Path(path) => {
            let next = in_contract || path.ident == "contract";
            used(&path.tree, next, names);
        }
        syn::UseTree::Name(name) => add(raw(&name.ident)),
        syn::UseTree::Rename(rename) => add(raw(&rename.rename)),
        syn::UseTree::Glob(_) => add("*".to_owned()),
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|tree| used(tree, in_contract, names));
        }
    }
}
