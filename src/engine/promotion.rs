//! Promotes accepted trees: of a job, or of an earlier job for a rollback.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::resources::Engine;
use crate::attest::Attested;
use crate::pipeline::{Attempt, State};
use crate::plan;
use crate::promote::{PartTree, PromoteError, Promotion, Switched};
use crate::store::{ContentStore, Ledger, LedgerError, files};
use crate::toolchain;
use crate::types::{
    Digest, Event, GateName, GateReport, Job, JobId, Origin, Provenance, RelPath, Source, Spec,
    SpecId, SpecStanding, StoredGeneration, Target, TargetJob, TargetName, TargetStanding,
};
use crate::verdict::{Accepted, Verdict};
use crate::workspace::{CommandError, now};

/// A promotion, as stored in the objects; used by rollbacks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The lockfile entries.
    pub standing: SpecStanding,
    /// The attestations, by target.
    pub attestations: BTreeMap<TargetName, String>,
}

impl Record {
    /// The promotion of a job; `None` if it promoted nothing or the record was deleted.
    ///
    /// # Errors
    /// Ledger errors.
    pub fn of_job(
        ledger: &dyn Ledger,
        objects: &dyn ContentStore,
        job: JobId,
    ) -> Result<Option<Self>, LedgerError> {
        let entries = ledger.job(job)?;
        let record = entries.iter().find_map(|entry| match &entry.event {
            Event::Promoted { record, .. } => *record,
            _ => None,
        });
        Ok(record.and_then(|record| serde_json::from_slice(&objects.get(record).ok()?).ok()))
    }
}

/// A promotion being assembled.
#[derive(Default)]
struct Parts {
    record: Record,
    trees: Vec<PartTree>,
    kept: Vec<String>,
}

impl Parts {
    fn add(
        &mut self,
        target: &TargetName,
        accepted: Accepted,
        entry: TargetStanding,
        text: String,
    ) {
        self.trees.push(PartTree {
            target: target.to_owned(),
            leaf: leaf(&entry).to_owned(),
            accepted,
            attestation: text.clone(),
        });
        self.record.standing.target.insert(target.to_owned(), entry);
        self.record.attestations.insert(target.to_owned(), text);
    }
}

fn leaf(entry: &TargetStanding) -> &str {
    entry.path.rsplit('/').next().unwrap_or_default()
}

type Switching = Result<(Event, Option<Switched>), CommandError>;

impl Engine {
    /// Judges every part again, from the recorded reports, and promotes.
    pub(super) fn promote(&self, id: JobId, state: &State) -> Switching {
        match self.prepare(state)? {
            Ok((unit, parts)) => self.switch(id, &state.job.spec, unit, parts),
            Err(event) => Ok((event, None)),
        }
    }

    /// Judges every part again, from the recorded reports. Gives what is to be promoted, and where.
    fn prepare(&self, state: &State) -> Result<Result<(String, Parts), Event>, CommandError> {
        let spec = self.spec(state);
        let mut accepted: BTreeMap<&TargetName, (Accepted, &Attempt)> = BTreeMap::new();
        for (index, part) in state.job.parts.iter().enumerate() {
            let Some((attempt, candidate)) = state.accepted(index) else { continue };
            match self.verdict(state, attempt, candidate)? {
                Verdict::Accept(proof) => accepted.insert(&part.target, (proof, attempt)),
                other => return Ok(Err(no_proof(&other))),
            };
        }
        if let Some(message) = self.replaced(state)? {
            return Ok(Err(Event::PromotionFailed { message }));
        }
        let before = self.workspace.standing.spec.get(&spec.id);
        // The origin of a tree is kept only if its attestation can be trusted, because this key
        // vouches for what is written now.
        let signer = self.workspace.signer.as_ref();
        let signer = signer.map(|signer| signer.public().to_string());
        let attested = |old: &TargetStanding| -> Option<TargetStanding> {
            let text = self.promoter.attestation(&old.path).ok()?;
            let entry = Attested::read(&text).ok()?.entry;
            Some(entry).filter(|e| e.tree == old.tree && (signer.is_none() || e.signer == signer))
        };
        let known = |target: &TargetName, old: &TargetStanding| -> Result<_, CommandError> {
            Ok(match (attested(old), self.recorded(&spec.id, target, old)?) {
                (Some(entry), _) | (None, Some(entry)) => entry,
                (None, None) if signer.is_none() => old.clone(),
                (None, None) => TargetStanding { origin: unattested(), ..old.clone() },
            })
        };
        let (mut parts, mut unit) = (Parts::default(), String::new());
        for (index, part) in state.job.parts.iter().enumerate() {
            let old = before.and_then(|s| s.target.get(&part.target));
            unit = self.workspace.harness.target[&part.target].unit(&spec.id);
            match (accepted.remove(&part.target), old) {
                (Some((proof, attempt)), old) => {
                    let calls = state.calls(index).take_while(|a| a.number < attempt.number);
                    let number = u32::try_from(calls.count() + 1).unwrap_or(u32::MAX);
                    let old = old.map(|old| known(&part.target, old)).transpose()?;
                    let part = &self.with_code(state, part);
                    let entry = self.entry(spec, part, &proof, attempt, number, old.as_ref())?;
                    let one = Attested::new(&spec.id, &part.target, &entry, Some(&now()));
                    let text = one.render(self.workspace.signer.as_ref());
                    parts.add(&part.target, proof, entry, text);
                }
                (None, Some(old)) => self.keep_part(&mut parts, &part.target, old)?,
                (None, None) => {}
            }
        }
        Ok(Ok((unit, parts)))
    }

