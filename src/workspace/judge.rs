//! Creates the executor of a workspace's gates.

use std::sync::Arc;

use super::model::Workspace;
use crate::gate::{DependencyCache, LocalExecutor, Machine};
use crate::sandbox::Probe;
use crate::store::Candidates;
use crate::types::ToolSet;

impl Workspace {
    /// An executor on this machine for the gates of this workspace.
    pub fn executor(
        &self,
        tools: &Arc<ToolSet>,
        probe: &Arc<Probe>,
        candidates: Arc<Candidates>,
    ) -> LocalExecutor {
        let machine = Machine {
            tools: tools.clone(),
            probe: probe.clone(),
            layers: DependencyCache::new(&self.places.cache),
            validators: self.places.root.join(&self.harness.harness.validators),
            read_only: self.read_only(),
        };
        LocalExecutor::sharing(machine, candidates)
    }
}
