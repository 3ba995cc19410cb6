//! Checks promoted assistants for drift while there is nothing else to do.

use std::time::Duration;

use futures::FutureExt;

use super::{Notice, Work};
use crate::commands::check::DriftMachine;
use crate::store::SqliteLedger;
use crate::types::{DriftInterval, DriftResult, SpecId, limits};
use crate::workspace::{CommandError, now};

impl Work {
    /// Starts a check for drift if one is due and there is nothing else to do.
    pub(super) fn start_drift_check(&mut self) {
        let Some(every) = self.schedule.drift else { return };
        let is_calm = self.running.is_empty()
            && self.agenda.is_resting()
            && self.paused.is_none()
            && self.wrong.is_empty()
            && self.quiet().is_none()
            && self.agenda.held(self.now()).is_none();
        let is_idle = self.drift.idle_until.is_some_and(|until| self.now() < until);
        if !is_calm || is_idle || self.drift.running.is_some() {
            return;
        }
        if let Err(error) = self.begin_drift_check(every) {
            self.daemon.options.observer.note(&format!("check for drift: {}", error.lines()));
            self.idle_for(limits::BACK_OFF);
        }
    }

    fn idle_for(&mut self, time: Duration) {
        self.drift.idle_until = Some(self.now() + time.as_millis() as u64);
    }

    /// Keeps first that it begins: what a killed check bought is not bought again at once.
    fn begin_drift_check(&mut self, every: DriftInterval) -> Result<(), CommandError> {
        let path = self.daemon.places.ledger();
        let mut ledger = SqliteLedger::open(&path)?;
        let spec = match self.drift.due(&ledger, every)? {
            Ok(spec) => spec,
            // The clock may be set meanwhile.
            Err(left) => {
                self.idle_for(left.unsigned_abs().min(limits::DRIFT_LOOK));
                return Ok(());
            }
        };
        ledger.begin_drift_check(&spec, &now())?;
        let machine = DriftMachine {
            places: self.daemon.places.clone(),
            wanted: self.daemon.wanted.clone(),
            probe: self.daemon.isolation.clone(),
            key: self.daemon.options.variable,
        };
        let of = spec.clone();
        let check = async move { machine.check(&of).await }.boxed_local();
        self.drift.running = Some((spec, check));
        Ok(())
    }

    /// Keeps and tells what a check found.
    pub(super) fn drift_checked(&mut self, spec: &SpecId, result: &DriftResult) {
        self.drift.running = None;
        self.drift.idle_until = None;
        let kept = SqliteLedger::open(&self.daemon.places.ledger())
            .and_then(|mut ledger| ledger.end_drift_check(spec, result));
        if let Err(error) = kept {
            self.daemon.options.observer.note(&format!("check for drift: {error}"));
        }
        self.tell(&Notice::DriftChecked { spec, result });
    }
}
