//! Makes the plan from specs, lockfile and configuration: jobs with keys and reasons.

mod format_2;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

pub use format_2::migrate;
pub use texts::{CODE, PROOF, code_input, link_to_text, text_input};

use serde_json::{Value, json};

use crate::toolchain::{self, about};
use crate::types::{
    AdmittedSpec, Digest, Encoder, GateConfig, GateInputsDigest, GateName, Harness, InputsDigest,
    Interface, Job, Link, LinkedTarget, Plan, Reason, RelPath, Spec, SpecId, Standing, Target,
    TargetJob, TargetName, TargetStanding, Tree, way,
};

/// The state of a promoted tree on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveTree {
    /// Missing.
    Missing,
    /// As promoted.
    Same,
    /// As promoted, but its attestation is missing or differs.
    Unattested,
    /// Changed: these files were added, changed or removed.
    Drift(Vec<String>),
}

/// The gate inputs of one target of one spec, as digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// The gates, in order.
    pub gates: Vec<GateName>,
    /// Suites and validator programs, by name, with their digests.
    pub files: BTreeMap<String, Digest>,
}

/// The inputs of a plan.
#[derive(Debug)]
pub struct PlanInputs<'a> {
    /// The configuration.
    pub harness: &'a Harness,
    /// Every admitted spec.
    pub specs: &'a [AdmittedSpec],
    /// The lockfile.
    pub standing: &'a Standing,
    /// Trees on disk, by spec and target.
    pub live: &'a BTreeMap<(SpecId, TargetName), LiveTree>,
    /// Gate inputs, by spec and target.
    pub checks: &'a BTreeMap<(SpecId, TargetName), Checks>,
    /// Tool versions, by target; a missing target keeps the recorded ones.
    pub tools: &'a BTreeMap<TargetName, String>,
    /// The current public signing key.
    pub signer: Option<&'a str>,
    /// Language versions, by target.
    pub languages: &'a BTreeMap<TargetName, String>,
    /// Specs to plan; `None` for all.
    pub only: Option<&'a BTreeSet<SpecId>>,
    /// Whether to regenerate up-to-date targets.
    pub force: bool,
}

/// The generated targets of a spec, in order; texts after the code that they are about and the
/// texts that they need.
pub fn targets(spec: &Spec, harness: &Harness) -> Vec<TargetName> {
    let named = harness.targets_of(spec).iter();
    let named = named.filter(|name| harness.target.get(*name).is_none_or(Target::is_generated));
    let text = |name: &TargetName| {
        harness.target.get(name).filter(|one| toolchain::of(one).text().is_some())
    };
    let (mut texts, mut ordered): (Vec<TargetName>, Vec<TargetName>) =
        named.cloned().partition(|name| text(name).is_some());
    while !texts.is_empty() {
        let is_ready = |name: &TargetName| {
            let needed = text(name).map(|one| about::needed(harness, spec, one));
            !needed.unwrap_or_default().iter().any(|one| texts.contains(one))
        };
        // Texts that need each other are refused; their order does not matter.
        let at = texts.iter().position(is_ready).unwrap_or(0);
        ordered.push(texts.remove(at));
    }
    ordered
}

