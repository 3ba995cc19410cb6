//! Gathers the tests of each clause and their last results: from gates, the lockfile and other test
//! tools.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::contract::tests_of;
use crate::spec::{Matrix, Proof, Proofs, Stray, TestVerdict, parse_in, trace};
use crate::store::{ContentStore, Ledger, Objects, SqliteLedger, files, given};
use crate::toolchain::results;
use crate::toolchain::{self, Suite, Visibility};
use crate::types::{
    Binding, Clause, ClauseId, Digest, Event, Red, SampleCount, Spec, SpecId, Target, TargetName,
    TargetStanding, TestResult, TestStatus, Tree, limits,
};
use crate::workspace::{CommandError, Workspace};

/// Where Rust tests are.
const TESTS: [&str; 2] = ["tests/**/*.rs", "src/**/*.rs"];
/// Folders without hand-written code.
const OTHERS: [&str; 6] = ["target", "node_modules", ".git", ".regen", ".venv", "__pycache__"];

/// Results of hand-written code, and the tests in its files.
struct Written {
    /// Tests in files, by the clause they cover: file and name.
    tests: BTreeMap<String, Vec<(String, String)>>,
    /// Tests that ran, by the clause they cover.
    ran: BTreeMap<String, Vec<TestResult>>,
    /// Whether there is a results file.
    told: bool,
    /// All tests in files, with the clause they cover.
    all: Vec<(String, String, BTreeSet<String>)>,
}

/// What the gates of a spec's last job said, and of what.
#[derive(Default)]
struct LastRun {
    said: BTreeMap<String, TestVerdict>,
    /// The files that it ran with.
    files: Tree,
    /// The clauses in them.
    clauses: BTreeMap<ClauseId, Digest>,
}

impl LastRun {
    /// Whether its results are of a clause as it is now, and of a suite as it is now.
    fn counts(&self, clause: &Clause, suite: Option<&str>, now: &Workspace) -> bool {
        self.clauses.get(&clause.id) == Some(&clause.digest)
            && suite.is_none_or(|file| self.files.get(file) == now.bytes_of(file))
    }
}

impl Workspace {
    /// The matrix of clauses and tests. `extra` lists further results files.
    ///
    /// # Errors
    /// A results file cannot be read; I/O errors.
    pub fn trace(
        &self,
        only: Option<&BTreeSet<SpecId>>,
        extra: &[PathBuf],
    ) -> Result<Matrix, CommandError> {
        self.trace_with(
            only,
            extra,
            SqliteLedger::read(&self.places.ledger())?.as_ref().map(|ledger| ledger as _),
        )
    }

    /// The same from the lockfile only.
    pub(super) fn trace_without_ledger(
        &self,
        only: Option<&BTreeSet<SpecId>>,
    ) -> Result<Matrix, CommandError> {
        self.trace_with(only, &[], None)
    }

    fn trace_with(
        &self,
        only: Option<&BTreeSet<SpecId>>,
        extra: &[PathBuf],
        ledger: Option<&dyn Ledger>,
    ) -> Result<Matrix, CommandError> {
        let specs: Vec<(Spec, Vec<TargetName>)> = self
            .read
            .iter()
            .filter(|spec| only.is_none_or(|only| only.contains(&spec.id)))
            .map(|spec| (spec.clone(), self.tested_targets(spec)))
            .collect();
        let mut written = BTreeMap::new();
        for (name, target) in self.harness.target.iter().filter(|(_, t)| !t.is_generated()) {
            if specs.iter().any(|(_, targets)| targets.contains(name)) {
                written.insert(name.as_str(), self.written(target, extra)?);
            }
        }
        if written.is_empty() && !extra.is_empty() {
            let why = "--results needs hand-written code, but no target has generator = \"none\"";
            return Err(CommandError::usage(why.to_owned()));
        }
        let mut proofs = Proofs::new();
        let mut strays = BTreeSet::new();
        for (spec, targets) in &specs {
            for name in targets {
                match written.get(name.as_str()) {
                    Some(code) => of_people(spec, name, code, &mut proofs),
                    None => {
                        let last = self.last_results(ledger, &spec.id, name)?;
                        self.generated(spec, name, &last, &mut proofs, &mut strays);
                    }
                }
            }
        }
        self.unexplained(&specs, only, &written, &mut strays);
        let untold = written.iter().filter(|(_, code)| !code.told);
        let untold = untold.map(|(name, _)| *name).collect();
        Ok(trace(&specs, &proofs, &untold, strays))
    }

