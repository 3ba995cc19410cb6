//! Goes back to an earlier promotion.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{Engine, Options, Record};
use crate::store::{Ledger, Objects, SqliteLedger, files};
use crate::types::event::Entry;
use crate::types::{Digest, Event, JobId, JobOutcome, Plan, SpecId, TargetName, ToolSet};
use crate::workspace::{CommandError, Workspace, WorkspaceLayout};

/// The result of a rollback.
#[derive(Debug)]
pub struct RolledBack {
    /// The run that was rolled back to.
    pub to: i64,
    /// Whether it is held because the current inputs differ.
    pub held: bool,
    /// How the job ended.
    pub outcome: JobOutcome,
}

/// A promotion in the ledger.
struct PastPromotion {
    job: JobId,
    run: i64,
    trees: BTreeSet<(TargetName, Digest)>,
    /// The job that it rolled back to.
    rollback: Option<JobId>,
}

/// Puts an earlier promotion's trees back, with lockfile entries and attestations: of the run `to`,
/// or of the promotion before the current one. The caller holds the writer lock.
///
/// # Errors
/// The promotion does not exist or was deleted; errors that end a run.
pub async fn roll_back(
    workspace: Arc<Workspace>,
    tools: Arc<ToolSet>,
    options: Options,
    spec: &SpecId,
    to: Option<i64>,
) -> Result<RolledBack, CommandError> {
    let only = BTreeSet::from([spec.to_owned()]);
    let mut plan = workspace.plan(&tools, Some(&only), false)?;
    let refused = || {
        let why = format!("`{spec}` is refused, so it cannot be held; see `regen lint {spec}`");
        CommandError::usage(why)
    };
    let mut job = plan.jobs.pop().ok_or_else(refused)?;
    if job.verifies() {
        let why = format!("`{spec}` has no code that could be rolled back (`targets: []`)");
        return Err(CommandError::usage(why));
    }
    job.parts.iter_mut().for_each(|part| part.reason = None);
    let places = workspace.places.clone();
    let engine = Engine::open(workspace, tools, None, options)?;
    let (to, run) = Past::open(&places)?.earlier(spec, to)?;
    job.rollback = Some(to);
    engine.begin(&Plan { jobs: vec![job.clone()] })?;
    let outcome = engine.job(&job).await?;
    let standing = files::standing(&places.root)?.spec.remove(spec).unwrap_or_default();
    let held = standing.target.values().any(|entry| entry.held.is_some());
    Ok(RolledBack { to: run, held, outcome })
}

/// The promotions of a workspace.
struct Past {
    ledger: SqliteLedger,
    objects: Objects,
}

impl Past {
    fn open(places: &WorkspaceLayout) -> Result<Self, CommandError> {
        let objects = Objects::new(places.state.join("objects"));
        Ok(Self { ledger: SqliteLedger::open(&places.ledger())?, objects })
    }

    fn promotions(&self, spec: &SpecId) -> Result<Vec<PastPromotion>, CommandError> {
        let read = |(job, entry): (JobId, Entry)| -> Result<PastPromotion, CommandError> {
            let Event::Promoted { trees, .. } = entry.event else {
                unreachable!("asked for these")
            };
            let queued = self.ledger.job(job)?.into_iter().find_map(|entry| match entry.event {
                Event::Queued { job } => Some(job),
                _ => None,
            });
            let rollback = queued.and_then(|job| job.rollback);
            Ok(PastPromotion { job, run: entry.run, trees: trees.into_iter().collect(), rollback })
        };
        self.ledger.promotions(spec)?.into_iter().map(read).collect::<Result<_, _>>()
    }

    fn is_kept(&self, job: JobId) -> bool {
        Record::of_job(&self.ledger, &self.objects, job).is_ok_and(|record| record.is_some())
    }

    /// The job to go back to, and its run.
    fn earlier(&self, spec: &SpecId, to: Option<i64>) -> Result<(JobId, i64), CommandError> {
        let all = self.promotions(spec)?;
        let runs: Vec<String> =
            all.iter().filter(|p| p.rollback.is_none()).map(|p| p.run.to_string()).collect();
        let known = if runs.is_empty() {
            "nothing was promoted here".to_owned()
        } else {
            format!("`{spec}` was promoted in these runs: {}", runs.join(", "))
        };
        let made = |p: &&PastPromotion| p.rollback.is_none();
        if let Some(to) = to {
            let found = all.iter().rev().filter(made).find(|p| p.run == to);
            return found.map(|p| (p.job, p.run)).ok_or_else(|| {
                CommandError::usage(format!("run {to} did not promote `{spec}`; {known}"))
            });
        }
        let last = all.last();
        let standing = last.and_then(|last| {
            let of = last.rollback.unwrap_or(last.job);
            all.iter().find(|promotion| promotion.job == of).or(Some(last))
        });
        let before = standing.and_then(|standing| {
            let mut earlier = all.iter().rev().filter(made).filter(|p| p.job < standing.job);
            earlier.find(|p| p.trees != standing.trees && self.is_kept(p.job))
        });
        before.map(|p| (p.job, p.run)).ok_or_else(|| {
            let why = format!("no earlier promotion of `{spec}`; {known}");
            CommandError::usage(why)
        })
    }
}
