//! One job as a pure state machine.
//!
//! [`State::step`] is the only transition, live and in replay. The next effect is a function of the
//! state alone ([`State::outstanding`]), so recovery folds the ledger's events and then performs
//! the outstanding effect.

mod attempt;
mod ending;
mod queue;
mod retry_policy;
mod scheduler;

use ending::{failed, rejected, trouble};

pub use attempt::{Attempt, AttemptFailure};
pub use queue::{Queue, critical_first};
pub use retry_policy::{most_calls, most_versions};
pub use scheduler::{Backoff, JobStatus, Scheduler};

use crate::types::{
    AttemptKind, CandidateId, Diagnosis, Digest, Event, Failure, Fault, GateReport, Job,
    JobOutcome, Judgement, Outcome, RateLimit, Reason, limits,
};

/// An effect on the outside world. Performing one twice is harmless: everything it writes is named
/// by job and attempt or by content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Render the prompt and record that the attempt starts.
    Start,
    /// Ask the generator, or use its recorded answer.
    Ask {
        /// The prompt, in the objects.
        prompt: Digest,
    },
    /// Take the promoted tree as the candidate.
    Adopt,
    /// Read the completion.
    Read {
        /// The completion, in the objects.
        completion: Digest,
    },
    /// Run a gate.
    Gate {
        /// The candidate.
        candidate: CandidateId,
        /// Its place in the part's pipeline.
        gate: usize,
    },
    /// Judge the reports.
    Judge {
        /// The candidate.
        candidate: CandidateId,
    },
    /// Put the accepted trees in place.
    Promote,
}

impl Effect {
    /// The effect, in a word or two.
    pub fn doing(&self, state: &State) -> String {
        match self {
            Self::Start => "prompt".to_owned(),
            Self::Ask { .. } => "asking".to_owned(),
            Self::Adopt | Self::Read { .. } => "reading".to_owned(),
            Self::Gate { gate, .. } => {
                let gates = state.attempt().map(|a| &state.job.parts[a.part].gates);
                format!(
                    "gate {}",
                    gates.and_then(|g| g.get(*gate)).map_or("", |gate| gate.as_str())
                )
            }
            Self::Judge { .. } => "judging".to_owned(),
            Self::Promote => "promoting".to_owned(),
        }
    }
}

/// The phase of a job, with its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// An attempt is about to start.
    Starting,
    /// A generator is asked.
    Asking {
        /// The prompt, in the objects.
        prompt: Digest,
    },
    /// The promoted tree is fetched.
    Adopting,
    /// An answer is being read.
    Reading {
        /// The answer, in the objects.
        completion: Digest,
    },
    /// A gate is running.
    Gating {
        /// The candidate.
        candidate: CandidateId,
        /// Its place in the part's pipeline.
        gate: usize,
    },
    /// The reports are being judged.
    Judging {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The trees are being put in place.
    Promoting,
    /// The job ended.
    Done(JobOutcome),
}

/// An event that is not allowed in a state.
#[derive(Debug, thiserror::Error)]
#[error("event {event} is not allowed in state {state}")]
pub struct IllegalEvent {
    /// The state.
    pub state: String,
    /// The event.
    pub event: String,
}

/// A job and its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The job.
    pub job: Job,
    /// Its phase.
    pub phase: Phase,
    /// Every attempt so far, the current one last.
    pub attempts: Vec<Attempt>,
    /// How often the current gate was repeated.
    rescues: u32,
}

impl State {
    /// A job that was just queued. A job without work ends at once.
    pub fn queued(job: Job) -> Self {
        let mut state = Self { job, phase: Phase::Promoting, attempts: Vec::new(), rescues: 0 };
        state.next_part(0);
        state
    }

    /// Folds a job's events, the first of which queues it.
    ///
    /// # Errors
    /// The first event that is not allowed.
    pub fn fold<'a>(
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Option<Self>, IllegalEvent> {
        let mut state: Option<Self> = None;
        for event in events {
            match (&mut state, event) {
                (None, Event::Queued { job }) => state = Some(Self::queued(job.clone())),
                (Some(state), event) => state.step(event)?,
                (None, event) => {
                    return Err(IllegalEvent { state: "none".to_owned(), event: name(event) });
                }
            }
        }
        Ok(state)
    }

