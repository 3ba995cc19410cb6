//! Runs test programs: one process per test, each with its own report.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::context::GateContext;
use super::programs::{random_nonce, read};
use super::result::{GateResult, finding};
use super::workspace::GateSandbox;
use crate::process::{Ended, Output};
use crate::toolchain::{
    Expansion, Expected, LIST, NativeSuites, Reported, Suite, TestCase, TestProgram, ToolCommand,
};
use crate::types::{
    ClauseId, Finding, GateName, Outcome, Resource, TestResult, TestStatus, gate::clean, limits,
};

/// The rule of a finding that no test ran.
pub const NO_TEST: &str = "no_test";

/// How many tests run at once.
pub const AT_ONCE: usize = 2;

/// Runs the tests of these programs.
pub async fn run(
    runner: &TestRunner<'_>,
    programs: &[TestProgram],
    suites: &[Suite],
    mut seen: GateResult,
) -> GateResult {
    let gate = runner.gate;
    // Linter gates reject warnings; here only test results count.
    seen.findings.clear();
    let suite_of =
        |program: &TestProgram| suites.iter().find(|s| s.path.as_str() == program.source);
    let mut flaky = false;
    let mut ran_out = None;
    // The candidate's own tests run last, because they may interfere with later ones.
    for trusted in [true, false] {
        let mut run = Vec::new();
        for program in programs.iter().filter(|program| suite_of(program).is_some() == trusted) {
            match runner.list(program, suite_of(program)).await {
                Ok(names) => {
                    let suite = suite_of(program);
                    let mut names = suite.map_or(names.clone(), |suite| suite.gathered(names));
                    seen.findings.extend(missing(gate, suite_of(program), &names));
                    names.retain(|name| Some(name.as_str()) != runner.native.canary());
                    if suite_of(program).is_some_and(|suite| !suite.tests.is_empty()) {
                        match runner.canary(program).await {
                            Ok(found) => seen.findings.extend(found),
                            Err(unusable) => return unusable,
                        }
                    }
                    run.extend(names.into_iter().map(|name| (program, suite_of(program), name)));
                }
                Err(one) => seen.findings.push(one),
            }
        }
        let ran = run.into_iter().map(|(program, suite, name)| runner.one(program, suite, name));
        let mut ran = futures::stream::iter(ran).buffered(AT_ONCE);
        while let Some(mut one) = ran.next().await {
            seen.findings.append(&mut one.findings);
            seen.evidence.extend_from_slice(&one.evidence);
            seen.evidence.truncate(limits::OUTPUT_BYTES);
            seen.tests.push(one.result);
            flaky |= one.flaky;
            ran_out = ran_out.or(one.ran_out);
        }
    }
    for suite in suites {
        if !programs.iter().any(|program| program.source == suite.path.as_str()) {
            seen.findings.extend(missing(gate, Some(suite), &[]));
        }
    }
    let ended = |status| seen.tests.iter().any(|test| test.status == status);
    if let Some(resource) = ran_out {
        seen.outcome = Some(Outcome::Limit { resource });
    } else if flaky {
        seen.outcome = Some(Outcome::Flaky);
    } else if ended(TestStatus::TimedOut) {
        seen.outcome = Some(Outcome::Timeout);
    } else if !ended(TestStatus::Passed) && seen.findings.is_empty() {
        seen.findings.push(finding(gate, NO_TEST, "no test ran".to_owned()));
    }
    seen
}

/// What of these suites cannot be listed.
pub async fn listed(
    runner: &TestRunner<'_>,
    programs: &[TestProgram],
    suites: &[Suite],
) -> Vec<Finding> {
    let of = |program: &TestProgram| suites.iter().find(|s| s.path.as_str() == program.source);
    let lists = programs.iter().map(|program| runner.list(program, of(program)));
    let lists: Vec<_> = futures::stream::iter(lists).buffered(AT_ONCE).collect().await;
    lists.into_iter().filter_map(Result::err).collect()
}