/// The promoted trees that a target of a spec uses. One that is not promoted is missing.
pub fn links(
    spec: &Spec,
    name: &TargetName,
    harness: &Harness,
    specs: &[AdmittedSpec],
    standing: &Standing,
) -> Vec<Link> {
    let Some(target) = harness.target.get(name) else { return Vec::new() };
    if toolchain::of(target).text().is_some() {
        let Ok((code, _)) = about::code_of(harness, spec, target) else { return Vec::new() };
        let own = texts::own_code(spec, code, standing).into_iter();
        let own = own.chain(texts::own_texts(spec, name, harness, standing));
        return links(spec, code, harness, specs, standing).into_iter().chain(own).collect();
    }
    let target = Some(target).filter(|one| toolchain::of(one).links().is_some());
    let Some(from) = target.and_then(|one| one.path(&spec.id, name).ok()) else {
        return Vec::new();
    };
    let find = |id: &SpecId| specs.iter().find(|other| other.id == *id).map(|other| &**other);
    let all = harness.all_linked(spec, name, &find);
    // What only programs use that a spec without code checks.
    let mut apart: BTreeSet<&SpecId> = BTreeSet::new();
    if !spec.programs.is_empty() {
        let used = spec.libraries().filter_map(find).flat_map(|other| {
            let own = harness.linked_target(name, other).map(|(own, _)| own);
            let below = own.into_iter().flat_map(|own| harness.all_linked(other, own, &find));
            below.map(|(one, _)| &one.id).chain([&other.id])
        });
        let used: BTreeSet<&SpecId> = used.collect();
        apart = all.iter().map(|(one, _)| &one.id).filter(|id| !used.contains(id)).collect();
    }
    let link = |(other, target): LinkedTarget<'_>| {
        let entry = standing.spec.get(&other.id)?.target.get(target)?;
        Some(Link {
            spec: other.id.clone(),
            path: entry.path.clone(),
            at: way(&from, &entry.path),
            tree: entry.tree,
            revision: entry.spec,
            direct: spec.depends.contains(&other.id) && !apart.contains(&other.id),
            apart: apart.contains(&other.id),
        })
    };
    all.into_iter().filter_map(link).collect()
}

/// Makes the plan.
pub fn plan(inputs: &PlanInputs<'_>) -> Plan {
    let specs = ordered(inputs.specs)
        .into_iter()
        .filter(|spec| inputs.only.is_none_or(|only| only.contains(&spec.id)));
    let mut jobs: Vec<Job> = Vec::new();
    for spec in specs {
        let mut job = job(spec, inputs);
        let has_work = |job: &&Job| spec.depends.contains(&job.spec) && !job.is_up_to_date();
        let first: Vec<SpecId> = jobs.iter().filter(has_work).map(|job| job.spec.clone()).collect();
        if job.parts.iter().any(|part| !part.links.is_empty()) && !first.is_empty() {
            job.wait_for(&first);
        }
        jobs.push(job);
    }
    jobs.retain(|job| !job.parts.is_empty());
    Plan { jobs }
}

/// Specs in dependency order, otherwise by id.
fn ordered(specs: &[AdmittedSpec]) -> Vec<&AdmittedSpec> {
    let mut rest: BTreeMap<&str, &AdmittedSpec> =
        specs.iter().map(|spec| (spec.id.as_str(), spec)).collect();
    let mut done = Vec::new();
    while !rest.is_empty() {
        let ready =
            rest.values().find(|s| !s.depends.iter().any(|d| rest.contains_key(d.as_str())));
        // Admission refuses cycles; if there is one, its members are ordered by id.
        let Some(id) = ready.or(rest.values().next()).map(|spec| spec.id.as_str()) else { break };
        done.extend(rest.remove(id));
    }
    done
}

fn job(spec: &AdmittedSpec, inputs: &PlanInputs<'_>) -> Job {
    let parts = targets(spec, inputs.harness).into_iter().filter_map(|name| {
        let target = inputs.harness.target.get(&name)?;
        let at = (spec.id.clone(), name.clone());
        let checks = inputs.checks.get(&at).cloned().unwrap_or_default();
        let key = job_key(spec, &name, target, inputs);
        let links = links(spec, &name, inputs.harness, inputs.specs, inputs.standing);
        let judges = judges(spec, target, &checks, &links, inputs);
        let tools = inputs.tools.get(&name).cloned().unwrap_or_default();
        let part = TargetJob::new(&name, key, gate_key(&judges));
        let verifies = spec.integration;
        let gates = checks.gates;
        let mut part = TargetJob { gates, gate_inputs: judges, tools, links, verifies, ..part };
        let live = inputs.live.get(&at).unwrap_or(&LiveTree::Missing);
        (part.reason, part.held) = reason(spec, &part, inputs, live);
        Some(part)
    });
    let mut parts: Vec<TargetJob> = parts.collect();
    texts::follow_code(spec, inputs.harness, &mut parts);
    Job::new(&spec.id, parts, inputs.harness.tiers())
}

/// Digest of a spec's meaning: its prose and its clauses, independent of their order.
pub fn meaning(spec: &Spec) -> Digest {
    meaning_with(spec, spec.context)
}

