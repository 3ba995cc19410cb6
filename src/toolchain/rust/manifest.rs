//! The harness writes Cargo.toml; a candidate's own is only parsed into a typed form.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::contract::RustContract;
use super::links;
use super::options::{CrateType, RustOptions};
use super::package::{EDITION, crate_name, root};
use super::used_crates;
use crate::toolchain::ContractLanguage;
use crate::types::{Finding, Link, RelPath, Spec, Target, Tree, read_toml};

/// The allowed content of a candidate's manifest.
#[derive(Debug, Default)]
struct CargoManifest {
    description: Option<String>,
    features: BTreeMap<String, Vec<String>>,
    dependencies: BTreeMap<String, Dependency>,
}

/// A dependency. Its version comes from the target.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Dependency {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    optional: bool,
    #[serde(default = "yes")]
    default_features: bool,
}

impl Dependency {
    /// With its default features.
    fn plain() -> Self {
        Self { default_features: true, ..Self::default() }
    }
}

fn yes() -> bool {
    true
}

/// Replaces the candidate's manifest by the harness's, after checking the layout.
pub fn normalise(
    tree: &Tree,
    spec: &Spec,
    target: &Target,
    links: &[Link],
) -> Result<Tree, Vec<Finding>> {
    let options = RustOptions::of(target);
    let mut reader = ManifestReader { spec, options: &options, links, findings: Vec::new() };
    reader.layout(tree);
    let mut manifest = match tree.get("Cargo.toml") {
        None => CargoManifest::default(),
        Some(_) => reader.manifest(tree.text("Cargo.toml").unwrap_or_default()),
    };
    if !reader.findings.is_empty() {
        return Err(reader.findings);
    }
    let is_linked =
        |name: &&str| links.iter().any(|link| link.direct && link.spec.package() == **name);
    let allowed = options.allowed_dependencies.keys().map(String::as_str);
    let allowed = allowed.filter(|name| !is_linked(name));
    for name in used_crates::find(tree, allowed) {
        manifest.dependencies.entry(name).or_insert_with(Dependency::plain);
    }
    let mut tree = tree.clone();
    let path = RelPath::parse("Cargo.toml").expect("it is a plain path");
    tree.insert(path, render(&manifest, spec, &options, links).into_bytes());
    let types = spec.contract.as_ref().and_then(|interface| RustContract.types(spec, interface));
    if let Some((path, text)) = types {
        tree.insert(path, text.into_bytes());
    }
    Ok(tree)
}

/// The harness's manifest.
fn render(manifest: &CargoManifest, spec: &Spec, options: &RustOptions, links: &[Link]) -> String {
    let quote = |text: &str| Value::from(text).to_string();
    let mut out = format!(
        "# Written by regen from specs: edits are drift.\n[package]\nname = {}\nversion = \"0.0.0\"\n\
         edition = \"{EDITION}\"\npublish = false\n",
        quote(&spec.id.package())
    );
    if let Some(description) = &manifest.description {
        out.push_str(&format!("description = {}\n", quote(description)));
    }
    if !manifest.features.is_empty() {
        out.push_str("\n[features]\n");
        for (name, list) in &manifest.features {
            let list = list.iter().map(|f| quote(f)).collect::<Vec<_>>().join(", ");
            out.push_str(&format!("{} = [{list}]\n", quote(name)));
        }
    }
    let mut links = links.iter().filter(|link| link.direct).peekable();
    if !manifest.dependencies.is_empty() || links.peek().is_some() {
        out.push_str("\n[dependencies]\n");
        for (name, dependency) in &manifest.dependencies {
            let mut keys = format!("version = {}", quote(&options.allowed_dependencies[name]));
            if !dependency.default_features {
                keys.push_str(", default-features = false");
            }
            if dependency.optional {
                keys.push_str(", optional = true");
            }
            if !dependency.features.is_empty() {
                let list = dependency.features.iter().map(|f| quote(f)).collect::<Vec<_>>();
                keys.push_str(&format!(", features = [{}]", list.join(", ")));
            }
            out.push_str(&format!("{name} = {{ {keys} }}\n"));
        }
    }
    out.extend(links.map(|link| links::line(&link.spec.package(), &link.at)));
    out
}

struct ManifestReader<'a> {
    spec: &'a Spec,
    options: &'a RustOptions,
    links: &'a [Link],
    findings: Vec<Finding>,
}

