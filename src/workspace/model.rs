//! A workspace as it was read, and where it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::job_inputs::JobInputs;
use crate::attest::Signer;
use crate::plan::Checks;
use crate::prompt::{HeldOut, Templates};
use crate::store::{StateError, state};
use crate::toolchain::Suite;
use crate::types::{AdmittedSpec, Digest, Harness, Problem, Spec, SpecId, Standing, TargetName};

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
    /// The user's folder that has a file for each `.regen/` that regen made.
    pub known: PathBuf,
}

impl WorkspaceLayout {
    /// Places of a configuration file.
    pub fn new(config: PathBuf, cache: PathBuf, known: PathBuf) -> Self {
        let root = match config.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let root = root.canonicalize().unwrap_or(root);
        Self { state: root.join(".regen"), root, config, cache, known }
    }

    /// Checks that `.regen/`, if there is one, was made by this user's regen on this machine.
    ///
    /// # Errors
    /// It does not count, or the disk's.
    pub fn verify_state(&self) -> Result<(), StateError> {
        state::verify(&self.state, &self.known)
    }

    /// Makes `.regen/` where there is none yet.
    ///
    /// # Errors
    /// As [`Self::verify_state`].
    pub fn make_state(&self) -> Result<(), StateError> {
        state::make(&self.state, &self.known)
    }

    /// The ledger's file.
    pub fn ledger(&self) -> PathBuf {
        self.state.join("ledger.db")
    }
}

/// A file that people wrote, with its text as spans count it.
pub type Sources = BTreeMap<String, String>;

/// The configuration's name in a snapshot, whatever its file is called.
pub const CONFIG: &str = "harness.toml";

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
    pub(super) index: BTreeMap<SpecId, usize>,
    /// Every spec as it was read, refused ones included.
    pub read: Vec<Spec>,
    /// Every problem of every spec and suite that refuses it or should be seen at each run.
    pub problems: Vec<Problem>,
    /// What was found on the way and refuses nothing.
    pub(super) remarks: Vec<Problem>,
    /// Texts of the specs, for showing problems.
    pub sources: Sources,
    /// Ids of every spec by file, refused ones included.
    pub files: BTreeMap<String, SpecId>,
    /// The user's suites, by spec and target.
    pub suites: BTreeMap<(SpecId, TargetName), Vec<Suite>>,
    /// Prompt templates.
    pub templates: Templates,
    /// The lock file.
    pub standing: Arc<Standing>,
    /// The lock file as it was read, where its format is an older one.
    pub older: Option<Arc<Standing>>,
    /// Whether it is exactly as regen writes it.
    pub is_canonical: bool,
    /// What gives hidden examples away.
    pub secrets: HeldOut,
    /// The key that signs what is promoted.
    pub signer: Option<Signer>,
    pub(super) checks: BTreeMap<(SpecId, TargetName), Checks>,
    /// The bytes of every file as they were read, by path; the configuration's as [`CONFIG`].
    pub(super) bytes: BTreeMap<String, Vec<u8>>,
    /// Files of prompt templates among them.
    pub(super) template_files: Vec<String>,
    /// Digests of the validators' files, by validator.
    pub(super) validators: BTreeMap<String, BTreeMap<String, Digest>>,
    /// Inputs of targets, as far as they were asked for.
    pub(super) inputs: Mutex<BTreeMap<(SpecId, TargetName), Arc<JobInputs>>>,
}

impl Workspace {
    /// An admitted spec.
    pub fn spec(&self, id: &str) -> Option<&AdmittedSpec> {
        self.specs.get(*self.index.get(id)?)
    }

    /// Says so where the lockfile has promoted specs and this machine has no history of them.
    pub fn missing_history(&self) -> Option<String> {
        let count = self.standing.spec.len();
        let none = count > 0 && self.places.ledger().symlink_metadata().is_err();
        let specs = if count == 1 { "spec" } else { "specs" };
        none.then(|| {
            format!(
                "no history of {count} promoted {specs} here: .regen/ledger.db is not there yet"
            )
        })
    }

    /// The bytes of a file as they were read.
    pub fn bytes_of(&self, file: &str) -> Option<&[u8]> {
        self.bytes.get(file).map(Vec::as_slice)
    }

    /// What judges, by spec and target.
    pub fn checks(&self) -> &BTreeMap<(SpecId, TargetName), Checks> {
        &self.checks
    }
}
