//! Executes actions: resolves their digests, checks their requirements, and runs the gate on this
//! machine.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::answering::AnsweringModel;
use super::behaviour::{AnswerGrade, GivenAnswer};
use super::context::{Carried, CarriedResults, GateContext};
use super::dependency_cache::{DependencyCache, LayerBuilder};
use super::gate_inputs::GateInputs;
use super::{behaviour, build, run, service, work};
use crate::process::Listener;
use crate::sandbox::{Probe, SandboxError, WorkOrder, WorkSandbox};
use crate::store::{Candidates, ContentStore};
use crate::toolchain::{self, LinkedTree, Toolchain};
use crate::types::{
    Action, ActionResult, Candidate, CandidateId, Digest, Fingerprint, GateName, GateReport,
    HostTools, Isolation, Link, Outcome, Provenance, ToolSet, Tree,
};

/// Why an action was not run. Says nothing about the candidate.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The candidate's tree cannot be read, or the output cannot be stored.
    #[error(transparent)]
    Content(#[from] io::Error),
    /// The job's inputs cannot be read.
    #[error("cannot read the inputs {digest} of a job: {why}")]
    Inputs {
        /// Their digest.
        digest: Digest,
        /// The problem.
        why: io::Error,
    },
    /// The gate was planned with other tools.
    #[error("the gate `{gate}` was planned with other tools than this machine has ({has})")]
    Tools {
        /// The gate.
        gate: GateName,
        /// The tools of this machine.
        has: String,
    },
    /// No worker of the target's pool can run it.
    #[error("no worker in pool `{pool}` can run the gate `{gate}`: {why}")]
    Pool {
        /// The gate.
        gate: GateName,
        /// The pool.
        pool: String,
        /// What its workers lack.
        why: String,
    },
    /// The isolation level is too low.
    #[error("isolation level {has} is too low; the gate `{gate}` requires at least {wanted}")]
    Isolation {
        /// The gate.
        gate: GateName,
        /// This machine's level.
        has: Isolation,
        /// The required level.
        wanted: Isolation,
    },
}

/// Options of one action.
#[derive(Debug)]
pub struct ExecuteOptions<'a> {
    /// Reports of earlier gates over the same tree.
    pub before: &'a [GateReport],
    /// The current time, for the age of caches.
    pub now: SystemTime,
    /// Receives the output of the gate's programs while they run.
    pub listener: Option<Listener>,
    /// Where candidates' folders are kept with `--keep`.
    pub keep: Option<PathBuf>,
    /// The model under test, for an assistant.
    pub answering: Option<&'a dyn AnsweringModel>,
}

impl ExecuteOptions<'_> {
    /// Options without earlier reports or an output receiver.
    pub fn at(now: SystemTime) -> Self {
        Self { before: &[], now, listener: None, keep: None, answering: None }
    }
}

/// Runs gates, locally or remotely.
pub trait GateExecutor: fmt::Debug {
    /// The tools for a language, by its id; `None` if it has none.
    fn toolchain(&self, language: &str) -> Option<Fingerprint>;

    /// Takes a job's inputs. Actions that name their digest can then be executed.
    ///
    /// # Errors
    /// The inputs cannot be stored.
    fn accept(&self, inputs: &Arc<GateInputs>) -> io::Result<()>;

