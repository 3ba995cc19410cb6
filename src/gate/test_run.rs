//! The runner of test programs: one process per test, each judged by its own report.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::cargo::finding;
use super::workspace::GateSandbox;
use super::{GateContext, GateResult};
use crate::process::{Ended, Output};
use crate::toolchain::cargo::{Reported, TestProgram, read_list, read_test};
use crate::toolchain::{self, Expected, Suite, console, mutation};
use crate::types::{
    ClauseId, Finding, Outcome, Resource, TestResult, TestStatus, gate::clean, limits,
};

/// Tests run at once.
pub const AT_ONCE: usize = 2;

/// Runs the tests of these programs.
pub async fn run(
    runner: &TestRunner<'_>,
    programs: &[TestProgram],
    suites: &[Suite],
    mut seen: GateResult,
) -> GateResult {
    let gate = runner.gate;
    // Warnings were clippy's to refuse; here only tests decide.
    seen.findings.clear();
    let suite_of =
        |program: &TestProgram| suites.iter().find(|s| s.path.as_str() == program.source);
    let mut flaky = false;
    let mut ran_out = None;
    // The candidate's own tests come last: they may do as they like to what is behind them.
    for trusted in [true, false] {
        let mut run = Vec::new();
        for program in programs.iter().filter(|program| suite_of(program).is_some() == trusted) {
            match runner.list(program).await {
                Ok(mut names) => {
                    seen.findings.extend(missing(gate, suite_of(program), &names));
                    names.retain(|name| name != toolchain::CANARY);
                    if trusted {
                        seen.findings.extend(runner.canary(program).await);
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
        seen.findings.push(finding(gate, "no_test", "no test ran".to_owned()));
    }
    seen
}

/// Expected tests that a program does not list.
fn missing(gate: &str, suite: Option<&Suite>, names: &[String]) -> Vec<Finding> {
    let expected = suite.into_iter().flat_map(|suite| suite.tests.iter().map(move |t| (suite, t)));
    let gone = expected.filter(|(_, test)| !names.contains(&test.name));
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
    /// What it used up.
    ran_out: Option<Resource>,
}

/// A test gate at work.
pub struct TestRunner<'a> {
    /// What it judges.
    pub bench: &'a GateContext<'a>,
    /// Where.
    pub room: &'a GateSandbox<'a>,
    /// Its name.
    pub gate: &'a str,
    /// Since when.
    pub started: Instant,
    /// Whether the candidate was never judged before.
    pub fresh: bool,
}

/// How a test's process is started.
#[derive(Default)]
pub struct TestStart<'a> {
    /// Its input.
    pub number: Option<&'a str>,
    /// The change that is switched on in the candidate.
    pub mutant: Option<&'a str>,
    /// Wall time, if not what is usual.
    pub timeout: Option<Duration>,
}

/// What one run of a test says.
pub struct TestReport {
    /// How it ended.
    pub status: TestStatus,
    /// Why, for one that did not pass.
    message: String,
    /// What it used up.
    pub ran_out: Option<Resource>,
    /// What it printed.
    evidence: Vec<u8>,
    /// How long it took.
    pub elapsed: Duration,
}

impl TestRunner<'_> {
    async fn program(
        &self,
        program: &TestProgram,
        args: &[&str],
        start: TestStart<'_>,
    ) -> Result<Output, GateResult> {
        let left = self.left().min(start.timeout.unwrap_or(limits::TEST_TIMEOUT));
        let args = args.iter().map(OsString::from).collect();
        let mut program = self.room.program(PathBuf::from(&program.executable), args, left);
        program.stdin = start.number.map(|number| number.as_bytes().to_vec());
        let source = program.dir.clone().into();
        program.env.push(("CARGO_MANIFEST_DIR".to_owned(), source));
        // Lets the stable test runner write its JSON format. Only test programs get this: with it
        // cargo would allow unstable language features to the candidate.
        program.env.push(("RUSTC_BOOTSTRAP".to_owned(), "1".into()));
        let mutant = start.mutant.map(|mutant| (mutation::VARIABLE.to_owned(), mutant.into()));
        program.env.extend(mutant);
        self.room.run(&program, false).await
    }

    /// What is left of the gate's time.
    pub fn left(&self) -> Duration {
        self.bench.timeout.saturating_sub(self.started.elapsed())
    }

    async fn list(&self, program: &TestProgram) -> Result<Vec<String>, Finding> {
        let wrong = |why: String| finding(self.gate, "list", format!("{}: {why}", program.source));
        let output =
            self.program(program, &["--list", "--format", "terse"], TestStart::default()).await;
        let output = output.map_err(|_| wrong("the test program cannot be run".to_owned()))?;
        if output.succeeded() {
            Ok(read_list(&output.text()))
        } else {
            Err(wrong("the test program cannot list its tests".to_owned()))
        }
    }

    /// Runs the test that must fail. A finding when it does not.
    async fn canary(&self, program: &TestProgram) -> Option<Finding> {
        let name = toolchain::CANARY;
        let number = number().unwrap_or_default();
        let start = TestStart { number: Some(&number), ..TestStart::default() };
        let output = self.program(program, &exactly(name), start).await.ok();
        let report = output.as_ref().and_then(|output| read_test(&output.text(), name));
        let failed = matches!(&report, Some(Reported::Failed(said)) if said.contains(&number))
            && !number.is_empty()
            && output.is_some_and(|output| !output.succeeded());
        let message = format!(
            "a test that must fail was reported as {}: nothing this program reports counts; leave \
             out what runs before or instead of the tests",
            match report {
                Some(Reported::Ok) => "passed",
                _ => "something else",
            }
        );
        let one =
            Finding { file: Some(program.source.clone()), ..finding(self.gate, name, message) };
        (!failed).then_some(one)
    }

    /// Runs a test; one that fails, or that passes for the first time, again: once is no proof.
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

    /// A test that passed once and failed once, by its failure. Where its clause is not demanded
    /// (it is waived until a day, or no MUST) it stands in nobody's way, and proves nothing.
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
        // A test that was not sealed, because the candidate or a macro wrote it, proves nothing.
        let sealed = suite.and_then(|suite| suite.tests.iter().find(|test| test.name == name));
        let said = if self.left().is_zero() {
            Err("the gate's time was used up before this test")
        } else {
            self.say(program, (sealed, name), TestStart::default())
                .await
                .map_err(|_| "the test program cannot be run")
        };
        let said = said.unwrap_or_else(|why| TestReport {
            status: if self.left().is_zero() { TestStatus::TimedOut } else { TestStatus::Failed },
            message: why.to_owned(),
            ran_out: None,
            evidence: Vec::new(),
            elapsed: Duration::ZERO,
        });
        let trusted = sealed.is_some();
        let result = TestResult { name: name.to_owned(), status: said.status, trusted };
        if matches!(said.status, TestStatus::Passed | TestStatus::Ignored) {
            let (findings, evidence) = (Vec::new(), Vec::new());
            return FinishedTest { result, findings, evidence, flaky: false, ran_out: None };
        }
        let one = Finding {
            file: Some(program.source.clone()),
            clauses: sealed.and_then(|test| test.clause.clone()).into_iter().collect(),
            ..finding(self.gate, name, clean(&said.message, &[&self.room.root()]))
        };
        let (findings, evidence) = (vec![one], said.evidence);
        FinishedTest { result, findings, evidence, flaky: false, ran_out: said.ran_out }
    }

    /// Runs a test once and hears what it says.
    ///
    /// # Errors
    /// The sandbox failed.
    pub async fn say(
        &self,
        program: &TestProgram,
        (sealed, name): (Option<&Expected>, &str),
        start: TestStart<'_>,
    ) -> Result<TestReport, GateResult> {
        let number = number().map_err(|why| GateResult::error(why.to_string()))?;
        let start = TestStart { number: Some(&number), ..start };
        let output = self.program(program, &exactly(name), start).await?;
        let said = |status, message: String| TestReport {
            status,
            message,
            ran_out: None,
            evidence: [output.stdout.as_slice(), &output.stderr].concat(),
            elapsed: output.elapsed,
        };
        if output.ended == Ended::Timeout {
            let message = format!("the test did not end within {} s", output.elapsed.as_secs());
            return Ok(said(TestStatus::TimedOut, message));
        }
        if let Ended::Limit(resource) = output.ended {
            let ran = said(TestStatus::Failed, self.room.hit(resource));
            return Ok(TestReport { ran_out: Some(resource), ..ran });
        }
        let text = output.text();
        let whole = sealed.is_none() || text.lines().any(|line| line == number);
        Ok(match (read_test(&text, name), output.ended) {
            (Some(Reported::Ok), Ended::Exit(0)) if whole => {
                let steps = sealed.and_then(|test| test.transcript.as_deref()).unwrap_or_default();
                match console::compare(steps, &text) {
                    Ok(()) => said(TestStatus::Passed, String::new()),
                    Err(why) => said(TestStatus::Failed, why),
                }
            }
            (Some(Reported::Ignored), Ended::Exit(0)) => said(TestStatus::Ignored, String::new()),
            (Some(Reported::Failed(message)), _) => {
                let ran_out = ran_out(&message);
                let why = ran_out.map(|resource| format!("{}: ", self.room.hit(resource)));
                TestReport {
                    ran_out,
                    ..said(TestStatus::Failed, why.unwrap_or_default() + &message)
                }
            }
            (report, ended) => {
                let printed = text.replace(&number, "") + &output.errors();
                let how = match report {
                    Some(Reported::Ok) if !whole => "before the test reached its end, with a",
                    Some(_) => "against the",
                    None => "without a",
                };
                let message = format!(
                    "the test's process {ended} {how} report of its own; it printed: {}",
                    printed.trim()
                );
                said(TestStatus::Failed, message)
            }
        })
    }
}

/// What was used up, by the operating system's error in a message as Rust's library prints it.
fn ran_out(message: &str) -> Option<Resource> {
    let (_, rest) = message.split_once("(os error ").or(message.split_once("Os { code: "))?;
    match rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()? {
        11 if message.contains("spawn") => Some(Resource::Processes),
        12 => Some(Resource::Memory),
        24 => Some(Resource::OpenFiles),
        27 => Some(Resource::FileSize),
        28 => Some(Resource::Disk),
        _ => None,
    }
}

/// Arguments to run one test, and to have its report as JSON.
fn exactly(name: &str) -> [&str; 7] {
    ["--exact", name, "--format", "json", "-Z", "unstable-options", "--test-threads=1"]
}

/// A number that nobody can guess.
fn number() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
