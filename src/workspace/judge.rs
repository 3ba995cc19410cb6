//! What candidates of a workspace are judged by, and who runs the gates over them.

use std::sync::Arc;

use super::model::Workspace;
use crate::gate::{DependencyCache, JobInputs, LocalExecutor, Machine};
use crate::sandbox::Probe;
use crate::store::ContentStore;
use crate::types::ToolSet;

impl Workspace {
    /// An executor of this machine for the gates of this workspace.
    pub fn executor(
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
    pub fn job_inputs(&self, spec: &str, target: &str) -> Option<Arc<JobInputs>> {
        let (spec, settings) = (self.spec(spec)?, self.harness.target.get(target)?);
        let suites = self.suites.get(&(spec.id.clone(), target.to_owned()));
        let suites = suites.map(Vec::as_slice).unwrap_or_default();
        let target = (target, settings);
        Some(Arc::new(JobInputs::new((**spec).clone(), target, &self.harness.gate, suites)))
    }
}
