//! Gates that cargo answers.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use super::test_run::{self, TestRunner};
use super::workspace::{self, GateSandbox};
use super::{GateContext, GateResult, HostTools, Layer};
use crate::process::{Ended, Output, Program};
use crate::sandbox::{Sandbox, SandboxError};
use crate::toolchain::cargo::{TestProgram, read};
use crate::toolchain::{self, Suite};
use crate::types::{
    Candidate, ClauseId, Finding, Limits, LimitsConfig, Outcome, Provenance, Tree, gate::clean,
    limits, places,
};

/// What a gate stands on: the candidate with the tests over it, and its dependencies.
pub(super) struct PreparedSources {
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) layer: Layer,
}

pub(super) async fn ground(
    bench: &GateContext<'_>,
    gate: &str,
    candidate: &Candidate,
    suites: &[Suite],
) -> Result<PreparedSources, GateResult> {
    let manifest = candidate.tree().text("Cargo.toml").unwrap_or_default();
    let place = (bench.sandbox, bench.tools);
    let layer = bench.layers.get(place, gate, manifest, bench.now).await?;
    let suites: Vec<&Suite> = suites.iter().collect();
    let lock = layer.lock(&bench.spec.id);
    let mount = workspace::dependencies(layer.path());
    let vendor = bench.sandbox.shows(&mount);
    let files = workspace::files(candidate.tree(), &suites, (&lock, vendor));
    if let Some(folder) = bench.keep.as_ref().filter(|_| gate != "proof") {
        let folder = folder.join(if gate == "hidden" { "held-out" } else { "visible" });
        workspace::keep(&folder, &files)
            .map_err(|why| GateResult::error(format!("the workspace cannot be kept: {why}")))?;
    }
    Ok(PreparedSources { files, layer })
}

/// The visible tests over a candidate: the harness's and the user's.
pub(super) fn visible(bench: &GateContext<'_>) -> Vec<Suite> {
    let own = toolchain::examples(bench.spec, bench.target, false);
    own.into_iter().chain(bench.suites.iter().cloned()).collect()
}

async fn cargo(
    room: &GateSandbox<'_>,
    args: &[&str],
    timeout: Duration,
) -> Result<Output, GateResult> {
    let path = workspace::cargo(room.paths(), args.first());
    let program = room.program(path, args.iter().map(OsString::from).collect(), timeout);
    room.run(&program, true).await
}

/// Whether the compiler gave up on a candidate without a diagnostic: it crashed over it. What the
/// machine lacks for building anything has shown when the layer was built.
fn crashed(errors: &str) -> bool {
    errors.contains("could not compile")
}

/// `cargo check` and `cargo clippy`: any error or warning in the candidate's files is a finding.
/// That is `-D warnings`, except that warnings in the user's suites are not the candidate's.
pub async fn compile(
    bench: &GateContext<'_>,
    gate: &str,
    candidate: &Candidate,
    args: &[&str],
) -> GateResult {
    let suites = visible(bench);
    let work = async {
        let PreparedSources { files, layer } = ground(bench, gate, candidate, &suites).await?;
        let room = GateSandbox::open(bench, gate, (files, Some(&layer)), None).await?;
        let built = build((&room, gate), args, &suites, bench.timeout).await;
        room.close().await;
        built
    };
    match work.await {
        Ok((_, seen)) | Err(seen) => seen,
    }
}

