//! Checks promoted assistants for drift while there is nothing else to do.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::{Notice, Work};
use crate::commands::check::DriftMachine;
use crate::store::SqliteLedger;
use crate::toolchain;
use crate::types::{DriftInterval, DriftResult, Job, JobOutcome, Plan, SpecId, TargetName, limits};
use crate::workspace::{CommandError, Workspace, now};

/// The assistants of a workspace, and the check that runs.
#[derive(Default)]
pub(super) struct DriftWatch {
    /// Specs with an assistant, and whether it was promoted when the workspace was read.
    assistants: BTreeMap<SpecId, bool>,
    running: Option<(SpecId, LocalBoxFuture<'static, DriftResult>)>,
    /// Before this time no assistant is due; `None`: the ledger says.
    idle_until: Option<Timestamp>,
}

impl DriftWatch {
    /// Takes the assistants of a plan of the whole workspace.
    pub(super) fn planned(&mut self, workspace: &Workspace, plan: &Plan) {
        let target = |name: &TargetName| workspace.harness.target.get(name);
        let is_assistant = |name: &TargetName| {
            target(name).is_some_and(|one| toolchain::model_under_test(one).is_some())
        };
        let has_one = |job: &&Job| job.parts.iter().any(|part| is_assistant(&part.target));
        let assistants = plan.jobs.iter().filter(has_one).map(|job| {
            let standing = workspace.standing.spec.get(&job.spec);
            let is_promoted = standing.is_some_and(|one| one.target.keys().any(&is_assistant));
            (job.spec.clone(), is_promoted)
        });
        self.assistants = assistants.collect();
        self.idle_until = None;
    }

    /// A job ended: what is due may be another spec. A check of what was replaced is dropped.
    pub(super) fn ended(&mut self, spec: &SpecId, outcome: &JobOutcome) {
        if *outcome == JobOutcome::Promoted {
            self.running.take_if(|running| running.0 == *spec);
        }
        self.idle_until = None;
    }

    /// Whether the clock decides what is done next.
    pub(super) fn is_timed(&self) -> bool {
        !self.assistants.is_empty()
    }

    /// The end of the running check.
    pub(super) async fn next(&mut self) -> (SpecId, DriftResult) {
        match &mut self.running {
            Some((spec, check)) => {
                let result = check.await;
                (spec.clone(), result)
            }
            None => std::future::pending().await,
        }
    }

    /// The promoted assistant that was sampled least recently, if that is long enough ago.
    fn due(
        &mut self,
        ledger: &SqliteLedger,
        every: DriftInterval,
    ) -> Result<Option<SpecId>, CommandError> {
        let mut next: Option<(Timestamp, &SpecId)> = None;
        for (spec, is_promoted) in &self.assistants {
            let last = ledger.last_sampled(spec)?;
            let due = match last.and_then(|at| at.parse::<Timestamp>().ok()) {
                Some(last) => last + SignedDuration::from_hours(every.hours()),
                None if *is_promoted => Timestamp::MIN,
                None => continue,
            };
            if next.is_none_or(|(earliest, _)| due < earliest) {
                next = Some((due, spec));
            }
        }
        let Some((due, spec)) = next else {
            self.idle_until = Some(Timestamp::MAX);
            return Ok(None);
        };
        self.idle_until = Some(due);
        Ok((due <= Timestamp::now()).then(|| spec.clone()))
    }
}

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
        let is_idle = self.drift.idle_until.is_some_and(|until| Timestamp::now() < until);
        if !is_calm || is_idle || self.drift.running.is_some() {
            return;
        }
        if let Err(error) = self.begin_drift_check(every) {
            self.daemon.options.observer.note(&format!("check for drift: {}", error.lines()));
            let pause = SignedDuration::try_from(limits::BACK_OFF).unwrap_or_default();
            self.drift.idle_until = Some(Timestamp::now() + pause);
        }
    }

    /// Keeps first that it begins: what a killed check bought is not bought again at once.
    fn begin_drift_check(&mut self, every: DriftInterval) -> Result<(), CommandError> {
        let path = self.daemon.places.ledger();
        let mut ledger = SqliteLedger::open(&path)?;
        let Some(spec) = self.drift.due(&ledger, every)? else { return Ok(()) };
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
