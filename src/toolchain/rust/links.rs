//! Crates that use promoted crates: path dependencies.

use std::collections::BTreeMap;

use toml::Table;

use super::lock::{LOCK, lock_of};
use super::options::{CrateType, RustOptions};
use super::outline;
use crate::toolchain::{LinkLanguage, Linked, LinkedTree};
use crate::types::{Spec, Target, Tree, read_toml};

/// Where promoted crates are in a gate's workspace.
pub const FOLDER: &str = "linked";

/// Crates that use promoted crates.
pub struct RustLinks;

impl LinkLanguage for RustLinks {
    fn refusal(&self, target: &Target) -> Option<&'static str> {
        let is_program = RustOptions::of(target).crate_type == CrateType::Bin;
        is_program.then_some("a program has no items that another crate can use")
    }

    fn files(&self, linked: Linked<'_>) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![
            ("Cargo.toml".to_owned(), moved(manifest(linked.tree), FOLDER).into_bytes()),
            ("Cargo.lock".to_owned(), lock(linked).into_bytes()),
        ];
        for one in linked.trees {
            let folder = format!("{FOLDER}/{}", one.link.spec.package());
            for (path, bytes) in one.tree.iter().filter(|(path, _)| *path != "Cargo.toml") {
                files.push((format!("{folder}/{path}"), bytes.to_vec()));
            }
            let manifest = moved(manifest(&one.tree), "..");
            files.push((format!("{folder}/Cargo.toml"), manifest.into_bytes()));
        }
        files
    }

    fn workspace(&self, members: &[String], others: &[String]) -> Option<(&'static str, String)> {
        let list = |key: &str, paths: &[String]| {
            let lines = paths.iter().map(|path| format!("    {},\n", toml::Value::from(&**path)));
            format!("{key} = [\n{}]\n", lines.collect::<String>())
        };
        let others = if others.is_empty() { String::new() } else { list("exclude", others) };
        let members = list("members", members);
        let head = "# Written by regen from regen.lock: edits are drift.\n[workspace]\n";
        Some(("Cargo.toml", format!("{head}resolver = \"3\"\n{members}{others}")))
    }

    fn lockfile(&self) -> &'static str {
        "Cargo.lock"
    }

    fn words(&self, spec: &Spec) -> String {
        let name = spec.id.word();
        format!("`{name}` is a dependency of the crate already: use its items as `{name}::…`.")
    }

    fn surface(&self, tree: &Tree) -> String {
        outline::of(tree)
    }
}

fn manifest(tree: &Tree) -> &str {
    tree.text("Cargo.toml").unwrap_or_default()
}

/// The line of a manifest for a promoted crate.
pub fn line(spec: &str, at: &str) -> String {
    format!("{spec} = {{ path = {} }}\n", toml::Value::from(at))
}

/// The spec of such a line.
pub fn spec_of(line: &str) -> Option<&str> {
    line.split_once(" = { path = ").map(|(spec, _)| spec)
}

/// A manifest whose promoted crates are in another folder.
pub fn moved(manifest: &str, folder: &str) -> String {
    let moved = manifest.lines().map(|text| match spec_of(text) {
        Some(spec) => line(spec, &format!("{folder}/{spec}")),
        None => format!("{text}\n"),
    });
    moved.collect()
}

/// The manifests of the promoted crates in a project without their code.
pub fn stubs(trees: &[LinkedTree]) -> Vec<(String, String)> {
    let stub = |one: &LinkedTree| {
        let folder = format!("{FOLDER}/{}", one.link.spec.package());
        let manifest = moved(manifest(&one.tree), "..");
        [
            (format!("{folder}/Cargo.toml"), manifest),
            (format!("{folder}/src/lib.rs"), String::new()),
        ]
    };
    trees.iter().flat_map(stub).collect()
}

/// The Cargo.lock of a candidate with its promoted crates.
fn lock(linked: Linked<'_>) -> String {
    let known = format!(
        "\nname = \"{}\"\n",
        linked.trees.first().map_or(String::new(), |one| one.link.spec.package())
    );
    if linked.lock.contains(&known) {
        return lock_of(linked.lock, linked.package);
    }
    // Cargo was not asked: no crate of a registry is among them.
    let own = linked.trees.iter().map(|one| (one.link.spec.package(), &one.tree));
    let crates: BTreeMap<String, &Tree> =
        own.chain([(linked.package.to_owned(), linked.tree)]).collect();
    let block = |(name, tree): (&String, &&Tree)| {
        let table: Table = read_toml(manifest(tree)).unwrap_or_default();
        let depends = table.get("dependencies").and_then(toml::Value::as_table);
        let mut depends: Vec<&str> =
            depends.into_iter().flat_map(Table::keys).map(|n| &**n).collect();
        depends.sort_unstable();
        let list: String = depends.iter().map(|name| format!(" \"{name}\",\n")).collect();
        let list = if list.is_empty() { list } else { format!("dependencies = [\n{list}]\n") };
        format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.0.0\"\n{list}")
    };
    crates.iter().map(block).fold(LOCK.to_owned(), |text, block| text + &block)
}
