//! What a run works with: the workspace, the tools, the ledger, the objects, the generators.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::observer::Observer;
use crate::gate::{DependencyCache, HostTools};
use crate::generator::{Cassettes, Generator, RateLimits};
use crate::pipeline::{Attempt, State};
use crate::promote::Promoter;
use crate::sandbox::Probe;
use crate::store::{Ledger, Objects};
use crate::types::{AdmittedSpec, Candidate, Digest, Provenance, Target, TargetJob};
use crate::verdict::{Verdict, judge};
use crate::workspace::{CommandError, ErrorKind, Workspace};

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
    /// Who watches.
    pub observer: Arc<dyn Observer + Send + Sync>,
}

/// The engine of one run.
pub struct Engine {
    pub(super) workspace: Arc<Workspace>,
    pub(super) tools: Arc<HostTools>,
    pub(super) options: Options,
    /// Held for single steps only, never while something else is waited for.
    pub(super) ledger: RefCell<Ledger>,
    pub(super) objects: Objects,
    pub(super) promoter: Promoter,
    pub(super) generators: Vec<Generator>,
    pub(super) run: Cell<i64>,
    /// How candidates are kept apart; a run without work does not ask.
    pub(super) isolation: Option<Arc<Probe>>,
    pub(super) layers: DependencyCache,
}

impl Engine {
    /// Opens the ledger and finishes what a killed run left between `generated/` and the ledger.
    /// The caller holds the writer lock.
    ///
    /// # Errors
    /// What keeps the run from starting.
    pub fn open(
        workspace: Arc<Workspace>,
        (tools, isolation): (Arc<HostTools>, Option<Arc<Probe>>),
        options: Options,
    ) -> Result<Self, CommandError> {
        let places = workspace.places.clone();
        let config = &workspace.harness.generator;
        let cassettes = Cassettes::new(places.root.join(&workspace.harness.harness.cassettes));
        let generators = (0..=config.tiers.len()).map(|tier| {
            let tier = config.tier(tier);
            let key = tier.api_key_env.as_ref().and_then(|name| (options.variable)(name));
            Generator::new(tier, key, cassettes.clone(), &options.servers)
        });
        Ok(Self {
            generators: generators.collect::<Result<_, _>>()?,
            workspace,
            tools,
            options,
            ledger: RefCell::new(Ledger::open(&places.ledger())?),
            objects: Objects::new(places.state.join("objects")),
            promoter: Promoter::new(places.root.clone(), places.state.clone()),
            run: Cell::new(0),
            isolation,
            layers: DependencyCache::new(&places.cache),
        })
    }

    /// Whether the generator of a tier is the server that every job begins with.
    pub fn same_server(&self, tier: usize) -> bool {
        let config = &self.workspace.harness.generator;
        config.tier(tier).base_url == config.base_url
    }

    pub(super) fn spec(&self, state: &State) -> &AdmittedSpec {
        self.workspace.spec(&state.job.spec).expect("a job's spec was admitted in this run")
    }

    pub(super) fn part<'s>(&self, state: &'s State, attempt: &Attempt) -> (&'s TargetJob, &Target) {
        let part = &state.job.parts[attempt.part];
        (part, &self.workspace.harness.target[&part.target])
    }

    pub(super) fn isolation(&self) -> &Probe {
        self.isolation.as_ref().expect("a run with work has a sandbox")
    }

    /// Where a target's workspace is left for a person to look into.
    pub(super) fn kept(&self, target: &str) -> PathBuf {
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

    pub(super) fn candidate(&self, attempt: &Attempt) -> Result<Candidate, CommandError> {
        let digest = attempt.tree.unwrap_or_else(|| Digest::of(""));
        let provenance = match attempt.completion {
            Some(completion) => Provenance::Completion(completion),
            None => Provenance::Promoted,
        };
        Ok(Candidate::new(self.objects.get_tree(digest)?, provenance))
    }

    pub(super) fn verdict(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Verdict, CommandError> {
        let gates = &state.job.parts[attempt.part].gates;
        Ok(judge(&self.candidate(attempt)?, gates, &attempt.reports))
    }
}