impl ManifestReader<'_> {
    fn finding(&mut self, file: &str, rule: &str, message: String, remedy: &str) {
        self.findings.push(Finding {
            gate: "layout".into(),
            rule: rule.to_owned(),
            file: Some(file.to_owned()),
            message,
            remedy: Some(remedy.to_owned()),
            ..Finding::default()
        });
    }

    fn layout(&mut self, tree: &Tree) {
        let root = root(self.options.crate_type);
        if tree.get(root.as_str()).is_none() {
            let message = format!("the crate has no `{root}`");
            self.finding(root.as_str(), "root", message, "write this file");
        }
        if self.options.crate_type == CrateType::Lib && tree.get("src/main.rs").is_some() {
            let message = "a library crate has no `src/main.rs`".to_owned();
            self.finding("src/main.rs", "root", message, "remove this file");
        }
        let other = tree
            .iter()
            .map(|(path, _)| path.as_str())
            .find(|path| *path == "build.rs" || path.starts_with("src/bin/") || !tree_file(path));
        if let Some(path) = other {
            let message = format!("cargo would build `{path}` as a separate target");
            self.finding(path, "extra_target", message, "remove this file");
        }
    }

    /// Parses the candidate's manifest; every unknown key is a finding.
    fn manifest(&mut self, text: &str) -> CargoManifest {
        let mut manifest = CargoManifest::default();
        let table: Table = match read_toml(text) {
            Ok(table) => table,
            Err(error) => {
                let message = format!("invalid TOML: {}", error.message());
                self.finding("Cargo.toml", "manifest", message, "remove `Cargo.toml`");
                return manifest;
            }
        };
        for (key, value) in &table {
            match key.as_str() {
                "package" => self.package(value, &mut manifest),
                "lib" => self.root(key, value, "src/lib.rs"),
                "bin" => {
                    for bin in value.as_array().into_iter().flatten() {
                        self.root("bin", bin, "src/main.rs");
                    }
                }
                "features" => match value.clone().try_into() {
                    Ok(features) => manifest.features = features,
                    Err(_) => self.unknown("features", "not a table of lists"),
                },
                "dependencies" => self.dependencies(value, &mut manifest),
                other => self.unknown(other, "the harness does not allow this key"),
            }
        }
        self.features(&manifest);
        manifest
    }

    /// Cargo rejects a feature that enables a missing one, without a diagnostic.
    fn features(&mut self, manifest: &CargoManifest) {
        for (name, list) in &manifest.features {
            if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                || !name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'))
            {
                self.unknown(&format!("features.{name}"), "invalid feature name");
            }
            for enabled in list {
                let dependency =
                    enabled.strip_prefix("dep:").or(enabled.split_once('/').map(|f| f.0));
                let optional = |name: &str| {
                    manifest.dependencies.get(name).is_some_and(|dependency| dependency.optional)
                };
                let known = match dependency {
                    Some(name) if enabled.starts_with("dep:") => optional(name),
                    Some(name) => manifest.dependencies.contains_key(name.trim_end_matches('?')),
                    None => manifest.features.contains_key(enabled) || optional(enabled),
                };
                if !known || enabled == name {
                    let why = format!("it enables `{enabled}`, which does not exist");
                    self.unknown(&format!("features.{name}"), &why);
                }
            }
        }
    }

    fn unknown(&mut self, key: &str, why: &str) {
        let message = format!("`{key}` in Cargo.toml: {why}");
        self.finding(
            "Cargo.toml",
            "manifest",
            message,
            "remove it; the harness writes the manifest",
        );
    }

    fn package(&mut self, value: &Value, manifest: &mut CargoManifest) {
        for (key, value) in value.as_table().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            match key.as_str() {
                "name" if text == self.spec.id.package() || text == crate_name(self.spec) => {}
                "name" => {
                    let message =
                        format!("the package is named `{text}`, not `{}`", self.spec.id.package());
                    self.finding("Cargo.toml", "manifest", message, "use the spec's name");
                }
                "edition" | "version" | "license" | "authors" | "rust-version" | "publish" => {}
                // In one line: other programs read the manifest line by line.
                "description" => {
                    let words: String =
                        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                    manifest.description =
                        Some(words.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                other => {
                    self.unknown(&format!("package.{other}"), "the harness does not allow this key")
                }
            }
        }
    }

    /// `[lib]` and `[[bin]]` may contain only default values.
    fn root(&mut self, table: &str, value: &Value, path: &str) {
        for (key, value) in value.as_table().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            let names = [self.spec.id.package(), crate_name(self.spec)];
            let default = match key.as_str() {
                "path" => text == path,
                "name" => names.contains(&text.to_owned()),
                _ => false,
            };
            if !default {
                self.unknown(&format!("{table}.{key}"), "only the default is allowed");
            }
        }
    }

    fn dependencies(&mut self, value: &Value, manifest: &mut CargoManifest) {
        // The harness writes the lines of promoted crates.
        let is_linked =
            |name: &str| self.links.iter().any(|l| l.direct && l.spec.package() == *name);
        let table = value.as_table().into_iter().flatten();
        for (name, value) in table.filter(|(name, _)| !is_linked(name)) {
            if !self.options.allowed_dependencies.contains_key(name) {
                let known: Vec<_> = self.options.allowed_dependencies.keys().cloned().collect();
                let remedy = if known.is_empty() {
                    "use the standard library only".to_owned()
                } else {
                    format!("use only: {}", known.join(", "))
                };
                let message = format!("the dependency `{name}` is not allowed");
                self.finding("Cargo.toml", "dependency", message, &remedy);
                continue;
            }
            let read = match value {
                Value::String(version) => {
                    Ok(Dependency { version: Some(version.clone()), ..Dependency::plain() })
                }
                other => other.clone().try_into::<Dependency>(),
            };
            match read {
                Ok(dependency) => {
                    tracing::debug!(
                        name,
                        asked = dependency.version,
                        "the target's version is used"
                    );
                    manifest.dependencies.insert(name.clone(), dependency);
                }
                Err(error) => {
                    let why = error.message().to_owned();
                    self.unknown(&format!("dependencies.{name}"), &why);
                }
            }
        }
    }
}

