//! Runs all gates again over the promoted trees.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use futures::StreamExt;

use super::drift_budget::DriftBudget;
use super::flaw::{Flaw, FlawKind, quoted};
use super::run::{CheckOutcome, Checked};
use crate::gate::{AnsweringModel, ExecuteOptions, GateInputs};
use crate::generator::{self, CallContext, MakeGenerator, RateLimits};
use crate::plan;
use crate::promote::Promoter;
use crate::sandbox::Probe;
use crate::store::{Candidates, ContentStore, Ledger, MemoryStore, SqliteLedger, files};
use crate::toolchain::{self, GateKind};
use crate::types::{
    Action, Candidate, Digest, Finding, GateName, GateReport, InputsDigest, Link, Outcome,
    Provenance, SampledVersion, SpecId, TargetName, ToolSet,
};
use crate::verdict::{Verdict, judge};
use crate::workspace::{AnswerSource, AnsweringOptions, CommandError, Workspace};

/// A target whose gates ran again.
#[derive(Debug)]
pub struct RerunTarget {
    /// The spec.
    pub spec: SpecId,
    /// The target.
    pub target: TargetName,
    /// The reports of the gates.
    pub reports: Vec<GateReport>,
    /// The flaws found.
    pub flaws: Vec<Flaw>,
}

/// What gates run again with.
#[derive(Debug)]
pub struct RerunMachine {
    /// The tools.
    pub tools: Arc<ToolSet>,
    /// The sandbox.
    pub probe: Arc<Probe>,
    /// For new samples of models under test, which nothing else then concerns: reads the variables
    /// with their keys.
    pub key: Option<fn(&str) -> Option<String>>,
}

/// The gates of one target, to be run again.
struct Rerun<'a> {
    at: (SpecId, TargetName),
    inputs: &'a Arc<GateInputs>,
    gates: &'a [GateName],
    candidate: &'a Candidate,
    links: Vec<Link>,
    /// Tests of the code that a text is about which were not seen to fail.
    unproven: Vec<String>,
}

impl Workspace {
    /// Runs the gates of all checked targets again, some at a time; calls `tell` for each that
    /// ends.
    ///
    /// # Errors
    /// I/O errors. A gate that fails is a flaw.
    pub async fn rerun(
        &self,
        outcome: &CheckOutcome,
        machine: &RerunMachine,
        tell: &dyn Fn(&RerunTarget),
    ) -> Result<Vec<RerunTarget>, CommandError> {
        let at_a_time = self.harness.schedule.jobs;
        let is_asked = |one: &&Checked| {
            let target = self.harness.target.get(&one.target);
            machine.key.is_none()
                || target.is_some_and(|one| toolchain::model_under_test(one).is_some())
        };
        let checked = outcome.checked.iter().filter(is_asked);
        let jobs = checked.map(|one| self.rerun_one(one, machine));
        let mut running = futures::stream::iter(jobs).buffer_unordered(at_a_time);
        let mut all = Vec::new();
        while let Some(ran) = running.next().await {
            let ran = ran?;
            tell(&ran);
            all.push(ran);
        }
        all.sort_by(|a, b| (&a.spec, &a.target).cmp(&(&b.spec, &b.target)));
        Ok(all)
    }

    async fn rerun_one(
        &self,
        one: &Checked,
        machine: &RerunMachine,
    ) -> Result<RerunTarget, CommandError> {
        let mut ran = RerunTarget {
            spec: one.spec.clone(),
            target: one.target.clone(),
            reports: Vec::new(),
            flaws: Vec::new(),
        };
        let Some(inputs) = self.job_inputs(&one.spec, &one.target) else { return Ok(ran) };
        let promoter = Promoter::new(self.places.root.clone(), self.places.state.clone());
        let path = format!("{}/{}", inputs.target.unit(&one.spec), inputs.target.leaf(&one.target));
        // A missing or invalid tree was reported before.
        let Ok(Some(tree)) = promoter.tree(&path) else { return Ok(ran) };
        let at = (one.spec.clone(), one.target.clone());
        let candidate = Candidate::new(tree, Provenance::Promoted);
        let gates = self.checks().get(&at).map(|checks| checks.gates.clone()).unwrap_or_default();
        let links =
            plan::links(&inputs.spec, &one.target, &self.harness, &self.specs, &self.standing);
        for link in &links {
            let linked = promoter.tree(&link.path).ok().flatten();
            if linked.is_none_or(|tree| tree.digest() != link.tree) {
                let (other, path) = (&link.spec, &link.path);
                let message = format!(
                    "its gates did not run: it uses the code of `{other}`, and {path} is not what was \
                     promoted"
                );
                let flaw = Flaw::new((&one.spec, &one.target), "rerun_dependency", message);
                let hint = format!("regen --spec {} --discard-edits", quoted(other));
                ran.flaws.push(flaw.at(&one.file).hint(hint));
                return Ok(ran);
            }
        }
        let code = inputs.judged.code().map(|code| self.unproven(&one.spec, code));
        let (inputs, unproven) = (&inputs.judged, code.unwrap_or_default());
        let again = Rerun { at, inputs, gates: &gates, candidate: &candidate, links, unproven };
        ran.reports = self.judge_again(again, machine).await?;
        if machine.key.is_some() {
            ran.flaws = self.drifted(one, &ran.reports);
            return Ok(ran);
        }
        if let Verdict::Refuse(diagnosis) | Verdict::Unsound(diagnosis) =
            judge(&candidate, &gates, &ran.reports)
        {
            let last = ran.reports.last();
            let gate = last.map_or("", |report| report.gate.as_str());
            let (kind, code) = match last.map(|report| &report.outcome) {
                Some(Outcome::Error { .. }) => (FlawKind::GateBroken, "rerun_error".to_owned()),
                _ => (FlawKind::GateFailed, format!("rerun_{gate}")),
            };
            let head = Flaw::new((&one.spec, &one.target), &code, diagnosis.told()).at(&one.file);
            // Only a run takes answers that are neither known nor recorded.
            let is_missing = last.is_some_and(|last| last.lacks_recordings());
            let head = head.hint(if kind == FlawKind::GateBroken && !is_missing {
                "regen doctor".to_owned()
            } else {
                format!("regen run --force --spec {}", quoted(&one.spec))
            });
            ran.flaws.push(head);
            let found = diagnosis.findings.iter();
            ran.flaws.extend(found.map(|finding| self.of_finding(one, &path, &code, finding)));
            ran.flaws.iter_mut().for_each(|flaw| flaw.kind = kind);
        }
        Ok(ran)
    }

