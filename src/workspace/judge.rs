//! Creates the executor of a workspace's gates, and who asks its models elsewhere.

use std::sync::Arc;

use super::error::CommandError;
use super::model::{Workers, Workspace};
use crate::attest::PublicKey;
use crate::gate::{DependencyCache, GateExecutor, LocalExecutor, Machine};
use crate::generator::Elsewhere;
use crate::sandbox::Probe;
use crate::store::{Candidates, ContentStore};
use crate::types::{Digest, ToolSet};
use crate::workers::{Coordinator, GateSources, PoolAsker, PoolExecutor, ServerAccess, ServerLink};

impl Workspace {
    /// Lets gates and questions go to the workers of `[workers]`, if there are any.
    ///
    /// # Errors
    /// A key in `trusted` is invalid; no random numbers.
    pub fn use_workers(
        &mut self,
        variable: fn(&str) -> Option<String>,
    ) -> Result<(), CommandError> {
        let Some(config) = &self.harness.workers else { return Ok(()) };
        let wrong = |why: String| CommandError::usage(format!("`[workers] trusted`: {why}"));
        let trusted: Result<_, _> =
            config.trusted.iter().map(|key| PublicKey::parse(key)).collect();
        let trusted: Vec<PublicKey> = trusted.map_err(wrong)?;
        let mut random = [0u8; 16];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let run = Digest::of(random).to_string().chars().take(12).collect();
        let link = Arc::new(ServerLink::new(&config.server, ServerAccess::read(variable)));
        self.workers = Some(Workers { link, trusted, run });
        Ok(())
    }

    /// The executor of a run: workers, if [`Self::use_workers`] was called, else this machine.
    pub fn gate_executor(
        &self,
        tools: &Arc<ToolSet>,
        probe: &Arc<Probe>,
        candidates: Arc<Candidates>,
        store: Arc<dyn ContentStore>,
    ) -> Arc<dyn GateExecutor> {
        let local = self.executor(tools, probe, candidates);
        let Some(coordinator) = self.coordinator() else { return Arc::new(local) };
        let sources = GateSources {
            validators: self.places.root.join(&self.harness.harness.validators),
            shows_files: !self.read_only().is_empty(),
            store,
        };
        Arc::new(PoolExecutor::new(local, coordinator, sources))
    }

    /// Who asks models in place of this machine.
    pub fn elsewhere(&self) -> Option<Arc<dyn Elsewhere>> {
        Some(Arc::new(PoolAsker::new(&self.coordinator()?)?))
    }

    fn coordinator(&self) -> Option<Coordinator> {
        let (config, workers) = self.harness.workers.as_ref().zip(self.workers.as_ref())?;
        Some(Coordinator {
            config: config.clone(),
            link: workers.link.clone(),
            trusted: workers.trusted.clone(),
            run: workers.run.clone(),
        })
    }

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
