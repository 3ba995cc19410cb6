//! Gates that cargo answers, and the runner of test programs: one process per test, each judged by
//! its own report.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::room::{self, Room};
use super::{Bench, Layer, Seen, Tools, timeout};
use crate::process::{Ended, Output, Program};
use crate::sandbox::{Policy, Sandbox, SandboxError};
use crate::toolchain::cargo::{Reported, TestProgram, read, read_list, read_test};
use crate::toolchain::{self, Suite};
use crate::types::{
    Candidate, ClauseId, Finding, Limits, LimitsConfig, Outcome, Resource, TestResult, TestStatus,
    Tree, gate::clean, limits,
};

/// Tests run at once.
const AT_ONCE: usize = 2;

/// What a gate stands on: the candidate with the tests over it, and its dependencies.
pub(super) struct Ground {
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) layer: Layer,
}

pub(super) async fn ground(
    bench: &Bench<'_>,
    gate: &str,
    candidate: &Candidate,
    suites: &[Suite],
) -> Result<Ground, Seen> {
    let manifest = candidate.tree().text("Cargo.toml").unwrap_or_default();
    let layer = bench.layers.get((bench.sandbox, bench.tools), gate, manifest).await?;
    let suites: Vec<&Suite> = suites.iter().collect();
    let lock = layer.lock(&bench.spec.id);
    let vendor = bench.sandbox.vendor(layer.path());
    let files = room::files(candidate.tree(), &suites, (&lock, &vendor));
    if let Some(folder) = &bench.keep {
        let folder = folder.join(if gate == "hidden" { "held-out" } else { "visible" });
        room::keep(&folder, &files)
            .map_err(|why| Seen::error(format!("the workspace cannot be kept: {why}")))?;
    }
    Ok(Ground { files, layer })
}

/// The visible tests over a candidate: the harness's and the user's.
pub(super) fn visible(bench: &Bench<'_>) -> Vec<Suite> {
    let own = toolchain::examples(bench.spec, bench.target, false);
    own.into_iter().chain(bench.suites.iter().cloned()).collect()
}

async fn cargo(room: &Room<'_>, args: &[&str], timeout: Duration) -> Result<Output, Seen> {
    let path = room::cargo(room.paths(), args.first());
    let program = room.program(path, args.iter().map(OsString::from).collect(), timeout);
    room.run(&program, true).await
}

/// Whether a tool's last words are about the machine: a full disk, no memory, a kill.
fn machines(errors: &str) -> bool {
    let machine =
        ["No space left", "Cannot allocate", "Bus error", "signal: 9", "signal 9", "os error"];
    machine.iter().any(|text| errors.contains(text))
}

/// Whether the compiler gave up on a candidate without a diagnostic: it crashed over it.
fn crashed(errors: &str) -> bool {
    errors.contains("could not compile") && !machines(errors)
}

/// `cargo check` and `cargo clippy`: any error or warning in the candidate's files is a finding.
/// That is `-D warnings`, except that warnings in the user's suites are not the candidate's.
pub async fn compile(
    bench: &Bench<'_>,
    gate: &str,
    candidate: &Candidate,
    args: &[&str],
) -> Seen {
    let suites = visible(bench);
    let work = async {
        let Ground { files, layer } = ground(bench, gate, candidate, &suites).await?;
        let room = Room::open(bench, gate, (files, Some(&layer)), None).await?;
        let built = build((bench, &room, gate), args, &suites).await;
        room.close().await;
        built
    };
    match work.await {
        Ok((_, seen)) | Err(seen) => seen,
    }
}