    /// The lockfile entries of a job that is ready to be promoted.
    pub(super) fn ready(&self, state: &State) -> Result<Option<SpecStanding>, CommandError> {
        Ok(self.prepare(state)?.ok().map(|(_, parts)| parts.record.standing))
    }

    /// Promotes several jobs at once: all of them, or none. Gives the event of each.
    pub(super) fn promote_set(
        &self,
        jobs: &[(JobId, State)],
    ) -> Result<Vec<(Event, Option<Switched>)>, CommandError> {
        let mut promotions = Vec::new();
        for (id, state) in jobs {
            let prepared = match self.prepare(state)? {
                Ok((unit, parts)) => self.promotion(*id, &state.job.spec, unit, parts)?,
                Err(event) => Err(event),
            };
            match prepared {
                Ok(promotion) => promotions.push(promotion),
                Err(event) => return Ok(jobs.iter().map(|_| (event.clone(), None)).collect()),
            }
        }
        Ok(match self.promoter.switch(&promotions) {
            Ok(switched) => switched.into_iter().map(promoted).collect(),
            Err(error) => jobs.iter().map(|_| (not_switched(&error), None)).collect(),
        })
    }

    /// Promotes the trees of an earlier job again. Each is judged again from the reports of the job
    /// that accepted it. Targets that the job did not have stay.
    pub(super) fn roll_back(&self, id: JobId, job: &Job, to: JobId) -> Switching {
        let Some(record) = Record::of_job(&**self.ledger.borrow(), &*self.objects, to)? else {
            let message = format!("the promotion of job {to} is no longer stored");
            return Ok((Event::PromotionFailed { message }, None));
        };
        let mut accepted = BTreeMap::new();
        for (target, entry) in &record.standing.target {
            match self.accepted_before(&job.spec, target, to, entry)? {
                Some(Verdict::Accept(proof)) => accepted.insert(target, proof),
                Some(other) => return Ok((no_proof(&other), None)),
                None => {
                    let tree = entry.tree.short();
                    let message = format!("no job up to {to} accepted tree {tree} of {target}");
                    return Ok((Event::PromotionFailed { message }, None));
                }
            };
        }
        let (mut parts, mut unit) = (Parts::default(), String::new());
        for (target, proof) in accepted {
            let mut entry = record.standing.target[target].clone();
            let Some(folder) = self.unit_of(&job.spec, target, &entry) else {
                let path = &entry.path;
                let message =
                    format!("`{target}` was promoted to {path}, which is not its current output");
                return Ok((Event::PromotionFailed { message }, None));
            };
            unit = folder;
            let part = job.parts.iter().find(|part| part.target == *target);
            let other = part.filter(|p| p.key != entry.inputs || p.gate_key != entry.gates);
            entry.held = other.map(|part| part.key);
            let text = record.attestations.get(target).cloned().unwrap_or_default();
            parts.add(target, proof, entry, text);
        }
        let now = files::standing(&self.workspace.places.root)?.spec.remove(&job.spec);
        for (target, entry) in now.iter().flat_map(|now| &now.target) {
            if !parts.record.standing.target.contains_key(target) {
                self.keep_part(&mut parts, target, entry)?;
            }
        }
        self.switch(id, &job.spec, unit, parts)
    }

