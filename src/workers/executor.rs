//! Runs gates in a pool of workers. What cannot travel, and what no worker takes in time, runs on
//! this machine.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_nats::Subscriber;
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::look::present;
use super::queue::until_changed;
use super::server::{ServerLink, WorkServer, WorkersError};
use super::wait::{Wait, longest};
use crate::attest::PublicKey;
use crate::dispatch::{
    GateDone, GateEnd, GateOrder, GateQueue, Item, ItemState, PoolState, WorkerPresence, pool_state,
};
use crate::gate::{
    ExecuteError, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, validator_manifest,
};
use crate::process::Listener;
use crate::sandbox::{SandboxError, WorkOrder, WorkSandbox};
use crate::store::{ContentStore, files};
use crate::toolchain::{self, GateKind, Toolchain};
use crate::types::{
    Action, ActionResult, Digest, Fingerprint, Tree, WorkersConfig, is_pool_name, limits,
};

/// How often an item is looked at without a notice.
const LOOK: Duration = Duration::from_secs(2);
/// How long a mismatch of a whole pool is watched before it is an error.
const MISMATCH: Duration = Duration::from_secs(5);
/// How often an item is put in the queue again without a change.
const REQUEUE: Duration = Duration::from_secs(60);

/// What a coordinator needs to have gates run elsewhere.
#[derive(Debug)]
pub struct Coordinator {
    /// `[workers]`.
    pub config: WorkersConfig,
    /// The server.
    pub link: Arc<ServerLink>,
    /// The keys of workers whose results count; any if empty.
    pub trusted: Vec<PublicKey>,
    /// The run, for fairness between runs.
    pub run: String,
    /// Folder of the validators.
    pub validators: PathBuf,
    /// Whether gates see files of this machine, which workers do not have.
    pub shows_files: bool,
    /// Trees and output of this workspace.
    pub store: Arc<dyn ContentStore>,
}

/// Runs gates in pools.
#[derive(Debug)]
pub struct PoolExecutor {
    local: LocalExecutor,
    coordinator: Coordinator,
    known: Mutex<BTreeMap<Digest, Arc<GateInputs>>>,
    fleet: tokio::sync::Mutex<Option<(Instant, Vec<WorkerPresence>)>>,
    /// Whether the last gate found no server or no worker.
    alone: AtomicBool,
    /// Why a gate ran here, as it was told last.
    told: Mutex<String>,
    /// When a worker was last seen to have or to end a gate.
    moved: Mutex<Instant>,
}

/// A gate that travels.
struct Travelling<'a> {
    id: Digest,
    order: GateOrder,
    bytes: Vec<u8>,
    inputs: Arc<GateInputs>,
    validators: Option<Tree>,
    queue: GateQueue,
    listener: Option<&'a Listener>,
    /// How long a worker can need for it.
    longest: Duration,
}

/// What a look at an item gave.
enum Looked {
    Result(Box<ActionResult>),
    /// Look again at once.
    Changed,
    Waiting,
    Mismatch(String),
}

impl PoolExecutor {
    /// An executor that sends what it can to workers.
    pub fn new(local: LocalExecutor, coordinator: Coordinator) -> Self {
        Self {
            local,
            coordinator,
            known: Mutex::default(),
            fleet: Default::default(),
            alone: AtomicBool::new(false),
            told: Mutex::default(),
            moved: Mutex::new(Instant::now()),
        }
    }

