//! Removes the unit of a spec: one rename, journalled like a promotion.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::journal::{self, Journal};
use super::{PromoteError, Promoter, Switched, swap};
use crate::store::{ReadersLock, with_path};
use crate::types::{JobId, RelPath, SpecId, SpecStanding};

/// The number in the journal of a removal; no job has it.
const REMOVAL: JobId = JobId(0);

impl Promoter {
    /// Removes a spec's unit and its lockfile entry. The folder is kept in `.regen/trash/`.
    ///
    /// # Errors
    /// Manual edits, unless `discard_edits` saves them; I/O errors.
    pub fn remove(
        &self,
        spec: &SpecId,
        unit: &RelPath,
        discard_edits: bool,
    ) -> Result<Switched, PromoteError> {
        self.refuse_links(unit)?;
        let drift = self.edited(unit, spec)?;
        let live = self.root.join(unit.as_str());
        if !drift.is_empty() {
            if !discard_edits {
                return Err(PromoteError::Drift(drift));
            }
            self.save(spec, &live)?;
        }
        let old = swap::identity(&live)?;
        let mut journal = Journal {
            version: journal::VERSION,
            job: REMOVAL,
            spec: spec.clone(),
            unit: unit.clone(),
            old,
            new: old.unwrap_or_default(),
            set: Vec::new(),
            old_content: swap::content(&live)?,
            in_place: false,
            standing: SpecStanding::default(),
            record: None,
            trees: Vec::new(),
        };
        let (_, stage) = self.paths(&journal);
        swap::remove(&stage)?;
        fs::create_dir_all(stage.parent().unwrap_or(&stage))?;
        let _readers = ReadersLock::exclusive(&self.state)?;
        journal.write(&self.state)?;
        if old.is_some() {
            away(&live, &stage, &mut || {
                journal.in_place = true;
                journal.write(&self.state)
            })
            .map_err(|error| with_path(&live, error))?;
        }
        Ok(self.forward(vec![journal])?.remove(0))
    }

    /// Finishes or undoes an interrupted removal. `None`: undone.
    pub(super) fn recover_removal(
        &self,
        journal: Journal,
    ) -> Result<Option<Switched>, PromoteError> {
        let (unit, _) = self.paths(&journal);
        let live = swap::identity(&unit)?;
        if journal.in_place {
            swap::remove(&unit)?;
        } else if live.is_some() && live == journal.old {
            journal.remove(&self.state)?;
            return Ok(None);
        } else if live.is_some() {
            return Err(PromoteError::Blocked(format!(
                "{} was created again during an interrupted removal; delete {} and run again",
                journal.unit,
                Journal::path(Path::new(".regen"), journal.job).display()
            )));
        }
        Ok(self.forward(vec![journal])?.pop())
    }
}

/// Moves a folder, or copies and deletes it where it cannot be moved. `note` is called before
/// anything is deleted.
fn away(live: &Path, stage: &Path, note: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
    match renameat_with(CWD, live, CWD, stage, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BUSY) => {
            swap::copy(live, stage)?;
            note()?;
            swap::remove(live)
        }
        Err(error) => Err(error.into()),
    }
}
