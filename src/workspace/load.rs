//! Reads a workspace: configuration, specs, suites, templates, lockfile. Decisions are left to pure
//! modules.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use super::clock::today;
use super::error::CommandError;
use super::model::{CONFIG, Sources, Workspace, WorkspaceLayout};
use super::texts::{complete_texts, lacks};
use crate::gate;
use crate::plan::{self, Checks};
use crate::prompt::{HeldOut, Templates};
use crate::spec::{self, Lint, Parsed, admit, lint, parse_all};
use crate::store::{LockfileError, files};
use crate::toolchain;
use crate::types::behaviour::MODEL;
use crate::types::harness::{CassetteMode, HoldOutMode};
use crate::types::{
    Digest, Harness, LintConfig, Problem, RuleLevel, Severity, Spec, SpecId, Standing, Target,
    limits,
};
use crate::{config, guard, process, prompt};

/// A configuration file.
#[derive(Debug)]
pub struct ConfigFile {
    /// The parsed configuration.
    pub harness: Harness,
    /// Its bytes.
    bytes: Vec<u8>,
    /// The style guides that it names, by path.
    styles: BTreeMap<String, Vec<u8>>,
}

/// Reads a configuration file. `mode` replaces its cassette mode.
///
/// # Errors
/// It is missing or invalid; lists every problem.
pub fn load_config(
    places: &WorkspaceLayout,
    mode: Option<CassetteMode>,
) -> Result<ConfigFile, CommandError> {
    let bytes = files::read_capped(&places.config, limits::CONFIG_BYTES)
        .map_err(CommandError::no_workspace)?;
    let name = places.config.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| {
        let problem = Problem::error("config::not_utf8", "the file is not UTF-8");
        let sources = Sources::from([(name.clone(), String::new())]);
        CommandError::config(vec![problem.file(&name)], sources)
    })?;
    let mut harness = config_with(places, &text)?;
    if let Some(problem) = linked_output(&places.root, &harness) {
        let sources = Sources::from([(name.clone(), text)]);
        return Err(CommandError::config(vec![problem.file(&name)], sources));
    }
    let keys = toolchain::model_keys(&harness);
    let secrets = harness.gate.values().flat_map(|gate| &gate.secrets);
    process::conceal(
        keys.iter().chain(secrets).chain(&harness.attestation.key_env).map(String::as_str),
    );
    if let Some(generator) = &mut harness.generator {
        generator.cassettes = mode.or(generator.cassettes);
    }
    let models = harness.target.values_mut().filter_map(|target| target.options.get_mut(MODEL));
    if let Some(word) = mode.and_then(|mode| toml::Value::try_from(mode).ok()) {
        for model in models.filter_map(toml::Value::as_table_mut) {
            model.insert("cassettes".to_owned(), word.clone());
        }
    }
    let styles = complete_texts(&places.root, &mut harness)?;
    Ok(ConfigFile { harness, bytes: text.into_bytes(), styles })
}

/// Parses the text of a configuration of this workspace.
///
/// # Errors
/// It is invalid; lists every problem.
pub fn config_with(places: &WorkspaceLayout, text: &str) -> Result<Harness, CommandError> {
    let name = places.config.display().to_string();
    let real = |path: &str| places.root.join(path).canonicalize().unwrap_or_else(|_| path.into());
    let sources = RefCell::new(Sources::from([(name.clone(), text.to_owned())]));
    let declared = |toolchain: &str| {
        let read = declared_text(places, toolchain)?;
        let shown = read.clone().unwrap_or_default();
        sources.borrow_mut().insert(config::toolchain_file(toolchain), shown);
        Some(read)
    };
    let refused = |problems| CommandError::config(problems, sources.borrow().clone());
    config::parse_resolved(&name, text, &real, &declared).map_err(refused)
}

/// The text of a file that declares a toolchain; `None` without one.
pub fn declared_text(places: &WorkspaceLayout, name: &str) -> Option<Result<String, String>> {
    // The name is a part of the path.
    let file = config::is_toolchain_name(name).then(|| config::toolchain_file(name))?;
    if let Some(link) = files::link_on(&places.root, &file) {
        return Some(Err(format!("`{link}` is a symbolic link")));
    }
    let path = places.root.join(&file);
    path.symlink_metadata().ok()?;
    let read = files::read_capped(&path, limits::CONFIG_BYTES).map_err(|why| why.to_string());
    Some(read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())))
}

