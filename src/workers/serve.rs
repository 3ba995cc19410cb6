//! A worker: takes gates and questions from the queues of its pool, does them, and gives back what
//! came of them. It judges nothing and promotes nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;

use super::look::other_versions;
use super::performed::Performed;
use super::queue::ItemNotice;
use super::server::{PATIENCE, ServerLink, WorkServer, WorkersError};
use crate::attest::Signer;
use crate::dispatch::{Item, ItemEnd, ItemQueue, Rota, WorkerModel, WorkerPresence};
use crate::gate::{LocalExecutor, Machine};
use crate::generator::Generator;
use crate::store::Objects;
use crate::types::Digest;

/// How long it waits for work before it looks again.
const LOOK: Duration = Duration::from_secs(2);
/// How long trees and output are kept on its disk.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it tries to give back a result.
const DELIVER: Duration = Duration::from_secs(600);

/// A worker's settings.
#[derive(Debug)]
pub struct WorkerSettings {
    /// What it says of itself.
    pub me: WorkerPresence,
    /// The server.
    pub link: Arc<ServerLink>,
    /// The key that it signs results with.
    pub signer: Option<Signer>,
    /// Where it keeps trees and output.
    pub cache: PathBuf,
    /// The models that it asks.
    pub models: Vec<AskedModel>,
}

/// A model that a worker asks.
#[derive(Debug)]
pub struct AskedModel {
    /// What it says of it.
    pub shown: WorkerModel,
    /// Asks it.
    pub generator: Arc<dyn Generator>,
}

/// The machine of a worker, and who is told what it does.
pub struct WorkerRoom<'a> {
    /// The machine, without validators.
    pub machine: Machine,
    /// Receives lines for people.
    pub say: &'a dyn Fn(&str),
}

/// An item that this worker has.
struct Lease {
    id: Digest,
    item: Item,
    revision: u64,
}

pub(super) struct Worker<'a> {
    pub(super) settings: &'a WorkerSettings,
    pub(super) room: WorkerRoom<'a>,
    pub(super) store: Arc<Objects>,
    /// By the user's validators.
    pub(super) executors: RefCell<BTreeMap<Option<Digest>, Arc<LocalExecutor>>>,
    rota: RefCell<Rota<ItemQueue>>,
    /// Gates since the executors are new.
    pub(super) served: Cell<u32>,
    /// What it has now, with its epoch.
    pub(super) held: RefCell<BTreeMap<Digest, u64>>,
    /// What of that a model may be working for, and its answer.
    pub(super) asking: RefCell<BTreeMap<Digest, Option<Rc<Performed>>>>,
    /// Told when `held` changes.
    pub(super) changed: Notify,
    /// The revision of what it told of itself.
    pub(super) told: Cell<Option<u64>>,
    /// What was said last about the server.
    trouble: RefCell<Option<String>>,
    /// What was said last about coordinators of other versions.
    refused: RefCell<Option<String>>,
}

/// Does what comes until `stop`; then what it has goes back into the queue.
pub async fn serve(
    settings: &WorkerSettings,
    room: WorkerRoom<'_>,
    stop: impl Future<Output = ()>,
) {
    let store = Arc::new(Objects::new(settings.cache.join("objects")));
    if let Err(why) = store.forget(SystemTime::now() - KEPT) {
        tracing::warn!("cannot remove old content: {why}");
    }
    let worker = Worker {
        settings,
        room,
        store,
        executors: RefCell::default(),
        served: Cell::new(0),
        rota: RefCell::default(),
        held: RefCell::default(),
        asking: RefCell::default(),
        changed: Notify::new(),
        told: Cell::new(None),
        trouble: RefCell::default(),
        refused: RefCell::default(),
    };
    // Polled side by side: each may hold the connection while it waits.
    tokio::select! {
        () = stop => {}
        () = worker.take_and_run() => {}
        () = worker.tell_presence() => {}
    }
    // The sandboxes have ended.
    drop(tokio::time::timeout(PATIENCE, worker.leave()).await);
}

