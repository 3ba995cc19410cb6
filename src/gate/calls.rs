//! Calls of a contract: the process of an adapter gets functions and arguments, and what it answers
//! is compared here.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt};

use super::context::GateContext;
use super::programs::random_nonce;
use super::result::{GateResult, finding};
use super::test_run::AT_ONCE;
use super::workspace::GateSandbox;
use crate::contract::{
    AdapterAnswer, AdapterCall, Call, ContractBody, ContractTest, Input, Judged, Property,
    PropertyTrial, Step, Wanted, WitValue, answers, generated_calls, mismatch, observed, requests,
};
use crate::process::Ended;
use crate::toolchain::ToolCommand;
use crate::types::gate::Observed;
use crate::types::{
    Digest, Finding, GateName, Interface, Outcome, Resource, TestResult, TestStatus, gate::clean,
    limits,
};

/// How often a counterexample is made simpler.
const SIMPLER: usize = 200;
/// Findings of one test.
const SHOWN: usize = 3;
/// The calls are the same in both runs, and so is the comparison: the candidate differs.
const UNSTEADY: &str = "it passes in one run and fails in another: the result depends on more than the \
    arguments, for example on the order of a hash map, on threads or on time";
/// The adapter's exit status if it cannot move its output.
const NOT_MOVED: i32 = 97;

/// Why a call has no answer.
#[derive(Clone, Debug)]
enum Silence {
    /// The process was killed by a signal of its own.
    Killed(String),
    /// The process ended, or its answer is not one.
    Lost(String),
    /// It did not end in time.
    Late,
    /// It exceeded a limit.
    Limit(Resource),
}

/// The result of one test.
struct Tested {
    status: TestStatus,
    findings: Vec<Finding>,
    ran_out: Option<Resource>,
}

/// Calls the adapter of a build, and compares its answers.
pub struct Caller<'a> {
    pub context: &'a GateContext<'a>,
    pub gate: &'a GateName,
    pub interface: &'a Interface,
    pub command: ToolCommand,
    pub room: &'a GateSandbox<'a>,
    pub started: Instant,
    /// Whether a call did not end.
    pub hung: Cell<bool>,
}

