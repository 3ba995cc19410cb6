//! Sets: specs whose code is used by promoted code of others are promoted together with it, or
//! none of them is.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::prepared::{Prepared, SetOutcome};
use super::resources::Engine;

use crate::pipeline::{Queue, State, critical_first};
use crate::store::files;
use crate::types::text::counted;
use crate::types::{
    Event, Fault, Job, JobId, JobOutcome, Link, Plan, Reason, SpecId, TargetStanding,
};
use crate::workspace::CommandError;

impl Engine {
    /// The jobs that are promoted together with one: those of promoted specs that use its code and
    /// of specs without code that check it, and of others with work below these. In order.
    pub(super) fn set_of(&self, job: &Job) -> Result<Vec<Job>, CommandError> {
        let mut specs = self.workspace.specs.iter();
        if self.depends(&job.spec).is_empty() && !specs.any(|one| one.depends.contains(&job.spec)) {
            return Ok(vec![job.clone()]);
        }
        let Plan { jobs } = self.plan_now(None, false)?;
        let mut group = BTreeMap::from([(job.spec.clone(), 0)]);
        let mut next = 1;
        for one in &jobs {
            let depends =
                if one.verifies() { self.below(&one.spec) } else { self.depends(&one.spec) };
            let is_promoted = one.parts.iter().any(|part| !part.links.is_empty())
                && self.workspace.standing.spec.contains_key(&one.spec);
            let joins = is_promoted || one.verifies();
            let below: BTreeSet<usize> =
                depends.iter().filter_map(|id| group.get(id)).copied().collect();
            if one.waits() && one.spec != job.spec && (below.is_empty() || !joins) {
                continue;
            }
            let own = *group.entry(one.spec.clone()).or_insert(next);
            next += 1;
            if joins {
                group.values_mut().filter(|at| below.contains(at)).for_each(|at| *at = own);
            }
        }
        let own = group[&job.spec];
        Ok(jobs.into_iter().filter(|one| group.get(&one.spec) == Some(&own)).collect())
    }

    /// Performs a set, or gives how a job ended in the set of another one.
    pub(super) async fn set(&self, jobs: &[Job], first: &Job) -> Result<SetOutcome, CommandError> {
        let _turn = self.options.sets.turn.lock().await;
        if let Some(outcome) = self.options.sets.now().ended(first) {
            return Ok(vec![(first.spec.clone(), outcome)]);
        }
        // A set whose job was dropped may have left some.
        self.options.sets.now().accepted.clear();
        let members = self.members(jobs, first).await;
        let done = members.and_then(|members| self.close_set(members, jobs, first));
        let mut set = self.options.sets.now();
        set.accepted.clear();
        let others = jobs.iter().filter(|job| job.spec != first.spec && !job.waits());
        let unmade = done.iter().flatten().filter(|(_, end)| *end != JobOutcome::Promoted);
        for (spec, outcome) in unmade {
            if let Some(job) = others.clone().find(|job| job.spec == *spec) {
                set.ended.insert(spec.clone(), (job.clone(), outcome.clone()));
            }
        }
        drop(set);
        done
    }

    /// Makes all members up to their promotion, until one fails.
    async fn members(&self, jobs: &[Job], first: &Job) -> Result<SetMembers, CommandError> {
        let limits = self.workspace.harness.schedule.clone();
        let ordered = critical_first(jobs.iter().collect(), |id| self.depends(id));
        let mut queue = Queue::new(ordered.into_iter(), |id| self.depends(id), limits);
        let (mut running, mut members) = (FuturesUnordered::new(), SetMembers::default());
        loop {
            while let Some(spec) = queue.start(|_| members.failed.is_empty()) {
                let forced = spec == first.spec && first.is_forced();
                running.push(async move { (spec.clone(), self.member(spec, forced).await) });
            }
            let Some((spec, end)) = running.next().await else { return Ok(members) };
            match end? {
                None => {}
                Some(Prepared::Ended(JobOutcome::Promoted)) => {}
                Some(Prepared::Ended(outcome)) => members.failed.push((spec.clone(), outcome)),
                Some(Prepared::Ready(id, state)) => {
                    let entries = self.ready(&state)?;
                    let entries = entries.map(|entries| (spec.clone(), entries));
                    self.options.sets.now().accepted.extend(entries);
                    members.ready.push((id, *state));
                }
            }
            queue.ended(&spec);
        }
    }

    /// A member up to its promotion; `None` if what is below it does not make it out of date.
    async fn member(&self, spec: SpecId, forced: bool) -> Result<Option<Prepared>, CommandError> {
        let only = BTreeSet::from([spec]);
        // For what is promoted, and what members have accepted.
        let mut standing = files::standing(&self.workspace.places.root)?;
        standing.spec.extend(self.options.sets.now().accepted.clone());
        let mut plan = self.workspace.plan_from(&standing, &self.tools, Some(&only), forced)?;
        plan.jobs.iter_mut().for_each(|job| self.check_held(job));
        match plan.jobs.pop() {
            Some(job) if !job.waits() => self.until_promotion(&job).await.map(Some),
            _ => Ok(None),
        }
    }

