//! Gate x workspace -> report. Runs what a gate says; decides nothing but how its own output reads.
#![expect(clippy::disallowed_methods, reason = "the edge that makes workspaces and times gates")]

mod build;
mod executor;
mod gate_inputs;
mod validator;
mod dependency_cache;
mod red_proof;
mod workspace;
mod test_run;
mod host_tools;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

pub use dependency_cache::{DependencyCache, Layer};
pub use executor::{ExecuteError, ExecuteOptions, GateExecutor, LocalExecutor, Machine};
pub use gate_inputs::GateInputs;
pub use host_tools::{ToolsError, find as find_language_tools, find_tools};
pub use validator::{ValidatorReport, ValidatorRequest, manifest as validator_manifest};

use crate::guard;
use crate::process::Listener;
use crate::sandbox::Sandbox;
use crate::toolchain::{self, GateKind, Suite};
use crate::types::{
    Action, Candidate, ClauseId, Digest, Finding, GateConfig, GateReport, HostTools, Isolation,
    Limits, Outcome, RedProof, RelPath, Spec, Target, TestResult, TestStatus, ToolSet, limits,
};

/// Everything that a gate needs: put together here, out of what the machine has and what an action
/// says.
#[derive(Debug)]
struct GateContext<'a> {
    /// The spec.
    spec: &'a Spec,
    /// The target's name.
    name: &'a str,
    /// The target.
    target: &'a Target,
    /// The user's settings of gates.
    gates: &'a BTreeMap<String, GateConfig>,
    /// The user's suites.
    suites: &'a [Suite],
    /// The harness's own suites of the spec's examples.
    examples: &'a toolchain::ExampleSuites,
    /// Folder of the validators.
    validators: &'a Path,
    /// The tools.
    tools: &'a ToolSet,
    /// The sandbox.
    sandbox: &'a Sandbox,
    /// The isolation that it gives here.
    level: Isolation,
    /// The dependencies of candidates.
    layers: &'a DependencyCache,
    /// Further files and folders that gates can read.
    read_only: &'a [PathBuf],
    /// Tests that were seen to fail without an implementation, by the digest of what they are.
    proven: &'a BTreeSet<Digest>,
    /// What each program may use.
    limits: Limits,
    /// Wall time.
    timeout: Duration,
    /// The time.
    now: SystemTime,
    /// Where workspaces are left for a person to look into.
    keep: Option<PathBuf>,
    /// Who hears what its programs print, while they do.
    listener: Option<Listener>,
}

impl<'a> GateContext<'a> {
    fn new(
        machine: &'a Machine,
        inputs: &'a GateInputs,
        action: &'a Action,
        options: ExecuteOptions<'_>,
    ) -> Self {
        Self {
            spec: &inputs.spec,
            name: &inputs.name,
            target: &inputs.target,
            gates: &inputs.gates,
            suites: &inputs.suites,
            examples: &inputs.examples,
            validators: &machine.validators,
            tools: &machine.tools,
            sandbox: &machine.probe.sandbox,
            level: machine.probe.level,
            layers: &machine.layers,
            read_only: &machine.read_only,
            proven: &action.proven,
            limits: action.limits,
            timeout: action.timeout,
            now: options.now,
            keep: options.keep,
            listener: options.listener,
        }
    }
}

/// What a gate found, before it becomes a report.
#[derive(Debug, Default)]
struct GateResult {
    outcome: Option<Outcome>,
    findings: Vec<Finding>,
    tests: Vec<TestResult>,
    red: Vec<RedProof>,
    evidence: Vec<u8>,
}

impl GateResult {
    fn error(message: impl Into<String>) -> Self {
        Self { outcome: Some(Outcome::Error { message: message.into() }), ..Self::default() }
    }

    fn fail(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::default() }
    }
}

