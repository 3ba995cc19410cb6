//! The model under test of a target: asks its server, and keeps each answer, so that none is bought
//! twice.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::{LocalBoxFuture, OptionFuture};
use futures::lock::Mutex;

use super::clock::today;
use super::error::CommandError;
use super::model::Workspace;
use crate::gate::{AnsweringModel, GradedSample, ModelAnswer, NoAnswer, Question};
use crate::generator::{
    CallContext, Cassettes, Generation, GenerationError, Generator, GeneratorParts, MakeGenerator,
    RateLimits, Request,
};
use crate::store::{CallId, SampleGrade, Spend, SqliteLedger, StoredSample};
use crate::toolchain;
use crate::types::harness::CassetteMode;
use crate::types::{
    AttemptKind, Digest, Encoder, Failure, Finish, GeneratorConfig, JobId, ModelUnderTest, Prompt,
    SampledVersion, Usage,
};

/// How models under test are reached.
pub struct AnsweringOptions<'a> {
    /// Reads an environment variable, for keys.
    pub variable: fn(&str) -> Option<String>,
    /// State of requests shared with others.
    pub servers: &'a RateLimits,
    /// Makes the generators.
    pub generators: &'a MakeGenerator,
    /// Which answers count.
    pub answers: AnswerSource,
    /// Which of the versions that a run can sample is asked.
    pub version: SampledVersion,
    /// Reserves the cost of answers.
    pub reserve: &'a ReserveSamples<'a>,
}

/// Reserves the cost of answers; settles the reservation before.
pub type ReserveSamples<'a> = dyn Fn(SampleReservation) -> Result<(), NoAnswer> + 'a;

/// A reservation for answers.
#[derive(Clone, Copy, Debug)]
pub struct SampleReservation {
    /// The most that they cost.
    pub most: Spend,
    /// How many they are.
    pub answers: u32,
    /// What was spent of the reservation before; `None` if there was none.
    pub before: Option<Spend>,
}

/// Which answers of a model under test count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerSource {
    /// Those that it gave before; for others it is asked, for this job.
    Any(JobId),
    /// Those that were bought for this job; for others it is asked.
    OfJob(JobId),
    /// Only those that it gave before: nothing is bought.
    Known,
    /// Only new ones, which are not kept.
    New,
}

/// Generators by temperature, and whether they are the judge's.
type MadeGenerators = BTreeMap<(Option<u64>, bool), Arc<dyn Generator>>;

/// The model under test of a target.
pub struct SampledModel<'a> {
    model: ModelUnderTest,
    cassettes: Cassettes,
    context: CallContext,
    options: AnsweringOptions<'a>,
    key: Option<String>,
    generators: RefCell<MadeGenerators>,
    /// `None`: nothing is kept.
    ledger: Option<RefCell<SqliteLedger>>,
    /// Tests, for reservations; and tokens of the longest file of tests.
    tests: u32,
    longest: u64,
    /// Answers that the last reservation still covers, and what was spent of it.
    covered: Cell<u32>,
    spent: RefCell<Option<Spend>>,
    /// Held while the server has answered nothing yet, so that one request tells that it refuses.
    first: Mutex<()>,
    has_answered: Cell<bool>,
    /// Why it is not asked again.
    refused: RefCell<Option<NoAnswer>>,
}

impl fmt::Debug for SampledModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampledModel({})", self.model.server.settings.model())
    }
}

impl Workspace {
    /// The model under test for a job; `None` if the target has none.
    ///
    /// # Errors
    /// The ledger cannot be opened.
    pub fn answering<'a>(
        &self,
        context: CallContext,
        options: AnsweringOptions<'a>,
    ) -> Result<Option<SampledModel<'a>>, CommandError> {
        let target = self.harness.target.get(&context.target);
        let Some(model) = target.and_then(toolchain::model_under_test) else { return Ok(None) };
        let cassettes = self.places.root.join(&self.harness.harness.cassettes);
        let cassettes = Cassettes::new(cassettes).staged(self.places.state.join("stage"));
        let inputs = self.job_inputs(&context.spec, &context.target);
        let suites = inputs.iter().flat_map(|inputs| inputs.judged.suites());
        let (mut tests, mut longest) = (0, 0);
        for suite in suites {
            tests += u32::try_from(suite.tests.len()).unwrap_or(u32::MAX);
            longest = longest.max(suite.text.len());
        }
        // A ledger from a checkout is not trusted.
        let ours = options.answers != AnswerSource::New && self.places.verify_state().is_ok();
        let path = self.places.ledger();
        let ledger = match options.answers {
            AnswerSource::Any(_) | AnswerSource::OfJob(_) if ours => {
                Some(SqliteLedger::open(&path)?)
            }
            AnswerSource::Known if ours => SqliteLedger::read(&path)?,
            _ => None,
        };
        let key = model.server.settings.api_key_env().and_then(options.variable);
        Ok(Some(SampledModel {
            model,
            cassettes,
            context,
            options,
            key,
            generators: RefCell::default(),
            ledger: ledger.map(RefCell::new),
            tests: tests.max(1),
            longest: longest as u64,
            covered: Cell::new(0),
            spent: RefCell::default(),
            first: Mutex::default(),
            has_answered: Cell::new(false),
            refused: RefCell::default(),
        }))
    }
}