    /// Gate results of the last job for a target's tests and guards.
    fn last_results(
        &self,
        ledger: Option<&dyn Ledger>,
        spec: &SpecId,
        target: &TargetName,
    ) -> Result<LastRun, CommandError> {
        let (mut said, mut ran) = (BTreeMap::new(), LastRun::default());
        let Some((_, entries)) = ledger.map(|l| l.last_job(spec)).transpose()?.flatten() else {
            return Ok(ran);
        };
        let objects = Objects::new(self.places.state.join("objects"));
        let (mut newest, mut fresh) = (0, false);
        for entry in entries {
            match entry.event {
                Event::AttemptStarted { attempt, target: of, .. } if of == *target => {
                    newest = attempt;
                    fresh = true;
                }
                Event::GateReported { attempt, report, .. } if attempt == newest => {
                    // A reply that was refused before is not gated again.
                    if std::mem::take(&mut fresh) {
                        said.clear();
                    }
                    let tests = report.tests.iter();
                    said.extend(tests.map(|test| match test.status {
                        TestStatus::Passed => (test.name.clone(), TestVerdict::Unproven),
                        status => (test.name.clone(), self::said(status)),
                    }));
                    let seen = report.red.iter().filter(|proof| proof.red == Red::Seen);
                    said.extend(seen.map(|proof| (proof.test.clone(), TestVerdict::Passed)));
                }
                // What is not kept any more is not known.
                Event::CandidateMade { attempt, inputs, .. } if attempt == newest => {
                    ran.files = inputs.and_then(|of| objects.get_tree(of).ok()).unwrap_or_default();
                }
                _ => {}
            }
        }
        let file = self.read.iter().find(|one| one.id == *spec).map_or("", |one| &one.file);
        if let Some(text) = ran.files.get(file) {
            let clauses = parse_in(&self.harness.harness.specs, file, text).0.clauses.into_iter();
            ran.clauses = clauses.map(|clause| (clause.id, clause.digest)).collect();
        }
        Ok(LastRun { said, ..ran })
    }

    /// The targets of a spec without texts, which have no tests.
    fn tested_targets(&self, spec: &Spec) -> Vec<TargetName> {
        let is_text = |name: &&TargetName| {
            let target = self.harness.target.get(*name);
            target.is_some_and(|target| toolchain::of(target).text().is_some())
        };
        self.harness.targets_of(spec).iter().filter(|name| !is_text(name)).cloned().collect()
    }

