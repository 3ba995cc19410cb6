//! Opens sandboxes in which generators work: with the files, tools and dependencies of a gate.

use std::path::PathBuf;

use super::build::{self, PreparedSources};
use super::context::GateContext;
use super::dependency_cache::{Layer, LayerBuilder};
use super::programs::{self, packages, sandbox_spec};
use crate::sandbox::{Mount, MountMode, Sandbox, SandboxSpec, Scratch, WorkOrder, WorkSandbox};
use crate::toolchain::{self, Places, Suite, ToolCommand};
use crate::types::{Candidate, GateName, Isolation, places};

/// Opens a sandbox over a candidate and its visible tests.
///
/// # Errors
/// What this machine lacks.
pub async fn open(
    context: &GateContext<'_>,
    candidate: &Candidate,
    order: &WorkOrder,
) -> Result<WorkSandbox, String> {
    has_network(context.sandbox)?;
    let gate = "check".into();
    let suites = build::visible(context);
    let suites: Vec<_> = match toolchain::of(context.target).native() {
        Some(native) => suites.iter().map(|suite| native.plain(suite)).collect(),
        None => suites,
    };
    let prepared = build::sources(context, &gate, candidate, &suites).await;
    let PreparedSources { files, layers, .. } = prepared.map_err(|seen| seen.why())?;
    let language = toolchain::of(context.target);
    let tests = visible_tests(context, &gate, &suites).await?;
    let contract = contract_files(context, &layers.planned(context.sandbox));
    let tools = context.host_tools()?;
    let over = layers.own.as_ref().map(|layer| (layer.path(), MountMode::Overlay));
    let mut all: std::collections::BTreeMap<_, _> = files.into_iter().collect();
    all.extend(tests.iter().flat_map(|tests| tests.files.clone()));
    let (program, contract) = contract.unzip();
    all.extend(contract.into_iter().flatten());
    all.extend(order.files.iter().cloned());
    let mut spec = SandboxSpec {
        files: all.clone().into_iter().collect(),
        writable: true,
        ..sandbox_spec(tools, language, over, order.limits)
    };
    spec.mounts.extend(layers.packages.as_ref().map(Layer::path).map(packages));
    spec.mounts.extend(tests.iter().map(VisibleTests::packages));
    let program = program.iter().filter(|path| !path.starts_with("/usr"));
    let shown = context.read_only.iter().chain(&order.shown).chain(program);
    let shown = shown.map(PathBuf::as_path);
    spec.mounts.extend(shown.map(Mount::shown));
    let session = context.sandbox.open(&spec).await.map_err(|why| why.to_string())?;
    let places = programs::places(&session);
    let (command, limit) = (ToolCommand::default(), context.timeout);
    let env = programs::program(&command, &places, language, Vec::new(), limit).env;
    let theirs = |path: &str| candidate.tree().iter().any(|(own, _)| own.as_str() == path);
    let own = all.into_iter().filter(|(path, _)| !theirs(path)).collect();
    let (source, home) = (places.source, places.tool_home);
    Ok(WorkSandbox { session, env, source, home, own, holds: Box::new((layers, tests)) })
}

/// What runs the contract's visible examples: this program, and files. `None` without such
/// examples, or if this program's file was replaced.
fn contract_files(context: &GateContext<'_>, places: &Places) -> Option<ContractFiles> {
    let language = toolchain::of(context.target);
    let (contract, interface) = (language.contract()?, context.spec.contract.as_ref()?);
    let regen = context.sandbox.program().filter(|path| path.is_file())?;
    let places =
        Places { tools: places::TOOLS.into(), build: places::BUILD.into(), ..places.clone() };
    let tests = &context.contract.visible;
    let script = toolchain::contract_script(language, contract, interface, tests, &places, &regen)?;
    let files = contract.adapter(context.spec, interface).into_iter().chain(script);
    Some((regen, files.collect()))
}

type ContractFiles = (PathBuf, Vec<(String, Vec<u8>)>);

/// Opens a sandbox without a candidate, to see whether a program starts in it.
///
/// # Errors
/// What this machine lacks.
pub async fn open_alone(
    sandbox: &Sandbox,
    read_only: &[PathBuf],
    order: &WorkOrder,
) -> Result<WorkSandbox, String> {
    has_network(sandbox)?;
    let own = order.files.clone();
    let mut spec =
        SandboxSpec { files: own.clone(), writable: true, ..SandboxSpec::new(order.limits) };
    spec.scratch.push(Scratch::Program(places::TOOL_HOME.into()));
    spec.mounts.extend(read_only.iter().chain(&order.shown).map(Mount::shown));
    let session = sandbox.open(&spec).await.map_err(|why| why.to_string())?;
    let Places { source, home: temporary, tool_home: home, .. } = programs::places(&session);
    let env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")];
    let env = env.map(|(name, value)| (name.to_owned(), value.into()));
    let env = env.into_iter().chain([("TMPDIR".to_owned(), temporary.into())]).collect();
    Ok(WorkSandbox { session, env, source, home, own, holds: Box::new(()) })
}

/// Whether programs have a network of their own, in which a gateway can be.
fn has_network(sandbox: &Sandbox) -> Result<(), String> {
    let least = Isolation::NAMESPACES;
    if sandbox.backend().level() >= least {
        return Ok(());
    }
    Err(format!(
        "an agent needs a network of its own, and so isolation level {least}; see `regen doctor`"
    ))
}

/// Tests that gates run apart from the candidate, for a program that has both.
#[derive(Debug)]
struct VisibleTests {
    files: Vec<(String, Vec<u8>)>,
    layer: Layer,
}

impl VisibleTests {
    fn packages(&self) -> Mount {
        Mount::read_only(self.layer.path().join("vendor"), places::TESTING)
    }
}

/// `None` if there are none, or they are one program with the candidate.
async fn visible_tests(
    context: &GateContext<'_>,
    gate: &GateName,
    suites: &[Suite],
) -> Result<Option<VisibleTests>, String> {
    let language = toolchain::of(context.target);
    let membrane = language.native().and_then(|native| native.membrane());
    let Some(membrane) = membrane.filter(|_| !suites.is_empty()) else { return Ok(None) };
    let (sandbox, tools) = (context.sandbox, context.host_tools()?);
    let builder = LayerBuilder { sandbox, tools, language };
    let layer = context.layers.get(builder, gate, &*membrane.tests_layer(), context.now).await;
    let layer = layer.map_err(|seen| seen.why())?;
    let at = Places {
        tools: places::TOOLS.into(),
        dependencies: places::TESTING.into(),
        packages: places::PACKAGES.into(),
        ..Places::default()
    };
    let script = toolchain::tests_script(language, suites, &at);
    let script = script.map(|text| (toolchain::TESTS_SCRIPT.to_owned(), text.into_bytes()));
    let mut files = membrane.candidate_files(context.spec);
    files.extend(membrane.tests_files(context.spec));
    files.extend(script);
    Ok(Some(VisibleTests { files, layer }))
}