/// Runs twins, of which none may pass: a finding for each test that does.
pub async fn twins(
    runner: &TestRunner<'_>,
    programs: &[TestProgram],
    suites: &[Suite],
) -> Vec<Finding> {
    let cases = suites.iter().flat_map(|suite| {
        let program = programs.iter().find(|one| one.source == suite.path.as_str());
        program.into_iter().flat_map(move |one| suite.tests.iter().map(move |test| (one, test)))
    });
    let run = cases.map(|(program, test)| async move {
        let said = runner.say(program, Some(test), &test.name, TestStart::default()).await;
        let passed = said.is_ok_and(|said| said.status == TestStatus::Passed);
        let name = &test.name;
        let message = format!(
            "the test {name} also passes where it expects another result: the code does not compute it"
        );
        passed.then(|| Finding {
            clauses: test.clause.iter().cloned().collect(),
            remedy: Some("compute the result, whatever it is compared with".to_owned()),
            ..finding(runner.gate, "twin", message)
        })
    });
    let found: Vec<_> = futures::stream::iter(run).buffered(AT_ONCE).collect().await;
    found.into_iter().flatten().collect()
}

/// Expected tests that a program does not list.
fn missing(gate: &GateName, suite: Option<&Suite>, names: &[String]) -> Vec<Finding> {
    let expected = suite.into_iter().flat_map(|suite| suite.tests.iter().map(move |t| (suite, t)));
    let gone = expected
        .filter(|(_, test)| test.expansion != Expansion::Macro && !names.contains(&test.name));
    gone.map(|(suite, test)| Finding {
        file: Some(suite.path.to_string()),
        clauses: test.clause.iter().cloned().collect(),
        ..finding(gate, &test.name, format!("the test {} is missing from its program", test.name))
    })
    .collect()
}

/// One test's run.
struct FinishedTest {
    result: TestResult,
    findings: Vec<Finding>,
    evidence: Vec<u8>,
    flaky: bool,
    /// The limit it exceeded.
    ran_out: Option<Resource>,
}

/// The state of a test gate.
pub struct TestRunner<'a> {
    /// The context.
    pub bench: &'a GateContext<'a>,
    /// The open workspace.
    pub room: &'a GateSandbox<'a>,
    /// How its language runs tests.
    pub native: &'static dyn NativeSuites,
    /// Its name.
    pub gate: &'a GateName,
    /// When it started.
    pub started: Instant,
    /// Whether the candidate is checked for the first time.
    pub fresh: bool,
    /// How long tests take here.
    pace: TestPace,
}

/// How long the tests of a candidate take.
#[derive(Default)]
struct TestPace {
    /// The longest time of one that passed.
    longest: Cell<Duration>,
    /// Whether one did not end.
    hung: Cell<bool>,
}

impl TestPace {
    fn limit(&self) -> Duration {
        if self.hung.get() {
            (self.longest.get() * limits::HUNG_TIMES).max(limits::HUNG_TIMEOUT)
        } else {
            limits::TEST_TIMEOUT
        }
    }

    fn note(&self, status: TestStatus, elapsed: Duration) {
        match status {
            TestStatus::Passed => self.longest.set(self.longest.get().max(elapsed)),
            TestStatus::TimedOut => self.hung.set(true),
            TestStatus::Failed | TestStatus::Ignored => {}
        }
    }
}

/// How a test process is started.
#[derive(Default)]
pub struct TestStart<'a> {
    /// The variable that switches mutations, and the value that switches one on.
    pub mutant: Option<(&'a str, &'a str)>,
    /// Wall-clock timeout, if not the default.
    pub timeout: Option<Duration>,
}

/// The result of one run of a test.
pub struct TestReport {
    /// The result.
    pub status: TestStatus,
    /// The message of a test that did not pass.
    pub message: String,
    /// The limit it exceeded.
    pub ran_out: Option<Resource>,
    /// The file and line of an error in the suite's own text.
    own: Option<(String, Option<u32>)>,
    /// Its output.
    evidence: Vec<u8>,
    /// Its duration.
    pub elapsed: Duration,
}

impl<'a> TestRunner<'a> {
    /// A runner over a candidate; `fresh`: one that was never judged before.
    pub fn new(
        bench: &'a GateContext<'a>,
        room: &'a GateSandbox<'a>,
        native: &'static dyn NativeSuites,
        gate: &'a GateName,
        started: Instant,
        fresh: bool,
    ) -> Self {
        Self { bench, room, native, gate, started, fresh, pace: TestPace::default() }
    }

    async fn execute(
        &self,
        command: &ToolCommand,
        timeout: Option<Duration>,
    ) -> Result<Vec<Output>, GateResult> {
        let left = self.left().min(timeout.unwrap_or(self.pace.limit()));
        self.room.execute_joined(command, left).await
    }

    /// The remaining time of the gate.
    pub fn left(&self) -> Duration {
        self.bench.timeout.saturating_sub(self.started.elapsed())
    }

