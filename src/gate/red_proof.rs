//! The red proof: a test counts for a clause only after it was seen to fail.
//!
//! The tests run over mutants of the candidate: every function panics or returns a default, or one
//! small thing is changed. A test that passes on all of them would pass without an implementation.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};

use super::build::{PreparedSources, build, data, prepare_tests, programs_of, visible};
use super::context::GateContext;
use super::dependency_cache::GateLayers;
use super::gate_inputs::outside_proofs;
use super::proof_result::{GATE, Learnt, Tried, UNDECIDED, UNNOTICED, key, proof, unprovable};
use super::result::{GateResult, finding};
use super::test_run::{AT_ONCE, TestRunner, TestStart};
use super::workspace::GateSandbox;
use crate::toolchain::{
    self, DEFAULTS, ENDS, Expected, Extent, LinkedTree, Mutant, Mutants, Mutator, NativeSuites,
    OFF, PANICS, Suite, TestBuild, TestProgram,
};
use crate::types::{
    Candidate, ClauseId, Digest, Finding, Outcome, Red, RedProof, TestStatus, gate::VACUOUS, limits,
};

/// How many builds are tried; each leaves out the mutations at lines where the one before failed.
const BUILDS: usize = 4;

/// A test to be proven.
struct Case<'a> {
    program: &'a TestProgram,
    test: &'a Expected,
    /// Its duration over the unchanged candidate.
    usual: Duration,
}

/// The result of a test over a mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MutantRun {
    Passed(Duration),
    Failed,
    /// It timed out or exceeded a limit, which proves nothing.
    Unknown,
}

/// Proves the tests that are not proven yet.
pub async fn run(bench: &GateContext<'_>, candidate: &Candidate) -> GateResult {
    let mut suites = visible(bench);
    suites.extend(bench.examples.hidden.clone().map(|suite| suite.renamed("regen_tests_0")));
    let proven = |test: &Expected| bench.proven.contains(&key(bench, test));
    let all = suites.iter().flat_map(|suite| &suite.tests);
    let known = all.filter(|test| proven(test)).map(|test| proof(bench, test, Red::Seen));
    let mut known: Vec<RedProof> = known.collect();
    known.extend(outside_proofs(bench.name, bench.contract, bench.console));
    // Files without tests may be modules and data of the others.
    suites.retain(|suite| suite.tests.is_empty() || suite.tests.iter().any(|t| !proven(t)));
    if suites.iter().all(|suite| suite.tests.is_empty()) {
        return GateResult { red: known, ..GateResult::default() };
    }
    let mut done = match prove(bench, candidate, &suites, Extent::But(BTreeSet::new())).await {
        Ok(done) | Err(done) => done,
    };
    if let Some(Outcome::Error { message, .. }) = &mut done.outcome {
        // The original message may quote held-out examples.
        *message = "the tests could not be built with mutations; see `regen show`".to_owned();
    }
    let mut shown = 0;
    done.findings.retain(|one| {
        shown += usize::from(one.rule == UNNOTICED);
        one.rule != UNNOTICED || shown <= limits::SURVIVORS
    });
    done.red.extend(known);
    done.red.sort_by(|a, b| a.test.cmp(&b.test));
    done
}

/// The proof of all suites of a context, with every change that no test notices.
pub async fn whole(bench: &GateContext<'_>, candidate: &Candidate) -> GateResult {
    let none = BTreeSet::new();
    let bench = GateContext { proven: &none, ..bench.clone() };
    match prove(&bench, candidate, &visible(&bench), Extent::But(BTreeSet::new())).await {
        Ok(done) | Err(done) => done,
    }
}

/// The clauses of tests that were not seen to fail without the code. Those of tests that could not
/// be tried are left out.
pub async fn idle(
    bench: &GateContext<'_>,
    candidate: &Candidate,
    suites: &[Suite],
) -> Result<BTreeSet<ClauseId>, GateResult> {
    let seen = prove(bench, candidate, suites, Extent::Panics).await?;
    let is_idle = |one: &Finding| [VACUOUS, UNDECIDED].contains(&one.rule.as_str());
    let idle = seen.findings.into_iter().filter(is_idle);
    Ok(idle.flat_map(|one| one.clauses).collect())
}

