//! Judges a test suite that a model wrote: its tests are named after clauses, pass over the
//! accepted code, and fail if that code is changed.

use std::collections::BTreeSet;

use super::context::GateContext;
use super::effects::passes;
use super::over_code::{self, OverCode, TextContext};
use super::proof_result::{UNDECIDED, UNNOTICED, WEAK};
use super::result::{GateResult, finding};
use super::unnoticed::{self, CodeChange, change};
use super::{red_proof, test_gates};
use crate::toolchain::{self, Expected, Suite, about};
use crate::types::gate::VACUOUS;
use crate::types::{Candidate, ClauseId, Finding, GateName, Outcome, Problem, Spec, Target};

pub async fn run(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    of: &TextContext<'_>,
) -> GateResult {
    let Some(native) = toolchain::of(&of.code.target).native() else {
        return GateResult::error("the language of the code runs no suites");
    };
    let suites = match read(context.spec, gate, &of.code.target, candidate) {
        Ok(suites) => suites,
        Err(findings) => return GateResult::fail(findings),
    };
    let mut wrong = unnamed(context.spec, gate, &suites);
    let items = about::items(context.spec, &of.code.target, &of.tree.tree);
    wrong.extend(peeking(gate, &suites, &items));
    wrong.extend(suites.iter().flat_map(|suite| {
        let found = native.conditions(&suite.shown).into_iter();
        found.map(|(line, mark)| Finding {
            file: Some(suite.file().to_owned()),
            line: u32::try_from(line).ok(),
            remedy: Some("delete it: each test runs everywhere".to_owned()),
            ..finding(gate, "mark", format!("with `{mark}` a test may not run"))
        })
    }));
    if !wrong.is_empty() {
        return GateResult::fail(wrong);
    }
    // The suite alone is judged.
    let mut bare = context.spec.clone();
    bare.clauses.iter_mut().for_each(|clause| clause.examples.clear());
    let room = OverCode::new(context, of, bare, &suites);
    let over_code = room.context(context);
    let mut seen = test_gates::suite(&over_code, gate, &room.candidate).await;
    seen.findings.iter_mut().for_each(at_home);
    if !passes(&seen) {
        return seen;
    }
    let proof = red_proof::whole(&over_code, &room.candidate).await;
    let missed = proof.findings.iter().filter(|one| one.rule == UNNOTICED).map(change).collect();
    let noticed = match native.mutator() {
        Some(mutator) => unnoticed::noticed(context, of, mutator, missed).await,
        None => BTreeSet::new(),
    };
    let shown = over_code::proven(context.spec, context.unproven);
    let proof = proven(gate, proof, &noticed, &shown);
    let outcome = proof.outcome.clone();
    GateResult { outcome, ..seen.and(proof) }
}

/// The suites in the files, without held-out examples.
fn read(
    spec: &Spec,
    gate: &GateName,
    code: &Target,
    candidate: &Candidate,
) -> Result<Vec<Suite>, Vec<Finding>> {
    let texts = candidate.tree().iter();
    let texts = texts.filter_map(|(path, _)| Some((path, candidate.tree().text(path.as_str())?)));
    let mut findings: Vec<Finding> =
        texts.flat_map(|(path, text)| quoted(spec, gate, path.as_str(), text)).collect();
    let wrong = |(file, problem): (String, Problem)| Finding {
        file: Some(file),
        line: u32::try_from(problem.line).ok().filter(|line| *line > 0),
        remedy: problem.help,
        ..finding(gate, "suite", problem.message)
    };
    match about::suites(spec, code, candidate.tree()) {
        Ok(suites) if findings.is_empty() => return Ok(suites),
        Ok(_) => {}
        Err(problems) => findings.extend(problems.into_iter().map(wrong)),
    }
    Err(findings)
}

/// Lines of held-out examples, which a suite must not have: they would not be held out any more.
fn quoted(spec: &Spec, gate: &GateName, path: &str, text: &str) -> Vec<Finding> {
    /// Shorter lines can be there by chance.
    const SHORTEST: usize = 12;
    let clauses = spec.clauses.iter();
    let hidden = clauses.flat_map(|clause| clause.examples.iter().map(move |one| (clause, one)));
    let hidden = hidden.filter(|(_, example)| example.hidden);
    let lines =
        hidden.flat_map(|(clause, example)| example.code.lines().map(move |l| (clause, l.trim())));
    let found = lines.filter(|(_, line)| line.len() >= SHORTEST).filter_map(|(clause, line)| {
        let at = text.lines().position(|one| one.contains(line))?;
        Some(Finding {
            file: Some(path.to_owned()),
            line: u32::try_from(at + 1).ok(),
            clauses: vec![clause.id.clone()],
            remedy: Some("test the clause with other values".to_owned()),
            ..finding(gate, "held-out", "this line is a held-out example".to_owned())
        })
    });
    found.collect()
}

