//! Files and names of a candidate's package.

use std::collections::BTreeMap;

use crate::types::{RelPath, Spec, SpecId};

/// The harness's manifest.
pub const MANIFEST: &str = "package.json";

/// Where promoted packages that a candidate uses are in a gate's workspace.
pub const LINKED: &str = "linked";

/// The language of the modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// TypeScript.
    TypeScript,
    /// JavaScript, with types in its documentation.
    JavaScript,
}

impl Dialect {
    /// The end of modules' names.
    pub fn end(self) -> &'static str {
        match self {
            Self::TypeScript => ".ts",
            Self::JavaScript => ".js",
        }
    }

    /// The file with the public items.
    pub fn root(self) -> &'static str {
        match self {
            Self::TypeScript => "src/index.ts",
            Self::JavaScript => "src/index.js",
        }
    }

    /// The file that runs a program.
    pub fn main(self) -> &'static str {
        self.choose("src/main.ts", "src/main.js")
    }

    /// The file with the contract's types.
    pub fn types(self) -> &'static str {
        match self {
            Self::TypeScript => "src/contract.ts",
            Self::JavaScript => "src/contract.js",
        }
    }

    /// One of two texts.
    pub fn choose<T>(self, typescript: T, javascript: T) -> T {
        match self {
            Self::TypeScript => typescript,
            Self::JavaScript => javascript,
        }
    }
}

/// Words that cannot name a function or a parameter.
const RESERVED: &str = "arguments await break case catch class const continue debugger default \
    delete do else enum eval export extends false finally for function if implements import in \
    instanceof interface let new null package private protected public return static super \
    switch this throw true try typeof undefined var void while with yield";

/// Whether a word cannot name a function or a parameter.
pub fn is_reserved(word: &str) -> bool {
    RESERVED.split_whitespace().any(|one| one == word)
}

/// Whether a word can be the name of a test.
pub fn is_name(word: &str) -> bool {
    let starts = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A path that is known to be plain.
pub fn plain(path: &str) -> RelPath {
    RelPath::parse(path).expect("it is a plain path")
}

/// The text of the manifest. What a candidate wrote there does not count: its imports do.
/// `types` is the file with the contract's types, if there is one.
pub fn manifest(
    spec: &Spec,
    roots: &[&str],
    types: Option<&str>,
    packages: BTreeMap<String, String>,
) -> String {
    let id = spec.id.package();
    let mut manifest = serde_json::json!({
        "name": id.clone(),
        "version": "0.0.0",
        "private": true,
        "type": "module",
    });
    for root in roots {
        let path = format!("./{root}");
        if root.contains("index") {
            manifest["exports"] = match types {
                Some(types) => {
                    serde_json::json!({ ".": path, "./contract": format!("./{types}") })
                }
                None => path.into(),
            };
        } else {
            manifest["bin"] = serde_json::json!({ id.as_str(): path });
        }
    }
    if !packages.is_empty() {
        manifest["dependencies"] = serde_json::json!(packages);
    }
    format!("{manifest:#}\n")
}

/// The packages of the specs that a spec depends on and can use.
pub fn linked(spec: &Spec) -> Vec<String> {
    spec.libraries().map(SpecId::package).collect()
}
