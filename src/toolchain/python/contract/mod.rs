//! A contract in Python: `contract.py`, functions of the package, a driver.

mod adapter;
mod names;
mod surface;
mod types_file;

pub use surface::check as surface;
pub use types_file::text as types_text;

use super::{commands, package};
use crate::toolchain::{
    BuildKind, ContractLanguage, ContractWords, Places, TestProgram, ToolCommand,
};
use crate::types::interface::WitFunction;
use crate::types::{Finding, GateName, Interface, Problem, RelPath, Spec, Target, Tree};

/// Contracts in Python.
pub struct PythonContract;

impl ContractLanguage for PythonContract {
    fn check(&self, _spec: &Spec, interface: &Interface, _target: &Target) -> Vec<Problem> {
        names::clashes(interface)
    }

    fn types(&self, spec: &Spec, interface: &Interface) -> Option<(RelPath, String)> {
        Some((package::file(spec, "contract.py"), types_file::text(interface)?))
    }

    fn signatures(&self, interface: &Interface) -> Vec<String> {
        names::signatures(interface)
    }

    fn signature(&self, interface: &Interface, function: &WitFunction) -> String {
        names::signature(interface, function)
    }

    fn words(&self) -> ContractWords {
        ContractWords {
            items: "The package has exactly these public items, and `__all__` names them:",
            types: "use its types with `from .contract import …`:",
        }
    }

    /// What the package declares is listed by the interpreter's own parser, with the effects.
    fn surface(
        &self,
        _gate: &GateName,
        _spec: &Spec,
        _interface: &Interface,
        _tree: &Tree,
    ) -> Vec<Finding> {
        Vec::new()
    }

    fn interface_lints(&self) -> &'static [&'static str] {
        // A parameter with a name like `l`.
        &["E741"]
    }

    fn adapter(&self, spec: &Spec, interface: &Interface) -> Vec<(String, Vec<u8>)> {
        vec![(adapter::ADAPTER.to_owned(), adapter::text(spec, interface).into_bytes())]
    }

    fn build(&self, _kind: BuildKind, places: &Places) -> Vec<ToolCommand> {
        vec![commands::run(&[adapter::ADAPTER, &commands::site(places), "load"], places)]
    }

    fn run(&self, _programs: &[TestProgram], places: &Places) -> Option<ToolCommand> {
        Some(commands::run(&[adapter::ADAPTER, &commands::site(places)], places))
    }
}
