//! Has errands done by workers: puts them into their queue, watches leases, and takes results.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Subscriber;

use super::look::present;
use super::queue::until_changed;
use super::server::{ServerLink, WorkServer, WorkersError};
use super::wait::Wait;
use crate::attest::PublicKey;
use crate::dispatch::{
    Item, ItemEnd, ItemQueue, ItemState, PoolState, WorkerNeed, WorkerPresence, pool_state,
};
use crate::types::{Digest, WorkersConfig, is_pool_name, limits};

/// How often an item is looked at without a notice.
const LOOK: Duration = Duration::from_secs(2);
/// How long a mismatch of a whole pool is watched before it is an error.
const MISMATCH: Duration = Duration::from_secs(5);
/// How often an item is put in the queue again without a change.
const REQUEUE: Duration = Duration::from_secs(60);

/// Something that workers can do.
pub(super) trait Travel {
    /// Its result.
    type End;

    /// Whether it may be done again after a worker was lost with it. What costs money may not.
    const REPEATS: bool;

    /// Its digest.
    fn id(&self) -> Digest;

    /// Its queue.
    fn queue(&self) -> &ItemQueue;

    /// What a worker needs for it.
    fn wanted(&self) -> WorkerNeed<'_>;

    /// How long a worker can need for it.
    fn longest(&self) -> Duration;

    /// Sends what a worker needs. Gives the digest of the order.
    async fn send(&self, server: &WorkServer) -> Result<Digest, WorkersError>;

    /// Reads the result; `reused` if it is not of this run.
    async fn end(
        &self,
        server: &WorkServer,
        done: &ItemEnd,
        reused: bool,
    ) -> Result<Result<Self::End, Unused>, WorkersError>;

    /// Hears of progress.
    fn told(&self, bytes: &[u8]);
}

/// Why a result is not used.
#[derive(Debug)]
pub(super) enum Unused {
    /// The worker did nothing.
    NotDone(String),
    /// It does not count.
    Wrong(String),
}

impl Unused {
    /// The worker says why it did nothing.
    pub(super) fn not_done(why: String) -> Self {
        Self::NotDone(why.chars().take(limits::SHOWN_LINE).collect())
    }

    /// Content that is gone from the server.
    pub(super) fn gone() -> Self {
        Self::Wrong("it is gone from the server".to_owned())
    }
}

/// Why no worker did something.
#[derive(Debug)]
pub(super) enum NotElsewhere {
    /// This machine does it.
    Alone(String),
    /// The pool cannot.
    Mismatch(String),
    /// A worker may have begun it, and it must not be done again.
    Lost(String),
}

/// What a coordinator needs to have something done elsewhere.
#[derive(Clone, Debug)]
pub struct Coordinator {
    /// `[workers]`.
    pub config: WorkersConfig,
    /// The server.
    pub link: Arc<ServerLink>,
    /// The keys of workers whose results count; any if empty.
    pub trusted: Vec<PublicKey>,
    /// The run, for fairness between runs.
    pub run: String,
}

/// Has errands done by workers.
#[derive(Debug)]
pub(super) struct Dispatcher {
    pub(super) coordinator: Coordinator,
    fleet: tokio::sync::Mutex<Option<(Instant, Vec<WorkerPresence>)>>,
    /// Whether the last errand found no server or no worker.
    alone: AtomicBool,
    /// Why an errand was done here, as it was told last.
    told: Mutex<String>,
    /// When a worker was last seen to have or to end something.
    moved: Mutex<Instant>,
}

/// What a look at an item gave.
enum Looked<T> {
    Result(T),
    /// Look again at once.
    Changed,
    Waiting,
    Mismatch(String),
    Lost(String),
}

impl Dispatcher {
    pub(super) fn new(coordinator: Coordinator) -> Self {
        let (fleet, told) = Default::default();
        let moved = Mutex::new(Instant::now());
        Self { coordinator, fleet, alone: AtomicBool::new(false), told, moved }
    }

