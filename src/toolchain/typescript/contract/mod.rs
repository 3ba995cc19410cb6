//! A contract in TypeScript: `contract.ts`, functions of the package, a driver.

mod adapter;
mod names;
pub mod surface;
mod types_file;

use super::{commands, package};
use crate::toolchain::{
    BuildKind, ContractLanguage, ContractWords, Places, TestProgram, ToolCommand,
};
use crate::types::interface::WitFunction;
use crate::types::{Finding, GateName, Interface, Problem, RelPath, Spec, Target, Tree};

/// Contracts in TypeScript.
pub struct TypeScriptContract;

impl ContractLanguage for TypeScriptContract {
    fn check(&self, _spec: &Spec, interface: &Interface, _target: &Target) -> Vec<Problem> {
        names::clashes(interface)
    }

    fn types(&self, _spec: &Spec, interface: &Interface) -> Option<(RelPath, String)> {
        Some((package::plain(package::TYPES), types_file::text(interface)?))
    }

    fn signatures(&self, interface: &Interface) -> Vec<String> {
        names::signatures(interface)
    }

    fn signature(&self, interface: &Interface, function: &WitFunction) -> String {
        names::signature(interface, function)
    }

    fn words(&self) -> ContractWords {
        ContractWords {
            items: "The package exports exactly these public items:",
            types: "use its types with `from \"./contract.ts\"`:",
        }
    }

    /// The type checker compares public items, with the effects.
    fn surface(&self, _gate: &GateName, _tree: &Tree, _interface: &Interface) -> Vec<Finding> {
        Vec::new()
    }

    fn interface_lints(&self) -> &'static [&'static str] {
        &[]
    }

    fn adapter(&self, spec: &Spec, interface: &Interface) -> Vec<(String, Vec<u8>)> {
        adapter::files(spec, interface)
    }

    fn build(&self, _kind: BuildKind, places: &Places) -> Vec<ToolCommand> {
        adapter::build(places)
    }

    fn run(&self, _programs: &[TestProgram], places: &Places) -> Option<ToolCommand> {
        Some(commands::run("", adapter::args(places), places))
    }
}
