//! Runs the examples of a contract over each build of a candidate: an adapter answers calls, and
//! `calls` compares.
//!
//! The adapter's process gets functions and arguments. No expected value, test name or source of a
//! test is in its sandbox.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Instant;

use super::adapter_errors::explain;
use super::build::{PreparedSources, build, prepare};
use super::calls::Caller;
use super::context::GateContext;
use super::effects::passes;
use super::result::GateResult;
use super::workspace::GateSandbox;
use crate::contract::ContractTest;
use crate::toolchain::{self, BuildKind, ContractLanguage, Mutants, OFF, Suite, ToolCommand};
use crate::types::{Candidate, GateName, Interface, Provenance, RelPath, limits};

/// Held-out tests that run over the same builds as visible ones; their result is for their gate.
#[derive(Clone, Copy)]
pub struct HeldOutCalls<'a> {
    /// The gate.
    pub gate: &'a GateName,
    /// The tests.
    pub tests: &'a [ContractTest],
}

/// Runs contract tests over a candidate, and held-out ones for a later gate.
pub async fn run(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    tests: &[ContractTest],
    later: Option<HeldOutCalls<'_>>,
) -> GateResult {
    match check(context, gate, candidate, tests, later).await {
        Ok(seen) | Err(seen) => seen,
    }
}

async fn check(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    tests: &[ContractTest],
    later: Option<HeldOutCalls<'_>>,
) -> Result<GateResult, GateResult> {
    let later = later.filter(|later| !later.tests.is_empty());
    let work = async |work: ContractWork<'_>| work.builds(candidate, tests).await;
    let seen =
        if tests.is_empty() { None } else { over(context, gate, candidate, later, work).await? };
    let (seen, held_out) = seen.unwrap_or_default();
    if let Some(held_out) = held_out.filter(|_| passes(&seen)) {
        context.carried.keep(held_out);
    }
    Ok(seen)
}

/// Which changes of the code the tests notice, of those with these numbers. Their time is short:
/// one that was not tried is not noticed.
///
/// # Errors
/// The adapter is not built over the changed code, or the tests fail where no change is made.
pub async fn noticed(
    context: &GateContext<'_>,
    gate: &GateName,
    mutants: &Mutants,
    numbers: &[usize],
    tests: &[ContractTest],
) -> Result<BTreeSet<usize>, GateResult> {
    let candidate = Candidate::new(mutants.tree.clone(), Provenance::Promoted);
    let work = async |work: ContractWork<'_>| work.noticed(&mutants.variable, numbers, tests).await;
    Ok(over(context, gate, &candidate, None, work).await?.unwrap_or_default())
}

/// Works with the adapter of a candidate; `None` without a contract.
async fn over<T>(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    later: Option<HeldOutCalls<'_>>,
    work: impl AsyncFnOnce(ContractWork<'_>) -> Result<T, GateResult>,
) -> Result<Option<T>, GateResult> {
    let language = toolchain::of(context.target).contract();
    let (Some(interface), Some(language)) = (&context.spec.contract, language) else {
        return Ok(None);
    };
    let adapter = language.adapter(context.spec, interface).into_iter().map(|(path, bytes)| {
        Suite::other(RelPath::parse(&path).expect("the language's path"), bytes, false)
    });
    let adapter: Vec<Suite> = adapter.collect();
    let PreparedSources { files, layers, .. } = prepare(context, gate, candidate, &adapter).await?;
    let started = Instant::now();
    let room = GateSandbox::open(context, gate, files, &layers, None).await?;
    let of =
        ContractWork { context, gate, interface, language, adapter, room: &room, started, later };
    let seen = work(of).await;
    room.close().await;
    seen.map(Some)
}

/// Contract tests of one gate.
struct ContractWork<'a> {
    context: &'a GateContext<'a>,
    gate: &'a GateName,
    interface: &'a Interface,
    language: &'a dyn ContractLanguage,
    adapter: Vec<Suite>,
    room: &'a GateSandbox<'a>,
    started: Instant,
    later: Option<HeldOutCalls<'a>>,
}

/// The results of the tests, and of held-out ones.
type BothResults = (GateResult, Option<GateResult>);

