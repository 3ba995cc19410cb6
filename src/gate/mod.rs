//! Runs a gate in a workspace and gives its report.
#![expect(clippy::disallowed_methods, reason = "the edge that makes workspaces and times gates")]

mod adapter_errors;
mod answering;
mod behaviour;
mod build;
mod calls;
mod doc_examples;
mod effects;
mod equality;
mod executor;
mod gate_inputs;
mod over_code;
mod console;
mod context;
mod contract;
mod validator;
mod dependency_cache;
mod proof_result;
mod red_proof;
mod work;
mod workspace;
mod test_gates;
mod test_run;
mod host_tools;
mod page;
mod programs;
mod result;
mod service;
mod style;
mod suite_text;
mod text;
mod unnoticed;

use std::time::Instant;

use context::GateContext;
use result::GateResult;

pub use answering::{
    AnsweringModel, GradedSample, ModelAnswer, NoAnswer, Question, SAMPLES_AT_ONCE,
};
pub use behaviour::{AnswerGrade, GivenAnswer};
pub use dependency_cache::{DependencyCache, Layer};
pub use executor::{ExecuteError, ExecuteOptions, GateExecutor, LocalExecutor, Machine};
pub use gate_inputs::{CodeInputs, GateInputs, ProgramInputs};
pub use host_tools::{ToolsError, find as find_language_tools, find_linter, find_tools};
pub use validator::{ValidatorReport, ValidatorRequest, manifest as validator_manifest};
pub use work::open_alone;

use crate::guard;
use crate::toolchain::{self, GateKind};
use crate::types::gate::QUOTES_TESTS;
use crate::types::{
    Candidate, ClauseId, Finding, GateName, GateReport, Outcome, RelPath, TestStatus, limits,
};

/// Runs a gate over a candidate. `before` are the reports of earlier gates. Also gives the gate's
/// output, for `regen show`.
async fn run(
    bench: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    before: &[GateReport],
) -> (GateReport, Vec<u8>) {
    let started = Instant::now();
    let mut seen = see(bench, gate, candidate, before).await;
    if effects::passes(&seen) && effects::is_due(bench, gate) {
        let found = effects::check(bench, gate, candidate).await;
        seen.evidence.extend(&found.evidence);
        if !effects::passes(&found) {
            seen = GateResult { outcome: found.outcome, findings: found.findings, ..seen };
        }
    }
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
        observed: seen.observed,
        samples: seen.samples,
        elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        isolation: bench.level,
        tools: toolchain::tools_of(bench.target, bench.tools),
        assurance: effects::assurance(bench, gate),
        evidence: None,
    };
    (report, seen.evidence)
}

async fn see(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    before: &[GateReport],
) -> GateResult {
    let kind = toolchain::gate(context.target, gate).map(|gate| gate.kind);
    if let Some(kind) = kind
        && let Some(seen) = behaviour::run(context, gate, candidate, kind).await
    {
        return seen;
    }
    match kind {
        Some(GateKind::Source) => check_source(context, gate, candidate),
        Some(GateKind::Format) => build::check_format(context, gate, candidate).await,
        Some(GateKind::Compile) => build::compile(context, gate, candidate).await,
        Some(GateKind::Test) => test_gates::test(context, gate, candidate).await,
        Some(GateKind::Hidden) => test_gates::hidden(context, gate, candidate).await,
        Some(GateKind::Proof) if toolchain::is_page(context.target) => page::prove(context).await,
        Some(GateKind::Proof) => red_proof::run(context, candidate).await,
        Some(GateKind::Coverage) => check_coverage(context, gate, candidate, before),
        Some(GateKind::Text) => text::run(context, gate, candidate).await,
        Some(GateKind::Style) => style::run(context, gate, candidate).await,
        None => validator::run(context, gate, candidate).await,
    }
}

/// The layout gate: the harness's own files are unchanged, nothing misleads later gates, and every
/// guard holds.
fn check_source(context: &GateContext<'_>, gate: &GateName, candidate: &Candidate) -> GateResult {
    let language = toolchain::of(context.target);
    match language.normalise(candidate.tree(), context.spec, context.target, &context.links()) {
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
                message: "the manifest differs from the one that the harness writes".to_owned(),
                ..Finding::default()
            }])
        }
        Ok(tree) if context.spec.integration && is_with_code(context, candidate) => {
            GateResult::fail(vec![Finding {
                gate: gate.to_owned(),
                rule: "code".to_owned(),
                message: "the spec has no code, but its folder has some".to_owned(),
                file: tree.iter().next().map(|(path, _)| path.to_string()),
                ..Finding::default()
            }])
        }
        Ok(tree) => {
            let mut findings = language.tamper_lints(gate, &tree, context.target);
            if language.text().is_some() {
                // Guards are rules for code.
                return GateResult::fail(findings);
            }
            findings.extend(guard::check(gate, context.spec, context.target, &tree));
            if let Some((interface, contract)) =
                context.spec.contract.as_ref().zip(language.contract())
            {
                findings.extend(contract.surface(gate, context.spec, interface, &tree));
            }
            GateResult::fail(findings)
        }
    }
}

/// Whether the tree of a spec without code is not what the harness writes.
fn is_with_code(context: &GateContext<'_>, candidate: &Candidate) -> bool {
    let (spec, target) = (context.spec, context.target);
    let own = toolchain::tree_without_code(spec, target, &context.links());
    own.digest() != candidate.digest()
}

/// The coverage gate: each `test_id` of every required clause has a trusted test that ran and
/// passed.
fn check_coverage(
    bench: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    before: &[GateReport],
) -> GateResult {
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
    let bare: Vec<Finding> = bare.map(|clause| finding(&clause.id)).collect();
    let notes = quotes(bench, gate, candidate);
    let denies = bench.gates.get(gate).is_some_and(|gate| gate.denies(QUOTES_TESTS));
    let passes = bare.is_empty() && (notes.is_empty() || !denies);
    let outcome = passes.then_some(Outcome::Pass);
    GateResult { outcome, ..GateResult::fail(bare.into_iter().chain(notes).collect()) }
}

/// Notes on code that handles the input of a single test by itself.
fn quotes(bench: &GateContext<'_>, gate: &GateName, candidate: &Candidate) -> Vec<Finding> {
    let found = toolchain::quotes(bench.spec, bench.target, bench.suites, candidate.tree());
    let note = |quote: toolchain::QuotedTest| Finding {
        gate: gate.to_owned(),
        rule: QUOTES_TESTS.to_owned(),
        message: format!("this code handles {}, the input of a test, by itself", quote.literal),
        file: Some(quote.file),
        line: Some(quote.line),
        remedy: Some("write code that gives the result for every input of this kind".to_owned()),
        clauses: vec![quote.clause],
        ..Finding::default()
    };
    found.into_iter().map(note).collect()
}
