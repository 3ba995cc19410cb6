//! Packages that use promoted packages.

use super::contract::types_text;
use super::outline;
use super::package::{LINKED, MANIFEST, package_of};
use crate::toolchain::{LinkLanguage, Linked, kind_option, package_option};
use crate::types::{RelPath, Spec, Target, Tree};

/// Packages that use promoted packages.
pub struct PythonLinks;

impl LinkLanguage for PythonLinks {
    fn refusal(&self, target: &Target) -> Option<&'static str> {
        let is_program = kind_option::is_program(target);
        is_program.then_some("a program has no items that another package can use")
    }

    fn lacking(&self, own: &Target, other: &Target) -> Vec<String> {
        package_option::lacking(own, other)
    }

    fn files(&self, linked: Linked<'_>) -> Vec<(String, Vec<u8>)> {
        let files = linked.trees.iter().flat_map(|one| one.tree.iter());
        let module = |(path, bytes): (&RelPath, &[u8])| {
            let path = path.as_str().strip_prefix("src/")?;
            Some((format!("{LINKED}/{path}"), bytes.to_vec()))
        };
        files.filter_map(module).collect()
    }

    fn workspace(&self, members: &[String], _others: &[String]) -> Option<(&'static str, String)> {
        let lines = members.iter().map(|path| format!("    {},\n", toml::Value::from(&**path)));
        let head = "# Written by regen from regen.lock: edits are drift.\n[tool.uv.workspace]\n";
        Some((MANIFEST, format!("{head}members = [\n{}]\n", lines.collect::<String>())))
    }

    fn lockfile(&self) -> &'static str {
        "uv.lock"
    }

    fn words(&self, spec: &Spec) -> String {
        let name = package_of(&spec.id);
        let types = spec.contract.as_ref().and_then(types_text);
        let types = types.map(|_| format!(", its types with `from {name}.contract import …`"));
        format!(
            "The package `{name}` is installed: import its items with `from {name} import …`{}.",
            types.unwrap_or_default()
        )
    }

    fn surface(&self, tree: &Tree) -> String {
        outline::of(tree)
    }
}