impl Caller<'_> {
    /// Runs all tests, and again if they fail or run for the first time: they must agree.
    pub async fn repeated(
        &self,
        tests: &[ContractTest],
        fresh: bool,
    ) -> Result<GateResult, GateResult> {
        let mut seen = GateResult::default();
        let first = self.all(tests).await?;
        let is_red = first.iter().any(|one| one.status != TestStatus::Passed);
        let runs = self.context.gates.get(self.gate).and_then(|gate| gate.runs);
        let more = if fresh || is_red { runs.unwrap_or(limits::TEST_RUNS).min(2) } else { 1 };
        let second = if more > 1 && !self.hung.get() { self.all(tests).await? } else { Vec::new() };
        for (at, (test, mut one)) in tests.iter().zip(first).enumerate() {
            let again = second.get(at).map_or(one.status, |again| again.status);
            // A test that fails in two ways fails.
            let passed = [again, one.status].map(|status| status == TestStatus::Passed);
            if passed[0] != passed[1] {
                let clause = self.context.spec.clauses.iter().find(|c| c.id == test.clause);
                if clause.is_some_and(|clause| clause.is_demanded()) {
                    let rule = test.name.as_str();
                    one.findings.insert(0, self.finding(test, rule, UNSTEADY.to_owned()));
                }
                let is_late = [again, one.status].contains(&TestStatus::TimedOut);
                one.status = if is_late { TestStatus::TimedOut } else { TestStatus::Failed };
            }
            if let Some(resource) = one.ran_out {
                seen.outcome = Some(Outcome::Limit { resource });
            } else if one.status == TestStatus::TimedOut && seen.outcome.is_none() {
                seen.outcome = Some(Outcome::Timeout);
            }
            let name = test.name.clone();
            seen.tests.push(TestResult { name, status: one.status, trusted: true });
            seen.findings.append(&mut one.findings);
        }
        Ok(seen)
    }

    async fn all(&self, tests: &[ContractTest]) -> Result<Vec<Tested>, GateResult> {
        let ran = tests.iter().map(|test| self.one(test));
        futures::stream::iter(ran).buffered(AT_ONCE).try_collect().await
    }

    async fn one(&self, test: &ContractTest) -> Result<Tested, GateResult> {
        match &test.body {
            ContractBody::Steps(steps) => self.steps(test, steps).await,
            ContractBody::Property(property) => self.property(test, property).await,
        }
    }

    fn finding(&self, test: &ContractTest, rule: &str, message: String) -> Finding {
        let message = clean(&message, &[&self.room.root()]);
        Finding { clauses: vec![test.clause.clone()], ..finding(self.gate, rule, message) }
    }

    fn failed(&self, test: &ContractTest, message: String) -> Tested {
        let findings = vec![self.finding(test, &test.name, message)];
        Tested { status: TestStatus::Failed, findings, ran_out: None }
    }

    /// A call without an answer.
    fn silent(&self, test: &ContractTest, call: &Call, why: &Silence) -> Tested {
        let text = &call.text;
        let message = match why {
            Silence::Killed(how) | Silence::Lost(how) => format!("{how}, in {text}"),
            Silence::Late => format!("{text} did not end in time"),
            Silence::Limit(resource) => format!("{}, in {text}", self.room.hit(*resource)),
        };
        let mut tested = self.failed(test, message);
        match why {
            Silence::Late => tested.status = TestStatus::TimedOut,
            Silence::Limit(resource) => tested.ran_out = Some(*resource),
            Silence::Killed(_) | Silence::Lost(_) => {}
        }
        tested
    }

    /// Calls in order, in one process.
    async fn steps(&self, test: &ContractTest, steps: &[Step]) -> Result<Tested, GateResult> {
        let calls: Vec<_> = steps.iter().map(|step| (step.bind, &step.call)).collect();
        let (answers, silence) = self.ask(&calls).await?;
        let mut tested = Tested { status: TestStatus::Passed, findings: Vec::new(), ran_out: None };
        for (step, given) in steps.iter().zip(&answers) {
            let Some((expected, got)) = mismatch(self.interface, step, given) else { continue };
            tested.status = TestStatus::Failed;
            let text = &step.call.text;
            let message = format!("expected {expected}, got {got} for {text}");
            let values = Some((got, expected));
            let one = Finding { values, ..self.finding(test, &test.name, message) };
            tested.findings.push(one);
        }
        if let (Some(why), Some(step)) = (silence, steps.get(answers.len())) {
            let is_last = answers.len() + 1 == steps.len();
            let wanted = matches!(why, Silence::Killed(_)) && step.wanted == Wanted::Trap;
            if !(wanted && is_last) {
                let silent = self.silent(test, &step.call, &why);
                tested.findings.extend(silent.findings);
                (tested.status, tested.ran_out) = (silent.status, silent.ran_out);
            }
        }
        let more = tested.findings.len().saturating_sub(SHOWN);
        tested.findings.truncate(SHOWN);
        if let (true, Some(last)) = (more > 0, tested.findings.last_mut()) {
            last.message.push_str(&format!("\n{more} more calls of this block fail"));
        }
        Ok(tested)
    }

    /// The adapter with these calls.
    fn with(&self, calls: Vec<u8>) -> ToolCommand {
        ToolCommand { stdin: Some(calls), ..self.command.clone() }
    }

    /// Asks for calls in one process. Gives the answers up to the first one that is missing, and
    /// why it is.
    async fn ask(
        &self,
        calls: &[(Option<usize>, &Call)],
    ) -> Result<(Vec<AdapterAnswer>, Option<Silence>), GateResult> {
        let number =
            u8::from_str_radix(&random().map_err(GateResult::error)?[..2], 16).unwrap_or(0);
        let descriptor = 16 + u32::from(number) % 200;
        let mut asked = Vec::new();
        for (bind, call) in calls {
            let id = random().map_err(GateResult::error)?;
            asked.push(AdapterCall { id, bind: *bind, call });
        }
        let stdin = requests(self.interface, descriptor, &asked);
        let command = self.with(stdin.into_bytes());
        let most = if self.hung.get() { limits::HUNG_TIMEOUT } else { limits::TEST_TIMEOUT };
        let left = self.context.timeout.saturating_sub(self.started.elapsed()).min(most);
        if left.is_zero() {
            return Ok((Vec::new(), Some(Silence::Late)));
        }
        let output = self.room.execute(&command, left).await?;
        // Without calls no code of the candidate runs.
        let no_calls = || format!("{}\n", descriptor).into_bytes();
        if output.ended == Ended::Exit(NOT_MOVED)
            && self.room.execute(&self.with(no_calls()), left).await?.ended
                == Ended::Exit(NOT_MOVED)
        {
            return Err(GateResult::error("the adapter cannot move its output: raise `ulimit -n`"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let (answers, wrong) = answers(self.interface, &asked, &text);
        if wrong.is_some() || answers.len() == asked.len() {
            return Ok((answers, wrong.map(Silence::Lost)));
        }
        let silence = match output.ended {
            Ended::Timeout => {
                self.hung.set(true);
                Silence::Late
            }
            Ended::Limit(resource) => Silence::Limit(resource),
            Ended::Signal(signal) => {
                Silence::Killed(format!("the process was killed by signal {signal}"))
            }
            Ended::Exit(_) if output.dropped > 0 => {
                Silence::Lost("the answer is larger than 1 MiB".to_owned())
            }
            Ended::Exit(status) => {
                Silence::Lost(format!("the process ended with exit status {status}"))
            }
        };
        Ok((answers, Some(silence)))
    }

    /// What generated calls give, up to the first one of a function that has no answer in time.
    pub async fn observed(&self, tests: &[ContractTest]) -> Result<Vec<Observed>, GateResult> {
        // A call may need more time than any example does: then it is not compared.
        self.hung.set(true);
        let mut all = Vec::new();
        for calls in generated_calls(self.interface) {
            let asked: Vec<_> = calls.iter().map(|call| (None, call)).collect();
            let (answers, _) = self.ask(&asked).await?;
            let answered = calls.iter().zip(&answers);
            let of = |(call, answer)| observed(self.interface, call, answer, tests);
            all.extend(answered.map(of));
        }
        Ok(all)
    }

    /// A property over its inputs: the first one that fails, made simpler.
    async fn property(
        &self,
        test: &ContractTest,
        property: &Property,
    ) -> Result<Tested, GateResult> {
        let seed = Digest::of_parts([test.name.as_str(), &test.key.to_string()]);
        let mut inputs = property.inputs(self.interface, seed);
        let mut trials: Vec<PropertyTrial> =
            inputs.iter().map(|_| PropertyTrial::default()).collect();
        let mut failed = None;
        let mut open: Vec<usize> = (0..inputs.len()).collect();
        while failed.is_none() && !open.is_empty() {
            let mut needed: Vec<(usize, Call)> = Vec::new();
            for at in &open {
                let trial = Arc::new(std::mem::take(&mut trials[*at]));
                let judged = property.judge(self.interface, &inputs[*at].values(), &trial);
                trials[*at] = Arc::into_inner(trial).unwrap_or_default();
                match judged {
                    Judged::Holds => {}
                    Judged::Fails(why) | Judged::Unable(why) => {
                        let why = why + &trials[*at].shown(self.interface);
                        failed = failed.or(Some((*at, why)));
                    }
                    Judged::Needs(_) if trials[*at].calls() >= limits::PROPERTY_CALLS => {
                        let why = "the expression needs too many calls".to_owned();
                        failed = failed.or(Some((*at, why)));
                    }
                    Judged::Needs(call) => needed.push((*at, call)),
                }
            }
            let calls: Vec<_> = needed.iter().map(|(_, call)| (None, call)).collect();
            if failed.is_some() || calls.is_empty() {
                break;
            }
            let (answers, silence) = self.ask(&calls).await?;
            for ((at, call), answer) in needed.iter().zip(&answers) {
                trials[*at].learn(self.interface, call, answer.clone());
            }
            if let (Some(why), Some((at, call))) = (silence, needed.get(answers.len())) {
                let shown = property.over(self.interface, &inputs[*at].values());
                let mut silent = self.silent(test, call, &why);
                silent.findings.iter_mut().for_each(|one| one.message.push_str(&shown));
                return Ok(silent);
            }
            open = needed.iter().map(|(at, _)| *at).collect();
        }
        let Some((at, why)) = failed else {
            return Ok(Tested { status: TestStatus::Passed, findings: Vec::new(), ran_out: None });
        };
        let (values, why) = self.simplest(property, &mut inputs[at], why).await?;
        let shown = property.over(self.interface, &values);
        let expression = property.expression();
        let message = format!("`{expression}` does not hold{shown}: {why}");
        Ok(self.failed(test, message))
    }

    /// The simplest input found for which a property fails, and why.
    async fn simplest(
        &self,
        property: &Property,
        input: &mut Input,
        mut why: String,
    ) -> Result<(Vec<WitValue>, String), GateResult> {
        let mut values = input.values();
        for _ in 0..SIMPLER {
            if !input.simplify() {
                break;
            }
            loop {
                let next = input.values();
                if let Some(reason) = self.fails(property, &next).await? {
                    (values, why) = (next, reason);
                    break;
                }
                if !input.complicate() {
                    return Ok((values, why));
                }
            }
        }
        Ok((values, why))
    }

    /// Why a property fails over one input, if it does.
    async fn fails(
        &self,
        property: &Property,
        values: &[WitValue],
    ) -> Result<Option<String>, GateResult> {
        let mut trial = PropertyTrial::default();
        for _ in 0..limits::PROPERTY_CALLS {
            let shared = Arc::new(trial);
            let judged = property.judge(self.interface, values, &shared);
            trial = Arc::into_inner(shared).unwrap_or_default();
            match judged {
                Judged::Holds => return Ok(None),
                Judged::Fails(why) | Judged::Unable(why) => {
                    return Ok(Some(why + &trial.shown(self.interface)));
                }
                Judged::Needs(call) => {
                    let (answers, _) = self.ask(&[(None, &call)]).await?;
                    let Some(answer) = answers.into_iter().next() else { return Ok(None) };
                    trial.learn(self.interface, &call, answer);
                }
            }
        }
        Ok(None)
    }
}

/// A random number.
fn random() -> Result<String, String> {
    random_nonce().map_err(|why| why.to_string())
}
