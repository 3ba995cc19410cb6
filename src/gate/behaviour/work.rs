//! What a gate of an assistant works on.

use crate::gate::context::GateContext;
use crate::toolchain::assistant::is_hidden;
use crate::toolchain::{Expected, Suite};
use crate::types::{
    AcceptancePlan, Candidate, Clause, ClauseId, GateName, ModelUnderTest, SampledVersion,
};

/// A gate of an assistant.
pub struct BehaviourWork<'a> {
    pub context: &'a GateContext<'a>,
    pub gate: &'a GateName,
    pub candidate: &'a Candidate,
    pub model: ModelUnderTest,
}

/// A test of a clause.
#[derive(Clone, Copy)]
pub struct BehaviourTest<'a> {
    pub suite: &'a Suite,
    pub test: &'a Expected,
    pub clause: &'a Clause,
}

impl BehaviourTest<'_> {
    pub fn is_hidden(&self) -> bool {
        is_hidden(self.suite.path.as_str(), &self.test.name)
    }
}

impl BehaviourWork<'_> {
    /// The tests of clauses.
    pub fn tests(&self) -> Vec<BehaviourTest<'_>> {
        let clauses = &self.context.spec.clauses;
        let of_clause = |id: &ClauseId| clauses.iter().find(|clause| clause.id == *id);
        let all = self.context.suites.iter();
        let all = all.flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)));
        all.filter_map(|(suite, test)| {
            Some(BehaviourTest { suite, test, clause: of_clause(test.clause.as_ref()?)? })
        })
        .collect()
    }

    pub fn plan(&self, clause: &Clause) -> AcceptancePlan {
        let rate = self.model.rate_of(clause.level, clause.rate());
        // A rate that cannot be shown was refused with the spec.
        let none = AcceptancePlan { samples: self.model.samples, rate, misses: 0 };
        let version = self.context.answering.map_or(SampledVersion::ONLY, |one| one.version());
        AcceptancePlan::of_version(self.model.samples, rate, version).unwrap_or(none)
    }
}

/// The cases of a test among the names of a file.
pub fn cases<'n>(names: &'n [String], test: &str) -> Vec<&'n str> {
    let is_case = |name: &&String| {
        let rest = name.strip_prefix(test);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::case "))
    };
    names.iter().filter(is_case).map(String::as_str).collect()
}
