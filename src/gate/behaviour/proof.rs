//! The red proof of tests of behaviour: they must fail for answers that keep no clause.

use std::time::Instant;

use super::sample::{SampleRoom, Sampled};
use super::verdict::SampleCounts;
use super::work::{BehaviourTest, BehaviourWork, cases};
use crate::gate::proof_result::{GATE, key, proof};
use crate::gate::result::{GateResult, finding};
use crate::toolchain::assistant::StubAnswer;
use crate::types::gate::{TEST_ERROR, VACUOUS};
use crate::types::{ClauseId, Finding, Outcome, Provenance, Red, TestStatus, Tree, limits};

/// A refusal that says nothing of the question.
const REFUSAL: &str = "I'm sorry, but I can't help with that.";

/// Proves the tests that are not proven yet.
pub async fn run(work: &BehaviourWork<'_>) -> Result<GateResult, GateResult> {
    let tests = work.tests();
    let is_proven =
        |one: &&BehaviourTest<'_>| work.context.proven.contains(&key(work.context, one.test));
    let (proven, open): (Vec<&BehaviourTest<'_>>, Vec<_>) = tests.iter().partition(is_proven);
    let known = |one: &&BehaviourTest<'_>| proof(work.context, one.test, Red::Seen);
    let mut seen = GateResult { red: proven.iter().map(known).collect(), ..GateResult::default() };
    let mut bare = Vec::new();
    for one in open {
        let room = SampleRoom::open(work, one.suite).await?;
        let stubbed = stubs(work, &room, one).await;
        room.close().await;
        let red = match stubbed? {
            StubRuns::Fails => Red::Seen,
            StubRuns::Passes => Red::Vacuous,
            StubRuns::Wrong(why) => {
                let mut wrong = SampleCounts::new(*one, work.plan(one.clause));
                wrong.wrong(&why);
                seen.findings.push(wrong.finding(&GATE, work.model.samples));
                continue;
            }
        };
        seen.red.push(proof(work.context, one.test, red));
        if red == Red::Vacuous {
            let message = format!(
                "the test {} passes for an empty answer, for the question itself, for the clause's \
                 text, for \"ok\" and for a refusal",
                one.test.name
            );
            let remedy = "check what the clause requires of an answer";
            let rule = if one.clause.is_demanded() { VACUOUS } else { "vacuous_undemanded" };
            seen.findings.push(told(one.clause.id.clone(), rule, message, remedy));
        } else if *work.candidate.provenance() != Provenance::Promoted && !one.is_hidden() {
            bare.push(one);
        }
    }
    let is_wrong = |one: &Finding| [VACUOUS, TEST_ERROR].contains(&one.rule.as_str());
    let passes = !seen.findings.iter().any(is_wrong);
    let mut notes = Vec::new();
    if passes && work.context.answering.is_some() {
        for one in bare {
            notes.extend(baseline(work, one).await?);
        }
        notes.extend(weak(work, &tests).await?);
    }
    if passes {
        seen.outcome = Some(Outcome::Pass);
    }
    seen.findings.extend(notes);
    seen.red.sort_by(|a, b| a.test.cmp(&b.test));
    Ok(seen)
}

fn told(clause: ClauseId, rule: &str, message: String, remedy: &str) -> Finding {
    let remedy = Some(remedy.to_owned());
    Finding { clauses: vec![clause], remedy, ..finding(&GATE, rule, message) }
}

/// What a test does with answers that keep no clause.
enum StubRuns {
    /// It fails for one of them.
    Fails,
    /// It passes for all.
    Passes,
    /// It is wrong by itself for all.
    Wrong(String),
}

async fn stubs(
    work: &BehaviourWork<'_>,
    room: &SampleRoom<'_>,
    one: &BehaviourTest<'_>,
) -> Result<StubRuns, GateResult> {
    let names = room.names(one).await?;
    if let Some(wrong) = work.computed(&names, &[one]) {
        return Err(wrong);
    }
    let stubs = [
        StubAnswer::fixed(""),
        StubAnswer::Echo,
        StubAnswer::fixed(one.clause.text.clone()),
        StubAnswer::fixed("ok"),
        StubAnswer::fixed(REFUSAL),
    ];
    for case in cases(&names, &one.test.name) {
        let mut errors = Vec::new();
        let mut fails = false;
        for stub in &stubs {
            let started = Instant::now();
            let ended = room.stubbed(case, stub).await?;
            if ended.is_error && started.elapsed() >= limits::TEST_TIMEOUT {
                return Ok(StubRuns::Wrong(ended.why));
            }
            if ended.is_error {
                errors.push(ended.why);
            } else if ended.status != TestStatus::Passed {
                if let Some(why) = room.own_text(case, &ended, "").await? {
                    return Ok(StubRuns::Wrong(why));
                }
                fails = true;
                break;
            }
        }
        if errors.len() == stubs.len() {
            return Ok(StubRuns::Wrong(errors.remove(0)));
        }
        if !fails {
            return Ok(StubRuns::Passes);
        }
    }
    Ok(StubRuns::Fails)
}

/// The note on a test that the model passes without instructions.
async fn baseline(
    work: &BehaviourWork<'_>,
    one: &BehaviourTest<'_>,
) -> Result<Option<Finding>, GateResult> {
    let room = SampleRoom::over(work, one.suite, &Tree::default()).await?;
    let counted = without_instructions(&room, work, one).await;
    room.close().await;
    let is_kept = counted?.status() == TestStatus::Passed;
    Ok(is_kept.then(|| {
        let message = format!(
            "the model passes the test {} without instructions: it shows nothing about them",
            one.test.name
        );
        let remedy = "keep it if the model may change";
        told(one.clause.id.clone(), "baseline", message, remedy)
    }))
}

async fn without_instructions<'t>(
    room: &SampleRoom<'_>,
    work: &BehaviourWork<'_>,
    one: &BehaviourTest<'t>,
) -> Result<SampleCounts<'t>, GateResult> {
    let names = room.names(one).await?;
    let mut counted = SampleCounts::new(*one, work.plan(one.clause));
    for case in cases(&names, &one.test.name) {
        let sampler = Sampled { room, test: *one, case, hidden: false, is_graded: false };
        sampler.by_plan(&mut counted).await?;
        if counted.status() != TestStatus::Passed {
            break;
        }
    }
    Ok(counted)
}

