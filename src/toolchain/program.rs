//! How a language starts candidates that are programs.

use super::commands::{Places, ToolCommand};
use crate::types::Spec;

/// How a language starts a candidate that is a program.
pub trait ProgramLanguage: Sync {
    /// The commands that build it.
    fn build(&self, places: &Places) -> Vec<ToolCommand>;

    /// The command that runs it.
    fn run(&self, spec: &Spec, args: &[String], places: &Places) -> ToolCommand;
}
