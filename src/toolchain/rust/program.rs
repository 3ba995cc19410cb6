//! Candidates that are services: the program that cargo builds, which runs alone.

use super::commands;
use crate::toolchain::{Places, ProgramLanguage, Sees, ToolCommand};
use crate::types::Spec;

/// Programs in Rust.
pub struct RustProgram;

impl ProgramLanguage for RustProgram {
    fn build(&self, places: &Places) -> Vec<ToolCommand> {
        vec![commands::cargo(vec!["build", "--bins"], places)]
    }

    fn run(&self, spec: &Spec, args: &[String], places: &Places) -> ToolCommand {
        ToolCommand {
            program: places.build.join("debug").join(spec.id.package()),
            args: args.to_vec(),
            sees: Sees::Itself(Vec::new()),
            ..ToolCommand::default()
        }
    }
}
