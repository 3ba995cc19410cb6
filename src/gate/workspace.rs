//! A gate's sandbox: the candidate and what judges it, put together for each gate, and thrown away
//! behind it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dependency_cache::Layer;
use super::{GateContext, GateResult, granted};
use crate::process::{Output, Program};
use crate::sandbox::{Mount, MountMode, Sandbox, SandboxError, SandboxSpec, Scratch, Session};
use crate::toolchain::{self, Places, Suite, ToolCommand, Toolchain};
use crate::types::{HostTools, Limits, Outcome, Resource, Tree, places};

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
    gate: &'a str,
    session: Session,
    places: Places,
    limits: Limits,
    // Held as long as the sandbox stands on it.
    _layer: Option<&'a Layer>,
}

/// A sandbox that failed says nothing about the candidate.
pub fn unusable(error: &SandboxError) -> GateResult {
    GateResult::error(format!("{error}; see `regen doctor`"))
}

impl<'a> GateSandbox<'a> {
    /// Opens a gate's sandbox over these files. `shown` can be read beside them.
    pub async fn open(
        context: &'a GateContext<'a>,
        gate: &'a str,
        (files, layer): (Vec<(String, Vec<u8>)>, Option<&'a Layer>),
        shown: Option<&Path>,
    ) -> Result<Self, GateResult> {
        let language = toolchain::of(context.target);
        let tools = context.host_tools().map_err(GateResult::error)?;
        let limits = context.limits;
        let over = layer.map(|layer| (layer.path(), MountMode::Overlay));
        let mut spec = SandboxSpec { files, ..sandbox_spec((tools, language), over, limits) };
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
        program((command, &self.places), self.language(), granted, timeout)
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

/// The sandbox of a language's programs. `over` is a dependency layer, and whether its build folder
/// is written or lies below a fresh one.
pub fn sandbox_spec(
    (tools, language): (&HostTools, &dyn Toolchain),
    over: Option<(&Path, MountMode)>,
    limits: Limits,
) -> SandboxSpec {
    let mut spec = SandboxSpec::new(limits);
    let folder = language.host_tools().tools_folder(tools);
    spec.mounts.extend(folder.map(|folder| Mount::read_only(folder, places::TOOLS)));
    spec.scratch.push(Scratch::Program(places::TOOL_HOME.into()));
    match over {
        Some((layer, mode)) => {
            let (source, at) = (layer.join("target"), places::BUILD.into());
            spec.mounts.extend([Mount { source, at, mode }, dependencies(layer)]);
        }
        None => spec.scratch.push(Scratch::Session(places::BUILD.into())),
    }
    spec
}

/// The sources of the dependencies in a layer.
fn dependencies(layer: &Path) -> Mount {
    Mount::read_only(layer.join("vendor"), places::DEPENDENCIES)
}

/// Where files of a workspace that is yet to be opened find the dependencies of a layer.
pub fn planned(sandbox: &Sandbox, layer: Option<&Path>) -> Places {
    let mount = dependencies(layer.unwrap_or(Path::new("")));
    Places { dependencies: sandbox.shows(&mount).to_owned(), ..Places::default() }
}

/// Where things are in an open sandbox.
pub fn places(session: &Session) -> Places {
    let at = |place: &'static str| session.paths().at(place).to_owned();
    Places {
        source: at(places::SOURCE),
        build: at(places::BUILD),
        home: at(places::TEMPORARY),
        tools: at(places::TOOLS),
        tool_home: at(places::TOOL_HOME),
        dependencies: at(places::DEPENDENCIES),
    }
}

/// A command as a program to start.
pub fn program(
    (command, places): (&ToolCommand, &Places),
    language: &dyn Toolchain,
    granted: Vec<(String, OsString)>,
    timeout: Duration,
) -> Program {
    let mut env: Vec<(String, OsString)> = vec![
        ("HOME".to_owned(), places.home.clone().into()),
        ("TMPDIR".to_owned(), places.home.clone().into()),
        ("LANG".to_owned(), "C.UTF-8".into()),
    ];
    let own = language.environment(places).into_iter().chain(command.env.clone());
    env.extend(own.map(|(name, value)| (name, value.into())));
    env.extend(granted);
    Program {
        path: command.program.clone(),
        args: command.args.iter().map(OsString::from).collect(),
        dir: places.source.clone(),
        env,
        stdin: command.stdin.clone(),
        timeout,
    }
}

impl GateResult {
    /// A program that used up what it may use.
    pub(crate) fn limit(mut self, resource: Resource) -> Self {
        self.outcome = Some(Outcome::Limit { resource });
        self
    }
}
