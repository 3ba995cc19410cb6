//! Jobs up to their promotion, and sets of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::slots::Slots;
use crate::pipeline::State;
use crate::types::{Job, JobId, JobOutcome, SpecId, SpecStanding};

/// A job up to its promotion.
#[derive(Debug)]
pub(super) enum Prepared {
    /// All its targets are accepted.
    Ready(JobId, Box<State>),
    /// It ended before.
    Ended(JobOutcome),
}

/// How the jobs of a set ended.
pub type SetOutcome = Vec<(SpecId, JobOutcome)>;

/// A set while it is made.
#[derive(Debug, Default)]
pub struct SetInWork {
    /// The lockfile entries of what is accepted, but not promoted yet.
    pub(super) accepted: BTreeMap<SpecId, SpecStanding>,
    /// Members that were not promoted and whose own turn has not come yet, each with what it was
    /// to do: by then it may be something else.
    pub(super) ended: BTreeMap<SpecId, (Job, JobOutcome)>,
}

impl SetInWork {
    /// How the same work ended in the set of another job.
    pub(super) fn ended(&mut self, job: &Job) -> Option<JobOutcome> {
        let (before, outcome) = self.ended.remove(&job.spec)?;
        before.is_same_work(job).then_some(outcome)
    }
}

/// The sets of a process: one at a time, since a job has one driver.
#[derive(Debug, Default)]
pub struct Sets {
    /// The jobs that are made now.
    pub(super) slots: Slots,
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) work: Mutex<SetInWork>,
}

impl Sets {
    /// The set that is being made.
    pub(super) fn now(&self) -> MutexGuard<'_, SetInWork> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