    /// Runs a gate to its end. When this returns, all its processes have ended and its output is
    /// stored. A failing gate is a report, not an error.
    ///
    /// # Errors
    /// The gate was not run, or its output was not stored.
    fn execute<'a>(
        &'a self,
        action: &'a Action,
        options: ExecuteOptions<'a>,
    ) -> LocalBoxFuture<'a, Result<ActionResult, ExecuteError>>;

    /// Makes ready what a target needs: isolation for services, and the packages that it allows.
    ///
    /// # Errors
    /// Why that cannot be done. It is not the fault of a candidate.
    fn prepare<'a>(
        &'a self,
        inputs: &'a GateInputs,
        now: SystemTime,
    ) -> LocalBoxFuture<'a, Result<(), String>>;

    /// Opens a sandbox in which a generator works on an action's tree.
    ///
    /// # Errors
    /// What this machine lacks.
    fn open<'a>(
        &'a self,
        action: &'a Action,
        order: &'a WorkOrder,
    ) -> LocalBoxFuture<'a, Result<WorkSandbox, String>>;

    /// Formats a candidate. Files that do not parse are unchanged. Gives the names of changed
    /// files.
    ///
    /// # Errors
    /// The sandbox failed.
    fn format<'a>(
        &'a self,
        language: &'a dyn Toolchain,
        tree: &'a Tree,
    ) -> LocalBoxFuture<'a, Result<(Tree, Vec<String>), SandboxError>>;
}

/// This machine's means to run gates.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The tools.
    pub tools: Arc<ToolSet>,
    /// The sandbox, and its isolation level.
    pub probe: Arc<Probe>,
    /// Dependencies of candidates.
    pub layers: DependencyCache,
    /// Folder of the validators.
    pub validators: PathBuf,
    /// Additional files and folders that gates can read.
    pub read_only: Vec<PathBuf>,
}

impl Machine {
    /// The context of a gate, from machine and action.
    fn context<'a>(
        &'a self,
        inputs: &'a GateInputs,
        action: &'a Action,
        control: &'a Candidate,
        linked: &'a LinkedTrees,
        options: ExecuteOptions<'a>,
        carried: &'a CarriedResults,
    ) -> GateContext<'a> {
        GateContext {
            spec: &inputs.spec,
            name: &inputs.name,
            target: &inputs.target,
            gates: &inputs.gates,
            suites: &inputs.suites,
            examples: &inputs.examples,
            contract: &inputs.contract,
            carried: Carried { key: (action.tree, action.inputs), all: carried },
            console: &inputs.console,
            compared: inputs.compared,
            validators: &self.validators,
            tools: &self.tools,
            sandbox: &self.probe.sandbox,
            level: self.probe.level,
            layers: &self.layers,
            read_only: &self.read_only,
            control,
            linked: &linked.code,
            programs: &inputs.programs,
            code: inputs.code.as_ref(),
            unproven: &action.unproven,
            apart: &linked.all,
            proven: &action.proven,
            limits: action.limits,
            timeout: action.timeout,
            now: options.now,
            keep: options.keep,
            answering: options.answering,
            listener: options.listener,
        }
    }
}

/// The promoted trees that an action uses.
#[derive(Debug, Default)]
struct LinkedTrees {
    /// Those that the candidate's code uses.
    code: Vec<LinkedTree>,
    /// These, and those of programs that examples run.
    all: Vec<LinkedTree>,
}

/// Runs gates on this machine.
#[derive(Debug)]
pub struct LocalExecutor {
    machine: Machine,
    candidates: Arc<Candidates>,
    /// Inputs that were sent or found in the store.
    known: Mutex<BTreeMap<Digest, Arc<GateInputs>>>,
    carried: CarriedResults,
}

impl LocalExecutor {
    /// An executor that reads trees from this store and stores output there.
    pub fn new(machine: Machine, store: Arc<dyn ContentStore>) -> Self {
        Self::sharing(machine, Arc::new(Candidates::new(store)))
    }

    /// An executor that shares its candidates.
    pub fn sharing(machine: Machine, candidates: Arc<Candidates>) -> Self {
        Self { machine, candidates, known: Mutex::default(), carried: CarriedResults::default() }
    }

