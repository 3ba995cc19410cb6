//! A gate's workspace: the candidate and its tests in a sandbox, created for each gate and deleted
//! after it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::TryFutureExt;

use super::context::{GateContext, granted};
use super::dependency_cache::{GateLayers, Layer};
use super::programs::{packages, places, program, random_nonce, sandbox_spec, unusable};
use super::result::GateResult;
use crate::process::{Output, Program};
use crate::sandbox::{
    Alone, Door, JoinedProgram, Mount, MountMode, SandboxSpec, SandboxView, Session,
};
use crate::toolchain::{self, Places, Sees, Suite, ToolCommand, Toolchain};
use crate::types::{GateName, Limits, Resource, Tree, limits};

/// The files of a workspace: of the candidate, the tests, the harness.
pub fn files(tree: &Tree, suites: &[Suite], own: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let tree = tree.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec()));
    let suites = suites.iter().map(|s| (s.path.to_string(), s.content().to_vec()));
    let mut files: std::collections::BTreeMap<String, Vec<u8>> = tree.collect();
    // On name conflicts the harness's file wins.
    files.extend(suites.chain(own));
    files.into_iter().collect()
}

/// Writes a workspace for a person to inspect, replacing an earlier one.
///
/// # Errors
/// I/O errors.
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

/// The sandbox of a gate over these files.
fn sandbox_of(
    context: &GateContext<'_>,
    files: Vec<(String, Vec<u8>)>,
    layers: [Option<&Layer>; 2],
    shown: Option<&Path>,
) -> Result<SandboxSpec, String> {
    let language = toolchain::of(context.target);
    let tools = context.host_tools()?;
    let [own, more] = layers.map(|layer| layer.map(Layer::path));
    let over = own.map(|layer| (layer, MountMode::Overlay));
    let mut spec = SandboxSpec { files, ..sandbox_spec(tools, language, over, context.limits) };
    spec.mounts.extend(more.map(packages));
    let shown = context.read_only.iter().map(PathBuf::as_path).chain(shown);
    spec.mounts.extend(shown.map(Mount::shown));
    Ok(spec)
}

/// An open sandbox of a gate.
pub struct GateSandbox<'a> {
    context: &'a GateContext<'a>,
    gate: &'a GateName,
    session: Session,
    /// The candidate's sandbox, where this one has only the tests.
    beside: Option<Session>,
    places: Places,
    limits: Limits,
    /// What programs may read that run alone.
    data: Vec<String>,
    // Keep the layers of the two in use.
    _layers: &'a GateLayers,
    _tools: Option<Layer>,
}

/// The base of a sandbox that only the candidate has.
pub struct CandidateSources {
    /// Its files.
    pub files: Vec<(String, Vec<u8>)>,
    /// The language's tools.
    pub layer: Option<Layer>,
}

impl<'a> GateSandbox<'a> {
    /// Opens a gate's sandbox over these files. `shown` is also readable.
    pub async fn open(
        context: &'a GateContext<'a>,
        gate: &'a GateName,
        files: Vec<(String, Vec<u8>)>,
        layers: &'a GateLayers,
        shown: Option<&Path>,
    ) -> Result<Self, GateResult> {
        let both = [layers.own.as_ref(), layers.packages.as_ref()];
        let spec = sandbox_of(context, files, both, shown).map_err(GateResult::error)?;
        let session = context.sandbox.open(&spec).await.map_err(|why| unusable(&why))?;
        Ok(Self::over(context, gate, session, None, layers))
    }

    /// Opens what tests need: one sandbox, or two where the candidate has its own.
    pub async fn for_tests(
        context: &'a GateContext<'a>,
        gate: &'a GateName,
        files: Vec<(String, Vec<u8>)>,
        layers: &'a GateLayers,
        candidate: Option<CandidateSources>,
    ) -> Result<Self, GateResult> {
        match candidate {
            None => Self::open(context, gate, files, layers, None).await,
            Some(candidate) => Self::pair(context, gate, files, layers, candidate).await,
        }
    }

