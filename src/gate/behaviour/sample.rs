//! Samples of one file of tests: each in a process of its own, which sees only this file.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::door::SampleDoor;
use super::verdict::{SampleCounts, SampleEnd};
use super::work::{BehaviourTest, BehaviourWork};
use crate::gate::answering::{AnsweringModel, GradedSample, ModelAnswer, SAMPLES_AT_ONCE};
use crate::gate::dependency_cache::GateLayers;
use crate::gate::programs::random_nonce;
use crate::gate::result::GateResult;
use crate::gate::workspace::{self, GateSandbox};
use crate::process::{Ended, Output};
use crate::toolchain::Suite;
use crate::toolchain::assistant::{
    SYSTEM, SampleOrder, SampleResult, StubAnswer, examples, kit_files, read_sample,
};
use crate::types::{ChatMessage, Digest, Prompt, TestStatus, Tree, limits};

/// Before and after an answer it changes all that a test can take out of it as JSON.
const OTHER: &str = "{}\n```json\n{}\n```";

/// How often the time of a test is looked at.
const TICK: Duration = Duration::from_millis(200);

/// A sandbox with one file of tests, its modules and the kit.
pub struct SampleRoom<'a> {
    work: &'a BehaviourWork<'a>,
    suite: &'a Suite,
    room: GateSandbox<'a>,
    system: String,
    examples: Vec<ChatMessage>,
    artifact: Digest,
}

/// No layers: nothing is installed.
static NO_LAYERS: GateLayers = GateLayers { own: None, packages: None };

impl<'a> SampleRoom<'a> {
    pub async fn open(work: &'a BehaviourWork<'a>, suite: &'a Suite) -> Result<Self, GateResult> {
        Self::over(work, suite, work.candidate.tree()).await
    }

    /// The same over other instructions.
    pub async fn over(
        work: &'a BehaviourWork<'a>,
        suite: &'a Suite,
        tree: &Tree,
    ) -> Result<Self, GateResult> {
        let others = work.context.suites.iter().filter(|one| one.tests.is_empty());
        let mounted: Vec<Suite> = others.chain([suite]).cloned().collect();
        let files = workspace::files(&Tree::default(), &mounted, kit_files(&mounted));
        let room = GateSandbox::open(work.context, work.gate, files, &NO_LAYERS, None).await?;
        let system = tree.get(SYSTEM).unwrap_or_default();
        Ok(Self {
            work,
            suite,
            room,
            system: String::from_utf8_lossy(system).trim().to_owned(),
            examples: examples(tree).unwrap_or_default(),
            artifact: tree.digest(),
        })
    }

    pub async fn close(self) {
        self.room.close().await;
    }

    /// The tests that the file defines. An error in it is the user's.
    pub async fn names(&self, test: &BehaviourTest<'_>) -> Result<Vec<String>, GateResult> {
        let word = random_nonce().map_err(|why| GateResult::error(why.to_string()))?;
        let order = SampleOrder { word: &word, name: None, stub: None };
        let command = order.command(self.suite, self.room.places());
        let output = self.room.execute(&command, limits::TEST_TIMEOUT).await?;
        let why = match read_sample(&output.text(), &word) {
            Some(SampleResult::Names { names }) => return Ok(names),
            Some(SampleResult::Ran { why, .. }) => why,
            None => self.without_result(&output),
        };
        let mut wrong = SampleCounts::new(*test, self.work.plan(test.clause));
        wrong.wrong(&why);
        let told = wrong.finding(self.work.gate, self.work.model.samples);
        Err(GateResult { evidence: output.evidence(), ..GateResult::fail(vec![told]) })
    }

    fn without_result(&self, output: &Output) -> String {
        let printed = output.errors();
        let is_error = |line: &&str| line.contains("Error");
        let lines = || printed.lines().filter(|line| !line.trim().is_empty());
        let last = lines().find(is_error).or_else(|| lines().next_back());
        let last = last.map(|line| line.trim()).unwrap_or_default();
        let source = format!("file://{}/", self.room.places().source.display());
        let place = printed.lines().find_map(|line| line.trim().strip_prefix(&source));
        match output.ended {
            Ended::Limit(resource) => self.room.hit(resource),
            Ended::Timeout => late_words(),
            Ended::Exit(_) | Ended::Signal(_) => match place {
                Some(place) => format!("{place}: {last}"),
                None if last.is_empty() => format!("it ended without a result ({})", output.ended),
                None => format!("it ended without a result ({}): {last}", output.ended),
            },
        }
    }

    /// Runs a case with an answer in the model's place.
    pub async fn stubbed(&self, case: &str, stub: &StubAnswer) -> Result<SampleEnd, GateResult> {
        let word = random_nonce().map_err(|why| GateResult::error(why.to_string()))?;
        let order = SampleOrder { word: &word, name: Some(case), stub: Some(stub) };
        let command = order.command(self.suite, self.room.places());
        let output = self.room.execute(&command, limits::TEST_TIMEOUT).await?;
        Ok(self.end(&output, &word, Vec::new()))
    }

    fn end(&self, output: &Output, word: &str, talk: Vec<(Prompt, ModelAnswer)>) -> SampleEnd {
        let Some(SampleResult::Ran { status, why, unread }) = read_sample(&output.text(), word)
        else {
            return SampleEnd { talk, ..SampleEnd::error(self.without_result(output)) };
        };
        let is_error = status == "error";
        let status = if status == "pass" { TestStatus::Passed } else { TestStatus::Failed };
        SampleEnd { status, why, is_error, unread, talk, opinions: Vec::new() }
    }

