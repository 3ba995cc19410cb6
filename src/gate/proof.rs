//! The red proof: a test counts for a clause only after it was seen to fail.
//!
//! The tests run over the candidate with changes in it: every function panics, or gives a default,
//! or one small thing is changed. A test that passes over all of them would pass without an
//! implementation.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};

use super::cargo::{Ground, build, finding, ground, visible};
use super::room::Room;
use super::runner::{AT_ONCE, Runner, Start};
use super::{Bench, Layer, Seen};
use crate::toolchain::cargo::TestProgram;
use crate::toolchain::mutants::{self, DEFAULTS, ENDS, Extent, Mutant, Mutants, PANICS};
use crate::toolchain::{self, Expected, Suite};
use crate::types::{
    Candidate, Clause, Digest, Finding, Outcome, Red, RedProof, TestStatus, gate::VACUOUS, limits,
};

const GATE: &str = "proof";

/// A test that is to be seen failing.
struct Case<'a> {
    program: &'a TestProgram,
    test: &'a Expected,
    /// How long it takes over the candidate as it is.
    usual: Duration,
}

/// What was learnt of a test.
#[derive(Clone, Copy, Default)]
struct Learnt {
    /// It fails where every function panics.
    panics: bool,
    /// It fails where every function gives a default.
    defaults: bool,
    /// It fails where a small thing is changed.
    mutant: bool,
    /// It fails where constants have other values.
    constants: bool,
    /// It runs the candidate's code at all.
    reaches: bool,
}

/// Proves the tests over a candidate that were not proven before.
pub async fn run(bench: &Bench<'_>, candidate: &Candidate) -> Seen {
    let mut suites = visible(bench);
    suites.extend(toolchain::examples(bench.spec, bench.target, true));
    let proven = |test: &Expected| bench.proven.contains(&test.key);
    let red = |test: &Expected, red| RedProof { test: test.name.clone(), key: test.key, red };
    let all = || suites.iter().flat_map(|suite| &suite.tests);
    let seen: Vec<RedProof> =
        all().filter(|test| proven(test)).map(|test| red(test, Red::Seen)).collect();
    suites.retain(|suite| suite.tests.iter().any(|test| !proven(test)));
    if suites.is_empty() {
        return Seen { red: seen, ..Seen::default() };
    }
    let mut done = match prove(bench, candidate, &suites).await {
        Ok(done) | Err(done) => done,
    };
    done.red.extend(seen);
    done.red.sort_by(|a, b| a.test.cmp(&b.test));
    done
}

/// A candidate with changes in it, built with its tests.
struct Built<'a> {
    room: Room<'a>,
    programs: Vec<TestProgram>,
    mutants: Mutants,
}

async fn prove(bench: &Bench<'_>, candidate: &Candidate, suites: &[Suite]) -> Result<Seen, Seen> {
    let started = Instant::now();
    let undecided = |why: &str| Seen {
        findings: vec![finding(GATE, "undecided", why.to_owned())],
        red: open(bench, suites).iter().map(|(_, test)| proof(test, Red::Undecided)).collect(),
        outcome: Some(Outcome::Pass),
        ..Seen::default()
    };
    let layer = ground(bench, GATE, candidate, &[]).await?.layer;
    let whole = Extent::But(BTreeSet::new());
    let built = with_changes((bench, &layer), candidate, suites, whole).await?;
    let Built { room, programs, mutants } = match built {
        Ok(built) => built,
        Err(why) => return Ok(undecided(&why)),
    };
    let runner = Runner { bench, room: &room, gate: GATE, started, fresh: false };
    let trial = Trial { runner: &runner, mutants: &mutants };
    let tried = trial.run(suites, &programs).await;
    room.close().await;
    let mut tried = tried?;
    let open: Vec<Digest> = tried.open(&mutants);
    if !open.is_empty() {
        let seen = with_constants((bench, &layer), candidate, (suites, started)).await?;
        for (_, learnt) in tried.tests.iter_mut().filter(|(test, _)| seen.contains(&test.key)) {
            learnt.constants = true;
        }
    }
    Ok(tried.conclude(bench, &mutants))
}