/// The same, with a digest of the prose from an older regen.
fn meaning_with(spec: &Spec, context: Digest) -> Digest {
    let mut clauses: Vec<_> = spec.clauses.iter().map(|c| (c.id.as_str(), c.digest)).collect();
    clauses.sort();
    let mut out = Encoder::new("spec");
    out.list(clauses, |out, (id, digest)| out.text(id).digest(digest));
    // Lines that the model is not shown, which a setting can change.
    let examples = spec.clauses.iter().flat_map(|clause| &clause.examples);
    let held: Vec<&str> = examples
        .flat_map(|one| {
            one.code
                .lines()
                .enumerate()
                .filter(|(at, _)| one.held.contains(at))
                .map(|(_, line)| line)
        })
        .collect();
    if !held.is_empty() {
        out.text("held out").texts(&held);
    }
    out.digest(context);
    // Without effects the digest is that of older versions.
    if !spec.effects.is_empty() {
        out.list(&spec.effects, |out, effect| out.text(effect.word()));
    }
    out.finish()
}

fn job_key(
    spec: &Spec,
    name: &TargetName,
    target: &Target,
    inputs: &PlanInputs<'_>,
) -> InputsDigest {
    job_key_with(spec, name, target, inputs, &meaning)
}

fn job_key_with(
    spec: &Spec,
    name: &TargetName,
    target: &Target,
    inputs: &PlanInputs<'_>,
    meaning: &dyn Fn(&Spec) -> Digest,
) -> InputsDigest {
    let language = inputs.languages.get(name).map_or("", String::as_str);
    let depends = inputs.specs.iter().filter(|other| spec.depends.contains(&other.id));
    let depends: Vec<_> = depends.map(|other| (other.id.as_str(), meaning(other))).collect();
    let mut out = Encoder::new("job inputs");
    out.text(&spec.id).digest(meaning(spec)).text(language).digest(config(target));
    if toolchain::of(target).links().is_some() {
        // What is used of them is compared item by item.
        out.list(depends, |out, (id, _)| out.text(id));
    } else {
        // Their text is shown.
        out.list(depends, |out, (id, meaning)| out.text(id).digest(meaning));
    }
    if spec.integration {
        out.text("no code");
    }
    InputsDigest(out.finish())
}

/// Digest of a target's configuration.
pub fn config(target: &Target) -> Digest {
    let mut out = Encoder::new("target");
    out.text(toolchain::of(target).id());
    out.option(target.allowed_files.as_ref(), |out, files| out.texts(files));
    toolchain::of(target).encode_options(target, &mut out);
    out.finish()
}

/// Digests of a target's gate inputs, by display name.
fn judges(
    spec: &Spec,
    target: &Target,
    checks: &Checks,
    links: &[Link],
    inputs: &PlanInputs<'_>,
) -> BTreeMap<String, Digest> {
    let mut judges = checks.files.clone();
    let texts = |kind: &str, list: &[&str]| Encoder::new(kind).texts(list).finish();
    let gates: Vec<&str> = checks.gates.iter().map(|gate| gate.as_str()).collect();
    judges.insert(GATES.to_owned(), texts("gates", &gates));
    for gate in &checks.gates {
        let settings = settings(inputs.harness.gate.get(gate));
        if !settings.is_empty() {
            judges.insert(format!("settings of gate {gate}"), Digest::of(settings));
        }
    }
    judges.insert(DEMANDED.to_owned(), texts("demanded clauses", &demanded(spec)));
    let code = about::code_of(inputs.harness, spec, target).ok().map(|(code, _)| code);
    let name = |link: &Link| match code.filter(|_| link.spec == spec.id) {
        Some(_) if link.is_text_of(&spec.id) => text_input(&link.at),
        Some(code) => code_input(code),
        None => format!("spec {}", link.spec),
    };
    judges.extend(links.iter().map(|link| (name(link), link.tree)));
    judges
}

/// The display name of the gates and their order.
const GATES: &str = "gates in order";
/// The display name of the demanded clauses.
const DEMANDED: &str = "demanded clauses";

/// Sorted names of the clauses that require tests.
fn demanded(spec: &Spec) -> Vec<&str> {
    let demanded = spec.clauses.iter().filter(|clause| clause.is_demanded());
    let names: BTreeSet<&str> = demanded.map(|clause| clause.id.name()).collect();
    names.into_iter().collect()
}

