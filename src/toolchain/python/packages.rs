//! The packages that a target allows: wheels, fetched with pip outside of the sandbox; their
//! bytecode is made inside.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::commands::{SITE, run};
use super::host_tools::PREFIX;
use crate::toolchain::package_option::wrong_versions;
use crate::toolchain::{DependencyLayer, Places, ToolCommand};
use crate::types::HostTools;

/// An example of the key.
pub const EXAMPLE: &str = "{ attrs = \"==23.2.0\" }";
/// The program that fetches, and its file in the project.
const FETCH: (&str, &str) = ("fetch.py", include_str!("fetch.txt"));
/// Copies the packages into the build folder and compiles them there. What is not for this version
/// of Python stays as it is.
const COMPILE: &str = "import compileall, shutil, sys, py_compile\n\
    shutil.copytree(sys.argv[1], sys.argv[2])\n\
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH\n\
    compileall.compile_dir(sys.argv[2], quiet=2, invalidation_mode=mode)\n";

/// The packages of a target.
pub struct PackageLayer(String);

impl PackageLayer {
    /// Packages with their versions.
    pub fn of(allowed: &BTreeMap<String, String>) -> Self {
        Self(allowed.iter().map(|(name, versions)| format!("{name}{versions}\n")).collect())
    }
}

impl DependencyLayer for PackageLayer {
    fn key(&self) -> &str {
        &self.0
    }

    fn project(&self) -> Vec<(String, String)> {
        let files = [FETCH, ("requirements.txt", &self.0)];
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
    }

    fn fetch(&self, tools: &HostTools) -> Option<ToolCommand> {
        Some(ToolCommand {
            program: tools.path(PREFIX).join("bin/python3"),
            args: ["-I", FETCH.0].map(str::to_owned).into(),
            ..ToolCommand::default()
        })
    }

    fn variables(&self) -> &'static [&'static str] {
        &[
            // With pip's configuration and a file of passwords.
            "HOME",
            "XDG_CONFIG_HOME",
            "PIP_CONFIG_FILE",
            "PIP_INDEX_URL",
            "PIP_EXTRA_INDEX_URL",
            "PIP_NO_INDEX",
            "PIP_FIND_LINKS",
            "PIP_TRUSTED_HOST",
            "PIP_CERT",
            "PIP_CLIENT_CERT",
            "PIP_PROXY",
        ]
    }

    fn lock_name(&self) -> &'static str {
        "requirements.lock"
    }

    fn empty_lock(&self) -> String {
        String::new()
    }

    fn build(&self, places: &Places) -> Vec<ToolCommand> {
        let text = |path: PathBuf| path.display().to_string();
        let from = text(places.dependencies.clone());
        vec![run(&["-c", COMPILE, &from, &text(places.build.join(SITE))], places)]
    }
}

/// What is wrong with a name and its versions.
pub fn wrong(name: &str, versions: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = |c: char| c.is_ascii_alphanumeric();
    if !name.starts_with(ends) || !name.ends_with(ends) || !name.chars().all(plain) {
        return Some(format!("{} is not the name of a package", name.escape_debug()));
    }
    let is_one = |one: &str| {
        let one = one.trim_matches(' ');
        let operators = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"];
        let version = operators.iter().find_map(|operator| one.strip_prefix(operator));
        let version = version.map(|version| version.trim_start_matches(' '));
        let known = |c: char| c.is_ascii_alphanumeric() || ".-+!*_".contains(c);
        version.is_some_and(|v| v.starts_with(ends) && v.chars().all(known))
    };
    let is_right = versions.split(',').all(is_one);
    (!is_right).then(|| wrong_versions(name, versions, "a version specifier of Python (PEP 440)"))
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn only_names_and_versions_reach_pip() {
        for versions in ["==23.2.0", ">=1, <2", "~=1.4", "==1.*", "===1.0-x", "!=1!2+local"] {
            assert_eq!(wrong("a.b_c-d", versions), None, "{versions}");
        }
        for versions in ["", "23.2.0", "*", "==", "== 1 --index-url=x", "@ https://x", "==1\n-e ."]
        {
            assert!(wrong("attrs", versions).is_some(), "{versions}");
        }
        for name in ["", "-e", "a b", "attrs[x]", "./a", "a\n", "a;b", "a=", "-r", "a-"] {
            assert!(wrong(name, "==1").is_some(), "{name}");
        }
    }
}