/// The tests that fail where constants have other values.
async fn with_constants(
    (bench, layer): (&Bench<'_>, &Layer),
    candidate: &Candidate,
    (suites, started): (&[Suite], Instant),
) -> Result<BTreeSet<Digest>, Seen> {
    let extent = Extent::Constants(BTreeSet::new());
    let Ok(built) = with_changes((bench, layer), candidate, suites, extent).await? else {
        return Ok(BTreeSet::new());
    };
    let Built { room, programs, mutants } = built;
    let runner = Runner { bench, room: &room, gate: GATE, started, fresh: false };
    let trial = Trial { runner: &runner, mutants: &mutants };
    let cases = trial.cases(suites, &programs);
    let ended = trial.round(&cases, None).await;
    let failed = ended.map(|ended| {
        let failed = cases.iter().zip(ended).filter(|(_, (s, _))| *s != TestStatus::Passed);
        failed.map(|(case, _)| case.test.key).collect()
    });
    room.close().await;
    failed
}

/// The tests that were never seen to fail.
fn open<'a>(bench: &Bench<'_>, suites: &'a [Suite]) -> Vec<(&'a Suite, &'a Expected)> {
    let tests = suites.iter().flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)));
    tests.filter(|(_, test)| !bench.proven.contains(&test.key)).collect()
}

fn proof(test: &Expected, red: Red) -> RedProof {
    RedProof { test: test.name.clone(), key: test.key, red }
}

/// Builds a candidate with all changes that compile. Without any, the reason.
async fn with_changes<'a>(
    (bench, layer): (&'a Bench<'_>, &'a Layer),
    candidate: &Candidate,
    suites: &[Suite],
    mut extent: Extent,
) -> Result<Result<Built<'a>, String>, Seen> {
    let files: Vec<&str> =
        suites.iter().map(|suite| suite.file().trim_end_matches(".rs")).collect();
    let tests = files.iter().flat_map(|file| ["--test", file]);
    let args: Vec<&str> = ["test", "--no-run"].into_iter().chain(tests).collect();
    loop {
        let mutants = match mutants::of(candidate.tree(), &extent) {
            Ok(mutants) => mutants,
            Err(why) => return Ok(Err(why)),
        };
        let changed = Candidate::new(mutants.tree.clone(), candidate.provenance().clone());
        let Ground { files, .. } = ground(bench, GATE, &changed, suites).await?;
        let room = Room::open(bench, GATE, (files, Some(layer)), None).await?;
        let seen = match build((bench, &room, GATE), &args, suites).await {
            Ok((programs, _)) => return Ok(Ok(Built { room, programs, mutants })),
            Err(seen) => seen,
        };
        room.close().await;
        if let Some(Outcome::Error { .. }) = seen.outcome {
            return Err(seen);
        }
        let places = seen.findings.iter().filter_map(|f| Some((f.file.clone()?, f.line?)));
        let places: BTreeSet<(String, u32)> = places.collect();
        extent = match extent {
            Extent::But(before) if before.is_empty() && !places.is_empty() => Extent::But(places),
            Extent::Constants(before) if before.is_empty() && !places.is_empty() => {
                Extent::Constants(places)
            }
            Extent::But(_) => Extent::Panics,
            Extent::Panics | Extent::Constants(_) => {
                let why = seen.findings.first().map_or("", |finding| finding.message.as_str());
                return Ok(Err(format!("with stubs for its functions it does not compile: {why}")));
            }
        };
    }
}

/// Tests over a candidate with changes in it.
struct Trial<'a> {
    runner: &'a Runner<'a>,
    mutants: &'a Mutants,
}

/// What was learnt of all tests.
struct Tried<'a> {
    tests: Vec<(&'a Expected, Learnt)>,
    /// Tests that do not pass with switches in the candidate.
    strange: Vec<&'a Expected>,
    /// Changes that no test notices, if all were tried.
    survivors: Option<Vec<Mutant>>,
    /// Whether all tests were tried: none was proven before.
    whole: bool,
}

