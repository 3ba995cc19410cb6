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
    use std::collections::BTreeSet;

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
}
