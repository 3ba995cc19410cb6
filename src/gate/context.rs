//! The context of a gate.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::answering::AnsweringModel;
use super::dependency_cache::DependencyCache;
use super::gate_inputs::{CodeInputs, ContractTests, ProgramInputs};
use super::result::GateResult;
use crate::process::Listener;
use crate::sandbox::Sandbox;
use crate::toolchain::{self, LinkedTree, ProgramTest, Suite};
use crate::types::{
    Candidate, Digest, GateConfig, GateName, HostTools, Isolation, Limits, Link, Spec, Target,
    TargetName, ToolSet,
};

/// Everything that a gate uses, assembled from the machine and the action.
#[derive(Clone, Debug)]
pub struct GateContext<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// The target's name.
    pub name: &'a TargetName,
    /// The target.
    pub target: &'a Target,
    /// The user's gate settings.
    pub gates: &'a BTreeMap<GateName, GateConfig>,
    /// The user's suites.
    pub suites: &'a [Suite],
    /// The generated suites of the spec's examples.
    pub examples: &'a toolchain::ExampleSuites,
    /// The tests of the contract.
    pub contract: &'a ContractTests,
    /// Results of held-out calls that were judged with the visible ones.
    pub carried: Carried<'a>,
    /// The console examples and requests that are judged from outside.
    pub console: &'a [ProgramTest],
    /// Whether the spec has other targets.
    pub compared: bool,
    /// Folder of the validators.
    pub validators: &'a Path,
    /// The tools.
    pub tools: &'a ToolSet,
    /// The sandbox.
    pub sandbox: &'a Sandbox,
    /// The isolation level of the sandbox on this machine.
    pub level: Isolation,
    /// The dependencies of candidates.
    pub layers: &'a DependencyCache,
    /// Additional files and folders that gates can read.
    pub read_only: &'a [PathBuf],
    /// A tree with which a validator is known to work.
    pub control: &'a Candidate,
    /// The promoted trees that candidates use.
    pub linked: &'a [LinkedTree],
    /// The programs that the examples of a spec without code run.
    pub programs: &'a [ProgramInputs],
    /// The code that a text is about, and its tests that were not seen to fail.
    pub code: Option<&'a CodeInputs>,
    pub unproven: &'a [String],
    /// The trees of these, and those that they use.
    pub apart: &'a [LinkedTree],
    /// Digests of tests that were already seen to fail without an implementation.
    pub proven: &'a BTreeSet<Digest>,
    /// The limits of each program.
    pub limits: Limits,
    /// Wall-clock timeout.
    pub timeout: Duration,
    /// The current time.
    pub now: SystemTime,
    /// Where candidates' folders are kept with `--keep`.
    pub keep: Option<PathBuf>,
    /// The model under test, for assistants.
    pub answering: Option<&'a dyn AnsweringModel>,
    /// Receives the output of programs while they run.
    pub listener: Option<Listener>,
}

/// Results of the gate `hidden` that the gate `test` already has. A contract's calls say nothing of
/// what is expected, so that both are judged over the same builds.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// The tree and the inputs of the job.
    pub key: (Digest, Digest),
    /// The results.
    pub all: &'a CarriedResults,
}

/// Such results by tree and inputs.
pub type CarriedResults = Mutex<BTreeMap<(Digest, Digest), GateResult>>;

impl Carried<'_> {
    /// Results that are not taken, because a gate before them failed.
    const MOST: usize = 64;

    /// Keeps a result for the gate `hidden`.
    pub fn keep(&self, seen: GateResult) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= Self::MOST {
            all.clear();
        }
        all.insert(self.key, seen);
    }

    /// Takes it.
    pub fn take(&self) -> Option<GateResult> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key)
    }
}

impl GateContext<'_> {
    /// The promoted trees that candidates use.
    pub fn links(&self) -> Vec<Link> {
        self.linked.iter().map(|one| one.link.clone()).collect()
    }

    /// The tools of the target's language.
    pub fn host_tools(&self) -> Result<&HostTools, String> {
        let id = toolchain::of(self.target).id();
        self.tools.get(id).ok_or_else(|| format!("the tools of `{id}` are unknown"))
    }
}

/// The user's environment variables that a gate may see.
pub fn granted(bench: &GateContext<'_>, gate: &GateName) -> Vec<(String, OsString)> {
    let gate = bench.gates.get(gate).into_iter();
    let names = gate.flat_map(|gate| gate.env.iter().chain(&gate.secrets));
    names.filter_map(|name| Some((name.clone(), std::env::var_os(name)?))).collect()
}