/// Notes on clauses of which one answer, given to every question, passes all tests.
async fn weak(
    work: &BehaviourWork<'_>,
    tests: &[BehaviourTest<'_>],
) -> Result<Vec<Finding>, GateResult> {
    let mut notes = Vec::new();
    for clause in &work.context.spec.clauses {
        let own: Vec<_> = tests.iter().filter(|one| one.clause.id == clause.id).collect();
        let Some(first) = own.first() else { continue };
        let Some(answer) = passing(work, first).await? else { continue };
        let stub = StubAnswer::fixed(answer.clone());
        let mut all = true;
        for one in &own {
            let room = SampleRoom::open(work, one.suite).await?;
            let passed = same(&room, one, &stub).await;
            room.close().await;
            all &= passed?;
        }
        if all {
            let said = if own.iter().any(|one| one.is_hidden()) {
                String::new()
            } else {
                format!(": \"{}\"", crate::types::text::cut(&answer, 200))
            };
            let message =
                format!("one answer to every question passes all tests of {}{said}", clause.id);
            let remedy = "add a contrast: a test with a question that must be answered otherwise, \
                          for example one that must not be refused";
            notes.push(told(clause.id.clone(), "weak", message, remedy));
        }
    }
    Ok(notes)
}

/// An answer with which a test passed. The model gave it before.
async fn passing(
    work: &BehaviourWork<'_>,
    one: &BehaviourTest<'_>,
) -> Result<Option<String>, GateResult> {
    let room = SampleRoom::open(work, one.suite).await?;
    let found = first_passing(&room, work, one).await;
    room.close().await;
    found
}

async fn first_passing(
    room: &SampleRoom<'_>,
    work: &BehaviourWork<'_>,
    one: &BehaviourTest<'_>,
) -> Result<Option<String>, GateResult> {
    let names = room.names(one).await?;
    let Some(case) = cases(&names, &one.test.name).first().copied() else { return Ok(None) };
    let plan = work.plan(one.clause);
    // Of so many samples that were taken one passed.
    for sample in 0..=plan.misses {
        let ended = room.asked(case, sample).await?;
        if ended.status == TestStatus::Passed {
            return Ok(ended.talk.last().map(|(_, answer)| answer.text.clone()));
        }
    }
    Ok(None)
}

/// Whether a test passes with one answer to all of its questions.
async fn same(
    room: &SampleRoom<'_>,
    one: &BehaviourTest<'_>,
    stub: &StubAnswer,
) -> Result<bool, GateResult> {
    let names = room.names(one).await?;
    for case in cases(&names, &one.test.name) {
        if room.stubbed(case, stub).await?.status != TestStatus::Passed {
            return Ok(false);
        }
    }
    Ok(true)
}