    /// Runs an assistant's tests over answers from elsewhere.
    ///
    /// # Errors
    /// Why they cannot run.
    pub async fn grade(
        &self,
        action: &Action,
        answers: &[GivenAnswer],
        options: ExecuteOptions<'_>,
    ) -> Result<Vec<AnswerGrade>, String> {
        let inputs = self.inputs(action.inputs).map_err(|why| why.to_string())?;
        self.admit(action, &inputs).map_err(|why| why.to_string())?;
        let none = Candidate::new(Tree::default(), Provenance::Promoted);
        let linked = LinkedTrees::default();
        let context = self.machine.context(&inputs, action, &none, &linked, options, &self.carried);
        behaviour::grade(&context, &none, answers).await.map_err(|seen| seen.why())
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

    /// The promoted trees that an action's candidate uses.
    fn linked(&self, action: &Action) -> io::Result<LinkedTrees> {
        let tree = |link: &Link| {
            let id = CandidateId { tree: link.tree, provenance: Provenance::Promoted };
            let tree = self.candidates.get(&id)?.tree().clone();
            Ok(LinkedTree { link: link.clone(), tree })
        };
        let all: Vec<LinkedTree> = action.links.iter().map(tree).collect::<io::Result<_>>()?;
        let code = all.iter().filter(|one| !one.link.apart).cloned().collect();
        Ok(LinkedTrees { code, all })
    }

    /// Checks an action's requirements.
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
        let linked = self.linked(action)?;
        let context =
            self.machine.context(&inputs, action, &control, &linked, options, &self.carried);
        let (mut report, output) = run(&context, &action.gate, &candidate, before).await;
        toolchain::release();
        if !output.is_empty() {
            report.evidence = Some(self.candidates.store().put(&output)?);
        }
        Ok(ActionResult {
            evidence: report.evidence,
            tools: report.tools.clone(),
            isolation: report.isolation,
            worker: None,
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

    fn prepare<'a>(
        &'a self,
        inputs: &'a GateInputs,
        now: SystemTime,
    ) -> LocalBoxFuture<'a, Result<(), String>> {
        let (Machine { tools, probe, layers, .. }, language) = (&self.machine, inputs.language());
        async move {
            if let Some(why) = service::refusal(inputs.target(), &probe.sandbox) {
                return Err(format!("`[target.{}]`: {why}", inputs.name));
            }
            let Some(tools) = tools.get(language.id()) else { return Ok(()) };
            let builder = LayerBuilder { sandbox: &probe.sandbox, tools, language };
            let gate = "check".into();
            let made = layers.packages(builder, &gate, inputs.target(), now).await;
            made.map(drop).map_err(|seen| {
                let why = match seen.outcome {
                    Some(Outcome::Error { message, .. }) => message,
                    _ => "the packages are refused".to_owned(),
                };
                format!("`allowed_dependencies` of `[target.{}]`: {why}", inputs.name)
            })
        }
        .boxed_local()
    }

    fn open<'a>(
        &'a self,
        action: &'a Action,
        order: &'a WorkOrder,
    ) -> LocalBoxFuture<'a, Result<WorkSandbox, String>> {
        async move {
            let said = |why: &dyn fmt::Display| why.to_string();
            let inputs = self.inputs(action.inputs).map_err(|why| said(&why))?;
            self.admit(action, &inputs).map_err(|why| said(&why))?;
            let id = CandidateId { tree: action.tree, provenance: action.provenance.clone() };
            let candidate = self.candidates.get(&id).map_err(|why| said(&why))?;
            let linked = self.linked(action).map_err(|why| said(&why))?;
            let options = ExecuteOptions::at(SystemTime::now());
            let context =
                self.machine.context(&inputs, action, &candidate, &linked, options, &self.carried);
            work::open(&context, &candidate, order).await
        }
        .boxed_local()
    }

    fn format<'a>(
        &'a self,
        language: &'a dyn Toolchain,
        tree: &'a Tree,
    ) -> LocalBoxFuture<'a, Result<(Tree, Vec<String>), SandboxError>> {
        let Machine { tools, probe, layers, .. } = &self.machine;
        async move {
            let Some(tools) = tools.get(language.id()) else {
                return Ok((tree.clone(), Vec::new()));
            };
            let builder = LayerBuilder { sandbox: &probe.sandbox, tools, language };
            build::format(builder, layers, tree, SystemTime::now()).await
        }
        .boxed_local()
    }
}
