//! What people see of workers and queues.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::server::{PATIENCE, ServerAccess, ServerLink, WorkServer, WorkersError, connected};
use crate::dispatch::{ItemQueue, WorkerPresence};

/// The most workers that are listed, and how many are asked for at a time.
const WORKERS: usize = 1000;
const READS: usize = 16;

/// The workers and queues of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FleetView {
    /// The workers, by name.
    pub workers: Vec<WorkerPresence>,
    /// Gates that wait, by pool.
    pub waiting: BTreeMap<String, u64>,
}

/// The workers that were heard of lately.
pub(super) async fn present(server: &WorkServer) -> Result<Vec<WorkerPresence>, WorkersError> {
    let failed = |why: &dyn std::fmt::Display| WorkersError::new("cannot list the workers", why);
    let listed = async {
        let keys = server.presence.keys().await.map_err(|why| failed(&why))?;
        let keys: Vec<String> =
            keys.take(WORKERS).try_collect().await.map_err(|why| failed(&why))?;
        let read = |key: String| async move {
            let bytes = server.presence.get(&key).await.ok()??;
            let one: WorkerPresence = serde_json::from_slice(&bytes).ok()?;
            (one.name == key && one.is_plausible()).then_some(one)
        };
        let read = futures::stream::iter(keys).map(read).buffer_unordered(READS);
        Ok(read.filter_map(std::future::ready).collect::<Vec<_>>().await)
    };
    let listed = tokio::time::timeout(PATIENCE, listed).await;
    let mut workers = listed.map_err(|why| failed(&why))??;
    workers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(workers)
}

/// Looks at the workers and queues.
///
/// # Errors
/// The server cannot be used.
pub async fn look(link: &ServerLink) -> Result<FleetView, WorkersError> {
    let server = link.get().await?;
    let seen = seen(&server).await;
    if seen.is_err() {
        link.failed(&server).await;
    }
    seen
}

async fn seen(server: &WorkServer) -> Result<FleetView, WorkersError> {
    let workers = present(server).await?;
    let mut waiting: BTreeMap<String, u64> = BTreeMap::new();
    for (queue, count) in server.queues().await? {
        let pool = waiting.entry(queue.pool).or_default();
        *pool = pool.saturating_add(count);
    }
    Ok(FleetView { workers, waiting })
}

/// What is seen of the workers, in one line.
pub fn fleet_words(server: &str, seen: &Result<FleetView, WorkersError>) -> String {
    match seen {
        Err(why) => format!("{why}; gates run on this machine after `alone_after_s`"),
        Ok(view) => {
            let busy: usize = view.workers.iter().map(|one| one.busy).sum();
            let slots: usize = view.workers.iter().map(|one| one.slots).sum();
            let waiting: u64 = view.waiting.values().sum();
            let count = view.workers.len();
            format!("{count} at {server}, {busy} of {slots} slots busy, {waiting} waiting")
        }
    }
}

/// A server, as `regen doctor` sees it.
#[derive(Debug)]
pub struct ServerSeen {
    /// Its version.
    pub version: String,
    /// Its workers.
    pub view: FleetView,
    /// What to change, if anything.
    pub hint: Option<String>,
}

/// Checks a server for `regen doctor`: version, JetStream, and how it writes to its disk.
///
/// # Errors
/// What is wrong, with the remedy.
pub async fn check_server(
    address: &str,
    access: &ServerAccess,
    monitor: Option<&str>,
) -> Result<ServerSeen, WorkersError> {
    let client = connected(address, access).await?;
    let version = client.server_info().version;
    let link = ServerLink::new(address, access.clone());
    let view = look(&link).await?;
    let hint = match monitor {
        Some(monitor) => syncs(monitor).await.unwrap_or_else(|why| {
            Some(format!("`[workers] monitor` gives no answer; start the server with `-m`: {why}"))
        }),
        None => Some("set `[workers] monitor` to check `sync_interval` of the server".to_owned()),
    };
    Ok(ServerSeen { version, view, hint })
}

/// What to change in how the server writes to its disk.
async fn syncs(monitor: &str) -> Result<Option<String>, WorkersError> {
    let page = format!("{}/jsz?config=1", monitor.trim_end_matches('/'));
    let failed = |why: &dyn std::fmt::Display| WorkersError::new(&page, why);
    let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build();
    let answer = http.map_err(|why| failed(&why))?.get(&page).send().await;
    let text = answer.map_err(|why| failed(&why))?.text().await.map_err(|why| failed(&why))?;
    let page: serde_json::Value = serde_json::from_str(&text).map_err(|why| failed(&why))?;
    let always = page["config"]["sync_always"].as_bool() == Some(true);
    let hint = "after a power loss the server can lose work that is then done again; set \
                `jetstream { sync_interval: always }`";
    Ok((!always).then(|| hint.to_owned()))
}

/// The queues of a pool that a worker does not serve because of its version.
pub(super) fn other_versions<'a>(
    me: &WorkerPresence,
    queues: impl IntoIterator<Item = &'a ItemQueue>,
) -> Option<String> {
    let mut queues = queues.into_iter();
    let other = queues.find(|one| one.pool == me.pool && one.version != me.version)?;
    let (theirs, ours) = (&other.version, &me.version);
    Some(format!("a coordinator is regen {theirs}, this worker is regen {ours}: it takes nothing"))
}
