//! New samples of the model under test, compared with those of the promotion.

use std::sync::Arc;

use super::flaw::{Flaw, FlawKind};
use super::rerun::RerunMachine;
use super::run::{CheckOptions, Checked, check_workspace};
use crate::sandbox::Probe;
use crate::types::behaviour::{chance_of_same, percent, upper_bound};
use crate::types::gate::TEST_ERROR;
use crate::types::{
    DriftFinding, DriftResult, Failure, Finding, GateReport, Outcome, SampleCount, SpecId,
    TargetStanding, ToolEnv,
};
use crate::workspace::{CommandError, Workspace, WorkspaceLayout};

/// The code of a flaw of behaviour.
const DRIFT: &str = "behaviour_drift";

impl Flaw {
    /// Whether new samples differ from those of the promotion.
    pub fn is_drift(&self) -> bool {
        self.problem.code.ends_with(DRIFT)
    }
}

/// Below this chance a difference is told.
const SIGNIFICANT: f64 = 0.01;

/// What a check for drift is done with.
#[derive(Debug)]
pub struct DriftMachine {
    /// The workspace.
    pub places: WorkspaceLayout,
    /// The environment in which tools are searched.
    pub wanted: ToolEnv,
    /// The sandbox.
    pub probe: Arc<Probe>,
    /// Reads the variables with keys.
    pub key: fn(&str) -> Option<String>,
}

impl DriftMachine {
    /// Takes new samples of a promoted assistant, as `regen check --rerun --fresh` does.
    pub async fn check(&self, spec: &SpecId) -> DriftResult {
        let checked = self.flaws(spec).await;
        let not_checked = |why: String| DriftResult::NotChecked { why };
        let flaws = match checked {
            Ok(flaws) => flaws,
            Err(error) => return not_checked(error.lines()),
        };
        let is_other = |flaw: &&Flaw| !flaw.is_drift();
        if let Some(other) = flaws.iter().find(is_other) {
            return not_checked(other.problem.message.clone());
        }
        if flaws.is_empty() {
            return DriftResult::Same;
        }
        let finding = |flaw: Flaw| DriftFinding {
            clause: flaw.clause,
            message: flaw.problem.message,
            hint: flaw.problem.help.unwrap_or_default(),
        };
        DriftResult::Drift { findings: flaws.into_iter().map(finding).collect() }
    }

    /// What differs from the promotion. A tree that is not what was accepted is not sampled.
    async fn flaws(&self, spec: &SpecId) -> Result<Vec<Flaw>, CommandError> {
        let asked = CheckOptions { only: vec![spec.to_string()], ..CheckOptions::default() };
        let (workspace, outcome) = check_workspace(&self.places, &asked)?;
        let Some(workspace) = workspace.filter(|_| outcome.flaws.is_empty()) else {
            return Ok(outcome.flaws);
        };
        let tools = Arc::new(workspace.tools(&self.wanted).await?);
        let machine = RerunMachine { tools, probe: self.probe.clone(), key: Some(self.key) };
        let ran = workspace.rerun(&outcome, &machine, &|_| ()).await?;
        Ok(ran.into_iter().flat_map(|one| one.flaws).collect())
    }
}

impl Workspace {
    /// What differs from the samples of a promotion.
    pub(super) fn drifted(&self, one: &Checked, reports: &[GateReport]) -> Vec<Flaw> {
        let is_wrong = |finding: &&Finding| finding.rule == TEST_ERROR;
        let broken = reports.iter().find_map(|report| match &report.outcome {
            Outcome::Error { message, failure: Some(Failure::Budget) } => {
                Some((FlawKind::OverBudget, message))
            }
            Outcome::Error { message, .. } => Some((FlawKind::GateBroken, message)),
            _ => {
                let wrong = report.findings.iter().find(is_wrong)?;
                Some((FlawKind::GateBroken, &wrong.message))
            }
        });
        if let Some((kind, message)) = broken {
            let flaw = Flaw::new((&one.spec, &one.target), "rerun_error", message);
            return vec![Flaw { kind, ..flaw.at(&one.file) }];
        }
        let standing = self.standing.spec.get(&one.spec);
        let Some(entry) = standing.and_then(|spec| spec.target.get(&one.target)) else {
            return Vec::new();
        };
        let counts = reports.iter().flat_map(|report| &report.samples);
        counts.filter_map(|now| self.drift(one, entry, now)).collect()
    }

    fn drift(&self, one: &Checked, entry: &TargetStanding, now: &SampleCount) -> Option<Flaw> {
        let then = SampleCount::parse(&now.test, entry.samples.get(&now.test)?)?;
        let rates = || {
            let share = |count: &SampleCount| {
                let all = count.passed + count.missed;
                let rate = f64::from(count.passed) / f64::from(all.max(1));
                format!("{} of {all} answers ({})", count.passed, percent(rate))
            };
            format!("{} keep it now, {} did at the promotion", share(now), share(&then))
        };
        let mut known = then.model.split(" + ");
        let named = now.model.split(" + ").next().unwrap_or_default();
        let chance = chance_of_same((then.passed, then.missed), (now.passed, now.missed));
        let rate = now.rate.parse().unwrap_or(0.0);
        let most = upper_bound(now.passed, now.missed);
        let message = if known.all(|of| of != named) {
            let then = &then.model;
            format!("most answers are of `{named}` now, of `{then}` at the promotion; {}", rates())
        } else if chance < SIGNIFICANT {
            format!("the model behaves otherwise: {}", rates())
        } else if then.is_shown() && most < rate {
            format!(
                "{}; with 95 % confidence at most {} do, but {} must",
                rates(),
                percent(most),
                percent(rate)
            )
        } else {
            return None;
        };
        let message = format!("`{}`: {message}", now.test);
        let flaw = Flaw::new((&one.spec, &one.target), DRIFT, message);
        let flaw =
            flaw.hint(format!("regen run --force --spec {}", super::flaw::quoted(&one.spec)));
        let clauses = self.spec(&one.spec).into_iter().flat_map(|spec| &spec.clauses);
        let clause = clauses
            .into_iter()
            .find(|clause| clause.test_ids().any(|id| crate::toolchain::is_test_of(&now.test, id)));
        Some(match clause {
            Some(clause) => Flaw {
                clause: Some(clause.id.clone()),
                ..flaw.span(&one.file, clause.span, clause.line)
            },
            None => flaw.at(&one.file),
        })
    }
}
