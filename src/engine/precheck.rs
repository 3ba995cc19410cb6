//! What is found in a spec's suites before a model is asked: an error that no answer can change.

use std::sync::Arc;
use std::time::SystemTime;

use super::resources::Engine;
use crate::gate::{ExecuteOptions, GateInputs};
use crate::pipeline::{Attempt, State};
use crate::toolchain::{self, Independent};
use crate::types::gate::{TEST_ERROR, VACUOUS};
use crate::types::{Action, AttemptKind, Diagnosis, Fault, Finding, Provenance, Tree};
use crate::verdict::blame;
use crate::workspace::{CommandError, JobInputs};

impl Engine {
    /// Before the first question: makes ready what the target needs, and compiles what of the
    /// suites does not depend on a candidate. Gives why no answer can pass.
    pub(super) async fn precheck(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Option<Diagnosis>, CommandError> {
        // After gates that failed over a promoted tree.
        let part = &state.job.parts[attempt.part];
        let asks = attempt.kind.asks();
        if let Some(summary) = self.missing(&state.job, part, true).filter(|_| asks) {
            return Ok(Some(blame::of_dependency(summary)));
        }
        let first =
            state.calls(attempt.part).next().is_some_and(|one| one.number == attempt.number);
        if !first || attempt.kind != AttemptKind::Generate {
            return Ok(None);
        }
        let job = self.inputs(state, attempt);
        if let Err(why) = self.executor().prepare(&job.judged, SystemTime::now()).await {
            return Ok(Some(unprepared(why)));
        }
        let language = job.judged.language();
        let suites = job.judged.suites();
        if toolchain::model_under_test(&job.target).is_some() || toolchain::is_page(&job.target) {
            return self.wrong_tests(&job).await;
        }
        let native = language.native();
        let Some(independent) =
            native.and_then(|native| native.independent(&job.spec, &job.target, suites))
        else {
            return Ok(None);
        };
        let gate = independent.gate.into();
        let (inputs, executor) = (without_examples(&job, &independent), self.executor());
        executor.accept(&inputs)?;
        let tree = self.objects.put_tree(&independent.tree)?;
        let toolchain = executor.toolchain(language.id()).unwrap_or_default();
        let action = Action {
            min_isolation: self.workspace.harness.sandbox.min_level,
            ..inputs.action(&gate, toolchain, tree, Provenance::Promoted)
        };
        let report = executor.execute(&action, ExecuteOptions::at(SystemTime::now())).await?.report;
        let certain =
            |one: &Finding| one.in_suite && independent.certain.contains(&one.rule.as_str());
        let mut findings: Vec<Finding> = report.findings.into_iter().filter(certain).collect();
        findings.iter_mut().for_each(|finding| self.at_home(&job, finding));
        let why = "no answer can change it: nothing was asked";
        Ok((!findings.is_empty()).then(|| blame::of_suite(findings, why)))
    }

    /// Runs the tests of an assistant over answers that keep no clause, and of a page over empty
    /// ones: those that pass or are wrong refuse every answer.
    async fn wrong_tests(&self, job: &JobInputs) -> Result<Option<Diagnosis>, CommandError> {
        let (inputs, executor) = (&job.judged, self.executor());
        executor.accept(inputs)?;
        let tree = self.objects.put_tree(&Tree::default())?;
        let toolchain = executor.toolchain(inputs.language().id()).unwrap_or_default();
        let action = Action {
            min_isolation: self.workspace.harness.sandbox.min_level,
            proven: self.ledger.borrow().proven()?,
            ..inputs.action(&"proof".into(), toolchain, tree, Provenance::Promoted)
        };
        let report = executor.execute(&action, ExecuteOptions::at(SystemTime::now())).await?.report;
        let is_wrong = |one: &Finding| [VACUOUS, TEST_ERROR].contains(&one.rule.as_str());
        let findings: Vec<Finding> = report.findings.into_iter().filter(is_wrong).collect();
        let why = "no answer can change it: nothing was asked";
        Ok((!findings.is_empty()).then(|| blame::of_suite(findings, why)))
    }

    /// The diagnosis of a refused answer, which is the spec's fault where another answer failed in
    /// the same way in a suite's own text.
    pub(super) fn blamed(
        &self,
        state: &State,
        attempt: &Attempt,
        diagnosis: Diagnosis,
    ) -> Diagnosis {
        if state.job.parts[attempt.part].verifies {
            return self.of_system(&self.inputs(state, attempt), diagnosis);
        }
        let before = state.calls(attempt.part).filter(|one| one.tree != attempt.tree);
        let before = before.filter_map(Attempt::refusal);
        match blame::repeated(&diagnosis, before) {
            None => diagnosis,
            Some(mut finding) => {
                self.at_home(&self.inputs(state, attempt), &mut finding);
                blame::of_suite(vec![finding], "two different answers fail here in the same way")
            }
        }
    }

    /// The diagnosis of a spec without code that fails: what it checks passes its own examples, so
    /// no model is at fault.
    fn of_system(&self, job: &JobInputs, mut diagnosis: Diagnosis) -> Diagnosis {
        let tests = job.judged.language().layout(&job.target).tests;
        let is_in_test = |one: &Finding| one.file.iter().any(|file| file.starts_with(tests));
        diagnosis.findings.iter_mut().filter(|one| is_in_test(one)).for_each(|finding| {
            self.at_home(job, finding);
        });
        if diagnosis.fault == Fault::Model {
            let alone = self.pass_alone(&job.spec.id);
            diagnosis.summary = format!("{}; {alone}", diagnosis.summary);
            diagnosis.fault = Fault::Spec;
        }
        diagnosis
    }

    /// Puts the place where a person wrote a suite or an example in place of where it is mounted.
    fn at_home(&self, job: &JobInputs, finding: &mut Finding) {
        let Some(file) = &finding.file else { return };
        let own = job.judged.suites().iter().find(|suite| suite.path.as_str() == file);
        if let Some(suite) = own {
            finding.file = Some(self.workspace.place_of(&job.spec, &job.name, suite));
            return;
        }
        let clause = finding.clauses.first().and_then(|id| job.spec.clause(id.name()));
        finding.file = Some(job.spec.file.clone());
        finding.line = clause.and_then(|clause| u32::try_from(clause.line).ok());
    }
}

/// Why nothing is asked where a target lacks something of the machine.
fn unprepared(summary: String) -> Diagnosis {
    Diagnosis {
        fault: Fault::Environment,
        summary,
        clauses: Vec::new(),
        findings: Vec::new(),
        fingerprint: None,
    }
}

/// What judges a job's candidates, with what of its suites does not depend on them.
fn without_examples(job: &JobInputs, independent: &Independent) -> Arc<GateInputs> {
    let mut spec = (*job.spec).clone();
    spec.clauses.iter_mut().for_each(|clause| clause.examples.clear());
    let suites = &independent.suites;
    Arc::new(GateInputs::new(spec, &job.name, &job.target, job.judged.settings(), suites))
}
