//! Gates as actions: what the engine asks of an executor, for a job of a run and for
//! `check --rerun`.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Engine, EngineError, Workspace};
use crate::gate::{
    DependencyCache, ExecuteError, ExecuteOptions, GateExecutor, JobInputs, LocalExecutor, Machine,
};
use crate::pipeline::{Attempt, State};
use crate::process::Listener;
use crate::sandbox::Probe;
use crate::store::ContentStore;
use crate::types::{Action, Digest, Event, Job, Provenance, ToolSet};

impl From<ExecuteError> for EngineError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Content(why) => Self::Io(why),
            ExecuteError::Isolation { .. } => Self::Isolation(error.to_string()),
            other => Self::Io(std::io::Error::other(other)),
        }
    }
}

impl Workspace {
    /// An executor of this machine for the gates of this workspace.
    pub(super) fn executor(
        &self,
        (tools, probe): (&Arc<ToolSet>, &Arc<Probe>),
        store: Arc<dyn ContentStore>,
    ) -> LocalExecutor {
        let machine = Machine {
            tools: tools.clone(),
            probe: probe.clone(),
            layers: DependencyCache::new(&self.places.cache),
            validators: self.places.root.join(&self.harness.harness.validators),
            read_only: self.read_only(),
        };
        LocalExecutor::new(machine, store)
    }

    /// What candidates of a target are judged by. `None` where there is no such spec or target.
    pub(super) fn job_inputs(&self, spec: &str, target: &str) -> Option<Arc<JobInputs>> {
        let (spec, settings) = (self.spec(spec)?, self.harness.target.get(target)?);
        let suites = self.suites.get(&(spec.id.clone(), target.to_owned()));
        let suites = suites.map(Vec::as_slice).unwrap_or_default();
        let target = (target, settings);
        Some(Arc::new(JobInputs::new((**spec).clone(), target, &self.harness.gate, suites)))
    }
}

impl Engine {
    pub(super) fn executor(&self) -> &dyn GateExecutor {
        self.executor.as_deref().expect("a run with work has an executor")
    }

    pub(super) async fn gate(
        &self,
        state: &State,
        attempt: &Attempt,
        gate: usize,
    ) -> Result<Event, EngineError> {
        let part = &state.job.parts[attempt.part];
        let name = &part.gates[gate];
        let inputs = self.job_inputs(&state.job.spec, &part.target)?;
        let tree = attempt.tree.unwrap_or_else(|| Digest::of(""));
        let candidate = (tree, Provenance::of(attempt.completion));
        let (executor, language) = (self.executor(), inputs.language().id());
        let action = Action {
            min_isolation: self.workspace.harness.sandbox.min_level,
            proven: self.ledger.borrow().proven()?,
            ..inputs.action(name, executor.toolchain(language).unwrap_or_default(), candidate)
        };
        let options = ExecuteOptions {
            before: &attempt.reports,
            now: SystemTime::now(),
            listener: Some(self.listener(&state.job, name)),
            keep: self.options.keep.then(|| self.kept(&part.target)),
        };
        let result = executor.execute(&action, options).await?;
        Ok(Event::GateReported { attempt: attempt.number, report: result.report })
    }

    /// What candidates of a target are judged by, made known to the executor.
    fn job_inputs(&self, spec: &str, target: &str) -> Result<Arc<JobInputs>, EngineError> {
        let at = (spec.to_owned(), target.to_owned());
        if let Some(inputs) = self.inputs.borrow().get(&at) {
            return Ok(inputs.clone());
        }
        let inputs = self.workspace.job_inputs(spec, target);
        let inputs = inputs.expect("a job's spec and target are in its workspace");
        self.executor().accept(&inputs)?;
        self.inputs.borrow_mut().insert(at, inputs.clone());
        Ok(inputs)
    }

    fn listener(&self, job: &Job, gate: &str) -> Listener {
        let (observer, job) = (self.options.observer.clone(), job.clone());
        let gate = gate.to_owned();
        Listener(Arc::new(move |bytes| observer.output(&job, &gate, bytes)))
    }
}
