//! Decides which job starts next. Pure; the caller reports when jobs end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::types::{Job, Schedule, SpecId, TargetName};

/// The jobs of a plan that have not started.
#[derive(Clone, Debug)]
pub struct Queue {
    /// In plan order: by dependency, then by name.
    waiting: Vec<Waiting>,
    /// Running jobs, with the targets they have work in.
    running: BTreeMap<SpecId, BTreeSet<TargetName>>,
    /// Jobs that will be added later; jobs here wait for them.
    coming: BTreeSet<SpecId>,
    limits: Schedule,
}

#[derive(Clone, Debug)]
struct Waiting {
    spec: SpecId,
    /// Specs it depends on.
    depends: BTreeSet<SpecId>,
    targets: BTreeSet<TargetName>,
}

impl Queue {
    /// Queues jobs; `depends` gives the dependencies of a spec.
    pub fn new<'a>(
        jobs: impl Iterator<Item = &'a Job>,
        depends: impl Fn(&SpecId) -> BTreeSet<SpecId>,
        limits: Schedule,
    ) -> Self {
        let waiting = jobs.map(|job| Waiting {
            spec: job.spec.clone(),
            depends: depends(&job.spec),
            targets: targets(job),
        });
        Self {
            waiting: waiting.collect(),
            running: BTreeMap::new(),
            coming: BTreeSet::new(),
            limits,
        }
    }

    /// The same with jobs that are already running.
    #[must_use]
    pub fn with_running<'a>(mut self, jobs: impl Iterator<Item = &'a Job>) -> Self {
        self.running.extend(jobs.map(|job| (job.spec.clone(), targets(job))));
        self
    }

    /// The same with jobs that are added later.
    #[must_use]
    pub fn with_coming(mut self, specs: BTreeSet<SpecId>) -> Self {
        self.coming = specs;
        self
    }

    /// Whether no job waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next `wanted` job that may start now. It counts as running from then on.
    pub fn start(&mut self, wanted: impl Fn(&SpecId) -> bool) -> Option<SpecId> {
        if self.running.len() >= self.limits.jobs {
            return None;
        }
        let pending = |spec: &SpecId| {
            self.running.contains_key(spec)
                || self.coming.contains(spec)
                || self.waiting.iter().any(|one| one.spec == *spec)
        };
        let free = |target: &TargetName| {
            let busy = self.running.values().filter(|targets| targets.contains(target)).count();
            self.limits.target.get(target).is_none_or(|most| busy < *most)
        };
        let ready =
            |one: &Waiting| !one.depends.iter().any(pending) && one.targets.iter().all(free);
        // Admission refuses circular dependencies; with one, no job would ever be ready.
        let alone = self.running.is_empty() && self.coming.is_empty();
        let stuck = alone && !self.waiting.iter().any(ready);
        let next = self.waiting.iter().position(|one| wanted(&one.spec) && (stuck || ready(one)));
        let one = self.waiting.remove(next?);
        self.running.insert(one.spec.clone(), one.targets);
        Some(one.spec)
    }

    /// Removes a job that has ended.
    pub fn ended(&mut self, spec: &SpecId) {
        self.running.remove(spec);
    }

    /// Stops the queue. Gives the names of jobs that will not start.
    pub fn stop(&mut self) -> Vec<SpecId> {
        std::mem::take(&mut self.waiting).into_iter().map(|one| one.spec).collect()
    }
}

/// For each job, how many others at most have to wait for it one after the other. `jobs` are in
/// plan order, so each comes after those that it depends on.
pub fn chains(
    jobs: &[&Job],
    depends: impl Fn(&SpecId) -> BTreeSet<SpecId>,
) -> BTreeMap<SpecId, usize> {
    let mut chains: BTreeMap<SpecId, usize> =
        jobs.iter().map(|job| (job.spec.clone(), 0)).collect();
    for job in jobs.iter().rev() {
        let behind = chains.get(&job.spec).copied().unwrap_or_default() + 1;
        for below in depends(&job.spec) {
            if let Some(known) = chains.get_mut(&below) {
                *known = behind.max(*known);
            }
        }
    }
    chains
}

