//! The resources of a run: workspace, tools, ledger, objects, generators.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::observer::Observer;
use super::prepared::Sets;
use crate::gate::GateExecutor;
use crate::generator::{
    Cassettes, GenerationError, Generator, GeneratorParts, MakeGenerator, RateLimits,
};
use crate::pipeline::{Attempt, State};
use crate::promote::Promoter;
use crate::sandbox::Probe;
use crate::store::{Candidates, ContentStore, Ledger, Objects, SqliteLedger};
use crate::types::{
    AdmittedSpec, CandidateId, Digest, Failure, SpecId, Target, TargetJob, TargetName, ToolSet,
};
use crate::verdict::{Verdict, judge};
use crate::workspace::{CommandError, ErrorKind, JobInputs, Workspace};

/// Options of a run.
#[derive(Clone)]
pub struct Options {
    /// Specs to run; `None` for all.
    pub only: Option<BTreeSet<SpecId>>,
    /// Who started it, for the ledger.
    pub by: String,
    /// Whether to regenerate up-to-date targets.
    pub force: bool,
    /// Whether to save and replace manual edits instead of refusing.
    pub discard_edits: bool,
    /// Whether to keep candidates' folders.
    pub keep: bool,
    /// Reads an environment variable, for keys.
    pub variable: fn(&str) -> Option<String>,
    /// State of requests shared with earlier plans, such as rate limits.
    pub servers: RateLimits,
    /// Makes the generators; [`crate::generator::of`] except in tests.
    pub generators: MakeGenerator,
    /// The set that is being made, shared with other plans.
    pub sets: Arc<Sets>,
    /// The observers.
    pub observer: Arc<dyn Observer + Send + Sync>,
}

/// The engine of one run.
pub struct Engine {
    pub(super) workspace: Arc<Workspace>,
    pub(super) tools: Arc<ToolSet>,
    pub(super) options: Options,
    /// Locked for single steps only, never across an await.
    pub(super) ledger: RefCell<Box<dyn Ledger>>,
    pub(super) objects: Arc<dyn ContentStore>,
    /// Candidates of running attempts, shared with the executor.
    pub(super) candidates: Arc<Candidates>,
    pub(super) promoter: Promoter,
    /// Snapshots of inputs already stored by this engine.
    pub(super) snapshots: RefCell<BTreeSet<Digest>>,
    /// By tier; empty if nothing is generated.
    pub(super) generators: Vec<Arc<dyn Generator>>,
    pub(super) run: Cell<i64>,
    /// Runs gates; `None` in a run without work.
    pub(super) executor: Option<Arc<dyn GateExecutor>>,
    /// Gate inputs sent to the executor, by digest.
    pub(super) accepted: RefCell<BTreeSet<Digest>>,
}

/// The generators of a workspace, by tier.
fn generators(
    workspace: &Workspace,
    options: &Options,
) -> Result<Vec<Arc<dyn Generator>>, GenerationError> {
    let Some(config) = &workspace.harness.generator else { return Ok(Vec::new()) };
    let cassettes = workspace.places.root.join(&workspace.harness.harness.cassettes);
    let cassettes = Cassettes::new(cassettes).staged(workspace.places.state.join("stage"));
    let elsewhere = workspace.elsewhere();
    let tiers = (0..workspace.harness.tiers()).map(|tier| config.tier(tier));
    let made = tiers.map(|config| {
        (options.generators)(GeneratorParts {
            key: config.settings.api_key_env().and_then(options.variable),
            config: &config,
            cassettes: cassettes.clone(),
            servers: &options.servers,
            elsewhere: elsewhere.clone(),
        })
    });
    made.collect()
}

impl Engine {
    /// Opens the ledger and finishes interrupted promotions. The caller holds the writer lock.
    ///
    /// # Errors
    /// The run cannot start.
    /// What keeps the run from starting.
    pub fn open(
        workspace: Arc<Workspace>,
        tools: Arc<ToolSet>,
        isolation: Option<Arc<Probe>>,
        options: Options,
    ) -> Result<Self, CommandError> {
        let places = workspace.places.clone();
        let objects: Arc<dyn ContentStore> = Arc::new(Objects::new(places.state.join("objects")));
        let candidates = Arc::new(Candidates::new(objects.clone()));
        let executor = isolation.map(|probe| {
            workspace.gate_executor(&tools, &probe, candidates.clone(), objects.clone())
        });
        Ok(Self {
            generators: generators(&workspace, &options)?,
            workspace,
            tools,
            options,
            ledger: RefCell::new(Box::new(SqliteLedger::open(&places.ledger())?)),
            candidates,
            objects,
            promoter: Promoter::new(places.root.clone(), places.state.clone()),
            snapshots: RefCell::default(),
            run: Cell::new(0),
            executor,
            accepted: RefCell::default(),
        })
    }

    /// Whether a tier uses the server that every job starts with.
    pub fn same_server(&self, tier: usize) -> bool {
        let Some(config) = &self.workspace.harness.generator else { return true };
        config.tier(tier).settings.address() == config.settings.address()
    }

    /// The generator of a tier.
    pub(super) fn generator(&self, tier: usize) -> Result<&dyn Generator, GenerationError> {
        let generator = self.generators.get(tier).or(self.generators.last());
        generator.map(Arc::as_ref).ok_or_else(|| {
            let message = "harness.toml has no `[generator]`";
            GenerationError::new(Failure::Configuration, message)
        })
    }

    /// The inputs of an attempt.
    pub(super) fn inputs(&self, state: &State, attempt: &Attempt) -> Arc<JobInputs> {
        let target = &state.job.parts[attempt.part].target;
        let inputs = self.workspace.job_inputs(&state.job.spec, target);
        inputs.expect("a job's spec and targets are in the workspace that planned it")
    }

    pub(super) fn spec(&self, state: &State) -> &AdmittedSpec {
        self.workspace.spec(&state.job.spec).expect("a job's spec was admitted in this run")
    }

    pub(super) fn part<'s>(&self, state: &'s State, attempt: &Attempt) -> (&'s TargetJob, &Target) {
        let part = &state.job.parts[attempt.part];
        (part, &self.workspace.harness.target[&part.target])
    }

    /// Where a target's folder is kept with `--keep`.
    pub(super) fn kept(&self, target: &TargetName) -> PathBuf {
        let places = &self.workspace.places;
        let root = Digest::of(places.root.as_os_str().as_encoded_bytes()).short();
        places.cache.join("kept").join(format!("{root}-{target}"))
    }

    pub(super) fn object<T: serde::de::DeserializeOwned>(
        &self,
        digest: Digest,
    ) -> Result<T, CommandError> {
        let bytes = self.objects.get(digest)?;
        serde_json::from_slice(&bytes).map_err(|why| CommandError::new(ErrorKind::Io, why))
    }

    /// Judges the reports of an attempt for its candidate.
    pub(super) fn verdict(
        &self,
        state: &State,
        attempt: &Attempt,
        candidate: &CandidateId,
    ) -> Result<Verdict, CommandError> {
        let gates = &state.job.parts[attempt.part].gates;
        Ok(match judge(&*self.candidates.get(candidate)?, gates, &attempt.reports) {
            Verdict::Refuse(diagnosis) => Verdict::Refuse(self.blamed(state, attempt, diagnosis)),
            verdict => verdict,
        })
    }
}
