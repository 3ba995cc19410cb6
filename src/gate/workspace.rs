//! A gate's sandbox: the candidate and what judges it, put together for each gate, and thrown away
//! behind it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::context::{GateContext, granted};
use super::dependency_cache::Layer;
use super::programs::{places, program, sandbox_spec, unusable};
use super::result::GateResult;
use crate::process::{Output, Program};
use crate::sandbox::{Mount, MountMode, SandboxSpec, Session};
use crate::toolchain::{self, Places, Suite, ToolCommand, Toolchain};
use crate::types::{GateName, Limits, Resource, Tree};

/// The files of a workspace: a candidate's, the tests over it, the harness's own.
pub fn files(tree: &Tree, suites: &[Suite], own: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let tree = tree.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec()));
    let suites = suites.iter().map(|s| (s.path.to_string(), s.text.clone().into_bytes()));
    let mut files: std::collections::BTreeMap<String, Vec<u8>> = tree.collect();
    // Where names meet, the harness's counts.
    files.extend(suites.chain(own));
    files.into_iter().collect()
}

/// Writes a workspace where a person can look into it, in place of what was there.
///
/// # Errors
/// The disk's.
pub fn keep(folder: &Path, files: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

/// An open sandbox of a gate.
pub struct GateSandbox<'a> {
    context: &'a GateContext<'a>,
    gate: &'a GateName,
    session: Session,
    places: Places,
    limits: Limits,
    // Held as long as the sandbox stands on it.
    _layer: Option<&'a Layer>,
}

impl<'a> GateSandbox<'a> {
    /// Opens a gate's sandbox over these files. `shown` can be read beside them.
    pub async fn open(
        context: &'a GateContext<'a>,
        gate: &'a GateName,
        files: Vec<(String, Vec<u8>)>,
        layer: Option<&'a Layer>,
        shown: Option<&Path>,
    ) -> Result<Self, GateResult> {
        let language = toolchain::of(context.target);
        let tools = context.host_tools().map_err(GateResult::error)?;
        let limits = context.limits;
        let over = layer.map(|layer| (layer.path(), MountMode::Overlay));
        let mut spec = SandboxSpec { files, ..sandbox_spec(tools, language, over, limits) };
        let shown = context.read_only.iter().map(PathBuf::as_path).chain(shown);
        spec.mounts.extend(shown.map(Mount::shown));
        let mut session = context.sandbox.open(&spec).await.map_err(|why| unusable(&why))?;
        session.listen(context.listener.clone());
        let places = places(&session);
        Ok(Self { context, gate, session, places, limits, _layer: layer })
    }

    /// Where things are for the gate's programs.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Lints whose findings do not count in a gate.
    pub fn allowed(&self, gate: &GateName) -> &[String] {
        self.context.gates.get(gate).map_or(&[], |gate| &gate.allow)
    }

    /// The language of the candidate.
    pub fn language(&self) -> &'static dyn Toolchain {
        toolchain::of(self.context.target)
    }

    /// The candidate's root, as it appears in programs' output.
    pub fn root(&self) -> String {
        self.places.source.display().to_string()
    }

    /// A program over the candidate, not yet started. It knows nothing of the user's environment
    /// but what is granted.
    pub fn program(&self, path: PathBuf, args: Vec<String>, timeout: Duration) -> Program {
        let command = ToolCommand { program: path, args, ..ToolCommand::default() };
        self.planned(&command, timeout)
    }

    fn planned(&self, command: &ToolCommand, timeout: Duration) -> Program {
        let granted = granted(self.context, self.gate);
        program(command, &self.places, self.language(), granted, timeout)
    }

    /// Runs a program. `builds` lets it write into the build folder.
    pub async fn run(&self, program: &Program, builds: bool) -> Result<Output, GateResult> {
        self.session.run(program, builds).await.map_err(|why| unusable(&why))
    }

    /// Runs a planned command.
    pub async fn execute(
        &self,
        command: &ToolCommand,
        timeout: Duration,
    ) -> Result<Output, GateResult> {
        self.run(&self.planned(command, timeout), command.builds).await
    }

    /// The sentence on a limit that was hit.
    pub fn hit(&self, resource: Resource) -> String {
        self.limits.hit(resource)
    }

    /// Ends what is left in the sandbox.
    pub async fn close(self) {
        self.session.close().await;
    }
}
