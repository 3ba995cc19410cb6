//! What a daemon has to do, and when. Pure: time is given, in milliseconds.
//!
//! A spec's job waits until it may start, runs, and is gone when it ends well. One that fails waits,
//! longer each time; one that fails the same way three times, or that only a person can mend, is
//! parked until its inputs change or somebody asks for it.

use std::collections::{BTreeMap, BTreeSet};

use super::queue::Queue;
use crate::types::{Digest, Fault, Job, JobOutcome, Schedule, limits};

/// Why a spec is not worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It is tried again then.
    Until(u64),
    /// It is not tried again by itself.
    Parked,
}

#[derive(Clone, Debug)]
struct Failed {
    job: Job,
    rest: Rest,
    /// Failures in a row.
    times: u32,
    /// The last failure, and how often it came in a row.
    same: (Option<Digest>, u32),
}

/// The jobs of a workspace.
#[derive(Clone, Debug)]
pub struct Agenda {
    queue: Queue,
    /// Every job that waits in the queue or runs.
    jobs: BTreeMap<String, Job>,
    running: BTreeSet<String>,
    failed: BTreeMap<String, Failed>,
}

impl Agenda {
    /// Nothing to do.
    pub fn new(limits: Schedule) -> Self {
        Self {
            queue: Queue::new(std::iter::empty(), |_| BTreeSet::new(), limits),
            jobs: BTreeMap::new(),
            running: BTreeSet::new(),
            failed: BTreeMap::new(),
        }
    }

    /// Takes over a new plan: the jobs that have work now. Gives the specs whose running job is out
    /// of date and is to be ended.
    pub fn replan(
        &mut self,
        work: Vec<Job>,
        depends: impl Fn(&str) -> BTreeSet<String>,
        limits: Schedule,
    ) -> Vec<String> {
        let same = |a: Option<&Job>, b: &Job| a.is_some_and(|a| a.is_same_work(b));
        let mut ended = Vec::new();
        for spec in self.running.clone() {
            let now = work.iter().find(|job| job.spec == spec);
            if !now.is_some_and(|now| same(self.jobs.get(&spec), now)) {
                self.running.remove(&spec);
                ended.push(spec);
            }
        }
        self.failed.retain(|spec, failed| {
            work.iter().any(|job| job.spec == *spec && failed.job.is_same_work(job))
        });
        // What was due and did not start yet is due again.
        for (spec, failed) in &mut self.failed {
            if failed.rest == Rest::Until(u64::MAX) && !self.running.contains(spec) {
                failed.rest = Rest::Until(0);
            }
        }
        let waiting: Vec<&Job> = work
            .iter()
            .filter(|job| !self.running.contains(&job.spec))
            .filter(|job| !self.failed.contains_key(&job.spec))
            .collect();
        let running = work.iter().filter(|job| self.running.contains(&job.spec));
        self.queue = Queue::new(waiting.into_iter(), depends, limits).with_running(running);
        self.jobs = work.into_iter().map(|job| (job.spec.clone(), job)).collect();
        ended
    }

    /// The next job that may start now; it counts as running from here on.
    pub fn start(&mut self, now: u64) -> Option<Job> {
        let due = |failed: &Failed| matches!(failed.rest, Rest::Until(then) if then <= now);
        let due: Vec<String> =
            self.failed.iter().filter(|(_, one)| due(one)).map(|(spec, _)| spec.clone()).collect();
        for spec in due {
            if let Some(failed) = self.failed.get_mut(&spec) {
                failed.rest = Rest::Until(u64::MAX);
                self.queue.add(&failed.job);
            }
        }
        let job = self.queue.start().and_then(|spec| self.jobs.get(&spec).cloned())?;
        self.running.insert(job.spec.clone());
        Some(job)
    }

    /// A job has ended: what comes of it, if it did not end well.
    pub fn ended(&mut self, spec: &str, outcome: &JobOutcome, now: u64) -> Option<Rest> {
        self.queue.ended(spec);
        self.running.remove(spec);
        let before = self.failed.remove(spec);
        let (fingerprint, fault) = match outcome {
            JobOutcome::Promoted | JobOutcome::Superseded => return None,
            JobOutcome::Drifted { .. } => (None, None),
            JobOutcome::Rejected { diagnosis }
            | JobOutcome::SpecSuspected { diagnosis }
            | JobOutcome::Failed { diagnosis } => (diagnosis.fingerprint, Some(diagnosis.fault)),
        };
        let job = self.jobs.get(spec)?.clone();
        let (times, same) = before.map_or((0, (None, 0)), |before| (before.times, before.same));
        let same = match fingerprint {
            Some(_) if same.0 == fingerprint => (fingerprint, same.1 + 1),
            _ => (fingerprint, 1),
        };
        let rest = match fault {
            // Only a person can mend it.
            None | Some(Fault::Spec) => Rest::Parked,
            Some(Fault::Model | Fault::Gate) if same.1 >= limits::SAME_FAILURES => Rest::Parked,
            _ => Rest::Until(now + wait(spec, times)),
        };
        let failed = Failed { job, rest: rest.clone(), times: times + 1, same };
        self.failed.insert(spec.to_owned(), failed);
        Some(rest)
    }

