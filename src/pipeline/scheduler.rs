//! The daemon's agenda: what to do, and when. Pure: time is an argument, in milliseconds.
//!
//! A spec's job waits, runs, and is removed when it succeeds. A failed one is retried after a
//! growing delay; after three identical failures, or if only a person can fix it, it is parked
//! until its inputs change or a person retries it. Pausing, rate limits and quiet hours can hold
//! all jobs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::queue::{Queue, chains};
use crate::types::{Digest, Fault, Job, JobOutcome, RateLimit, Schedule, SpecId, limits};

/// The wait after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Retried at this time.
    Until(u64),
    /// Not retried by itself.
    Parked,
}

/// The state of a spec that is out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Waiting for its turn; out of date since this time.
    Waiting(u64),
    /// Running.
    Running,
    /// Failed, for this reason.
    Resting(Backoff, String),
}

#[derive(Clone, Debug)]
struct FailedJob {
    job: Job,
    /// When it may start again, if ever by itself.
    rest: Option<Backoff>,
    /// Failures in a row.
    times: u32,
    /// How many of them were caused by the model or its code.
    blamed: u32,
    /// The last failure's fingerprint, and how often it occurred in a row.
    same: (Option<Digest>, u32),
    /// The last failure, for people.
    why: String,
}

/// The jobs of a workspace.
#[derive(Clone, Debug)]
pub struct Scheduler {
    queue: Queue,
    /// Unfinished jobs, with the time since when.
    jobs: BTreeMap<SpecId, (Job, u64)>,
    depends: BTreeMap<SpecId, BTreeSet<SpecId>>,
    /// How many jobs wait behind each.
    chains: BTreeMap<SpecId, usize>,
    limits: Schedule,
    running: BTreeSet<SpecId>,
    failed: BTreeMap<SpecId, FailedJob>,
    /// Running jobs with a paid answer.
    answered: BTreeSet<SpecId>,
    /// Specs whose job was replaced by a newer revision: since when, and when the new one may
    /// start. The delay merges repeated saves into one job.
    settling: BTreeMap<SpecId, (u64, u64)>,
    /// Specs requested by a person: they run first, even in quiet hours.
    asked: BTreeSet<SpecId>,
    /// Whether scheduling is paused.
    paused: bool,
    /// End of the rate limit.
    held: u64,
}

impl Scheduler {
    /// An empty agenda.
    pub fn new(paused: bool) -> Self {
        Self {
            queue: Queue::new(std::iter::empty(), |_| BTreeSet::new(), Schedule::default()),
            jobs: BTreeMap::new(),
            depends: BTreeMap::new(),
            chains: BTreeMap::new(),
            limits: Schedule::default(),
            running: BTreeSet::new(),
            failed: BTreeMap::new(),
            answered: BTreeSet::new(),
            settling: BTreeMap::new(),
            asked: BTreeSet::new(),
            paused,
            held: 0,
        }
    }

    /// Applies a new plan with the jobs that have work. Gives the specs whose running job is out of
    /// date and must be cancelled.
    pub fn replan(
        &mut self,
        work: Vec<Job>,
        depends: impl Fn(&SpecId) -> BTreeSet<SpecId>,
        limits: Schedule,
        now: u64,
    ) -> Vec<SpecId> {
        let before = std::mem::take(&mut self.jobs);
        let same = |job: &Job| before.get(&job.spec).is_some_and(|(old, _)| old.is_same_work(job));
        let goes_on = |spec: &SpecId| work.iter().any(|job| job.spec == *spec && same(job));
        let ended: Vec<SpecId> = self.running.iter().filter(|s| !goes_on(s)).cloned().collect();
        self.running.retain(|spec| !ended.contains(spec));
        self.settling.retain(|spec, (_, then)| {
            // A change during the wait extends it.
            *then > now && work.iter().any(|job| job.spec == *spec)
        });
        let again: Vec<SpecId> =
            self.settling.keys().filter(|spec| !goes_on(spec)).cloned().collect();
        // A job without an answer is restarted at once. While gates run, further saves are likely.
        let paid = ended.iter().filter(|spec| self.answered.contains(*spec));
        let settling: Vec<SpecId> = paid
            .chain(&again)
            .filter(|spec| work.iter().any(|job| job.spec == **spec))
            .cloned()
            .collect();
        self.answered.clear();
        for spec in &settling {
            let (first, then) = self.settling.entry(spec.clone()).or_insert((now, now));
            let most = *first + limits::SUPERSEDE_MOST.as_millis() as u64;
            *then = (now + limits::SUPERSEDE.as_millis() as u64).min(most);
        }
        self.depends = work.iter().map(|job| (job.spec.clone(), depends(&job.spec))).collect();
        self.chains = chains(&work.iter().collect::<Vec<_>>(), depends);
        let since = |spec: &SpecId| before.get(spec).map_or(now, |(_, since)| *since);
        let work = work.into_iter().map(|job| (job.spec.clone(), (since(&job.spec), job)));
        self.jobs = work.map(|(spec, (since, job))| (spec, (job, since))).collect();
        let wanted = |spec: &SpecId| self.jobs.get(spec);
        self.failed.retain(|s, failed| wanted(s).is_some_and(|(j, _)| failed.job.is_same_work(j)));
        self.asked.retain(|spec| wanted(spec).is_some());
        self.limits = limits;
        self.queue_up();
        ended
    }