    /// Opens two sandboxes: of the tests and their packages, and of the candidate and its packages.
    async fn pair(
        context: &'a GateContext<'a>,
        gate: &'a GateName,
        files: Vec<(String, Vec<u8>)>,
        layers: &'a GateLayers,
        candidate: CandidateSources,
    ) -> Result<Self, GateResult> {
        let CandidateSources { files: own, layer: tools } = candidate;
        let tests = [layers.own.as_ref(), None];
        let tests = sandbox_of(context, files, tests, None).map_err(GateResult::error)?;
        let theirs = [tools.as_ref(), layers.packages.as_ref()];
        let candidate = sandbox_of(context, own, theirs, None).map_err(GateResult::error)?;
        let both = context.sandbox.open_pair(&tests, &candidate).await;
        let (session, beside) = both.map_err(|why| unusable(&why))?;
        let one = Self::over(context, gate, session, Some(beside), layers);
        one.prepare().await?;
        Ok(Self { _tools: tools, ..one })
    }

    /// Does once what each run of a test would do on both sides. No candidate's code runs.
    async fn prepare(&self) -> Result<(), GateResult> {
        let membrane = self.language().native().and_then(|native| native.membrane());
        let (Some(membrane), Some(beside)) = (membrane, &self.beside) else { return Ok(()) };
        let theirs = places(beside);
        let tests = self.once(&self.session, &self.places, membrane.prepare_tests(&self.places));
        let candidate = self.once(beside, &theirs, membrane.prepare_candidate(&theirs));
        let (tests, candidate) = tokio::join!(tests, candidate);
        tests.and(candidate)
    }

    async fn once(
        &self,
        session: &Session,
        places: &Places,
        command: Option<ToolCommand>,
    ) -> Result<(), GateResult> {
        let Some(command) = command else { return Ok(()) };
        let time = self.context.timeout.min(limits::TEST_TIMEOUT);
        let language = self.language();
        let program = program(&command, places, language, Vec::new(), time);
        // What it did not make, a run makes itself: its result says nothing.
        session.run(&program, command.builds).await.map(drop).map_err(|why| unusable(&why))
    }

    fn over(
        context: &'a GateContext<'a>,
        gate: &'a GateName,
        mut session: Session,
        mut beside: Option<Session>,
        layers: &'a GateLayers,
    ) -> Self {
        for one in [&mut session].into_iter().chain(&mut beside) {
            one.listen(context.listener.clone());
        }
        let (mut places, limits) = (places(&session), context.limits);
        if let Some(beside) = &beside {
            // Only the candidate has packages.
            places.packages = super::programs::places(beside).packages;
        }
        Self {
            context,
            gate,
            session,
            beside,
            places,
            limits,
            data: Vec::new(),
            _layers: layers,
            _tools: None,
        }
    }

    /// The same, with files that programs may read that run alone.
    pub fn showing(self, data: Vec<String>) -> Self {
        Self { data, ..self }
    }

    /// The paths of the gate's programs.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Whether findings of a lint do not count in a gate: the user's choice, or the contract's.
    pub fn allows(&self, gate: &GateName, lint: &str) -> bool {
        let own = self.context.gates.get(gate);
        let contract = self.context.spec.contract.as_ref().and(self.language().contract());
        own.is_some_and(|gate| gate.allow.iter().any(|one| one == lint))
            || contract.is_some_and(|contract| contract.interface_lints().contains(&lint))
    }