/// The digest of gate inputs.
pub fn gate_key(judges: &BTreeMap<String, Digest>) -> GateInputsDigest {
    let mut out = Encoder::new("gate inputs");
    GateInputsDigest(
        out.list(judges, |out, (name, digest)| out.text(name).digest(*digest)).finish(),
    )
}

/// A gate's settings without defaults, so that new options of regen do not change the digest.
fn settings(gate: Option<&GateConfig>) -> String {
    let value = serde_json::to_value(gate).unwrap_or_default();
    let set =
        |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && *value != json!([]);
    let fields = value.as_object().into_iter().flatten().filter(|(_, value)| set(value));
    fields.map(|(name, value)| format!("{name}={value} ")).collect()
}

/// Why a part is not up to date, and whether it is held by a rollback.
fn reason(
    spec: &Spec,
    part: &TargetJob,
    inputs: &PlanInputs<'_>,
    live: &LiveTree,
) -> (Option<Reason>, bool) {
    let standing = inputs.standing.spec.get(&spec.id);
    let Some(target) = standing.and_then(|s| s.target.get(&part.target)) else {
        return (Some(Reason::NothingPromoted), false);
    };
    let is_wanted = target.inputs == part.key && target.gates == part.gate_key;
    let held = target.held == Some(part.key) && !is_wanted;
    let reason = match live {
        LiveTree::Missing => Some(Reason::TreeMissing),
        LiveTree::Drift(files) => Some(Reason::Drift { files: files.clone() }),
        LiveTree::Same | LiveTree::Unattested if held && !inputs.force => return (None, true),
        LiveTree::Same | LiveTree::Unattested if target.inputs != part.key => {
            let names = changed_clauses(spec, target);
            let own = inputs.harness.target.get(&part.target);
            let is_same = target.context == spec.context
                && own.is_some_and(|own| target.config == config(own));
            let is_text = own.is_some_and(|own| toolchain::of(own).text().is_some());
            Some(if is_text && is_same && texts::cites_none(target, &names) {
                Reason::Gates { changed: vec![format!("uncited clauses ({})", names.join(", "))] }
            } else if !names.is_empty() {
                Reason::Clauses { names }
            } else if target.context != spec.context {
                Reason::Context
            } else {
                Reason::Target
            })
        }
        LiveTree::Same | LiveTree::Unattested if !changed_uses(spec, target, inputs).is_empty() => {
            Some(Reason::Uses { items: changed_uses(spec, target, inputs) })
        }
        LiveTree::Same | LiveTree::Unattested if inputs.force => Some(Reason::Forced),
        LiveTree::Same | LiveTree::Unattested if is_judged_otherwise(part, target) => {
            let mut changed = judged_otherwise(part, target);
            changed.extend(texts::lost_proofs(spec, target));
            Some(Reason::Gates { changed })
        }
        LiveTree::Unattested => Some(Reason::Attestation),
        LiveTree::Same => {
            let other =
                inputs.signer.is_some_and(|signer| target.signer.as_deref() != Some(signer));
            other.then_some(Reason::Attestation)
        }
    };
    (reason, false)
}

/// The items of other contracts that a promoted tree uses; of a text, the clauses that it cites.
pub fn uses<'a>(
    spec: &Spec,
    tree: &Tree,
    target: &Target,
    depends: impl Iterator<Item = &'a Spec>,
) -> BTreeMap<String, Digest> {
    let language = toolchain::of(target);
    if language.text().is_some() {
        return texts::cited(spec, tree);
    }
    let words = |(path, bytes): (&RelPath, &[u8])| {
        let text = std::str::from_utf8(bytes).ok()?;
        language.identifiers(path, text)?.ok()
    };
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    // A case of a variant can be a type of its own: `Shape_Circle` uses `shape`.
    let both = |word: &str| {
        let of = word.split('_').next().filter(|of| of.starts_with(char::is_uppercase));
        [Some(plain(word)), of.map(plain)].into_iter().flatten().collect::<Vec<_>>()
    };
    let words = tree.iter().filter_map(words).flatten();
    let words: BTreeSet<String> = words.flat_map(|(word, _)| both(&word)).collect();
    // A method is called without the name of its resource.
    let is_used = |name: &str| name.rsplit('.').next().is_some_and(|n| words.contains(&plain(n)));
    contract_items(depends, &is_used)
}

