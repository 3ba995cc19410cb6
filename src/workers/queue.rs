//! Items and messages: each change of an item replaces the revision that was read.

use std::time::Duration;

use async_nats::Subscriber;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::kv;
use futures::{StreamExt, TryStreamExt};

use super::server::{PATIENCE, WorkServer, WorkersError};
use crate::dispatch::{Item, ItemQueue, WorkerPresence};
use crate::types::Digest;

/// How long a queue without workers is kept, and a message that a worker took and did not accept.
const UNUSED: Duration = Duration::from_secs(600);
const TAKEN: Duration = Duration::from_secs(30);

/// What a notice about an item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemNotice {
    /// Output of its programs follows, or how its answer goes on.
    Output,
    /// It changed.
    Changed,
}

impl WorkServer {
    /// An item with its revision.
    pub(super) async fn item(&self, id: Digest) -> Result<Option<(Item, u64)>, WorkersError> {
        let failed = |why: &dyn std::fmt::Display| WorkersError::new("cannot read an item", why);
        let entry = self.items.entry(id.to_string()).await.map_err(|why| failed(&why))?;
        let Some(entry) = entry.filter(|entry| entry.operation == kv::Operation::Put) else {
            return Ok(None);
        };
        Ok(Some((Item::read(&entry.value), entry.revision)))
    }

    /// Writes an item over the revision that was read, or a new one. Gives the new revision, or
    /// `None` if it was changed meanwhile.
    pub(super) async fn change(
        &self,
        id: Digest,
        item: &Item,
        read: Option<u64>,
    ) -> Result<Option<u64>, WorkersError> {
        use kv::{CreateErrorKind, UpdateErrorKind};
        let bytes = serde_json::to_vec(item).expect("an item is plain data").into();
        let failed = |why: &dyn std::fmt::Display| WorkersError::new("cannot write an item", why);
        match read {
            Some(read) => match self.items.update(id.to_string(), bytes, read).await {
                Ok(revision) => Ok(Some(revision)),
                Err(why) if why.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
                Err(why) => Err(failed(&why)),
            },
            None => match self.items.create(id.to_string(), bytes).await {
                Ok(revision) => Ok(Some(revision)),
                Err(why) if why.kind() == CreateErrorKind::AlreadyExists => Ok(None),
                Err(why) => Err(failed(&why)),
            },
        }
    }

    /// Puts an item into a queue. An item has at most one message in it, so this can be repeated.
    pub(super) async fn enqueue(&self, queue: &ItemQueue, id: Digest) -> Result<(), WorkersError> {
        let failed = |why: &dyn std::fmt::Display| WorkersError::new("cannot queue an item", why);
        let name = queue.to_string();
        let subject = format!("regen.work.{}", queue.subject());
        let config = pull::Config {
            durable_name: Some(name.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: TAKEN,
            max_deliver: -1,
            filter_subject: format!("{subject}.*"),
            inactive_threshold: UNUSED,
            ..pull::Config::default()
        };
        self.work.create_consumer(config).await.map_err(|why| failed(&why))?;
        let sent = self.context.publish(format!("{subject}.{id}"), Default::default()).await;
        sent.map_err(|why| failed(&why))?.await.map_err(|why| failed(&why))?;
        let woken = self.client.publish(format!("regen.wake.{}", queue.pool), Default::default());
        woken.await.map_err(|why| failed(&why))
    }

    /// Tells those who wait for an item. Lost if they are away: they also look by themselves.
    pub(super) async fn tell(&self, id: Digest, notice: ItemNotice, bytes: &[u8]) {
        let mark = if notice == ItemNotice::Output { b'o' } else { b'c' };
        let payload: Vec<u8> = std::iter::once(mark).chain(bytes.iter().copied()).collect();
        drop(self.client.publish(format!("regen.item.{id}"), payload.into()).await);
    }

    /// Tells that a worker is there, in place of what it told last. Gives the revision; `None` if
    /// that is not there any more.
    pub(super) async fn tell_presence(
        &self,
        me: &WorkerPresence,
        last: Option<u64>,
    ) -> Result<Option<u64>, WorkersError> {
        let text = serde_json::to_vec(me).expect("a presence is plain data").into();
        let failed = |why: &dyn std::fmt::Display| {
            WorkersError::new("cannot tell that this worker is here", why)
        };
        let name = me.name.as_str();
        let Some(last) = last else {
            return self.presence.put(name, text).await.map(Some).map_err(|why| failed(&why));
        };
        match self.presence.update(name, text, last).await {
            Ok(revision) => Ok(Some(revision)),
            Err(why) if why.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(why) => Err(failed(&why)),
        }
    }

    /// Every queue on the server, with the number of its gates that wait or were just taken.
    pub(super) async fn queues(&self) -> Result<Vec<(ItemQueue, u64)>, WorkersError> {
        let all: Result<Vec<_>, _> = self.work.consumers().try_collect().await;
        let all = all.map_err(|why| WorkersError::new("cannot list the queues", why))?;
        let known = all.iter().filter_map(|info| {
            let queue = ItemQueue::parse(&info.name)?;
            Some((queue, info.num_pending + info.num_ack_pending as u64))
        });
        Ok(known.collect())
    }

    /// Takes the next message of a queue. A server that goes away never answers.
    pub(super) async fn first(&self, queue: &ItemQueue) -> Result<Option<Message>, WorkersError> {
        let failed = |why: &dyn std::fmt::Display| WorkersError::new("cannot take work", why);
        // Removed meanwhile.
        let Ok(consumer) = self.work.get_consumer::<pull::Config>(&queue.to_string()).await else {
            return Ok(None);
        };
        let fetched = consumer.fetch().max_messages(1).messages().await;
        let mut fetched = fetched.map_err(|why| failed(&why))?;
        let first = tokio::time::timeout(PATIENCE, fetched.next()).await;
        first.map_err(|why| failed(&why))?.transpose().map_err(|why| failed(&why))
    }
}

/// What a notice says.
fn read_notice(payload: &[u8]) -> Option<(ItemNotice, &[u8])> {
    match payload.split_first()? {
        (b'o', output) => Some((ItemNotice::Output, output)),
        (b'c', rest) => Some((ItemNotice::Changed, rest)),
        _ => None,
    }
}

/// Passes progress on until the item changes.
pub(super) async fn until_changed(notices: &mut Subscriber, told: impl Fn(&[u8])) {
    while let Some(message) = notices.next().await {
        match read_notice(&message.payload) {
            Some((ItemNotice::Output, bytes)) => told(bytes),
            Some((ItemNotice::Changed, _)) => return,
            None => {}
        }
    }
    // The connection is closed.
    std::future::pending::<()>().await;
}