    /// The language of the candidate.
    pub fn language(&self) -> &'static dyn Toolchain {
        toolchain::of(self.context.target)
    }

    /// The candidate's root in programs' output.
    pub fn root(&self) -> String {
        self.places.source.display().to_string()
    }

    /// A program to run over the candidate, with only the granted part of the user's environment.
    pub fn program(&self, path: PathBuf, args: Vec<String>, timeout: Duration) -> Program {
        let command = ToolCommand { program: path, args, ..ToolCommand::default() };
        self.planned(&command, timeout)
    }

    fn planned(&self, command: &ToolCommand, timeout: Duration) -> Program {
        let granted = granted(self.context, self.gate);
        program(command, &self.places, self.language(), granted, timeout)
    }

    /// Runs a program. `builds` makes the build folder writable.
    pub async fn run(&self, program: &Program, builds: bool) -> Result<Output, GateResult> {
        self.session.run(program, builds).await.map_err(|why| unusable(&why))
    }

    /// Runs a planned command.
    pub async fn execute(
        &self,
        command: &ToolCommand,
        timeout: Duration,
    ) -> Result<Output, GateResult> {
        let view = self.view(command).map_err(GateResult::error)?;
        let program = self.planned(command, timeout);
        self.session.run_in(view, &program).await.map_err(|why| unusable(&why))
    }

    fn view(&self, command: &ToolCommand) -> Result<SandboxView, String> {
        Ok(match &command.sees {
            Sees::Workspace if command.builds => SandboxView::Build,
            Sees::Workspace => SandboxView::Read,
            Sees::Candidate => {
                let tests = self.language().layout(self.context.target).tests;
                SandboxView::BuildWithout(tests.trim_end_matches('/').to_owned())
            }
            Sees::Itself(starts) => {
                let name = random_nonce().map_err(|why| why.to_string())?;
                let starts = starts.iter().map(PathBuf::from).collect();
                SandboxView::Alone(Alone { name, starts, reads: self.data.clone() })
            }
        })
    }

    /// Starts a planned command in its home folder, with a door to its network. It runs while the
    /// future is polled.
    pub fn serve<'s>(
        &'s self,
        command: &ToolCommand,
        timeout: Duration,
    ) -> Result<(Door, impl Future<Output = Result<Output, GateResult>> + use<'s, 'a>), String>
    {
        let dir = self.places.home.clone();
        let (view, program) =
            (self.view(command)?, Program { dir, ..self.planned(command, timeout) });
        let served = self.session.serve(view, program);
        let (door, output) = served.map_err(|why| format!("{why}; see `regen doctor`"))?;
        Ok((door, output.map_err(|why| unusable(&why))))
    }

    /// Starts a planned command for which regen listens on the gateway's port. It runs while the
    /// future is polled.
    pub fn host<'s>(
        &'s self,
        command: &ToolCommand,
    ) -> Result<(Door, impl Future<Output = Result<Output, GateResult>> + use<'s, 'a>), String>
    {
        // Who serves it ends it.
        let program = self.planned(command, limits::HOSTED);
        let hosted = self.session.host(self.view(command)?, program, limits::GATEWAY_PORT);
        let (door, output) = hosted.map_err(|why| format!("{why}; see `regen doctor`"))?;
        Ok((door, output.map_err(|why| unusable(&why))))
    }

    /// Runs a planned command, with the candidate's side if it has one. The outputs of both, in this
    /// order; without the second if that had to be killed at the end.
    pub async fn execute_joined(
        &self,
        command: &ToolCommand,
        timeout: Duration,
    ) -> Result<Vec<Output>, GateResult> {
        let Some(theirs) = &command.joined else {
            return Ok(vec![self.execute(command, timeout).await?]);
        };
        let Some(beside) = &self.beside else {
            return Err(GateResult::error("the candidate has no sandbox of its own"));
        };
        let mut program = self.planned(command, timeout);
        // Its side tells which call did not end, before it is killed.
        let left = timeout.saturating_sub((timeout / 8).min(limits::KILL_GRACE * 2));
        program.env.push((limits::SECONDS.to_owned(), left.as_secs_f64().to_string().into()));
        // Variables that the user grants are for the tests. It ends with them, not before.
        let longer = timeout.saturating_add(limits::KILL_GRACE * 4);
        let (language, granted) = (self.language(), Vec::new());
        let other = super::programs::program(theirs, &places(beside), language, granted, longer);
        let first = JoinedProgram { session: &self.session, view: SandboxView::Read, program };
        let second = JoinedProgram { session: beside, view: SandboxView::Read, program: other };
        let (output, other) = first.join(second).await.map_err(|why| unusable(&why))?;
        Ok([output].into_iter().chain(other).collect())
    }

    /// The message for an exceeded limit.
    pub fn hit(&self, resource: Resource) -> String {
        self.limits.hit(resource)
    }

    /// Kills all processes of the sandbox.
    pub async fn close(self) {
        self.session.close().await;
        if let Some(beside) = self.beside {
            beside.close().await;
        }
    }
}
