//! The tools of this machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Digest, Encoder, Fingerprint};

/// The environment variables that determine which tools are found.
#[derive(Clone, Debug, Default)]
pub struct ToolEnv(BTreeMap<String, OsString>);

impl ToolEnv {
    /// An environment with these variables.
    pub fn new(variables: impl IntoIterator<Item = (String, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable's value; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    /// A variable's value as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }
}

/// What the names of shown paths begin with.
const SHOWN: &str = "shown ";

/// One language's tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTools {
    /// Their versions, on one line.
    pub version: String,
    /// Their folders, by the toolchain's names for them.
    pub paths: BTreeMap<String, PathBuf>,
}

impl HostTools {
    /// One of their folders.
    pub fn path(&self, name: &str) -> PathBuf {
        self.paths.get(name).cloned().unwrap_or_default()
    }

    /// Adds a file or folder of the machine that gates see at its own path.
    pub fn show(&mut self, path: PathBuf) {
        self.paths.insert(format!("{SHOWN}{}", path.display()), path);
    }

    /// Those files and folders.
    pub fn shown(&self) -> impl Iterator<Item = &PathBuf> {
        let shown = self.paths.iter().filter(|(name, _)| name.starts_with(SHOWN));
        shown.map(|(_, path)| path)
    }

    /// The digest of these tools, equal on every machine that has them.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Encoder::new("toolchain").text(&self.version).finish())
    }

    /// The parts that differ between installations.
    pub fn identity(&self) -> Digest {
        let mut out = Encoder::new("tools");
        out.text(&self.version);
        out.list(&self.paths, |out, (name, path)| out.text(name).text(path.to_string_lossy()));
        out.finish()
    }
}

/// The tools for a run, by the language's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSet {
    /// Those that were found.
    pub found: BTreeMap<String, HostTools>,
    /// Why others were not, and how to install them.
    pub missing: BTreeMap<String, String>,
}

impl ToolSet {
    /// The tools of a language.
    pub fn get(&self, toolchain: &str) -> Option<&HostTools> {
        self.found.get(toolchain)
    }

    /// Their versions; empty for a language whose tools were not searched.
    pub fn version(&self, toolchain: &str) -> &str {
        self.get(toolchain).map_or("", |tools| tools.version.as_str())
    }
}
