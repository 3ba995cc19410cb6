//! Whose turn it is: one run after the other, so that a large one does not keep small ones waiting.

use std::collections::{BTreeSet, VecDeque};

/// Queues in turn.
#[derive(Clone, Debug)]
pub struct Rota<K> {
    turn: VecDeque<K>,
}

impl<K> Default for Rota<K> {
    fn default() -> Self {
        Self { turn: VecDeque::new() }
    }
}

impl<K: Clone + Ord> Rota<K> {
    /// Takes note of the queues that there are. New ones are next.
    pub fn know(&mut self, queues: &BTreeSet<K>) {
        self.turn.retain(|one| queues.contains(one));
        let known: BTreeSet<K> = self.turn.iter().cloned().collect();
        for new in queues.difference(&known) {
            self.turn.push_front(new.clone());
        }
    }

    /// The queues, those first that were served longest ago.
    pub fn in_turn(&self) -> Vec<K> {
        self.turn.iter().cloned().collect()
    }

    /// A queue was served: all others come first.
    pub fn served(&mut self, queue: &K) {
        if let Some(at) = self.turn.iter().position(|one| one == queue) {
            self.turn.extend(self.turn.clone().get(at).cloned());
            self.turn.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::Rota;

    #[test]
    fn runs_are_served_in_turn() {
        let mut rota = Rota::default();
        rota.know(&BTreeSet::from(["a", "b"]));
        let first = rota.in_turn()[0];
        rota.served(&first);
        assert_ne!(rota.in_turn()[0], first);
        rota.know(&BTreeSet::from(["a", "b", "c"]));
        assert_eq!(rota.in_turn()[0], "c", "a new run does not wait for a round");
        rota.know(&BTreeSet::from(["a"]));
        assert_eq!(rota.in_turn(), ["a"]);
        rota.served(&"gone");
        assert_eq!(rota.in_turn(), ["a"]);
    }

    /// A hundred workers and ten thousand specs in one run, beside runs of three: no run waits for
    /// another one, and no queue is longer than the jobs that its run makes at a time.
    #[test]
    fn a_large_run_does_not_keep_small_ones_waiting() {
        const JOBS: usize = 64;
        let mut left: BTreeMap<u32, usize> = BTreeMap::from([(0, 10_000 * 5)]);
        let mut running: BTreeMap<u32, usize> = BTreeMap::new();
        let mut workers = vec![(Rota::default(), None); 100];
        let (mut begun, mut longest, mut most) = (BTreeMap::new(), 0, 0);
        let mut number = 7_u64;
        for now in 0_u64.. {
            if now % 40 == 20 && now < 2000 {
                left.insert(u32::try_from(now).expect("is small"), 3);
                begun.insert(u32::try_from(now).expect("is small"), now);
            }
            for (rota, busy) in &mut workers {
                if let Some((run, until)) = *busy
                    && until <= now
                {
                    *running.entry(run).or_default() -= 1;
                    *busy = None;
                    if left[&run] == 0 && running[&run] == 0 {
                        left.remove(&run);
                        let waited = begun.remove(&run).map_or(0, |since| now - since);
                        longest = longest.max(waited);
                    }
                }
                if busy.is_some() {
                    continue;
                }
                // What a coordinator has put in its queue and no worker has.
                let waits = |run: &u32| {
                    let busy = running.get(run).copied().unwrap_or_default();
                    left[run].min(JOBS.saturating_sub(busy))
                };
                most = most.max(left.keys().map(waits).max().unwrap_or_default());
                rota.know(&left.keys().copied().collect());
                let next = rota.in_turn().into_iter().find(|run| waits(run) > 0);
                let Some(run) = next else { continue };
                rota.served(&run);
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *left.entry(run).or_default() -= 1;
                *running.entry(run).or_default() += 1;
                *busy = Some((run, now + 1 + (number >> 33) % 10));
            }
            if left.is_empty() {
                break;
            }
        }
        assert!(begun.is_empty(), "{begun:?}");
        assert!(longest <= 20, "a run of three gates of 1 to 10 took {longest}");
        assert!(most <= JOBS, "{most}");
    }
}