/// The items of the contracts of specs that a name selects, each as `spec.item`.
pub fn contract_items<'a>(
    specs: impl Iterator<Item = &'a Spec>,
    wanted: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, Digest> {
    let items = specs.flat_map(|spec| {
        let items = spec.contract.iter().flat_map(Interface::items);
        let items = items.filter(|(name, _)| wanted(name));
        items.map(|(name, digest)| (format!("{}.{name}", spec.id), digest))
    });
    items.collect()
}

/// The items that a promoted tree uses and that have changed since its promotion.
fn changed_uses(spec: &Spec, target: &TargetStanding, inputs: &PlanInputs<'_>) -> Vec<String> {
    let depends = inputs.specs.iter().filter(|other| spec.depends.contains(&other.id));
    let now = contract_items(depends.map(|other| &**other), &|_| true);
    let differs = |(name, digest): &(&String, &Digest)| {
        !texts::is_citation(name) && now.get(*name) != Some(digest)
    };
    target.uses.iter().filter(differs).map(|(name, _)| name.clone()).collect()
}

fn is_judged_otherwise(part: &TargetJob, target: &TargetStanding) -> bool {
    target.gates != part.gate_key || (!part.tools.is_empty() && target.tools != part.tools)
}

/// Names of gate inputs that differ from the promoted ones.
fn judged_otherwise(part: &TargetJob, target: &TargetStanding) -> Vec<String> {
    let names: BTreeSet<&String> =
        part.gate_inputs.keys().chain(target.gate_inputs.keys()).collect();
    let differs = names
        .into_iter()
        .filter(|name| part.gate_inputs.get(*name) != target.gate_inputs.get(*name));
    let mut changed: Vec<String> = differs.cloned().collect();
    if !part.tools.is_empty() && target.tools != part.tools {
        changed.push(format!("tools ({}; now {})", target.tools, part.tools));
    }
    changed
}

