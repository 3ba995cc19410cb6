//! Crates that candidates depend on: vendored outside of the sandbox, built inside.

use super::commands::bare;
use super::host_tools::{CARGO_HOME, SYSROOT};
use super::links;
use super::lock::{LOCK, STUB};
use super::package::EDITION;
use crate::toolchain::{DependencyLayer, LinkedTree, Places, ToolCommand};
use crate::types::HostTools;

/// The dependencies of a normalised manifest.
pub struct CargoLayer {
    /// The manifest from `[features]` on, or nothing.
    dependencies: String,
    /// Manifests of promoted crates, which have dependencies, too: path and text.
    linked: Vec<(String, String)>,
    /// All of them.
    key: String,
}

impl CargoLayer {
    /// The dependencies in a generated manifest, and in those of the promoted crates that it uses.
    pub fn of(manifest: &str, linked: &[LinkedTree]) -> Self {
        let own = manifest.find("\n[features]\n").or_else(|| manifest.find("\n[dependencies]\n"));
        let part = own.map_or("", |at| &manifest[at + 1..]);
        let manifests = linked.iter().filter_map(|one| one.tree.text("Cargo.toml"));
        let fetches = |text: &str| {
            let lines = text.split_once("[dependencies]\n").map_or("", |(_, rest)| rest).lines();
            lines.into_iter().any(|line| links::spec_of(line).is_none())
        };
        // Features alone require no build, nor do promoted crates: each gate builds them.
        if !manifests.chain([part]).any(fetches) {
            return Self { dependencies: String::new(), linked: Vec::new(), key: String::new() };
        }
        let (linked, dependencies) = (links::stubs(linked), links::moved(part, links::FOLDER));
        let others = linked.iter().map(|(path, text)| format!("\n# {path}\n{text}"));
        let key = others.fold(dependencies.clone(), |key, other| key + &other);
        Self { dependencies, linked, key }
    }

    fn manifest(&self) -> String {
        format!(
            "[package]\nname = \"{STUB}\"\nversion = \"0.0.0\"\nedition = \"{EDITION}\"\npublish = false\n\n{}",
            self.dependencies
        )
    }
}

impl DependencyLayer for CargoLayer {
    fn key(&self) -> &str {
        &self.key
    }

    fn is_chosen(&self) -> bool {
        self.dependencies.contains("features")
    }

    fn project(&self) -> Vec<(String, String)> {
        let own = [("Cargo.toml", self.manifest()), ("src/lib.rs", String::new())];
        let own = own.map(|(path, text)| (path.to_owned(), text));
        own.into_iter().chain(self.linked.iter().cloned()).collect()
    }

    fn fetch(&self, tools: &HostTools) -> Option<ToolCommand> {
        let places = Places { tools: tools.path(SYSROOT), ..Places::default() };
        let args =
            ["vendor", "--quiet", "--respect-source-config", "--versioned-dirs", "../vendor"];
        let bin = tools.path(SYSROOT).join("bin");
        let env = [
            ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display())),
            ("CARGO_HOME", tools.path(CARGO_HOME).display().to_string()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        let command = ToolCommand { env, builds: false, ..bare(&args, &places) };
        (!self.key.is_empty()).then_some(command)
    }

    fn lock_name(&self) -> &'static str {
        "Cargo.lock"
    }

    fn empty_lock(&self) -> String {
        format!("{LOCK}\n[[package]]\nname = \"{STUB}\"\nversion = \"0.0.0\"\n")
    }

    fn is_refusal(&self, errors: &str) -> bool {
        // Versions come from the target, so an unresolvable choice is the candidate's.
        errors.contains("feature") && self.is_chosen()
    }

    fn build_files(&self) -> Vec<(String, String)> {
        vec![("tests/stub.rs".to_owned(), "#[test]\nfn stub() {}\n".to_owned())]
    }

    fn build(&self, places: &Places) -> Vec<ToolCommand> {
        let commands = [
            &["check", "--all-targets", "--offline", "--quiet"][..],
            &["clippy", "--all-targets", "--offline", "--quiet"],
            &["test", "--no-run", "--offline", "--quiet"],
            &["test", "--no-run", "--release", "--offline", "--quiet"],
        ];
        commands.map(|args| bare(args, places)).into()
    }

    fn build_folders(&self) -> &'static [&'static str] {
        &[
            "debug/.fingerprint",
            "debug/deps",
            "debug/build",
            "debug/incremental",
            "debug",
            "release/.fingerprint",
            "release/deps",
            "release/build",
            "release/incremental",
            "release",
            "clippy/debug/.fingerprint",
            "clippy/debug/deps",
            "clippy/debug/build",
            "clippy/debug/incremental",
            "clippy/debug",
        ]
    }

    fn is_of_project(&self, name: &str) -> bool {
        // Most names end in a digest: `libserde_json-0123456789abcdef.rlib`.
        let whole = name.split('.').next().unwrap_or_default();
        let stem = whole.rsplit_once('-').map_or(whole, |(stem, _)| stem);
        let names = [whole, stem].map(|name| name.replace('-', "_"));
        let is_named = |own: &str| {
            names.iter().any(|name| name == own || name.strip_prefix("lib") == Some(own))
        };
        let linked = self.linked.iter().filter_map(|(path, _)| path.split('/').nth(1));
        let mut own = linked.chain([STUB, "stub"]).map(|one| one.replace('-', "_"));
        own.any(|own| is_named(&own))
    }
}

#[cfg(test)]
mod tests {
    use super::{CargoLayer, DependencyLayer};

    #[test]
    fn features_count_only_with_dependencies() {
        let none = "[package]\nname = \"a\"\n\n[features]\nx = []\n";
        assert_eq!(CargoLayer::of(none, &[]).key(), "");
        let some = "[package]\nname = \"a\"\n\n[features]\nx = []\n\n[dependencies]\nitoa = { version = \"1\" }\n";
        let some = CargoLayer::of(some, &[]);
        assert!(some.key().starts_with("[features]\n") && some.is_chosen());
        for name in ["libregen_layer.rlib", "regen-layer-0f", "stub-0f.d", "libregen_layer-0f.rlib"]
        {
            assert!(some.is_of_project(name), "{name}");
        }
        assert!(!some.is_of_project("libstubs-0f.rlib") && !some.is_of_project("itoa-0f"));
        let plain = "[package]\nname = \"a\"\n\n[dependencies]\nitoa = { version = \"1\" }\n";
        let plain = CargoLayer::of(plain, &[]);
        assert!(!plain.is_chosen() && plain.manifest().ends_with("\"1\" }\n"));
    }
}
