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