    /// When something that waits for its time is due.
    pub fn wake(&self) -> Option<u64> {
        let times = self.failed.values().filter_map(|failed| match failed.rest {
            Rest::Until(then) => Some(then).filter(|then| *then < u64::MAX),
            Rest::Parked => None,
        });
        times.min()
    }

    /// Whether nothing runs or may start.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.queue.is_empty()
    }
}

/// Milliseconds to wait after so many failures: doubling, and up to a quarter more, so that specs
/// that fail together are not tried together. Equal for equal specs and failures.
fn wait(spec: &str, times: u32) -> u64 {
    let base = limits::BACK_OFF.as_millis() as u64;
    let most = limits::BACK_OFF_MOST.as_millis() as u64;
    let wait = base.saturating_mul(1 << times.min(20)).min(most);
    let digest = Digest::of_parts([spec, &times.to_string()]).to_string();
    let part = digest.bytes().map(u64::from).sum::<u64>() % 256;
    wait + wait * part / 1024
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Agenda, Rest};
    use crate::types::{
        Diagnosis, Digest, Fault, GateKey, Job, JobKey, JobOutcome, Part, Reason, Schedule,
    };

    fn job(spec: &str, inputs: &str) -> Job {
        let part = Part {
            target: "t".to_owned(),
            key: JobKey(Digest::of(inputs)),
            gate_key: GateKey(Digest::of("")),
            gates: Vec::new(),
            reason: Some(Reason::NothingPromoted),
        };
        Job { spec: spec.to_owned(), parts: vec![part], tiers: 1 }
    }

    fn none(_: &str) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn names(agenda: &mut Agenda, now: u64) -> String {
        std::iter::from_fn(|| agenda.start(now)).map(|job| job.spec).collect::<Vec<_>>().join(" ")
    }

    fn failed(fault: Fault, print: &str) -> JobOutcome {
        let diagnosis = Diagnosis {
            fault,
            summary: String::new(),
            clauses: Vec::new(),
            findings: Vec::new(),
            fingerprint: Some(Digest::of(print)),
        };
        JobOutcome::Rejected { diagnosis }
    }

    #[test]
    fn a_newer_revision_ends_the_older_and_leaves_the_others() {
        let mut agenda = Agenda::new(Schedule::default());
        assert!(
            agenda.replan(vec![job("a", "1"), job("b", "1")], none, Schedule::default()).is_empty()
        );
        assert_eq!(names(&mut agenda, 0), "a b");
        let ended = agenda.replan(vec![job("a", "2"), job("b", "1")], none, Schedule::default());
        assert_eq!(ended, ["a"]);
        assert_eq!(names(&mut agenda, 0), "a");
        assert_eq!(agenda.ended("b", &JobOutcome::Promoted, 0), None);
        assert_eq!(agenda.replan(Vec::new(), none, Schedule::default()), ["a"], "nothing to do");
        assert!(agenda.is_idle());
    }

    #[test]
    fn what_fails_waits_longer_and_is_parked_when_it_fails_the_same_way() {
        let mut agenda = Agenda::new(Schedule::default());
        agenda.replan(vec![job("a", "1")], none, Schedule::default());
        let mut waits = Vec::new();
        let mut now = 0;
        for print in ["x", "y", "y", "y"] {
            assert_eq!(names(&mut agenda, now), "a", "{waits:?}");
            match agenda.ended("a", &failed(Fault::Model, print), now) {
                Some(Rest::Until(then)) => {
                    waits.push((then - now) / 10_000);
                    assert_eq!(names(&mut agenda, then - 1), "");
                    assert_eq!(agenda.wake(), Some(then));
                    now = then;
                }
                other => assert_eq!(other, Some(Rest::Parked)),
            }
        }
        assert_eq!(waits, [1, 2, 4]);
        assert_eq!((names(&mut agenda, u64::MAX - 1), agenda.wake()), (String::new(), None));
        // The same inputs change nothing; other ones do.
        agenda.replan(vec![job("a", "1")], none, Schedule::default());
        assert_eq!(names(&mut agenda, now), "");
        agenda.replan(vec![job("a", "2")], none, Schedule::default());
        assert_eq!(names(&mut agenda, now), "a");
        assert_eq!(agenda.ended("a", &failed(Fault::Spec, "x"), now), Some(Rest::Parked));
        // A server that is away is asked again and again, at most every five minutes and a quarter.
        let mut agenda = Agenda::new(Schedule::default());
        agenda.replan(vec![job("a", "1")], none, Schedule::default());
        for _ in 0..40 {
            assert_eq!(names(&mut agenda, now), "a");
            let rest = agenda.ended("a", &failed(Fault::Generator, "x"), now);
            let Some(Rest::Until(then)) = rest else { panic!("{rest:?}") };
            assert!(then - now <= 375_000, "{}", then - now);
            now = then;
        }
    }
}
