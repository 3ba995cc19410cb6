//! What a gate works with.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::dependency_cache::DependencyCache;
use crate::process::Listener;
use crate::sandbox::Sandbox;
use crate::toolchain::{self, Suite};
use crate::types::{
    Candidate, Digest, GateConfig, GateName, HostTools, Isolation, Limits, Spec, Target,
    TargetName, ToolSet,
};

/// Everything that a gate needs: put together here, out of what the machine has and what an action
/// says.
#[derive(Debug)]
pub struct GateContext<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// The target's name.
    pub name: &'a TargetName,
    /// The target.
    pub target: &'a Target,
    /// The user's settings of gates.
    pub gates: &'a BTreeMap<GateName, GateConfig>,
    /// The user's suites.
    pub suites: &'a [Suite],
    /// The harness's own suites of the spec's examples.
    pub examples: &'a toolchain::ExampleSuites,
    /// Folder of the validators.
    pub validators: &'a Path,
    /// The tools.
    pub tools: &'a ToolSet,
    /// The sandbox.
    pub sandbox: &'a Sandbox,
    /// The isolation that it gives here.
    pub level: Isolation,
    /// The dependencies of candidates.
    pub layers: &'a DependencyCache,
    /// Further files and folders that gates can read.
    pub read_only: &'a [PathBuf],
    /// The tree over which a validator is known to work.
    pub control: &'a Candidate,
    /// Tests that were seen to fail without an implementation, by the digest of what they are.
    pub proven: &'a BTreeSet<Digest>,
    /// What each program may use.
    pub limits: Limits,
    /// Wall time.
    pub timeout: Duration,
    /// The time.
    pub now: SystemTime,
    /// Where workspaces are left for a person to look into.
    pub keep: Option<PathBuf>,
    /// Who hears what its programs print, while they do.
    pub listener: Option<Listener>,
}

impl GateContext<'_> {
    /// The tools of the target's language.
    pub fn host_tools(&self) -> Result<&HostTools, String> {
        let id = toolchain::of(self.target).id();
        self.tools.get(id).ok_or_else(|| format!("the tools of `{id}` were not looked for"))
    }
}

/// The variables of the user's that a gate may see.
pub fn granted(bench: &GateContext<'_>, gate: &GateName) -> Vec<(String, OsString)> {
    let gate = bench.gates.get(gate).into_iter();
    let names = gate.flat_map(|gate| gate.env.iter().chain(&gate.secrets));
    names.filter_map(|name| Some((name.clone(), std::env::var_os(name)?))).collect()
}
