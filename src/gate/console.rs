//! Runs examples of programs from outside: the program gets arguments and input, or requests, and
//! regen compares. No expected output is in its sandbox.

use std::time::Instant;

use futures::{StreamExt, TryStreamExt};

use super::build::{PreparedSources, build, keep, sources};
use super::context::GateContext;
use super::page::PageGate;
use super::result::{GateResult, Transcript, finding};
use super::service;
use super::test_run::AT_ONCE;
use super::workspace::GateSandbox;
use crate::process::Ended;
use crate::toolchain::shared::console::{ConsoleStep, StepOutput, compare};
use crate::toolchain::{
    self, LinkedTree, ProgramLanguage, ProgramSteps, ProgramTest, Sees, ToolCommand,
};
use crate::types::{
    Candidate, Finding, GateName, Outcome, Provenance, Spec, TestResult, TestStatus, gate::clean,
    limits,
};

/// Runs a command in a folder that all commands of a transcript share, which is its home, too.
const IN_FOLDER: &str = "mkdir -p \"$0\" && cd \"$0\" && HOME=$0 exec \"$@\"";

/// Runs console examples over a candidate.
pub async fn run(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    hidden: bool,
) -> GateResult {
    match check(context, gate, candidate, hidden).await {
        Ok(seen) | Err(seen) => seen,
    }
}

async fn check(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    hidden: bool,
) -> Result<GateResult, GateResult> {
    let tests: Vec<_> = context.console.iter().filter(|test| test.hidden == hidden).collect();
    if toolchain::is_page(context.target) {
        return PageGate { context, gate }.run(candidate, &tests).await;
    }
    let fresh = *candidate.provenance() != Provenance::Promoted;
    let asked = ExampleRun { spec: context.spec, gate, fresh };
    if context.programs.is_empty() {
        return run_program(context, &asked, candidate, &tests).await;
    }
    let (mut seen, mut ran) = (GateResult::default(), 0);
    for program in context.programs {
        let is_of = |test: &&&ProgramTest| test.program.as_ref() == Some(&program.spec.id);
        let tests: Vec<&ProgramTest> = tests.iter().filter(is_of).copied().collect();
        let trees = context.apart.iter();
        let own = trees.clone().find(|one| one.link.spec == program.spec.id);
        let Some(own) = own.filter(|_| !tests.is_empty()) else { continue };
        ran += tests.len();
        let linked = trees.filter(|one| program.uses.contains(&one.link.spec)).cloned();
        let linked: Vec<LinkedTree> = linked.collect();
        let (spec, name, target) = (&program.spec, &program.name, &program.target);
        let context = GateContext { spec, name, target, linked: &linked, ..context.clone() };
        let candidate = Candidate::new(own.tree.clone(), Provenance::Promoted);
        seen = seen.and(run_program(&context, &asked, &candidate, &tests).await?);
    }
    if ran < tests.len() {
        return Err(GateResult::error("the program of an example is not there".to_owned()));
    }
    Ok(seen)
}

/// Whose examples are run.
struct ExampleRun<'a> {
    /// The spec of the examples.
    spec: &'a Spec,
    gate: &'a GateName,
    /// Whether they are repeated: what they judge is new.
    fresh: bool,
}

async fn run_program(
    context: &GateContext<'_>,
    asked: &ExampleRun<'_>,
    candidate: &Candidate,
    tests: &[&ProgramTest],
) -> Result<GateResult, GateResult> {
    let program = toolchain::of(context.target).program(context.target);
    let Some(program) = program.filter(|_| !tests.is_empty()) else {
        return Ok(GateResult::default());
    };
    if let Some(why) = service::refusal(context.target, context.sandbox) {
        return Err(GateResult::error(why));
    }
    let gate = asked.gate;
    let PreparedSources { files, layers, .. } = sources(context, gate, candidate, &[]).await?;
    if context.programs.is_empty() {
        keep(context, gate, &files).map_err(GateResult::error)?;
    }
    let room = GateSandbox::open(context, gate, files, &layers, None).await?;
    let terminal = Terminal { context, asked, program, room: &room, started: Instant::now() };
    let seen = terminal.all(tests).await;
    room.close().await;
    seen
}

/// What starts a candidate's program.
struct Terminal<'a> {
    context: &'a GateContext<'a>,
    asked: &'a ExampleRun<'a>,
    program: &'a dyn ProgramLanguage,
    room: &'a GateSandbox<'a>,
    started: Instant,
}

