//! How many jobs of a process are made at a time, in sets and alone.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::types::{Schedule, TargetName};

/// The jobs that are made now.
#[derive(Debug, Default)]
pub struct Slots {
    /// Each with its number, and the targets it has work in.
    busy: Mutex<(u64, Vec<BusySlot>)>,
    freed: Notify,
}

#[derive(Debug)]
struct BusySlot {
    number: u64,
    targets: BTreeSet<TargetName>,
}

/// The place of a job; free again when it is dropped.
#[derive(Debug)]
pub struct Slot<'a> {
    slots: &'a Slots,
    number: u64,
}

impl Slots {
    /// Waits until a job with work in these targets may be made.
    pub async fn take(&self, limits: &Schedule, targets: &BTreeSet<TargetName>) -> Slot<'_> {
        loop {
            // Made before the look, so that no end is missed.
            let freed = self.freed.notified();
            if let Some(slot) = self.free(limits, targets) {
                return slot;
            }
            freed.await;
        }
    }

    fn free(&self, limits: &Schedule, targets: &BTreeSet<TargetName>) -> Option<Slot<'_>> {
        let mut all = self.busy();
        let (last, busy) = &mut *all;
        let is_free = |target: &TargetName| {
            let same = busy.iter().filter(|one| one.targets.contains(target)).count();
            limits.target.get(target).is_none_or(|most| same < *most)
        };
        if busy.len() >= limits.jobs || !targets.iter().all(is_free) {
            return None;
        }
        *last += 1;
        busy.push(BusySlot { number: *last, targets: targets.clone() });
        Some(Slot { slots: self, number: *last })
    }

    fn busy(&self) -> MutexGuard<'_, (u64, Vec<BusySlot>)> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.slots.busy().1.retain(|one| one.number != self.number);
        self.slots.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt;

    use super::Slots;
    use crate::types::{Schedule, TargetName};

    #[tokio::test]
    async fn no_more_jobs_than_the_limits_have_a_slot() {
        let slots = Slots::default();
        let limits = Schedule { jobs: 3, target: [("x".into(), 1)].into(), ..Schedule::default() };
        let (x, y) = ([TargetName::from("x")].into(), [TargetName::from("y")].into());
        let first = slots.take(&limits, &x).await;
        let mut same = pin!(slots.take(&limits, &x));
        assert!(same.as_mut().now_or_never().is_none(), "one job of the target at a time");
        let second = slots.take(&limits, &y).await;
        let third = slots.take(&limits, &y).await;
        let mut fourth = pin!(slots.take(&limits, &y));
        assert!(fourth.as_mut().now_or_never().is_none(), "three at a time");
        drop(third);
        let fourth = fourth.await;
        assert!(same.as_mut().now_or_never().is_none());
        drop((second, first, fourth));
        same.await;
    }
}
