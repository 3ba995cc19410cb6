//! A contract in Rust: `src/contract.rs`, functions at the root of the crate, an adapter.

mod adapter;
mod names;
mod surface;
mod types_file;

use super::commands::bare;
use super::options::{CrateType, RustOptions};
use crate::toolchain::{ContractLanguage, Places, TestProgram, ToolCommand};
use crate::types::interface::WitFunction;
use crate::types::{Finding, GateName, Interface, Problem, RelPath, Spec, Target, Tree};

/// The file of the contract's types.
pub const TYPES: &str = "src/contract.rs";
/// The file of the adapter.
pub const ADAPTER: &str = "examples/regen_adapter.rs";

/// Contracts in Rust.
pub struct RustContract;

impl ContractLanguage for RustContract {
    fn check(&self, _spec: &Spec, interface: &Interface, target: &Target) -> Vec<Problem> {
        let mut problems = names::clashes(interface);
        if RustOptions::of(target).crate_type == CrateType::Bin {
            let message = "a program has no contract";
            let problem = Problem::error("contract::program", message);
            problems.push(problem.help(
                "set `crate_type = \"lib\"` for the target, or describe the program with `console` \
                 examples",
            ));
        }
        problems
    }

    fn types(&self, interface: &Interface) -> Option<(RelPath, String)> {
        let text = types_file::text(interface)?;
        Some((RelPath::parse(TYPES).expect("it is a plain path"), text))
    }

    fn signatures(&self, interface: &Interface) -> Vec<String> {
        names::signatures(interface)
    }

    fn signature(&self, interface: &Interface, function: &WitFunction) -> String {
        names::signature(interface, function)
    }

    fn surface(&self, gate: &GateName, tree: &Tree, interface: &Interface) -> Vec<Finding> {
        surface::check(gate, tree, interface)
    }

    fn adapter(&self, spec: &Spec, interface: &Interface) -> Vec<(String, Vec<u8>)> {
        let text = adapter::text(&super::package::crate_name(spec), interface);
        vec![(ADAPTER.to_owned(), text.into_bytes())]
    }

    fn build(&self, places: &Places) -> Vec<ToolCommand> {
        let args = [
            "build",
            "--example",
            "regen_adapter",
            "--offline",
            "--message-format=json",
            "--quiet",
        ];
        vec![bare(&args, places)]
    }

    fn run(&self, programs: &[TestProgram], _places: &Places) -> Option<ToolCommand> {
        let program = programs.iter().find(|program| program.source == ADAPTER)?;
        Some(ToolCommand { program: program.executable.clone().into(), ..ToolCommand::default() })
    }
}
