//! The loop: perform the outstanding effect, append its event, step.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::prepared::{Prepared, SetOutcome};
use super::resources::Engine;
use crate::pipeline::{Effect, Queue, State, critical_first};
use crate::promote::Switched;
use crate::store::{Day, LedgerError, NewEvent, files};
use crate::types::{
    Diagnosis, Event, Fault, GeneratorSettings, Job, JobId, JobOutcome, Plan, SpecId,
};
use crate::workspace::{CommandError, now};

/// The result of a run.
#[derive(Debug, Default)]
pub struct RunOutcome {
    /// Each spec that had work, with its outcome; `None` if it was not tried.
    pub jobs: Vec<(SpecId, Option<JobOutcome>)>,
    /// Specs without work.
    pub up_to_date: Vec<SpecId>,
    /// What the run spent.
    pub spend: Day,
}

impl Engine {
    /// Performs a plan, with several jobs at a time.
    ///
    /// # Errors
    /// Errors that end the run; a failed job is a value.
    pub async fn run(&self, plan: &Plan) -> Result<RunOutcome, CommandError> {
        self.begin(plan)?;
        let (up, work): (Vec<&Job>, Vec<&Job>) = plan.jobs.iter().partition(|j| j.is_up_to_date());
        let limits = self.workspace.harness.schedule.clone();
        let first = critical_first(work.clone(), |id| self.depends(id));
        let mut queue = Queue::new(first.into_iter(), |id| self.depends(id), limits);
        let mut running = FuturesUnordered::new();
        let mut ends = BTreeMap::new();
        let mut up_to_date: Vec<SpecId> = up.into_iter().map(|job| job.spec.clone()).collect();
        loop {
            while let Some(spec) = queue.start(|_| true) {
                running.extend(work.iter().find(|job| job.spec == spec).map(|job| self.one(job)));
            }
            let Some((spec, end)) = running.next().await else { break };
            let end = end?;
            queue.ended(&spec);
            if end.is_empty() && !ends.contains_key(&spec) {
                up_to_date.push(spec);
                continue;
            }
            if end.iter().any(|(_, outcome)| self.ends_run(outcome)) {
                ends.extend(queue.stop().into_iter().map(|spec| (spec, None)));
            }
            ends.extend(end.into_iter().map(|(spec, outcome)| (spec, Some(outcome))));
        }
        // In the plan's order, independent of which ended first; then other members of their sets.
        let mut jobs: Vec<_> =
            work.into_iter().filter_map(|job| ends.remove_entry(&job.spec)).collect();
        jobs.extend(ends);
        let spend = self.ledger.borrow().spent_in(self.run.get())?;
        Ok(RunOutcome { jobs, up_to_date, spend })
    }

    /// Performs one job of a plan, and those of its set. Gives how each of them ended; nothing if
    /// what it waited for did not make it out of date.
    pub async fn one(&self, job: &Job) -> (SpecId, Result<SetOutcome, CommandError>) {
        (job.spec.clone(), self.alone_or_set(job).await)
    }

    async fn alone_or_set(&self, job: &Job) -> Result<SetOutcome, CommandError> {
        let job = self.again(job)?.unwrap_or_else(|| job.clone());
        if job.waits() && job.rollback.is_none() {
            return Ok(Vec::new());
        }
        // Edited files alone are restored from the store: no code changes.
        let alone = match self.restoring(&job)? {
            Some(job) => job,
            None => match self.set_of(&job)? {
                set if set.len() > 1 => return self.set(&set, &job).await,
                _ => job,
            },
        };
        Ok(vec![(alone.spec.clone(), self.job(&alone).await?)])
    }

    /// The job of a spec with dependencies, planned again: if this run promoted one of them, its
    /// gate inputs have changed.
    fn again(&self, job: &Job) -> Result<Option<Job>, CommandError> {
        let spec = self.workspace.spec(&job.spec).filter(|spec| !spec.depends.is_empty());
        let Some(spec) = spec else { return Ok(None) };
        let only = BTreeSet::from([spec.id.clone()]);
        let mut plan = self.plan_now(Some(&only), self.options.force || job.is_forced())?;
        Ok(plan.jobs.pop())
    }

    /// The plan for what is promoted now.
    pub(super) fn plan_now(
        &self,
        only: Option<&BTreeSet<SpecId>>,
        force: bool,
    ) -> Result<Plan, CommandError> {
        let standing = files::standing(&self.workspace.places.root)?;
        self.workspace.plan_from(&standing, &self.tools, only, force)
    }