impl Terminal<'_> {
    async fn all(&self, tests: &[&ProgramTest]) -> Result<GateResult, GateResult> {
        let commands = self.program.build(self.room.places());
        let (_, mut seen) =
            build(self.room, self.asked.gate, &commands, &[], self.context.timeout).await?;
        let runs = tests.iter().enumerate().map(|(at, test)| self.repeated(at, test));
        let ran: Vec<_> =
            futures::stream::iter(runs).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        for (test, (last, is_flaky)) in tests.iter().zip(ran) {
            let is_wanted = !is_flaky || self.is_demanded(test);
            let outcome = match last.status {
                _ if !is_wanted => None,
                _ if is_flaky => Some(Outcome::Flaky),
                TestStatus::TimedOut => Some(Outcome::Timeout),
                _ => last.ran_out.map(|resource| Outcome::Limit { resource }),
            };
            let (name, status) = (test.name.clone(), last.status);
            let result = TestResult { name, status, trusted: true };
            let is_told = status != TestStatus::Passed && is_wanted;
            let findings = is_told.then(|| self.finding(test, is_flaky, &last.why));
            seen = seen.and(GateResult {
                outcome,
                findings: findings.into_iter().collect(),
                tests: vec![result],
                evidence: last.evidence,
                ..GateResult::default()
            });
        }
        seen.evidence.truncate(limits::OUTPUT_BYTES);
        Ok(seen)
    }

    fn finding(&self, test: &ProgramTest, is_flaky: bool, why: &str) -> Finding {
        let before = if is_flaky { "it passes in one run and fails in another: " } else { "" };
        let message = clean(&format!("{before}{why}"), &[&self.room.root()]);
        let clauses = vec![test.clause.clone()];
        Finding { clauses, ..finding(self.asked.gate, &test.name, message) }
    }

    fn is_demanded(&self, test: &ProgramTest) -> bool {
        let mut clauses = self.asked.spec.clauses.iter();
        clauses.any(|clause| clause.id == test.clause && clause.is_demanded())
    }

    /// Runs an example, and again if it fails or passes for the first time. Gives a run that
    /// failed, if one did, and whether another one passed.
    async fn repeated(
        &self,
        at: usize,
        test: &ProgramTest,
    ) -> Result<(Transcript, bool), GateResult> {
        let first = self.once(&format!("{at}-0"), &test.steps).await?;
        let again = match first.status {
            TestStatus::Failed => first.ran_out.is_none(),
            status => status == TestStatus::Passed && self.asked.fresh,
        };
        let runs = self.context.gates.get(self.asked.gate).and_then(|gate| gate.runs);
        let runs = if again { runs.unwrap_or(limits::TEST_RUNS) } else { 1 };
        for number in 1..runs {
            let next = self.once(&format!("{at}-{number}"), &test.steps).await?;
            if next.status != first.status {
                let failed = if first.status == TestStatus::Passed { next } else { first };
                return Ok((failed, true));
            }
        }
        Ok((first, false))
    }

    async fn once(&self, folder: &str, steps: &ProgramSteps) -> Result<Transcript, GateResult> {
        match steps {
            ProgramSteps::Console(steps) => self.transcript(folder, steps).await,
            ProgramSteps::Requests(entries, instances) => {
                let command = self.program.run(self.context.spec, &[], self.room.places());
                let left = self.context.timeout.saturating_sub(self.started.elapsed());
                let left = left.min(limits::TEST_TIMEOUT);
                service::run(self.room, &command, entries, *instances, left).await
            }
            ProgramSteps::Page(_) => Err(GateResult::error("a page is not a program")),
        }
    }

    /// Runs the commands of a transcript in one fresh folder.
    async fn transcript(
        &self,
        folder: &str,
        steps: &[ConsoleStep],
    ) -> Result<Transcript, GateResult> {
        let folder = self.room.places().build.join(folder).display().to_string();
        let (begun, mut told) = (Instant::now(), Vec::new());
        let mut ended = Transcript {
            status: TestStatus::Failed,
            why: String::new(),
            ran_out: None,
            evidence: Vec::new(),
        };
        for step in steps {
            let left = self.context.timeout.saturating_sub(self.started.elapsed());
            let left = left.min(limits::TEST_TIMEOUT.saturating_sub(begun.elapsed()));
            let command = in_folder(
                &folder,
                step,
                self.program.run(self.context.spec, &step.args, self.room.places()),
            );
            let output = self.room.execute(&command, left).await?;
            ended.evidence.extend(output.evidence());
            let status = match output.ended {
                Ended::Exit(status) => status.to_string(),
                Ended::Signal(_) => "killed".to_owned(),
                Ended::Timeout => {
                    let (status, why) = (TestStatus::TimedOut, step.shown("did not end in time"));
                    return Ok(Transcript { status, why, ..ended });
                }
                Ended::Limit(resource) => {
                    let (why, ran_out) = (step.shown(&self.room.hit(resource)), Some(resource));
                    return Ok(Transcript { why, ran_out, ..ended });
                }
            };
            if output.dropped > 0 {
                let why = step.shown("printed more than regen keeps");
                return Ok(Transcript { why, ..ended });
            }
            let said: StepOutput = (status, output.text(), output.errors());
            told.push(said);
        }
        match compare(steps, &told) {
            Ok(()) => Ok(Transcript { status: TestStatus::Passed, evidence: Vec::new(), ..ended }),
            Err(why) => Ok(Transcript { why, ..ended }),
        }
    }
}

fn in_folder(folder: &str, step: &ConsoleStep, command: ToolCommand) -> ToolCommand {
    let program = command.program.display().to_string();
    let before = ["-c".to_owned(), IN_FOLDER.to_owned(), folder.to_owned(), program];
    ToolCommand {
        program: "/bin/sh".into(),
        args: before.into_iter().chain(command.args).collect(),
        stdin: step.input.clone().map(String::into_bytes),
        builds: true,
        // A program alone has no folder that its commands share.
        sees: Sees::Workspace,
        ..command
    }
}
