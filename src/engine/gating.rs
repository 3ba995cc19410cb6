//! Runs gates through an executor.

use std::sync::Arc;
use std::time::SystemTime;

use super::resources::Engine;
use crate::gate::{AnsweringModel, ExecuteOptions, GateExecutor, NoAnswer, SAMPLES_AT_ONCE};
use crate::generator::CallContext;
use crate::pipeline::{Attempt, State, most_versions};
use crate::process::Listener;
use crate::store::CallId;
use crate::toolchain::{self, GateKind};
use crate::types::harness::CassetteMode;
use crate::types::{
    Action, ActionResult, CandidateId, Digest, Event, Failure, GateName, Job, JobId, SampledVersion,
};
use crate::verdict::{OtherTarget, with_differences};
use crate::workspace::{
    AnswerSource, AnsweringOptions, CommandError, ReserveSamples, SampleReservation, SampledModel,
};

impl Engine {
    pub(super) fn executor(&self) -> &dyn GateExecutor {
        self.executor.as_deref().expect("a run with work has an executor")
    }

    pub(super) async fn gate(
        &self,
        id: JobId,
        state: &State,
        attempt: &Attempt,
        candidate: &CandidateId,
        gate: usize,
    ) -> Result<Event, CommandError> {
        let part = &state.job.parts[attempt.part];
        let name = &part.gates[gate];
        let inputs = self.inputs(state, attempt).judged.clone();
        if self.accepted.borrow_mut().insert(inputs.digest()) {
            self.executor().accept(&inputs)?;
        }
        let (executor, language) = (self.executor(), inputs.language().id());
        let toolchain = executor.toolchain(language).unwrap_or_default();
        let action = Action {
            min_isolation: self.workspace.harness.sandbox.min_level,
            control: self.control(state, attempt, name)?,
            proven: self.ledger.borrow().proven()?,
            links: self.links_of(state, attempt),
            unproven: self.unproven_code(state, attempt),
            ..inputs.action(name, toolchain, candidate.tree, candidate.provenance.clone())
        };
        let kind = toolchain::gate(inputs.target(), name).map(|gate| gate.kind);
        let call = CallId { job: id, attempt: attempt.number };
        let reserve = |most: SampleReservation| self.reserve_samples(call, most);
        let answering = self.answering(id, state, attempt, &reserve)?;
        if answering.is_some() {
            self.ledger.borrow_mut().settle_samples(call, SAMPLES_AT_ONCE)?;
        }
        let options = ExecuteOptions {
            before: &attempt.reports,
            now: SystemTime::now(),
            listener: Some(self.listener(&state.job, name)),
            keep: self.options.keep.then(|| self.kept(&part.target)),
            answering: answering.as_ref().map(|model| model as &dyn AnsweringModel),
        };
        let ran = executor.execute(&action, options).await;
        if let Some(spent) = answering.and_then(|model| model.spent()) {
            self.ledger.borrow_mut().settle(call, spent)?;
        }
        let ActionResult { mut report, worker, .. } = ran?;
        if kind == Some(GateKind::Coverage) {
            let others: Vec<_> = others(state, attempt).collect();
            let settings = inputs.settings().get(name);
            report = with_differences(report, &attempt.reports, &others, settings);
        }
        Ok(Event::GateReported { attempt: attempt.number, report, worker })
    }

    /// The model under test of an attempt's target.
    fn answering<'a>(
        &'a self,
        id: JobId,
        state: &State,
        attempt: &Attempt,
        reserve: &'a ReserveSamples<'a>,
    ) -> Result<Option<SampledModel<'a>>, CommandError> {
        let part = &state.job.parts[attempt.part];
        // What the model said before may be what is doubted.
        let is_forced = self.is_forced(state, attempt);
        let context = CallContext {
            spec: state.job.spec.clone(),
            target: part.target.clone(),
            job: part.key,
            attempt: attempt.number,
        };
        self.workspace.answering(
            context,
            AnsweringOptions {
                variable: self.options.variable,
                servers: &self.options.servers,
                generators: &self.options.generators,
                answers: if is_forced { AnswerSource::OfJob(id) } else { AnswerSource::Any(id) },
                version: self.version(state, attempt),
                reserve,
            },
        )
    }

    /// Which of the versions that a run can sample an attempt is.
    fn version(&self, state: &State, attempt: &Attempt) -> SampledVersion {
        let is_sampled = |one: &&Attempt| {
            let is_before = one.part == attempt.part && one.number < attempt.number;
            is_before && one.reports.iter().any(|report| !report.samples.is_empty())
        };
        let before = state.attempts.iter().filter(is_sampled).count();
        let number = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        SampledVersion { number, of: most_versions(self.workspace.harness.tiers()) }
    }

    /// What is missing of the key of the model under test, which is known before an answer is
    /// bought.
    pub(super) fn missing_key(&self, attempt: &Attempt, state: &State) -> Option<String> {
        let target = &self.inputs(state, attempt).target;
        let server = toolchain::model_under_test(target)?.server;
        let replays = server.cassette_mode() == CassetteMode::Replay;
        let name = server.settings.api_key_env().filter(|_| !replays)?;
        let key = (self.options.variable)(name).filter(|key| !key.trim().is_empty());
        key.is_none().then(|| {
            format!("the variable {name} is not set: put the key of the model under test into it")
        })
    }

    /// Reserves the cost of samples; settles the reservation before.
    fn reserve_samples(
        &self,
        call: CallId,
        SampleReservation { most, answers, before }: SampleReservation,
    ) -> Result<(), NoAnswer> {
        if let Some(spent) = before {
            self.ledger.borrow_mut().settle(call, spent).map_err(NoAnswer::here)?;
        }
        match self.reserve(call, most, Some(answers)) {
            Ok(None) => Ok(()),
            Ok(Some(message)) => Err(NoAnswer { failure: Some(Failure::Budget), message }),
            Err(why) => Err(NoAnswer::here(why)),
        }
    }

    /// The promoted tree of the target, for a custom gate.
    fn control(
        &self,
        state: &State,
        attempt: &Attempt,
        gate: &GateName,
    ) -> Result<Option<Digest>, CommandError> {
        let job = self.inputs(state, attempt);
        if toolchain::gate(&job.target, gate).is_some() {
            return Ok(None);
        }
        let promoted = self.workspace.standing.spec.get(&state.job.spec);
        let Some(entry) = promoted.and_then(|spec| spec.target.get(&job.name)) else {
            return Ok(None);
        };
        let tree = self.promoter.tree(&entry.path).ok().flatten();
        let tree = tree.filter(|tree| tree.digest() == entry.tree);
        Ok(tree.map(|tree| self.objects.put_tree(&tree)).transpose()?)
    }

    fn listener(&self, job: &Job, gate: &str) -> Listener {
        let (observer, job) = (self.options.observer.clone(), job.clone());
        let gate = gate.to_owned();
        Listener(Arc::new(move |bytes| observer.output(&job, &gate, bytes)))
    }
}

/// The last attempts of a job's other targets.
fn others<'a>(state: &'a State, attempt: &'a Attempt) -> impl Iterator<Item = OtherTarget<'a>> {
    let parts = state.job.parts.iter().enumerate().filter(|(at, _)| *at != attempt.part);
    parts.filter_map(|(at, part)| {
        let last = state.attempts.iter().rfind(|one| one.part == at)?;
        Some(OtherTarget { name: &part.target, reports: &last.reports })
    })
}
