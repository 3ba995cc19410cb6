//! Runs gates that are given as data: resolves an action's digests, demands what it demands, and
//! runs the gate on this machine.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::context::GateContext;
use super::dependency_cache::DependencyCache;
use super::gate_inputs::GateInputs;
use super::{build, run};
use crate::process::Listener;
use crate::sandbox::{Probe, SandboxError};
use crate::store::{Candidates, ContentStore};
use crate::toolchain::{self, Toolchain};
use crate::types::{
    Action, ActionResult, Candidate, CandidateId, Digest, Fingerprint, GateName, GateReport,
    HostTools, Isolation, Provenance, ToolSet, Tree,
};

/// An action was not run. Says nothing about the candidate.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The candidate's tree cannot be read, or the output cannot be kept.
    #[error(transparent)]
    Content(#[from] io::Error),
    /// The job's inputs cannot be read.
    #[error("the inputs {digest} of a job: {why}")]
    Inputs {
        /// Their digest.
        digest: Digest,
        /// What is wrong with them.
        why: io::Error,
    },
    /// The gate was planned with other tools.
    #[error("the gate `{gate}` was planned with other tools than those of this machine ({has})")]
    Tools {
        /// The gate.
        gate: GateName,
        /// The tools that are here.
        has: String,
    },
    /// Programs cannot be isolated well enough.
    #[error("isolation is at level {has} here, and the gate `{gate}` requires at least {wanted}")]
    Isolation {
        /// The gate.
        gate: GateName,
        /// The level that is here.
        has: Isolation,
        /// The level that is required.
        wanted: Isolation,
    },
}

/// How one action is run, beside what it says itself.
#[derive(Debug)]
pub struct ExecuteOptions<'a> {
    /// Reports of the gates that ran over the same tree before.
    pub before: &'a [GateReport],
    /// The time: what is kept for later actions ages by it.
    pub now: SystemTime,
    /// Hears what the gate's programs print, while they do.
    pub listener: Option<Listener>,
    /// A folder where workspaces are left for a person to look into.
    pub keep: Option<PathBuf>,
}

impl ExecuteOptions<'_> {
    /// Options of an action that is the first over its tree, and that nobody watches.
    pub fn at(now: SystemTime) -> Self {
        Self { before: &[], now, listener: None, keep: None }
    }
}

/// Runs gates, here or elsewhere.
pub trait GateExecutor: fmt::Debug {
    /// The tools that it runs for a language, by the language's id; `None` where it has none.
    fn toolchain(&self, language: &str) -> Option<Fingerprint>;

    /// Takes a job's inputs. Once this returns, actions that name their digest can be executed.
    ///
    /// # Errors
    /// They cannot be kept where the executor reads them.
    fn accept(&self, inputs: &Arc<GateInputs>) -> io::Result<()>;

    /// Runs a gate to its end. Once this returns, nothing that it started is left, and its output
    /// is in the content store. A gate that fails is a report, never an error.
    ///
    /// # Errors
    /// The gate was not run, or its output was not kept.
    fn execute<'a>(
        &'a self,
        action: &'a Action,
        options: ExecuteOptions<'a>,
    ) -> LocalBoxFuture<'a, Result<ActionResult, ExecuteError>>;

    /// Formats a candidate with the formatter of the tools. What does not parse stays as it is.
    /// Gives the names of changed files.
    ///
    /// # Errors
    /// The sandbox failed.
    fn format<'a>(
        &'a self,
        language: &'a dyn Toolchain,
        tree: &'a Tree,
    ) -> LocalBoxFuture<'a, Result<(Tree, Vec<String>), SandboxError>>;
}

/// What this machine runs gates with.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The tools.
    pub tools: Arc<ToolSet>,
    /// The sandbox, and the isolation that it gives here.
    pub probe: Arc<Probe>,
    /// Dependencies of candidates.
    pub layers: DependencyCache,
    /// Folder of the validators.
    pub validators: PathBuf,
    /// Further files and folders that gates can read.
    pub read_only: Vec<PathBuf>,
}