    /// Whether other jobs would fail too: budget, server or environment.
    fn ends_run(&self, outcome: &JobOutcome) -> bool {
        let JobOutcome::Failed { diagnosis, .. } = outcome else { return false };
        match diagnosis.fault {
            Fault::Budget | Fault::Environment => true,
            Fault::Generator => {
                let generator = self.workspace.harness.generator.as_ref();
                !generator.is_some_and(|one| matches!(one.settings, GeneratorSettings::Cassette(_)))
            }
            Fault::Spec | Fault::Model | Fault::Gate => false,
        }
    }

    /// Records the start of a plan. Gives the number of the run.
    ///
    /// # Errors
    /// Ledger errors.
    pub fn begin(&self, plan: &Plan) -> Result<i64, CommandError> {
        let mut events = vec![Event::Triggered { by: self.options.by.clone() }];
        let only = self.options.only.as_ref();
        for spec in &self.workspace.specs {
            if only.is_none_or(|only| only.contains(&spec.id)) {
                events.push(Event::SpecAdmitted {
                    spec: spec.id.clone(),
                    clauses: spec.clauses.len(),
                });
            }
        }
        for file in self.workspace.refused(only) {
            let problem = self.workspace.problems.iter().find(|p| p.file == file);
            let problem = problem.map(|p| p.message.clone()).unwrap_or_default();
            events.push(Event::SpecRefused { file: file.to_owned(), problem });
        }
        let (up, work): (Vec<&Job>, Vec<&Job>) = plan.jobs.iter().partition(|j| j.is_up_to_date());
        let names = |jobs: Vec<&Job>| jobs.into_iter().map(|job| job.spec.clone()).collect();
        events.push(Event::Planned { specs: names(work), up_to_date: names(up) });
        self.write_manifests()?;
        let run = self.ledger.borrow_mut().begin_run(&now(), &self.options.by, &events)?;
        self.run.set(run);
        Ok(run)
    }

    /// Assigns jobs to a run that was started before.
    pub fn go_on(&self, run: i64) {
        self.run.set(run);
    }

    /// Performs one job exactly as given.
    ///
    /// # Errors
    /// Errors that end the run; a failed job is a value.
    pub async fn job(&self, job: &Job) -> Result<JobOutcome, CommandError> {
        let (id, mut state) = match self.until_promotion(job).await? {
            Prepared::Ready(id, state) => (id, state),
            Prepared::Ended(outcome) => return Ok(outcome),
        };
        while let Some(effect) = state.outstanding() {
            self.effect(job, id, &mut state, &effect).await?;
        }
        Ok(self.outcome(job, &state))
    }

    /// Performs a job up to its promotion.
    pub(super) async fn until_promotion(&self, job: &Job) -> Result<Prepared, CommandError> {
        if !self.options.discard_edits {
            let targets = job.parts.iter().map(|part| &self.workspace.harness.target[&part.target]);
            let units: BTreeSet<String> = targets.map(|target| target.unit(&job.spec)).collect();
            let mut files = Vec::new();
            for unit in &units {
                files.extend(self.promoter.edited(unit, &job.spec)?);
            }
            if !files.is_empty() {
                return Ok(Prepared::Ended(JobOutcome::Drifted { files }));
            }
        }
        if let Some(why) = self.unlinked(job)? {
            return Ok(Prepared::Ended(JobOutcome::Waits { why }));
        }
        let targets = job.parts.iter().map(|part| part.target.clone()).collect();
        let limits = &self.workspace.harness.schedule;
        let _slot = self.options.sets.slots.take(limits, &targets).await;
        for part in &job.parts {
            let _ = std::fs::remove_dir_all(self.kept(&part.target));
        }
        let (id, mut state) = self.take_up(job)?;
        while let Some(effect) = state.outstanding() {
            if effect == Effect::Promote {
                return Ok(Prepared::Ready(id, Box::new(state)));
            }
            self.effect(job, id, &mut state, &effect).await?;
        }
        Ok(Prepared::Ended(self.outcome(job, &state)))
    }

    async fn effect(
        &self,
        job: &Job,
        id: JobId,
        state: &mut State,
        effect: &Effect,
    ) -> Result<(), CommandError> {
        self.options.observer.begin(job, state, effect);
        let (event, switched) = self.perform(id, state, effect).await?;
        self.record(id, state, &event)?;
        self.finish(&state.job, switched)
    }

