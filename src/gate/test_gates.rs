//! The gates that run tests: visible and held-out ones, native and of the contract.

use std::collections::BTreeSet;
use std::time::Instant;

use super::build::{self, PreparedSources, build, prepare_tests, programs_of, visible};
use super::context::GateContext;
use super::contract::HeldOutCalls;
use super::doc_examples;
use super::effects::passes;
use super::equality;
use super::result::{GateResult, finding};
use super::test_run::{self, TestRunner};
use super::workspace::GateSandbox;
use super::{console, contract};
use crate::toolchain::{self, BuildKind, NativeSuites, Suite, TestBuild, TestProgram};
use crate::types::{Candidate, ClauseId, Finding, GateName, Outcome, Provenance};

/// Runs the visible tests with the harness's runner.
pub async fn test(context: &GateContext<'_>, gate: &GateName, candidate: &Candidate) -> GateResult {
    let own = &context.contract.visible;
    let hidden = "hidden".into();
    // With settings of its own the gate runs its own calls.
    let later = HeldOutCalls { gate: &hidden, tests: &context.contract.hidden };
    let later = Some(later).filter(|_| {
        context.gates.get(gate) == context.gates.get(&hidden)
            && *candidate.provenance() != Provenance::Promoted
    });
    let mut seen = contract::run(context, gate, candidate, own, later).await;
    seen = seen.and(console::run(context, gate, candidate, false).await);
    let suites = visible(context);
    let is_outside = seen.outcome.is_some() || !seen.tests.is_empty() || !seen.findings.is_empty();
    if !suites.is_empty() || !is_outside {
        seen = seen.and(tests(context, gate, candidate, &suites, false).await);
    }
    if passes(&seen) {
        seen = seen.and(doc_examples::run(context, gate, candidate).await);
    }
    seen
}

/// Runs held-out examples in a separate workspace, deleted before this returns. Only clause ids may
/// reach a prompt.
pub async fn hidden(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> GateResult {
    let outside = &context.contract.hidden;
    let console: Vec<_> = context.console.iter().filter(|test| test.hidden).collect();
    if context.examples.hidden.is_none() && outside.is_empty() && console.is_empty() {
        let reason = "the spec has no hidden example".to_owned();
        return GateResult { outcome: Some(Outcome::Skipped { reason }), ..GateResult::default() };
    }
    let mut seen = match context.carried.take() {
        Some(seen) => seen,
        None => contract::run(context, gate, candidate, outside, None).await,
    };
    seen = seen.and(console::run(context, gate, candidate, true).await);
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
        clauses.extend(console.iter().map(|test| test.clause.clone()));
    }
    let told = |clause: ClauseId| Finding {
        clauses: vec![clause.clone()],
        ..finding(gate, "held-out", format!("a held-out example of {clause} does not pass"))
    };
    seen.findings = clauses.into_iter().map(told).collect();
    if let Some(Outcome::Error { message, .. }) = &mut seen.outcome {
        *message = "the hidden examples could not be run; see `regen show`".to_owned();
    }
    seen
}

