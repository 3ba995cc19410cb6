//! The files of a candidate: the harness writes `pyproject.toml` and the contract's types.

use super::contract::PythonContract;
use super::imports;
use super::package::{MANIFEST, is_types, items, package, package_of, root};
use crate::toolchain::{ContractLanguage, kind_option, package_option};
use crate::types::{Finding, Link, RelPath, Spec, Target, Tree};

/// What builds the package: of what is known to uv and pip it alone writes nothing beside the code.
const BUILD: &str = "\n[build-system]\nrequires = [\"uv_build>=0.8,<1\"]\n\
    build-backend = \"uv_build\"\n";

/// Replaces the harness's own files, after checking the layout.
pub fn normalise(
    tree: &Tree,
    spec: &Spec,
    target: &Target,
    links: &[Link],
) -> Result<Tree, Vec<Finding>> {
    let is_program = kind_option::is_program(target);
    let (root, folder) = (root(spec, is_program), format!("src/{}/", package(spec)));
    let mut findings = Vec::new();
    if tree.get(root.as_str()).is_none() {
        let message = format!("the package has no `{root}`");
        findings.push(finding("root", root.as_str(), message, "write this file"));
    }
    for (path, _) in tree.iter().filter(|(path, _)| path.as_str() != MANIFEST) {
        let path = path.as_str();
        if path == typed(spec) {
            continue;
        }
        let inner = path.strip_prefix(&folder).and_then(|rest| rest.strip_suffix(".py"));
        if !inner.is_some_and(|rest| rest.split('/').all(is_module)) {
            let message = format!("`{path}` is not a module of the package");
            let remedy = format!("write modules to `{folder}`");
            findings.push(finding("layout", path, message, &remedy));
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut tree = tree.clone();
    if is_program && spec.contract.is_none() && tree.get(items(spec).as_str()).is_none() {
        tree.insert(items(spec), Vec::new());
    }
    let manifest = manifest(&tree, spec, target, links).into_bytes();
    tree.insert(RelPath::parse(MANIFEST).expect("it is a plain path"), manifest);
    tree.insert(RelPath::parse(&typed(spec)).expect("it is a plain path"), Vec::new());
    let types = spec.contract.as_ref().and_then(|one| PythonContract.types(spec, one));
    if let Some((path, text)) = types {
        tree.insert(path, text.into_bytes());
    }
    Ok(tree)
}

/// The text of the manifest. What a candidate wrote there does not count: its imports do.
fn manifest(tree: &Tree, spec: &Spec, target: &Target, links: &[Link]) -> String {
    let quoted = |text: String| toml::Value::from(text).to_string();
    let mut text = format!(
        "# Written by regen from specs: edits are drift.\n[project]\nname = {}\nversion = \"0.0.0\"\n\
         requires-python = \">=3.10\"\n",
        quoted(spec.id.package())
    );
    let is_own = |path: &str| path.ends_with(".py") && !is_types(path);
    let modules = tree.iter().filter(|(path, _)| is_own(path.as_str()));
    let modules = modules.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
    let links: Vec<&Link> = links.iter().filter(|link| link.direct).collect();
    let own = links.iter().map(|link| package_of(&link.spec)).chain([package(spec)]);
    let used = imports::used(modules, &own.collect::<Vec<_>>(), package_option::packages(target));
    let linked = links.iter().map(|link| quoted(link.spec.package()));
    let used = used.into_iter().map(|(name, of)| quoted(name + &of));
    let used: Vec<String> = linked.chain(used).collect();
    if !used.is_empty() {
        text.push_str(&format!("dependencies = [{}]\n", used.join(", ")));
    }
    if kind_option::is_program(target) {
        let (id, main) = (quoted(spec.id.package()), format!("{}.__main__:main", package(spec)));
        text.push_str(&format!("\n[project.scripts]\n{id} = {}\n", quoted(main)));
    }
    text.push_str(BUILD);
    if !links.is_empty() {
        text.push_str("\n[tool.uv.sources]\n");
    }
    for link in links {
        let (id, from) = (quoted(link.spec.package()), source(link, target));
        text.push_str(&format!("{id} = {{ {from} }}\n"));
    }
    text
}

/// Where uv finds a promoted package: in the workspace of all packages, or by its path.
fn source(link: &Link, target: &Target) -> String {
    let folder = target.output.split_once("{spec}").map_or("", |(folder, _)| folder);
    if !folder.is_empty() && link.path.as_str().starts_with(folder) {
        return "workspace = true".to_owned();
    }
    format!("path = {}", toml::Value::from(link.at.as_str()))
}

/// The file that says that the package has types.
fn typed(spec: &Spec) -> String {
    format!("src/{}/py.typed", package(spec))
}

/// Whether a file or folder of this name can be imported.
fn is_module(name: &str) -> bool {
    super::package::is_name(name)
}

fn finding(rule: &str, file: &str, message: String, remedy: &str) -> Finding {
    Finding {
        gate: "layout".into(),
        rule: rule.to_owned(),
        file: Some(file.to_owned()),
        message,
        remedy: Some(remedy.to_owned()),
        ..Finding::default()
    }
}