impl Worker<'_> {
    pub(super) fn say(&self, text: &str) {
        (self.room.say)(text);
    }

    /// Says once that the server cannot be used, and once that it can again.
    fn server_is(&self, trouble: Option<&WorkersError>) {
        let trouble = trouble.map(ToString::to_string);
        let mut last = self.trouble.borrow_mut();
        match (&*last, &trouble) {
            (None, Some(why)) => self.say(&format!("{why}; trying again")),
            (Some(_), None) => self.say("the server is back"),
            _ => {}
        }
        *last = trouble;
    }

    pub(super) async fn server(&self) -> Option<Arc<WorkServer>> {
        let got = self.settings.link.get().await;
        if let Err(why) = &got {
            self.server_is(Some(why));
        }
        got.ok()
    }

    pub(super) async fn failed(&self, server: &Arc<WorkServer>, why: &WorkersError) {
        self.settings.link.failed(server).await;
        self.server_is(Some(why));
    }

    /// Takes items as long as there are free slots, and runs them.
    async fn take_and_run(&self) {
        let mut running: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        // Not dropped half-way: the message of an item would wait until it is sent again.
        let mut taking: Option<LocalBoxFuture<'_, Lease>> = None;
        loop {
            if taking.is_none() && running.len() < self.settings.me.slots {
                taking = Some(Box::pin(self.take()));
            }
            let taken = async {
                match &mut taking {
                    Some(taking) => taking.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(()) = running.next() => {}
                lease = taken => {
                    taking = None;
                    running.push(Box::pin(self.run(lease)));
                }
            }
        }
    }

    /// Waits until it has an item.
    async fn take(&self) -> Lease {
        loop {
            if let Some(server) = self.server().await {
                match self.next(&server).await {
                    Ok(lease) => {
                        self.server_is(None);
                        match lease {
                            Some(lease) => return lease,
                            None => continue,
                        }
                    }
                    Err(why) => self.failed(&server, &why).await,
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks through the queues in turn, then waits for a while.
    async fn next(&self, server: &Arc<WorkServer>) -> Result<Option<Lease>, WorkersError> {
        let failed = |why: &dyn std::fmt::Display| WorkersError::new("cannot take work", why);
        let wake = format!("regen.wake.{}", self.settings.me.pool);
        let mut woken = server.client.subscribe(wake).await.map_err(|why| failed(&why))?;
        let all = server.queues().await?;
        let other = other_versions(&self.settings.me, all.iter().map(|(queue, _)| queue));
        if *self.refused.borrow() != other {
            other.iter().for_each(|why| self.say(why));
            *self.refused.borrow_mut() = other;
        }
        let mine: BTreeMap<_, _> =
            all.into_iter().filter(|(queue, _)| self.settings.me.serves(queue)).collect();
        self.rota.borrow_mut().know(&mine.keys().cloned().collect());
        // The server removes a queue that is not asked, so those without gates are left alone.
        let mut in_turn = self.rota.borrow().in_turn();
        in_turn.retain(|queue| mine[queue] > 0);
        for queue in in_turn {
            let Some(message) = server.first(&queue).await? else { continue };
            self.rota.borrow_mut().served(&queue);
            let id = message.subject.rsplit('.').next().and_then(Digest::parse);
            let lease = match id {
                Some(id) => self.claim(server, id).await?,
                None => None,
            };
            let told = message.double_ack().await.map_err(|why| failed(&why));
            // An item that was taken is run; its message comes again, and is thrown away then.
            return if lease.is_some() { Ok(lease) } else { told.map(|()| None) };
        }
        drop(tokio::time::timeout(LOOK, woken.next()).await);
        Ok(None)
    }

    /// Takes an item, if no one else has it.
    async fn claim(&self, server: &WorkServer, id: Digest) -> Result<Option<Lease>, WorkersError> {
        let Some((item, revision)) = server.item(id).await? else { return Ok(None) };
        let Some(item) = item.taken(&self.settings.me.name) else { return Ok(None) };
        let changed = server.change(id, &item, Some(revision)).await?;
        Ok(changed.map(|revision| Lease { id, item, revision }))
    }

    async fn run(&self, mut lease: Lease) {
        self.hold(lease.id, Some(lease.item.epoch));
        let begun = Instant::now();
        let (id, epoch) = (lease.id, lease.item.epoch);
        let item = lease.item.clone();
        let ended = {
            let mut work = std::pin::pin!(self.perform(id, &item));
            tokio::select! {
                ended = &mut work => Some(ended),
                () = self.renew(&mut lease) => None,
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        let Some(done) = ended else {
            self.say(&format!("{id:.8}: the lease ended after {seconds:.1} s; it was stopped"));
            return self.hold(id, None);
        };
        let done = Rc::new(done);
        if let Some(answer) = self.asking.borrow_mut().get_mut(&id) {
            *answer = Some(done.clone());
        }
        let mut delivered = std::pin::pin!(self.deliver(id, epoch, &done));
        // A large result over a slow line may take longer than the lease.
        tokio::select! {
            () = &mut delivered => {}
            () = self.renew(&mut lease) => delivered.await,
        }
        self.hold(id, None);
        self.say(&format!("{}: {} in {seconds:.1} s", done.of, done.word));
    }

    fn hold(&self, id: Digest, epoch: Option<u64>) {
        let mut held = self.held.borrow_mut();
        match epoch {
            Some(epoch) => held.insert(id, epoch),
            None => held.remove(&id),
        };
        self.asking.borrow_mut().remove(&id);
        self.changed.notify_one();
    }

    /// How long a lease may go without being renewed. A gate is run again by others; a question is
    /// not asked again, so its answer is kept for the server to come back.
    fn patience(&self, lease: &Lease) -> Duration {
        let asks = self.asking.borrow().contains_key(&lease.id);
        if asks { DELIVER } else { lease.item.lease() / 2 }
    }

    /// Renews a lease until that fails for too long.
    async fn renew(&self, lease: &mut Lease) {
        let length = lease.item.lease();
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(length / 4).await;
            let Ok(server) = self.settings.link.get().await else {
                if renewed.elapsed() > self.patience(lease) {
                    return;
                }
                continue;
            };
            match server.change(lease.id, &lease.item, Some(lease.revision)).await {
                Ok(Some(revision)) => (lease.revision, renewed) = (revision, Instant::now()),
                // It may be its own renewal, whose answer was lost.
                Ok(None) => match server.item(lease.id).await {
                    Ok(Some((item, revision)))
                        if item.is_with(&self.settings.me.name, lease.item.epoch) =>
                    {
                        (lease.revision, renewed) = (revision, Instant::now());
                    }
                    _ => return,
                },
                Err(why) => {
                    self.failed(&server, &why).await;
                    if renewed.elapsed() > self.patience(lease) {
                        return;
                    }
                }
            }
        }
    }

    /// Gives back a result, also to a server that was away.
    async fn deliver(&self, id: Digest, epoch: u64, end: &Performed) {
        let begun = Instant::now();
        while begun.elapsed() < DELIVER {
            if let Some(server) = self.server().await {
                match self.try_deliver(&server, id, epoch, end).await {
                    Ok(()) => return,
                    Err(why) => self.failed(&server, &why).await,
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) async fn try_deliver(
        &self,
        server: &WorkServer,
        id: Digest,
        epoch: u64,
        end: &Performed,
    ) -> Result<(), WorkersError> {
        use base64::Engine as _;
        let me = &self.settings.me.name;
        if let Some(content) = &end.content {
            server.push(content).await?;
        }
        let digest = server.push(&end.bytes).await?;
        let signature = self.settings.signer.as_ref().map(|signer| {
            let (key, signature) = signer.sign(&Item::signed(id, epoch, digest));
            (key, base64::engine::general_purpose::STANDARD.encode(signature))
        });
        let done = ItemEnd { worker: me.clone(), end: digest, signature };
        // Read again where a renewal that was under way came first.
        for _ in 0..8 {
            let Some((item, revision)) = server.item(id).await? else { break };
            if !item.is_with(me, epoch) {
                break;
            }
            if server.change(id, &item.done(done.clone()), Some(revision)).await?.is_some() {
                server.tell(id, ItemNotice::Changed, b"").await;
                return Ok(());
            }
        }
        // Evidence: it is on the server, and nothing refers to it but this line.
        self.say(&format!("{id:.8}: the result {digest} came after the lease; it is not used"));
        Ok(())
    }
}
