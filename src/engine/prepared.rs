//! Jobs up to their promotion, and sets of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::pipeline::State;
use crate::types::{JobId, JobOutcome, SpecId, SpecStanding};

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
    /// How members ended whose own turn has not come yet.
    pub(super) ended: BTreeMap<SpecId, JobOutcome>,
}

/// The sets of a process: one at a time, since a job has one driver.
#[derive(Debug, Default)]
pub struct Sets {
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) work: Mutex<SetInWork>,
}

impl Sets {
    /// The set that is being made.
    pub(super) fn now(&self) -> MutexGuard<'_, SetInWork> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