    /// The current attempt.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The outcome of an ended job.
    pub fn outcome(&self) -> Option<&JobOutcome> {
        match &self.phase {
            Phase::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The accepted attempt of a part, with its candidate.
    pub fn accepted(&self, part: usize) -> Option<(&Attempt, &CandidateId)> {
        let mut of_part = self.attempts.iter().filter(|attempt| attempt.part == part);
        of_part.find_map(|attempt| Some((attempt, attempt.accepted.as_ref()?)))
    }

    /// Attempts of a part that called a generator.
    pub fn calls(&self, part: usize) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |a| a.part == part).filter(|a| a.kind.asks())
    }

    /// The attempt whose files were the same as those of this one, which is refused for it.
    pub fn judged_before(&self, attempt: u32) -> Option<u32> {
        let this = |one: &&Attempt| one.number == attempt && one.failed.is_some();
        let refused = self.attempts.iter().find(this)?;
        if !refused.reports.is_empty() {
            return None;
        }
        let mut before = self.calls(refused.part).filter(|one| one.number < refused.number);
        before.find(|one| one.tree == refused.tree && refused.tree.is_some()).map(|one| one.number)
    }

    /// The next effect; `None` when the job has ended.
    pub fn outstanding(&self) -> Option<Effect> {
        Some(match &self.phase {
            Phase::Starting => Effect::Start,
            Phase::Asking { prompt } => Effect::Ask { prompt: *prompt },
            Phase::Adopting => Effect::Adopt,
            Phase::Reading { completion } => Effect::Read { completion: *completion },
            Phase::Gating { candidate, gate } => {
                Effect::Gate { candidate: candidate.clone(), gate: *gate }
            }
            Phase::Judging { candidate } => Effect::Judge { candidate: candidate.clone() },
            Phase::Promoting => Effect::Promote,
            Phase::Done(_) => return None,
        })
    }

    /// Applies an event.
    ///
    /// # Errors
    /// The event is not allowed; the state is unchanged.
    pub fn step(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let number = self.attempts.last().map_or(0, |attempt| attempt.number);
        match (&self.phase, event) {
            (Phase::Done(_), _) => return Err(self.illegal(event)),
            (_, Event::Resumed) | (Phase::Promoting, Event::Held { .. }) => {}
            (_, Event::Superseded) => self.end(JobOutcome::Superseded),
            (_, Event::Cancelled { .. }) => self.end(JobOutcome::Cancelled),
            (Phase::Starting, Event::AttemptStarted { attempt, prompt, .. })
                if *attempt == number =>
            {
                self.phase = self.after_start(*prompt).ok_or_else(|| self.illegal(event))?;
                self.current().prompt = *prompt;
            }
            (
                Phase::Starting | Phase::Asking { .. } | Phase::Adopting,
                Event::GenerationFailed { attempt, failure, message, wait_s, completion },
            ) if *attempt == number => {
                self.generation_failed(*failure, message, *wait_s, *completion);
            }
            (Phase::Starting, Event::InputsRefused { attempt, diagnosis })
                if *attempt == number =>
            {
                self.end(ending::refused(diagnosis.clone()));
            }
            (Phase::Asking { .. }, Event::Completed { attempt, completion, replay, .. })
                if *attempt == number =>
            {
                let current = self.current();
                (current.completion, current.replay) = (Some(*completion), replay.clone());
                self.phase = Phase::Reading { completion: *completion };
            }
            (
                Phase::Adopting | Phase::Reading { .. },
                Event::CandidateMade { attempt, tree, provenance, .. },
            ) if *attempt == number => {
                self.candidate_made(CandidateId { tree: *tree, provenance: provenance.clone() });
            }
            (Phase::Reading { .. }, Event::Malformed { attempt, message, reask })
                if *attempt == number =>
            {
                self.fail(AttemptFailure::Malformed { message: message.clone(), reask: *reask });
            }
            (Phase::Reading { .. }, Event::Conflict { attempt, clause, others, message })
                if *attempt == number =>
            {
                let diagnosis = ending::conflict(clause.iter().chain(others), message);
                self.end(JobOutcome::SpecSuspected { diagnosis });
            }
            (Phase::Gating { candidate, gate }, Event::GateReported { attempt, report, .. })
                if *attempt == number && self.is_report_of(candidate, *gate, report) =>
            {
                let (candidate, gate) = (candidate.clone(), *gate);
                self.gate_reported(candidate, gate, report);
            }
            (Phase::Judging { candidate }, Event::Judged { attempt, judgement })
                if *attempt == number =>
            {
                let candidate = candidate.clone();
                self.judged(candidate, judgement);
            }
            (Phase::Promoting, Event::Promoted { .. }) => self.end(JobOutcome::Promoted),
            (Phase::Promoting, Event::PromotionRefused { files }) => {
                self.end(JobOutcome::Drifted { files: files.clone() });
            }
            (Phase::Promoting, Event::PromotionFailed { message }) => {
                self.end(failed(trouble(Fault::Environment, message)));
            }
            _ => return Err(self.illegal(event)),
        }
        Ok(())
    }