/// Runs a compiling command. The programs it built are given only when it succeeded.
pub(super) async fn build(
    (room, gate): (&GateSandbox<'_>, &str),
    args: &[&str],
    suites: &[Suite],
    time: Duration,
) -> Result<(Vec<TestProgram>, GateResult), GateResult> {
    let args = [args, &["--offline", "--message-format=json", "--quiet"]].concat();
    let output = cargo(room, &args, time).await?;
    let root = room.root();
    let said = read(gate, &output.text(), &root, suites);
    let mut seen = GateResult::fail(said.findings);
    seen.evidence = [output.stdout.as_slice(), &output.stderr].concat();
    match output.ended {
        Ended::Timeout => {
            seen.outcome = Some(Outcome::Timeout);
            let seconds = time.as_secs();
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
        _ if seen.findings.is_empty() => {
            let why = clean(&output.errors(), &[&root]);
            if crashed(&why) {
                seen.findings.push(finding(gate, "compiler", why));
                return Err(seen);
            }
            Err(GateResult {
                evidence: seen.evidence,
                ..GateResult::error(format!("cargo failed: {why}"))
            })
        }
        _ => Err(seen),
    }
}

/// A finding about no file in particular.
pub(super) fn finding(gate: &str, rule: &str, message: String) -> Finding {
    Finding { gate: gate.to_owned(), rule: rule.to_owned(), message, ..Finding::default() }
}

/// `cargo fmt --check`.
pub async fn fmt(bench: &GateContext<'_>, candidate: &Candidate) -> GateResult {
    let files = workspace::files(candidate.tree(), &[], ("", Path::new(places::DEPENDENCIES)));
    let opened = GateSandbox::open(bench, "fmt", (files, None), None).await;
    let room = match opened {
        Ok(room) => room,
        Err(seen) => return seen,
    };
    let args = ["fmt", "--check", "--", "-l"];
    let output = cargo(&room, &args, bench.timeout).await;
    let root = room.source().to_owned();
    room.close().await;
    let output = match output {
        Ok(output) => output,
        Err(seen) => return seen,
    };
    let mut seen = GateResult::default();
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
    tools: &HostTools,
    sandbox: &Sandbox,
    tree: &Tree,
) -> Result<(Tree, Vec<String>), SandboxError> {
    let mut formatted = tree.clone();
    let mut changed = Vec::new();
    let mut policy = workspace::sandbox_spec(tools, None, Limits::of(&LimitsConfig::default()));
    policy.files.push(("rustfmt.toml".to_owned(), workspace::RUSTFMT.into()));
    let session = sandbox.open(&policy).await?;
    let paths = session.paths();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs")) {
        let program = Program {
            path: paths.at(places::TOOLS).join("bin/rustfmt"),
            args: ["--edition", "2024", "--emit", "stdout", "--config-path", "rustfmt.toml"]
                .map(OsString::from)
                .to_vec(),
            dir: paths.at(places::SOURCE).to_owned(),
            env: workspace::environment(paths),
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
pub async fn test(bench: &GateContext<'_>, gate: &str, candidate: &Candidate) -> GateResult {
    tests(bench, (gate, candidate), &["test", "--no-run"], &visible(bench)).await
}

/// Held-out examples, in a workspace that no other gate has and that is gone when this returns.
/// Nothing but the clauses' ids leaves it towards a prompt.
pub async fn hidden(bench: &GateContext<'_>, candidate: &Candidate) -> GateResult {
    let Some(suite) = toolchain::examples(bench.spec, bench.target, true) else {
        let reason = "the spec has no hidden example".to_owned();
        return GateResult { outcome: Some(Outcome::Skipped { reason }), ..GateResult::default() };
    };
    // The candidate's own tests have no business here.
    let args = ["test", "--no-run", "--test", suite.file().trim_end_matches(".rs")];
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
    bench: &GateContext<'_>,
    (gate, candidate): (&str, &Candidate),
    args: &[&str],
    suites: &[Suite],
) -> GateResult {
    let started = Instant::now();
    let PreparedSources { files, layer } = match ground(bench, gate, candidate, suites).await {
        Ok(ground) => ground,
        Err(seen) => return seen,
    };
    let room = match GateSandbox::open(bench, gate, (files, Some(&layer)), None).await {
        Ok(room) => room,
        Err(seen) => return seen,
    };
    let seen = match build((&room, gate), args, suites, bench.timeout).await {
        Ok((programs, seen)) => {
            let fresh = *candidate.provenance() != Provenance::Promoted;
            let runner = TestRunner { bench, room: &room, gate, started, fresh };
            test_run::run(&runner, &programs, suites, seen).await
        }
        Err(seen) => seen,
    };
    room.close().await;
    seen
}
