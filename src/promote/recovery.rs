//! Finishes or undoes promotions that were interrupted.

use std::io;
use std::path::Path;

use super::journal::Journal;
use super::{PromoteError, Promoter, Switched, swap};
use crate::store::{ReadersLock, files};
use crate::types::{JobId, SpecId};

/// How far an interrupted promotion came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SwitchProgress {
    /// The old tree is in place.
    Staged,
    /// The new tree is in place, or is being put there file by file.
    Switched,
}

impl Promoter {
    /// Whether an interrupted promotion left `generated/` and the lockfile between two states.
    /// Only while no promotion can be under way.
    ///
    /// # Errors
    /// I/O errors; an invalid lockfile.
    pub fn is_torn(&self) -> io::Result<bool> {
        let journals = Journal::list(&self.state)?;
        let lock = files::standing(&self.root)?;
        let is_switched = |journal: &Journal| {
            if journal.removes() {
                return !self.root.join(&journal.unit).exists();
            }
            self.progress(journal).is_ok_and(|one| one == SwitchProgress::Switched)
        };
        let is_torn = |journal: &Journal| {
            let entry = Some(&journal.standing).filter(|_| !journal.removes());
            let of_set = |other: &&Journal| journal.set.contains(&other.job);
            let begun = journals.iter().filter(of_set).any(is_switched);
            let is_done = lock.spec.get(&journal.spec) == entry;
            (is_switched(journal) && !is_done) || (begun && !is_switched(journal))
        };
        Ok(journals.iter().any(is_torn))
    }

    /// Finishes or undoes interrupted promotions. Gives the switches that happened, for the caller
    /// to record and finish. `units` gives the possible folders of a spec.
    ///
    /// # Errors
    /// [`PromoteError::Blocked`] if a tree has unknown content; both trees are kept. I/O errors.
    pub fn recover(
        &self,
        units: &dyn Fn(&SpecId) -> Vec<String>,
    ) -> Result<Vec<Switched>, PromoteError> {
        let (mut done, mut switched) = (Vec::new(), Vec::new());
        let journals = Journal::all(&self.state)?;
        for journal in &journals {
            self.refuse_other_units(journal, units)?;
            self.refuse_links(&journal.unit)?;
        }
        if journals.is_empty() {
            // Readers hold nothing up.
            return Ok(done);
        }
        let _readers = ReadersLock::exclusive(&self.state)?;
        let (removals, journals): (Vec<_>, Vec<_>) =
            journals.into_iter().partition(Journal::removes);
        for journal in removals {
            done.extend(self.recover_removal(journal)?);
        }
        let progress = |journal: &Journal| self.progress(journal);
        let progress: Vec<SwitchProgress> =
            journals.iter().map(progress).collect::<Result<_, _>>()?;
        let all = journals.iter().map(|journal| journal.job).zip(progress.iter().copied());
        let begun: Vec<JobId> =
            all.filter(|(_, one)| *one == SwitchProgress::Switched).map(|(job, _)| job).collect();
        for (mut journal, progress) in journals.into_iter().zip(progress) {
            let (unit, stage) = self.paths(&journal);
            let set_begun = journal.set.iter().any(|job| begun.contains(job));
            if journal.in_place {
                if swap::has_strangers(&unit, &[&stage, &self.trash(&journal)])? {
                    self.save(&journal.spec, &unit)?;
                }
                swap::redo(&unit, &stage)?;
                switched.push(journal);
            } else if progress == SwitchProgress::Switched {
                switched.push(journal);
            } else if set_begun {
                self.exchange(&mut journal)?;
                switched.push(journal);
            } else {
                // Not switched. If the old tree was removed since, it stays removed.
                swap::remove(&stage)?;
                journal.remove(&self.state)?;
            }
        }
        if !switched.is_empty() {
            done.extend(self.forward(switched)?);
        }
        Ok(done)
    }

    /// Refuses a journal that names another folder than the configuration.
    fn refuse_other_units(
        &self,
        journal: &Journal,
        units: &dyn Fn(&SpecId) -> Vec<String>,
    ) -> Result<(), PromoteError> {
        if units(&journal.spec).iter().any(|unit| *unit == *journal.unit) {
            return Ok(());
        }
        Err(PromoteError::Blocked(format!(
            "{} names the folder {} for the spec {}, but harness.toml does not; change harness.toml for \
             the next run, or delete the file",
            Journal::path(Path::new(".regen"), journal.job).display(),
            journal.unit,
            journal.spec
        )))
    }

    /// How far an interrupted promotion came.
    fn progress(&self, journal: &Journal) -> Result<SwitchProgress, PromoteError> {
        let (unit, stage) = self.paths(journal);
        let live = swap::identity(&unit)?;
        if journal.in_place || live == Some(journal.new) {
            return Ok(SwitchProgress::Switched);
        }
        if live == journal.old || (live.is_none() && swap::identity(&stage)? == Some(journal.new)) {
            return Ok(SwitchProgress::Staged);
        }
        Err(PromoteError::Blocked(format!(
            "{} is neither the tree before nor after an interrupted promotion; compare it with \
             .regen/stage/{}, leave the right one in {}, delete {} and run again",
            journal.unit,
            journal.job,
            journal.unit,
            Journal::path(Path::new(".regen"), journal.job).display()
        )))
    }
}