    /// The phase after the start of an attempt. A generator is called only with a prompt.
    fn after_start(&self, prompt: Option<Digest>) -> Option<Phase> {
        match prompt.filter(|_| self.attempt().is_some_and(|one| one.kind.asks())) {
            Some(prompt) => Some(Phase::Asking { prompt }),
            None => (!self.attempt()?.kind.asks()).then_some(Phase::Adopting),
        }
    }

    fn illegal(&self, event: &Event) -> IllegalEvent {
        IllegalEvent { state: format!("{:?}", self.phase), event: name(event) }
    }

    fn current(&mut self) -> &mut Attempt {
        self.attempts.last_mut().expect("every phase before Promoting has an attempt")
    }

    fn end(&mut self, outcome: JobOutcome) {
        self.phase = Phase::Done(outcome);
    }

    /// Continues with the next part that has work, or with the promotion.
    fn next_part(&mut self, from: usize) {
        let next = (from..self.job.parts.len()).find(|i| self.job.parts[*i].reason.is_some());
        let Some(part) = next else {
            self.phase = Phase::Promoting;
            return;
        };
        let work = &self.job.parts[part];
        let kind = if work.verifies {
            AttemptKind::Verify
        } else if work.asks() {
            AttemptKind::Generate
        } else {
            AttemptKind::Revalidate
        };
        self.start(part, retry_policy::NextAttempt { kind, tier: 0, slot: 0 });
    }

    fn start(&mut self, part: usize, next: retry_policy::NextAttempt) {
        let number = self.attempts.last().map_or(0, |attempt| attempt.number) + 1;
        self.rescues = 0;
        self.phase = Phase::Starting;
        self.attempts.push(Attempt {
            number,
            part,
            kind: next.kind,
            tier: next.tier,
            slot: next.slot,
            prompt: None,
            completion: None,
            replay: None,
            tree: None,
            reports: Vec::new(),
            failed: None,
            accepted: None,
        });
    }

    /// No answer came. `left` is what an agent left all the same.
    fn generation_failed(
        &mut self,
        failure: Failure,
        message: &str,
        wait_s: Option<u64>,
        left: Option<Digest>,
    ) {
        self.current().completion = left;
        let fault = match failure {
            Failure::Truncated => return self.fail(AttemptFailure::Truncated(message.to_owned())),
            Failure::Budget => Fault::Budget,
            _ => Fault::Generator,
        };
        let tier = self.current().tier;
        let limit = wait_s.map(|wait_s| RateLimit { tier, wait_s });
        self.end(JobOutcome::Failed { diagnosis: trouble(fault, message), limit });
    }