    /// The job of a spec has a paid answer; the next plan takes it into account.
    pub fn answered(&mut self, spec: &SpecId) {
        self.answered.insert(spec.to_owned());
    }

    /// Specs with running jobs.
    pub fn running(&self) -> impl Iterator<Item = &SpecId> {
        self.running.iter()
    }

    /// Sorts startable jobs: requested ones first, then by priority, by what waits behind them, by
    /// age and name.
    fn queue_up(&mut self) {
        let rests = |spec: &SpecId| self.failed.get(spec).is_some_and(|one| one.rest.is_some());
        let mut waiting: Vec<(&Job, u64)> = self
            .jobs
            .iter()
            .filter(|(spec, _)| !self.running.contains(*spec) && !rests(spec))
            .filter(|(spec, _)| !self.settling.contains_key(*spec))
            .map(|(_, (job, since))| (job, *since))
            .collect();
        waiting.sort_by_cached_key(|(job, since)| {
            let behind = Reverse(self.chains.get(&job.spec).copied());
            (!self.asked.contains(&job.spec), self.limits.rank(&job.spec), behind, *since)
        });
        let depends = |spec: &SpecId| self.depends.get(spec).cloned().unwrap_or_default();
        let running = self.running.iter().filter_map(|spec| Some(&self.jobs.get(spec)?.0));
        let waiting = waiting.into_iter().map(|(job, _)| job);
        let later = |one: &FailedJob| matches!(one.rest, Some(Backoff::Until(_)));
        let again = self.failed.iter().filter(|(_, one)| later(one)).map(|(spec, _)| spec);
        let coming = again.chain(self.settling.keys()).cloned().collect();
        self.queue = Queue::new(waiting, depends, self.limits.clone())
            .with_running(running)
            .with_coming(coming);
    }

    /// The next job that may start now. It counts as running from then on. In quiet hours, only
    /// requested jobs start.
    pub fn start(&mut self, now: u64, quiet: bool) -> Option<Job> {
        let due = |one: &FailedJob| matches!(one.rest, Some(Backoff::Until(then)) if then <= now);
        let settled = |(_, then): &(u64, u64)| *then <= now;
        if self.failed.values().any(due) || self.settling.values().any(settled) {
            self.failed.values_mut().filter(|one| due(one)).for_each(|one| one.rest = None);
            self.settling.retain(|_, one| !settled(one));
            self.queue_up();
        }
        if self.paused || now < self.held {
            return None;
        }
        let spec = self.queue.start(|spec| !quiet || self.asked.contains(spec))?;
        let (job, _) = self.jobs.get(&spec)?;
        self.running.insert(spec);
        Some(job.clone())
    }

    /// Records the end of a job.
    pub fn ended(&mut self, spec: &SpecId, outcome: &JobOutcome, now: u64) -> Option<Backoff> {
        self.running.remove(spec);
        self.asked.remove(spec);
        let rest = match outcome {
            JobOutcome::Promoted => {
                self.failed.remove(spec);
                self.jobs.remove(spec);
                None
            }
            _ => self.job(spec).and_then(|job| self.failed(job, outcome, now)),
        };
        self.queue_up();
        rest
    }

    /// Restores how jobs ended before this process started, oldest first.
    pub fn remember(&mut self, history: Vec<(Job, JobOutcome)>, now: u64) {
        for (job, outcome) in history {
            let spec = job.spec.clone();
            if !self.failed.get(&spec).is_some_and(|failed| failed.job.is_same_work(&job))
                || outcome == JobOutcome::Promoted
            {
                self.failed.remove(&spec);
            }
            if outcome != JobOutcome::Promoted {
                self.failed(job, &outcome, now);
            }
        }
    }