/// Runs the suites of a context, and nothing else.
pub async fn suite(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> GateResult {
    tests(context, gate, candidate, &visible(context), true).await
}

/// Runs the blocks of a text, which stand for the examples, and nothing else.
pub async fn blocks(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> GateResult {
    let own = &context.contract.visible;
    let seen = contract::run(context, gate, candidate, own, None).await;
    let seen = seen.and(console::run(context, gate, candidate, false).await);
    let suite = context.examples.visible.as_slice();
    if suite.is_empty() {
        return seen;
    }
    seen.and(tests(context, gate, candidate, suite, true).await)
}

/// Builds and runs tests over a candidate: all, or only those of `suites`, the mounted files. Their
/// tests are trusted and must all be present. A new candidate also runs their twins.
async fn tests(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    suites: &[Suite],
    only: bool,
) -> GateResult {
    let Some(native) = toolchain::of(context.target).native() else {
        return GateResult::default();
    };
    let fresh = *candidate.provenance() != Provenance::Promoted;
    let work = TestWork { context, gate, native, candidate, suites, only, fresh };
    let copies = if fresh { work.copies() } else { Copies::default() };
    match work.run(&copies).await {
        Ok(seen) => seen,
        Err(seen) if is_of(&seen, &copies.forms) => GateResult::fail(vec![equality::unseen(gate)]),
        // A twin that does not compile says nothing about the candidate.
        Err(seen) if is_of(&seen, &copies.twins) => {
            match work.run(&Copies { twins: Vec::new(), ..copies }).await {
                Ok(seen) | Err(seen) => seen,
            }
        }
        Err(seen) => seen,
    }
}

/// Copies of suites that expect other results, and those that look at what is compared.
#[derive(Default)]
struct Copies {
    twins: Vec<Suite>,
    forms: Vec<Suite>,
}

/// Whether all errors of a build are in twins.
fn is_of(seen: &GateResult, twins: &[Suite]) -> bool {
    let in_twin = |finding: &Finding| {
        twins.iter().any(|twin| finding.file.as_deref() == Some(twin.path.as_str()))
    };
    seen.outcome.is_none() && !seen.findings.is_empty() && seen.findings.iter().any(in_twin)
}

/// The programs of a build and what was found, or why there are none.
type TestPrograms = Result<(Vec<TestProgram>, GateResult), GateResult>;

/// Native tests of one gate.
struct TestWork<'a> {
    context: &'a GateContext<'a>,
    gate: &'a GateName,
    native: &'static dyn NativeSuites,
    candidate: &'a Candidate,
    suites: &'a [Suite],
    only: bool,
    fresh: bool,
}

impl TestWork<'_> {
    /// The copies of suites, under names of their own.
    fn copies(&self) -> Copies {
        let TestWork { context, native, candidate, suites, .. } = *self;
        let named = |number: usize, copy: Option<Suite>| {
            Some(copy?.renamed(&format!("regen_tests_{number}")))
        };
        let each = || suites.iter().enumerate();
        let twins = each().filter_map(|(at, suite)| named(at, native.twin(suite)));
        let forms = each().filter_map(|(at, suite)| {
            let form = native.equality_form(suite, context.spec, candidate.tree());
            named(suites.len() + at, form)
        });
        Copies { twins: twins.collect(), forms: forms.collect() }
    }

    /// Runs the tests, then their copies.
    ///
    /// # Errors
    /// The build failed.
    async fn run(&self, copies: &Copies) -> Result<GateResult, GateResult> {
        let TestWork { context, gate, candidate, suites, .. } = *self;
        let mut mounted = [suites, &copies.twins, &copies.forms].concat();
        // All tests see the same data while they run.
        let data = context.suites.iter().filter(|one| one.data && self.only);
        mounted.extend(data.cloned());
        let PreparedSources { files, layers, candidate: apart } =
            prepare_tests(context, gate, candidate, &mounted).await?;
        // Dependencies have a time of their own.
        let started = Instant::now();
        let room = GateSandbox::for_tests(context, gate, files, &layers, apart).await?;
        let room = room.showing(build::data(context, candidate));
        let seen = self.judge(&room, started, &mounted, copies).await;
        room.close().await;
        seen
    }

    async fn judge(
        &self,
        room: &GateSandbox<'_>,
        started: Instant,
        mounted: &[Suite],
        copies: &Copies,
    ) -> Result<GateResult, GateResult> {
        let TestWork { context, gate, candidate, suites, .. } = *self;
        let says_test = |file: &[u8]| file.windows(4).any(|word| word == b"test");
        let own = !self.only && candidate.tree().iter().any(|(_, file)| says_test(file));
        let tests = TestBuild { own, ..TestBuild::of(mounted) };
        let commands = self.native.build_tests(tests, room.places());
        let more = room.language().more_builds(context.spec, candidate.tree());
        let more = if self.fresh && !suites.is_empty() { more } else { Vec::new() };
        let next = async {
            match more.first() {
                Some(kind) => Some(self.other_build(room, *kind, started).await),
                None => None,
            }
        };
        let usual = build(room, gate, &commands, mounted, context.timeout);
        let (usual, next) = futures::join!(usual, next);
        let (programs, seen) = usual?;
        let programs = programs_of(programs, &commands, mounted);
        let is_copy = |program: &TestProgram| {
            let mut copies = copies.twins.iter().chain(&copies.forms);
            copies.any(|copy| copy.path.as_str() == program.source)
        };
        let (others, own): (Vec<_>, Vec<_>) = programs.into_iter().partition(is_copy);
        let runner = TestRunner::new(context, room, self.native, gate, started, self.fresh);
        if candidate.tree().is_empty() {
            return Ok(GateResult::fail(test_run::listed(&runner, &own, suites).await));
        }
        let mut seen = test_run::run(&runner, &own, suites, seen).await;
        if passes(&seen) {
            seen.findings = equality::run(&runner, &others, &copies.forms).await;
        }
        if passes(&seen) {
            seen.findings = test_run::twins(&runner, &others, &copies.twins).await;
        }
        if passes(&seen) {
            seen = seen.and(self.other_builds(room, &more, next, started).await);
        }
        Ok(seen)
    }

    /// Another build of the candidate with the same tests. Their twins are not built again.
    async fn other_build(
        &self,
        room: &GateSandbox<'_>,
        kind: BuildKind,
        started: Instant,
    ) -> TestPrograms {
        let TestWork { context, gate, suites, .. } = *self;
        let tests = TestBuild { kind, ..TestBuild::of(suites) };
        let commands = self.native.build_tests(tests, room.places());
        let left = context.timeout.saturating_sub(started.elapsed());
        build(room, gate, &commands, suites, left).await
    }

    /// Runs the same tests over other builds of the candidate, until one fails. `next` is the first
    /// of them, if it is there already.
    async fn other_builds(
        &self,
        room: &GateSandbox<'_>,
        kinds: &[BuildKind],
        mut next: Option<TestPrograms>,
        started: Instant,
    ) -> GateResult {
        let TestWork { context, gate, suites, .. } = *self;
        for kind in kinds {
            let built = match next.take() {
                Some(built) => built,
                None => self.other_build(room, *kind, started).await,
            };
            let mut seen = match built {
                Ok((programs, seen)) => {
                    let runner = TestRunner::new(context, room, self.native, gate, started, false);
                    test_run::run(&runner, &programs, suites, seen).await
                }
                // What does not exist without a feature cannot be wrong.
                Err(seen) if *kind == BuildKind::Bare && seen.outcome.is_none() => continue,
                Err(seen) => seen,
            };
            // The first build had tests.
            seen.findings.retain(|one| one.rule != test_run::NO_TEST);
            if !passes(&seen) {
                for one in &mut seen.findings {
                    one.message = format!("{}: {}", kind.words(), one.message);
                }
                return GateResult { tests: Vec::new(), ..seen };
            }
        }
        GateResult::default()
    }
}
