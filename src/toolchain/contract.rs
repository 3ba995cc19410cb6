//! How a language carries a contract.

use super::commands::{BuildKind, Places, TestProgram, ToolCommand};
use super::suite::Expectation;
use crate::contract::{Step, read_block, read_table};
use crate::types::interface::WitFunction;
use crate::types::{Example, Finding, GateName, Interface, Problem, RelPath, Spec, Target, Tree};

/// How a language carries a contract: its types, its functions, and the program that calls them.
pub trait ContractLanguage: Sync {
    /// What of a contract this language or target cannot carry.
    fn check(&self, spec: &Spec, interface: &Interface, target: &Target) -> Vec<Problem>;

    /// The file with the contract's types, a part of each candidate; `None` without types.
    fn types(&self, spec: &Spec, interface: &Interface) -> Option<(RelPath, String)>;

    /// The public items that a candidate must write, one line each.
    fn signatures(&self, interface: &Interface) -> Vec<String>;

    /// The wanted form of one function.
    fn signature(&self, interface: &Interface, function: &WitFunction) -> String;

    /// What a prompt says around them.
    fn words(&self) -> ContractWords;

    /// Differences between a candidate's public items and the contract, as findings. A language
    /// whose source only its own programs read finds them with the effects.
    fn surface(
        &self,
        gate: &GateName,
        spec: &Spec,
        interface: &Interface,
        tree: &Tree,
    ) -> Vec<Finding>;

    /// Lints about public items, which the contract decides.
    fn interface_lints(&self) -> &'static [&'static str];

    /// The files of the adapter: a program that reads calls from standard input and writes their
    /// results to standard output.
    fn adapter(&self, spec: &Spec, interface: &Interface) -> Vec<(String, Vec<u8>)>;

    /// The commands that build the adapter with a candidate built in this way.
    fn build(&self, kind: BuildKind, places: &Places) -> Vec<ToolCommand>;

    /// Whether builds of several kinds write to places of their own, so that they can run at once.
    fn builds_apart(&self) -> bool {
        false
    }

    /// The command that runs the adapter. `programs` are those that were built.
    fn run(&self, programs: &[TestProgram], places: &Places) -> Option<ToolCommand>;

    /// The same for a program that works on a candidate: the commands that build the adapter, then
    /// the one that runs it.
    fn visible(&self, places: &Places) -> Vec<ToolCommand> {
        let build = self.build(BuildKind::Usual, places);
        build.into_iter().chain(self.run(&[], places)).collect()
    }
}

/// What a prompt says around a contract's items.
#[derive(Clone, Copy, Debug)]
pub struct ContractWords {
    /// The sentence before the items.
    pub items: &'static str,
    /// How to use the file with the types.
    pub types: &'static str,
}

/// What the calls of a contract example without state expect.
pub fn neutral_expectations(interface: &Interface, example: &Example) -> Vec<Expectation> {
    let steps = match example.language.as_str() {
        "table" => read_table(interface, &example.code),
        "wave" => read_block(interface, &example.code),
        _ => return Vec::new(),
    };
    let steps = steps.unwrap_or_default();
    if steps.iter().any(|step| step.bind.is_some()) {
        return Vec::new();
    }
    let expectation = |step: &Step| {
        let (input, result) = step.exact(interface)?;
        Some(Expectation { input, result, is_unequal: false, line: step.lines.start })
    };
    steps.iter().filter_map(expectation).collect()
}