    fn moved(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether workers took something within this time. A worker can be there and take nothing.
    fn moves(&self, within: Duration) -> bool {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < within
    }

    /// Tells once why errands are done here.
    pub(super) fn tell(&self, why: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != why {
            tracing::warn!("{why}");
            *told = why;
        }
    }

    /// Has something done by a worker.
    pub(super) async fn elsewhere<T: Travel>(&self, one: &T) -> Result<T::End, NotElsewhere> {
        let mut wait = Wait::new(one.longest());
        let mut heard: Option<(Arc<WorkServer>, Subscriber)> = None;
        loop {
            match self.look(one, &mut wait, &mut heard).await {
                Ok(Looked::Result(result)) => return Ok(result),
                Ok(Looked::Changed) if !wait.is_over() => continue,
                Ok(Looked::Mismatch(why)) if self.withdrawn(one).await => {
                    return Err(NotElsewhere::Mismatch(why));
                }
                Ok(Looked::Mismatch(why)) => {
                    let why = format!("{why}, and a worker can still take it");
                    return Err(NotElsewhere::Lost(why));
                }
                Ok(Looked::Lost(why)) => return Err(NotElsewhere::Lost(why)),
                Ok(Looked::Waiting | Looked::Changed) => {}
                Err(why) => {
                    wait.is_blind(&why);
                    if let Some((server, _)) = heard.take() {
                        self.coordinator.link.failed(&server).await;
                    }
                }
            }
            if wait.is_over() || self.is_alone(&wait) {
                return Err(self.given_up(one, wait).await);
            }
            match &mut heard {
                Some((_, notices)) => {
                    let changed = until_changed(notices, |bytes| one.told(bytes));
                    drop(tokio::time::timeout(LOOK, changed).await);
                }
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// No worker does it: this machine does, if no worker can have begun what must not be repeated.
    async fn given_up<T: Travel>(&self, one: &T, wait: Wait) -> NotElsewhere {
        let why = wait.why;
        if let Some(worker) = wait.with.filter(|_| !T::REPEATS) {
            return NotElsewhere::Lost(format!("worker {worker} has it, and {why}"));
        }
        if T::REPEATS || wait.epoch.is_none() || self.withdrawn(one).await {
            return NotElsewhere::Alone(why);
        }
        NotElsewhere::Lost(format!("{why}, and a worker can still take it"))
    }

    /// Takes back what must not be done twice. Gives whether no worker can have it or take it.
    async fn withdrawn<T: Travel>(&self, one: &T) -> bool {
        if T::REPEATS {
            return true;
        }
        let Ok(server) = self.coordinator.link.get().await else { return false };
        match server.item(one.id()).await {
            Ok(None) => true,
            Ok(Some((item, revision))) if item.state == ItemState::Waiting => {
                let changed = server.change(one.id(), &item.withdrawn(), Some(revision)).await;
                changed.is_ok_and(|changed| changed.is_some())
            }
            Ok(Some(_)) | Err(_) => false,
        }
    }

    /// Whether this machine goes on by itself. It waits for that once, not again for each errand.
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

    async fn look<T: Travel>(
        &self,
        one: &T,
        wait: &mut Wait,
        heard: &mut Option<(Arc<WorkServer>, Subscriber)>,
    ) -> Result<Looked<T::End>, WorkersError> {
        let server = self.coordinator.link.get().await?;
        if heard.as_ref().is_none_or(|(last, _)| !Arc::ptr_eq(last, &server)) {
            let notices = server.client.subscribe(format!("regen.item.{}", one.id())).await;
            let notices = notices.map_err(|why| WorkersError::new("cannot listen", why))?;
            *heard = Some((server.clone(), notices));
        }
        let Some((item, revision)) = server.item(one.id()).await? else {
            if wait.queued.is_some() && !T::REPEATS {
                return Ok(Looked::Lost("the server lost it".to_owned()));
            }
            let order = one.send(&server).await?;
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
                self.lapsed(&server, one, wait, (&item, revision)).await
            }
            ItemState::Done(done) => {
                self.moved();
                let is_new = wait.queued.is_some_and(|(first, ..)| item.epoch >= first);
                let read = match self.counts(one.id(), item.epoch, done) {
                    Ok(()) => one.end(&server, done, !is_new).await?,
                    Err(why) => Err(Unused::Wrong(why.to_owned())),
                };
                match read {
                    Ok(result) => return Ok(Looked::Result(result)),
                    Err(Unused::Wrong(why)) if is_new && !T::REPEATS => {
                        let worker = &done.worker;
                        let why = format!("the result of worker {worker} is not used: {why}");
                        return Ok(Looked::Lost(why));
                    }
                    // What an earlier run left is not counted.
                    Err(Unused::Wrong(why) | Unused::NotDone(why)) if is_new => {
                        wait.refused += 1;
                        wait.why = format!("a result of worker {} is not used: {why}", done.worker);
                    }
                    Err(_) => {}
                }
                self.again(&server, one, wait, (&item, revision)).await
            }
        }
    }

    /// A worker was silent for too long: it loses the item.
    async fn lapsed<T: Travel>(
        &self,
        server: &WorkServer,
        one: &T,
        wait: &mut Wait,
        read: (&Item, u64),
    ) -> Result<Looked<T::End>, WorkersError> {
        if T::REPEATS {
            return self.again(server, one, wait, read).await;
        }
        let (item, revision) = read;
        if server.change(one.id(), &item.withdrawn(), Some(revision)).await?.is_none() {
            return Ok(Looked::Changed);
        }
        let worker = wait.with.take().unwrap_or_default();
        Ok(Looked::Lost(format!("worker {worker} was silent for {} s", item.lease_s)))
    }

    /// Puts an item into the queue for one more time: a worker that has it loses it.
    async fn again<T: Travel>(
        &self,
        server: &WorkServer,
        one: &T,
        wait: &mut Wait,
        read: (&Item, u64),
    ) -> Result<Looked<T::End>, WorkersError> {
        let (item, revision) = read;
        let order = one.send(server).await?;
        let item = item.again(order, self.coordinator.config.lease_s);
        self.put(server, one, wait, (&item, Some(revision))).await
    }

    async fn put<T: Travel>(
        &self,
        server: &WorkServer,
        one: &T,
        wait: &mut Wait,
        change: (&Item, Option<u64>),
    ) -> Result<Looked<T::End>, WorkersError> {
        let (item, read) = change;
        wait.puts(item);
        if server.change(one.id(), item, read).await?.is_some() {
            server.enqueue(one.queue(), one.id()).await?;
            let first = wait.queued.map_or(item.epoch, |(first, ..)| first.min(item.epoch));
            wait.queued = Some((first, item.epoch, Instant::now()));
        }
        Ok(Looked::Changed)
    }

    async fn waiting<T: Travel>(
        &self,
        server: &WorkServer,
        one: &T,
        wait: &mut Wait,
        item: &Item,
    ) -> Result<Looked<T::End>, WorkersError> {
        let is_queued =
            wait.queued.is_some_and(|(_, epoch, at)| epoch == item.epoch && at.elapsed() < REQUEUE);
        if !is_queued {
            one.send(server).await?;
            server.enqueue(one.queue(), one.id()).await?;
            let first = wait.queued.map_or(item.epoch, |(first, ..)| first);
            wait.queued = Some((first, item.epoch, Instant::now()));
        }
        let workers = self.workers(server).await?;
        match pool_state(&workers, one.queue(), one.wanted()) {
            PoolState::Served if self.moves(one.longest()) => {
                (wait.missing, wait.mismatch) = (None, None);
            }
            state @ (PoolState::Served | PoolState::Empty) => {
                let how = if state == PoolState::Empty { "is in" } else { "takes from" };
                wait.mismatch = None;
                wait.missing.get_or_insert_with(Instant::now);
                wait.why = format!("no worker {how} pool `{}`", one.queue().pool);
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

    /// Whether a worker's end counts.
    fn counts(&self, id: Digest, epoch: u64, done: &ItemEnd) -> Result<(), &'static str> {
        if !is_pool_name(&done.worker) {
            return Err("it names no worker");
        }
        let counts = self.is_trusted(id, epoch, done);
        counts.then_some(()).ok_or("it is not signed by a key of `trusted`")
    }

    fn is_trusted(&self, id: Digest, epoch: u64, done: &ItemEnd) -> bool {
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
