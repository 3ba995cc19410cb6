//! Decides which job starts next. Pure; the caller reports when jobs end.

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

fn targets(job: &Job) -> BTreeSet<TargetName> {
    job.parts.iter().map(|part| part.target.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Queue;
    use crate::types::{Digest, GateInputsDigest, InputsDigest, Job, Schedule, SpecId, TargetJob};

    fn queue(
        list: &[(&'static str, &'static str, &[&'static str])],
        jobs: usize,
        only_one: &'static str,
    ) -> Queue {
        let job = |(spec, target, _): &(&'static str, &'static str, &[&'static str])| {
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
        Queue::new(all.iter(), depends, Schedule { jobs, target, ..Schedule::default() })
    }

    fn all(queue: &mut Queue) -> String {
        std::iter::from_fn(|| queue.start(|_| true)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn jobs_start_in_order_within_limits_and_after_dependencies() {
        let list: &[(&'static str, &'static str, &[&'static str])] =
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
    fn a_dependency_cycle_does_not_block_the_queue() {
        let mut queue = queue(&[("a", "x", &["b"]), ("b", "x", &["a"])], 9, "");
        assert_eq!(all(&mut queue), "a");
        queue.ended(&"a".into());
        assert_eq!(all(&mut queue), "b");
    }
}
