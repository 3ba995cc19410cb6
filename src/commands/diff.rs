//! Compares specs of two revisions: changed clauses and the targets they make out of date.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::contract::tests_of;
use crate::guard;
use crate::plan::{self, Checks, LiveTree};
use crate::spec::{
    Change, ClauseChange, Parsed, SpecChange, admit, diff, is_readme, parse_all, parse_in,
};
use crate::store::revision;
use crate::toolchain::{self, Suite};
use crate::types::{
    AdmittedSpec, Binding, Clause, ClauseId, Digest, Level, Reason, Span, Spec, SpecId,
    SpecStanding, Standing, Status, TargetName, TargetStanding,
};
use crate::workspace::{CommandError, Workspace, today};

/// How many commits are searched for the words of a promoted clause.
const HISTORY: usize = 200;

/// The specs of one revision.
#[derive(Debug, Default)]
pub struct Side {
    /// The parsed specs.
    pub specs: Vec<Spec>,
    admitted: Vec<AdmittedSpec>,
}

/// A target that is out of date because of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutOfDate {
    /// The spec.
    pub spec: SpecId,
    /// The target.
    pub target: TargetName,
    /// The reason.
    #[serde(flatten)]
    pub reason: Reason,
    /// Whether it only depends on a changed spec.
    pub dependent: bool,
}

/// Changes and their effects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpecsDiff {
    /// The specs.
    pub specs: Vec<SpecChange>,
    /// Targets that are out of date.
    pub out_of_date: Vec<OutOfDate>,
    /// Tests of the changed clauses, by clause.
    pub tests: BTreeMap<String, Vec<String>>,
}

impl Workspace {
    /// The working tree.
    pub fn now(&self) -> Side {
        Side { specs: self.read.clone(), admitted: self.specs.clone() }
    }

    /// A Git revision.
    ///
    /// # Errors
    /// The revision or `git` does not exist.
    pub fn at(&self, revision: &str) -> Result<Side, CommandError> {
        let files = revision::specs(&self.places.root, &self.harness.harness.specs, revision)?;
        let files: Vec<_> = files.iter().map(|(file, bytes)| (&**file, &**bytes)).collect();
        let parsed = parse_all(&files, &self.harness).into_iter();
        let parsed =
            parsed.map(|(spec, problems, _)| Parsed { spec: spec.in_force(&today()), problems });
        let parsed: Vec<Parsed> = parsed.filter(|one| !is_readme(&one.spec.file)).collect();
        let specs = parsed.iter().map(|one| one.spec.clone()).collect();
        let (admitted, _) = admit(parsed, &self.harness, guard::problem);
        Ok(Side { specs, admitted })
    }

    /// What is promoted, from the lockfile. The words come from Git's history; if not found there,
    /// only the fact of a change is known.
    pub fn promoted(&self) -> Side {
        let specs =
            self.standing.spec.iter().filter_map(|(id, standing)| self.recall(id, standing));
        Side { specs: specs.collect(), admitted: Vec::new() }
    }

