//! A contract: `contract.ts` or `contract.js`, functions of the package, a driver.

mod adapter;
mod names;
pub mod surface;
mod types_file;

pub use types_file::text as types_text;

use super::commands;
use super::package::{Dialect, plain};
use crate::toolchain::{
    BuildKind, ContractLanguage, ContractWords, Places, TestProgram, ToolCommand,
};
use crate::types::interface::WitFunction;
use crate::types::{Finding, GateName, Interface, Problem, RelPath, Spec, Target, Tree};

/// Contracts in a language.
pub struct ScriptContract(pub Dialect);

impl ContractLanguage for ScriptContract {
    fn check(&self, _spec: &Spec, interface: &Interface, _target: &Target) -> Vec<Problem> {
        names::clashes(interface)
    }

    fn types(&self, _spec: &Spec, interface: &Interface) -> Option<(RelPath, String)> {
        Some((plain(self.0.types()), types_file::text(interface, self.0)?))
    }

    fn signatures(&self, interface: &Interface) -> Vec<String> {
        names::signatures(interface, self.0)
    }

    fn signature(&self, interface: &Interface, function: &WitFunction) -> String {
        names::signature(interface, function, self.0)
    }

    fn words(&self) -> ContractWords {
        ContractWords {
            items: "The package exports exactly these public items:",
            types: self.0.choose(
                "use its types with `from \"./contract.ts\"`:",
                "use its types with `@import { … } from \"./contract.js\"` in documentation:",
            ),
        }
    }

    /// The type checker compares public items, with the effects.
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
        &[]
    }

    fn adapter(&self, _spec: &Spec, interface: &Interface) -> Vec<(String, Vec<u8>)> {
        adapter::files(interface, self.0)
    }

    fn build(&self, _kind: BuildKind, places: &Places) -> Vec<ToolCommand> {
        adapter::build(places, self.0)
    }

    fn run(&self, _programs: &[TestProgram], places: &Places) -> Option<ToolCommand> {
        Some(commands::run("", adapter::args(places), places))
    }
}
