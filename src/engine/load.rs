//! Reads a workspace: configuration, specs, suites, templates, standing. No decision is made here
//! that a room could make.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::Glob;

use super::EngineError;
use crate::attest::Signer;
use crate::gate;
use crate::plan::{self, Checks};
use crate::promote::Promoter;
use crate::prompt::{HeldOut, Templates};
use crate::spec::{self, Lint, Parsed, admit, lint, parse};
use crate::store::files;
use crate::toolchain::{self, Suite, SuiteFile};
use crate::types::harness::CassetteMode;
use crate::types::{
    AdmittedSpec, Digest, Harness, LintConfig, Plan, Problem, RuleLevel, Severity, Spec, Standing,
    Target, ToolEnv, ToolSet, limits,
};
use crate::{config, guard, prompt};

/// Where a workspace and its state are.
#[derive(Clone, Debug)]
pub struct WorkspaceLayout {
    /// Folder of `harness.toml`.
    pub root: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
    /// `.regen/`.
    pub state: PathBuf,
    /// The machine's cache folder for regen: build caches and workspaces of candidates.
    pub cache: PathBuf,
}

impl WorkspaceLayout {
    /// Places of a configuration file.
    pub fn new(config: PathBuf, cache: PathBuf) -> Self {
        let root = match config.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let root = root.canonicalize().unwrap_or(root);
        Self { state: root.join(".regen"), root, config, cache }
    }

    /// The ledger's file.
    pub fn ledger(&self) -> PathBuf {
        self.state.join("ledger.db")
    }
}

/// A file that people wrote, with its text as spans count it.
pub type Sources = BTreeMap<String, String>;

/// A workspace as it was read.
#[derive(Debug)]
pub struct Workspace {
    /// Where it is.
    pub places: WorkspaceLayout,
    /// Its configuration.
    pub harness: Harness,
    /// Specs that may be generated from.
    pub specs: Vec<AdmittedSpec>,
    /// Where each stands there, by id.
    index: BTreeMap<String, usize>,
    /// Every spec as it was read, refused ones included.
    pub read: Vec<Spec>,
    /// Every problem of every spec and suite that refuses it or should be seen at each run.
    pub problems: Vec<Problem>,
    /// What was found on the way and refuses nothing.
    remarks: Vec<Problem>,
    /// Texts of the specs, for showing problems.
    pub sources: Sources,
    /// Ids of every spec by file, refused ones included.
    pub files: BTreeMap<String, String>,
    /// The user's suites, by spec and target.
    pub suites: BTreeMap<(String, String), Vec<Suite>>,
    /// Prompt templates.
    pub templates: Templates,
    /// The lock file.
    pub standing: Arc<Standing>,
    /// The lock file as it was read, where its format is an older one.
    pub(super) older: Option<Arc<Standing>>,
    /// Whether it is exactly as regen writes it.
    pub is_canonical: bool,
    /// What gives hidden examples away.
    pub secrets: HeldOut,
    /// The key that signs what is promoted.
    pub signer: Option<Signer>,
    checks: BTreeMap<(String, String), Checks>,
}

/// Reads a configuration file.
///
/// # Errors
/// It is missing or wrong, with every problem.
pub fn harness(
    places: &WorkspaceLayout,
    mode: Option<CassetteMode>,
) -> Result<Harness, EngineError> {
    let bytes = files::read_capped(&places.config, limits::CONFIG_BYTES)
        .map_err(|error| EngineError::NoWorkspace(error.to_string()))?;
    let name = places.config.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| {
        let problem = Problem::error("config::not_utf8", "the file is not UTF-8");
        EngineError::config(problem.file(&name), String::new())
    })?;
    let real = |path: &str| places.root.join(path).canonicalize().unwrap_or_else(|_| path.into());
    let read = config::parse_resolved(&name, &text, &real);
    let mut harness = read.map_err(|problems| EngineError::Config {
        problems,
        sources: BTreeMap::from([(name, text)]),
    })?;
    if let Some(generator) = &mut harness.generator {
        generator.cassettes = mode.or(generator.cassettes);
    }
    Ok(harness)
}

/// Reads a workspace.
///
/// # Errors
/// What keeps the whole workspace from being read; problems of single specs are values.
pub fn load(
    places: &WorkspaceLayout,
    mode: Option<CassetteMode>,
) -> Result<Workspace, EngineError> {
    let harness = harness(places, mode)?;
    std::thread::scope(|scope| {
        let lock = scope.spawn(|| files::lock(&places.root));
        read(places, harness, true, || lock.join().expect("reading a lock file does not panic"))
    })
}

