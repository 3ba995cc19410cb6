//! What a check finds.

use serde::Serialize;

use crate::types::{Problem, Span, SpecId, TargetName};

/// What kind of flaw it is: `cli::exit` maps each to an exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlawKind {
    /// Something is not as it was accepted, or not as a policy demands.
    #[default]
    Drift,
    /// A spec is refused.
    SpecRefused,
    /// A gate that ran again rejected the tree.
    GateFailed,
    /// A gate that ran again could not do its work.
    GateBroken,
}

/// Something that is not as it was accepted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flaw {
    /// Its kind.
    #[serde(skip)]
    pub kind: FlawKind,
    /// The spec; empty for what belongs to none.
    pub spec: SpecId,
    /// The target; empty when it is all of them.
    pub target: TargetName,
    /// What is wrong, where, and the command that fixes it.
    #[serde(flatten)]
    pub problem: Problem,
}

/// A name in a command that a person may run.
pub(super) fn quoted(name: &str) -> String {
    shlex::try_quote(name).unwrap_or_default().into_owned()
}

impl Flaw {
    /// A promotion was cut off, and nobody has finished it.
    pub fn interrupted() -> Self {
        let message = "a promotion was interrupted: what stands may be half of it";
        Self::of_workspace("interrupted", message).at(".regen").hint("regen run")
    }

    /// Of the workspace as a whole.
    pub(super) fn of_workspace(code: &str, message: impl Into<String>) -> Self {
        Self::of_spec(&SpecId::default(), code, message)
    }

    /// Of a spec with all its targets.
    pub(super) fn of_spec(spec: &SpecId, code: &str, message: impl Into<String>) -> Self {
        Self::new((spec, &TargetName::default()), code, message)
    }

    pub(super) fn new(at: (&SpecId, &TargetName), code: &str, message: impl Into<String>) -> Self {
        let problem = Problem::error(&format!("check::{code}"), message);
        Self { kind: FlawKind::Drift, spec: at.0.clone(), target: at.1.clone(), problem }
    }

    pub(super) fn at(mut self, file: impl Into<String>) -> Self {
        self.problem = self.problem.file(file);
        self
    }

    /// In a spec, whose line is known.
    pub(super) fn span(mut self, file: &str, span: Span, line: usize) -> Self {
        self.problem = Problem { span: Some(span), line, ..self.problem }.file(file);
        self
    }

    pub(super) fn hint(mut self, command: impl Into<String>) -> Self {
        self.problem = self.problem.help(command);
        self
    }
}
