//! The only loop: perform what is outstanding, append what happened, step, again.
#![expect(clippy::disallowed_methods, reason = "the engine reads the clock and the workspace")]

mod archive;
pub mod audit;
mod attempt_history;
mod gating;
mod input_snapshot;
pub mod load;
mod standalone;
mod trace;
pub mod diff;
mod perform;
mod promotion;
mod rollback;
mod signing;
mod promotion_log;
mod upgrade;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::gate::{GateExecutor, JobInputs, ToolsError};
use crate::generator::{GenerationError, Generator, MakeGenerator, RateLimits};
use crate::pipeline::{Effect, IllegalEvent, Queue, State};
use crate::promote::{PromoteError, Promoter, Switched};
use crate::sandbox::Probe;
use crate::store::{ContentStore, Ledger, LedgerError, Objects, files};
use crate::types::{
    Diagnosis, Event, Fault, GeneratorSettings, Job, JobId, JobOutcome, Plan, Problem, Reason,
    ToolSet,
};

pub use archive::{KeptAttempt, Swept, archive, attempts, sweep};
pub use audit::fix_lock;
pub use load::{Sources, Workspace, WorkspaceLayout, load};
pub use promotion_log::{LogStep, story};
pub use rollback::{RolledBack, roll_back};
pub use standalone::Standalone;