impl Trial<'_> {
    fn cases<'a>(&self, suites: &'a [Suite], programs: &'a [TestProgram]) -> Vec<Case<'a>> {
        let program = |suite: &Suite| programs.iter().find(|one| one.source == suite.path.as_str());
        let tests = open(self.runner.bench, suites);
        let case =
            |(suite, test)| Some(Case { program: program(suite)?, test, usual: Duration::ZERO });
        tests.into_iter().filter_map(case).collect()
    }

    async fn run<'a>(
        &self,
        suites: &'a [Suite],
        programs: &'a [TestProgram],
    ) -> Result<Tried<'a>, Seen> {
        let mut cases = self.cases(suites, programs);
        // Over the candidate as it is they pass, also with switches in it.
        let mut strange = Vec::new();
        let usual = self.round(&cases, None).await?;
        for (case, (status, elapsed)) in cases.iter_mut().zip(usual) {
            case.usual = elapsed;
            if status != TestStatus::Passed {
                strange.push(case.test);
            }
        }
        cases.retain(|case| strange.iter().all(|strange| strange.key != case.test.key));
        let mut learnt = vec![Learnt::default(); cases.len()];
        let modes: [(&str, fn(&mut Learnt, bool)); 3] = [
            (PANICS, |one, failed| one.panics = failed),
            (DEFAULTS, |one, failed| one.defaults = failed),
            (ENDS, |one, failed| one.reaches = failed),
        ];
        for (mode, learn) in modes {
            for (one, (status, _)) in learnt.iter_mut().zip(self.round(&cases, Some(mode)).await?) {
                learn(one, status != TestStatus::Passed);
            }
        }
        let whole = suites.iter().flat_map(|suite| &suite.tests).count() == cases.len();
        // Which changes nobody notices can be told only of all tests together.
        let survivors = match whole || learnt.iter().any(|one| !one.defaults) {
            true => self.small_changes(&cases, &mut learnt, whole).await?,
            false => None,
        };
        let tests = cases.iter().map(|case| case.test).zip(learnt).collect();
        Ok(Tried { tests, strange, survivors, whole })
    }

    /// Runs tests with a change switched on: how each ended, and how long it took.
    async fn round(
        &self,
        cases: &[Case<'_>],
        mutant: Option<&str>,
    ) -> Result<Vec<(TestStatus, Duration)>, Seen> {
        let runs = cases.iter().map(|case| self.one(case, mutant));
        futures::stream::iter(runs).buffered(AT_ONCE).try_collect().await
    }

    async fn one(
        &self,
        case: &Case<'_>,
        mutant: Option<&str>,
    ) -> Result<(TestStatus, Duration), Seen> {
        let timeout = (case.usual * limits::MUTANT_TIMES).max(limits::MUTANT_TIMEOUT);
        let timeout = mutant.map(|_| timeout);
        let start = Start { mutant, timeout, ..Start::default() };
        let said = self.runner.say(case.program, (Some(case.test), &case.test.name), start).await?;
        Ok((said.status, said.elapsed))
    }

    /// Small changes, one after the other: those that no test notices, if there was time for all.
    async fn small_changes(
        &self,
        cases: &[Case<'_>],
        learnt: &mut Vec<Learnt>,
        whole: bool,
    ) -> Result<Option<Vec<Mutant>>, Seen> {
        let until = Instant::now() + limits::MUTANTS_TIME.min(self.runner.left() / 2);
        let shared = RefCell::new(std::mem::take(learnt));
        let shared = &shared;
        let tries = self.mutants.list.iter().enumerate().map(|(at, mutant)| async move {
            let number = (at + 1).to_string();
            // Who needs it most comes first, and all of these; of the others one is enough.
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
                if self.one(&cases[case], Some(&number)).await?.0 != TestStatus::Passed {
                    shared.borrow_mut()[case].mutant = true;
                    noticed = true;
                }
            }
            Ok((Some(noticed), mutant))
        });
        let tried: Result<Vec<(Option<bool>, &Mutant)>, Seen> =
            futures::stream::iter(tries).buffered(AT_ONCE).try_collect().await;
        *learnt = shared.take();
        let tried = tried?;
        let survivors = tried.iter().filter(|(noticed, _)| *noticed == Some(false));
        let all = tried.iter().all(|(noticed, _)| noticed.is_some());
        Ok(all.then(|| survivors.map(|(_, mutant)| (*mutant).clone()).collect()))
    }
}