    /// The names of a program's tests.
    async fn list(
        &self,
        program: &TestProgram,
        suite: Option<&Suite>,
    ) -> Result<Vec<String>, Finding> {
        let wrong = |why: &str| finding(self.gate, LIST, format!("{}: {why}", program.source));
        let language = self.native;
        let Some(command) = language.list_tests(program, self.room.places()) else {
            let tests = suite.into_iter().flat_map(|suite| &suite.tests);
            return Ok(tests.map(|test| test.name.clone()).collect());
        };
        let outputs = self.execute(&command, None).await;
        let outputs = outputs.map_err(|_| wrong("cannot run the test program"))?;
        let limit = outputs.iter().find_map(|output| match output.ended {
            Ended::Limit(resource) => Some(self.room.hit(resource)),
            _ => None,
        });
        match (limit, outputs.first()) {
            (Some(hit), _) => Err(wrong(&hit)),
            (None, Some(output)) => language.read_list(&read(output)).map_err(|why| {
                if !why.in_suite {
                    return wrong(&why.message);
                }
                let clauses = suite.zip(why.line).map(|(suite, line)| suite.clauses_at(line));
                let clauses = clauses.unwrap_or_default();
                Finding { clauses, gate: self.gate.clone(), rule: LIST.to_owned(), ..*why }
            }),
            (None, None) => Err(wrong("cannot run the test program")),
        }
    }

    /// Runs the control test, which must fail. A finding if it does not.
    async fn canary(&self, program: &TestProgram) -> Result<Option<Finding>, GateResult> {
        let language = self.native;
        let Some(name) = language.canary() else { return Ok(None) };
        let nonce = random_nonce().map_err(|why| GateResult::error(why.to_string()))?;
        let case = TestCase { program, name, expected: None, nonce: &nonce, mutant: None };
        let mut outputs = Vec::new();
        for command in language.run_test(&case, self.room.places()) {
            outputs.extend(self.execute(&command, None).await?);
        }
        let succeeded = outputs.iter().any(Output::succeeded);
        let late = outputs.iter().any(|output| output.ended == Ended::Timeout);
        let outputs: Vec<_> = outputs.iter().map(read).collect();
        let report = language.read_test(&case, &outputs);
        let failed =
            matches!(&report, Reported::Failed(said) if said.contains(&nonce)) && !succeeded;
        let what = match &report {
            _ if late => "did not end in time",
            Reported::Passed => "was reported as passed",
            _ => "was reported as something else",
        };
        let message = format!(
            "the control test, which must fail, {what}: remove code that runs before or instead of \
             the tests"
        );
        let one =
            Finding { file: Some(program.source.clone()), ..finding(self.gate, name, message) };
        Ok((!failed).then_some(one))
    }

    /// Runs a test. Repeats one that fails, or that passes for the first time, to detect flaky
    /// tests.
    async fn one(
        &self,
        program: &TestProgram,
        suite: Option<&Suite>,
        name: String,
    ) -> FinishedTest {
        let first = self.once(program, suite, &name).await;
        let again = match first.result.status {
            TestStatus::Failed => true,
            TestStatus::Passed => self.fresh,
            _ => false,
        };
        let sealed = suite.and_then(|suite| suite.tests.iter().find(|test| test.name == name));
        let Some(sealed) = sealed.filter(|_| again && first.ran_out.is_none()) else {
            return first;
        };
        let configured = self.bench.gates.get(self.gate).and_then(|gate| gate.runs);
        for _ in 1..configured.unwrap_or(limits::TEST_RUNS) {
            let next = self.once(program, suite, &name).await;
            let disagree = match (first.result.status, next.result.status) {
                (TestStatus::Failed, status) => status == TestStatus::Passed,
                (_, status) => status == TestStatus::Failed,
            };
            if disagree {
                let failed = if first.findings.is_empty() { next } else { first };
                return self.flaky(failed, sealed.clause.as_ref());
            }
        }
        first
    }

    /// A flaky test, with its failure. If its clause is not required (waived, or not a MUST), it
    /// blocks nothing and proves nothing.
    fn flaky(&self, failed: FinishedTest, clause: Option<&ClauseId>) -> FinishedTest {
        let mut clauses = self.bench.spec.clauses.iter();
        let mut demanded = |id: &ClauseId| clauses.any(|c| c.id == *id && c.is_demanded());
        if clause.is_some_and(|id| !demanded(id)) {
            return FinishedTest { findings: Vec::new(), ..failed };
        }
        let mut findings = failed.findings;
        for finding in &mut findings {
            let message = &finding.message;
            finding.message = format!("it passes in one run and fails in another: {message}");
        }
        FinishedTest { flaky: true, findings, ..failed }
    }

