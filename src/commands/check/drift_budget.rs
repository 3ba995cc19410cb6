//! New samples are paid for within `[budget]`, as those of a run are.

use std::cell::RefCell;

use crate::engine;
use crate::gate::NoAnswer;
use crate::store::{CallId, Ledger, LedgerError, Reservation, Spend, SqliteLedger};
use crate::types::harness::Budget;
use crate::types::{Failure, Job, SpecId};
use crate::workspace::{CommandError, SampleReservation, Workspace, now, today};

/// The budget of one check for drift.
#[derive(Debug)]
pub struct DriftBudget<'a> {
    ledger: RefCell<SqliteLedger>,
    call: CallId,
    run: i64,
    limits: &'a Budget,
}

impl<'a> DriftBudget<'a> {
    /// The samples count for the last job of the spec.
    pub fn open(workspace: &'a Workspace, spec: &SpecId) -> Result<Self, CommandError> {
        let path = workspace.places.ledger();
        let mut ledger = SqliteLedger::open(&path)?;
        let run = ledger.begin_run(&now(), "drift", &[])?;
        let job = match ledger.last_job(spec)? {
            Some((job, _)) => job,
            // A clone has none: one that has ended at once.
            None => {
                let job = ledger.queue(run, &now(), &Job::new(spec, Vec::new(), 1))?;
                engine::supersede(SqliteLedger::open(&path)?, spec)?;
                job
            }
        };
        let limits = &workspace.harness.budget;
        // No attempt of the job has this number.
        let call = CallId { job, attempt: 0 };
        Ok(Self { ledger: RefCell::new(ledger), call, run, limits })
    }

    /// Reserves the cost of samples; settles the reservation before.
    pub fn reserve(&self, samples: SampleReservation) -> Result<(), NoAnswer> {
        self.settle(samples.before).map_err(NoAnswer::here)?;
        let (call, run, spend) = (self.call, self.run, samples.most);
        // Without a number of answers a reservation counts in full if the check is killed.
        let most = Reservation { call, run, day: &today(), spend, answers: None };
        self.ledger.borrow_mut().reserve(&most, self.limits).map_err(|error| match error {
            LedgerError::Budget(message) => NoAnswer { failure: Some(Failure::Budget), message },
            other => NoAnswer::here(other),
        })
    }

    /// Settles the reservation by what was spent of it.
    pub fn settle(&self, spent: Option<Spend>) -> Result<(), LedgerError> {
        spent.map_or(Ok(()), |spent| self.ledger.borrow_mut().settle(self.call, spent))
    }
}