impl Tried<'_> {
    fn red(&self, test: &Expected, learnt: Learnt, mutants: &Mutants) -> Red {
        if learnt.panics || learnt.defaults || learnt.mutant || learnt.constants {
            return Red::Seen;
        }
        let word = |c: char| !c.is_alphanumeric() && c != '_';
        let other = test.text.split(word).any(|word| mutants.rest.contains(word));
        let panics = test.text.contains("should_panic");
        // It looks at what no change touches, or at panics, or not all could be tried.
        let open = if learnt.reaches { panics || self.survivors.is_none() } else { other };
        if open { Red::Undecided } else { Red::Vacuous }
    }

    /// The tests of which nothing is known yet.
    fn open(&self, mutants: &Mutants) -> Vec<Digest> {
        let red = |test, learnt: &Learnt| self.red(test, *learnt, mutants);
        let open = self.tests.iter().filter(|(test, learnt)| red(test, learnt) == Red::Undecided);
        open.map(|(test, _)| test.key).collect()
    }

    fn conclude(self, bench: &Bench<'_>, mutants: &Mutants) -> Seen {
        let mut seen = Seen::default();
        for test in &self.strange {
            let why =
                format!("with switches in the candidate the test {} does not pass", test.name);
            seen.findings.push(finding(GATE, "undecided", why));
            seen.red.push(proof(test, Red::Undecided));
        }
        for (test, learnt) in &self.tests {
            let red = self.red(test, *learnt, mutants);
            seen.red.push(proof(test, red));
            let clause =
                bench.spec.clauses.iter().find(|clause| Some(&clause.id) == test.clause.as_ref());
            let demanded = clause.is_some_and(Clause::is_demanded);
            seen.findings.extend(self.told(test, (*learnt, red), demanded));
        }
        let blocks = |finding: &Finding| finding.rule == VACUOUS;
        seen.findings.sort_by_key(|finding| !blocks(finding));
        if !seen.findings.iter().any(blocks) {
            seen.outcome = Some(Outcome::Pass);
        }
        // Tests that were proven before might notice.
        let survivors = self.survivors.into_iter().flatten().filter(|_| self.whole);
        seen.findings.extend(survivors.take(limits::SURVIVORS).map(unnoticed));
        seen
    }

    /// What is to be told of a test.
    fn told(
        &self,
        test: &Expected,
        (learnt, red): (Learnt, Red),
        demanded: bool,
    ) -> Option<Finding> {
        let name = &test.name;
        let mend = "let it assert what the clause says of the code's result";
        let weak = learnt.panics && !learnt.defaults && !learnt.mutant && self.survivors.is_some();
        let (rule, message, remedy) = match red {
            Red::Vacuous => {
                let why = match learnt.reaches {
                    true => "whatever the code does",
                    false => "without an implementation: it never runs the code",
                };
                let rule = if demanded { VACUOUS } else { "vacuous, but not demanded" };
                (rule, format!("the test {name} passes {why}"), mend)
            }
            Red::Undecided => {
                let remedy = "let it call a function whose result the clause tells";
                ("undecided", format!("nobody could see the test {name} fail"), remedy)
            }
            Red::Seen if weak && !test.text.contains("should_panic") => {
                ("weak", format!("the test {name} fails only where the code panics"), mend)
            }
            Red::Seen => return None,
        };
        Some(Finding {
            clauses: test.clause.iter().cloned().collect(),
            remedy: Some(remedy.to_owned()),
            ..finding(GATE, rule, message)
        })
    }
}

/// A change that no test notices.
fn unnoticed(mutant: Mutant) -> Finding {
    Finding {
        file: Some(mutant.file),
        line: Some(mutant.line),
        remedy: Some("if it matters, say it in a clause".to_owned()),
        ..finding(GATE, "unnoticed", format!("no test notices: {}", mutant.what))
    }
}