/// The files of the workspace that declare toolchains.
fn declarations(harness: &Harness) -> impl Iterator<Item = (String, Vec<u8>)> {
    let all = harness.target.values().filter_map(|target| target.declaration.as_ref());
    let own = all.filter(|one| toolchain::shipped(one.name()).as_ref() != Some(*one));
    own.map(|one| (config::toolchain_file(one.name()), one.text().as_bytes().to_vec()))
}

/// Rejects a folder for promoted trees that is a symbolic link, which could lead outside of the
/// workspace.
fn linked_output(root: &Path, harness: &Harness) -> Option<Problem> {
    let outputs = harness.target.values().filter(|target| target.is_generated());
    let fixed = outputs.map(|target| match target.output.split_once('{') {
        Some((fixed, _)) => fixed.rsplit_once('/').map_or("", |(folders, _)| folders),
        None => target.output.as_str(),
    });
    let link = fixed.filter(|path| !path.is_empty()).find_map(|path| files::link_on(root, path))?;
    let message = format!("`{link}` is a symbolic link; regen writes only inside the workspace");
    let help = format!("replace `{link}` by a folder, or change `output` of the targets");
    Some(Problem::error("config::linked_output", message).help(help))
}

/// Parses a configuration file.
///
/// # Errors
/// As [`load_config`].
pub fn load_harness(
    places: &WorkspaceLayout,
    mode: Option<CassetteMode>,
) -> Result<Harness, CommandError> {
    load_config(places, mode).map(|config| config.harness)
}

/// Reads a workspace.
///
/// # Errors
/// The workspace cannot be read. Problems of single specs are values.
pub fn load(
    places: &WorkspaceLayout,
    mode: Option<CassetteMode>,
) -> Result<Workspace, CommandError> {
    load_with(places, load_config(places, mode)?)
}

/// Reads a workspace with this configuration.
///
/// # Errors
/// As [`load`].
pub fn load_with(places: &WorkspaceLayout, config: ConfigFile) -> Result<Workspace, CommandError> {
    std::thread::scope(|scope| {
        let lock = scope.spawn(|| files::lock(&places.root));
        read(places, config, true, || lock.join().expect("reading a lockfile does not panic"))
    })
}

/// Reads a workspace without asking the toolchain again about specs it accepted before. For
/// comparisons that read the lockfile in parallel.
///
/// # Errors
/// As [`load`].
pub fn load_as_accepted(
    places: &WorkspaceLayout,
    config: ConfigFile,
    lock: impl FnOnce() -> Result<files::Lock, LockfileError>,
) -> Result<Workspace, CommandError> {
    read(places, config, false, lock)
}

