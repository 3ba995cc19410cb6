//! A gate's sandbox: the candidate and what judges it, put together for each gate, and thrown away
//! behind it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dependency_cache::Layer;
use super::{GateContext, GateResult, granted};
use crate::process::{Output, Program};
use crate::sandbox::{Sandbox, SandboxError, SandboxSpec, Session};
use crate::toolchain::{self, Places, Suite, ToolCommand, Toolchain};
use crate::types::{HostTools, Limits, LimitsConfig, Outcome, Resource, Tree};

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

/// What a gate's programs may use.
pub fn limits(context: &GateContext<'_>, gate: &str) -> Limits {
    let none = LimitsConfig::default();
    Limits::of(context.gates.get(gate).map_or(&none, |gate| &gate.limits))
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
        let tools = context.host_tools()?;
        let shown = shown.map(Path::to_owned);
        let limits = limits(context, gate);
        let spec = SandboxSpec {
            layer: layer.map(|layer| layer.path().to_owned()),
            read_only: context.read_only.iter().cloned().chain(shown).collect(),
            limits,
            ..bare(files, (tools, language))
        };
        let mut session = context.sandbox.open(&spec).await.map_err(|why| unusable(&why))?;
        session.listen(context.listener.clone());
        let vendor = layer.map(|layer| context.sandbox.vendor(layer.path()));
        let places = places(&session, (tools, language), vendor);
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

/// A sandbox without dependencies, for these files.
pub fn bare(
    files: Vec<(String, Vec<u8>)>,
    (tools, language): (&HostTools, &dyn Toolchain),
) -> SandboxSpec {
    let mut mounts = language.host_tools().mounts(tools).into_iter();
    SandboxSpec {
        files,
        toolchain: mounts.next().map(|(_, path)| path).unwrap_or_default(),
        layer: None,
        building: false,
        read_only: Vec::new(),
        limits: Limits::of(&LimitsConfig::default()),
    }
}

/// Where things will be in a sandbox that is yet to be opened, as far as files can name them.
pub fn planned(
    sandbox: &Sandbox,
    _tools: (&HostTools, &dyn Toolchain),
    layer: Option<&Layer>,
) -> Places {
    let vendor = match layer {
        Some(layer) => sandbox.vendor(layer.path()),
        None => PathBuf::from("/vendor"),
    };
    Places { mounts: [("vendor".to_owned(), vendor)].into(), ..Places::default() }
}

/// Where things are in an open sandbox.
pub fn places(
    session: &Session,
    (tools, language): (&HostTools, &dyn Toolchain),
    vendor: Option<PathBuf>,
) -> Places {
    let paths = session.paths();
    let names = language.host_tools().mounts(tools);
    let mut mounts: std::collections::BTreeMap<String, PathBuf> =
        names.into_iter().map(|(name, _)| (name.to_owned(), paths.toolchain.clone())).collect();
    mounts.insert("cargo".to_owned(), paths.cargo.clone());
    mounts.extend(vendor.map(|vendor| ("vendor".to_owned(), vendor)));
    Places {
        source: paths.source.clone(),
        build: paths.target.clone(),
        home: paths.home.clone(),
        mounts,
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
