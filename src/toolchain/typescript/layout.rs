//! The files of a candidate: the harness writes `package.json` and the contract's types.

use super::contract::ScriptContract;
use super::package::{Dialect, MANIFEST, manifest, plain};
use super::packages;
use crate::toolchain::{ContractLanguage, kind_option, package_option};
use crate::types::{Finding, Link, Spec, Target, Tree};

/// The first line of a program, by which a shell finds Node.
const SHEBANG: &str = "#!/usr/bin/env node\n";

/// Replaces the harness's own files, after checking the layout.
pub fn normalise(
    tree: &Tree,
    spec: &Spec,
    target: &Target,
    links: &[Link],
    dialect: Dialect,
) -> Result<Tree, Vec<Finding>> {
    let (is_program, end) = (kind_option::is_program(target), dialect.end());
    let wanted =
        [(dialect.main(), is_program), (dialect.root(), !is_program || spec.contract.is_some())];
    let missing =
        wanted.into_iter().filter(|(path, is_wanted)| *is_wanted && tree.get(path).is_none());
    let finding_of = |(path, _): (&str, bool)| {
        finding("root", path, format!("the package has no `{path}`"), "write this file")
    };
    let mut findings: Vec<Finding> = missing.map(finding_of).collect();
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
    let mut used = packages::used(modules, package_option::packages(target));
    let links = links.iter().filter(|link| link.direct);
    used.extend(links.map(|link| (link.spec.package(), format!("file:{}", link.at))));
    let roots =
        [(dialect.main(), is_program), (dialect.root(), tree.get(dialect.root()).is_some())];
    let roots: Vec<&str> =
        roots.into_iter().filter_map(|(path, has)| has.then_some(path)).collect();
    let types = spec.contract.as_ref().and_then(|one| ScriptContract(dialect).types(spec, one));
    let manifest = manifest(spec, &roots, types.is_some().then(|| dialect.types()), used);
    tree.insert(plain(MANIFEST), manifest.into_bytes());
    if is_program {
        let main = tree.text(dialect.main()).unwrap_or_default();
        if !main.starts_with("#!") {
            let main = format!("{SHEBANG}{main}");
            tree.insert(plain(dialect.main()), main.into_bytes());
        }
    }
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