    /// A spec as promoted; `None` if no target is promoted.
    fn recall(&self, id: &SpecId, standing: &SpecStanding) -> Option<Spec> {
        let now = self.read.iter().find(|spec| spec.id == *id);
        let folder = &self.harness.harness.specs;
        let file = now.map_or_else(|| format!("{folder}/{id}.md"), |spec| spec.file.clone());
        let promoted = standing.clauses();
        let mut clauses: BTreeMap<&str, Option<Clause>> =
            promoted.keys().map(|name| (name.as_str(), None)).collect();
        let context = standing.context()?;
        let mut names = (Vec::new(), Vec::new());
        let mut loose_context = Default::default();
        let mut fill = |spec: &Spec| {
            for clause in &spec.clauses {
                let name = clause.id.name();
                if promoted.get(name) == Some(&clause.digest)
                    && let Some(known) = clauses.get_mut(name)
                {
                    known.get_or_insert_with(|| clause.clone());
                }
            }
            if spec.context == context {
                names = (spec.targets.clone(), spec.depends.clone());
                loose_context = spec.loose_context;
            }
            clauses.values().all(Option::is_some)
        };
        let whole = now.is_some_and(&mut fill);
        if !whole {
            let history = revision::history(&self.places.root, &file, HISTORY).unwrap_or_default();
            let mut specs = history.iter().map(|bytes| parse_in(folder, &file, bytes).0);
            let _ = specs.any(|spec| fill(&spec));
        }
        let unknown = |name: &str| Clause {
            id: ClauseId::new(id, name),
            text: String::new(),
            level: Level::Must,
            status: Status::Stable,
            waiver: None,
            bindings: Vec::new(),
            rate: None,
            examples: Vec::new(),
            digest: promoted[name],
            span: Span::default(),
            line: 0,
        };
        let clauses: Vec<Clause> = clauses
            .into_iter()
            .map(|(name, found)| found.unwrap_or_else(|| unknown(name)))
            .collect();
        Some(Spec {
            id: id.to_owned(),
            file,
            title: String::new(),
            targets: now.map_or(names.0, |spec| spec.targets.clone()),
            integration: now.is_some_and(|spec| spec.integration),
            depends: now.map_or(names.1, |spec| spec.depends.clone()),
            programs: now.map_or_else(Default::default, |spec| spec.programs.clone()),
            effects: now.map_or_else(Default::default, |spec| spec.effects.clone()),
            clauses,
            // What the promoted contract was is not kept.
            contract: now.and_then(|spec| spec.contract.clone()),
            visible: String::new(),
            open: None,
            context,
            loose_context,
            unbound: Vec::new(),
            sections: Vec::new(),
        })
    }

    /// Compares two sides. `from` is `None` for what is promoted.
    pub fn compare(&self, from: Option<&Side>, to: &Side) -> SpecsDiff {
        let promoted;
        let old = match from {
            Some(side) => &side.specs,
            None => {
                promoted = self.promoted();
                &promoted.specs
            }
        };
        // Hand-written targets are never promoted.
        let generated = |spec: &&Spec| !plan::targets(spec, &self.harness).is_empty();
        let new: Vec<Spec> = match from {
            Some(_) => to.specs.clone(),
            None => to.specs.iter().filter(generated).cloned().collect(),
        };
        let specs = diff(old, &new);
        let changed: BTreeSet<&str> = specs.iter().map(|spec| spec.spec.as_str()).collect();
        let standing = match from {
            Some(side) => self.as_if_promoted(side),
            None => (*self.standing).clone(),
        };
        let plan = self.plan_of(&to.admitted, &standing);
        let jobs = plan.jobs.into_iter().flat_map(|job| {
            job.parts.into_iter().map(move |part| (job.spec.clone(), part.target, part.reason))
        });
        let out_of_date = jobs.filter_map(|(spec, target, reason)| {
            let is_of_dependency =
                |reason: &Reason| matches!(reason, Reason::Dependency { .. } | Reason::Uses { .. });
            let dependent = !changed.contains(spec.as_str());
            // Changes of gates are not changes of specs.
            let counts =
                |reason: &Reason| is_of_dependency(reason) || !(dependent || reason.revalidates());
            Some(OutOfDate { reason: reason.filter(counts)?, spec, target, dependent })
        });
        let out_of_date: Vec<_> = out_of_date.collect();
        let tests = self.tests_of(&specs, &to.specs);
        SpecsDiff { specs, out_of_date, tests }
    }

    /// The lockfile as if these specs had been promoted.
    fn as_if_promoted(&self, side: &Side) -> Standing {
        // Of a tree that uses others, the digests are known when these are there.
        let alone = self.promoted_from(side, &Standing::default());
        self.promoted_from(side, &alone)
    }

