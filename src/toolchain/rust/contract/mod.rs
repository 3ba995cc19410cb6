//! A contract in Rust: `src/contract.rs`, functions at the root of the crate, an adapter.

mod adapter;
mod names;
mod surface;
mod types_file;

pub use adapter::ADAPTER;

use super::builds;
use super::options::{CrateType, RustOptions};
use crate::toolchain::{
    BuildKind, ContractLanguage, ContractWords, Places, Sees, TestProgram, ToolCommand,
};
use crate::types::interface::WitFunction;
use crate::types::{Finding, GateName, Interface, Problem, RelPath, Spec, Target, Tree};

/// Lints about names, parameters and results of public items.
const INTERFACE_LINTS: [&str; 16] = [
    "clippy::enum_variant_names",
    "clippy::inherent_to_string",
    "clippy::large_enum_variant",
    "clippy::len_without_is_empty",
    "clippy::new_ret_no_self",
    "clippy::new_without_default",
    "clippy::ptr_arg",
    "clippy::result_large_err",
    "clippy::result_unit_err",
    "clippy::self_named_constructors",
    "clippy::should_implement_trait",
    "clippy::too_many_arguments",
    "clippy::type_complexity",
    "clippy::upper_case_acronyms",
    "clippy::wrong_self_convention",
    "clippy::doc_overindented_list_items",
];

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

    fn types(&self, _spec: &Spec, interface: &Interface) -> Option<(RelPath, String)> {
        let text = types_file::text(interface)?;
        Some((RelPath::parse(types_file::PATH).expect("it is a plain path"), text))
    }

    fn signatures(&self, interface: &Interface) -> Vec<String> {
        names::signatures(interface)
    }

    fn signature(&self, interface: &Interface, function: &WitFunction) -> String {
        names::signature(interface, function)
    }

    fn words(&self) -> ContractWords {
        ContractWords {
            items: "The crate has exactly these public items at its root, and no others:",
            types: "declare it as a public module and use its types:",
        }
    }

    fn surface(
        &self,
        gate: &GateName,
        _spec: &Spec,
        interface: &Interface,
        tree: &Tree,
    ) -> Vec<Finding> {
        surface::check(gate, tree, interface)
    }

    fn interface_lints(&self) -> &'static [&'static str] {
        &INTERFACE_LINTS
    }

    fn adapter(&self, spec: &Spec, interface: &Interface) -> Vec<(String, Vec<u8>)> {
        let text = adapter::text(&super::package::crate_name(spec), interface);
        vec![(ADAPTER.to_owned(), text.into_bytes())]
    }

    fn build(&self, kind: BuildKind, places: &Places) -> Vec<ToolCommand> {
        vec![builds::runner(["--example", "regen_adapter"], kind, places)]
    }

    fn builds_apart(&self) -> bool {
        true
    }

    fn run(&self, programs: &[TestProgram], _places: &Places) -> Option<ToolCommand> {
        let program = programs.iter().find(|program| program.source == ADAPTER)?;
        let sees = Sees::Itself(Vec::new());
        Some(ToolCommand {
            program: program.executable.clone().into(),
            sees,
            ..ToolCommand::default()
        })
    }

    fn visible(&self, places: &Places) -> Vec<ToolCommand> {
        let build = ["build", "--example", "regen_adapter", "--offline", "--quiet"];
        let program = places.build.join("debug/examples/regen_adapter");
        vec![
            super::commands::bare(&build, places),
            ToolCommand { program, ..ToolCommand::default() },
        ]
    }
}