    fn outcome(&self, job: &Job, state: &State) -> JobOutcome {
        for part in job.parts.iter().filter(|_| self.options.keep) {
            let kept = self.kept(&part.target).join("visible");
            if kept.is_dir() {
                let text = format!("candidate folder: {}", kept.display());
                self.options.observer.note(&text);
            }
        }
        let outcome = state.outcome().cloned();
        outcome.unwrap_or(JobOutcome::Failed { diagnosis: nothing_left(), limit: None })
    }

    pub(super) fn finish(&self, job: &Job, switched: Option<Switched>) -> Result<(), CommandError> {
        let Some(switched) = switched else { return Ok(()) };
        self.tell_users(job);
        if let Some(saved) = &switched.saved {
            let text =
                format!("files edited during the promotion were saved in {}", saved.display());
            self.options.observer.note(&text);
        }
        self.promoter.finish(switched)?;
        self.write_manifests()
    }

    /// Tells of specs that use the code of a rollback and were not checked with it.
    fn tell_users(&self, job: &Job) {
        let users = self.workspace.specs.iter().filter(|one| one.depends.contains(&job.spec));
        for user in users.filter(|_| job.rollback.is_some()) {
            let entries = self.workspace.standing.spec.get(&user.id);
            let Some(entries) = entries.filter(|of| !of.target.is_empty()) else { continue };
            let (id, of) = (&user.id, &job.spec);
            let note = if entries.target.values().any(|entry| entry.held.is_some()) {
                format!(
                    "{id}: it is held at an earlier tree, which was not checked with that of `{of}`; \
                     `regen check --rerun {id}` checks it"
                )
            } else {
                format!("{id}: it uses the code of `{of}`; the next run checks it")
            };
            self.options.observer.note(&note);
        }
    }

    /// Writes the manifests above the promoted trees. They are made from the lockfile, so a run
    /// after one that was killed writes them, too.
    fn write_manifests(&self) -> Result<(), CommandError> {
        let standing = files::standing(&self.workspace.places.root)?;
        let places = self.workspace.manifest_places();
        Ok(self.promoter.write_manifests(&self.workspace.manifests(&standing), &places)?)
    }

    /// Resumes the open job of the same inputs, or opens one. An open job of other inputs is
    /// superseded.
    fn take_up(&self, job: &Job) -> Result<(JobId, State), CommandError> {
        let open = self.ledger.borrow().open_job(&job.spec)?;
        if let Some((id, events)) = open {
            let state = State::fold(&events)?;
            let resumes = |state: &State| state.job.is_same_work(job) && self.has_content(state);
            if let Some(mut state) = state.filter(resumes) {
                self.options.observer.note(&format!("{}: resuming job {id}", job.spec));
                self.record(id, &mut state, &Event::Resumed)?;
                return Ok((id, state));
            }
            self.append(id, &job.spec, &Event::Superseded, Some("superseded"))?;
        }
        let id = self.ledger.borrow_mut().queue(self.run.get(), &now(), job)?;
        Ok((id, State::queued(job.clone())))
    }

    /// Whether the objects that a job was to go on with are there and whole.
    fn has_content(&self, state: &State) -> bool {
        let last = state.attempts.last();
        let asked = last.into_iter().flat_map(|one| [one.prompt, one.completion]);
        let content = asked.flatten().all(|digest| self.objects.get(digest).is_ok());
        let mut trees = state.attempts.iter().filter_map(|attempt| attempt.tree);
        content && trees.all(|tree| self.objects.get_tree(tree).is_ok())
    }

    fn append(
        &self,
        id: JobId,
        spec: &SpecId,
        event: &Event,
        result: Option<&str>,
    ) -> Result<(), LedgerError> {
        let run = self.run.get();
        self.ledger.borrow_mut().append(&NewEvent { run, at: &now(), job: id, spec, event, result })
    }

    /// Appends before stepping: an event counts only once it is in the ledger.
    pub(super) fn record(
        &self,
        id: JobId,
        state: &mut State,
        event: &Event,
    ) -> Result<(), CommandError> {
        let mut next = state.clone();
        next.step(event)?;
        let result = next.outcome().map(JobOutcome::word);
        self.append(id, &state.job.spec, event, result)?;
        *state = next;
        self.options.observer.event(&state.job, state, event);
        Ok(())
    }
}

fn nothing_left() -> Diagnosis {
    Diagnosis {
        fault: Fault::Environment,
        summary: "the job has no outstanding effect and no outcome".to_owned(),
        clauses: Vec::new(),
        findings: Vec::new(),
        fingerprint: None,
    }
}
