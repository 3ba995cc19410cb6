//! Languages: what regen must know of each, as one trait that plans commands as data and reads
//! their outputs. Nothing here runs anything; `gate` does.
//!
//! A language is one folder and one line of [`ALL`]. Nothing else in regen asks which language a
//! target has.

mod commands;
pub mod conflicts;
mod coverage;
mod language;
mod machine;
mod mutator;
pub mod results;
mod rust;
pub mod shared;
mod suite;

use crate::types::{Example, GateName, Problem, Spec, Target, ToolchainId};

pub use commands::{
    BuildContext, Built, Places, Reported, TestCase, TestProgram, ToolCommand, ToolOutput,
};
pub use conflicts::Expectation;
pub use language::{GateDefinition, GateKind, Layout, OptionSchema, Toolchain};
pub use machine::{DependencyLayer, HostProbe};
pub use mutator::{DEFAULTS, ENDS, Extent, Mutant, Mutants, Mutator, PANICS};
use suite::key;
pub use suite::{
    ExampleSuites, Expected, Independent, Suite, SuiteFile, Visibility, clause_of, is_test_of,
};

/// The languages that are built in. The first is asked where a target names none.
static ALL: [&dyn Toolchain; 1] = [&rust::Rust];

/// The languages that are built in.
pub fn all() -> &'static [&'static dyn Toolchain] {
    &ALL
}

/// The language of an id.
pub fn find(id: &ToolchainId) -> Option<&'static dyn Toolchain> {
    ALL.into_iter().find(|toolchain| toolchain.id() == id.as_str())
}

/// The language of a target.
pub fn of(target: &Target) -> &'static dyn Toolchain {
    // The configuration refuses unknown ids; code that people wrote need not name its language.
    target.toolchain.as_ref().and_then(find).unwrap_or(ALL[0])
}

/// The names of the gates of a target that names none.
pub fn default_gates(target: &Target) -> Vec<GateName> {
    let gates = of(target).gates().iter().filter(|gate| gate.default);
    gates.map(|gate| gate.name.into()).collect()
}

/// The gate of a name, if the language has it.
pub fn gate(target: &Target, name: &str) -> Option<GateDefinition> {
    of(target).gates().iter().find(|gate| gate.name == name).copied()
}

/// The files a candidate of a target may have.
pub fn allowed_files(target: &Target) -> Vec<String> {
    target.allowed_files.clone().unwrap_or_else(|| of(target).layout(target).allowed)
}

/// Names in promoted trees that tools of any language leave behind.
pub fn artefacts() -> Vec<&'static str> {
    let target = Target::default();
    let mut names: Vec<_> = ALL
        .into_iter()
        .flat_map(|toolchain| toolchain.layout(&target).artefacts)
        .copied()
        .collect();
    names.extend(["node_modules", ".venv"]);
    names
}

/// Whether a target's gates can decide about a spec: every example is of its language's syntax,
/// every demanded clause has a test, and there is something to run at all.
pub fn check(spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
    coverage::check(of(target), spec, target, suites)
}

/// What an example expects, in whichever language it is.
fn expectations(example: &Example) -> Vec<Expectation> {
    ALL.into_iter().flat_map(|toolchain| toolchain.expectations(example)).collect()
}

/// The harness's own suites of a spec's examples, as the target's language makes them.
pub fn example_suites(spec: &Spec, target: &Target) -> ExampleSuites {
    let make = |shown| of(target).examples(spec, target, shown);
    ExampleSuites { visible: make(Visibility::Visible), hidden: make(Visibility::Hidden) }
}
