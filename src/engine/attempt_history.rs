//! The history of an attempt, for its prompt.

use crate::pipeline::{Attempt, AttemptFailure, State};
use crate::types::{AttemptKind, Digest, Finding};

/// Earlier attempts, as far as a prompt shows them.
#[derive(Default)]
pub struct History {
    /// The tree to repair.
    pub candidate: Option<Digest>,
    /// The findings of its gates.
    pub findings: Vec<Finding>,
    /// The problem of the last answer.
    pub problem: Option<String>,
    /// Results of earlier attempts, one line each.
    pub tried: Vec<String>,
}

impl History {
    /// Gathers the history.
    pub fn of(state: &State, attempt: &Attempt) -> Self {
        let mut history = Self::default();
        let before: Vec<&Attempt> =
            state.calls(attempt.part).filter(|a| a.number < attempt.number).collect();
        if let Some(last) = before.last() {
            history.problem = match &last.failed {
                Some(
                    AttemptFailure::Malformed { message, .. } | AttemptFailure::Truncated(message),
                ) => Some(message.clone()),
                _ => None,
            };
        }
        let starts = matches!(attempt.kind, AttemptKind::Generate | AttemptKind::Fresh);
        let segment = before
            .iter()
            .rev()
            .find(|a| matches!(a.kind, AttemptKind::Generate | AttemptKind::Fresh))
            .map_or(0, |a| a.number);
        let mut refused = before.iter().rev().filter_map(|a| match (&a.failed, a.tree) {
            (Some(AttemptFailure::Refused(diagnosis)), Some(tree)) => {
                Some((a.number, tree, diagnosis))
            }
            _ => None,
        });
        if !starts
            && let Some((_, tree, diagnosis)) =
                refused.clone().next().filter(|(number, ..)| *number >= segment)
        {
            refused.next();
            history.candidate = Some(tree);
            history.findings.clone_from(&diagnosis.findings);
        }
        if starts {
            history.problem = None;
        }
        // Why the promoted tree failed when checked again is shown in every prompt.
        let revalidated = state.attempts.iter().find_map(|a| match &a.failed {
            Some(AttemptFailure::Refused(diagnosis))
                if a.part == attempt.part && a.kind == AttemptKind::Revalidate =>
            {
                Some(&diagnosis.summary)
            }
            _ => None,
        });
        let summaries = refused.map(|(_, _, diagnosis)| &diagnosis.summary).chain(revalidated);
        history.tried = summaries.map(|summary| summary.chars().take(160).collect()).collect();
        history.tried.reverse();
        history.tried.dedup();
        history
    }
}