/// Reads a workspace without asking the toolchain again about specs that it has accepted: for
/// whoever wants nothing but to compare, and reads the lock file meanwhile.
///
/// # Errors
/// As [`load`].
pub(super) fn as_accepted(
    places: &WorkspaceLayout,
    harness: Harness,
    lock: impl FnOnce() -> io::Result<files::Lock>,
) -> Result<Workspace, EngineError> {
    read(places, harness, false, lock)
}

fn read(
    places: &WorkspaceLayout,
    harness: Harness,
    again: bool,
    lock: impl FnOnce() -> io::Result<files::Lock>,
) -> Result<Workspace, EngineError> {
    let templates = templates(places, &harness)?;
    let specs = files::specs(&places.root, &harness.harness.specs).map(|specs| {
        specs.into_iter().map(|(file, bytes)| (parse(&file, &bytes), file)).collect::<Vec<_>>()
    });
    let (standing, is_canonical) = lock()?;
    let mut workspace = Workspace {
        places: places.clone(),
        harness,
        specs: Vec::new(),
        index: BTreeMap::new(),
        read: Vec::new(),
        problems: Vec::new(),
        remarks: Vec::new(),
        sources: Sources::new(),
        files: BTreeMap::new(),
        suites: BTreeMap::new(),
        templates,
        standing,
        older: None,
        is_canonical,
        secrets: HeldOut::default(),
        signer: None,
        checks: BTreeMap::new(),
    };
    let rules = rules(&workspace.harness.lint);
    let mut parsed = Vec::new();
    for ((spec, problems, source), file) in specs? {
        let spec = spec.in_force(&super::today());
        workspace.secrets.add(&spec);
        workspace.files.insert(file.clone(), spec.id.clone());
        workspace.sources.insert(file, source);
        let mut one = Parsed { spec, problems };
        workspace.read_checks(&mut one, again)?;
        workspace.lint(&mut one, &rules);
        workspace.read.push(one.spec.clone());
        parsed.push(one);
    }
    (workspace.specs, workspace.problems) = admit(parsed, &workspace.harness, guard::problem);
    let index = workspace.specs.iter().enumerate().map(|(at, spec)| (spec.id.clone(), at));
    workspace.index = index.collect();
    workspace.migrate();
    workspace.look_for_leftovers()?;
    Ok(workspace)
}