/// Runs a gate over a candidate. `before` are the reports of the gates that ran over it already.
/// Also gives the gate's output, to be kept as evidence.
async fn run(
    bench: &GateContext<'_>,
    gate: &str,
    candidate: &Candidate,
    before: &[GateReport],
) -> (GateReport, Vec<u8>) {
    let started = Instant::now();
    let seen = see(bench, gate, candidate, before).await;
    let outcome = seen.outcome.unwrap_or(if seen.findings.is_empty() {
        Outcome::Pass
    } else {
        Outcome::Fail
    });
    let mut findings = seen.findings;
    findings.truncate(limits::FINDINGS);
    let report = GateReport {
        gate: gate.to_owned(),
        tree: candidate.digest(),
        required: !bench.gates.get(gate).is_some_and(|gate| gate.advisory),
        outcome,
        findings,
        tests: seen.tests,
        red: seen.red,
        elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        isolation: bench.level,
        tools: bench.tools.version(toolchain::of(bench.target).id()).to_owned(),
        evidence: None,
    };
    (report, seen.evidence)
}

async fn see(
    context: &GateContext<'_>,
    gate: &str,
    candidate: &Candidate,
    before: &[GateReport],
) -> GateResult {
    match toolchain::gate(context.target, gate).map(|gate| gate.kind) {
        Some(GateKind::Source) => check_source(context, gate, candidate),
        Some(GateKind::Format) => build::check_format(context, gate, candidate).await,
        Some(GateKind::Compile) => build::compile(context, gate, candidate).await,
        Some(GateKind::Test) => build::test(context, gate, candidate).await,
        Some(GateKind::Hidden) => build::hidden(context, gate, candidate).await,
        Some(GateKind::Proof) => red_proof::run(context, candidate).await,
        Some(GateKind::Coverage) => check_coverage(context, gate, before),
        None => validator::run(context, gate, candidate).await,
    }
}

impl GateContext<'_> {
    /// The tools of the target's language.
    fn host_tools(&self) -> Result<&HostTools, String> {
        let id = toolchain::of(self.target).id();
        self.tools.get(id).ok_or_else(|| format!("the tools of `{id}` were not looked for"))
    }
}

/// The variables of the user's that a gate may see.
fn granted(bench: &GateContext<'_>, gate: &str) -> Vec<(String, OsString)> {
    let gate = bench.gates.get(gate).into_iter();
    let names = gate.flat_map(|gate| gate.env.iter().chain(&gate.secrets));
    names.filter_map(|name| Some((name.clone(), std::env::var_os(name)?))).collect()
}

/// The candidate's bytes are what the harness would have made of them, nothing in them misleads the
/// gates, and every guard holds.
fn check_source(context: &GateContext<'_>, gate: &str, candidate: &Candidate) -> GateResult {
    let language = toolchain::of(context.target);
    match language.normalise(candidate.tree(), context.spec, context.target) {
        Err(findings) => GateResult::fail(findings),
        Ok(tree) if tree.digest() != candidate.digest() => {
            let owned = |(path, bytes): &(&RelPath, &[u8])| {
                candidate.tree().get(path.as_str()) != Some(*bytes)
            };
            let file = tree.iter().find(owned).map(|(path, _)| path.to_string());
            GateResult::fail(vec![Finding {
                gate: gate.to_owned(),
                rule: "manifest".to_owned(),
                file,
                message: "the manifest is not the one the harness writes".to_owned(),
                ..Finding::default()
            }])
        }
        Ok(tree) => {
            let mut findings = language.tamper_lints(gate, &tree, context.target);
            findings.extend(guard::check(gate, (context.spec, context.target), &tree));
            GateResult::fail(findings)
        }
    }
}

/// Every demanded clause with a `test_id` had at least one trusted test that ran and passed, for
/// each of its names.
fn check_coverage(bench: &GateContext<'_>, gate: &str, before: &[GateReport]) -> GateResult {
    let passed: Vec<&str> = before
        .iter()
        .flat_map(|report| &report.tests)
        .filter(|test| test.trusted && test.status == TestStatus::Passed)
        .map(|test| test.name.as_str())
        .collect();
    let covered = |name: &str| passed.iter().any(|test| toolchain::is_test_of(test, name));
    let demanded = bench.spec.clauses.iter().filter(|clause| clause.is_demanded());
    let bare = demanded.filter(|clause| !clause.test_ids().all(covered));
    let finding = |id: &ClauseId| Finding {
        gate: gate.to_owned(),
        rule: "uncovered".to_owned(),
        message: format!("not every test of the clause {id} ran and passed"),
        clauses: vec![id.clone()],
        ..Finding::default()
    };
    GateResult::fail(bare.map(|clause| finding(&clause.id)).collect())
}
