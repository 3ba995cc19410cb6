//! One gate's place in the queue: waiting, leased, done. Each change replaces the entry that was
//! read, so that of two writers one loses.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::types::{Digest, Encoder, is_pool_name};

/// A gate in the queue, by the digest of its order's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// How often it was put in the queue. A result of an earlier time does not count.
    pub epoch: u64,
    /// The order's bytes.
    pub order: Digest,
    /// Seconds after which a silent worker loses it.
    pub lease_s: u64,
    /// Its state.
    #[serde(flatten)]
    pub state: ItemState,
}

/// The state of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ItemState {
    /// No worker has it.
    Waiting,
    /// A worker runs it.
    Leased {
        /// Its name.
        worker: String,
    },
    /// It has ended.
    Done(ItemEnd),
}

/// The end of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemEnd {
    /// The worker.
    pub worker: String,
    /// The digest of its [`super::GateEnd`].
    pub end: Digest,
    /// Id of the worker's key, and its signature in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<(String, String)>,
}

impl Item {
    /// A new item.
    pub fn new(order: Digest, lease_s: u64) -> Self {
        Self { epoch: 1, order, lease_s, state: ItemState::Waiting }
    }

    /// Reads an item. One that cannot be read has ended, with a result that is not used, so that
    /// workers leave it and a coordinator replaces it.
    pub fn read(bytes: &[u8]) -> Self {
        let read = serde_json::from_slice::<Self>(bytes).ok();
        let named = read.filter(|item| match &item.state {
            ItemState::Waiting => true,
            ItemState::Leased { worker } | ItemState::Done(ItemEnd { worker, .. }) => {
                is_pool_name(worker)
            }
        });
        named.unwrap_or_else(|| Self::new(Digest::of(""), 0).withdrawn())
    }

    /// The item, ended with a result that is not used: no worker takes it.
    pub fn withdrawn(&self) -> Self {
        let nothing = Digest::of("");
        self.done(ItemEnd { worker: String::new(), end: nothing, signature: None })
    }

    /// How long a silent worker keeps it.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s.clamp(4, 3600))
    }

    /// The item with a worker, if none has it.
    pub fn taken(&self, worker: &str) -> Option<Self> {
        let state = ItemState::Leased { worker: worker.to_owned() };
        (self.state == ItemState::Waiting).then(|| Self { state, ..self.clone() })
    }

    /// Whether a worker has it since `epoch`.
    pub fn is_with(&self, worker: &str, epoch: u64) -> bool {
        let mine = matches!(&self.state, ItemState::Leased { worker: has } if has == worker);
        mine && self.epoch == epoch
    }

    /// The item, ended.
    pub fn done(&self, done: ItemEnd) -> Self {
        Self { state: ItemState::Done(done), ..self.clone() }
    }

    /// The item, in the queue again: the worker that has it loses it.
    pub fn again(&self, order: Digest, lease_s: u64) -> Self {
        Self { epoch: self.epoch.saturating_add(1), order, lease_s, state: ItemState::Waiting }
    }

    /// What a worker signs: its result, for this item and this epoch.
    pub fn signed(id: Digest, epoch: u64, end: Digest) -> Vec<u8> {
        let mut text = Encoder::new("gate-end");
        text.digest(id).number(epoch).digest(end).finish().to_string().into_bytes()
    }
}

/// Watches that something changes in time, by a clock that only goes forward.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lapse {
    /// What was seen last, and since when.
    last: Option<(u64, Duration)>,
}

impl Lapse {
    /// How long the revision has been the same, at the time `now`.
    pub fn since(&mut self, revision: u64, now: Duration) -> Duration {
        match self.last {
            Some((last, since)) if last == revision => now.saturating_sub(since),
            _ => {
                self.last = Some((revision, now));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Item, ItemEnd, ItemState, Lapse};
    use crate::types::Digest;

    #[test]
    fn one_worker_has_an_item_until_it_is_queued_again() {
        let item = Item::new(Digest::of("order"), 60);
        let taken = item.taken("a").expect("it waits");
        assert!(taken.is_with("a", 1) && !taken.is_with("b", 1));
        assert_eq!(taken.taken("b"), None);
        let again = taken.again(Digest::of("order"), 60);
        assert!(!again.is_with("a", 1), "its lease ended");
        let other = again.taken("a").expect("it waits");
        assert!(!other.is_with("a", 1), "of another epoch");
        let end = ItemEnd { worker: "a".to_owned(), end: Digest::of("end"), signature: None };
        let done = other.done(end.clone());
        assert_eq!((done.epoch, &done.state), (2, &ItemState::Done(end)));
        assert_eq!(done.taken("b"), None);
        let text = serde_json::to_string(&done).expect("is plain");
        assert_eq!(Item::read(text.as_bytes()), done);
        for wrong in ["", "[]", &text.replace("\"a\"", "\"\\u001b[2J\"")] {
            let item = Item::read(wrong.as_bytes());
            assert_eq!((item.epoch, item.taken("b")), (1, None), "{wrong}");
        }
    }

    #[test]
    fn a_signature_is_for_one_item_epoch_and_result() {
        let [a, b] = ["a", "b"].map(Digest::of);
        let signed = Item::signed(a, 1, b);
        for other in [Item::signed(b, 1, b), Item::signed(a, 2, b), Item::signed(a, 1, a)] {
            assert_ne!(signed, other);
        }
    }

    #[test]
    fn a_lease_lapses_by_what_is_seen_not_by_what_a_worker_says() {
        let mut lapse = Lapse::default();
        let at = Duration::from_secs;
        assert_eq!(lapse.since(7, at(10)), at(0));
        assert_eq!(lapse.since(7, at(40)), at(30));
        assert_eq!(lapse.since(8, at(41)), at(0), "renewed");
        assert_eq!(lapse.since(8, at(40)), at(0), "a clock never goes back");
    }
}