fn templates(places: &WorkspaceLayout, harness: &Harness) -> Result<Templates, EngineError> {
    let mut templates = Templates::default();
    let Some(folder) = &harness.harness.templates else { return Ok(templates) };
    let mut found = files::folder(&places.root.join(folder))?;
    let mut take =
        |name: &str| found.remove(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    templates.system = take("system.md").unwrap_or(templates.system);
    templates.task = take("task.md").unwrap_or(templates.task);
    if !places.root.join(folder).is_dir() {
        let why = format!("`templates` in harness.toml names {folder}/, which is no folder");
        return Err(EngineError::Usage(why));
    }
    if let Some(name) = found.keys().next() {
        let why = format!("{folder}/{name} is no template: there are system.md and task.md");
        return Err(EngineError::Usage(why));
    }
    let problems: Vec<_> = prompt::check(&templates)
        .into_iter()
        .map(|problem| Problem { file: format!("{folder}/{}", problem.file), ..problem })
        .collect();
    if problems.is_empty() {
        Ok(templates)
    } else {
        Err(EngineError::Config { problems, sources: Sources::new() })
    }
}

impl Workspace {
    /// Reads what judges a spec's targets, and lets the toolchain say what it thinks of the spec.
    fn read_checks(&mut self, one: &mut Parsed, again: bool) -> Result<(), EngineError> {
        for name in plan::targets(&one.spec, &self.harness) {
            let Some(target) = self.harness.target.get(&name).cloned() else { continue };
            let folder = Path::new(&self.harness.harness.validators).join(&one.spec.id).join(&name);
            let mut checks = Checks {
                gates: target.gates.clone().unwrap_or_else(|| toolchain::default_gates(&target)),
                files: BTreeMap::new(),
            };
            let mut suites = Vec::new();
            for (file, bytes) in files::folder(&self.places.root.join(&folder))? {
                let label = folder.join(&file).display().to_string();
                checks.files.insert(label.clone(), Digest::of(&bytes));
                match suite(&one.spec, &target, &file, &bytes) {
                    Ok(suite) => suites.push(suite),
                    Err(problem) => {
                        let message = format!("{label}: {}", problem.message);
                        let problem = Problem { message, line: 0, ..*problem };
                        one.problems.push(problem.file(&one.spec.file));
                    }
                }
            }
            self.validators(&mut checks)?;
            if again || !self.was_accepted((&one.spec, &name), &target, &checks) {
                one.problems.extend(toolchain::check(&one.spec, &target, &suites));
            }
            let at = (one.spec.id.clone(), name);
            self.suites.insert(at.clone(), suites);
            self.checks.insert(at, checks);
        }
        Ok(())
    }

    /// Whether this regen has promoted a target of exactly this spec, under the same suites.
    fn was_accepted(&self, (spec, name): (&Spec, &str), target: &Target, checks: &Checks) -> bool {
        let entry = self.standing.spec.get(&spec.id).and_then(|s| s.target.get(name));
        entry.is_some_and(|entry| {
            entry.regen == env!("CARGO_PKG_VERSION")
                && entry.spec == plan::meaning(spec)
                && entry.config == plan::config(target)
                && checks
                    .files
                    .iter()
                    .all(|(file, digest)| entry.gate_inputs.get(file) == Some(digest))
        })
    }

    /// Applies the rules for reviewers. What they refuse is refused; for the rest they are applied
    /// when somebody asks.
    fn lint(&mut self, one: &mut Parsed, rules: &Lint) {
        let config = &self.harness.lint;
        if config.rules.values().any(|level| *level == RuleLevel::Error) {
            one.problems.extend(lint(&one.spec, rules));
        }
        spec::set_levels(&mut one.problems, config);
        self.remarks.extend(one.problems.extract_if(.., is_remark));
    }

    /// Everything that `regen lint` finds and that refuses nothing.
    pub fn remarks(&self) -> Vec<Problem> {
        let config = &self.harness.lint;
        let rules = rules(config);
        let mut found = self.remarks.clone();
        let mut more: Vec<_> = self.read.iter().flat_map(|spec| lint(spec, &rules)).collect();
        spec::set_levels(&mut more, config);
        found.extend(more.extract_if(.., is_remark));
        let mut said = BTreeSet::new();
        found.retain(|one| {
            said.insert((one.file.clone(), one.line, one.code.clone(), one.message.clone()))
        });
        found
    }

    /// Warns of what a person may take for a spec or for a promoted one.
    fn look_for_leftovers(&mut self) -> Result<(), EngineError> {
        for file in files::not_specs(&self.places.root, &self.harness.harness.specs)? {
            let problem =
                Problem::error("spec::no_file", "this is no regular file: it is not read");
            self.problems.push(problem.warning().file(&file));
        }
        let known: BTreeSet<&String> = self.files.values().collect();
        for (id, standing) in &self.standing.spec {
            if !known.contains(id) {
                let trees: Vec<_> = standing.target.values().map(|t| t.path.as_str()).collect();
                let trees = trees.join(", ");
                let message = format!("{trees} is promoted from the spec `{id}`, which is gone");
                let help = "restore the spec, or delete the folder and its entry in regen.lock";
                let problem = Problem::error("spec::gone", message).warning().help(help);
                self.problems.push(problem.file("regen.lock"));
            }
        }
        Ok(())
    }

    /// Digests of the validator programs that gates name.
    fn validators(&self, checks: &mut Checks) -> Result<(), EngineError> {
        for gate in &checks.gates {
            let Some(name) = self.harness.gate.get(gate).and_then(|g| g.validator.as_ref()) else {
                continue;
            };
            let place = Path::new(&self.harness.harness.validators).join(name);
            let folder = self.places.root.join(&place);
            gate::validator_manifest(&folder).map_err(EngineError::Usage)?;
            for (file, bytes) in files::folder(&folder)? {
                checks.files.insert(place.join(file).display().to_string(), Digest::of(bytes));
            }
        }
        Ok(())
    }

    /// Ids of the specs that patterns mean: an id, a path, or a glob over either. No pattern:
    /// `None`.
    ///
    /// # Errors
    /// A pattern that means no spec.
    pub fn select(&self, patterns: &[String]) -> Result<Option<BTreeSet<String>>, EngineError> {
        if self.files.is_empty() {
            let folder = &self.harness.harness.specs;
            let why = format!("there is no spec in {folder}/: write one, {folder}/NAME.md");
            return Err(EngineError::Usage(why));
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        let mut ids = BTreeSet::new();
        for pattern in patterns {
            let glob = Glob::new(pattern.trim_start_matches("./"))
                .map_err(|e| EngineError::Usage(format!("--spec {pattern}: {e}")))?
                .compile_matcher();
            let absolute = Path::new(pattern).canonicalize().ok();
            let before = ids.len();
            for (file, id) in &self.files {
                let same =
                    absolute.as_ref().is_some_and(|path| *path == self.places.root.join(file));
                if same || glob.is_match(file) || glob.is_match(id) {
                    ids.insert(id.clone());
                }
            }
            if ids.len() == before && !self.files.values().any(|id| glob.is_match(id)) {
                let nearest = config::nearest(pattern, self.files.values().map(String::as_str));
                let hint = match nearest {
                    Some(id) => format!("did you mean `{id}`?"),
                    None => format!("there are: {}", self.ids().join(", ")),
                };
                return Err(EngineError::Usage(format!("--spec {pattern} means no spec; {hint}")));
            }
        }
        Ok(Some(ids))
    }

    fn ids(&self) -> Vec<&str> {
        self.files.values().map(String::as_str).collect()
    }

    /// An admitted spec.
    pub fn spec(&self, id: &str) -> Option<&AdmittedSpec> {
        self.specs.get(*self.index.get(id)?)
    }

    /// Files of selected specs that were refused.
    pub fn refused(&self, only: Option<&BTreeSet<String>>) -> Vec<&str> {
        let admitted = |file: &str| self.specs.iter().any(|spec| spec.file == file);
        let wanted = |id: &String| only.is_none_or(|only| only.contains(id));
        let files = self.files.iter().filter(|(file, id)| wanted(id) && !admitted(file));
        files.map(|(file, _)| file.as_str()).collect()
    }

    /// Problems of selected specs.
    pub fn problems_of(&self, only: Option<&BTreeSet<String>>) -> Vec<&Problem> {
        let wanted = |problem: &&Problem| {
            only.is_none_or(|only| {
                self.files.get(&problem.file).is_some_and(|id| only.contains(id))
            })
        };
        self.problems.iter().filter(wanted).collect()
    }

    /// What judges, by spec and target.
    pub(super) fn checks(&self) -> &BTreeMap<(String, String), Checks> {
        &self.checks
    }

    /// Finds the tools that the targets need.
    ///
    /// # Errors
    /// One is missing.
    pub async fn tools(&self, env: &ToolEnv) -> Result<ToolSet, EngineError> {
        Ok(gate::find_tools(&self.harness, env, &self.places.cache).await?)
    }

    /// Further files and folders that gates can read.
    pub fn read_only(&self) -> Vec<PathBuf> {
        let shown = self.harness.sandbox.read_only.iter().map(|path| self.places.root.join(path));
        // What is not there is said when it is to be shown.
        shown.map(|path| path.canonicalize().unwrap_or(path)).collect()
    }

    /// Makes the plan.
    ///
    /// # Errors
    /// `generated/` cannot be read.
    pub fn plan(
        &self,
        tools: &ToolSet,
        only: Option<&BTreeSet<String>>,
        force: bool,
    ) -> Result<Plan, EngineError> {
        self.plan_from(&self.standing, tools, only, force)
    }

    /// Makes the plan from a lock file that is newer than the workspace's reading of it.
    ///
    /// # Errors
    /// `generated/` cannot be read.
    pub fn plan_from(
        &self,
        standing: &Standing,
        tools: &ToolSet,
        only: Option<&BTreeSet<String>>,
        force: bool,
    ) -> Result<Plan, EngineError> {
        let promoter = Promoter::new(self.places.root.clone(), self.places.state.clone());
        let live = promoter.live(self.older.as_deref().unwrap_or(standing))?;
        let version = |target| tools.version(toolchain::of(target).id()).to_owned();
        let targets = self.harness.target.iter();
        let tools = targets.map(|(name, target)| (name.clone(), version(target))).collect();
        Ok(plan::plan(&plan::PlanInputs {
            harness: &self.harness,
            specs: &self.specs,
            standing,
            live: &live,
            checks: &self.checks,
            tools: &tools,
            languages: &self.languages(),
            signer: self.signer.as_ref().map(|signer| signer.public().to_string()).as_deref(),
            only,
            force,
        }))
    }

    /// Whether any problem of a spec is an error, for exit codes.
    pub fn has_errors(&self, only: Option<&BTreeSet<String>>) -> bool {
        self.problems_of(only).iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// Whether a finding is one of `regen lint`'s that refuses nothing.
fn is_remark(problem: &mut Problem) -> bool {
    problem.code.starts_with("lint::") && problem.severity != Severity::Error
}

pub(super) fn rules(config: &LintConfig) -> Lint {
    Lint::new(config, super::today(), toolchain::expectations)
}

fn suite(spec: &Spec, target: &Target, file: &str, bytes: &[u8]) -> Result<Suite, Box<Problem>> {
    let wrong = |why: &str| Box::new(Problem::error("suite::file", why));
    let end = toolchain::of(target).layout(target).suite_extension;
    if file.contains('/') || !file.ends_with(end) {
        return Err(wrong(&format!("a suite is a `{end}` file directly in the target's folder")));
    }
    if file.starts_with("regen_") {
        return Err(wrong("names that begin with `regen_` are the harness's: rename it"));
    }
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| wrong("it is not UTF-8"))?;
    toolchain::of(target).read_suite(spec, &SuiteFile { name: file.to_owned(), text })
}