/// The tests that were never seen to fail.
fn unproven<'a>(bench: &GateContext<'_>, suites: &'a [Suite]) -> Vec<(&'a Suite, &'a Expected)> {
    let tests = suites.iter().flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)));
    tests.filter(|(_, test)| !bench.proven.contains(&key(bench, test))).collect()
}

/// A mutated candidate, built with its tests.
struct MutantBuild<'a> {
    room: GateSandbox<'a>,
    programs: Vec<TestProgram>,
    mutants: Mutants,
    /// Whether it has mutations other than panics.
    every: bool,
}

async fn prove(
    bench: &GateContext<'_>,
    candidate: &Candidate,
    suites: &[Suite],
    extent: Extent,
) -> Result<GateResult, GateResult> {
    let started = Instant::now();
    let undecided = |why: String| {
        let open = unproven(bench, suites);
        GateResult {
            findings: vec![finding(&GATE, UNDECIDED, why)],
            red: open.iter().map(|(_, test)| proof(bench, test, Red::Undecided)).collect(),
            outcome: Some(Outcome::Pass),
            ..GateResult::default()
        }
    };
    let language = toolchain::of(bench.target);
    let native = language.native();
    let Some((native, mutator)) = native.and_then(|native| Some((native, native.mutator()?)))
    else {
        let why =
            format!("mutations are not supported for {}; tests stay unproven", language.language());
        return Ok(undecided(why));
    };
    let layers = prepare_tests(bench, &GATE, candidate, suites).await?.layers;
    let on = ProofSite { bench, layers: &layers, native, mutator, started };
    let built = with_changes(&on, candidate, suites, extent).await?;
    let MutantBuild { room, programs, mutants, every } = match built {
        Ok(built) => built,
        Err(Unbuilt::Late) => {
            return Ok(undecided("building it with mutations exceeded a limit".to_owned()));
        }
        // Their own tests were proven; no answer can be changed.
        Err(Unbuilt::Spoilt(why, _)) if bench.spec.integration => return Ok(undecided(why)),
        Err(Unbuilt::Spoilt(why, place)) => {
            let findings = vec![unprovable(&why, place)];
            return Ok(GateResult { findings, outcome: None, ..undecided(why) });
        }
    };
    let runner = TestRunner::new(bench, &room, native, &GATE, started, false);
    let trial = Trial { runner: &runner, mutants: &mutants, every };
    let tried = trial.run(suites, &programs).await;
    room.close().await;
    let mut tried = tried?;
    let is_open = |(test, learnt): &(&Expected, Learnt)| tried.red(test, *learnt) == Red::Undecided;
    let open: Vec<&Expected> =
        tried.tests.iter().filter(|one| is_open(one)).map(|(test, _)| *test).collect();
    if !open.is_empty() && !bench.spec.integration {
        let failed = with_constants(&on, candidate, suites, &open).await?;
        for (test, learnt) in &mut tried.tests {
            learnt.constants = failed.contains(&test.key);
        }
    }
    Ok(tried.conclude(bench))
}

/// State shared by the builds of a gate.
struct ProofSite<'a> {
    bench: &'a GateContext<'a>,
    layers: &'a GateLayers,
    native: &'static dyn NativeSuites,
    mutator: &'a dyn Mutator,
    started: Instant,
}

