//! The code that a text is about, as gates see it.

use std::collections::BTreeSet;

use super::context::{Carried, CarriedResults, GateContext};
use super::gate_inputs::{CodeInputs, GateInputs};
use crate::toolchain::{self, LinkedTree, Suite, TextForm};
use crate::types::{Candidate, Provenance, Spec};

/// What a text is judged with.
pub struct TextContext<'a> {
    pub form: TextForm,
    pub code: &'a CodeInputs,
    pub tree: &'a LinkedTree,
}

/// The code that a text is about, as a candidate with other tests.
pub struct OverCode {
    pub candidate: Candidate,
    inputs: GateInputs,
    carried: CarriedResults,
    linked: Vec<LinkedTree>,
}

impl OverCode {
    pub fn new(
        context: &GateContext<'_>,
        of: &TextContext<'_>,
        spec: Spec,
        suites: &[Suite],
    ) -> Self {
        let is_other = |one: &&LinkedTree| one.link.spec != context.spec.id;
        let CodeInputs { name, target } = of.code;
        Self {
            candidate: Candidate::new(of.tree.tree.clone(), Provenance::Promoted),
            inputs: GateInputs::new(spec, name, target, context.gates, suites),
            carried: CarriedResults::default(),
            linked: context.linked.iter().filter(is_other).cloned().collect(),
        }
    }

    /// The context of gates over it.
    pub fn context<'a>(&'a self, context: &GateContext<'a>) -> GateContext<'a> {
        let inputs = &self.inputs;
        GateContext {
            spec: &inputs.spec,
            name: &inputs.name,
            target: &inputs.target,
            suites: &inputs.suites,
            examples: &inputs.examples,
            contract: &inputs.contract,
            carried: Carried {
                key: (self.candidate.digest(), inputs.digest()),
                all: &self.carried,
            },
            console: &inputs.console,
            compared: false,
            control: &self.candidate,
            linked: &self.linked,
            apart: &self.linked,
            code: None,
            ..context.clone()
        }
    }
}

impl<'a> TextContext<'a> {
    pub fn of(context: &GateContext<'a>) -> Option<Self> {
        let form = toolchain::of(context.target).text();
        let tree = context.linked.iter().find(|one| one.link.is_code_of(&context.spec.id));
        match (form, context.code, tree) {
            (Some(form), Some(code), Some(tree)) => Some(Self { form, code, tree }),
            _ => None,
        }
    }
}

/// The clauses that tests of the accepted code show: each demanded one has tests, and all passed.
pub fn proven(spec: &Spec, unproven: &[String]) -> BTreeSet<String> {
    let is_shown = |name: &str| !unproven.iter().any(|test| toolchain::is_test_of(test, name));
    let shown = spec.clauses.iter().filter(|clause| clause.is_demanded());
    let shown = shown.filter(|clause| clause.test_ids().all(is_shown));
    shown.map(|clause| clause.id.name().to_owned()).collect()
}