    fn failed(&mut self, job: Job, outcome: &JobOutcome, now: u64) -> Option<Backoff> {
        let (diagnosis, why) = match outcome {
            JobOutcome::Promoted | JobOutcome::Superseded => return None,
            JobOutcome::Drifted { files } => {
                (None, format!("edited by hand: {}", files.join(", ")))
            }
            JobOutcome::Cancelled => (None, "cancelled".to_owned()),
            JobOutcome::Waits { why } => (None, why.clone()),
            JobOutcome::Rejected { diagnosis }
            | JobOutcome::SpecSuspected { diagnosis }
            | JobOutcome::SpecRefused { diagnosis }
            | JobOutcome::Failed { diagnosis, .. } => (Some(diagnosis), diagnosis.told()),
        };
        let fingerprint = diagnosis.and_then(|diagnosis| diagnosis.fingerprint);
        let before = self.failed.remove(&job.spec);
        let fault = diagnosis.map(|diagnosis| diagnosis.fault);
        let (times, blamed, same) =
            before.map_or((0, 0, (None, 0)), |one| (one.times, one.blamed, one.same));
        let times = times + 1;
        let blamed = blamed + u32::from(matches!(fault, Some(Fault::Model | Fault::Gate)));
        let same = match fingerprint {
            Some(_) if same.0 == fingerprint => (fingerprint, same.1 + 1),
            _ => (fingerprint, 1),
        };
        let bound = same.1 >= limits::SAME_FAILURES || blamed >= limits::FAILURES;
        let rest = match fault {
            // Only a person can fix it.
            None | Some(Fault::Spec) => Backoff::Parked,
            Some(Fault::Model | Fault::Gate) if bound => Backoff::Parked,
            // A gate that repeatedly fails to give a result in the same way.
            Some(Fault::Environment) if fingerprint.is_some() && bound => Backoff::Parked,
            _ => Backoff::Until(now + wait(&job.spec, times - 1).max(asked_for(outcome))),
        };
        let spec = job.spec.clone();
        let failed = FailedJob { job, rest: Some(rest.clone()), times, blamed, same, why };
        self.failed.insert(spec, failed);
        Some(rest)
    }

    /// No job starts before this time, because of a rate limit.
    pub fn hold(&mut self, until: u64) {
        self.held = self.held.max(until);
    }

    /// The end of the rate limit, if any.
    pub fn held(&self, now: u64) -> Option<u64> {
        Some(self.held).filter(|held| *held > now)
    }

    /// Whether scheduling is paused.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Orders a spec's job: it runs first, whatever its last outcome.
    pub fn ask(&mut self, spec: &SpecId) {
        let mut wanted = vec![spec.to_owned()];
        // Includes its dependencies.
        while let Some(one) = wanted.pop() {
            if self.jobs.contains_key(&one) && self.asked.insert(one.clone()) {
                wanted.extend(self.depends.get(&one).into_iter().flatten().cloned());
            }
        }
        self.failed.remove(spec);
        self.settling.remove(spec);
        self.queue_up();
    }

    /// Cancels a spec's job. Gives whether there was one.
    pub fn cancel(&mut self, spec: &SpecId, now: u64) -> bool {
        let there = self.jobs.contains_key(spec);
        if there {
            self.settling.remove(spec);
            self.ended(spec, &JobOutcome::Cancelled, now);
        }
        there
    }

    /// A spec's unfinished job.
    pub fn job(&self, spec: &SpecId) -> Option<Job> {
        Some(self.jobs.get(spec)?.0.clone())
    }

    /// The state of a spec; `None` when it is up to date.
    pub fn doing(&self, spec: &SpecId) -> Option<JobStatus> {
        let (_, since) = self.jobs.get(spec)?;
        let failed = self.failed.get(spec);
        Some(match failed.and_then(|one| Some((one.rest.clone()?, &one.why))) {
            _ if self.running.contains(spec) => JobStatus::Running,
            Some((rest, why)) => JobStatus::Resting(rest, why.clone()),
            None => JobStatus::Waiting(*since),
        })
    }

    /// When the next waiting job is due.
    pub fn wake(&self, now: u64) -> Option<u64> {
        let held = self.held(now).filter(|_| !self.queue.is_empty());
        let times = self.failed.values().filter_map(|failed| match failed.rest {
            Some(Backoff::Until(then)) => Some(then),
            Some(Backoff::Parked) | None => None,
        });
        let settling = self.settling.values().map(|(_, then)| *then);
        times.chain(held).chain(settling).min()
    }

