//! The programs of this machine that judge candidates.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Digest, Encoder, Fingerprint};

/// The part of this process's environment that decides which tools are meant.
#[derive(Clone, Debug, Default)]
pub struct ToolEnv(BTreeMap<String, OsString>);

impl ToolEnv {
    /// An environment of these variables.
    pub fn new(variables: impl IntoIterator<Item = (String, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable's value; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    /// A variable's value as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }
}

/// One language's programs: where they are, and which they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTools {
    /// What they say of their version, on one line.
    pub version: String,
    /// Their folders, by the toolchain's names for them.
    pub paths: BTreeMap<String, PathBuf>,
}

impl HostTools {
    /// One of their folders.
    pub fn path(&self, name: &str) -> PathBuf {
        self.paths.get(name).cloned().unwrap_or_default()
    }

    /// What names these tools on every machine that has them.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Encoder::new("toolchain").text(&self.version).finish())
    }

    /// What differs between two installations.
    pub fn identity(&self) -> Digest {
        let mut out = Encoder::new("tools");
        out.text(&self.version);
        out.list(&self.paths, |out, (name, path)| out.text(name).text(path.to_string_lossy()));
        out.finish()
    }
}

/// The tools of the languages that a run needs, by the language's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSet(pub BTreeMap<String, HostTools>);

impl ToolSet {
    /// The tools of a language.
    pub fn get(&self, toolchain: &str) -> Option<&HostTools> {
        self.0.get(toolchain)
    }

    /// What they say of their version; empty for a language whose tools were not looked for.
    pub fn version(&self, toolchain: &str) -> &str {
        self.get(toolchain).map_or("", |tools| tools.version.as_str())
    }
}
