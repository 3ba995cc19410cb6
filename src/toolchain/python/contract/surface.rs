//! Compares what a package declares with its contract.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{camel, owner, signature, snake};
use crate::toolchain::python::audit::PublicItem;
use crate::types::interface::{FunctionRole, WitFunction, WitShape};
use crate::types::{Finding, Interface};

/// Differences as findings, without gate. `exported` are the names in `__all__` with its line;
/// without names if these are not literals.
pub fn check(
    interface: &Interface,
    root: &str,
    items: &[PublicItem],
    exported: Option<(Option<Vec<String>>, u32)>,
) -> Vec<Finding> {
    let known = items.iter().map(|item| (item.name.as_str(), item)).collect();
    let mut surface = PackageSurface { interface, root, known, findings: Vec::new() };
    match exported {
        Some((None, line)) => {
            let message = "`__all__` is not one literal list of names".to_owned();
            surface.finding(Some(line), message, "write `__all__ = [\"name\", …]`".to_owned());
        }
        Some((Some(names), line)) => surface.exported(&names, line),
        None => surface.unexported(items),
    }
    surface.methods(items);
    for function in &interface.functions {
        surface.function(function);
    }
    surface.findings
}

struct PackageSurface<'a> {
    interface: &'a Interface,
    root: &'a str,
    known: BTreeMap<&'a str, &'a PublicItem>,
    findings: Vec<Finding>,
}

impl PackageSurface<'_> {
    fn finding(&mut self, line: Option<u32>, message: String, remedy: String) {
        self.findings.push(Finding {
            rule: "surface".to_owned(),
            file: Some(self.root.to_owned()),
            line,
            message,
            remedy: Some(remedy),
            ..Finding::default()
        });
    }

    /// Names that the contract has at the top.
    fn wanted(&self) -> BTreeSet<String> {
        let functions = self.interface.functions.iter().filter(|f| f.role == FunctionRole::Free);
        let resources = self.interface.types.iter().filter(|one| one.shape == WitShape::Resource);
        let names = functions.map(|one| snake(&one.name));
        names.chain(resources.map(|one| camel(&one.name))).collect()
    }

    fn exported(&mut self, names: &[String], line: u32) {
        let wanted = self.wanted();
        for name in names.iter().filter(|name| !wanted.contains(*name)) {
            // The contract's types can be exported again.
            if self.known.get(name.as_str()).is_none_or(|item| item.what != "contract") {
                let message = format!("the public name `{name}` is not in the contract");
                self.finding(Some(line), message, "remove it from `__all__`".to_owned());
            }
        }
        for name in wanted.iter().filter(|name| !names.contains(name)) {
            let message = format!("`__all__` does not name `{name}`");
            self.finding(Some(line), message, "add it".to_owned());
        }
    }

    /// Without `__all__`, functions and classes are public.
    fn unexported(&mut self, items: &[PublicItem]) {
        let wanted = self.wanted();
        for item in items.iter().filter(|item| ["function", "class", "own"].contains(&&*item.what))
        {
            let name = &item.name;
            if !name.starts_with('_') && !wanted.contains(name) {
                let message = format!("the public {} `{name}` is not in the contract", item.what);
                let message = message.replace("public own", "public name");
                let remedy = "set `__all__` to the names of the contract".to_owned();
                self.finding(Some(item.line), message, remedy);
            }
        }
    }

    /// Public functions of a resource that the contract does not have.
    fn methods(&mut self, items: &[PublicItem]) {
        for item in items.iter().filter(|item| item.what == "method") {
            let Some((class, name)) = item.name.split_once('.') else { continue };
            let types = &self.interface.types;
            let is_resource = |at: usize| {
                types[at].shape == WitShape::Resource && camel(&types[at].name) == class
            };
            if name.starts_with('_') || !(0..types.len()).any(is_resource) {
                continue;
            }
            let mut own =
                self.interface.functions.iter().filter(|f| owner(f).is_some_and(is_resource));
            if !own.any(|one| snake(&one.name) == name) {
                let message = format!("the public function `{}` is not in the contract", item.name);
                let remedy = format!("name it `_{name}`");
                self.finding(Some(item.line), message, remedy);
            }
        }
        if let Some(item) = items.iter().find(|item| item.name == "__getattr__") {
            let message = "`__getattr__` makes public names that nothing lists".to_owned();
            self.finding(Some(item.line), message, "define each name".to_owned());
        }
    }

    /// A function of the contract: it must be there, and take the parameters in order.
    fn function(&mut self, function: &WitFunction) {
        let class = owner(function).map(|at| camel(&self.interface.types[at].name));
        let name = match (&class, function.role) {
            (Some(class), FunctionRole::Constructor(_)) => format!("{class}.__init__"),
            (Some(class), _) => format!("{class}.{}", snake(&function.name)),
            (None, _) => snake(&function.name),
        };
        let remedy = format!("write `{}`", signature(self.interface, function));
        let Some(item) = self.known.get(name.as_str()).copied() else {
            // A class of another module, or one that inherits, is not seen here.
            let outer = class.as_ref().map_or(name.as_str(), String::as_str);
            if class.is_none() || !self.known.contains_key(outer) {
                let message = format!("the contract's function `{name}` is missing");
                self.finding(None, message, remedy);
            }
            return;
        };
        if !["function", "method"].contains(&item.what.as_str()) || item.free {
            return;
        }
        let receiver =
            matches!(function.role, FunctionRole::Constructor(_) | FunctionRole::Method(_));
        let given = item.args.iter().skip(usize::from(receiver));
        let wanted = function.params.iter().map(|(name, _)| snake(name));
        if !given.cloned().eq(wanted) || !item.required.is_empty() {
            let message = format!("`{name}` has other parameters than in the contract");
            self.finding(Some(item.line), message, remedy);
        }
    }
}