/// Tests without a clause, and clauses without a test.
fn unnamed(spec: &Spec, gate: &GateName, suites: &[Suite]) -> Vec<Finding> {
    let tests = || suites.iter().flat_map(|suite| suite.tests.iter().map(move |one| (suite, one)));
    let stray = tests().filter(|(_, test)| test.clause.is_none()).map(|(suite, test)| Finding {
        file: Some(suite.file().to_owned()),
        remedy: Some("begin its name with the name of the clause that it shows".to_owned()),
        ..finding(gate, "name", format!("the test `{}` names no clause", test.name))
    });
    let covered: BTreeSet<_> = tests().filter_map(|(_, test)| test.clause.as_ref()).collect();
    let demanded = spec.clauses.iter().filter(|clause| clause.is_demanded());
    let bare = demanded.filter(|clause| !covered.contains(&clause.id)).map(|clause| Finding {
        clauses: vec![clause.id.clone()],
        remedy: Some("add a test that fails if the clause does not hold".to_owned()),
        ..finding(gate, "clause", format!("no test shows the clause `{}`", clause.id))
    });
    stray.chain(bare).collect()
}

/// Names with which a test could see that it runs over changed code, or that make its result depend
/// on when and where it runs. What the code has in its signatures is not meant.
const PEEKS: [&str; 13] = [
    "env",
    "option_env",
    "process",
    "include",
    "include_str",
    "include_bytes",
    "cfg",
    "SystemTime",
    "Instant",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
];

/// Tests that look around. A program has no items: its tests start it.
fn peeking(gate: &GateName, suites: &[Suite], items: &[String]) -> Vec<Finding> {
    let of_code = |word: &str| items.iter().any(|item| item.contains(word));
    let peeks = |test: &Expected| {
        PEEKS.into_iter().find(|word| test.words.contains(*word) && !of_code(word))
    };
    let tests = suites.iter().flat_map(|suite| suite.tests.iter().map(move |one| (suite, one)));
    let tests = tests.filter(|_| !items.is_empty());
    let found = tests.filter_map(|(suite, test)| Some((suite, test, peeks(test)?)));
    let found = found.map(|(suite, test, word)| Finding {
        file: Some(suite.file().to_owned()),
        remedy: Some("call the code and compare what it gives".to_owned()),
        ..finding(gate, "peeks", format!("the test `{}` uses `{word}`", test.name))
    });
    found.collect()
}

/// What the proof says of the suite. A change that the spec's examples notice must be noticed, and
/// a clause that the tests of the code show must be shown.
fn proven(
    gate: &GateName,
    mut proof: GateResult,
    by_examples: &BTreeSet<CodeChange>,
    shown: &BTreeSet<String>,
) -> GateResult {
    let blocks = |one: &Finding| {
        let is_missed = one.rule == UNNOTICED && by_examples.contains(&change(one));
        let is_shown = |clause: &ClauseId| shown.contains(clause.name());
        let is_open = one.rule == UNDECIDED && one.clauses.iter().any(is_shown);
        is_missed || is_open || one.rule == WEAK || one.rule.starts_with(VACUOUS)
    };
    let (mut refused, notes): (Vec<_>, Vec<_>) = proof.findings.into_iter().partition(blocks);
    for one in &mut refused {
        one.gate.clone_from(gate);
        if one.rule == UNNOTICED {
            one.remedy = Some("add a test that fails then: the examples of the spec do".to_owned());
        }
    }
    if proof.outcome.is_none() || proof.outcome == Some(Outcome::Pass) {
        proof.outcome = refused.is_empty().then_some(Outcome::Pass);
    }
    proof.findings = refused.into_iter().chain(notes).collect();
    proof
}

/// Where the suite is in the candidate, in place of where it is mounted.
fn at_home(one: &mut Finding) {
    let file = one.file.take();
    one.file = file.map(|file| file.strip_prefix("tests/").unwrap_or(&file).to_owned());
}
