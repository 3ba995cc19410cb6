//! Asks a generator. A paid answer is recorded before anything else happens.

use super::observer::Observer;
use super::resources::Engine;
use crate::gateway::ExchangeJournal as _;
use crate::generator::{
    CallContext, Generation, GenerationError, GenerationProgress, Generator, Request, Workplace,
};
use crate::pipeline::{Attempt, State};
use crate::store::{CallId, LedgerError, Reservation, Spend};
use crate::types::harness::CassetteMode;
use crate::types::{
    Completion, Digest, Encoder, Event, Failure, GeneratorConfig, Job, JobId, Prices, SpecId,
    StoredGeneration, StoredWorkspace,
};
use crate::workspace::{CommandError, today};

impl Engine {
    pub(super) async fn ask(
        &self,
        id: JobId,
        state: &State,
        attempt: &Attempt,
        prompt: Digest,
    ) -> Result<Event, CommandError> {
        let number = attempt.number;
        let generator = self.generator(attempt.tier)?;
        let request = self.request(id, state, attempt, prompt)?;
        let request_id = generator.request_id(&request);
        let call = CallId { job: id, attempt: number };
        let known = self.ledger.borrow().completion(call, request_id)?;
        if let Some(digest) = known {
            return self.completed(number, digest);
        }
        if !generator.is_free()
            && let Some(event) = self.answered_before(call, &state.job.spec, request_id)?
        {
            return Ok(event);
        }
        let config = self.workspace.harness.generator.as_ref().map(|one| one.tier(attempt.tier));
        let prices = config.map_or_else(Prices::default, |one| one.prices);
        let mut journal = None;
        if !generator.is_free() {
            if let Err(error) = generator.check_rate_limit() {
                return Ok(unanswered(number, error));
            }
            journal = self.journal(attempt, call, &prices)?;
            let mut ceiling = generator.ceiling(&request);
            // The limit of an attempt holds over all its tries.
            let spent = journal.as_ref().map_or(0, |journal| journal.spent());
            ceiling.output = ceiling.output.saturating_sub(spent);
            if let Some(message) = self.reserve(call, Spend::most(ceiling, &prices), None)? {
                return Ok(unanswered(number, GenerationError::new(Failure::Budget, message)));
            }
        }
        let work = match self.work_for(generator, state, attempt, &request).await? {
            Ok(sandbox) => sandbox
                .zip(journal.clone())
                .map(|(sandbox, journal)| Workplace { sandbox, journal }),
            Err(error) => return self.failed(call, error, Some(Spend::nothing())),
        };
        let observer = self.options.observer.as_ref();
        let progress = AnswerProgress { observer, job: &state.job };
        match in_time(generator, request.clone(), work, &progress).await {
            Ok(answer) => {
                let exchange = generator.recording(&request, &answer, &today());
                let digest = self.store(&answer, exchange)?;
                let spend = match answer.replay() {
                    Some(_) => Spend::nothing(),
                    None => Spend::of(answer.usage(), &prices),
                };
                self.ledger.borrow_mut().record_completion(call, request_id, digest, spend)?;
                // Recorded first, so that a paid answer is never requested again.
                match generator.keep(&request, &answer, &today()) {
                    Ok(()) => self.completed(number, digest),
                    Err(error) => Ok(unanswered(number, error)),
                }
            }
            Err(error) => {
                let known = journal.map(|journal| journal.cost(&prices)).transpose()?;
                self.failed(call, error, known)
            }
        }
    }

    /// Settles a failed call. If a model may have worked, the reservation stays, because the cost
    /// is unknown; but for exchanges that were recorded.
    fn failed(
        &self,
        call: CallId,
        error: GenerationError,
        known: Option<Spend>,
    ) -> Result<Event, CommandError> {
        let left = error.left.as_deref().map(|left| self.store(left, None)).transpose()?;
        if let Some(spend) = known.or_else(|| (!error.served).then(Spend::nothing)) {
            self.ledger.borrow_mut().settle(call, spend)?;
        }
        let mut event = unanswered(call.attempt, error);
        if let Event::GenerationFailed { completion, .. } = &mut event {
            *completion = left;
        }
        Ok(event)
    }