    fn generated(
        &self,
        spec: &Spec,
        name: &TargetName,
        last: &LastRun,
        proofs: &mut Proofs,
        strays: &mut BTreeSet<Stray>,
    ) {
        let Some(target) = self.harness.target.get(name) else { return };
        // A promoted tree passed every gate for these clauses.
        let standing = self.standing.spec.get(&spec.id);
        let promoted = standing.and_then(|standing| standing.target.get(name));
        let own = [Visibility::Visible, Visibility::Hidden];
        let own = own.map(|shown| toolchain::of(target).native()?.examples(spec, target, shown));
        let suites = self.suites.get(&(spec.id.clone(), name.to_owned()));
        let place = |suite: &Suite| self.place_of(spec, name, suite);
        let own = own.iter().flatten().map(|suite| (None, suite));
        let theirs = suites.into_iter().flatten().map(|suite| (Some(place(suite)), suite));
        let native = own.chain(theirs).flat_map(|(file, suite)| {
            suite.tests.iter().map(move |test| (file.clone(), test.name.clone()))
        });
        let outside = tests_of(spec).into_iter().map(|test| test.name);
        let console = toolchain::console_tests(spec, target).into_iter().map(|test| test.name);
        let outside = outside.chain(console).map(|name| (None, name));
        let tests: Vec<(Option<String>, String)> = native.chain(outside).collect();
        for clause in &spec.clauses {
            let done = |file: &Option<String>, name: &String| {
                let counts = last.counts(clause, file.as_deref(), self);
                let said = last.said.get(name).filter(|_| counts).copied();
                match promoted.filter(|one| self.is_of(one, clause, file.as_deref())) {
                    None => said.unwrap_or(TestVerdict::NotRun),
                    Some(promoted) if promoted.unproven.contains(name) => TestVerdict::Unproven,
                    Some(_) => TestVerdict::Passed,
                }
            };
            for binding in &clause.bindings {
                let entry = proofs.entry(key(clause, binding)).or_default();
                let proof = |test: String, said| {
                    let lasting = Some(test.clone());
                    let seen = promoted.filter(|_| said == TestVerdict::Passed);
                    let counts = seen.map(|one| one.counts(&test)).unwrap_or_default();
                    // Of a MAY clause the rate need not be shown.
                    let is_shown = counts.iter().all(SampleCount::is_shown);
                    let said = if is_shown { said } else { TestVerdict::Failed };
                    let samples: Vec<String> = counts.iter().map(SampleCount::words).collect();
                    let samples = (!samples.is_empty()).then(|| samples.join("; "));
                    Proof { target: name.to_owned(), test, said, samples, lasting }
                };
                match binding {
                    Binding::TestId { name: id } => {
                        let mine = tests.iter().filter(|(_, test)| toolchain::is_test_of(test, id));
                        let mine = mine.map(|(at, test)| proof(test.clone(), done(at, test)));
                        entry.extend(mine);
                    }
                    Binding::Guard { name, .. } => {
                        let accepted = promoted.is_some_and(|one| self.is_of(one, clause, None));
                        let said = if accepted { TestVerdict::Passed } else { TestVerdict::NotRun };
                        entry.push(proof(format!("guard {name}"), said));
                    }
                    // `bench:` bindings are not measured yet.
                    Binding::Bench { .. } => {}
                }
            }
        }
        for suite in suites.into_iter().flatten() {
            for test in suite.tests.iter().filter(|test| test.clause.is_none()) {
                strays.insert(Stray { place: place(suite), test: test.name.clone() });
            }
        }
    }

    /// Whether a promoted tree was accepted for a clause, and under a suite, as they are now.
    fn is_of(&self, promoted: &TargetStanding, clause: &Clause, suite: Option<&str>) -> bool {
        let bytes = |file| Some(Digest::of(self.bytes_of(file)?));
        promoted.clauses.get(clause.id.name()) == Some(&clause.digest)
            && suite.is_none_or(|file| promoted.gate_inputs.get(file).copied() == bytes(file))
    }

    fn written(&self, target: &Target, extra: &[PathBuf]) -> Result<Written, CommandError> {
        let root = self.places.root.join(target.path.as_deref().unwrap_or("."));
        let patterns = if target.tests.is_empty() {
            TESTS.map(str::to_owned).to_vec()
        } else {
            target.tests.clone()
        };
        let (mut tests, mut all) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        let mut ran = BTreeMap::<_, Vec<_>>::new();
        for (name, path) in matching(&root, &patterns)? {
            let text = text(&path)?;
            for test in results::tests(&name, &text) {
                let ids = results::ids(&test);
                for id in &ids {
                    tests.entry(id.clone()).or_default().push((name.clone(), test.clone()));
                }
                all.push((name.clone(), test, ids));
            }
        }
        let found = matching(&root, &target.results)?.into_iter().map(|(_, path)| path);
        let mut told = false;
        for path in found.chain(extra.iter().cloned()) {
            told = true;
            let read = results::read(&text(&path)?);
            let read =
                read.map_err(|why| CommandError::usage(format!("{}: {why}", path.display())))?;
            for result in read {
                for id in results::ids(&result.name) {
                    ran.entry(id).or_default().push(result.clone());
                }
            }
        }
        Ok(Written { tests, ran, told, all })
    }