/// The tests that fail if constants have other values.
async fn with_constants(
    on: &ProofSite<'_>,
    candidate: &Candidate,
    suites: &[Suite],
    open: &[&Expected],
) -> Result<BTreeSet<Digest>, GateResult> {
    let extent = Extent::Constants(BTreeSet::new());
    let Ok(built) = with_changes(on, candidate, suites, extent).await? else {
        return Ok(BTreeSet::new());
    };
    let MutantBuild { room, programs, mutants, every } = built;
    let runner = TestRunner::new(on.bench, &room, on.native, &GATE, on.started, false);
    let trial = Trial { runner: &runner, mutants: &mutants, every };
    let (mut cases, _) = trial.cases(suites, &programs);
    cases.retain(|case| open.iter().any(|test| test.key == case.test.key));
    // Runs without a switch: the values are changed permanently.
    let ended = trial.round(cases.iter(), Some("")).await;
    let failed = ended.map(|ended| {
        let failed = cases.iter().zip(ended).filter(|(_, ran)| *ran == MutantRun::Failed);
        failed.map(|(case, _)| case.test.key).collect()
    });
    room.close().await;
    failed
}

/// Why there is no build with mutations.
enum Unbuilt {
    /// Time or memory did not suffice, which says nothing about the candidate.
    Late,
    /// The candidate builds only without them: a reason, and a place in it.
    Spoilt(String, Option<(String, u32)>),
}

/// Code with mutations.
struct ChangedCode {
    candidate: Candidate,
    linked: Vec<LinkedTree>,
    mutants: Mutants,
}

/// Mutates a candidate; of a spec without code, the functions of the trees that it names in
/// `depends`.
fn changed(
    bench: &GateContext<'_>,
    mutator: &dyn Mutator,
    candidate: &Candidate,
    extent: &Extent,
) -> Result<ChangedCode, String> {
    let mut linked = bench.linked.to_vec();
    if !bench.spec.integration {
        let mutants = mutator.mutants(candidate.tree(), extent, candidate.digest())?;
        let candidate = Candidate::new(mutants.tree.clone(), candidate.provenance().clone());
        return Ok(ChangedCode { candidate, linked, mutants });
    }
    // One switch for all of them, whose name none of them can know.
    let digests = linked.iter().map(|one| one.link.tree.to_string());
    let seed = Digest::of_parts(digests.chain([candidate.digest().to_string()]));
    let mut mutants = mutator.mutants(candidate.tree(), extent, seed)?;
    for one in linked.iter_mut().filter(|one| one.link.direct) {
        let changed = mutator.mutants(&one.tree, extent, seed)?;
        one.tree = changed.tree;
        mutants.rest.extend(changed.rest);
    }
    Ok(ChangedCode { candidate: candidate.clone(), linked, mutants })
}

/// Builds a candidate with all mutations that compile.
async fn with_changes<'a>(
    on: &ProofSite<'a>,
    candidate: &Candidate,
    suites: &[Suite],
    mut extent: Extent,
) -> Result<Result<MutantBuild<'a>, Unbuilt>, GateResult> {
    let ProofSite { bench, layers, native, mutator, started } = *on;
    let mut place = None;
    for build_number in 1.. {
        let changed = match changed(bench, mutator, candidate, &extent) {
            Ok(changed) => changed,
            Err(why) => return Ok(Err(Unbuilt::Spoilt(why, None))),
        };
        let ChangedCode { candidate: code, linked, mutants } = changed;
        let context = GateContext { linked: &linked, ..bench.clone() };
        let PreparedSources { files, candidate: apart, .. } =
            prepare_tests(&context, &GATE, &code, suites).await?;
        let room = GateSandbox::for_tests(bench, &GATE, files, layers, apart).await?;
        let room = room.showing(data(bench, candidate));
        let mut left = bench.timeout.saturating_sub(started.elapsed());
        if matches!(extent, Extent::But(_)) {
            // Panics alone compile faster.
            left /= 2;
        }
        let commands = native.build_tests(TestBuild::of(suites), room.places());
        let seen = match build(&room, &GATE, &commands, suites, left).await {
            Ok((programs, _)) => {
                let programs = programs_of(programs, &commands, suites);
                // Of other specs' code, only whole functions are changed.
                let every = !matches!(extent, Extent::Panics) && !bench.spec.integration;
                return Ok(Ok(MutantBuild { room, programs, mutants, every }));
            }
            Err(seen) => seen,
        };
        room.close().await;
        match seen.outcome {
            Some(Outcome::Error { .. }) => return Err(seen),
            Some(_) if !matches!(extent, Extent::But(_)) => return Ok(Err(Unbuilt::Late)),
            Some(_) => {
                extent = Extent::Panics;
                continue;
            }
            None => {}
        }
        let places = seen.findings.iter().filter_map(|f| Some((f.file.clone()?, f.line?)));
        let places: BTreeSet<(String, u32)> = places.collect();
        place = places.iter().find(|(file, _)| candidate.tree().get(file).is_some()).cloned();
        let more = |before: &BTreeSet<_>| build_number < BUILDS && !places.is_subset(before);
        extent = match extent {
            Extent::But(before) if more(&before) => Extent::But(&before | &places),
            Extent::Constants(before) if more(&before) => Extent::Constants(&before | &places),
            Extent::But(_) => Extent::Panics,
            Extent::Panics | Extent::Constants(_) => break,
        };
    }
    let why = "it compiles, but not with mutations".to_owned();
    Ok(Err(Unbuilt::Spoilt(why, place)))
}