    /// Reserves the most that a call may cost. Gives the limit that it would exceed.
    pub(super) fn reserve(
        &self,
        call: CallId,
        spend: Spend,
        answers: Option<u32>,
    ) -> Result<Option<String>, CommandError> {
        let most = Reservation { call, run: self.run.get(), day: &today(), spend, answers };
        let budget = &self.workspace.harness.budget;
        let reserved = self.ledger.borrow_mut().reserve(&most, budget);
        match reserved {
            Err(LedgerError::Budget(message)) => Ok(Some(message)),
            Ok(()) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// An answer paid for by an earlier job that was killed before using it, or that was rolled
    /// back.
    fn answered_before(
        &self,
        call: CallId,
        spec: &SpecId,
        request: Digest,
    ) -> Result<Option<Event>, CommandError> {
        let mode = self.workspace.harness.generator.as_ref().map(GeneratorConfig::cassette_mode);
        if matches!(mode, Some(CassetteMode::Record | CassetteMode::Verify)) {
            return Ok(None);
        }
        let known = self.ledger.borrow().reusable(call.job, spec, request)?;
        let Some(digest) = known.filter(|digest| self.objects.get(*digest).is_ok()) else {
            return Ok(None);
        };
        self.ledger.borrow_mut().record_completion(call, request, digest, Spend::nothing())?;
        self.options.observer.note(&format!("{spec}: reusing an answer that was already paid for"));
        self.completed(call.attempt, digest).map(Some)
    }

    /// Stores an answer in the objects, and its exchange as a recording.
    fn store(
        &self,
        answer: &Generation,
        exchange: Option<Vec<u8>>,
    ) -> Result<Digest, CommandError> {
        let exchange = exchange.map(|text| self.objects.put(&text)).transpose()?;
        let stored = match answer.clone() {
            Generation::Text { completion, .. } => {
                StoredGeneration::Text(Completion { exchange, ..completion })
            }
            Generation::Workspace { tree, transcript, usage, model, replay } => {
                let tree = self.objects.put_tree(&tree)?;
                let transcript = self.objects.put(&transcript)?;
                StoredGeneration::Workspace(StoredWorkspace {
                    tree,
                    transcript,
                    usage,
                    model,
                    replay,
                    exchange,
                })
            }
        };
        let text = serde_json::to_vec(&stored).expect("an answer is plain data");
        Ok(self.objects.put(&text)?)
    }

    fn request(
        &self,
        id: JobId,
        state: &State,
        attempt: &Attempt,
        prompt: Digest,
    ) -> Result<Request, CommandError> {
        let part = &state.job.parts[attempt.part];
        let before = state.attempts.iter().filter(|a| a.number < attempt.number);
        let sample =
            before.filter(|a| a.prompt == attempt.prompt && a.tier == attempt.tier).count();
        Ok(Request {
            prompt: self.object(prompt)?,
            kind: attempt.kind,
            sample: u32::try_from(sample).unwrap_or(u32::MAX),
            base: self.base(state, attempt)?,
            call: Some(self.call(id, attempt.number)?),
            context: CallContext {
                spec: state.job.spec.clone(),
                target: part.target.clone(),
                job: part.key,
                attempt: attempt.number,
            },
        })
    }

    /// The name of a call on every machine: the same after a restart, another one in each job.
    fn call(&self, id: JobId, attempt: u32) -> Result<Digest, CommandError> {
        let begun = self.ledger.borrow().begun(id)?;
        let mut call = Encoder::new("call");
        Ok(call.text(begun).number(id.0.unsigned_abs()).number(attempt.into()).finish())
    }

    fn completed(&self, attempt: u32, digest: Digest) -> Result<Event, CommandError> {
        let answer: StoredGeneration = self.object(digest)?;
        let (usage, replay) = (answer.usage(), answer.replay().map(str::to_owned));
        Ok(Event::Completed { attempt, completion: digest, usage, replay })
    }
}

/// Asks, and does not wait for longer than the generator's deadline.
async fn in_time(
    generator: &dyn Generator,
    request: Request,
    work: Option<Workplace>,
    progress: &dyn GenerationProgress,
) -> Result<Generation, GenerationError> {
    let generating = generator.generate(request, work, progress);
    let Some(deadline) = generator.deadline() else { return generating.await };
    tokio::time::timeout(deadline, generating).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", deadline.as_secs());
        Err(GenerationError::new(Failure::TimedOut, message))
    })
}

/// Tells who watches how an answer goes on.
struct AnswerProgress<'a> {
    observer: &'a (dyn Observer + Send + Sync),
    job: &'a Job,
}

impl GenerationProgress for AnswerProgress<'_> {
    fn grown(&self, characters: usize) {
        self.observer.streaming(self.job, characters);
    }

    fn turn(&self, text: &str) {
        self.observer.turn(self.job, text);
    }

    fn note(&self, text: &str) {
        self.observer.note(&format!("{}: {text}", self.job.spec));
    }
}

fn unanswered(attempt: u32, error: GenerationError) -> Event {
    let wait_s = error.after.map(|after| after.as_secs_f64().ceil() as u64);
    let GenerationError { failure, message, .. } = error;
    Event::GenerationFailed { attempt, failure, message, wait_s, completion: None }
}
