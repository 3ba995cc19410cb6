//! The findings of a check.

use serde::Serialize;

use crate::types::{ClauseId, Problem, Span, SpecId, TargetName};

/// The kind of a flaw; `cli::exit` maps each to an exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlawKind {
    /// Differs from what was accepted, or violates the policy.
    #[default]
    Drift,
    /// A spec is refused.
    SpecRefused,
    /// A gate that ran again rejected the tree.
    GateFailed,
    /// A gate that ran again failed to give a result.
    GateBroken,
    /// A limit of the budget stopped new samples.
    OverBudget,
}

/// A difference from what was accepted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flaw {
    /// Its kind.
    #[serde(skip)]
    pub kind: FlawKind,
    /// The spec; empty for a flaw of the whole workspace.
    pub spec: SpecId,
    /// The target; empty for all targets of the spec.
    pub target: TargetName,
    /// The clause, of a flaw of behaviour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<ClauseId>,
    /// The problem, its place, and a command that fixes it.
    #[serde(flatten)]
    pub problem: Problem,
}

/// Quotes a name for a shell command in a hint.
pub(super) fn quoted(name: &str) -> String {
    shlex::try_quote(name).unwrap_or_default().into_owned()
}

impl Flaw {
    /// An interrupted promotion that was not recovered yet.
    pub fn interrupted() -> Self {
        let message = "a promotion was interrupted; generated/ may be incomplete";
        Self::of_workspace("interrupted", message).at(".regen").hint("regen run")
    }

    /// A flaw of the whole workspace.
    pub(super) fn of_workspace(code: &str, message: impl Into<String>) -> Self {
        Self::of_spec(&SpecId::default(), code, message)
    }

    /// A flaw of a spec with all its targets.
    pub(super) fn of_spec(spec: &SpecId, code: &str, message: impl Into<String>) -> Self {
        Self::new((spec, &TargetName::default()), code, message)
    }

    pub(super) fn new(at: (&SpecId, &TargetName), code: &str, message: impl Into<String>) -> Self {
        let problem = Problem::error(&format!("check::{code}"), message);
        let (spec, target) = (at.0.clone(), at.1.clone());
        Self { kind: FlawKind::Drift, spec, target, clause: None, problem }
    }

    pub(super) fn at(mut self, file: impl Into<String>) -> Self {
        self.problem = self.problem.file(file);
        self
    }

    /// Points at a span of a spec, whose line is known.
    pub(super) fn span(mut self, file: &str, span: Span, line: usize) -> Self {
        self.problem = Problem { span: Some(span), line, ..self.problem }.file(file);
        self
    }

    pub(super) fn hint(mut self, command: impl Into<String>) -> Self {
        self.problem = self.problem.help(command);
        self
    }
}