    /// The unit of a target, if its entry's path is inside of it.
    fn unit_of(
        &self,
        spec: &SpecId,
        target: &TargetName,
        entry: &TargetStanding,
    ) -> Option<String> {
        let wanted = self.workspace.harness.target.get(target)?;
        let path = wanted.path(spec, target).ok()?;
        (path == entry.path).then(|| wanted.unit(spec))
    }

    /// The newest verdict on this tree of a target, up to job `to`.
    fn accepted_before(
        &self,
        spec: &SpecId,
        target: &TargetName,
        to: JobId,
        entry: &TargetStanding,
    ) -> Result<Option<Verdict>, CommandError> {
        let jobs = self.ledger.borrow().promotions(spec)?;
        for (job, _) in jobs.into_iter().rev().filter(|(job, _)| *job <= to) {
            let entries = self.ledger.borrow().job(job)?;
            let Some(state) = State::fold(entries.iter().map(|entry| &entry.event))? else {
                continue;
            };
            let index = state.job.parts.iter().position(|part| part.target == *target);
            let accepted = index.and_then(|index| state.accepted(index));
            if let Some((attempt, candidate)) = accepted.filter(|(_, c)| c.tree == entry.tree) {
                return Ok(Some(self.verdict(&state, attempt, candidate)?));
            }
        }
        Ok(None)
    }

    /// The entry with which this machine promoted a tree.
    fn recorded(
        &self,
        spec: &SpecId,
        target: &TargetName,
        entry: &TargetStanding,
    ) -> Result<Option<TargetStanding>, CommandError> {
        let jobs = self.ledger.borrow().promotions(spec)?;
        for (job, _) in jobs.into_iter().rev() {
            let record = Record::of_job(&**self.ledger.borrow(), &*self.objects, job)?;
            let record = record.and_then(|mut record| record.standing.target.remove(target));
            if let Some(record) = record.filter(|record| record.tree == entry.tree) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn keep_part(
        &self,
        parts: &mut Parts,
        target: &TargetName,
        entry: &TargetStanding,
    ) -> Result<(), CommandError> {
        parts.kept.push(leaf(entry).to_owned());
        let text = self.promoter.attestation(&entry.path)?;
        parts.record.attestations.insert(target.to_owned(), text);
        parts.record.standing.target.insert(target.to_owned(), entry.clone());
        Ok(())
    }

    fn switch(&self, job: JobId, spec: &SpecId, unit: String, parts: Parts) -> Switching {
        let promotion = match self.promotion(job, spec, unit, parts)? {
            Ok(promotion) => promotion,
            Err(event) => return Ok((event, None)),
        };
        Ok(match self.promoter.switch(&[promotion]) {
            Ok(mut switched) => promoted(switched.remove(0)),
            Err(error) => (not_switched(&error), None),
        })
    }

    fn promotion(
        &self,
        job: JobId,
        spec: &SpecId,
        unit: String,
        parts: Parts,
    ) -> Result<Result<Promotion, Event>, CommandError> {
        let text = serde_json::to_vec(&parts.record).expect("a record is plain data");
        let unit = match RelPath::parse(&unit) {
            Ok(unit) => unit,
            Err(why) => {
                let message = format!("the folder `{unit}` {why}");
                return Ok(Err(Event::PromotionFailed { message }));
            }
        };
        Ok(Ok(Promotion {
            job,
            spec: spec.to_owned(),
            unit,
            record: self.objects.put(&text)?,
            parts: parts.trees,
            kept: parts.kept,
            standing: parts.record.standing,
            discard_edits: self.options.discard_edits,
        }))
    }

    /// The lockfile entry of an accepted tree.
    fn entry(
        &self,
        spec: &Spec,
        part: &TargetJob,
        proof: &Accepted,
        attempt: &Attempt,
        number: u32,
        old: Option<&TargetStanding>,
    ) -> Result<TargetStanding, CommandError> {
        let target = &self.workspace.harness.target[&part.target];
        let reports = &attempt.reports;
        let last = |gate: &GateName| reports.iter().rev().find(|report| report.gate == *gate);
        let outcome =
            |gate: &GateName| Some((gate.to_string(), last(gate)?.outcome.word().to_owned()));
        let tree = proof.tree().iter();
        let tree = tree.map(|(path, bytes)| (path.to_string(), Digest::of(bytes)));
        Ok(TargetStanding {
            path: target.path(&spec.id, &part.target).map_err(CommandError::usage)?,
            tree: proof.digest(),
            spec: plan::meaning(spec),
            context: spec.context,
            config: plan::config(target),
            inputs: part.key,
            gates: part.gate_key,
            tools: self.tools_of(target, reports),
            regen: env!("CARGO_PKG_VERSION").to_owned(),
            isolation: reports.iter().map(|report| report.isolation).min().unwrap_or_default(),
            assurance: GateReport::weakest(reports),
            signer: self.workspace.signer.as_ref().map(|signer| signer.public().to_string()),
            held: None,
            unproven: GateReport::unproven(reports),
            origin: self.origin(proof, attempt, number, old)?,
            clauses: spec.clauses.iter().map(|c| (c.id.name().to_owned(), c.digest)).collect(),
            outcomes: part.gates.iter().filter_map(outcome).collect(),
            samples: GateReport::sampled(reports),
            gate_inputs: part.gate_inputs.clone(),
            uses: plan::uses(spec, proof.tree(), target, self.direct(spec, part)),
            files: tree.collect(),
        })
    }

    /// The specs whose promoted trees a part uses itself.
    fn direct<'a>(&'a self, spec: &'a Spec, part: &'a TargetJob) -> impl Iterator<Item = &'a Spec> {
        let is_linked = |id: &&SpecId| part.links.iter().any(|link| link.spec == **id);
        let all = spec.depends.iter().filter(is_linked);
        all.filter_map(|id| self.workspace.spec(id)).map(|spec| &**spec)
    }

