//! Whether `generated/` is exactly what was accepted for exactly these specs: without a model, the
//! network or the ledger, and without changing anything.

mod policy;
mod rerun;
mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

pub use rerun::RerunTarget;

use trees::{Compared, Units, compare};

use crate::plan::{self, LiveTree};
use crate::store::{files, revision};
use crate::types::lockfile::LOCK_VERSION;
use crate::types::{
    Harness, Plan, Policy, Problem, Reason, RelPath, Severity, Span, Spec, Standing,
};
use crate::workspace::{
    EngineError, Workspace, WorkspaceLayout, load_as_accepted, load_harness, today,
};

/// Something that is not as it was accepted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flaw {
    /// The spec; empty for what belongs to none.
    pub spec: String,
    /// The target; empty when it is all of them.
    pub target: String,
    /// What is wrong, where, and the command that mends it.
    #[serde(flatten)]
    pub problem: Problem,
}

/// A name in a command that a person may run.
fn quoted(name: &str) -> String {
    shlex::try_quote(name).unwrap_or_default().into_owned()
}

impl Flaw {
    fn new((spec, target): (&str, &str), code: &str, message: impl Into<String>) -> Self {
        let problem = Problem::error(&format!("check::{code}"), message);
        Self { spec: spec.to_owned(), target: target.to_owned(), problem }
    }

    fn at(mut self, file: impl Into<String>) -> Self {
        self.problem = self.problem.file(file);
        self
    }

    /// In a spec, whose line is known.
    fn span(mut self, file: &str, span: Span, line: usize) -> Self {
        self.problem = Problem { span: Some(span), line, ..self.problem }.file(file);
        self
    }

    fn mend(mut self, command: impl Into<String>) -> Self {
        self.problem = self.problem.help(command);
        self
    }
}

/// One target that was checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// The spec.
    pub spec: String,
    /// The target.
    pub target: String,
    /// Its file.
    pub file: String,
    /// The tree that the lock file names.
    pub tree: Option<crate::types::Digest>,
    /// Who wrote it.
    pub origin: Option<String>,
    /// How many clauses it was accepted for.
    pub clauses: usize,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Audit {
    /// What is wrong, in order of file and line.
    pub flaws: Vec<Flaw>,
    /// What was looked at.
    pub checked: Vec<Checked>,
    /// Files below `generated/` that were compared.
    pub files: usize,
    /// Whether a spec is refused.
    pub refused: bool,
}

/// What is to be checked.
#[derive(Debug, Default)]
pub struct Asked {
    /// A revision: only what differs from where this branch left it.
    pub against: Option<String>,
    /// Further demands.
    pub policy: Option<Policy>,
}

/// What a pull request touches.
struct Touched {
    /// Specs; `None` for all.
    specs: Option<BTreeSet<String>>,
    files: BTreeSet<String>,
}

/// The folder that holds nothing but units, if there is one.
fn folder(harness: &Harness) -> Option<String> {
    let target = harness.target.values().find(|target| target.is_generated())?;
    target.unit("{spec}").strip_suffix("/{spec}").map(str::to_owned)
}

/// The units of known specs.
fn units(workspace: &Workspace) -> Vec<String> {
    let target = workspace.harness.target.values().find(|target| target.is_generated());
    let ids: BTreeSet<&String> =
        workspace.files.values().chain(workspace.standing.spec.keys()).collect();
    ids.into_iter().filter_map(|id| Some(target?.unit(id))).collect()
}

/// Reads a workspace and checks it.
///
/// # Errors
/// What keeps the workspace from being read. A lock file that cannot be read is a flaw.
pub fn audit(
    places: &WorkspaceLayout,
    asked: &Asked,
) -> Result<(Option<Workspace>, Audit), EngineError> {
    let root = &places.root;
    let harness = load_harness(places, None)?;
    let folder = folder(&harness);
    // What stands there is compared while the specs are read: it needs nothing but the lock file.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let early = scope.spawn(move || {
            let lock = files::lock(root);
            let standing = lock.as_ref().ok().map(|(standing, _)| Arc::clone(standing));
            // Nobody listens any more if a spec's folder cannot be read.
            let _ = tell.send(lock);
            let (standing, folder) = standing.zip(folder)?;
            Some(compare(root, &standing, Units::In(&folder)))
        });
        let lock = || told.recv().expect("the lock file is told of");
        let workspace = match load_as_accepted(places, harness, lock) {
            Err(EngineError::Io(error)) if error.to_string().starts_with("regen.lock: ") => {
                let message = error.to_string();
                let message = message.lines().next().unwrap_or_default().to_owned();
                let flaw = Flaw::new(("", ""), "lock", message).at("regen.lock");
                let flaws = vec![flaw.mend("regen check --fix-lock")];
                return Ok((None, Audit { flaws, ..Audit::default() }));
            }
            workspace => workspace?,
        };
        let compared = || match early.join().expect("comparing does not panic") {
            Some(compared) => compared,
            None => compare(root, &workspace.standing, Units::These(units(&workspace))),
        };
        let audit = workspace.audit(compared, asked)?;
        Ok((Some(workspace), audit))
    })
}