/// Runs a compiling command. The programs it built are given only when it succeeded.
async fn build(
    (bench, room, gate): (&Bench<'_>, &Room<'_>, &str),
    args: &[&str],
    suites: &[Suite],
) -> Result<(Vec<TestProgram>, Seen), Seen> {
    let args = [args, &["--offline", "--message-format=json", "--quiet"]].concat();
    let output = cargo(room, &args, timeout(bench, gate)).await?;
    let root = room.root();
    let said = read(gate, &output.text(), &root, suites);
    let mut seen = Seen::fail(said.findings);
    seen.evidence = [output.stdout.as_slice(), &output.stderr].concat();
    match output.ended {
        Ended::Timeout => {
            seen.outcome = Some(Outcome::Timeout);
            let seconds = timeout(bench, gate).as_secs();
            seen.findings.push(finding(
                gate,
                "timeout",
                format!("compiling took over {seconds} s"),
            ));
            Err(seen)
        }
        Ended::Limit(resource) => {
            let why = format!("compiling it: {}", room.hit(resource));
            seen.findings.insert(0, finding(gate, resource.word(), why));
            Err(seen.limit(resource))
        }
        Ended::Exit(0) => Ok((said.tests, seen)),
        // A diagnostic without a place is the linker's or the compiler's own trouble.
        _ if seen.findings.iter().any(|one| one.file.is_none() && machines(&one.message)) => {
            let why = seen.findings.iter().find(|one| one.file.is_none());
            let why = why.map_or_else(String::new, |one| one.message.clone());
            Err(Seen { evidence: seen.evidence, ..Seen::error(format!("the build failed: {why}")) })
        }
        _ if seen.findings.is_empty() => {
            let why = clean(&output.errors(), &[&root]);
            if crashed(&why) {
                seen.findings.push(finding(gate, "compiler", why));
                return Err(seen);
            }
            Err(Seen { evidence: seen.evidence, ..Seen::error(format!("cargo failed: {why}")) })
        }
        _ => Err(seen),
    }
}

fn finding(gate: &str, rule: &str, message: String) -> Finding {
    Finding { gate: gate.to_owned(), rule: rule.to_owned(), message, ..Finding::default() }
}

/// `cargo fmt --check`.
pub async fn fmt(bench: &Bench<'_>, candidate: &Candidate) -> Seen {
    let files = room::files(candidate.tree(), &[], ("", Path::new("/vendor")));
    let opened = Room::open(bench, "fmt", (files, None), None).await;
    let room = match opened {
        Ok(room) => room,
        Err(seen) => return seen,
    };
    let args = ["fmt", "--check", "--", "-l"];
    let output = cargo(&room, &args, timeout(bench, "fmt")).await;
    let root = room.paths().source.clone();
    room.close().await;
    let output = match output {
        Ok(output) => output,
        Err(seen) => return seen,
    };
    let mut seen = Seen::default();
    for line in output.text().lines() {
        let Ok(path) = Path::new(line).strip_prefix(&root) else { continue };
        let path = path.display().to_string();
        let mut one = finding("fmt", "rustfmt", format!("{path} is not formatted"));
        one.file = Some(path);
        seen.findings.push(one);
    }
    if seen.findings.is_empty() && !output.succeeded() {
        seen.findings.push(finding("fmt", "rustfmt", clean(&output.errors(), &[])));
    }
    seen
}

/// Formats a candidate with the toolchain's formatter, one file at a time on its standard input,
/// with the harness's configuration. What does not parse stays as it is. Gives the names of changed
/// files.
///
/// # Errors
/// The sandbox failed.
pub async fn format(
    tools: &Tools,
    sandbox: &Sandbox,
    tree: &Tree,
) -> Result<(Tree, Vec<String>), SandboxError> {
    let mut formatted = tree.clone();
    let mut changed = Vec::new();
    let policy = Policy {
        files: vec![("rustfmt.toml".to_owned(), room::RUSTFMT.into())],
        toolchain: tools.sysroot.clone(),
        layer: None,
        building: false,
        read_only: Vec::new(),
        limits: Limits::of(&LimitsConfig::default()),
    };
    let session = sandbox.open(&policy).await?;
    let paths = session.paths();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs")) {
        let program = Program {
            path: paths.toolchain.join("bin/rustfmt"),
            args: ["--edition", "2024", "--emit", "stdout", "--config-path", "rustfmt.toml"]
                .map(OsString::from)
                .to_vec(),
            dir: paths.source.clone(),
            env: room::environment(paths),
            stdin: Some(bytes.to_vec()),
            timeout: limits::TEST_TIMEOUT,
        };
        let output = session.run(&program, false).await?;
        if output.succeeded() && output.dropped == 0 && output.stdout != bytes {
            changed.push(path.to_string());
            formatted.insert(path.clone(), output.stdout);
        }
    }
    session.close().await;
    Ok((formatted, changed))
}

/// `cargo test`, by our own runner over the programs that cargo builds.
pub async fn test(bench: &Bench<'_>, gate: &str, candidate: &Candidate) -> Seen {
    tests(bench, (gate, candidate), &["test", "--no-run"], &visible(bench)).await
}

