//! The data of a workspace, and its paths.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::given_tests::GivenTests;
use super::job_inputs::JobInputs;
use crate::attest::{PublicKey, Signer};
use crate::plan::Checks;
use crate::prompt::{HeldOut, Templates};
use crate::store::{StateError, state};
use crate::toolchain::Suite;
use crate::types::{AdmittedSpec, Digest, Harness, Problem, Spec, SpecId, Standing, TargetName};
use crate::workers::ServerLink;

/// The paths of a workspace and its state.
#[derive(Clone, Debug)]
pub struct WorkspaceLayout {
    /// The folder of `harness.toml`.
    pub root: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
    /// `.regen/`.
    pub state: PathBuf,
    /// Regen's cache folder of this machine: build caches and workspaces of candidates.
    pub cache: PathBuf,
    /// The user's folder with a marker file for each `.regen/` that regen made.
    pub known: PathBuf,
}

impl WorkspaceLayout {
    /// The paths for a configuration file.
    pub fn new(config: PathBuf, cache: PathBuf, known: PathBuf) -> Self {
        let root = match config.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let root = root.canonicalize().unwrap_or(root);
        Self { state: root.join(".regen"), root, config, cache, known }
    }

    /// Checks that an existing `.regen/` was made by this user's regen on this machine.
    ///
    /// # Errors
    /// It was not; I/O errors.
    pub fn verify_state(&self) -> Result<(), StateError> {
        state::verify(&self.state, &self.known)
    }

    /// Creates `.regen/` if it is missing.
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

/// A source file and its text; spans are offsets into it.
pub type Sources = BTreeMap<String, String>;

/// The configuration's name in a snapshot, independent of its file name.
pub const CONFIG: &str = "harness.toml";

/// A workspace, as it was read.
#[derive(Debug)]
pub struct Workspace {
    /// Its paths.
    pub places: WorkspaceLayout,
    /// Its configuration.
    pub harness: Harness,
    /// Admitted specs.
    pub specs: Vec<AdmittedSpec>,
    /// Their indices in `specs`, by id.
    pub(super) index: BTreeMap<SpecId, usize>,
    /// All parsed specs, including refused ones.
    pub read: Vec<Spec>,
    /// Problems of specs and suites that refuse them or are shown in every run.
    pub problems: Vec<Problem>,
    /// Lint findings that refuse nothing.
    pub(super) remarks: Vec<Problem>,
    /// Texts of the specs, for rendering problems.
    pub sources: Sources,
    /// Ids of all specs by file, including refused ones.
    pub files: BTreeMap<String, SpecId>,
    /// The user's suites, by spec and target.
    pub suites: BTreeMap<(SpecId, TargetName), Vec<Suite>>,
    /// Prompt templates.
    pub templates: Templates,
    /// The lockfile.
    pub standing: Arc<Standing>,
    /// The lockfile as read, if it has an older format.
    pub older: Option<Arc<Standing>>,
    /// Whether the lockfile is in canonical form.
    pub is_canonical: bool,
    /// Finds leaks of hidden examples.
    pub secrets: HeldOut,
    /// The earlier and the present id of a spec that takes its code along.
    pub renamed: Option<(SpecId, SpecId)>,
    /// The signing key.
    pub signer: Option<Signer>,
    /// Where gates run, if not here.
    pub workers: Option<Workers>,
    pub(super) checks: BTreeMap<(SpecId, TargetName), Checks>,
    /// The bytes of every file read, by path; the configuration's as [`CONFIG`].
    pub(super) bytes: BTreeMap<String, Vec<u8>>,
    /// Prompt template files among them.
    pub(super) template_files: Vec<String>,
    /// Digests of the validators' files, by validator.
    pub(super) validators: BTreeMap<String, BTreeMap<String, Digest>>,
    /// The test files that targets name.
    pub(super) given: BTreeMap<TargetName, Arc<GivenTests>>,
    /// Inputs of targets, built so far.
    pub(super) inputs: Mutex<BTreeMap<(SpecId, TargetName), Arc<JobInputs>>>,
}

/// The workers of a run.
#[derive(Debug)]
pub struct Workers {
    /// The server.
    pub link: Arc<ServerLink>,
    /// The keys of workers whose results count.
    pub(super) trusted: Vec<PublicKey>,
    /// The run's name in queues.
    pub(super) run: String,
}

impl Workspace {
    /// An admitted spec.
    pub fn spec(&self, id: &str) -> Option<&AdmittedSpec> {
        self.specs.get(*self.index.get(id)?)
    }

    /// A note if the lockfile has promoted specs but this machine has no ledger.
    pub fn missing_history(&self) -> Option<String> {
        let count = self.standing.spec.len();
        let none = count > 0 && self.places.ledger().symlink_metadata().is_err();
        let specs = if count == 1 { "spec" } else { "specs" };
        none.then(|| {
            format!(
                "no history of {count} promoted {specs} here; .regen/ledger.db does not exist yet"
            )
        })
    }

    /// The bytes of a file as they were read.
    pub fn bytes_of(&self, file: &str) -> Option<&[u8]> {
        self.bytes.get(file).map(Vec::as_slice)
    }

    /// The gates' inputs, by spec and target.
    pub fn checks(&self) -> &BTreeMap<(SpecId, TargetName), Checks> {
        &self.checks
    }
}