    /// Whether no job runs, and none will start by itself.
    pub fn is_resting(&self) -> bool {
        self.is_idle() && !self.failed.values().any(|one| one.rest != Some(Backoff::Parked))
    }

    /// Whether no job runs or waits for its turn.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.queue.is_empty() && self.settling.is_empty()
    }
}

/// The delay that a server asks for, in milliseconds.
fn asked_for(outcome: &JobOutcome) -> u64 {
    match outcome {
        JobOutcome::Failed { limit: Some(RateLimit { wait_s, .. }), .. } => {
            limits::RATE_LIMIT_MOST.as_secs().min(*wait_s) * 1000
        }
        _ => 0,
    }
}

/// The delay after this many failures, in milliseconds: doubling, plus up to a quarter, so that
/// specs that fail together are not retried together. Deterministic per spec and count.
fn wait(spec: &SpecId, times: u32) -> u64 {
    let base = limits::BACK_OFF.as_millis() as u64;
    let most = limits::BACK_OFF_MOST.as_millis() as u64;
    let wait = base.saturating_mul(1 << times.min(20)).min(most);
    let digest = Digest::of_parts([spec.as_str(), &times.to_string()]).to_string();
    let part = digest.bytes().map(u64::from).sum::<u64>() % 256;
    wait + wait * part / 1024
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Backoff, Scheduler};
    use crate::types::{
        Diagnosis, Digest, Fault, GateInputsDigest, InputsDigest, Job, JobOutcome, Reason,
        Schedule, SpecId, TargetJob,
    };

    fn job(spec: &'static str, inputs: &str) -> Job {
        let part = TargetJob::new(
            &"t".into(),
            InputsDigest(Digest::of(inputs)),
            GateInputsDigest(Digest::of("")),
        );
        let part = TargetJob { reason: Some(Reason::NothingPromoted), ..part };
        Job::new(&spec.into(), vec![part], 1)
    }

    fn none(_: &SpecId) -> BTreeSet<SpecId> {
        BTreeSet::new()
    }

    fn names(agenda: &mut Scheduler, now: u64) -> String {
        std::iter::from_fn(|| agenda.start(now, false))
            .map(|job| job.spec)
            .collect::<Vec<_>>()
            .join(" ")
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
    fn a_newer_revision_cancels_only_the_older_job() {
        let mut agenda = Scheduler::new(false);
        assert!(
            agenda
                .replan(vec![job("a", "1"), job("b", "1")], none, Schedule::default(), 0)
                .is_empty()
        );
        assert_eq!(names(&mut agenda, 0), "a b");
        let ended =
            agenda.replan(vec![job("a", "1x"), job("b", "1")], none, Schedule::default(), 0);
        assert_eq!(ended, ["a"]);
        assert_eq!(names(&mut agenda, 0), "a", "its call had only begun");
        agenda.answered(&"a".into());
        let ended = agenda.replan(vec![job("a", "2"), job("b", "1")], none, Schedule::default(), 0);
        assert_eq!(ended, ["a"]);
        // Repeated saves delay the run only up to the limit.
        let mut now = 0;
        for revision in 3..30 {
            assert_eq!(names(&mut agenda, now), "", "{now}");
            now += 150;
            let work = vec![job("a", &revision.to_string()), job("b", "1")];
            assert!(agenda.replan(work, none, Schedule::default(), now).is_empty());
        }
        assert_eq!(
            (agenda.wake(now), names(&mut agenda, now + 299)),
            (Some(now + 300), String::new())
        );
        assert_eq!(names(&mut agenda, now + 300), "a");
        agenda.answered(&"a".into());
        agenda.replan(vec![job("a", "x"), job("b", "1")], none, Schedule::default(), 0);
        for now in (0..5000).step_by(100) {
            assert_eq!(names(&mut agenda, now), "");
            agenda.replan(
                vec![job("a", &now.to_string()), job("b", "1")],
                none,
                Schedule::default(),
                now,
            );
        }
        assert_eq!(names(&mut agenda, 5000), "a");
        assert_eq!(agenda.ended(&"b".into(), &JobOutcome::Promoted, 0), None);
        assert_eq!(agenda.replan(Vec::new(), none, Schedule::default(), 0), ["a"], "nothing to do");
        assert!(agenda.is_idle());
    }

    #[test]
    fn failed_jobs_back_off_and_identical_failures_are_parked() {
        let mut agenda = Scheduler::new(false);
        agenda.replan(vec![job("a", "1")], none, Schedule::default(), 0);
        let mut waits = Vec::new();
        let mut now = 0;
        for print in ["x", "y", "y", "y"] {
            assert_eq!(names(&mut agenda, now), "a", "{waits:?}");
            match agenda.ended(&"a".into(), &failed(Fault::Model, print), now) {
                Some(Backoff::Until(then)) => {
                    waits.push((then - now) / 10_000);
                    assert_eq!(names(&mut agenda, then - 1), "");
                    assert_eq!(agenda.wake(now), Some(then));
                    now = then;
                }
                other => assert_eq!(other, Some(Backoff::Parked)),
            }
        }
        assert_eq!(waits, [1, 2, 4]);
        assert_eq!((names(&mut agenda, u64::MAX - 1), agenda.wake(now)), (String::new(), None));
        // Equal inputs change nothing; others do.
        agenda.replan(vec![job("a", "1")], none, Schedule::default(), 0);
        assert_eq!(names(&mut agenda, now), "");
        agenda.replan(vec![job("a", "2")], none, Schedule::default(), 0);
        assert_eq!(names(&mut agenda, now), "a");
        assert_eq!(
            agenda.ended(&"a".into(), &failed(Fault::Spec, "x"), now),
            Some(Backoff::Parked)
        );
        // An unavailable server is retried at most every 375 s.
        let mut agenda = Scheduler::new(false);
        agenda.replan(vec![job("a", "1")], none, Schedule::default(), 0);
        for _ in 0..40 {
            assert_eq!(names(&mut agenda, now), "a");
            let rest = agenda.ended(&"a".into(), &failed(Fault::Generator, "x"), now);
            let Some(Backoff::Until(then)) = rest else { panic!("{rest:?}") };
            assert!(then - now <= 375_000, "{}", then - now);
            now = then;
        }
    }

    #[test]
    fn a_spec_waits_for_its_unfinished_dependencies() {
        let on = |spec: &SpecId| match spec.as_str() {
            "b" => BTreeSet::from(["a".into()]),
            _ => BTreeSet::new(),
        };
        let work = |a: &str| vec![job("a", a), job("b", "1")];
        let mut agenda = Scheduler::new(false);
        agenda.replan(work("1"), on, Schedule::default(), 0);
        assert_eq!(names(&mut agenda, 0), "a");
        // Saved again: the delay restarts, and dependents do not use the old revision.
        agenda.answered(&"a".into());
        assert_eq!(agenda.replan(work("2"), on, Schedule::default(), 0), ["a"]);
        assert_eq!(names(&mut agenda, 0), "");
        assert_eq!(names(&mut agenda, 300), "a");
        let Some(Backoff::Until(then)) =
            agenda.ended(&"a".into(), &failed(Fault::Generator, "x"), 300)
        else {
            panic!("it is tried again")
        };
        assert_eq!((names(&mut agenda, 300), names(&mut agenda, then)), ("".into(), "a".into()));
        // Parked specs do not block the queue.
        agenda.ended(&"a".into(), &failed(Fault::Spec, "x"), then);
        assert_eq!(names(&mut agenda, then), "b");
        // A request includes the spec's dependencies, even in quiet hours.
        agenda.replan(vec![job("a", "3"), job("b", "3")], on, Schedule::default(), then + 400);
        let quiet = |agenda: &mut Scheduler, now| agenda.start(now, true).map(|job| job.spec);
        assert_eq!(quiet(&mut agenda, then + 400), None);
        agenda.ask(&"b".into());
        assert_eq!(quiet(&mut agenda, then + 400).as_deref(), Some("a"));
        // An unavailable server is not the model's fault.
        let mut agenda = Scheduler::new(false);
        agenda.replan(vec![job("a", "1")], none, Schedule::default(), 0);
        let mut now = 0;
        for _ in 0..20 {
            assert_eq!(names(&mut agenda, now), "a");
            agenda.ended(&"a".into(), &failed(Fault::Generator, "x"), now);
            now += 400_000;
        }
        assert_eq!(names(&mut agenda, now), "a");
        let rest = agenda.ended(&"a".into(), &failed(Fault::Model, "y"), now);
        assert!(matches!(rest, Some(Backoff::Until(_))), "{rest:?}");
    }
}