    /// The tools that judged a tree. Reports of old versions of regen do not have them.
    fn tools_of(&self, target: &Target, reports: &[GateReport]) -> String {
        let named = reports.iter().rev().map(|report| &report.tools);
        let own = || toolchain::tools_of(target, &self.tools);
        named.into_iter().find(|tools| !tools.is_empty()).cloned().unwrap_or_else(own)
    }

    /// The origin of a tree; checking it again does not change it.
    fn origin(
        &self,
        proof: &Accepted,
        attempt: &Attempt,
        attempts: u32,
        old: Option<&TargetStanding>,
    ) -> Result<Origin, CommandError> {
        if *proof.provenance() == Provenance::Harness {
            return Ok(Origin::harness());
        }
        let (Provenance::Completion(digest), Some(prompt)) = (proof.provenance(), attempt.prompt)
        else {
            let old = old.map(|old| old.origin.clone());
            return Ok(old.unwrap_or_else(|| TargetStanding::nothing().origin));
        };
        let answer: StoredGeneration = self.object(*digest)?;
        let replay = answer.replay().map(str::to_owned);
        Ok(Origin {
            generator: self.generator(attempt.tier)?.kind().to_owned(),
            // A server may name its model by a local path.
            model: answer.model().rsplit('/').next().unwrap_or_default().to_owned(),
            source: if replay.is_some() { Source::Replay } else { Source::Model },
            recorded: replay,
            prompt,
            attempts,
        })
    }
}

fn promoted(switched: Switched) -> (Event, Option<Switched>) {
    let (trees, record) = (switched.trees.clone(), switched.record);
    (Event::Promoted { trees, record }, Some(switched))
}

fn not_switched(error: &PromoteError) -> Event {
    match error {
        PromoteError::Drift(files) => Event::PromotionRefused { files: files.clone() },
        error => Event::PromotionFailed { message: error.to_string() },
    }
}

/// The origin of a tree without a trusted attestation; policies do not accept it as a model's.
fn unattested() -> Origin {
    let source = Source::Replay;
    let (generator, model) = ("unknown".to_owned(), "unknown".to_owned());
    Origin { generator, model, source, ..TargetStanding::nothing().origin }
}

fn no_proof(verdict: &Verdict) -> Event {
    let why = match verdict {
        Verdict::Accept(_) => "",
        Verdict::Refuse(diagnosis) | Verdict::Unsound(diagnosis) => &diagnosis.summary,
    };
    Event::PromotionFailed {
        message: format!("recorded gate reports no longer support acceptance: {why}"),
    }
}
