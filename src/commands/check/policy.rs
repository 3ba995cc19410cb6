//! Requirements of a policy, beyond a match with the lockfile.

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::flaw::{Flaw, quoted};
use crate::attest::PublicKey;
use crate::types::text::counted;
use crate::types::{Policy, Source, SpecId, TargetName, TargetStanding};
use crate::workspace::{CommandError, Workspace, now};
use crate::{plan, toolchain};

/// Violations of a policy. Ages come from signed attestations only.
///
/// # Errors
/// The policy has an invalid key or pattern.
pub(super) fn demands(
    workspace: &Workspace,
    policy: &Policy,
    accepted: &BTreeMap<(SpecId, TargetName), String>,
) -> Result<Vec<Flaw>, CommandError> {
    let usage = |why: String| CommandError::usage(format!("--policy: {why}"));
    let keys = policy.signed_by.iter().map(|text| {
        PublicKey::parse(text).map_err(|why| usage(format!("signed_by {text:?}: {why}")))
    });
    let keys: Vec<PublicKey> = keys.collect::<Result<_, _>>()?;
    let models = patterns(&policy.models).map_err(|why| usage(why.to_string()))?;
    let mut flaws = Vec::new();
    for (spec, standing) in &workspace.standing.spec {
        for (target, entry) in &standing.target {
            let mut demand = |holds: bool, code: &str, message: String| {
                if !holds {
                    let flaw = Flaw::new((spec, target), code, message).at("regen.lock");
                    let hint = format!("regen run --force --spec {}", quoted(spec));
                    flaws.push(Flaw { problem: flaw.problem.help(hint), ..flaw });
                }
            };
            let what = format!("`{spec}` · `{target}`");
            let origin = &entry.origin;
            let is_allowed = policy.models.is_empty() || models.is_match(&origin.model);
            let is_allowed = is_allowed || is_without_code(workspace, spec, target, entry);
            demand(is_allowed, "policy_model", format!("{what} was written by {}", origin.model));
            let least = policy.min_isolation.unwrap_or_default();
            let message = format!(
                "{what} was checked at isolation level {}; {least} is required",
                entry.isolation
            );
            demand(entry.isolation >= least, "policy_isolation", message);
            // The tests of the code that a text is about are demanded of the code.
            let is_text = is_text(workspace, target);
            if let Some(least) = policy.min_assurance.as_ref().filter(|_| !is_text) {
                let has = entry.assurance.as_ref();
                let told = has.map_or("unknown".to_owned(), ToString::to_string);
                let told =
                    format!("{what} was tested with assurance `{told}`; `{least}` is required");
                demand(has.is_some_and(|has| has.meets(least)), "policy_assurance", told);
            }
            for gate in policy.gates.iter().filter(|gate| !is_of_others(gate, is_text)) {
                let passed =
                    entry.outcomes.get(gate.as_str()).is_some_and(|outcome| outcome == "pass");
                demand(passed, "policy_gate", format!("{what} did not pass the gate {gate}"));
            }
            let is_replayed = origin.source == Source::Replay;
            let message = format!("{what} was replayed from a recording");
            demand(policy.replay != Some(false) || !is_replayed, "policy_replay", message);
            let signer = entry.signer.as_deref().and_then(|key| PublicKey::parse(key).ok());
            let is_signed =
                keys.is_empty() || signer.as_ref().is_some_and(|key| keys.contains(key));
            let by = signer.map_or("no key".to_owned(), |key| key.id());
            demand(is_signed, "policy_signer", format!("{what} is signed by {by}"));
            if let Some(most) = policy.max_age_days {
                let at = accepted.get(&(spec.clone(), target.clone()));
                let days = at.and_then(|at| age(at));
                let none = || "an unknown number of days".to_owned();
                let told = days.map_or_else(none, |days| counted(days, "day"));
                let message = format!(
                    "{what} was accepted {told} ago; at most {} allowed",
                    counted(most, "day")
                );
                demand(days.is_some_and(|days| days <= i64::from(most)), "policy_age", message);
            }
        }
    }
    Ok(flaws)
}

fn patterns(all: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in all {
        set.add(Glob::new(pattern)?);
    }
    set.build()
}

fn is_text(workspace: &Workspace, target: &TargetName) -> bool {
    let target = workspace.harness.target.get(target);
    target.is_some_and(|target| toolchain::of(target).text().is_some())
}

/// Whether a gate is one of texts and none of code, or the other way round.
fn is_of_others(gate: &str, is_text: bool) -> bool {
    let has = |of_texts: bool| {
        let mut all = toolchain::all().iter().filter(|one| one.text().is_some() == of_texts);
        all.any(|one| one.gates().iter().any(|own| own.name == gate))
    };
    has(!is_text) && !has(is_text)
}

/// Whether a tree is exactly what the harness writes for a spec without code: no model wrote it.
fn is_without_code(
    workspace: &Workspace,
    id: &SpecId,
    name: &TargetName,
    entry: &TargetStanding,
) -> bool {
    let spec = workspace.spec(id).filter(|spec| spec.integration);
    spec.zip(workspace.harness.target.get(name)).is_some_and(|(spec, target)| {
        let (harness, specs) = (&workspace.harness, &workspace.specs);
        let links = plan::links(spec, name, harness, specs, &workspace.standing);
        toolchain::tree_without_code(spec, target, &links).digest() == entry.tree
    })
}

/// Days since a tree was accepted.
fn age(at: &str) -> Option<i64> {
    let at: jiff::Timestamp = at.parse().ok()?;
    let now: jiff::Timestamp = now().parse().ok()?;
    let seconds = now.as_second() - at.as_second();
    // A date in the future gives no age.
    (seconds >= -300).then(|| seconds.max(0) / (24 * 3600))
}