impl Workspace {
    /// Audits; what stands on the disk is asked for last.
    fn audit(
        &self,
        compared: impl FnOnce() -> std::io::Result<Compared>,
        asked: &Asked,
    ) -> Result<Audit, EngineError> {
        let touched = match &asked.against {
            Some(revision) => self.touched(revision)?,
            None => Touched { specs: None, files: BTreeSet::new() },
        };
        let plan = self.plan_as_accepted();
        let mut flaws = self.refusals();
        let refused = !flaws.is_empty();
        flaws.extend(self.stale(&plan));
        flaws.extend(self.waivers());
        flaws.extend(self.lock());
        flaws.extend(self.thresholds(touched.specs.as_ref())?);
        let checked = self.checked(&plan, touched.specs.as_ref());
        let compared = compared()?;
        flaws.extend(compared.flaws);
        if let Some(policy) = &asked.policy {
            flaws.extend(policy::demands(self, policy, &compared.accepted)?);
        }
        if let Some(specs) = &touched.specs {
            let here = |file: &str| {
                let inside = format!("{file}/");
                touched.files.iter().any(|one| one == file || one.starts_with(&inside))
            };
            let of_all = |flaw: &Flaw| flaw.problem.code == "check::trace";
            flaws.retain(|flaw| {
                specs.contains(&flaw.spec) || here(&flaw.problem.file) || of_all(flaw)
            });
        }
        flaws.sort_by(|a, b| {
            let key = |flaw: &Flaw| {
                let problem = &flaw.problem;
                (problem.file.clone(), problem.line, problem.code.clone(), problem.message.clone())
            };
            key(a).cmp(&key(b))
        });
        flaws.dedup();
        Ok(Audit { flaws, checked, files: compared.files, refused })
    }

    /// The plan as if every tree stood where it should and the tools were those that judged it.
    fn plan_as_accepted(&self) -> Plan {
        let mut live = BTreeMap::new();
        for (id, spec) in &self.standing.spec {
            live.extend(spec.target.keys().map(|t| ((id.clone(), t.clone()), LiveTree::Same)));
        }
        plan::plan(&plan::PlanInputs {
            harness: &self.harness,
            specs: &self.specs,
            standing: &self.standing,
            live: &live,
            checks: self.checks(),
            tools: &BTreeMap::new(),
            signer: None,
            languages: &self.languages(),
            only: None,
            force: false,
        })
    }

    /// Specs that may not be generated from.
    fn refusals(&self) -> Vec<Flaw> {
        let refused = self.problems.iter().filter(|p| p.severity == Severity::Error);
        let flaw = |problem: &Problem| {
            let spec = self.files.get(&problem.file).cloned().unwrap_or_default();
            let mut problem = problem.clone();
            let help = problem.help.take().unwrap_or_default();
            let command = format!("regen lint {}", quoted(&spec));
            problem.help =
                Some(if help.is_empty() { command } else { format!("{command}: {help}") });
            Flaw { spec, target: String::new(), problem }
        };
        refused.map(flaw).collect()
    }

