//! Migrates lockfiles of format 2, whose digests depended on Rust's `Debug` output, so that an
//! update of regen regenerates nothing.

use std::collections::BTreeMap;

use super::{
    DEMANDED, GATES, PlanInputs, config, demanded, gate_key, job, job_key_with, meaning,
    meaning_with,
};
use crate::types::lockfile::LOCK_VERSION;
use crate::types::{
    Binding, Clause, Digest, GateInputsDigest, GateName, InputsDigest, Level, Spec, Standing,
    Status, Target, TargetName, TargetStanding,
};

/// Digests of one target in format 2 and in today's format.
struct Both<'a> {
    context: (Digest, Digest),
    spec: (Digest, Digest),
    config: (Digest, Digest),
    inputs: (InputsDigest, InputsDigest),
    clauses: BTreeMap<&'a str, (Digest, Digest)>,
    judges: BTreeMap<String, (Digest, Digest)>,
}

/// Converts the digests of a format-2 lockfile to today's. A digest that does not match the current
/// workspace in format 2 is kept, and converted once it matches.
///
/// Out-of-date lockfiles of today's format are checked too: merges, older attestations or reverted
/// changes can bring old digests back.
///
/// `written` are the specs as parsed, before drafts and waivers were applied.
pub fn migrate(standing: &Standing, written: &[Spec], inputs: &PlanInputs<'_>) -> Standing {
    let mut migrated = Standing { spec: standing.spec.clone(), ..Standing::default() };
    let old: BTreeMap<&str, Digest> =
        written.iter().map(|spec| (spec.id.as_str(), old_meaning(spec))).collect();
    for spec in inputs.specs {
        let written = written.iter().find(|one| one.id == spec.id);
        let Some((entries, written)) = migrated.spec.get_mut(&spec.id).zip(written) else {
            continue;
        };
        let is_current = |(name, entry): (&TargetName, &TargetStanding)| {
            let target = inputs.harness.target.get(name);
            entry.spec == meaning(spec) && target.is_some_and(|t| entry.config == config(t))
        };
        if standing.version == LOCK_VERSION && entries.target.iter().all(is_current) {
            continue;
        }
        for part in job(spec, inputs).parts {
            let target = inputs.harness.target.get(&part.target);
            let Some((entry, target)) = entries.target.get_mut(&part.target).zip(target) else {
                continue;
            };
            let mut judges: BTreeMap<_, _> =
                part.gate_inputs.iter().map(|(name, now)| (name.clone(), (*now, *now))).collect();
            for (name, pair) in &mut judges {
                pair.0 = old_judge(name, pair.1, spec, &part.gates, standing);
            }
            let loose = |spec: &Spec| meaning_with(spec, spec.loose_context);
            let key = job_key_with(spec, &part.target, target, inputs, &loose);
            carry(
                entry,
                &Both {
                    context: (spec.loose_context, spec.context),
                    spec: (loose(spec), meaning(spec)),
                    config: (config(target), config(target)),
                    inputs: (key, part.key),
                    clauses: BTreeMap::new(),
                    judges: BTreeMap::new(),
                },
            );
            carry(
                entry,
                &Both {
                    context: (spec.loose_context, spec.context),
                    spec: (old[spec.id.as_str()], meaning(spec)),
                    config: (old_config(target), config(target)),
                    inputs: (old_key(spec, &part.target, target, &old, inputs), part.key),
                    clauses: written
                        .clauses
                        .iter()
                        .map(|clause| (clause.id.name(), (old_clause(clause), clause.digest)))
                        .collect(),
                    judges,
                },
            );
        }
    }
    migrated
}

/// Replaces digests that match in format 2.
fn carry(entry: &mut TargetStanding, both: &Both<'_>) {
    fn replace<T: Copy + PartialEq>(value: &mut T, pair: (T, T)) {
        if *value == pair.0 {
            *value = pair.1;
        }
    }
    replace(&mut entry.context, both.context);
    replace(&mut entry.spec, both.spec);
    replace(&mut entry.config, both.config);
    replace(&mut entry.inputs, both.inputs);
    entry.held.iter_mut().for_each(|held| replace(held, both.inputs));
    for (name, digest) in &mut entry.clauses {
        both.clauses.get(name.as_str()).iter().for_each(|pair| replace(digest, **pair));
    }
    let before = entry.gate_inputs.clone();
    for (name, digest) in &mut entry.gate_inputs {
        both.judges.get(name).iter().for_each(|pair| replace(digest, **pair));
    }
    if entry.gates == old_gate_key(&before) {
        entry.gates = gate_key(&entry.gate_inputs);
    }
}