    fn promoted_from(&self, side: &Side, known: &Standing) -> Standing {
        let mut standing = Standing::default();
        let plan = self.plan_of(&side.admitted, known);
        for job in plan.jobs {
            let Some(spec) = side.admitted.iter().find(|spec| spec.id == job.spec) else {
                continue;
            };
            let target = job.parts.into_iter().map(|part| {
                let clauses = spec.clauses.iter().map(|c| (c.id.name().to_owned(), c.digest));
                let promoted = TargetStanding {
                    context: spec.context,
                    clauses: clauses.collect(),
                    inputs: part.key,
                    gates: part.gate_key,
                    uses: self.uses_of(side, spec, &part.target),
                    ..TargetStanding::nothing()
                };
                (part.target, promoted)
            });
            let entry = SpecStanding { target: target.collect() };
            standing.spec.insert(job.spec, entry);
        }
        standing
    }

    /// The items of other contracts that a promoted tree uses, as they were on this side.
    fn uses_of(&self, side: &Side, spec: &Spec, target: &TargetName) -> BTreeMap<String, Digest> {
        let promoted = self.standing.spec.get(&spec.id).and_then(|one| one.target.get(target));
        let depends = side.specs.iter().filter(|other| spec.depends.contains(&other.id));
        let mut items = plan::contract_items(depends, &|_| true);
        items.retain(|name, _| promoted.is_some_and(|one| one.uses.contains_key(name)));
        items
    }

    /// The plan for these specs, as if every tree were in place and tools had not changed.
    fn plan_of(&self, specs: &[AdmittedSpec], standing: &Standing) -> crate::types::Plan {
        let mut live = BTreeMap::new();
        for (id, spec) in &standing.spec {
            live.extend(spec.target.keys().map(|t| ((id.clone(), t.clone()), LiveTree::Same)));
        }
        let languages = self.harness.target.iter();
        let languages = languages
            .map(|(name, t)| (name.clone(), toolchain::of(t).rules_version().to_owned()))
            .collect();
        plan::plan(&plan::PlanInputs {
            harness: &self.harness,
            specs,
            standing,
            live: &live,
            checks: &BTreeMap::<(SpecId, TargetName), Checks>::new(),
            tools: &BTreeMap::new(),
            signer: None,
            languages: &languages,
            only: None,
            force: false,
        })
    }

    /// Tests of the changed clauses.
    fn tests_of(&self, changes: &[SpecChange], now: &[Spec]) -> BTreeMap<String, Vec<String>> {
        let stays = |change: &ClauseChange| change.change != Change::Removed;
        let mut tests = BTreeMap::new();
        for change in changes {
            let Some(spec) = now.iter().find(|spec| spec.id == change.spec) else { continue };
            let mut all = self.tests_by_clause(spec);
            for clause in change.clauses.iter().filter(|clause| stays(clause)) {
                let names = all.remove(clause.clause.as_str()).unwrap_or_default();
                tests.insert(clause.clause.clone(), names.into_iter().collect());
            }
        }
        tests
    }

    /// The tests and guards of a spec, by clause.
    fn tests_by_clause(&self, spec: &Spec) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |suite: &Suite| {
            for test in &suite.tests {
                let Some(clause) = &test.clause else { continue };
                found.entry(clause.to_string()).or_default().insert(test.name.clone());
            }
        };
        for target in plan::targets(spec, &self.harness) {
            let suites = self.suites.get(&(spec.id.clone(), target.clone()));
            suites.into_iter().flatten().for_each(&mut add);
            if let Some(target) = self.harness.target.get(&target) {
                let own = toolchain::example_suites(spec, target);
                own.visible.iter().chain(&own.hidden).for_each(&mut add);
            }
        }
        let targets = plan::targets(spec, &self.harness);
        let targets = targets.iter().filter_map(|name| self.harness.target.get(name));
        let console = targets.flat_map(|target| toolchain::console_tests(spec, target));
        let console = console.map(|test| (test.clause, test.name));
        let outside = tests_of(spec).into_iter().map(|test| (test.clause, test.name));
        for (clause, name) in outside.chain(console) {
            found.entry(clause.to_string()).or_default().insert(name);
        }
        for clause in &spec.clauses {
            for binding in &clause.bindings {
                let Binding::Guard { name, .. } = binding else { continue };
                let names = found.entry(clause.id.to_string()).or_default();
                names.insert(format!("guard {name}"));
            }
        }
        found
    }
}
