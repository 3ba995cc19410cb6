//! The packages that a target allows: fetched with npm outside of the sandbox.

use std::collections::BTreeMap;

use serde_json::json;

use super::host_tools::NPM;
use super::tools_layer::npm;
use crate::toolchain::package_option::wrong_versions;
use crate::toolchain::{DependencyLayer, ToolCommand};
use crate::types::HostTools;

/// An example of the key.
pub const EXAMPLE: &str = "{ nanoid = \"5.0.7\" }";
/// The program that fetches, and its file in the project.
const FETCH: (&str, &str) = ("fetch.cjs", include_str!("fetch.txt"));

/// The packages of a target.
pub struct AllowedLayer(String);

impl AllowedLayer {
    /// Packages with their versions.
    pub fn of(allowed: &BTreeMap<String, String>) -> Self {
        Self(json!({ "private": true, "dependencies": allowed }).to_string())
    }
}

impl DependencyLayer for AllowedLayer {
    fn key(&self) -> &str {
        &self.0
    }

    fn project(&self) -> Vec<(String, String)> {
        let files = [FETCH, ("package.json", &self.0)];
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
    }

    fn fetch(&self, tools: &HostTools) -> Option<ToolCommand> {
        let npm_program = tools.path(NPM).display().to_string();
        Some(npm(tools, vec![FETCH.0.to_owned(), npm_program]))
    }

    fn variables(&self) -> &'static [&'static str] {
        &[
            // With npm's configuration.
            "HOME",
            "NPM_CONFIG_USERCONFIG",
            "NPM_CONFIG_REGISTRY",
            "npm_config_userconfig",
            "npm_config_registry",
        ]
    }

    fn lock_name(&self) -> &'static str {
        "package-lock.json"
    }

    fn empty_lock(&self) -> String {
        String::new()
    }
}

/// The package that an import names; `None` for a module of the candidate or of Node.
pub fn package_of(from: &str) -> Option<&str> {
    if from.starts_with(['.', '/']) || from.contains(':') {
        return None;
    }
    let parts = if from.starts_with('@') { 2 } else { 1 };
    let end = from.match_indices('/').nth(parts - 1).map_or(from.len(), |(at, _)| at);
    Some(&from[..end])
}

/// The name of the package with the types of another one.
fn types_of(name: &str) -> String {
    format!("@types/{}", name.trim_start_matches('@').replace('/', "__"))
}

/// The allowed packages that modules import, with those of their types.
pub fn used<'a>(
    texts: impl Iterator<Item = &'a str>,
    allowed: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let quoted = |text: &'a str| {
        let parts = text.split(['"', '\'']).collect::<Vec<_>>();
        let imports = parts.windows(2).filter(|two| {
            let before = two[0].trim_end().trim_end_matches('(').trim_end();
            before.ends_with("from") || before.ends_with("import")
        });
        imports.filter_map(|two| package_of(two[1])).collect::<Vec<_>>()
    };
    let imported: Vec<&str> = texts.flat_map(quoted).collect();
    let is_used = |name: &String| imported.iter().any(|one| name == one || *name == types_of(one));
    allowed.into_iter().filter(|(name, _)| is_used(name)).collect()
}

/// What is wrong with a name and its versions.
pub fn wrong(name: &str, versions: &str) -> Option<String> {
    let is_part = |part: &str| {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.~".contains(c);
        !part.is_empty() && !part.starts_with(['.', '-', '_']) && part.chars().all(known)
    };
    let is_name = match name.strip_prefix('@').map(|rest| rest.split_once('/')) {
        Some(Some((scope, part))) => is_part(scope) && is_part(part),
        Some(None) => false,
        None => is_part(name),
    };
    if !is_name {
        return Some(format!("{} is not the name of a package", name.escape_debug()));
    }
    let is_one = |one: &str| {
        let number = one.trim_start_matches(['^', '~', '<', '>', '=', 'v']);
        let known = |c: char| c.is_ascii_alphanumeric() || ".-+*".contains(c);
        let starts = |c: char| c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*');
        one == "-" || (number.starts_with(starts) && number.chars().all(known))
    };
    let is_range = |range: &str| {
        let mut words = range.split(' ').filter(|word| !word.is_empty()).peekable();
        words.peek().is_some() && words.all(is_one)
    };
    let is_right = versions.split("||").all(is_range);
    (!is_right).then(|| wrong_versions(name, versions, "a range of versions of npm"))
}

#[cfg(test)]
mod tests {
    use super::{used, wrong};

    #[test]
    fn only_names_and_versions_reach_npm() {
        for versions in
            ["5.0.7", "^1.2", "~1", ">=1 <3", "1 || 2", "1.2 - 1.4", "*", "1.x", "1.0.0-a.1"]
        {
            assert_eq!(wrong("@a/b-c", versions), None, "{versions}");
        }
        for versions in
            ["", "latest", "npm:ms@1", "file:x", "https://x", "a/b", "1\n", "1 || ", "git+x"]
        {
            assert!(wrong("ms", versions).is_some(), "{versions}");
        }
        for name in ["", "-g", "A", "@a", "a/b", "../a", "a b", "@a/", "a@1", ".bin"] {
            assert!(wrong(name, "1").is_some(), "{name}");
        }
    }

    #[test]
    fn imported_packages_are_found_with_their_types() {
        let names = ["ms", "@types/ms", "@a/b", "@types/a__b", "no", "fs"];
        let allowed = names.map(|name| (name.to_owned(), "1".to_owned()));
        let of = |text| {
            let all = used([text].into_iter(), allowed.clone().into());
            all.into_keys().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            of("import a from \"ms/deep\";\nimport {\n  b,\n} from '@a/b/c';"),
            "@a/b @types/a__b @types/ms ms"
        );
        assert_eq!(
            of(
                "import \"no\";\nexport * from\"./ms\";\nimport x from \"node:fs\";\nconst y = \"ms\";"
            ),
            "no"
        );
    }
}
