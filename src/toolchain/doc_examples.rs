//! The interface of a language's tests in documentation.

use super::commands::{Places, ToolCommand, ToolOutput};
use crate::types::{Finding, GateName, Tree};

/// Runs the examples in a candidate's documentation. They must pass, and prove no clause.
pub trait DocTests: Sync {
    /// Whether a candidate may have some. Without, nothing is started.
    fn may_have(&self, tree: &Tree) -> bool;

    /// The command that builds what they use.
    fn build(&self, places: &Places) -> ToolCommand;

    /// The command that runs them.
    fn run(&self, places: &Places) -> ToolCommand;

    /// Parses its output: a finding for each one that fails.
    ///
    /// # Errors
    /// The tool failed, which says nothing about the candidate.
    fn read(&self, gate: &GateName, output: &ToolOutput) -> Result<Vec<Finding>, String>;
}
