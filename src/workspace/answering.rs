//! The model under test of a target: asks its server, and keeps each answer, so that none is bought
//! twice.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::LocalBoxFuture;

use super::clock::today;
use super::error::CommandError;
use super::model::Workspace;
use crate::gate::{AnsweringModel, GradedSample, ModelAnswer, Question};
use crate::generator::{
    CallContext, Cassettes, Generation, GenerationError, Generator, GeneratorParts, MakeGenerator,
    RateLimits, Request,
};
use crate::store::{SampleGrade, Spend, SqliteLedger, StoredSample};
use crate::toolchain;
use crate::types::harness::CassetteMode;
use crate::types::{
    AttemptKind, Digest, Finish, GeneratorConfig, JobId, ModelUnderTest, Prompt, Usage,
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
    /// Reserves the cost of so many answers; settles what was spent of the reservation before.
    pub reserve: &'a dyn Fn(Spend, Option<Spend>) -> Result<(), String>,
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
    fn reserve(&self, generator: &dyn Generator, request: &Request) -> Result<(), String> {
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
            (self.options.reserve)(Spend::most(most, &self.model.server.prices), before)?;
            self.covered.set(answers);
            *self.spent.borrow_mut() = Some(Spend::nothing());
        }
        self.covered.set(self.covered.get() - 1);
        Ok(())
    }

    async fn asked(&self, question: Question) -> Result<ModelAnswer, String> {
        let said = |error: GenerationError| error.message;
        let generator = self.generator(question.temperature, question.of_judge).map_err(said)?;
        let request = Request {
            prompt: question.prompt,
            kind: AttemptKind::Generate,
            sample: question.sample,
            base: None,
            context: self.context.clone(),
        };
        let id = generator.request_id(&request);
        let is_replay = self.model.server.cassette_mode() == CassetteMode::Replay;
        if let Some(ledger) = self.ledger.as_ref().filter(|_| !is_replay)
            && let Some(known) =
                ledger.borrow().sample(id, self.only()).map_err(|why| why.to_string())?
        {
            return Ok(said_by(known));
        }
        if !generator.is_free() {
            generator.check_rate_limit().map_err(said)?;
            self.reserve(&*generator, &request)?;
        }
        let answer = match generator.generate(request.clone(), None, &|_: usize| ()).await {
            Ok(answer) => answer,
            // A refusal is an answer, and may be the right one.
            Err(GenerationError { refusal: Some(text), .. }) => {
                self.spend(Spend::most(generator.ceiling(&request), &self.model.server.prices));
                let model = self.model.server.settings.model().to_owned();
                let kept = StoredSample { text, finish: "refusal".to_owned(), model };
                return self.kept(id, kept);
            }
            Err(error) => return Err(error.message),
        };
        if answer.replay().is_none() {
            self.spend(Spend::of(answer.usage(), &self.model.server.prices));
        }
        let Generation::Text { completion, .. } = &answer else {
            return Err("the model answered with files".to_owned());
        };
        let kept = StoredSample {
            text: completion.text.clone(),
            finish: match &completion.finish {
                Finish::Stop => "stop".to_owned(),
                Finish::Length => "length".to_owned(),
                Finish::Other(other) => other.clone(),
            },
            model: completion.model.clone(),
        };
        if self.job().is_some() {
            generator.keep(&request, &answer, &today()).map_err(said)?;
        }
        if answer.replay().is_some() {
            return Ok(said_by(kept));
        }
        self.kept(id, kept)
    }

    /// Keeps an answer that was bought.
    fn kept(&self, id: Digest, kept: StoredSample) -> Result<ModelAnswer, String> {
        if let Some((ledger, job)) = self.ledger.as_ref().zip(self.job()) {
            let written = ledger.borrow_mut().keep_sample(id, &kept, job, &today());
            written.map_err(|why| why.to_string())?;
        }
        Ok(said_by(kept))
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
    fn ask<'a>(&'a self, question: Question) -> LocalBoxFuture<'a, Result<ModelAnswer, String>> {
        Box::pin(self.asked(question))
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