/// Held-out examples, in a workspace that no other gate has and that is gone when this returns.
/// Nothing but the clauses' ids leaves it towards a prompt.
pub async fn hidden(bench: &Bench<'_>, candidate: &Candidate) -> Seen {
    let Some(suite) = toolchain::examples(bench.spec, bench.target, true) else {
        let reason = "the spec has no hidden example".to_owned();
        return Seen { outcome: Some(Outcome::Skipped { reason }), ..Seen::default() };
    };
    // The candidate's own tests have no business here.
    let file = suite.path.as_str().rsplit('/').next().unwrap_or_default();
    let args = ["test", "--no-run", "--test", file.trim_end_matches(".rs")];
    let suites = std::slice::from_ref(&suite);
    let mut seen = tests(bench, ("hidden", candidate), &args, suites).await;
    let mut clauses: BTreeSet<ClauseId> =
        seen.findings.iter().flat_map(|finding| finding.clauses.clone()).collect();
    if clauses.is_empty() && !seen.findings.is_empty() {
        clauses = suite.tests.iter().filter_map(|test| test.clause.clone()).collect();
    }
    let told = |clause: ClauseId| Finding {
        clauses: vec![clause.clone()],
        ..finding("hidden", "held-out", format!("a held-out example of {clause} does not pass"))
    };
    seen.findings = clauses.into_iter().map(told).collect();
    if let Some(Outcome::Error { message }) = &mut seen.outcome {
        *message =
            "the hidden examples could not be run; see the evidence in the ledger".to_owned();
    }
    seen
}

/// Builds and runs the tests over a candidate. `suites` are the mounted files; their tests are
/// trusted and must all be there.
async fn tests(
    bench: &Bench<'_>,
    (gate, candidate): (&str, &Candidate),
    args: &[&str],
    suites: &[Suite],
) -> Seen {
    let started = Instant::now();
    let Ground { files, layer } = match ground(bench, gate, candidate, suites).await {
        Ok(ground) => ground,
        Err(seen) => return seen,
    };
    let room = match Room::open(bench, gate, (files, Some(&layer)), None).await {
        Ok(room) => room,
        Err(seen) => return seen,
    };
    let seen = match build((bench, &room, gate), args, suites).await {
        Ok((programs, seen)) => {
            let runner = Runner { bench, room: &room, gate, started };
            run(&runner, &programs, suites, seen).await
        }
        Err(seen) => seen,
    };
    room.close().await;
    seen
}

/// Runs the tests of these programs.
async fn run(
    runner: &Runner<'_>,
    programs: &[TestProgram],
    suites: &[Suite],
    mut seen: Seen,
) -> Seen {
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
struct Ran {
    result: TestResult,
    findings: Vec<Finding>,
    evidence: Vec<u8>,
    flaky: bool,
    /// What it used up.
    ran_out: Option<Resource>,
}

struct Runner<'a> {
    bench: &'a Bench<'a>,
    room: &'a Room<'a>,
    gate: &'a str,
    started: Instant,
}