impl Machine {
    /// What a gate works with, out of what the machine has and what an action says.
    fn context<'a>(
        &'a self,
        inputs: &'a GateInputs,
        action: &'a Action,
        control: &'a Candidate,
        options: ExecuteOptions<'_>,
    ) -> GateContext<'a> {
        GateContext {
            spec: &inputs.spec,
            name: &inputs.name,
            target: &inputs.target,
            gates: &inputs.gates,
            suites: &inputs.suites,
            examples: &inputs.examples,
            validators: &self.validators,
            tools: &self.tools,
            sandbox: &self.probe.sandbox,
            level: self.probe.level,
            layers: &self.layers,
            read_only: &self.read_only,
            control,
            proven: &action.proven,
            limits: action.limits,
            timeout: action.timeout,
            now: options.now,
            keep: options.keep,
            listener: options.listener,
        }
    }
}

/// Runs gates on this machine.
#[derive(Debug)]
pub struct LocalExecutor {
    machine: Machine,
    candidates: Arc<Candidates>,
    /// Inputs that were accepted, or found in the store.
    known: Mutex<BTreeMap<Digest, Arc<GateInputs>>>,
}

impl LocalExecutor {
    /// An executor that reads trees from this store and keeps output there.
    pub fn new(machine: Machine, store: Arc<dyn ContentStore>) -> Self {
        Self::sharing(machine, Arc::new(Candidates::new(store)))
    }

    /// An executor that shares the candidates that it reads.
    pub fn sharing(machine: Machine, candidates: Arc<Candidates>) -> Self {
        Self { machine, candidates, known: Mutex::default() }
    }

    fn inputs(&self, digest: Digest) -> Result<Arc<GateInputs>, ExecuteError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inputs) = known.get(&digest) {
            return Ok(inputs.clone());
        }
        let read = self.candidates.store().get(digest).and_then(|bytes| GateInputs::read(&bytes));
        let inputs = Arc::new(read.map_err(|why| ExecuteError::Inputs { digest, why })?);
        known.insert(digest, inputs.clone());
        Ok(inputs)
    }

    /// Demands what an action demands of a machine.
    fn admit(&self, action: &Action, inputs: &GateInputs) -> Result<(), ExecuteError> {
        let Machine { tools, probe, .. } = &self.machine;
        let gate = action.gate.clone();
        let language = toolchain::of(&inputs.target).id();
        if Some(action.toolchain) != self.toolchain(language) {
            return Err(ExecuteError::Tools { gate, has: tools.version(language).to_owned() });
        }
        if action.min_isolation > probe.level {
            let (has, wanted) = (probe.level, action.min_isolation);
            return Err(ExecuteError::Isolation { gate, has, wanted });
        }
        Ok(())
    }

    async fn run(
        &self,
        action: &Action,
        options: ExecuteOptions<'_>,
    ) -> Result<ActionResult, ExecuteError> {
        let inputs = self.inputs(action.inputs)?;
        self.admit(action, &inputs)?;
        let provenance = action.provenance.clone();
        let candidate = self.candidates.get(&CandidateId { tree: action.tree, provenance })?;
        let before = options.before;
        let control = match action.control {
            Some(tree) => {
                self.candidates.get(&CandidateId { tree, provenance: Provenance::Promoted })?
            }
            None => Arc::new(Candidate::new(Tree::default(), Provenance::Promoted)),
        };
        let context = self.machine.context(&inputs, action, &control, options);
        let (mut report, output) = run(&context, &action.gate, &candidate, before).await;
        if !output.is_empty() {
            report.evidence = Some(self.candidates.store().put(&output)?);
        }
        Ok(ActionResult {
            evidence: report.evidence,
            tools: report.tools.clone(),
            isolation: report.isolation,
            worker: "local".to_owned(),
            report,
        })
    }
}

impl GateExecutor for LocalExecutor {
    fn toolchain(&self, language: &str) -> Option<Fingerprint> {
        self.machine.tools.get(language).map(HostTools::fingerprint)
    }

    fn accept(&self, inputs: &Arc<GateInputs>) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(inputs.digest(), inputs.clone());
        Ok(())
    }

    fn execute<'a>(
        &'a self,
        action: &'a Action,
        options: ExecuteOptions<'a>,
    ) -> LocalBoxFuture<'a, Result<ActionResult, ExecuteError>> {
        self.run(action, options).boxed_local()
    }

    fn format<'a>(
        &'a self,
        language: &'a dyn Toolchain,
        tree: &'a Tree,
    ) -> LocalBoxFuture<'a, Result<(Tree, Vec<String>), SandboxError>> {
        let Machine { tools, probe, .. } = &self.machine;
        build::format(tools, language, &probe.sandbox, tree).boxed_local()
    }
}
