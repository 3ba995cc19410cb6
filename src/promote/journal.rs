//! The journal of a promotion, durable before the first visible change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::{files, write_private};
use crate::types::{Digest, JobId, RelPath, SpecId, SpecStanding, TargetName, limits};

pub const VERSION: u32 = 2;

/// A folder's device and inode.
pub type Identity = (u64, u64);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    pub version: u32,
    pub job: JobId,
    pub spec: SpecId,
    pub unit: RelPath,
    /// The live folder before the switch, if there was one.
    pub old: Option<Identity>,
    /// The staged folder.
    pub new: Identity,
    /// The jobs of its set, if there is one: all of them are switched, or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<JobId>,
    /// Digest of the live folder's content before the switch.
    pub old_content: Option<Digest>,
    /// Whether the fallback is used: file by file, redone from the stage.
    pub in_place: bool,
    /// The new lockfile entries of the spec.
    pub standing: SpecStanding,
    /// The object with the record of this promotion.
    #[serde(default)]
    pub record: Option<Digest>,
    pub trees: Vec<(TargetName, Digest)>,
}

impl Journal {
    /// Whether it is of a removal.
    pub fn removes(&self) -> bool {
        self.standing.target.is_empty()
    }

    /// The path of a job's journal.
    pub fn path(state: &Path, job: JobId) -> PathBuf {
        state.join("journal").join(format!("{job}.json"))
    }

    pub fn write(&self, state: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("a journal is plain data");
        write_private(&Self::path(state, self.job), &text)
    }

    pub fn remove(&self, state: &Path) -> io::Result<()> {
        match fs::remove_file(Self::path(state, self.job)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::File::open(state.join("journal"))?.sync_all(),
        }
    }

    /// All journals. Temporary files of interrupted writes are deleted.
    pub fn all(state: &Path) -> io::Result<Vec<Self>> {
        for path in files::walk(&state.join("journal"), 0)? {
            if path.extension().is_none_or(|extension| extension != "json") {
                fs::remove_file(&path)?;
            }
        }
        Self::list(state)
    }

    /// All journals, beside a process that may write some.
    pub fn list(state: &Path) -> io::Result<Vec<Self>> {
        let mut journals = Vec::new();
        for path in files::walk(&state.join("journal"), 0)? {
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let bytes = match files::read_capped(&path, limits::RESULT_BYTES) {
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                read => read?,
            };
            journals.push(serde_json::from_slice(&bytes).map_err(|why| {
                let message = format!("{}: {why}; update regen", path.display());
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?);
        }
        Ok(journals)
    }
}