/// Names of clauses added, changed or removed since the promotion.
pub fn changed_clauses(spec: &Spec, standing: &TargetStanding) -> Vec<String> {
    let now: BTreeMap<&str, Digest> =
        spec.clauses.iter().map(|c| (c.id.name(), c.digest)).collect();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (name, digest) in &now {
        if standing.clauses.get(*name) != Some(digest) {
            names.insert((*name).to_owned());
        }
    }
    names.extend(standing.clauses.keys().filter(|n| !now.contains_key(n.as_str())).cloned());
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Checks, LiveTree, PlanInputs, plan};
    use crate::spec::{Parsed, admit, parse};
    use crate::types::{
        AdmittedSpec, Harness, Plan, Reason, SpecStanding, Standing, TargetStanding,
    };

    const TOML: &str = "[harness]\ndefault_targets=[\"rust\"]\n[generator]\nmodel=\"m\"\n[target.rust]\n\
        toolchain=\"rust\"\n";

    struct World {
        harness: Harness,
        specs: Vec<AdmittedSpec>,
        live: LiveTree,
        tools: &'static str,
        standing: Standing,
    }

    impl World {
        fn new(text: &str) -> Self {
            let harness = crate::config::parse("h", TOML).expect("is right");
            let (spec, problems, _) = parse("specs/a.md", text.as_bytes());
            let (specs, _) = admit(vec![Parsed { spec, problems }], &harness, |_, _| None);
            let standing = Standing::default();
            Self { harness, specs, live: LiveTree::Same, tools: "1", standing }
        }

        fn plan(&self) -> Plan {
            let at = ("a".into(), "rust".into());
            let by_target = |text: &str| BTreeMap::from([("rust".into(), text.to_owned())]);
            plan(&PlanInputs {
                harness: &self.harness,
                specs: &self.specs,
                standing: &self.standing,
                live: &BTreeMap::from([(at.clone(), self.live.clone())]),
                checks: &BTreeMap::from([(at, Checks::default())]),
                tools: &by_target(self.tools),
                signer: None,
                languages: &by_target("rust"),
                only: None,
                force: false,
            })
        }

        fn reason(&self) -> Option<Reason> {
            self.plan().jobs[0].parts[0].reason.clone()
        }

        /// Puts the current plan into the lockfile.
        fn promote(&mut self) {
            let job = self.plan().jobs.remove(0);
            let spec = &self.specs[0];
            let target = TargetStanding {
                context: spec.context,
                clauses: spec.clauses.iter().map(|c| (c.id.name().to_owned(), c.digest)).collect(),
                inputs: job.parts[0].key,
                gates: job.parts[0].gate_key,
                tools: job.parts[0].tools.clone(),
                gate_inputs: job.parts[0].gate_inputs.clone(),
                ..TargetStanding::nothing()
            };
            let target = BTreeMap::from([("rust".into(), target)]);
            let standing = SpecStanding { target };
            self.standing.spec.insert("a".into(), standing);
        }

        fn change(&mut self, text: &str) -> Option<Reason> {
            self.specs = Self::new(text).specs;
            self.reason()
        }
    }

    const SPEC: &str = "# A\n\nProse.\n\n- one `test_id: one`\n- two `test_id: two`\n";

    #[test]
    fn reasons_list_exactly_what_changed() {
        let mut world = World::new(SPEC);
        assert_eq!(world.reason(), Some(Reason::NothingPromoted));
        world.promote();
        assert_eq!(world.reason(), None);
        let rewrapped = SPEC.replace("Prose.", "\nProse.\n").replace("one `", "one\n  `");
        assert_eq!(world.change(&rewrapped), None);
        let swapped = "# A\n\nProse.\n\n- two `test_id: two`\n- one `test_id: one`\n";
        assert_eq!(world.change(swapped), None, "order is formatting");
        let names = |list: &[&str]| {
            Some(Reason::Clauses { names: list.iter().map(|n| (*n).to_owned()).collect() })
        };
        assert_eq!(world.change(&SPEC.replace("- two", "- both")), names(&["two"]));
        assert_eq!(world.change(&SPEC.replace("- one `test_id: one`\n", "")), names(&["one"]));
        assert_eq!(world.change(&SPEC.replace("Prose", "Verse")), Some(Reason::Context));
        world.change(SPEC);
        let other = crate::config::parse("h", "[generator]\nmodel = \"another\"\n");
        world.harness.generator = other.expect("is right").generator;
        assert_eq!(world.reason(), None, "the model is no reason");
        world.tools = "2";
        let Some(reason @ Reason::Gates { .. }) = world.reason() else { panic!() };
        assert!(reason.revalidates());
        assert_eq!(reason.to_string(), "changed: tools (1; now 2); runs the gates first");
        world.live = LiveTree::Missing;
        assert_eq!(world.reason(), Some(Reason::TreeMissing));
    }

    /// Digests in lockfiles. If one of these changes, every promoted tree in every workspace is out
    /// of date: increase the format and migrate instead.
    #[test]
    fn golden_digests() {
        let text = "# A\n\nProse.\n\n- one `test_id: one` `guard: forbid x y`\n\n  ```rust\n  f();\n  ```\n\n\
            - two MAY `bench: b < 3ms` `status: draft`\n";
        let mut world = World::new(text);
        let target = world.harness.target.get_mut("rust").expect("is there");
        let dependencies = toml::Table::from_iter([("itoa".to_owned(), "1".into())]);
        target.options.insert("allowed_dependencies".to_owned(), dependencies.into());
        target.allowed_files = Some(vec!["src/*.rs".to_owned()]);
        let part = world.plan().jobs.remove(0).parts.remove(0);
        let clauses = world.specs[0].clauses.iter().map(|clause| clause.digest);
        let config = super::config(&world.harness.target["rust"]);
        let rest = [world.specs[0].context, super::meaning(&world.specs[0]), config];
        let digests = clauses.chain(rest).chain([part.key.0, part.gate_key.0]);
        let digests: Vec<String> = digests.map(|digest| digest.short()).collect();
        insta::assert_snapshot!(
            digests.join(" "),
            @"0bcb0bec855b c6064b3dc6af 114ba663c799 f255fad92274 b13022d0bd9f 64d2b172f09b a587cf517441"
        );
    }
}
