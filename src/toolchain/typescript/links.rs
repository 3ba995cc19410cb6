//! Packages that use promoted packages: workspaces of npm.

use super::commands::LINKS;
use super::contract::types_text;
use super::outline;
use super::package::{Dialect, LINKED, MANIFEST};
use crate::toolchain::{LinkLanguage, Linked, kind_option, package_option};
use crate::types::{Spec, Target, Tree};

/// Packages that use promoted packages.
pub struct ScriptLinks(pub Dialect);

impl LinkLanguage for ScriptLinks {
    fn refusal(&self, target: &Target) -> Option<&'static str> {
        let is_program = kind_option::is_program(target);
        is_program.then_some("a program has no items that another package can use")
    }

    fn lacking(&self, own: &Target, other: &Target) -> Vec<String> {
        package_option::lacking(own, other)
    }

    fn files(&self, linked: Linked<'_>) -> Vec<(String, Vec<u8>)> {
        let files = linked.trees.iter().flat_map(|one| {
            let folder = format!("{LINKED}/{}", one.link.spec.package());
            one.tree.iter().map(move |(path, bytes)| (format!("{folder}/{path}"), bytes.to_vec()))
        });
        let paths = linked.trees.iter().flat_map(|one| {
            let (name, dialect) = (one.link.spec.package(), self.0);
            let at = |path: &str| serde_json::json!([format!("./{LINKED}/{name}/{path}")]);
            let types = (format!("{name}/contract"), at(dialect.types()));
            [(name.clone(), at(dialect.root())), types]
        });
        let paths: serde_json::Map<_, _> = paths.collect();
        let links = serde_json::json!({ "compilerOptions": { "paths": paths } });
        files.chain([(LINKS.to_owned(), links.to_string().into_bytes())]).collect()
    }

    fn workspace(&self, members: &[String], _others: &[String]) -> Option<(&'static str, String)> {
        // The first line tells whose file it is.
        let head = "{ \"description\": \"Written by regen from regen.lock: edits are drift.\",";
        let lines = members.iter().map(|path| format!("    {}", serde_json::json!(path)));
        let lines = lines.collect::<Vec<_>>().join(",\n");
        let text = format!("{head}\n  \"private\": true,\n  \"workspaces\": [\n{lines}\n  ]\n}}\n");
        Some((MANIFEST, text))
    }

    fn lockfile(&self) -> &'static str {
        "package-lock.json"
    }

    fn words(&self, spec: &Spec) -> String {
        let name = spec.id.package();
        let has_types = spec.contract.as_ref().and_then(|one| types_text(one, self.0)).is_some();
        let from = self.0.choose("`from \"", "`@import { … } from \"");
        let types = if has_types {
            format!(", its types with {from}{name}/contract\"`")
        } else {
            String::new()
        };
        format!(
            "The package `{name}` is installed: import its items with `from \"{name}\"`{types}."
        )
    }

    fn surface(&self, tree: &Tree) -> String {
        outline::of(tree, self.0)
    }
}