    /// Targets that were accepted for something else than what is asked for now.
    fn stale(&self, plan: &Plan) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for job in &plan.jobs {
            let Some(spec) = self.spec(&job.spec) else { continue };
            for part in &job.parts {
                let at = (job.spec.as_str(), part.target.as_str());
                if part.held {
                    let message = format!(
                        "`{}` is held at an earlier tree by a rollback: it was not accepted for this spec",
                        part.target
                    );
                    let flaw = Flaw::new(at, "held", message).at(&spec.file);
                    flaws.push(flaw.mend(format!("regen run --force --spec {}", quoted(&spec.id))));
                }
                if let Some(reason) = &part.reason {
                    flaws.extend(self.of_reason(spec, &part.target, reason));
                }
            }
        }
        flaws
    }

    fn of_reason(&self, spec: &Spec, target: &str, reason: &Reason) -> Vec<Flaw> {
        let at = (spec.id.as_str(), target);
        let mend = format!("regen --spec {}", quoted(&spec.id));
        let flaw = |code: &str, message: String| Flaw::new(at, code, message).mend(&mend);
        match reason {
            Reason::Clauses { names } => names
                .iter()
                .map(|name| match spec.clauses.iter().find(|clause| clause.id.name() == name) {
                    Some(clause) => {
                        let message =
                            format!("`{}` changed since `{target}` was promoted", clause.id);
                        flaw("clause", message).span(&spec.file, clause.span, clause.line)
                    }
                    None => {
                        let message = format!(
                            "`{target}` was promoted with `{}/{name}`, which is gone",
                            spec.id
                        );
                        flaw("clause", message).at(&spec.file)
                    }
                })
                .collect(),
            Reason::Gates { changed } => changed
                .iter()
                .map(|name| {
                    let file = if self.places.root.join(name).is_file() {
                        name.as_str()
                    } else if name.starts_with("demanded") {
                        &spec.file
                    } else {
                        "harness.toml"
                    };
                    let message = format!("{name} is not what judged `{}` · `{target}`", spec.id);
                    flaw("judges", message).at(file)
                })
                .collect(),
            Reason::NothingPromoted => {
                vec![flaw("not_promoted", format!("`{target}` is not promoted")).at(&spec.file)]
            }
            Reason::Context => {
                let message = format!("the prose changed since `{target}` was promoted");
                vec![flaw("context", message).at(&spec.file)]
            }
            _ => {
                let message = format!(
                    "`{}` · `{target}` was promoted with another configuration, or for other clauses of \
                     what it depends on",
                    spec.id
                );
                vec![flaw("target", message).at("harness.toml")]
            }
        }
    }

    /// Waivers that are over.
    fn waivers(&self) -> Vec<Flaw> {
        let today = today();
        let mut flaws = Vec::new();
        for spec in &self.read {
            for clause in &spec.clauses {
                let Some(waiver) = clause.waiver.as_ref().filter(|w| w.until < today) else {
                    continue;
                };
                let message = format!("the waiver of `{}` ended on {}", clause.id, waiver.until);
                let flaw = Flaw::new((&spec.id, ""), "waiver", message);
                let mend = format!("regen lint --fix {}", quoted(&spec.id));
                flaws.push(flaw.span(&spec.file, waiver.span, waiver.line).mend(mend));
            }
        }
        flaws
    }

    /// What is wrong with the lock file itself.
    fn lock(&self) -> Vec<Flaw> {
        let flaw = |message: String| {
            Flaw::new(("", ""), "lock", message).at("regen.lock").mend("regen check --fix-lock")
        };
        let mut flaws = Vec::new();
        if let Some(older) = &self.older {
            flaws.push(flaw(format!(
                "its format is {}, this regen writes format {}",
                older.version, LOCK_VERSION
            )));
        } else if !self.is_canonical {
            flaws.push(flaw("it is not as regen writes it".to_owned()));
        }
        let read: BTreeMap<&String, &Spec> =
            self.read.iter().map(|spec| (&spec.id, spec)).collect();
        for (id, standing) in &self.standing.spec {
            let known = read.get(id);
            let targets = known.map(|spec| plan::targets(spec, &self.harness)).unwrap_or_default();
            for (name, entry) in &standing.target {
                let at = (id.as_str(), name.as_str());
                if !targets.contains(name) {
                    let why = if known.is_some() { "does not have it any more" } else { "is gone" };
                    let message = format!("{} is promoted, and the spec `{id}` {why}", entry.path);
                    let mend = match RelPath::parse(&entry.path) {
                        Ok(path) => {
                            let path = quoted(path.as_str());
                            format!("rm -r {path} {path}.* && regen check --fix-lock")
                        }
                        // Whoever wrote this wants something else removed.
                        Err(_) => "regen check --fix-lock".to_owned(),
                    };
                    flaws.push(Flaw::new(at, "gone", message).at("regen.lock").mend(mend));
                }
                let path = self.harness.target.get(name);
                let path = path.map(|t| format!("{}/{}", t.unit(id), t.leaf(name)));
                if path.is_some_and(|path| path != entry.path) {
                    flaws.push(flaw(format!("`{id}` · `{name}` is not where its output goes")));
                }
            }
        }
        flaws
    }

    /// Levels of which too few clauses are covered.
    fn thresholds(&self, only: Option<&BTreeSet<String>>) -> Result<Vec<Flaw>, EngineError> {
        if self.harness.trace == Default::default() {
            return Ok(Vec::new());
        }
        let matrix = self.trace_without_ledger(only)?;
        let flaw = |message: String| {
            Flaw::new(("", ""), "trace", message).at("harness.toml").mend("regen trace")
        };
        Ok(matrix.below(&self.harness.trace).into_iter().map(flaw).collect())
    }

    fn touched(&self, revision: &str) -> Result<Touched, EngineError> {
        let root = &self.places.root;
        let usage = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::Other => EngineError::Usage(error.to_string()),
            _ => EngineError::Io(error),
        };
        let base = revision::merge_base(root, revision, "HEAD").map_err(usage)?;
        let files: BTreeSet<String> =
            revision::changed(root, &base).map_err(usage)?.into_iter().collect();
        let paths = &self.harness.harness;
        let config = self.places.config.file_name().unwrap_or_default().to_string_lossy();
        let of_one = |file: &str| {
            let own = file.strip_prefix(&format!("{}/", paths.validators));
            own.and_then(|own| own.split('/').next())
                .is_some_and(|spec| self.files.values().any(|id| id == spec))
        };
        let shared = |file: &String| {
            **file == *config
                || (file.starts_with(&format!("{}/", paths.validators)) && !of_one(file))
        };
        // A spec that is gone is gone for whatever depends on it, too.
        let specs = format!("{}/", paths.specs);
        let is_gone = |file: &String| file.starts_with(&specs) && !self.files.contains_key(file);
        if files.iter().any(|file| shared(file) || is_gone(file)) {
            return Ok(Touched { specs: None, files });
        }
        let before = revision::file(root, &base, "regen.lock").map_err(usage)?.unwrap_or_default();
        let Ok((before, _)) = Standing::parse(&String::from_utf8_lossy(&before)) else {
            return Ok(Touched { specs: None, files });
        };
        let mut specs: BTreeSet<String> = BTreeSet::new();
        let ids = self.files.values().chain(self.standing.spec.keys()).chain(before.spec.keys());
        let generated = self.harness.target.values().find(|target| target.is_generated());
        for id in ids {
            let unit = generated.map(|target| format!("{}/", target.unit(id)));
            let own = format!("{}/{id}/", paths.validators);
            let mine = |file: &String| {
                self.files.get(file) == Some(id)
                    || file.starts_with(&own)
                    || unit.as_ref().is_some_and(|unit| file.starts_with(unit))
            };
            let locked = before.spec.get(id) != self.standing.spec.get(id);
            if locked || files.iter().any(mine) {
                specs.insert(id.clone());
            }
        }
        let more: Vec<String> = self
            .read
            .iter()
            .filter(|spec| spec.depends.iter().any(|id| specs.contains(id)))
            .map(|spec| spec.id.clone())
            .collect();
        specs.extend(more);
        Ok(Touched { specs: Some(specs), files })
    }

    fn checked(&self, plan: &Plan, only: Option<&BTreeSet<String>>) -> Vec<Checked> {
        let mut checked = Vec::new();
        for job in &plan.jobs {
            if only.is_some_and(|only| !only.contains(&job.spec)) {
                continue;
            }
            for part in &job.parts {
                let entry = self.standing.spec.get(&job.spec);
                let entry = entry.and_then(|spec| spec.target.get(&part.target));
                checked.push(Checked {
                    spec: job.spec.clone(),
                    target: part.target.clone(),
                    file: self.spec(&job.spec).map(|spec| spec.file.clone()).unwrap_or_default(),
                    tree: entry.map(|entry| entry.tree),
                    origin: entry.map(|entry| entry.origin.words()),
                    clauses: entry.map_or(0, |entry| entry.clauses.len()),
                });
            }
        }
        checked
    }
}
