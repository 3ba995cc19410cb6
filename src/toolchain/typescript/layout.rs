//! The files of a candidate: the harness writes `package.json` and the contract's types.

use super::contract::ScriptContract;
use super::package::{Dialect, MANIFEST, manifest, plain};
use super::packages;
use crate::toolchain::{ContractLanguage, package_option};
use crate::types::{Finding, Spec, Target, Tree};

/// Replaces the harness's own files, after checking the layout.
pub fn normalise(
    tree: &Tree,
    spec: &Spec,
    target: &Target,
    dialect: Dialect,
) -> Result<Tree, Vec<Finding>> {
    let (root, end) = (dialect.root(), dialect.end());
    let mut findings = Vec::new();
    if tree.get(root).is_none() {
        let message = format!("the package has no `{root}`");
        findings.push(finding("root", root, message, "write this file"));
    }
    for (path, _) in tree.iter().filter(|(path, _)| path.as_str() != MANIFEST) {
        let path = path.as_str();
        let inner = path.strip_prefix("src/").and_then(|rest| rest.strip_suffix(end));
        if !inner.is_some_and(|rest| rest.split('/').all(is_module)) {
            let message = format!("`{path}` is not a module of the package");
            let remedy = format!("write modules to `src/`, as `NAME{end}`");
            findings.push(finding("layout", path, message, &remedy));
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut tree = tree.clone();
    let modules = tree.iter().filter(|(path, _)| path.as_str().ends_with(end));
    let modules = modules.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
    let used = packages::used(modules, package_option::packages(target));
    let manifest = manifest(spec, dialect, used);
    tree.insert(plain(MANIFEST), manifest.into_bytes());
    let types = spec.contract.as_ref().and_then(|one| ScriptContract(dialect).types(spec, one));
    if let Some((path, text)) = types {
        tree.insert(path, text.into_bytes());
    }
    Ok(tree)
}

/// Whether a file or folder of this name is plain. A `.` is in those of declarations without code
/// (`.d.ts`) and of tests (`.test.ts`).
fn is_module(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !name.is_empty() && name.chars().all(is_plain)
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
