//! The interface of a language's check of effects.

use std::collections::BTreeSet;

use super::commands::{Places, ToolCommand, ToolOutput};
use crate::types::{CodeEffect, Finding, GateName, Spec, Target, Tree};

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct EffectSubject<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// The target.
    pub target: &'a Target,
    /// The candidate, normalised.
    pub tree: &'a Tree,
}

/// Finds the effects of a candidate's own code, in a room without tests. Nothing that is built there
/// is run or promoted.
pub trait EffectRules: Sync {
    /// The effects that a spec and its target grant. Programs have others by being programs.
    fn granted(&self, spec: &Spec, target: &Target) -> BTreeSet<CodeEffect>;

    /// The harness's own files of that room, beside those of a workspace.
    fn files(&self, subject: EffectSubject<'_>) -> Vec<(String, Vec<u8>)>;

    /// The commands, in order.
    fn commands(&self, subject: EffectSubject<'_>, places: &Places) -> Vec<ToolCommand>;

    /// Parses the outputs of all commands.
    ///
    /// # Errors
    /// A tool failed, which says nothing about the candidate.
    fn read(
        &self,
        gate: &GateName,
        subject: EffectSubject<'_>,
        outputs: &[ToolOutput],
    ) -> Result<Vec<Finding>, String>;
}

/// Findings of one gate, each once. Those of effects belong to the clauses that grant some.
pub fn told_once(gate: &GateName, spec: &Spec, mut findings: Vec<Finding>) -> Vec<Finding> {
    let clauses = spec.clauses.iter();
    let granting = clauses.filter(|one| one.bindings.iter().any(|b| b.effects().is_some()));
    let granting: Vec<_> = granting.map(|clause| clause.id.clone()).collect();
    for finding in &mut findings {
        finding.gate = gate.to_owned();
        if finding.rule.starts_with("effect: ") {
            finding.clauses.clone_from(&granting);
        }
    }
    let mut told = BTreeSet::new();
    findings.retain(|one| {
        told.insert((one.file.clone(), one.line, one.rule.clone(), one.message.clone()))
    });
    findings
}
