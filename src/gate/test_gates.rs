//! The gates that run tests: visible and held-out ones, native and of the contract.

use std::collections::BTreeSet;
use std::time::Instant;

use super::build::{PreparedSources, build, prepare, programs_of, visible};
use super::context::GateContext;
use super::contract;
use super::result::{GateResult, finding};
use super::test_run::{self, TestRunner};
use super::workspace::GateSandbox;
use crate::toolchain::Suite;
use crate::types::{Candidate, ClauseId, Finding, GateName, Outcome, Provenance};

/// Runs the visible tests with the harness's runner.
pub async fn test(context: &GateContext<'_>, gate: &GateName, candidate: &Candidate) -> GateResult {
    let outside = contract::run(context, gate, candidate, &context.contract.visible).await;
    let suites = visible(context);
    if suites.is_empty() && !context.contract.visible.is_empty() {
        return outside;
    }
    outside.and(tests(context, gate, candidate, &suites, false).await)
}

/// Runs held-out examples in a separate workspace, deleted before this returns. Only clause ids may
/// reach a prompt.
pub async fn hidden(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> GateResult {
    let outside = &context.contract.hidden;
    if context.examples.hidden.is_none() && outside.is_empty() {
        let reason = "the spec has no hidden example".to_owned();
        return GateResult { outcome: Some(Outcome::Skipped { reason }), ..GateResult::default() };
    }
    let mut seen = contract::run(context, gate, candidate, outside).await;
    let suite = context.examples.hidden.as_slice();
    if !suite.is_empty() {
        // The candidate's own tests are left out.
        seen = seen.and(tests(context, gate, candidate, suite, true).await);
    }
    let mut clauses: BTreeSet<ClauseId> =
        seen.findings.iter().flat_map(|finding| finding.clauses.clone()).collect();
    if clauses.is_empty() && !seen.findings.is_empty() {
        let tests = suite.iter().flat_map(|suite| &suite.tests);
        clauses = tests.filter_map(|test| test.clause.clone()).collect();
        clauses.extend(outside.iter().map(|test| test.clause.clone()));
    }
    let told = |clause: ClauseId| Finding {
        clauses: vec![clause.clone()],
        ..finding(gate, "held-out", format!("a held-out example of {clause} does not pass"))
    };
    seen.findings = clauses.into_iter().map(told).collect();
    if let Some(Outcome::Error { message }) = &mut seen.outcome {
        *message = "the hidden examples could not be run; see `regen show`".to_owned();
    }
    seen
}

/// Builds and runs tests over a candidate: all, or only those of `suites`, the mounted files. Their
/// tests are trusted and must all be present.
async fn tests(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    suites: &[Suite],
    only: bool,
) -> GateResult {
    let PreparedSources { files, layer } = match prepare(context, gate, candidate, suites).await {
        Ok(ground) => ground,
        Err(seen) => return seen,
    };
    // Dependencies have a time of their own.
    let started = Instant::now();
    let room = match GateSandbox::open(context, gate, files, layer.as_ref(), None).await {
        Ok(room) => room,
        Err(seen) => return seen,
    };
    let commands = room.language().build_tests(only.then_some(suites), room.places());
    let seen = match build(&room, gate, &commands, suites, context.timeout).await {
        Ok((programs, seen)) => {
            let programs = programs_of(programs, &commands, suites);
            let fresh = *candidate.provenance() != Provenance::Promoted;
            let runner = TestRunner::new(context, &room, gate, started, fresh);
            test_run::run(&runner, &programs, suites, seen).await
        }
        Err(seen) => seen,
    };
    room.close().await;
    seen
}