    async fn once(&self, program: &TestProgram, suite: Option<&Suite>, name: &str) -> FinishedTest {
        // An unsealed test was written by the candidate or an unknown macro, and proves nothing.
        let sealed = suite.and_then(|suite| suite.tests.iter().find(|test| test.name == name));
        let said = if self.left().is_zero() {
            Err("the gate timed out before this test")
        } else {
            self.say(program, sealed, name, TestStart::default())
                .await
                .map_err(|_| "cannot run the test program")
        };
        let said = said.unwrap_or_else(|why| TestReport {
            status: if self.left().is_zero() { TestStatus::TimedOut } else { TestStatus::Failed },
            message: why.to_owned(),
            ran_out: None,
            own: None,
            evidence: Vec::new(),
            elapsed: Duration::ZERO,
        });
        self.pace.note(said.status, said.elapsed);
        let trusted = sealed.is_some();
        let result = TestResult { name: name.to_owned(), status: said.status, trusted };
        if matches!(said.status, TestStatus::Passed | TestStatus::Ignored) {
            let (findings, evidence) = (Vec::new(), Vec::new());
            return FinishedTest { result, findings, evidence, flaky: false, ran_out: None };
        }
        let (in_suite, file) = (said.own.is_some(), program.source.clone());
        let (file, line) = said.own.unwrap_or((file, None));
        let one = Finding {
            file: Some(file),
            line,
            in_suite,
            clauses: sealed.and_then(|test| test.clause.clone()).into_iter().collect(),
            values: self.native.compared(&said.message),
            ..finding(self.gate, name, clean(&said.message, &[&self.room.root()]))
        };
        let (findings, evidence) = (vec![one], said.evidence);
        FinishedTest { result, findings, evidence, flaky: false, ran_out: said.ran_out }
    }

    /// Runs a test once.
    ///
    /// # Errors
    /// The sandbox failed.
    pub async fn say(
        &self,
        program: &TestProgram,
        sealed: Option<&Expected>,
        name: &str,
        start: TestStart<'_>,
    ) -> Result<TestReport, GateResult> {
        let nonce = random_nonce().map_err(|why| GateResult::error(why.to_string()))?;
        let case =
            TestCase { program, name, expected: sealed, nonce: &nonce, mutant: start.mutant };
        let language = self.native;
        let (mut outputs, mut evidence, mut elapsed) = (Vec::new(), Vec::new(), Duration::ZERO);
        let report = |status, message: String, evidence, elapsed| TestReport {
            status,
            message,
            ran_out: None,
            own: None,
            evidence,
            elapsed,
        };
        for command in language.run_test(&case, self.room.places()) {
            let ran = self.execute(&command, start.timeout).await?;
            elapsed += ran.iter().map(|output| output.elapsed).max().unwrap_or_default();
            for output in ran {
                evidence.extend(output.evidence());
                if output.ended == Ended::Timeout {
                    let message = "the test did not end in time".to_owned();
                    return Ok(report(TestStatus::TimedOut, message, evidence, elapsed));
                }
                if let Ended::Limit(resource) = output.ended {
                    let hit = self.room.hit(resource);
                    let said = report(TestStatus::Failed, hit, evidence, elapsed);
                    return Ok(TestReport { ran_out: Some(resource), ..said });
                }
                outputs.push(read(&output));
            }
        }
        Ok(match language.read_test(&case, &outputs) {
            Reported::Passed => report(TestStatus::Passed, String::new(), evidence, elapsed),
            Reported::Ignored => report(TestStatus::Ignored, String::new(), evidence, elapsed),
            Reported::Late(message) => report(TestStatus::TimedOut, message, evidence, elapsed),
            Reported::Wrong { message, file, line } => {
                let said = report(TestStatus::Failed, message, evidence, elapsed);
                TestReport { own: Some((file, line)), ..said }
            }
            Reported::Failed(message) => {
                let ran_out = language.exhausted(&message);
                let why = ran_out.map(|resource| format!("{}\n", self.room.hit(resource)));
                let message = why.unwrap_or_default() + &message;
                let said = report(TestStatus::Failed, message, evidence, elapsed);
                TestReport { ran_out, ..said }
            }
        })
    }
}