/// Trouble that ends a run, as opposed to a job that fails.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no configuration.
    #[error("there is no workspace here: {0}")]
    NoWorkspace(String),
    /// The configuration is wrong.
    #[error("the configuration is refused")]
    Config {
        /// What is wrong.
        problems: Vec<Problem>,
        /// The texts they point into.
        sources: Sources,
    },
    /// The command line or a file it leads to is wrong.
    #[error("{0}")]
    Usage(String),
    /// No daemon runs that could do it.
    #[error("{0}")]
    NoDaemon(String),
    /// A tool is missing.
    #[error(transparent)]
    HostTools(#[from] ToolsError),
    /// The ledger's.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The promoter's.
    #[error(transparent)]
    Promote(#[from] PromoteError),
    /// The disk's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Programs cannot be kept apart well enough.
    #[error("{0}")]
    Isolation(String),
    /// The generator cannot be set up.
    #[error(transparent)]
    Generator(#[from] GenerationError),
    /// A ledger that contradicts itself.
    #[error("{0}: this is a bug in regen or the ledger was edited")]
    Illegal(#[from] IllegalEvent),
}

impl EngineError {
    fn config(problem: Problem, text: String) -> Self {
        let sources = Sources::from([(problem.file.clone(), text)]);
        Self::Config { problems: vec![problem], sources }
    }
}

/// Who watches a run: views subscribe, the engine knows none of them.
pub trait Observer {
    /// Something happened to a job; `state` is the state behind it.
    fn event(&self, job: &Job, state: &State, event: &Event);
    /// A step begins.
    fn begin(&self, job: &Job, state: &State, effect: &Effect);
    /// A completion has grown to so many characters.
    fn streaming(&self, job: &Job, characters: usize);
    /// Something a person should know.
    fn note(&self, text: &str);
    /// A gate's program has printed something.
    fn output(&self, _job: &Job, _gate: &str, _bytes: &[u8]) {}
}

/// Several observers as one.
pub struct Observers(pub Vec<Arc<dyn Observer + Send + Sync>>);

impl Observer for Observers {
    fn event(&self, job: &Job, state: &State, event: &Event) {
        self.0.iter().for_each(|one| one.event(job, state, event));
    }

    fn begin(&self, job: &Job, state: &State, effect: &Effect) {
        self.0.iter().for_each(|one| one.begin(job, state, effect));
    }

    fn streaming(&self, job: &Job, characters: usize) {
        self.0.iter().for_each(|one| one.streaming(job, characters));
    }

    fn note(&self, text: &str) {
        self.0.iter().for_each(|one| one.note(text));
    }

    fn output(&self, job: &Job, gate: &str, bytes: &[u8]) {
        self.0.iter().for_each(|one| one.output(job, gate, bytes));
    }
}

/// How a run is to go.
#[derive(Clone)]
pub struct Options {
    /// Specs to run; `None` for all.
    pub only: Option<BTreeSet<String>>,
    /// Who asked, for the ledger.
    pub by: String,
    /// Whether up-to-date targets are made again.
    pub force: bool,
    /// Whether edits by hand are saved aside instead of refused.
    pub discard_edits: bool,
    /// Whether workspaces stay for a person to look into.
    pub keep: bool,
    /// Reads a variable of the environment: the keys.
    pub variable: fn(&str) -> Option<String>,
    /// What requests share with those of earlier plans.
    pub servers: RateLimits,
    /// Makes the generators; [`crate::generator::of`] unless a test brings its own.
    pub generators: MakeGenerator,
    /// Who watches.
    pub observer: Arc<dyn Observer + Send + Sync>,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct RunOutcome {
    /// Each spec that had work, with its end; `None` for specs that were not tried any more.
    pub jobs: Vec<(String, Option<JobOutcome>)>,
    /// Specs without work.
    pub up_to_date: Vec<String>,
}

/// The engine of one run.
pub struct Engine {
    workspace: Arc<Workspace>,
    tools: Arc<ToolSet>,
    options: Options,
    /// Held for single steps only, never while something else is waited for.
    ledger: RefCell<Ledger>,
    objects: Arc<dyn ContentStore>,
    promoter: Promoter,
    /// By tier; none where nothing is generated.
    generators: Vec<Arc<dyn Generator>>,
    run: Cell<i64>,
    /// Runs gates; a run without work has none.
    executor: Option<Arc<dyn GateExecutor>>,
    /// What candidates are judged by, by spec and target.
    inputs: RefCell<BTreeMap<(String, String), Arc<JobInputs>>>,
}

/// Now, UTC, RFC 3339, milliseconds.
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Today, UTC.
pub fn today() -> String {
    now()[..10].to_owned()
}

impl Engine {
    /// Opens the ledger and finishes what a killed run left between `generated/` and the ledger.
    /// The caller holds the writer lock.
    ///
    /// # Errors
    /// What keeps the run from starting.
    pub fn open(
        workspace: Arc<Workspace>,
        (tools, isolation): (Arc<ToolSet>, Option<Arc<Probe>>),
        options: Options,
    ) -> Result<Self, EngineError> {
        let places = workspace.places.clone();
        let objects: Arc<dyn ContentStore> = Arc::new(Objects::new(places.state.join("objects")));
        let executor = isolation.map(|probe| {
            let local = workspace.executor((&tools, &probe), objects.clone());
            Arc::new(local) as Arc<dyn GateExecutor>
        });
        Ok(Self {
            generators: perform::generators(&workspace, &options)?,
            workspace,
            tools,
            options,
            ledger: RefCell::new(Ledger::open(&places.ledger())?),
            objects,
            promoter: Promoter::new(places.root.clone(), places.state.clone()),
            run: Cell::new(0),
            executor,
            inputs: RefCell::default(),
        })
    }

    /// Recovers promotions that a killed process left half recorded. Doing it twice is the same as
    /// once.
    ///
    /// # Errors
    /// A tree of unknown content, the disk's, the ledger's.
    pub fn recover(places: &WorkspaceLayout) -> Result<Vec<String>, EngineError> {
        let promoter = Promoter::new(places.root.clone(), places.state.clone());
        let mut recovered = Vec::new();
        for switched in promoter.recover()? {
            let mut ledger = Ledger::open(&places.ledger())?;
            if let Some((id, _)) = ledger.open_job(&switched.spec)?.filter(|j| j.0 == switched.job)
            {
                let entry = ledger.log(Some(&switched.spec), 1)?;
                let run = entry.first().map_or(1, |entry| entry.run);
                let (trees, record) = (switched.trees.clone(), switched.record);
                let event = Event::Promoted { trees, record };
                ledger.append((run, &now()), (id, &switched.spec), &event, Some("promoted"))?;
            }
            recovered.push(switched.spec.clone());
            promoter.finish(switched)?;
        }
        Ok(recovered)
    }

    /// Performs a plan, some jobs at a time.
    ///
    /// # Errors
    /// Trouble that ends the run; a job that fails is data.
    pub async fn run(&self, plan: &Plan) -> Result<RunOutcome, EngineError> {
        self.begin(plan)?;
        let (up, work): (Vec<&Job>, Vec<&Job>) = plan.jobs.iter().partition(|j| j.is_up_to_date());
        let depends = |id: &str| {
            let spec = self.workspace.spec(id);
            spec.map(|spec| spec.depends.iter().cloned().collect()).unwrap_or_default()
        };
        let limits = self.workspace.harness.schedule.clone();
        let mut queue = Queue::new(work.iter().copied(), depends, limits);
        let mut running = FuturesUnordered::new();
        let mut ends = BTreeMap::new();
        loop {
            while let Some(spec) = queue.start(|_| true) {
                running.extend(work.iter().find(|job| job.spec == spec).map(|job| self.one(job)));
            }
            let Some((spec, end)) = running.next().await else { break };
            let end = end?;
            queue.ended(&spec);
            if self.ends_run(&end) {
                ends.extend(queue.stop().into_iter().map(|spec| (spec, None)));
            }
            ends.insert(spec, Some(end));
        }
        let up_to_date = up.into_iter().map(|job| job.spec.clone()).collect();
        // In the plan's order, whichever ended first.
        let jobs = work.into_iter().filter_map(|job| ends.remove_entry(&job.spec)).collect();
        Ok(RunOutcome { jobs, up_to_date })
    }

    /// Performs one job of a plan that was taken up.
    pub async fn one(&self, job: &Job) -> (String, Result<JobOutcome, EngineError>) {
        let end = async {
            match self.again(job)? {
                Some(job) => self.job(&job).await,
                None => self.job(job).await,
            }
        };
        (job.spec.clone(), end.await)
    }

    /// The job of a spec with dependencies, planned again: this run may have promoted one of them,
    /// and what judges the job has changed with it.
    fn again(&self, job: &Job) -> Result<Option<Job>, EngineError> {
        let spec = self.workspace.spec(&job.spec).filter(|spec| !spec.depends.is_empty());
        let Some(spec) = spec else { return Ok(None) };
        let standing = files::standing(&self.workspace.places.root)?;
        let only = BTreeSet::from([spec.id.clone()]);
        let forced = job.parts.iter().any(|part| part.reason == Some(Reason::Forced));
        let force = self.options.force || forced;
        let mut plan = self.workspace.plan_from(&standing, &self.tools, Some(&only), force)?;
        Ok(plan.jobs.pop())
    }

    /// Whether trying other jobs is pointless: no money, no server, no working machine.
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

    /// Records that a plan is taken up. Gives the number of the run.
    ///
    /// # Errors
    /// The ledger's.
    pub fn begin(&self, plan: &Plan) -> Result<i64, EngineError> {
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
        let run = self.ledger.borrow_mut().begin_run(&now(), &self.options.by, &events)?;
        self.run.set(run);
        Ok(run)
    }

    /// Has jobs belong to a run that was begun before.
    pub fn go_on(&self, run: i64) {
        self.run.set(run);
    }

    /// Whether the generator of a tier is the server that every job begins with.
    pub fn same_server(&self, tier: usize) -> bool {
        let Some(config) = &self.workspace.harness.generator else { return true };
        config.tier(tier).settings.address() == config.settings.address()
    }

    async fn job(&self, job: &Job) -> Result<JobOutcome, EngineError> {
        if !self.options.discard_edits {
            let targets = job.parts.iter().map(|part| &self.workspace.harness.target[&part.target]);
            let units: BTreeSet<String> = targets.map(|target| target.unit(&job.spec)).collect();
            let mut files = Vec::new();
            for unit in &units {
                files.extend(self.promoter.edited(unit, &job.spec)?);
            }
            if !files.is_empty() {
                return Ok(JobOutcome::Drifted { files });
            }
        }
        for part in &job.parts {
            let _ = std::fs::remove_dir_all(self.kept(&part.target));
        }
        let (id, mut state) = self.take_up(job)?;
        while let Some(effect) = state.outstanding() {
            self.options.observer.begin(job, &state, &effect);
            let (event, switched) = self.perform(id, &state, &effect).await?;
            self.record(id, &mut state, &event)?;
            self.finish(switched)?;
        }
        for part in job.parts.iter().filter(|_| self.options.keep) {
            let kept = self.kept(&part.target).join("visible");
            if kept.is_dir() {
                let text = format!("the workspace is kept: {}", kept.display());
                self.options.observer.note(&text);
            }
        }
        let outcome = state.outcome().cloned();
        Ok(outcome.unwrap_or(JobOutcome::Failed { diagnosis: nothing_left(), limit: None }))
    }

    fn finish(&self, switched: Option<Switched>) -> Result<(), EngineError> {
        let Some(switched) = switched else { return Ok(()) };
        if let Some(saved) = &switched.saved {
            let text =
                format!("files edited during the promotion were saved in {}", saved.display());
            self.options.observer.note(&text);
        }
        Ok(self.promoter.finish(switched)?)
    }

    /// Goes on with the open job of the same inputs, or opens one; an open job of other inputs is
    /// superseded.
    fn take_up(&self, job: &Job) -> Result<(JobId, State), EngineError> {
        let open = self.ledger.borrow().open_job(&job.spec)?;
        if let Some((id, events)) = open {
            let state = State::fold(&events)?;
            if let Some(mut state) = state.filter(|state| state.job.is_same_work(job)) {
                self.options.observer.note(&format!("{}: going on with job {id}", job.spec));
                self.record(id, &mut state, &Event::Resumed)?;
                return Ok((id, state));
            }
            let at = (self.run.get(), &*now());
            let (event, result) = (Event::Superseded, Some("superseded"));
            self.ledger.borrow_mut().append(at, (id, &job.spec), &event, result)?;
        }
        let id = self.ledger.borrow_mut().queue(self.run.get(), &now(), job)?;
        Ok((id, State::queued(job.clone())))
    }

    /// Append, then step: what is not in the ledger has not happened.
    fn record(&self, id: JobId, state: &mut State, event: &Event) -> Result<(), EngineError> {
        let mut next = state.clone();
        next.step(event)?;
        let result = next.outcome().map(result_word);
        let at = (self.run.get(), &*now());
        self.ledger.borrow_mut().append(at, (id, &state.job.spec), event, result)?;
        *state = next;
        self.options.observer.event(&state.job, state, event);
        Ok(())
    }
}

/// Ends a spec's job for good, in the name of a person. Nobody performs it any more.
///
/// # Errors
/// The ledger's.
pub fn cancel(mut ledger: Ledger, job: &Job, by: &str) -> Result<(), LedgerError> {
    let run = ledger.begin_run(&now(), by, &[Event::Triggered { by: by.to_owned() }])?;
    let open = ledger.open_job(&job.spec)?;
    let is_it = |events: &[Event]| match events.first() {
        Some(Event::Queued { job: open }) => open.is_same_work(job),
        _ => false,
    };
    let id = match open {
        Some((id, events)) if is_it(&events) => id,
        Some((id, _)) => {
            let event = Event::Superseded;
            ledger.append((run, &now()), (id, &job.spec), &event, Some("superseded"))?;
            ledger.queue(run, &now(), job)?
        }
        None => ledger.queue(run, &now(), job)?,
    };
    let event = Event::Cancelled { by: by.to_owned() };
    ledger.append((run, &now()), (id, &job.spec), &event, Some("cancelled"))
}

/// Closes the open job of a spec that has nothing to do any more, or is gone.
///
/// # Errors
/// The ledger's.
pub fn supersede(mut ledger: Ledger, spec: &str) -> Result<(), LedgerError> {
    let Some((id, _)) = ledger.open_job(spec)? else { return Ok(()) };
    let run = ledger.log(Some(spec), 1)?.first().map_or(1, |entry| entry.run);
    ledger.append((run, &now()), (id, spec), &Event::Superseded, Some("superseded"))
}

fn nothing_left() -> Diagnosis {
    Diagnosis {
        fault: Fault::Environment,
        summary: "the job has nothing outstanding and no end".to_owned(),
        clauses: Vec::new(),
        findings: Vec::new(),
        fingerprint: None,
    }
}

/// The word for an outcome, in the ledger and in reports.
pub fn result_word(outcome: &JobOutcome) -> &'static str {
    match outcome {
        JobOutcome::Promoted => "promoted",
        JobOutcome::Rejected { .. } => "rejected",
        JobOutcome::SpecSuspected { .. } => "spec_suspected",
        JobOutcome::Superseded => "superseded",
        JobOutcome::Drifted { .. } => "drifted",
        JobOutcome::Cancelled => "cancelled",
        JobOutcome::Failed { .. } => "failed",
    }
}