fn old_gate_key(judges: &BTreeMap<String, Digest>) -> GateInputsDigest {
    let parts = judges.iter().map(|(name, digest)| format!("{name} {digest}"));
    GateInputsDigest(Digest::of_parts(parts))
}

fn old_clause(clause: &Clause) -> Digest {
    let level = match clause.level {
        Level::Must => "Must",
        Level::Should => "Should",
        Level::May => "May",
    };
    let status = match clause.status {
        Status::Draft => "Draft",
        Status::Stable => "Stable",
        Status::Deprecated => "Deprecated",
    };
    let bindings: Vec<String> = clause.bindings.iter().map(old_binding).collect();
    let head = format!("{level} {status} [{}]", bindings.join(", "));
    let examples = clause.examples.iter().map(|example| {
        let (language, code) = (&example.language, example.code.trim_end());
        format!("{language} {} {}\n{code}", example.hidden, example.ignored)
    });
    Digest::of_parts([clause.text.clone(), head].into_iter().chain(examples))
}

fn old_binding(binding: &Binding) -> String {
    match binding {
        Binding::TestId { name } => format!("TestId {{ name: {name:?} }}"),
        Binding::Guard { name, args } => format!("Guard {{ name: {name:?}, args: {args:?} }}"),
        Binding::Bench { name, op, value, unit } => {
            format!("Bench {{ name: {name:?}, op: {op:?}, value: {value:?}, unit: {unit:?} }}")
        }
    }
}

fn old_meaning(spec: &Spec) -> Digest {
    let clauses = spec.clauses.iter();
    let mut parts: Vec<_> = clauses.map(|c| format!("{} {}", c.id, old_clause(c))).collect();
    parts.sort();
    parts.push(spec.loose_context.to_string());
    Digest::of_parts(parts)
}

fn old_config(target: &Target) -> Digest {
    let crate_type = match target.options.get("crate").and_then(|value| value.as_str()) {
        Some("bin") => "Bin",
        _ => "Lib",
    };
    let dependencies = target.options.get("allowed_dependencies").and_then(|v| v.as_table());
    let dependencies: BTreeMap<&str, &str> = dependencies
        .into_iter()
        .flatten()
        .filter_map(|(name, version)| Some((name.as_str(), version.as_str()?)))
        .collect();
    Digest::of_parts([
        format!("{crate_type} {:?}", target.allowed_files),
        format!("{dependencies:?}"),
    ])
}

fn old_key(
    spec: &Spec,
    name: &str,
    target: &Target,
    meanings: &BTreeMap<&str, Digest>,
    inputs: &PlanInputs<'_>,
) -> InputsDigest {
    let meaning = |spec: &Spec| meanings.get(spec.id.as_str()).copied().unwrap_or_default();
    let language = inputs.languages.get(name).map_or("", String::as_str);
    let head = ["job 2", &spec.id, &meaning(spec).to_string(), language];
    let mut parts: Vec<String> = head.into_iter().map(str::to_owned).collect();
    parts.push(old_config(target).to_string());
    let depends = inputs.specs.iter().filter(|other| spec.depends.contains(&other.id));
    parts.extend(depends.map(|other| format!("{} {}", other.id, meaning(other))));
    InputsDigest(Digest::of_parts(parts))
}

/// The format-2 digest of a gate input that is `now` today.
fn old_judge(
    name: &str,
    now: Digest,
    spec: &Spec,
    gates: &[GateName],
    standing: &Standing,
) -> Digest {
    match name {
        GATES => {
            let gates: Vec<&str> = gates.iter().map(|gate| gate.as_str()).collect();
            Digest::of(format!("{gates:?}"))
        }
        // `Debug` prints sets with braces, lists with brackets.
        DEMANDED => {
            let list = format!("{:?}", demanded(spec));
            Digest::of(format!("{{{}}}", &list[1..list.len() - 1]))
        }
        _ => match name
            .strip_prefix("spec ")
            .filter(|other| spec.depends.iter().any(|d| d == other))
        {
            Some(other) => {
                let trees = standing.spec.get(other).map(|spec| {
                    spec.target.values().map(|target| target.tree.to_string()).collect::<Vec<_>>()
                });
                Digest::of(format!("{trees:?}"))
            }
            None => now,
        },
    }
}