/// Whether cargo treats a file as part of the crate, not as a separate target.
fn tree_file(path: &str) -> bool {
    !["tests/", "benches/", "examples/"].iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use crate::spec_for_tests::spec;
    use crate::types::{RelPath, Tree};

    fn run(manifest: &str) -> Result<String, String> {
        let (spec, mut target) = spec("");
        let dependencies = toml::Table::from_iter([("itoa".to_owned(), "1.0.18".into())]);
        target.options.insert("allowed_dependencies".to_owned(), dependencies.into());
        let file =
            |path: &str, text: &str| (RelPath::parse(path).unwrap(), text.as_bytes().to_vec());
        let tree = Tree::from_iter([file("Cargo.toml", manifest), file("src/lib.rs", "")]);
        let joined = |f: Vec<crate::types::Finding>| {
            f.into_iter().map(|f| f.message).collect::<Vec<_>>().join("; ")
        };
        normalise(&tree, &spec, &target, &[])
            .map(|tree| tree.text("Cargo.toml").unwrap().to_owned())
            .map_err(joined)
    }

    #[test]
    fn an_ordinary_manifest_is_rewritten() {
        let text = run("[package]\nname=\"s\"\nversion=\"3.0.0\"\nedition=\"2018\"\ndescription=\"a \\\"b\\\"\"\n\
            [lib]\npath=\"src/lib.rs\"\n[features]\nx=[\"itoa\", \"y\"]\ny=[\"dep:itoa\", \"itoa?/no-panic\"]\n[dependencies]\nitoa={version=\"0.1\",optional=true}\n")
        .expect("is allowed");
        assert!(
            text.contains("edition = \"2024\"") && text.contains("version = \"1.0.18\""),
            "{text}"
        );
        assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{text}");
    }

    #[test]
    fn a_description_cannot_write_other_lines() {
        let text = "[package]\ndescription=\"x\\n[dependencies]\\nevil = { git = 'u' }\\n#\"\n";
        let text = run(text).expect("is allowed");
        assert!(!text.contains("\n[dependencies]"), "{text}");
    }

    #[test]
    fn every_unknown_key_is_a_finding() {
        for (text, says) in [
            ("[package]\nname=\"other\"", "named `other`"),
            ("[package]\nname=\"s\"\nbuild=\"b.rs\"", "package.build"),
            ("[[test]]\nname=\"t\"\nharness=false", "`test`"),
            ("[lib]\nproc-macro=true", "lib.proc-macro"),
            ("[lib]\ntest=false", "lib.test"),
            ("[lib]\npath=\"src/other.rs\"", "lib.path"),
            ("[patch.crates-io]\nserde={path=\"x\"}", "`patch`"),
            ("[workspace]", "`workspace`"),
            ("[profile.dev]\npanic=\"abort\"", "`profile`"),
            ("[build-dependencies]\ncc=\"1\"", "build-dependencies"),
            ("[dev-dependencies]\nx=\"1\"", "dev-dependencies"),
            ("[dependencies]\nserde=\"1\"", "`serde` is not allowed"),
            ("[dependencies]\nitoa={path=\"../x\"}", "path"),
            ("[dependencies]\nitoa={git=\"https://x\"}", "git"),
            ("[lints.rust]\nunsafe_code=\"allow\"", "`lints`"),
            ("[features]\n\"-x\"=[]", "invalid feature name"),
            ("[features]\nx=[\"x\"]", "`x`, which does not exist"),
            ("[features]\nx=[\"y\"]", "`y`, which does not exist"),
            ("[features]\nx=[\"dep:y\"]", "`dep:y`, which does not exist"),
            ("not toml", "invalid TOML"),
        ] {
            let message = run(text).expect_err(text);
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