impl ContractWork<'_> {
    /// Runs the tests over each build of a new candidate, until one fails.
    async fn builds(
        &self,
        candidate: &Candidate,
        tests: &[ContractTest],
    ) -> Result<BothResults, GateResult> {
        let fresh = *candidate.provenance() != Provenance::Promoted;
        let more = self.room.language().more_builds(self.context.spec, candidate.tree());
        let more = if fresh { more } else { Vec::new() };
        let next = async {
            match more.first().filter(|_| self.language.builds_apart()) {
                Some(kind) => Some(self.compile(*kind).await),
                None => None,
            }
        };
        let (command, mut next) = futures::join!(self.compile(BuildKind::Usual), next);
        let (mut seen, mut held_out) = self.judge(command?, BuildKind::Usual, tests, fresh).await?;
        if !passes(&seen) {
            return Ok((seen, held_out));
        }
        for kind in more {
            let compiled = match next.take() {
                Some(compiled) => compiled,
                None => self.compile(kind).await,
            };
            let judged = match compiled {
                Ok(command) => self.judge(command, kind, tests, false).await,
                Err(seen) => Err(seen),
            };
            let (other, more) = match judged {
                Ok(both) => both,
                // What does not exist without a feature cannot be wrong.
                Err(other) if kind == BuildKind::Bare && other.outcome.is_none() => continue,
                Err(other) => (other, None),
            };
            if !passes(&other) {
                seen = failed_in(kind, seen, other);
                break;
            }
            held_out = match (held_out, more) {
                (Some(first), Some(more)) if passes(&first) && !passes(&more) => {
                    Some(failed_in(kind, first, more))
                }
                (first, _) => first,
            };
        }
        Ok((seen, held_out))
    }

    async fn noticed(
        &self,
        switch: &str,
        numbers: &[usize],
        tests: &[ContractTest],
    ) -> Result<BTreeSet<usize>, GateResult> {
        let command = self.compile(BuildKind::Usual).await?;
        let until = Instant::now() + limits::MUTANTS_TIME;
        let with = async |value: String| {
            let mut command = command.clone();
            command.env.push((switch.to_owned(), value));
            Ok::<_, GateResult>(self.judge(command, BuildKind::Usual, tests, false).await?.0)
        };
        let usual = with(OFF.to_owned()).await?;
        if !passes(&usual) {
            return Err(usual);
        }
        let mut noticed = BTreeSet::new();
        for number in numbers.iter().take_while(|_| Instant::now() < until) {
            if !passes(&with(number.to_string()).await?) {
                noticed.insert(*number);
            }
        }
        Ok(noticed)
    }

    /// The command that runs the adapter of a build.
    ///
    /// # Errors
    /// The adapter is not built.
    async fn compile(&self, kind: BuildKind) -> Result<ToolCommand, GateResult> {
        let ContractWork { context, gate, interface, language, room, started, .. } = *self;
        let commands = language.build(kind, room.places());
        let left = context.timeout.saturating_sub(started.elapsed());
        let command = match build(room, gate, &commands, &self.adapter, left).await {
            Ok((programs, _)) => language.run(&programs, room.places()),
            Err(mut seen) => {
                let explained = |one| explain(one, &self.adapter, language, interface);
                seen.findings.iter_mut().for_each(explained);
                return Err(seen);
            }
        };
        command.ok_or_else(|| GateResult::error("the adapter of the contract was not built"))
    }

    /// # Errors
    /// The sandbox failed.
    async fn judge(
        &self,
        command: ToolCommand,
        kind: BuildKind,
        tests: &[ContractTest],
        fresh: bool,
    ) -> Result<BothResults, GateResult> {
        let ContractWork { context, gate, interface, room, started, later, .. } = *self;
        let hung = Cell::new(false);
        let caller = Caller { context, gate, interface, command, room, started, hung };
        let mut seen = caller.repeated(tests, fresh).await?;
        let is_visible = tests.iter().all(|test| !test.hidden);
        if fresh && is_visible && context.compared && kind == BuildKind::Usual && passes(&seen) {
            seen.observed = caller.observed(tests).await?;
        }
        let held_out = match later.filter(|_| passes(&seen)) {
            Some(later) => {
                let caller = Caller { gate: later.gate, hung: Cell::new(false), ..caller };
                Some(caller.repeated(later.tests, fresh).await?)
            }
            None => None,
        };
        Ok((seen, held_out))
    }
}

/// The result of a build that fails where the usual one passes.
fn failed_in(kind: BuildKind, usual: GateResult, mut other: GateResult) -> GateResult {
    for one in &mut other.findings {
        one.message = format!("{}: {}", kind.words(), one.message);
    }
    GateResult { tests: usual.tests, ..other }
}