    fn candidate_made(&mut self, candidate: CandidateId) {
        let (part, tree) = (self.current().part, candidate.tree);
        self.current().tree = Some(tree);
        let before = self.calls(part).find_map(|attempt| match &attempt.failed {
            Some(AttemptFailure::Refused(diagnosis)) if attempt.tree == Some(tree) => {
                Some(diagnosis.clone())
            }
            _ => None,
        });
        match before {
            // The same bytes were judged before; the gates would give the same result.
            Some(diagnosis) => self.fail(AttemptFailure::Refused(diagnosis)),
            None => self.phase = Phase::Gating { candidate, gate: 0 },
        }
    }

    fn is_report_of(&self, candidate: &CandidateId, gate: usize, report: &GateReport) -> bool {
        let attempt = self.attempts.last();
        attempt.is_some_and(|attempt| {
            candidate.tree == report.tree
                && self.job.parts[attempt.part].gates.get(gate) == Some(&report.gate)
        })
    }

    fn gate_reported(&mut self, candidate: CandidateId, gate: usize, report: &GateReport) {
        let error = matches!(report.outcome, Outcome::Error { .. });
        self.current().reports.push(report.clone());
        let part = self.current().part;
        let gates = self.job.parts[part].gates.len();
        if error && report.may_pass() && self.rescues < limits::RESCUES {
            self.rescues += 1;
        } else if !error && report.lets_through() && gate + 1 < gates {
            self.rescues = 0;
            self.phase = Phase::Gating { candidate, gate: gate + 1 };
        } else {
            self.phase = Phase::Judging { candidate };
        }
    }

    fn judged(&mut self, candidate: CandidateId, judgement: &Judgement) {
        match judgement {
            Judgement::Accept => {
                let current = self.current();
                current.accepted = Some(candidate);
                let part = current.part;
                self.next_part(part + 1);
            }
            // Another answer of the model would be refused as well.
            Judgement::Refuse { diagnosis } if diagnosis.fault == Fault::Spec => {
                self.end(JobOutcome::SpecSuspected { diagnosis: diagnosis.clone() });
            }
            Judgement::Refuse { diagnosis } => {
                self.fail(AttemptFailure::Refused(diagnosis.clone()))
            }
            Judgement::Unsound { diagnosis } => {
                self.end(failed(diagnosis.clone()));
            }
        }
    }

    /// The attempt failed: starts another one, or ends the job.
    fn fail(&mut self, failed: AttemptFailure) {
        let current = self.current();
        current.failed = Some(failed);
        let (part, kind) = (current.part, current.kind);
        let is_renamed = matches!(self.job.parts[part].reason, Some(Reason::Renamed { .. }));
        // There is nothing to ask for.
        let is_last = is_renamed || kind == AttemptKind::Verify;
        let is_held = self.job.parts[part].held;
        if let Some(diagnosis) = self.current().refusal().filter(|_| is_held) {
            // A person chose the tree.
            let diagnosis = Diagnosis { fault: Fault::Spec, ..diagnosis.clone() };
            return self.end(JobOutcome::SpecSuspected { diagnosis });
        }
        if let Some(diagnosis) = self.current().refusal().filter(|_| is_last) {
            let diagnosis = diagnosis.clone();
            return self.end(JobOutcome::Rejected { diagnosis });
        }
        if kind == AttemptKind::Revalidate {
            let next = retry_policy::NextAttempt { kind: AttemptKind::Generate, tier: 0, slot: 0 };
            return self.start(part, next);
        }
        let calls: Vec<_> = self.calls(part).collect();
        match retry_policy::next(&calls, self.job.tiers) {
            Ok(next) => self.start(part, next),
            Err(why) => {
                let outcome = rejected(&calls, why);
                self.end(outcome);
            }
        }
    }
}

/// An event's name in the ledger.
pub fn name(event: &Event) -> String {
    let value = serde_json::to_value(event).unwrap_or_default();
    value.get("event").and_then(|name| name.as_str()).unwrap_or("unknown").to_owned()
}