/// The tests over a mutated candidate.
struct Trial<'a> {
    runner: &'a TestRunner<'a>,
    mutants: &'a Mutants,
    every: bool,
}

impl Trial<'_> {
    /// The tests to prove, and those that no program lists.
    fn cases<'a>(
        &self,
        suites: &'a [Suite],
        programs: &'a [TestProgram],
    ) -> (Vec<Case<'a>>, Vec<&'a Expected>) {
        let (mut cases, mut gone) = (Vec::new(), Vec::new());
        for (suite, test) in unproven(self.runner.bench, suites) {
            match programs.iter().find(|one| one.source == suite.path.as_str()) {
                Some(program) => cases.push(Case { program, test, usual: Duration::ZERO }),
                None => gone.push(test),
            }
        }
        (cases, gone)
    }

    async fn run<'a>(
        &self,
        suites: &'a [Suite],
        programs: &'a [TestProgram],
    ) -> Result<Tried<'a>, GateResult> {
        let (mut cases, mut strange) = self.cases(suites, programs);
        let mut failed = 0;
        // Over the unchanged candidate, and with all mutations off, they pass.
        let usual = self.round(cases.iter(), None).await?;
        for (case, ran) in cases.iter_mut().zip(usual) {
            match ran {
                MutantRun::Passed(elapsed) => case.usual = elapsed,
                MutantRun::Failed | MutantRun::Unknown => {
                    failed += usize::from(ran == MutantRun::Failed);
                    strange.push(case.test);
                }
            }
        }
        cases.retain(|case| strange.iter().all(|strange| strange.key != case.test.key));
        let mut learnt = vec![Learnt::default(); cases.len()];
        for mode in [PANICS, DEFAULTS, ENDS] {
            // What it reaches matters only of a test that never failed.
            let is_open = |one: &Learnt| mode != ENDS || !(one.panics || one.defaults);
            let open: Vec<usize> = (0..cases.len()).filter(|at| is_open(&learnt[*at])).collect();
            let ran = self.round(open.iter().map(|at| &cases[*at]), Some(mode)).await?;
            for (at, ran) in open.into_iter().zip(ran) {
                let one = &mut learnt[at];
                let part = match mode {
                    PANICS => &mut one.panics,
                    DEFAULTS => &mut one.defaults,
                    _ => &mut one.reaches,
                };
                *part = ran == MutantRun::Failed;
                one.unsure |= ran == MutantRun::Unknown;
            }
        }
        let whole = suites.iter().flat_map(|suite| &suite.tests).count() == cases.len();
        // Undetected mutations are known only if all tests were tried.
        let survivors = if self.every && (whole || learnt.iter().any(|one| !one.defaults)) {
            self.small_changes(&cases, &mut learnt, whole).await?
        } else {
            None
        };
        let tests = cases.iter().map(|case| case.test).zip(learnt).collect();
        let rest = self.mutants.rest.clone();
        Ok(Tried { tests, strange, failed, survivors, whole, rest })
    }

    /// Runs tests with one mutation switched on.
    async fn round<'c>(
        &self,
        cases: impl Iterator<Item = &'c Case<'c>>,
        mutant: Option<&str>,
    ) -> Result<Vec<MutantRun>, GateResult> {
        let runs = cases.map(|case| self.one(case, mutant, None));
        futures::stream::iter(runs).buffered(AT_ONCE).try_collect().await
    }

    /// Runs a test with one mutation; repeats a failure, since one could be a coincidence.
    async fn one(
        &self,
        case: &Case<'_>,
        mutant: Option<&str>,
        until: Option<Instant>,
    ) -> Result<MutantRun, GateResult> {
        let wanted = match mutant {
            Some(_) => (case.usual * limits::MUTANT_TIMES).max(limits::MUTANT_TIMEOUT),
            None => limits::TEST_TIMEOUT,
        };
        let mut last = MutantRun::Unknown;
        for _ in 0..2 {
            let budget = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = self.runner.left().min(budget.unwrap_or(wanted)).min(wanted);
            if left.is_zero() {
                return Ok(MutantRun::Unknown);
            }
            let switch = (self.mutants.variable.as_str(), mutant.unwrap_or(OFF));
            let start = TestStart { mutant: Some(switch), timeout: Some(left) };
            let name = &case.test.name;
            let said = self.runner.say(case.program, Some(case.test), name, start).await?;
            last = match said.status {
                TestStatus::Passed => return Ok(MutantRun::Passed(said.elapsed)),
                TestStatus::Failed if said.ran_out.is_none() => MutantRun::Failed,
                _ => return Ok(MutantRun::Unknown),
            };
        }
        Ok(last)
    }

    /// Tries small mutations one by one. Gives the undetected ones, if there was time for all.
    async fn small_changes(
        &self,
        cases: &[Case<'_>],
        learnt: &mut Vec<Learnt>,
        whole: bool,
    ) -> Result<Option<Vec<Mutant>>, GateResult> {
        let until = Instant::now() + limits::MUTANTS_TIME.min(self.runner.left() / 2);
        let shared = RefCell::new(std::mem::take(learnt));
        let shared = &shared;
        let tries = self.mutants.list.iter().enumerate().map(|(at, mutant)| async move {
            let number = (at + 1).to_string();
            // Least proven tests first. All tests without a failed mutation run; of the others one
            // failure suffices.
            let asked = |case: &usize| whole || !shared.borrow()[*case].defaults;
            let mut order: Vec<usize> = (0..cases.len()).filter(asked).collect();
            let rank = |one: &Learnt| (one.panics || one.defaults, one.defaults, one.mutant);
            order.sort_by_key(|case| rank(&shared.borrow()[*case]));
            let mut noticed = false;
            for case in order {
                if Instant::now() > until {
                    return Ok((None, mutant));
                }
                let known = shared.borrow()[case];
                if noticed && (known.mutant || known.defaults) {
                    break;
                }
                match self.one(&cases[case], Some(&number), Some(until)).await? {
                    MutantRun::Passed(_) => {}
                    // An endless loop is detected, but proves nothing about the test.
                    MutantRun::Unknown => noticed = true,
                    MutantRun::Failed => {
                        shared.borrow_mut()[case].mutant = true;
                        noticed = true;
                    }
                }
            }
            Ok((Some(noticed), mutant))
        });
        let tried: Result<Vec<(Option<bool>, &Mutant)>, GateResult> =
            futures::stream::iter(tries).buffered(AT_ONCE).try_collect().await;
        *learnt = shared.take();
        let tried = tried?;
        let survivors = tried.iter().filter(|(noticed, _)| *noticed == Some(false));
        let all = tried.iter().all(|(noticed, _)| noticed.is_some());
        Ok(all.then(|| survivors.map(|(_, mutant)| (*mutant).clone()).collect()))
    }
}