    /// What a rollback holds is checked with the new trees of the set.
    fn check_held(&self, job: &mut Job) {
        let promoted = &self.workspace.standing.spec;
        let accepted = &self.options.sets.now().accepted;
        let is_new = |link: &&Link| {
            let is_it = |entry: &TargetStanding| entry.tree == link.tree;
            let before = promoted.get(&link.spec).into_iter().flat_map(|one| one.target.values());
            accepted.contains_key(&link.spec) && !before.into_iter().any(is_it)
        };
        for part in job.parts.iter_mut().filter(|part| part.held) {
            let changed = part.links.iter().filter(is_new);
            let changed: Vec<_> = changed.map(|link| format!("spec {}", link.spec)).collect();
            part.reason = (!changed.is_empty()).then_some(Reason::Gates { changed });
        }
    }

    /// Promotes all members, or none.
    fn close_set(
        &self,
        members: SetMembers,
        jobs: &[Job],
        first: &Job,
    ) -> Result<SetOutcome, CommandError> {
        let SetMembers { ready, failed } = members;
        if let Some((broken, outcome)) = failed.first() {
            let why = self.why_not(broken, outcome);
            for (id, mut state) in ready {
                self.record(id, &mut state, &Event::Held { why: why.clone() })?;
            }
            let is_failed = |job: &Job| failed.iter().any(|(spec, _)| *spec == job.spec);
            let own = jobs.iter().filter(|job| job.spec == first.spec || !job.waits());
            let own = own.filter(|job| !is_failed(job)).map(|job| job.spec.clone());
            let waits: Vec<_> =
                own.map(|spec| (spec, JobOutcome::Waits { why: why.clone() })).collect();
            return Ok(failed.into_iter().chain(waits).collect());
        }
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let events = self.promote_set(&ready)?;
        let mut done = Vec::new();
        for ((id, mut state), (event, switched)) in ready.into_iter().zip(events) {
            self.record(id, &mut state, &event)?;
            self.finish(&state.job, switched)?;
            let outcome = state.outcome().cloned();
            done.push((state.job.spec.clone(), outcome.unwrap_or(JobOutcome::Superseded)));
        }
        Ok(done)
    }

    /// Why nothing of a set is promoted.
    fn why_not(&self, broken: &SpecId, outcome: &JobOutcome) -> String {
        let clauses = clauses(outcome);
        let is_refused = outcome.diagnosis().is_some_and(|one| one.fault != Fault::Environment);
        if is_refused && self.workspace.spec(broken).is_some_and(|spec| spec.integration) {
            return format!(
                "nothing of the set is promoted, because `{broken}`, which checks its members \
                 together, fails{clauses}; {}; `regen why {broken}` says more",
                self.pass_alone(broken)
            );
        }
        let entries = self.workspace.standing.spec.get(broken).map(|one| one.target.values());
        if is_refused && entries.into_iter().flatten().any(|entry| entry.held.is_some()) {
            return format!(
                "nothing of the set is promoted, because the earlier tree at which a rollback holds \
                 `{broken}` does not pass with it{clauses}; change the spec of `{broken}`, or ask for \
                 another one: `regen run --force {broken}`; `regen why {broken}` says more"
            );
        }
        format!(
            "nothing of the set is promoted, because `{broken}`, which is promoted together with it, \
             could not be made{clauses}; `regen why {broken}` says why"
        )
    }

    /// What a failed clause of a spec without code says of the specs below it.
    pub(super) fn pass_alone(&self, id: &SpecId) -> String {
        let set = self.options.sets.now();
        let told = |id: &SpecId| {
            let clauses = self.workspace.spec(id).map_or(0, |spec| spec.clauses.len());
            let is_new = if set.accepted.contains_key(id) { ", in this set" } else { "" };
            format!("`{id}` ({}{is_new})", counted(clauses, "clause"))
        };
        let below: Vec<String> = self.below(id).iter().map(told).collect();
        format!("the specs that it checks pass their own examples: {}", below.join(", "))
    }

    /// The specs that one depends on, directly or not.
    pub(super) fn below(&self, id: &SpecId) -> BTreeSet<SpecId> {
        let (mut left, mut all) = (vec![id.clone()], BTreeSet::new());
        while let Some(id) = left.pop() {
            left.extend(self.depends(&id).into_iter().filter(|one| all.insert(one.clone())));
        }
        all
    }

    /// The specs that one depends on.
    pub(super) fn depends(&self, id: &SpecId) -> BTreeSet<SpecId> {
        let spec = self.workspace.spec(id);
        spec.map(|spec| spec.depends.iter().cloned().collect()).unwrap_or_default()
    }
}

/// The members of a set that were made.
#[derive(Default)]
struct SetMembers {
    /// Accepted, in the order of their dependencies.
    ready: Vec<(JobId, State)>,
    failed: SetOutcome,
}

/// The clauses of a member that could not be made.
fn clauses(outcome: &JobOutcome) -> String {
    let clauses = outcome.diagnosis().map(|diagnosis| diagnosis.clauses.as_slice());
    let clauses: Vec<&str> = clauses.unwrap_or_default().iter().map(|id| id.as_str()).collect();
    if clauses.is_empty() { String::new() } else { format!(" ({})", clauses.join(", ")) }
}
