//! The assistants that are checked for drift, and the check that runs.

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::store::SqliteLedger;
use crate::toolchain;
use crate::types::{DriftInterval, DriftResult, Job, JobOutcome, Plan, SpecId, TargetName};
use crate::workspace::{CommandError, Workspace};

/// The assistants of a workspace, and the check that runs.
#[derive(Default)]
pub(super) struct DriftWatch {
    /// Specs with an assistant, and whether it was promoted when the workspace was read.
    assistants: BTreeMap<SpecId, bool>,
    /// The check that runs.
    pub(super) running: Option<(SpecId, LocalBoxFuture<'static, DriftResult>)>,
    /// Before this time since the start, in milliseconds, no assistant is due; `None`: the ledger
    /// says.
    pub(super) idle_until: Option<u64>,
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

    /// The promoted assistant that was sampled least recently, if that is long enough ago; else how
    /// long none is due.
    pub(super) fn due(
        &self,
        ledger: &SqliteLedger,
        every: DriftInterval,
    ) -> Result<Result<SpecId, SignedDuration>, CommandError> {
        let (now, interval) = (Timestamp::now(), SignedDuration::from_hours(every.hours()));
        // A time that is far ahead is of a clock that was wrong.
        let latest = format!("{:.3}", now + interval);
        let mut next: Option<(Timestamp, &SpecId)> = None;
        for (spec, is_promoted) in &self.assistants {
            let last = ledger.last_sampled(spec, &latest)?;
            let due = match last.and_then(|at| at.parse::<Timestamp>().ok()) {
                Some(last) => last + interval,
                None if *is_promoted => Timestamp::MIN,
                None => continue,
            };
            if next.is_none_or(|(earliest, _)| due < earliest) {
                next = Some((due, spec));
            }
        }
        Ok(match next {
            Some((due, spec)) if due <= now => Ok(spec.clone()),
            Some((due, _)) => Err(due.duration_since(now)),
            None => Err(interval),
        })
    }
}
