//! New samples of the model under test, compared with those of the promotion.

use super::flaw::{Flaw, FlawKind};
use super::run::Checked;
use crate::types::behaviour::{chance_of_same, percent};
use crate::types::{GateReport, Outcome, SampleCount, TargetStanding};
use crate::workspace::Workspace;

/// Below this chance a difference is told.
const SIGNIFICANT: f64 = 0.01;

impl Workspace {
    /// What differs from the samples of a promotion.
    pub(super) fn drifted(&self, one: &Checked, reports: &[GateReport]) -> Vec<Flaw> {
        let broken = reports.iter().find_map(|report| match &report.outcome {
            Outcome::Error { message } => Some(message.clone()),
            _ => None,
        });
        if let Some(message) = broken {
            let flaw = Flaw::new((&one.spec, &one.target), "rerun_error", message);
            return vec![Flaw { kind: FlawKind::GateBroken, ..flaw.at(&one.file) }];
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
        let known = || then.model.split(" + ");
        let is_other = now.model.split(" + ").any(|one| known().all(|of| of != one));
        let chance = chance_of_same((then.passed, then.missed), (now.passed, now.missed));
        let message = if is_other {
            format!(
                "the server names its model `{}` now, `{}` at the promotion; {}",
                now.model,
                then.model,
                rates()
            )
        } else if chance < SIGNIFICANT {
            format!("the model behaves otherwise: {}", rates())
        } else {
            return None;
        };
        let message = format!("`{}`: {message}", now.test);
        let flaw = Flaw::new((&one.spec, &one.target), "behaviour_drift", message);
        let flaw =
            flaw.hint(format!("regen run --force --spec {}", super::flaw::quoted(&one.spec)));
        let clauses = self.spec(&one.spec).into_iter().flat_map(|spec| &spec.clauses);
        let clause = clauses
            .into_iter()
            .find(|clause| clause.test_ids().any(|id| crate::toolchain::is_test_of(&now.test, id)));
        Some(match clause {
            Some(clause) => flaw.span(&one.file, clause.span, clause.line),
            None => flaw.at(&one.file),
        })
    }
}
