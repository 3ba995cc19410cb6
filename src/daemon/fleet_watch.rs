//! The workers of `[workers]`, as the daemon shows them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::types::WorkersConfig;
use crate::workers::{FleetView, ServerLink, WorkersError, fleet_words, look};

/// How old what is shown may be.
const FRESH: Duration = Duration::from_secs(2);

/// The workers when they were last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSeen {
    /// The pools of the configuration.
    pub pools: BTreeSet<String>,
    /// What was seen.
    pub view: Result<FleetView, WorkersError>,
}

/// Looks at the workers when asked.
#[derive(Debug, Default)]
pub struct FleetWatch {
    server: Mutex<Option<(Arc<ServerLink>, BTreeSet<String>)>>,
    last: tokio::sync::Mutex<Option<(Instant, FleetSeen)>>,
}

impl FleetWatch {
    fn server(&self) -> MutexGuard<'_, Option<(Arc<ServerLink>, BTreeSet<String>)>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the server of the configuration. A connection to the same server is kept.
    pub fn configured(&self, server: Option<(&WorkersConfig, Arc<ServerLink>)>) {
        let mut now = self.server();
        let last = now.take().map(|(link, _)| link);
        *now = server.map(|(config, link)| {
            let same = last.filter(|last| last.server == link.server);
            (same.unwrap_or(link), config.pools.values().cloned().collect())
        });
    }

    /// Whether there is a server, and neither a fresh look at it nor one under way.
    pub fn is_due(&self) -> bool {
        let is_old = |(at, _): &(Instant, FleetSeen)| at.elapsed() >= FRESH;
        let last = self.last.try_lock();
        self.server().is_some() && last.is_ok_and(|last| last.as_ref().is_none_or(is_old))
    }

    /// The workers as of a moment ago; `None` without `[workers]`.
    pub async fn seen(&self) -> Option<FleetSeen> {
        let (link, pools) = self.server().clone()?;
        let mut last = self.last.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < FRESH
            && seen.pools == pools
        {
            return Some(seen.clone());
        }
        let seen = FleetSeen { pools, view: look(&link).await };
        *last = Some((Instant::now(), seen.clone()));
        Some(seen)
    }

    /// The same in one line.
    pub async fn words(&self) -> Option<String> {
        let seen = self.seen().await?;
        let server = self.server().as_ref().map(|(link, _)| link.server.clone())?;
        Some(fleet_words(&server, &seen.view))
    }
}
