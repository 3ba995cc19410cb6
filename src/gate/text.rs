//! Compares a text with its spec and the code that it is about, and runs its blocks over that code.

use std::collections::BTreeSet;

use super::context::GateContext;
use super::gate_inputs::CodeInputs;
use super::over_code::{OverCode, TextContext, proven};
use super::result::{GateResult, finding};
use super::{red_proof, suite_text, test_gates};
use crate::contract::{check_example, is_neutral};
use crate::toolchain::prose::TextShape;
use crate::toolchain::prose::page::PageBlock;
use crate::toolchain::prose::rules::{self, TextFacts};
use crate::toolchain::{self, TextForm, UNSEEN, about};
use crate::types::{
    Candidate, ClauseId, Finding, GateName, Problem, Provenance, Severity, Spec, TestResult,
};

/// Applies the rules for pages, and runs their blocks.
pub async fn run(context: &GateContext<'_>, gate: &GateName, candidate: &Candidate) -> GateResult {
    match TextContext::of(context) {
        Some(of) if of.form == TextForm::Tests => {
            suite_text::run(context, gate, candidate, &of).await
        }
        Some(of) => {
            let mut seen = check(context, gate, candidate, &of);
            seen = seen.and(run_blocks(context, gate, candidate, &of).await);
            seen.findings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            seen
        }
        None => GateResult::error("the code that the text is about is not promoted"),
    }
}

fn check(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    of: &TextContext<'_>,
) -> GateResult {
    let TextContext { form, code, tree } = *of;
    let items = about::items(context.spec, &code.target, &tree.tree);
    let run = about::run_languages(context.spec, &code.target);
    let proven = proven(context.spec, context.unproven);
    let versions = about::versions(&code.target, &tree.tree);
    let shape = TextShape::of(context.target);
    let beside = context.linked.iter().filter(|one| one.link.is_text_of(&context.spec.id));
    let beside: Vec<_> = beside.map(|one| (one.link.at.as_str(), &one.tree)).collect();
    let facts = TextFacts {
        spec: context.spec,
        proven: &proven,
        items: &items,
        run: &run,
        versions: &versions,
        shape: &shape,
        beside: &beside,
    };
    GateResult::fail(rules::check(gate, form, candidate.tree(), &facts))
}

/// Runs the blocks of pages as examples of the code.
async fn run_blocks(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    of: &TextContext<'_>,
) -> GateResult {
    let TextContext { form, code, .. } = *of;
    let (spec, blocks) = about::spec_of_blocks(context.spec, &code.target, form, candidate.tree());
    if blocks.is_empty() {
        return GateResult::default();
    }
    let unread = unread(gate, &spec, code, &blocks);
    if !unread.is_empty() {
        return GateResult::fail(unread);
    }
    let room = OverCode::new(context, of, spec, &[]);
    let over_code = room.context(context);
    let own = &room.candidate;
    let mut seen = test_gates::blocks(&over_code, gate, own).await;
    let is_fresh = *candidate.provenance() != Provenance::Promoted;
    if is_fresh && seen.outcome.is_none() && seen.findings.is_empty() {
        seen = seen.and(idle(&over_code, gate, own, form, &blocks).await);
    }
    told(seen, form, &blocks)
}

/// Finds blocks that pass without the code. In a tutorial the last block of a language has all
/// others before it.
async fn idle(
    over_code: &GateContext<'_>,
    gate: &GateName,
    own: &Candidate,
    form: TextForm,
    blocks: &[PageBlock],
) -> GateResult {
    let idle = match &over_code.examples.visible {
        Some(suite) => red_proof::idle(over_code, own, std::slice::from_ref(suite)).await,
        None => return GateResult::default(),
    };
    let idle = match idle {
        Ok(idle) => idle,
        Err(seen) => return seen,
    };
    let is_last = |id: &ClauseId| {
        let Some(at) = about::block_of(id.name()) else { return false };
        let one = &blocks[at];
        let mut later = blocks[at + 1..].iter();
        form != TextForm::Tutorial
            || !later.any(|other| (&other.file, &other.language) == (&one.file, &one.language))
    };
    let found = |id: ClauseId| Finding {
        clauses: vec![id],
        remedy: Some(
            "compare what an item of the code gives, or begin it with ```` ```text ````".to_owned(),
        ),
        ..finding(gate, "block", "the block passes without the code".to_owned())
    };
    GateResult::fail(idle.into_iter().filter(is_last).map(found).collect())
}