impl SampledModel<'_> {
    /// What the last reservation was spent for; `None` without one.
    pub fn spent(&self) -> Option<Spend> {
        *self.spent.borrow()
    }

    /// The job for which answers are bought and kept.
    fn job(&self) -> Option<JobId> {
        match self.options.answers {
            AnswerSource::Any(job) | AnswerSource::OfJob(job) => Some(job),
            AnswerSource::Known | AnswerSource::New => None,
        }
    }

    /// The job whose answers alone count.
    fn only(&self) -> Option<JobId> {
        self.job().filter(|_| matches!(self.options.answers, AnswerSource::OfJob(_)))
    }

    fn generator(
        &self,
        temperature: Option<f64>,
        of_judge: bool,
    ) -> Result<Arc<dyn Generator>, GenerationError> {
        let at = (temperature.map(f64::to_bits), of_judge);
        if let Some(known) = self.generators.borrow().get(&at) {
            return Ok(known.clone());
        }
        let config = self.config(temperature, of_judge);
        let made = (self.options.generators)(GeneratorParts {
            config: &config,
            key: self.key.clone(),
            cassettes: self.cassettes.clone(),
            servers: self.options.servers,
            elsewhere: None,
        })?;
        self.generators.borrow_mut().insert(at, made.clone());
        Ok(made)
    }

    fn config(&self, temperature: Option<f64>, of_judge: bool) -> GeneratorConfig {
        let mut config = self.model.server.clone();
        config.cassettes = match self.options.answers {
            AnswerSource::Any(_) | AnswerSource::OfJob(_) => config.cassettes,
            AnswerSource::Known => Some(CassetteMode::Replay),
            AnswerSource::New => Some(CassetteMode::Off),
        };
        let server = config.settings.server_mut();
        server.temperature = temperature.or(server.temperature);
        if let Some(judge) = self.model.judge.as_ref().filter(|_| of_judge) {
            server.model.clone_from(judge);
        }
        config
    }

    /// Reserves the cost of as many answers as all tests can need, where the last reservation is
    /// used up.
    fn reserve(&self, generator: &dyn Generator, request: &Request) -> Result<(), NoAnswer> {
        if self.covered.get() == 0 {
            let answers = self.tests.saturating_mul(self.model.samples);
            let one = generator.ceiling(request);
            let count = u64::from(answers);
            let most = Usage {
                input: (one.input + self.longest).saturating_mul(count),
                output: one.output.saturating_mul(count),
                ..Usage::default()
            };
            let before = self.spent.borrow_mut().take();
            let most = Spend::most(most, &self.model.server.prices);
            (self.options.reserve)(SampleReservation { most, answers, before })?;
            self.covered.set(answers);
            *self.spent.borrow_mut() = Some(Spend::nothing());
        }
        self.covered.set(self.covered.get() - 1);
        Ok(())
    }

    /// Gives the answer that is known, or asks. What the server or a limit refuses once is not
    /// asked again.
    async fn asked(&self, question: Question) -> Result<ModelAnswer, NoAnswer> {
        let (temperature, of_judge) = (question.temperature, question.of_judge);
        let generator =
            self.generator(temperature, of_judge).map_err(|error| self.no_answer(error))?;
        let request = Request {
            prompt: question.prompt,
            kind: AttemptKind::Generate,
            sample: question.sample,
            base: None,
            call: None,
            context: self.context.clone(),
        };
        // Another server's answers are not this one's.
        let server = self.model.server.settings.server().base_url.as_str();
        let id =
            Encoder::new("sample").digest(generator.request_id(&request)).text(server).finish();
        let is_replay = self.model.server.cassette_mode() == CassetteMode::Replay;
        if let Some(ledger) = self.ledger.as_ref().filter(|_| !is_replay)
            && let Some(known) = ledger.borrow().sample(id, self.only()).map_err(NoAnswer::here)?
        {
            return Ok(said_by(known));
        }
        let first = (!self.has_answered.get()).then(|| self.first.lock());
        let first = OptionFuture::from(first).await.filter(|_| !self.has_answered.get());
        if let Some(refused) = &*self.refused.borrow() {
            return Err(refused.clone());
        }
        let answered = self.bought(&*generator, request, id).await;
        drop(first);
        match &answered {
            Ok(_) => self.has_answered.set(true),
            Err(why) => {
                let is_final = why.failure.is_some_and(|failure| !failure.may_pass());
                self.refused.replace(is_final.then(|| why.clone()));
            }
        }
        answered
    }

    async fn bought(
        &self,
        generator: &dyn Generator,
        request: Request,
        id: Digest,
    ) -> Result<ModelAnswer, NoAnswer> {
        if !generator.is_free() {
            generator.check_rate_limit().map_err(|error| self.no_answer(error))?;
            self.reserve(generator, &request)?;
        }
        let prices = &self.model.server.prices;
        let (answer, finish) = match generator.generate(request.clone(), None, &|_: usize| ()).await
        {
            Ok(answer) => (answer, None),
            // A refusal is an answer, and may be the right one.
            Err(GenerationError { refusal: Some(answer), .. }) => (*answer, Some("refusal")),
            Err(error) => return Err(self.no_answer(error)),
        };
        let cost = match answer.replay() {
            Some(_) => Spend::nothing(),
            None if answer.usage() == Usage::default() => {
                Spend::most(generator.ceiling(&request), prices)
            }
            None => Spend::of(answer.usage(), prices),
        };
        self.spend(cost);
        let Generation::Text { completion, .. } = &answer else {
            return Err(NoAnswer::here("the model answered with files"));
        };
        let finish = finish.unwrap_or(match &completion.finish {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::Other(other) => other,
        });
        let kept = StoredSample {
            text: completion.text.clone(),
            finish: finish.to_owned(),
            model: completion.model.clone(),
        };
        if self.job().is_some() {
            let written = generator.keep(&request, &answer, &today());
            written.map_err(|error| self.no_answer(error))?;
        }
        let bought = self.ledger.as_ref().zip(self.job()).filter(|_| answer.replay().is_none());
        if let Some((ledger, job)) = bought {
            let call = CallId { job, attempt: self.context.attempt };
            let written = ledger.borrow_mut().keep_sample(id, &kept, call, cost, &today());
            written.map_err(NoAnswer::here)?;
        }
        Ok(said_by(kept))
    }

    /// Why the model gives no answer. A refused key is told by its variable.
    fn no_answer(&self, error: GenerationError) -> NoAnswer {
        let GenerationError { failure, mut message, .. } = error;
        if failure == Failure::Unauthorised {
            message.push_str(&match self.model.server.settings.api_key_env() {
                Some(name) => format!("; the key is that of the variable {name}"),
                None => "; no `api_key_env` is set for this model".to_owned(),
            });
        }
        NoAnswer { failure: Some(failure), message }
    }

    fn spend(&self, cost: Spend) {
        let spent = &mut *self.spent.borrow_mut();
        *spent = spent.take().map(|spent| spent.and(cost));
    }
}

