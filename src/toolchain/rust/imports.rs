//! Crates that examples and suites import: what the target does not allow, no candidate can have.

use std::collections::BTreeSet;

use syn::visit::Visit;

use super::options::RustOptions;
use super::package::crate_name;
use super::recursion_limit;
use crate::types::{Spec, Target};

/// Roots of paths that every crate has.
const ALWAYS: [&str; 7] = ["std", "core", "alloc", "crate", "self", "super", "proc_macro"];

/// Crates that a text imports and that a target does not allow, each with its line from 1.
pub fn not_allowed(text: &str, spec: &Spec, target: &Target) -> Vec<(String, usize)> {
    let imports = recursion_limit::parse(text, |text| {
        let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        let mut imports = Imports::default();
        imports.visit_file(&file);
        Ok(imports)
    });
    let Ok(imports) = imports else { return Vec::new() };
    let mut allowed = RustOptions::of(target).allowed_dependencies;
    // Without code, nothing else is in the manifest than `depends`.
    allowed.retain(|_, _| !spec.integration);
    let is_known = |name: &str| {
        ALWAYS.contains(&name)
            || name == crate_name(spec)
            || allowed.keys().any(|one| one.replace('-', "_") == name)
            || spec.libraries().any(|one| one.word() == name)
    };
    // What all of a module's names bring in is not known.
    if imports.globs.iter().any(|root| !["std", "core", "alloc"].contains(&root.as_str())) {
        return Vec::new();
    }
    let roots = imports.roots.into_iter();
    roots.filter(|(name, _)| !is_known(name) && !imports.local.contains(name)).collect()
}

#[derive(Default)]
struct Imports {
    /// Roots of imported paths, with their lines.
    roots: Vec<(String, usize)>,
    /// Roots of imports of all names.
    globs: Vec<String>,
    /// Names that the text itself brings in.
    local: BTreeSet<String>,
}

impl Imports {
    fn tree(&mut self, tree: &syn::UseTree, root: Option<&str>) {
        let mut first = |ident: &syn::Ident| {
            if root.is_none() {
                self.roots.push((ident.to_string(), ident.span().start().line));
            }
            root.map_or_else(|| ident.to_string(), str::to_owned)
        };
        match tree {
            syn::UseTree::Path(path) => {
                let root = first(&path.ident);
                self.tree(&path.tree, Some(&root));
            }
            syn::UseTree::Name(name) => {
                first(&name.ident);
                // `use name;` alone brings nothing in that is not the crate itself.
                if root.is_some() {
                    self.local.insert(name.ident.to_string());
                }
            }
            syn::UseTree::Rename(name) => {
                first(&name.ident);
                self.local.insert(name.rename.to_string());
            }
            syn::UseTree::Glob(_) => self.globs.push(root.unwrap_or_default().to_owned()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, root)),
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        self.tree(&import.tree, None);
    }

    fn visit_item_extern_crate(&mut self, import: &'ast syn::ItemExternCrate) {
        self.roots.push((import.ident.to_string(), import.ident.span().start().line));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.local.insert(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.local.insert(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.local.insert(item.ident.to_string());
        syn::visit::visit_item_trait(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::not_allowed;
    use crate::spec_for_tests::spec;

    #[test]
    fn crates_that_no_candidate_can_have_are_found_where_they_stand() {
        let (spec, mut target) = spec("");
        target
            .options
            .insert("allowed_dependencies".into(), toml::toml! { rand-core = "1" }.into());
        let found = |text: &str| not_allowed(text, &spec, &target);
        assert_eq!(
            found("use std::fmt;\nuse serde_json::{json, Value};"),
            [("serde_json".into(), 2)]
        );
        assert_eq!(found("#[test]\nfn a() {\n    use libc::c_int;\n}"), [("libc".into(), 3)]);
        assert_eq!(found("extern crate libc;"), [("libc".into(), 1)]);
        for fine in [
            "use rand_core::RngCore;\nuse s::deep;\nuse deep::Kind;",
            "mod kept;\nuse kept::wanted;\nenum Kind { A }\nuse Kind::A;",
            "use s::*;\nuse shapes::Circle;",
            "use crate::a;\nuse self::b;\nfn a() { use super::c; }",
        ] {
            assert_eq!(found(fine), [], "{fine}");
        }
    }
}