impl Runner<'_> {
    async fn program(
        &self,
        program: &TestProgram,
        args: &[&str],
        number: Option<&str>,
    ) -> Result<Output, Seen> {
        let left = self.left().min(limits::TEST_TIMEOUT);
        let args = args.iter().map(OsString::from).collect();
        let mut program = self.room.program(PathBuf::from(&program.executable), args, left);
        program.stdin = number.map(|number| number.as_bytes().to_vec());
        let source = program.dir.clone().into();
        program.env.push(("CARGO_MANIFEST_DIR".to_owned(), source));
        // Lets the stable test runner write its JSON format. Only test programs get this: with it
        // cargo would allow unstable language features to the candidate.
        program.env.push(("RUSTC_BOOTSTRAP".to_owned(), "1".into()));
        self.room.run(&program, false).await
    }

    /// What is left of the gate's time.
    fn left(&self) -> Duration {
        timeout(self.bench, self.gate).saturating_sub(self.started.elapsed())
    }

    async fn list(&self, program: &TestProgram) -> Result<Vec<String>, Finding> {
        let wrong = |why: String| finding(self.gate, "list", format!("{}: {why}", program.source));
        let output = self.program(program, &["--list", "--format", "terse"], None).await;
        let output = output.map_err(|_| wrong("the test program cannot be run".to_owned()))?;
        match output.succeeded() {
            true => Ok(read_list(&output.text())),
            false => Err(wrong("the test program cannot list its tests".to_owned())),
        }
    }

    /// Runs the test that must fail. A finding when it does not.
    async fn canary(&self, program: &TestProgram) -> Option<Finding> {
        let name = toolchain::CANARY;
        let number = number().unwrap_or_default();
        let output = self.program(program, &exactly(name), Some(&number)).await.ok();
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

    async fn one(&self, program: &TestProgram, suite: Option<&Suite>, name: String) -> Ran {
        let first = self.once(program, suite, &name).await;
        if suite.is_none() || first.result.status != TestStatus::Failed {
            return first;
        }
        let again = self.once(program, suite, &name).await;
        Ran { flaky: again.result.status == TestStatus::Passed, ..first }
    }

    async fn once(&self, program: &TestProgram, suite: Option<&Suite>, name: &str) -> Ran {
        // A test that was not sealed, because the candidate or a macro wrote it, proves nothing.
        let sealed = suite.and_then(|suite| suite.tests.iter().find(|test| test.name == name));
        let result =
            |status| TestResult { name: name.to_owned(), status, trusted: sealed.is_some() };
        let failed = |message: String, status: TestStatus, evidence: Vec<u8>| {
            let root = self.room.root();
            let one = Finding {
                file: Some(program.source.clone()),
                clauses: sealed.and_then(|test| test.clause.clone()).into_iter().collect(),
                ..finding(self.gate, name, clean(&message, &[&root]))
            };
            let findings = vec![one];
            Ran { result: result(status), findings, evidence, flaky: false, ran_out: None }
        };
        let passed = |status| Ran {
            result: result(status),
            findings: Vec::new(),
            evidence: Vec::new(),
            flaky: false,
            ran_out: None,
        };
        if self.left().is_zero() {
            let message = "the gate's time was used up before this test".to_owned();
            return failed(message, TestStatus::TimedOut, Vec::new());
        }
        let run = match number() {
            Ok(number) => {
                let output = self.program(program, &exactly(name), Some(&number)).await;
                output.map(|output| (output, number)).map_err(drop)
            }
            Err(_) => Err(()),
        };
        let Ok((output, number)) = run else {
            let message = "the test program cannot be run".to_owned();
            return failed(message, TestStatus::Failed, Vec::new());
        };
        let evidence = [output.stdout.as_slice(), &output.stderr].concat();
        if output.ended == Ended::Timeout {
            let message = format!("the test did not end within {} s", output.elapsed.as_secs());
            return failed(message, TestStatus::TimedOut, evidence);
        }
        if let Ended::Limit(resource) = output.ended {
            let why = self.room.hit(resource);
            let ran = failed(why, TestStatus::Failed, evidence);
            return Ran { ran_out: Some(resource), ..ran };
        }
        let text = output.text();
        let whole = sealed.is_none() || text.lines().any(|line| line == number);
        match (read_test(&text, name), output.ended) {
            (Some(Reported::Ok), Ended::Exit(0)) if whole => passed(TestStatus::Passed),
            (Some(Reported::Ignored), Ended::Exit(0)) => passed(TestStatus::Ignored),
            (Some(Reported::Failed(message)), _) => {
                let ran_out = errno(&message).and_then(Resource::of_errno);
                let why = ran_out.map(|resource| format!("{}: ", self.room.hit(resource)));
                let message = why.unwrap_or_default() + &message;
                Ran { ran_out, ..failed(message, TestStatus::Failed, evidence) }
            }
            (report, ended) => {
                let printed = text.replace(&number, "") + &output.errors();
                let how = match report {
                    Some(Reported::Ok) if !whole => "before the test reached its end, with a",
                    Some(_) => "against the",
                    None => "without a",
                };
                let message = format!(
                    "the test's process ended ({ended:?}) {how} report of its own; it printed: {}",
                    printed.trim()
                );
                failed(message, TestStatus::Failed, evidence)
            }
        }
    }
}

/// The number of the operating system's error in a message, as Rust's library prints it.
fn errno(message: &str) -> Option<i32> {
    let (_, rest) = message.split_once("(os error ").or(message.split_once("Os { code: "))?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
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