/// Jobs in the order in which they start when they can: the longest chain of others behind one
/// first, since nothing else can make up for its delay.
pub fn critical_first(
    mut jobs: Vec<&Job>,
    depends: impl Fn(&SpecId) -> BTreeSet<SpecId>,
) -> Vec<&Job> {
    let chains = chains(&jobs, depends);
    jobs.sort_by_key(|job| Reverse(chains.get(&job.spec).copied()));
    jobs
}

fn targets(job: &Job) -> BTreeSet<TargetName> {
    job.parts.iter().map(|part| part.target.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Queue, critical_first};
    use crate::types::{Digest, GateInputsDigest, InputsDigest, Job, Schedule, SpecId, TargetJob};

    type Listed = (&'static str, &'static str, &'static [&'static str]);

    fn queue(list: &[Listed], jobs: usize, only_one: &'static str) -> Queue {
        let job = |(spec, target, _): &Listed| {
            let (key, gate_key) = (InputsDigest(Digest::of("")), GateInputsDigest(Digest::of("")));
            let part = TargetJob::new(&(*target).into(), key, gate_key);
            Job::new(&(*spec).into(), vec![part], 1)
        };
        let all: Vec<Job> = list.iter().map(job).collect();
        let depends = |spec: &SpecId| -> BTreeSet<SpecId> {
            let one = list.iter().find(|(name, ..)| *name == spec);
            one.into_iter().flat_map(|(.., on)| on.iter().map(|on| (*on).into())).collect()
        };
        let target = [(only_one.into(), 1)].into();
        let jobs_first = critical_first(all.iter().collect(), depends);
        let limits = Schedule { jobs, target, ..Schedule::default() };
        Queue::new(jobs_first.into_iter(), depends, limits)
    }

    fn all(queue: &mut Queue) -> String {
        std::iter::from_fn(|| queue.start(|_| true)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn jobs_start_in_order_within_limits_and_after_dependencies() {
        let list: &[Listed] =
            &[("a", "x", &[]), ("b", "x", &["a"]), ("c", "y", &[]), ("d", "y", &["z"])];
        let mut wide = queue(list, 9, "");
        assert_eq!(all(&mut wide), "a c d", "`z` has no work");
        wide.ended(&"c".into());
        assert_eq!(all(&mut wide), "");
        wide.ended(&"a".into());
        assert_eq!(all(&mut wide), "b");
        let mut narrow = queue(list, 2, "");
        assert_eq!(all(&mut narrow), "a c");
        narrow.ended(&"a".into());
        assert_eq!(all(&mut narrow), "b");
        let mut one = queue(list, 9, "y");
        assert_eq!(all(&mut one), "a c", "one job of the target at a time");
        one.ended(&"c".into());
        assert_eq!(all(&mut one), "d");
        assert_eq!(queue(list, 9, "").stop(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn the_longest_chain_goes_first() {
        // `a` has many users, `c` a chain of three behind it, `b` none.
        let list: &[Listed] = &[
            ("a", "x", &[]),
            ("b", "x", &[]),
            ("c", "x", &[]),
            ("a1", "x", &["a"]),
            ("a2", "x", &["a"]),
            ("c1", "x", &["c"]),
            ("c2", "x", &["c1"]),
            ("c3", "x", &["c2", "a1"]),
        ];
        let mut one = queue(list, 1, "");
        let mut order = Vec::new();
        while let Some(spec) = one.start(|_| true) {
            one.ended(&spec);
            order.push(spec);
        }
        assert_eq!(order.join(" "), "c a c1 a1 c2 b a2 c3");
    }

    #[test]
    fn a_dependency_cycle_does_not_block_the_queue() {
        let mut queue = queue(&[("a", "x", &["b"]), ("b", "x", &["a"])], 9, "");
        assert_eq!(all(&mut queue), "b");
        queue.ended(&"b".into());
        assert_eq!(all(&mut queue), "a");
    }
}