fn read(
    places: &WorkspaceLayout,
    config: ConfigFile,
    again: bool,
    lock: impl FnOnce() -> Result<files::Lock, LockfileError>,
) -> Result<Workspace, CommandError> {
    let ConfigFile { harness, bytes, styles } = config;
    let mut bytes = BTreeMap::from([(CONFIG.to_owned(), bytes)]);
    bytes.extend(declarations(&harness).chain(styles));
    let (templates, template_files) = templates(places, &harness, &mut bytes)?;
    let specs = files::specs(&places.root, &harness.harness.specs).map(|specs| {
        let files: Vec<_> = specs.iter().map(|(file, read)| (&**file, &**read)).collect();
        let parsed = parse_all(&files, &harness);
        let files: Vec<String> = specs.iter().map(|(file, _)| file.clone()).collect();
        bytes.extend(specs);
        parsed.into_iter().zip(files).collect::<Vec<_>>()
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
        renamed: None,
        signer: None,
        workers: None,
        checks: BTreeMap::new(),
        bytes,
        template_files,
        validators: BTreeMap::new(),
        given: BTreeMap::new(),
        inputs: Mutex::default(),
    };
    let rules = rules(&workspace.harness.lint);
    let (mut parsed, mut written, mut readmes) = (Vec::new(), Vec::new(), Vec::new());
    for ((spec, problems, source), file) in specs? {
        if spec::is_readme(&file) {
            readmes.extend(unread(&spec));
            continue;
        }
        written.extend((!workspace.is_current(&spec)).then(|| spec.clone()));
        let is_open = workspace.harness.prompt.hold_out == HoldOutMode::Off;
        let spec = if is_open { spec.without_hold_out() } else { spec };
        let spec = spec.in_force(&today());
        workspace.secrets.add(&spec);
        workspace.files.insert(file.clone(), spec.id.clone());
        workspace.sources.insert(file, source);
        let mut one = Parsed { spec, problems };
        workspace.read_checks(&mut one, again)?;
        workspace.lint(&mut one, &rules);
        workspace.read.push(one.spec.clone());
        parsed.push(one);
    }
    workspace.admit(parsed);
    workspace.problems.extend(readmes);
    workspace.migrate(&written);
    workspace.look_for_leftovers()?;
    toolchain::release();
    Ok(workspace)
}

/// What is said of a README with clauses.
fn unread(spec: &Spec) -> Option<Problem> {
    let problem = Problem::error("spec::readme", "a README is not read, but this one has clauses");
    let problem = problem.warning().help("rename it, for example to spec.md").file(&spec.file);
    (!spec.clauses.is_empty()).then_some(problem)
}

/// For each spec, whether the code of a removed one is in its folder.
fn taken(standing: &Standing, parsed: &[Parsed]) -> Vec<Option<Problem>> {
    let known: BTreeSet<&SpecId> = parsed.iter().map(|one| &one.spec.id).collect();
    let gone = standing.spec.keys().filter(|id| !known.contains(id));
    let gone: BTreeMap<String, &SpecId> = gone.map(|id| (id.package(), id)).collect();
    let problem = |spec: &Spec| {
        let old = gone.get(&spec.id.package())?;
        let message =
            format!("its package is `{}`, as which `{old}` is promoted", spec.id.package());
        let help = format!("set `id: {old}`, or run `regen remove {old}` for new code");
        Some(Problem::error("spec::same_package", message).help(help).file(&spec.file))
    };
    parsed.iter().map(|one| problem(&one.spec)).collect()
}

/// The prompt templates and the names of their files; adds their bytes to `bytes`.
fn templates(
    places: &WorkspaceLayout,
    harness: &Harness,
    bytes: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(Templates, Vec<String>), CommandError> {
    let mut templates = Templates::default();
    let Some(folder) = &harness.harness.templates else { return Ok((templates, Vec::new())) };
    let mut found = files::folder(&places.root.join(folder))?;
    let named = |(file, bytes): (&String, &Vec<u8>)| (format!("{folder}/{file}"), bytes.clone());
    let kept: BTreeMap<String, Vec<u8>> = found.iter().map(named).collect();
    let mut take = |name: &str| {
        found.remove(name).map(|bytes| String::from_utf8_lossy(&files::stored(bytes)).into_owned())
    };
    templates.system = take("system.md").unwrap_or(templates.system);
    templates.task = take("task.md").unwrap_or(templates.task);
    if !places.root.join(folder).is_dir() {
        let why = format!("`templates` in harness.toml: {folder}/ is not a folder");
        return Err(CommandError::usage(why));
    }
    if let Some(name) = found.keys().next() {
        let why = format!("{folder}/{name} is not a template; expected system.md or task.md");
        return Err(CommandError::usage(why));
    }
    let problems: Vec<_> = prompt::check(&templates)
        .into_iter()
        .map(|problem| Problem { file: format!("{folder}/{}", problem.file), ..problem })
        .collect();
    if problems.is_empty() {
        let names = kept.keys().cloned().collect();
        bytes.extend(kept);
        Ok((templates, names))
    } else {
        Err(CommandError::config(problems, Sources::new()))
    }
}

impl Workspace {
    fn admit(&mut self, mut parsed: Vec<Parsed>) {
        let taken = taken(&self.standing, &parsed);
        parsed.iter_mut().zip(taken).for_each(|(one, taken)| one.problems.extend(taken));
        (self.specs, self.problems) = admit(parsed, &self.harness, guard::problem);
        let index = self.specs.iter().enumerate().map(|(at, spec)| (spec.id.clone(), at));
        self.index = index.collect();
    }

    /// Reads the suites and validators of a spec's targets, and lets the toolchain check the spec.
    fn read_checks(&mut self, one: &mut Parsed, again: bool) -> Result<(), CommandError> {
        for name in plan::targets(&one.spec, &self.harness) {
            let Some(target) = self.harness.target.get(&name).cloned() else { continue };
            let mut checks = Checks {
                gates: target.gates.clone().unwrap_or_else(|| toolchain::default_gates(&target)),
                files: BTreeMap::new(),
            };
            let suites = self.read_suites(one, &name, &target, &mut checks)?;
            self.validators(&mut checks)?;
            if again || !self.was_accepted(&one.spec, &name, &target, &checks) {
                let mut found = toolchain::check(&one.spec, &target, &suites);
                // A suite that cannot be read may have the tests.
                if one.problems.iter().any(|problem| problem.code.starts_with("suite::")) {
                    found.retain(|problem| !toolchain::UNTESTED.contains(&problem.code.as_str()));
                }
                one.problems.extend(found);
                one.problems.extend(lacks(&one.spec, &name, &target, &self.harness));
            }
            let at = (one.spec.id.clone(), name);
            self.suites.insert(at.clone(), suites);
            self.checks.insert(at, checks);
        }
        Ok(())
    }

    /// Whether this regen has promoted a target of this exact spec, with the same suites.
    fn was_accepted(&self, spec: &Spec, name: &str, target: &Target, checks: &Checks) -> bool {
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

    /// Applies the lint rules that refuse specs; the others run only in `regen lint`.
    fn lint(&mut self, one: &mut Parsed, rules: &Lint) {
        let config = &self.harness.lint;
        if config.rules.values().any(|level| *level == RuleLevel::Error) {
            one.problems.extend(lint(&one.spec, rules));
        }
        spec::set_levels(&mut one.problems, config);
        self.remarks.extend(one.problems.extract_if(.., is_remark));
    }

    /// All findings of `regen lint` that do not refuse a spec.
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

    /// Warns of folders that look like a spec or a promoted tree.
    fn look_for_leftovers(&mut self) -> Result<(), CommandError> {
        for file in files::not_specs(&self.places.root, &self.harness.harness.specs)? {
            let is_of_others = Path::new(&file).file_name().is_some_and(files::is_of_others);
            let what = if is_of_others {
                "a folder that other programs fill; not read"
            } else {
                "a symbolic link or special file; ignored"
            };
            let problem = Problem::error("spec::no_file", what);
            self.problems.push(problem.warning().file(&file));
        }
        let known: BTreeSet<&SpecId> = self.files.values().collect();
        for (id, standing) in &self.standing.spec {
            if !known.contains(id) {
                let trees: Vec<_> = standing.target.values().map(|t| t.path.as_str()).collect();
                let trees = trees.join(", ");
                let message =
                    format!("{trees} was promoted from the spec `{id}`, which was removed");
                let help = format!(
                    "restore the spec, or run `regen rename {id} NEW` or `regen remove {id}`"
                );
                let problem = Problem::error("spec::gone", message).warning().help(help);
                self.problems.push(problem.file("regen.lock"));
            }
        }
        Ok(())
    }

    /// Digests of the validator programs of gates; each is read once.
    fn validators(&mut self, checks: &mut Checks) -> Result<(), CommandError> {
        for gate in &checks.gates {
            let Some(name) = self.harness.gate.get(gate).and_then(|g| g.validator.clone()) else {
                continue;
            };
            if !self.validators.contains_key(&name) {
                let digests = self.read_validator(&name)?;
                self.validators.insert(name.clone(), digests);
            }
            checks.files.extend(self.validators[&name].clone());
        }
        Ok(())
    }

    fn read_validator(&mut self, name: &str) -> Result<BTreeMap<String, Digest>, CommandError> {
        let all = Path::new(&self.harness.harness.validators);
        gate::validator_manifest(&self.places.root.join(all), name).map_err(CommandError::usage)?;
        let place = all.join(name);
        let folder = self.places.root.join(&place);
        let mut digests = BTreeMap::new();
        for (file, bytes) in files::folder(&folder)? {
            let label = place.join(file).display().to_string();
            let bytes = files::stored(bytes);
            digests.insert(label.clone(), Digest::of(&bytes));
            self.bytes.insert(label, bytes);
        }
        Ok(digests)
    }
}

/// Whether a finding is of a lint rule that does not refuse specs.
fn is_remark(problem: &mut Problem) -> bool {
    problem.code.starts_with("lint::") && problem.severity != Severity::Error
}

/// The lint rules, as configured, with today's date.
pub fn rules(config: &LintConfig) -> Lint {
    Lint::new(config, today())
}
