//! How long something on workers is waited for. Each wait has an end, whatever workers and server
//! do.

use std::time::{Duration, Instant};

use super::server::WorkersError;
use crate::dispatch::{Item, ItemState, Lapse};
use crate::types::limits;

/// How many results of an item are refused before this machine does it.
const REFUSED: u32 = 3;
/// How often an item is put in the queue before this machine does it.
const QUEUED: u32 = 10;

/// How the wait for an item goes on.
#[derive(Debug)]
pub(super) struct Wait {
    pub lapse: Lapse,
    pub begun: Instant,
    /// Since when no worker has it and none can take it.
    pub missing: Option<Instant>,
    /// Since when only workers that cannot take it are there.
    pub mismatch: Option<Instant>,
    /// The epoch in which it was put in the queue here first, and when last.
    pub queued: Option<(u64, u64, Instant)>,
    pub refused: u32,
    /// The worker that has it, as was seen last.
    pub with: Option<String>,
    /// Why it is not done.
    pub why: String,
    /// How long a worker can need for it.
    longest: Duration,
    /// The epoch, since when a worker has it in this epoch, and how many epochs there were.
    pub epoch: Option<u64>,
    leased: Option<Instant>,
    epochs: u32,
}

/// How long a worker can need for a gate: to prepare its packages, to run a validator on the
/// candidate and on the promoted tree, and to send the result.
pub(super) fn longest(timeout: Duration) -> Duration {
    let slack = Duration::from_secs(600);
    timeout.saturating_mul(2).saturating_add(limits::LAYER_TIMEOUT).saturating_add(slack)
}

impl Wait {
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            lapse: Lapse::default(),
            begun: Instant::now(),
            missing: None,
            mismatch: None,
            queued: None,
            refused: 0,
            with: None,
            why: String::new(),
            longest,
            epoch: None,
            leased: None,
            epochs: 0,
        }
    }

    /// The server cannot be asked: the silence of a worker is not seen meanwhile.
    pub(super) fn is_blind(&mut self, why: &WorkersError) {
        self.why = why.to_string();
        self.missing.get_or_insert_with(Instant::now);
        self.lapse = Lapse::default();
    }

    /// The item as it was read.
    pub(super) fn sees(&mut self, item: &Item) {
        if self.epoch != Some(item.epoch) {
            self.puts(item);
        }
        self.with = match &item.state {
            ItemState::Leased { worker } => {
                self.leased.get_or_insert_with(Instant::now);
                Some(worker.clone())
            }
            ItemState::Waiting | ItemState::Done(_) => None,
        };
    }

    /// The item is put in the queue in a new epoch.
    pub(super) fn puts(&mut self, item: &Item) {
        (self.epoch, self.leased) = (Some(item.epoch), None);
        self.epochs += 1;
        if self.epochs > QUEUED {
            self.why = format!("no worker finished it; it was put in the queue {QUEUED} times");
        }
    }

    /// A worker has it, and renews that.
    pub(super) fn is_with(&mut self, worker: &str) {
        if self.is_too_long() {
            let seconds = self.longest.as_secs();
            self.why = format!("worker {worker} has had it for more than {seconds} s");
        }
    }

    fn is_too_long(&self) -> bool {
        self.leased.is_some_and(|since| since.elapsed() > self.longest)
    }

    /// Whether workers had their chance.
    pub(super) fn is_over(&self) -> bool {
        self.refused >= REFUSED || self.epochs > QUEUED || self.is_too_long()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{QUEUED, Wait, longest};
    use crate::dispatch::Item;
    use crate::types::Digest;

    #[test]
    fn each_wait_ends() {
        let mut item = Item::new(Digest::of("order"), 60);
        let mut wait = Wait::new(longest(Duration::from_secs(300)));
        for _ in 0..QUEUED {
            wait.sees(&item.taken("a").expect("it waits"));
            assert!(!wait.is_over());
            item = item.again(item.order, 60);
        }
        wait.sees(&item);
        assert!(wait.is_over(), "workers take it and lose it");
        // Someone removes it again and again.
        let (item, mut wait) = (Item::new(Digest::of("order"), 60), Wait::new(Duration::MAX));
        (0..=QUEUED).for_each(|_| wait.puts(&item));
        assert!(wait.is_over());
        // A worker renews and never ends.
        let mut wait = Wait::new(Duration::ZERO);
        wait.sees(&item.taken("a").expect("it waits"));
        std::thread::sleep(Duration::from_millis(1));
        wait.is_with("a");
        assert!(wait.is_over());
        assert_eq!(wait.why, "worker a has had it for more than 0 s");
    }

    #[test]
    fn longest_has_no_overflow() {
        assert_eq!(longest(Duration::MAX), Duration::MAX);
        assert_eq!(longest(Duration::from_secs(300)).as_secs(), 3000);
    }
}