    /// Why a test is wrong that ended with an answer by a text that is not JSON: the text is the
    /// same with another answer.
    pub async fn own_text(
        &self,
        case: &str,
        ended: &SampleEnd,
        answer: &str,
    ) -> Result<Option<String>, GateResult> {
        let Some(text) = ended.unread.as_ref().filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        let other = StubAnswer::fixed(format!("{OTHER}\n{answer}\n{OTHER}"));
        let is_same = self.stubbed(case, &other).await?.unread.as_ref() == Some(text);
        let why = || format!("`JSON.parse` reads a text that is not of the answer: {}", ended.why);
        Ok(is_same.then(why))
    }

    /// Runs a case once; its model is asked.
    pub async fn asked(&self, case: &str, sample: u32) -> Result<SampleEnd, GateResult> {
        let word = random_nonce().map_err(|why| GateResult::error(why.to_string()))?;
        let order = SampleOrder { word: &word, name: Some(case), stub: None };
        let (command, order) = order.asking(self.suite, self.room.places());
        let Some(answering) = self.work.context.answering else {
            return Err(GateResult::error("no model is asked here"));
        };
        let way = SampleDoor {
            answering,
            order: RefCell::new(Some(order)),
            system: &self.system,
            examples: &self.examples,
            sample,
            talk: RefCell::default(),
            opinions: RefCell::default(),
            unavailable: RefCell::default(),
            waited: Cell::default(),
            waits: Cell::default(),
        };
        let (door, output) = self.room.host(&command).map_err(GateResult::error)?;
        let mut output = std::pin::pin!(output);
        let started = Instant::now();
        let serving = async {
            match door.listener().await {
                Ok(listener) => match way.serve(listener).await {},
                // The program's end says why.
                Err(_) => std::future::pending::<()>().await,
            }
        };
        let late = async {
            while way.own_time(started) < limits::TEST_TIMEOUT {
                tokio::time::sleep(TICK).await;
            }
        };
        let (ended, is_late) = tokio::select! {
            output = &mut output => (Some(output), false),
            () = serving => (None, false),
            () = late => (None, true),
        };
        drop(door);
        let output = match ended {
            Some(ended) => ended?,
            None => output.await?,
        };
        if let Some(why) = way.unavailable.take() {
            return Err(GateResult::unanswered(why));
        }
        if is_late {
            return Ok(SampleEnd::error(late_words()));
        }
        let ended = self.end(&output, &word, way.talk.take());
        Ok(SampleEnd { opinions: way.opinions.take(), ..ended })
    }
}

fn late_words() -> String {
    format!("it did not end within {} s of its own time", limits::TEST_TIMEOUT.as_secs())
}

/// A case whose samples are taken.
pub struct Sampled<'a, 't> {
    pub room: &'a SampleRoom<'a>,
    pub test: BehaviourTest<'t>,
    pub case: &'a str,
    pub hidden: bool,
    /// Whether the samples are of the instructions, and so are kept with their grades.
    pub is_graded: bool,
}

impl Sampled<'_, '_> {
    /// Takes samples until nothing that follows can change the result. Which are taken depends only
    /// on the results, so that a replay asks the same.
    pub async fn by_plan(&self, counted: &mut SampleCounts<'_>) -> Result<(), GateResult> {
        let plan = counted.plan;
        let (mut passed, mut missed) = (0, 0);
        let (mut next, mut is_checked) = (0, false);
        let context = self.room.work.context;
        let takes_all = context.answering.is_some_and(AnsweringModel::takes_all);
        let goes_on = |passed: u32, missed: u32| {
            if takes_all {
                passed + missed < plan.samples
            } else {
                plan.settled(passed, missed).is_none()
            }
        };
        while goes_on(passed, missed) {
            // No more than can still matter.
            let most = if takes_all {
                plan.samples - passed - missed
            } else {
                plan.samples - plan.misses - passed
            };
            let wave = most.min(SAMPLES_AT_ONCE);
            let samples = (next..next + wave).map(|number| self.one(number));
            next += wave;
            for ended in join_all(samples).await {
                let mut ended = ended?;
                if !is_checked && ended.unread.is_some() {
                    is_checked = true;
                    let answer = ended.talk.last().map_or("", |(_, answer)| &answer.text);
                    if let Some(why) = self.room.own_text(self.case, &ended, answer).await? {
                        ended = SampleEnd::error(why);
                    }
                }
                if ended.status == TestStatus::Passed {
                    passed += 1;
                } else {
                    missed += 1;
                }
                counted.add(self.case, ended);
            }
            if counted.is_wrong() {
                return Ok(());
            }
        }
        counted.end_case(self.case, passed, missed);
        Ok(())
    }

    async fn one(&self, sample: u32) -> Result<SampleEnd, GateResult> {
        let ended = self.room.asked(self.case, sample).await?;
        let graded = GradedSample {
            test: self.case,
            clause: self.test.clause.id.as_str(),
            key: self.test.test.key,
            artifact: self.room.artifact,
            sample,
            hidden: self.hidden,
            status: ended.status,
            talk: &ended.talk,
        };
        let is_kept = self.is_graded && !ended.is_error;
        if let Some(answering) = self.room.work.context.answering.filter(|_| is_kept) {
            answering.grade(&graded).map_err(GateResult::error)?;
        }
        Ok(ended)
    }
}