    fn moved(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether workers took a gate within this time. A worker can be there and take none.
    fn moves(&self, within: Duration) -> bool {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < within
    }

    /// The gate as it travels; `None` if it stays here: what needs this machine's files, variables,
    /// model or tools that only the workspace declares.
    fn travelling<'a>(
        &self,
        action: &Action,
        options: &'a ExecuteOptions<'_>,
    ) -> io::Result<Option<Travelling<'a>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(inputs) = known.get(&action.inputs).cloned() else { return Ok(None) };
        drop(known);
        let Coordinator { config, run, .. } = &self.coordinator;
        let Some(pool) = config.pools.get(inputs.name()) else { return Ok(None) };
        let target = inputs.target();
        let settings = inputs.settings().get(&action.gate);
        let sees = settings.is_some_and(|gate| !gate.env.is_empty() || !gate.secrets.is_empty());
        let stays = sees
            || self.coordinator.shows_files
            || options.keep.is_some()
            || options.answering.is_some()
            || inputs.code().is_some()
            || target.declaration.is_some();
        if stays {
            return Ok(None);
        }
        let kind = toolchain::gate(target, &action.gate).map(|gate| gate.kind);
        if matches!(kind, Some(GateKind::Source | GateKind::Coverage)) {
            // It runs no program.
            return Ok(None);
        }
        let is_own = kind.is_none();
        let validators = if is_own { files::tree(&self.coordinator.validators)? } else { None };
        let of = format!("{}/{}", inputs.spec().id, inputs.name());
        let min_isolation = action.min_isolation.max(config.min_isolation);
        let order = GateOrder {
            action: Action { min_isolation, ..action.clone() },
            before: options.before.to_vec(),
            validators: validators.as_ref().map(Tree::digest),
            of,
        };
        let bytes = serde_json::to_vec(&order).expect("an order is plain data");
        let (id, listener) = (order.id(), options.listener.as_ref());
        let validator = settings.and_then(|gate| gate.validator.as_ref());
        let own = validator.and_then(|name| {
            let manifest = validator_manifest(&self.coordinator.validators.join(name)).ok()?;
            manifest.timeout_s.map(Duration::from_secs)
        });
        let longest = longest(own.unwrap_or_default().max(action.timeout));
        let queue = GateQueue::new(pool, action.toolchain, min_isolation, run);
        Ok(Some(Travelling { id, order, bytes, inputs, validators, queue, listener, longest }))
    }

    async fn run(
        &self,
        action: &Action,
        options: ExecuteOptions<'_>,
    ) -> Result<ActionResult, ExecuteError> {
        let why = match self.travelling(action, &options)? {
            None => return self.local.execute(action, options).await,
            Some(one) => match self.elsewhere(&one).await {
                Ok(Some(result)) => return Ok(result),
                Ok(None) => format!("no worker in pool `{}` took it", one.queue.pool),
                Err(NotElsewhere::Alone(why)) => why,
                Err(NotElsewhere::Mismatch(why)) => {
                    let (gate, pool) = (action.gate.clone(), one.queue.pool);
                    return Err(ExecuteError::Pool { gate, pool, why });
                }
            },
        };
        self.tell(format!("{why}; gates run on this machine"));
        self.local.execute(action, options).await
    }

    /// Tells why gates run here, once.
    fn tell(&self, why: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != why {
            tracing::warn!("{why}");
            *told = why;
        }
    }

    /// Has a gate run by a worker.
    async fn elsewhere(&self, one: &Travelling<'_>) -> Result<Option<ActionResult>, NotElsewhere> {
        let mut wait = Wait::new(one.longest);
        let mut heard: Option<(Arc<WorkServer>, Subscriber)> = None;
        loop {
            match self.look(one, &mut wait, &mut heard).await {
                Ok(Looked::Result(result)) => return Ok(Some(*result)),
                Ok(Looked::Changed) if !wait.is_over() => continue,
                Ok(Looked::Mismatch(why)) => return Err(NotElsewhere::Mismatch(why)),
                Ok(Looked::Waiting | Looked::Changed) => {}
                Err(why) => {
                    wait.is_blind(&why);
                    if let Some((server, _)) = heard.take() {
                        self.coordinator.link.failed(&server).await;
                    }
                }
            }
            if wait.is_over() || self.is_alone(&wait) {
                return Err(NotElsewhere::Alone(wait.why));
            }
            match &mut heard {
                Some((_, notices)) => {
                    let changed = until_changed(notices, one.listener);
                    drop(tokio::time::timeout(LOOK, changed).await);
                }
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Whether this machine goes on by itself. It waits for that once, not again for each gate.
    fn is_alone(&self, wait: &Wait) -> bool {
        let Some(since) = wait.missing else {
            self.alone.store(false, Ordering::Relaxed);
            return false;
        };
        let patience = Duration::from_secs(self.coordinator.config.alone_after_s);
        let alone = self.alone.load(Ordering::Relaxed) || since.elapsed() >= patience;
        self.alone.store(alone, Ordering::Relaxed);
        alone
    }

    async fn look(
        &self,
        one: &Travelling<'_>,
        wait: &mut Wait,
        heard: &mut Option<(Arc<WorkServer>, Subscriber)>,
    ) -> Result<Looked, WorkersError> {
        let server = self.coordinator.link.get().await?;
        if heard.as_ref().is_none_or(|(last, _)| !Arc::ptr_eq(last, &server)) {
            let notices = server.client.subscribe(format!("regen.item.{}", one.id)).await;
            let notices = notices.map_err(|why| WorkersError::new("cannot listen", why))?;
            *heard = Some((server.clone(), notices));
        }
        let Some((item, revision)) = server.item(one.id).await? else {
            let order = self.send(&server, one).await?;
            let item = Item::new(order, self.coordinator.config.lease_s);
            return self.put(&server, one, wait, (&item, None)).await;
        };
        wait.sees(&item);
        match &item.state {
            ItemState::Waiting => self.waiting(&server, one, wait, &item).await,
            ItemState::Leased { worker } => {
                wait.missing = None;
                self.moved();
                if wait.lapse.since(revision, wait.begun.elapsed()) < item.lease() {
                    wait.is_with(worker);
                    return Ok(Looked::Waiting);
                }
                self.again(&server, one, wait, (&item, revision)).await
            }
            ItemState::Done(done) => {
                self.moved();
                let is_new = wait.queued.is_some_and(|(first, ..)| item.epoch >= first);
                match self.result(&server, one, (&item, done), !is_new).await? {
                    Ok(result) => return Ok(Looked::Result(Box::new(result))),
                    // What an earlier run left is not counted.
                    Err(why) if is_new => {
                        wait.refused += 1;
                        wait.why = format!("a result of worker {} is not used: {why}", done.worker);
                    }
                    Err(_) => {}
                }
                self.again(&server, one, wait, (&item, revision)).await
            }
        }
    }

    /// Puts an item into the queue for one more time: a worker that has it loses it.
    async fn again(
        &self,
        server: &WorkServer,
        one: &Travelling<'_>,
        wait: &mut Wait,
        read: (&Item, u64),
    ) -> Result<Looked, WorkersError> {
        let (item, revision) = read;
        let order = self.send(server, one).await?;
        let item = item.again(order, self.coordinator.config.lease_s);
        self.put(server, one, wait, (&item, Some(revision))).await
    }

    async fn put(
        &self,
        server: &WorkServer,
        one: &Travelling<'_>,
        wait: &mut Wait,
        change: (&Item, Option<u64>),
    ) -> Result<Looked, WorkersError> {
        let (item, read) = change;
        wait.puts(item);
        if server.change(one.id, item, read).await?.is_some() {
            server.enqueue(&one.queue, one.id).await?;
            let first = wait.queued.map_or(item.epoch, |(first, ..)| first.min(item.epoch));
            wait.queued = Some((first, item.epoch, Instant::now()));
        }
        Ok(Looked::Changed)
    }

    async fn waiting(
        &self,
        server: &WorkServer,
        one: &Travelling<'_>,
        wait: &mut Wait,
        item: &Item,
    ) -> Result<Looked, WorkersError> {
        let is_queued =
            wait.queued.is_some_and(|(_, epoch, at)| epoch == item.epoch && at.elapsed() < REQUEUE);
        if !is_queued {
            self.send(server, one).await?;
            server.enqueue(&one.queue, one.id).await?;
            let first = wait.queued.map_or(item.epoch, |(first, ..)| first);
            wait.queued = Some((first, item.epoch, Instant::now()));
        }
        let workers = self.workers(server).await?;
        match pool_state(&workers, &one.queue, one.inputs.language().id()) {
            PoolState::Served if self.moves(one.longest) => {
                (wait.missing, wait.mismatch) = (None, None);
            }
            state @ (PoolState::Served | PoolState::Empty) => {
                let how = if state == PoolState::Empty { "is in" } else { "takes gates of" };
                wait.mismatch = None;
                wait.missing.get_or_insert_with(Instant::now);
                wait.why = format!("no worker {how} pool `{}`", one.queue.pool);
            }
            PoolState::Mismatch(why) => {
                let since = *wait.mismatch.get_or_insert_with(Instant::now);
                if since.elapsed() >= MISMATCH {
                    return Ok(Looked::Mismatch(why));
                }
            }
        }
        Ok(Looked::Waiting)
    }

    /// Sends what a worker needs. Gives the digest of the order.
    async fn send(
        &self,
        server: &WorkServer,
        one: &Travelling<'_>,
    ) -> Result<Digest, WorkersError> {
        server.push(&one.inputs.bytes()).await?;
        for digest in one.order.trees() {
            match one.validators.as_ref().filter(|tree| tree.digest() == digest) {
                Some(tree) => server.push_tree(tree).await?,
                None => {
                    let tree = self.coordinator.store.get_tree(digest);
                    let tree = tree.map_err(|why| WorkersError::new("cannot read a tree", why))?;
                    server.push_tree(&tree).await?;
                }
            }
        }
        server.push(&one.bytes).await
    }

    /// The result of an item, or why it is not used.
    async fn result(
        &self,
        server: &WorkServer,
        one: &Travelling<'_>,
        of: (&Item, &GateDone),
        reused: bool,
    ) -> Result<Result<ActionResult, String>, WorkersError> {
        let (item, done) = of;
        if reused && !self.coordinator.config.cache {
            return Ok(Err("results of earlier runs do not count".to_owned()));
        }
        if !is_pool_name(&done.worker) {
            return Ok(Err("it names no worker".to_owned()));
        }
        if !self.is_trusted(one.id, item.epoch, done) {
            return Ok(Err("it is not signed by a key of `trusted`".to_owned()));
        }
        let gone = || Ok(Err("it is gone from the server".to_owned()));
        let Some(bytes) = server.pull(done.end, limits::ORDER_BYTES).await? else { return gone() };
        let (mut result, assumed) = match serde_json::from_slice(&bytes) {
            Err(why) => return Ok(Err(why.to_string())),
            Ok(GateEnd::NotRun { why, missing }) => {
                if missing {
                    server.doubt();
                }
                return Ok(Err(why.chars().take(limits::SHOWN_LINE).collect()));
            }
            Ok(GateEnd::Ran { result, assumed }) => (*result, assumed),
        };
        if let Err(why) = one.order.answered(&result, &assumed, reused) {
            return Ok(Err(why.to_string()));
        }
        if let Some(evidence) = result.evidence {
            let Some(bytes) = server.pull(evidence, limits::OBJECT_BYTES).await? else {
                return gone();
            };
            let kept = self.coordinator.store.put(&bytes);
            kept.map_err(|why| WorkersError::new("cannot store output", why))?;
        }
        result.worker = Some(done.worker.clone());
        result.report.evidence = result.evidence;
        Ok(Ok(result))
    }

    fn is_trusted(&self, id: Digest, epoch: u64, done: &GateDone) -> bool {
        use base64::Engine as _;
        let trusted = &self.coordinator.trusted;
        if trusted.is_empty() {
            return true;
        }
        let Some((key, signature)) = &done.signature else { return false };
        let decoded = base64::engine::general_purpose::STANDARD.decode(signature);
        let message = Item::signed(id, epoch, done.end);
        let mut keys = trusted.iter().filter(|one| one.id() == *key);
        decoded.is_ok_and(|bytes| keys.any(|one| one.verifies(&message, &bytes)))
    }

    /// The workers, as of a moment ago.
    async fn workers(&self, server: &WorkServer) -> Result<Vec<WorkerPresence>, WorkersError> {
        let mut fleet = self.fleet.lock().await;
        if let Some((at, workers)) = &*fleet
            && at.elapsed() < LOOK
        {
            return Ok(workers.clone());
        }
        let workers = present(server).await?;
        *fleet = Some((Instant::now(), workers.clone()));
        Ok(workers)
    }
}

/// Why a gate was not run by a worker.
enum NotElsewhere {
    /// This machine runs it.
    Alone(String),
    /// The pool cannot.
    Mismatch(String),
}

impl GateExecutor for PoolExecutor {
    fn toolchain(&self, language: &str) -> Option<Fingerprint> {
        self.local.toolchain(language)
    }

    fn accept(&self, inputs: &Arc<GateInputs>) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(inputs.digest(), inputs.clone());
        self.local.accept(inputs)
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
        self.local.prepare(inputs, now)
    }

    fn open<'a>(
        &'a self,
        action: &'a Action,
        order: &'a WorkOrder,
    ) -> LocalBoxFuture<'a, Result<WorkSandbox, String>> {
        self.local.open(action, order)
    }

    fn format<'a>(
        &'a self,
        language: &'a dyn Toolchain,
        tree: &'a Tree,
    ) -> LocalBoxFuture<'a, Result<(Tree, Vec<String>), SandboxError>> {
        self.local.format(language, tree)
    }
}