    /// A store of the promoted trees that a target uses.
    fn linked_trees(&self, links: &[Link]) -> Result<Arc<MemoryStore>, CommandError> {
        let store = Arc::new(MemoryStore::default());
        for link in links {
            let linked = files::tree(&self.places.root.join(&link.path))?.unwrap_or_default();
            store.put_tree(&linked)?;
        }
        Ok(store)
    }

    /// The tests that this machine's ledger has seen to fail without an implementation.
    fn proven_here(&self, ours: bool) -> BTreeSet<Digest> {
        // A ledger from a checkout is not trusted. With workers, what is known here would make the
        // gates other ones than those of other machines.
        if !ours || self.workers.is_some() {
            return BTreeSet::new();
        }
        let ledger = SqliteLedger::read(&self.places.ledger()).ok().flatten();
        ledger.and_then(|ledger| ledger.proven().ok()).unwrap_or_default()
    }

    /// Runs gates over a tree until one stops. Keeps no result.
    async fn judge_again(
        &self,
        Rerun { at: (spec, target), inputs, gates, candidate, links, unproven }: Rerun<'_>,
        machine: &RerunMachine,
    ) -> Result<Vec<GateReport>, CommandError> {
        let store = self.linked_trees(&links)?;
        let tree = store.put_tree(candidate.tree())?;
        let candidates = Arc::new(Candidates::new(store.clone()));
        let executor = self.gate_executor(&machine.tools, &machine.probe, candidates, store);
        executor.accept(inputs)?;
        let ours = self.places.verify_state().is_ok();
        let proven = self.proven_here(ours);
        let paid = machine.key.filter(|_| ours).map(|_| DriftBudget::open(self, &spec));
        let paid = paid.transpose()?;
        let context =
            CallContext { spec, target, job: InputsDigest(candidate.digest()), attempt: 1 };
        let reserve = |samples| paid.as_ref().map_or(Ok(()), |paid| paid.reserve(samples));
        let (servers, generators) =
            (RateLimits::default(), Arc::new(generator::of) as MakeGenerator);
        let answering = self.answering(
            context,
            AnsweringOptions {
                // Answers that are known need no key.
                variable: machine.key.unwrap_or(|_| None),
                servers: &servers,
                generators: &generators,
                answers: if machine.key.is_some() {
                    AnswerSource::New
                } else {
                    AnswerSource::Known
                },
                version: SampledVersion::ONLY,
                reserve: &reserve,
            },
        )?;
        let mut reports = Vec::new();
        let is_sampled = |gate: &&GateName| {
            let kind = toolchain::gate(inputs.target(), gate).map(|gate| gate.kind);
            machine.key.is_none() || matches!(kind, Some(GateKind::Test | GateKind::Hidden))
        };
        for gate in gates.iter().filter(is_sampled) {
            let action = Action {
                min_isolation: self.harness.sandbox.min_level,
                proven: proven.clone(),
                links: links.clone(),
                unproven: unproven.to_vec(),
                ..inputs.action(
                    gate,
                    executor.toolchain(inputs.language().id()).unwrap_or_default(),
                    tree,
                    candidate.provenance().clone(),
                )
            };
            let options = ExecuteOptions {
                before: &reports,
                answering: answering.as_ref().map(|model| model as &dyn AnsweringModel),
                ..ExecuteOptions::at(SystemTime::now())
            };
            let report = executor.execute(&action, options).await?.report;
            let stops = machine.key.is_none() && !report.lets_through();
            reports.push(report);
            if stops {
                break;
            }
        }
        if let Some(paid) = &paid {
            paid.settle(answering.and_then(|model| model.spent()))?;
        }
        Ok(reports)
    }

    /// A gate's finding, at its clause, else at its file.
    fn of_finding(&self, one: &Checked, path: &str, code: &str, finding: &Finding) -> Flaw {
        let message = format!("{}: {}", finding.rule, finding.message);
        let flaw = Flaw::new((&one.spec, &one.target), code, message);
        let flaw = flaw.hint(format!("regen run --force --spec {}", quoted(&one.spec)));
        let spec = self.spec(&one.spec);
        let named = |clause: &&crate::types::Clause| finding.clauses.contains(&clause.id);
        match (spec.and_then(|spec| spec.clauses.iter().find(named)), &finding.file) {
            (Some(clause), _) => flaw.span(&one.file, clause.span, clause.line),
            (None, Some(file)) => {
                let mut flaw = flaw.at(format!("{path}/{file}"));
                flaw.problem.line = finding.line.unwrap_or(0) as usize;
                flaw
            }
            (None, None) => flaw.at(&one.file),
        }
    }
}
