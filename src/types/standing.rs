//! What is promoted, and why it was accepted: the content of `regen.lock`.
//!
//! TOML, sorted, LF, one table per item so that version control merges it; no host paths, no cost,
//! no clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, GateKey, Isolation, JobKey};

/// The format of `regen.lock`.
pub const LOCK_VERSION: u32 = 1;

/// What is promoted, by spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// [`LOCK_VERSION`].
    pub version: u32,
    /// By spec id.
    #[serde(default)]
    pub spec: BTreeMap<String, SpecStanding>,
}

impl Default for Standing {
    fn default() -> Self {
        Self { version: LOCK_VERSION, spec: BTreeMap::new() }
    }
}

/// One spec's revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecStanding {
    /// Digest of the prose outside clauses.
    pub context: Digest,
    /// Digest of each clause, by its name.
    pub clauses: BTreeMap<String, Digest>,
    /// By target name.
    pub target: BTreeMap<String, TargetStanding>,
}

/// One promoted tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetStanding {
    /// The tree, relative to the workspace.
    pub path: String,
    /// SHA-256 of the tree's manifest, which stands beside it.
    pub tree: Digest,
    /// What it was generated from.
    pub inputs: JobKey,
    /// What it was judged by.
    pub gates: GateKey,
    /// The gates that passed, in order.
    pub passed: Vec<String>,
    /// Tests that passed and that nobody has seen fail without the implementation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
    /// The weakest isolation of these gates, 0 to 3.
    #[serde(default)]
    pub isolation: Isolation,
    /// Who wrote it: the model's name, and `replayed from` the recording's date if it was not asked.
    pub generator: String,
}

impl Standing {
    /// Reads a lock file.
    ///
    /// # Errors
    /// The reader's message, with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let standing: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        if standing.version > LOCK_VERSION {
            return Err(format!(
                "its version is {}, this regen knows {LOCK_VERSION}: update regen",
                standing.version
            ));
        }
        Ok(standing)
    }

    /// Writes a lock file.
    pub fn render(&self) -> String {
        let body = toml::to_string(self).expect("a standing has only strings, tables and lists");
        format!(
            "# Written by regen. Commit it; do not edit it: `generated/` is checked against it.\n{body}"
        )
    }
}