    /// Hand-written tests and promoted trees without a clause.
    fn unexplained(
        &self,
        specs: &[(Spec, Vec<TargetName>)],
        only: Option<&BTreeSet<SpecId>>,
        written: &BTreeMap<&str, Written>,
        strays: &mut BTreeSet<Stray>,
    ) {
        let names: BTreeSet<&str> = specs
            .iter()
            .flat_map(|(spec, _)| spec.clauses.iter().flat_map(Clause::test_ids))
            .collect();
        // With only some specs selected, other tests are not strays.
        for code in written.values().filter(|_| only.is_none()) {
            for (file, test, ids) in &code.all {
                if !ids.iter().any(|id| names.contains(id.as_str())) {
                    strays.insert(Stray { place: file.clone(), test: test.clone() });
                }
            }
        }
        for (id, standing) in &self.standing.spec {
            if !self.read.iter().any(|spec| spec.id == *id) {
                let gone = standing.target.values().map(|target| target.path.to_string());
                strays.extend(gone.map(|place| Stray { place, test: String::new() }));
            }
        }
    }
}

fn key(clause: &Clause, binding: &Binding) -> (String, String) {
    (clause.id.as_str().to_owned(), binding.name().to_owned())
}

fn said(status: TestStatus) -> TestVerdict {
    match status {
        TestStatus::Passed => TestVerdict::Passed,
        TestStatus::Failed | TestStatus::TimedOut => TestVerdict::Failed,
        TestStatus::Ignored => TestVerdict::Ignored,
    }
}

/// Tests of a spec's clauses in hand-written code; with results where known.
fn of_people(spec: &Spec, name: &TargetName, code: &Written, proofs: &mut Proofs) {
    for clause in &spec.clauses {
        for binding in &clause.bindings {
            let Binding::TestId { name: id } = binding else { continue };
            let entry = proofs.entry(key(clause, binding)).or_default();
            let mut list: BTreeMap<String, TestVerdict> = BTreeMap::new();
            for result in code.ran.get(id).into_iter().flatten() {
                let one = list.entry(result.name.clone()).or_insert(TestVerdict::Passed);
                *one = (*one).min(said(result.status));
            }
            // A test title identifies the clause in any file.
            let one = |test: &str| {
                if test.contains("test_id:") { id.clone() } else { results::leaf(test).to_owned() }
            };
            let seen: BTreeSet<String> = list.keys().map(|ran| one(ran)).collect();
            let in_files = code.tests.get(id).into_iter().flatten();
            let in_files: BTreeSet<String> = in_files.map(|(_, test)| test.clone()).collect();
            let unseen = in_files.iter().filter(|test| !seen.contains(&one(test)));
            list.extend(unseen.map(|test| (test.clone(), TestVerdict::NotRun)));
            // Names from results files may be missing in the next run.
            let mut written: BTreeSet<String> = in_files.iter().map(|test| one(test)).collect();
            let proof = |(test, said): (String, TestVerdict)| {
                let lasting = written.take(&one(&test));
                Proof { target: name.to_owned(), test, said, samples: None, lasting }
            };
            entry.extend(list.into_iter().map(proof));
        }
    }
}

/// Files below a folder that match a pattern, relative to it.
fn matching(root: &Path, patterns: &[String]) -> Result<Vec<(String, PathBuf)>, CommandError> {
    if patterns.is_empty() {
        return Ok(Vec::new());
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| CommandError::usage(error.to_string()))?);
    }
    let set: GlobSet = set.build().map_err(|error| CommandError::usage(error.to_string()))?;
    let named =
        |pattern: &String| OTHERS.iter().find(|folder| pattern.starts_with(*folder)).copied();
    let asked: BTreeSet<&str> = patterns.iter().filter_map(named).collect();
    let skipped: Vec<&str> = OTHERS.into_iter().filter(|folder| !asked.contains(folder)).collect();
    let found = files::walk_without(root, &skipped)?;
    let relative = found.into_iter().map(|path| {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        (name, path)
    });
    Ok(relative.filter(|(name, _)| set.is_match(name)).collect())
}

fn text(path: &Path) -> Result<String, CommandError> {
    let bytes = given::read_given(path, limits::RESULT_BYTES)?;
    if bytes.len() > limits::RESULT_BYTES {
        let most = limits::RESULT_BYTES / 1024 / 1024;
        return Err(CommandError::usage(format!("{} is larger than {most} MiB", path.display())));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
