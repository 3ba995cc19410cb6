//! Runs gates in a pool of workers. What cannot travel, and what no worker takes in time, runs on
//! this machine.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::dispatcher::{Coordinator, Dispatcher, NotElsewhere, Travel, Unused};
use super::server::{WorkServer, WorkersError};
use super::wait::longest;
use crate::dispatch::{Errand, GateEnd, GateOrder, ItemEnd, ItemQueue, WorkerNeed};
use crate::gate::{
    ExecuteError, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, validator_manifest,
};
use crate::process::Listener;
use crate::sandbox::{SandboxError, WorkOrder, WorkSandbox};
use crate::store::{ContentStore, files};
use crate::toolchain::{self, GateKind, Toolchain};
use crate::types::{Action, ActionResult, Digest, Fingerprint, Tree, limits};

/// What gates are made of.
#[derive(Debug)]
pub struct GateSources {
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
    dispatcher: Dispatcher,
    sources: GateSources,
    known: Mutex<BTreeMap<Digest, Arc<GateInputs>>>,
}

/// A gate that travels.
struct TravellingGate<'a> {
    id: Digest,
    order: GateOrder,
    inputs: Arc<GateInputs>,
    validators: Option<Tree>,
    queue: ItemQueue,
    listener: Option<&'a Listener>,
    /// How long a worker can need for it.
    longest: Duration,
    store: &'a dyn ContentStore,
    /// Whether results of earlier runs count.
    cache: bool,
}

impl PoolExecutor {
    /// An executor that sends what it can to workers.
    pub fn new(local: LocalExecutor, coordinator: Coordinator, sources: GateSources) -> Self {
        let dispatcher = Dispatcher::new(coordinator);
        Self { local, dispatcher, sources, known: Mutex::default() }
    }

    /// The gate as it travels; `None` if it stays here: what needs this machine's files, variables,
    /// model or tools that only the workspace declares.
    fn travelling<'a>(
        &'a self,
        action: &Action,
        options: &'a ExecuteOptions<'_>,
    ) -> io::Result<Option<TravellingGate<'a>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(inputs) = known.get(&action.inputs).cloned() else { return Ok(None) };
        drop(known);
        let Coordinator { config, run, .. } = &self.dispatcher.coordinator;
        let GateSources { validators, shows_files, store } = &self.sources;
        let Some(pool) = config.pools.get(inputs.name()) else { return Ok(None) };
        let target = inputs.target();
        let settings = inputs.settings().get(&action.gate);
        let sees = settings.is_some_and(|gate| !gate.env.is_empty() || !gate.secrets.is_empty());
        let stays = sees
            || *shows_files
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
        let tree = if is_own { files::tree(validators)? } else { None };
        let of = format!("{}/{}", inputs.spec().id, inputs.name());
        let min_isolation = action.min_isolation.max(config.min_isolation);
        let order = GateOrder {
            action: Action { min_isolation, ..action.clone() },
            before: options.before.to_vec(),
            validators: tree.as_ref().map(Tree::digest),
            of,
        };
        let (id, listener) = (order.id(), options.listener.as_ref());
        let validator = settings.and_then(|gate| gate.validator.as_ref());
        let own = validator.and_then(|name| {
            let manifest = validator_manifest(validators, name).ok()?;
            manifest.timeout_s.map(Duration::from_secs)
        });
        let longest = longest(own.unwrap_or_default().max(action.timeout));
        let queue = ItemQueue::new(pool, action.toolchain, min_isolation, run);
        let (store, cache) = (store.as_ref(), config.cache);
        Ok(Some(TravellingGate {
            id,
            order,
            inputs,
            validators: tree,
            queue,
            listener,
            longest,
            store,
            cache,
        }))
    }

    async fn run(
        &self,
        action: &Action,
        options: ExecuteOptions<'_>,
    ) -> Result<ActionResult, ExecuteError> {
        let why = match self.travelling(action, &options)? {
            None => return self.local.execute(action, options).await,
            Some(one) => match self.dispatcher.elsewhere(&one).await {
                Ok(result) => return Ok(*result),
                Err(NotElsewhere::Alone(why) | NotElsewhere::Lost(why)) => why,
                Err(NotElsewhere::Mismatch(why)) => {
                    let (gate, pool) = (action.gate.clone(), one.queue.pool);
                    return Err(ExecuteError::Pool { gate, pool, why });
                }
            },
        };
        self.dispatcher.tell(format!("{why}; gates run on this machine"));
        self.local.execute(action, options).await
    }
}

impl Travel for TravellingGate<'_> {
    type End = Box<ActionResult>;

    const REPEATS: bool = true;

    fn id(&self) -> Digest {
        self.id
    }

    fn queue(&self) -> &ItemQueue {
        &self.queue
    }

    fn wanted(&self) -> WorkerNeed<'_> {
        WorkerNeed::Language(self.inputs.language().id())
    }

    fn longest(&self) -> Duration {
        self.longest
    }

    async fn send(&self, server: &WorkServer) -> Result<Digest, WorkersError> {
        server.push(&self.inputs.bytes()).await?;
        for digest in self.order.trees() {
            match self.validators.as_ref().filter(|tree| tree.digest() == digest) {
                Some(tree) => server.push_tree(tree).await?,
                None => {
                    let tree = self.store.get_tree(digest);
                    let tree = tree.map_err(|why| WorkersError::new("cannot read a tree", why))?;
                    server.push_tree(&tree).await?;
                }
            }
        }
        server.push(&Errand::Gate(self.order.clone()).bytes()).await
    }

    async fn end(
        &self,
        server: &WorkServer,
        done: &ItemEnd,
        reused: bool,
    ) -> Result<Result<Box<ActionResult>, Unused>, WorkersError> {
        let wrong = |why: String| Ok(Err(Unused::Wrong(why)));
        if reused && !self.cache {
            return wrong("results of earlier runs do not count".to_owned());
        }
        let Some(bytes) = server.pull(done.end, limits::ORDER_BYTES).await? else {
            return Ok(Err(Unused::gone()));
        };
        let (mut result, assumed) = match serde_json::from_slice(&bytes) {
            Err(why) => return wrong(why.to_string()),
            Ok(GateEnd::NotRun { why, missing }) => {
                if missing {
                    server.doubt();
                }
                return Ok(Err(Unused::not_done(why)));
            }
            Ok(GateEnd::Ran { result, assumed }) => (result, assumed),
        };
        if let Err(why) = self.order.answered(&result, &assumed, reused) {
            return wrong(why.to_string());
        }
        if let Some(evidence) = result.evidence {
            let Some(bytes) = server.pull(evidence, limits::OBJECT_BYTES).await? else {
                return Ok(Err(Unused::gone()));
            };
            let kept = self.store.put(&bytes);
            kept.map_err(|why| WorkersError::new("cannot store output", why))?;
        }
        result.worker = Some(done.worker.clone());
        result.report.evidence = result.evidence;
        Ok(Ok(result))
    }

    fn told(&self, bytes: &[u8]) {
        if let Some(listener) = self.listener {
            listener.0(bytes);
        }
    }
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