/// The assertion that did nothing, if a block fails for one, and its line.
fn unseen(one: &Finding, block: &PageBlock) -> Option<(String, u32)> {
    let told = one.message.lines().rev().find(|line| line.ends_with(UNSEEN))?;
    let (_, told) = told.strip_suffix(UNSEEN)?.split_once('`')?;
    let line = told.trim_end().strip_suffix('`')?;
    let at = block.code.lines().position(|one| one.trim().starts_with(line));
    let at = at.and_then(|at| u32::try_from(at).ok()).unwrap_or(0);
    Some((format!("`{line}` {UNSEEN}"), block.line + at))
}

/// What of the blocks cannot be run, or shows nothing.
fn unread(gate: &GateName, spec: &Spec, code: &CodeInputs, blocks: &[PageBlock]) -> Vec<Finding> {
    let of_block = |(at, block): (usize, &PageBlock)| {
        let example = &spec.clauses[at].examples[0];
        if let Some(interface) = spec.contract.as_ref().filter(|_| is_neutral(&block.language)) {
            let error = check_example(interface, example).err()?;
            let before = example.code.lines().count() - block.code.lines().count();
            let mut problem = Problem::error("contract::example", error.message);
            problem.line = example.line + error.line.saturating_sub(before);
            let help =
                "write the values of the specification's examples; see docs/formats/contract.md";
            return Some(unusable(gate, block, problem.help(help)));
        }
        let alone = Spec { clauses: vec![spec.clauses[at].clone()], ..spec.clone() };
        let problems = toolchain::check(&alone, &code.target, &[]);
        let first = problems.into_iter().find(|one| one.severity == Severity::Error)?;
        Some(unusable(gate, block, first))
    };
    blocks.iter().enumerate().filter_map(of_block).collect()
}

fn unusable(gate: &GateName, block: &PageBlock, problem: Problem) -> Finding {
    let lines = block.line..block.line + block.code.lines().count() as u32;
    let line = u32::try_from(problem.line).ok().filter(|line| lines.contains(line));
    Finding {
        file: Some(block.file.clone()),
        line: Some(line.unwrap_or(block.line)),
        remedy: problem.help,
        ..finding(gate, "block", problem.message)
    }
}

/// Puts the places of blocks into what was found. In a tutorial all blocks after the first that
/// fails say the same.
fn told(mut seen: GateResult, form: TextForm, blocks: &[PageBlock]) -> GateResult {
    let block = |name: &str| blocks.get(about::block_of(name)?);
    for one in &mut seen.findings {
        let own = one.clauses.iter().find_map(|id| block(id.name()));
        if let Some(own) = own {
            (one.file, one.line) = (Some(own.file.clone()), Some(own.line));
            one.rule = "block".to_owned();
            // Where the harness puts blocks is not where the page has them.
            let said = one.message.split_once(":\n").filter(|(at, _)| at.contains("panicked at"));
            let said =
                said.or(one.message.split_once('\n')).filter(|(at, _)| at.contains("panicked at"));
            one.message = said.map_or(one.message.clone(), |(_, said)| said.to_owned());
            if let Some((message, line)) = unseen(one, own) {
                (one.message, one.line) = (message, Some(line));
                let remedy =
                    "write it where it always runs: keep an error in a variable and compare it";
                one.remedy = Some(remedy.to_owned());
            }
        }
        one.clauses.clear();
    }
    if form == TextForm::Tutorial {
        seen.findings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let mut files = BTreeSet::new();
        seen.findings.retain(|one| files.insert(one.file.clone()));
    }
    let named = |test: TestResult| {
        let leaf = test.name.rsplit("::").next().unwrap_or_default();
        let own = block(leaf.split("__").next().unwrap_or_default());
        let name = own.map_or(test.name.clone(), |own| format!("{}:{}", own.file, own.line));
        TestResult { name, ..test }
    };
    seen.tests = seen.tests.into_iter().map(named).collect();
    seen.red.clear();
    seen
}
