//! Candidates that are programs: Node runs their main module, without its types.

use super::commands;
use super::package::Dialect;
use crate::toolchain::{Places, ProgramLanguage, ToolCommand};
use crate::types::Spec;

/// What only programs may use, whatever effects are granted.
pub const OF_PROGRAMS: [&str; 4] =
    ["process.argv", "process.exit", "process.exitCode", "await at the top of a module"];

/// What only services may use, whatever effects are granted.
pub const OF_SERVICES: [&str; 3] = ["import of node:http", "process.env", "process.on"];

/// Programs in a language.
pub struct ScriptProgram(pub Dialect);

impl ProgramLanguage for ScriptProgram {
    fn build(&self, places: &Places) -> Vec<ToolCommand> {
        vec![commands::strip(places, self.0)]
    }

    fn run(&self, _spec: &Spec, args: &[String], places: &Places) -> ToolCommand {
        let main = commands::out(places) + "/src/main.js";
        let program = places.tools.join("bin/node");
        let args = [main].into_iter().chain(args.iter().cloned()).collect();
        ToolCommand { program, args, ..ToolCommand::default() }
    }
}
