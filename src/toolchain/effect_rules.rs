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

impl EffectSubject<'_> {
    /// What to import instead of something that is not there, with the specs that it depends on.
    pub fn with_depends(&self, remedy: String) -> String {
        match self.spec.depends.join(", ") {
            names if names.is_empty() => remedy,
            names => format!("{remedy}; of other specifications use only the code of: {names}"),
        }
    }
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

/// Findings of one gate, each once. Those of effects belong to the clauses that grant some, and say
/// the line of the front matter that would grant all that are missing.
pub fn told_once(gate: &GateName, spec: &Spec, mut findings: Vec<Finding>) -> Vec<Finding> {
    let clauses = spec.clauses.iter();
    let granting = clauses.filter(|one| one.bindings.iter().any(|b| b.effects().is_some()));
    let granting: Vec<_> = granting.map(|clause| clause.id.clone()).collect();
    let needs = |finding: &Finding| {
        let word = finding.rule.strip_prefix("effect: ")?;
        CodeEffect::ALL.into_iter().find(|effect| effect.word() == word)
    };
    let missing: BTreeSet<CodeEffect> = findings.iter().filter_map(needs).collect();
    let line = CodeEffect::list(spec.effects.union(&missing).copied());
    let what = if missing.len() > 1 { "all that is missing" } else { "it" };
    for finding in &mut findings {
        finding.gate = gate.to_owned();
        if needs(finding).is_some() {
            finding.clauses.clone_from(&granting);
            finding.message +=
                &format!(" (`effects: [{line}]` in its front matter would grant {what})");
        }
    }
    let mut told = BTreeSet::new();
    findings.retain(|one| {
        told.insert((one.file.clone(), one.line, one.rule.clone(), one.message.clone()))
    });
    findings
}

/// What is said of a use that needs an effect which is not granted.
pub fn missing_effect(what: &str, effect: CodeEffect, granted: &BTreeSet<CodeEffect>) -> String {
    let has = match granted.len() {
        0 => "grants no effects".to_owned(),
        _ => format!("grants only: {}", CodeEffect::list(granted.iter().copied())),
    };
    let word = effect.word();
    format!("{what} needs the effect `{word}`; the specification {has}")
}

/// The sentence on effects for a prompt. `opens` says what an effect opens.
pub fn effects_sentence(
    open: &BTreeSet<CodeEffect>,
    opens: fn(CodeEffect) -> &'static str,
) -> String {
    // "From arguments alone" already excludes state.
    let told = |effect: &CodeEffect| !open.contains(effect) && *effect != CodeEffect::State;
    let closed: Vec<&str> = CodeEffect::ALL.into_iter().filter(told).map(opens).collect();
    let may = match open.len() {
        0 => "Compute results from arguments alone".to_owned(),
        _ => {
            let open: Vec<&str> = open.iter().copied().map(opens).collect();
            format!("The code may use: {}", open.join(", "))
        }
    };
    let not = match closed.len() {
        0 => String::new(),
        _ => format!("; not allowed: {}", closed.join(", ")),
    };
    format!("{may}{not}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec_for_tests::spec;

    #[test]
    fn the_line_grants_all_that_is_missing() {
        let text = "---\neffects: [fs]\n---\n# S\n\n- It MUST. `test_id: a`\n\n  ```rust\n  assert!(true);\n  ```\n";
        let (spec, _) = spec(text);
        let finding = |effect: CodeEffect| Finding {
            rule: format!("effect: {}", effect.word()),
            message: missing_effect("it", effect, &spec.effects),
            ..Finding::default()
        };
        let all = vec![finding(CodeEffect::Env), finding(CodeEffect::State)];
        let told = told_once(&"check".into(), &spec, all);
        for (one, word) in told.iter().zip(["env", "state"]) {
            let wanted = format!(
                "it needs the effect `{word}`; the specification grants only: fs (`effects: [fs, env, \
                 state]` in its front matter would grant all that is missing)"
            );
            assert_eq!(one.message, wanted);
        }
    }
}