fn said_by(sample: StoredSample) -> ModelAnswer {
    ModelAnswer { text: sample.text, finish: sample.finish, model: sample.model }
}

impl AnsweringModel for SampledModel<'_> {
    fn ask<'a>(&'a self, question: Question) -> LocalBoxFuture<'a, Result<ModelAnswer, NoAnswer>> {
        Box::pin(self.asked(question))
    }

    fn version(&self) -> SampledVersion {
        self.options.version
    }

    fn takes_all(&self) -> bool {
        self.options.answers == AnswerSource::New
    }

    fn grade(&self, sample: &GradedSample<'_>) -> Result<(), String> {
        let ledger = self.ledger.as_ref().filter(|_| self.job().is_some());
        let Some(ledger) = ledger else { return Ok(()) };
        let talk: Vec<(&Prompt, &str)> =
            sample.talk.iter().map(|(prompt, answer)| (prompt, answer.text.as_str())).collect();
        let model = sample.talk.last().map_or("", |(_, answer)| answer.model.as_str());
        let grade = SampleGrade {
            spec: self.context.spec.to_string(),
            target: self.context.target.to_string(),
            test: sample.test.to_owned(),
            clause: sample.clause.to_owned(),
            key: sample.key,
            artifact: sample.artifact,
            model: model.to_owned(),
            sample: sample.sample,
            hidden: sample.hidden,
            passed: sample.status == crate::types::TestStatus::Passed,
            talk: serde_json::to_string(&talk).expect("it is plain data"),
            day: today(),
        };
        ledger.borrow_mut().keep_grade(&grade).map_err(|why| why.to_string())
    }
}
