//! Opens sandboxes in which generators work: with the files, tools and dependencies of a gate.

use std::path::PathBuf;

use super::build::{self, PreparedSources};
use super::context::GateContext;
use super::dependency_cache::Layer;
use super::programs::{self, packages, places, sandbox_spec};
use crate::sandbox::{Mount, MountMode, SandboxSpec, WorkOrder, WorkSandbox};
use crate::toolchain::{self, ToolCommand};
use crate::types::{Candidate, Isolation};

/// Opens a sandbox over a candidate and its visible tests.
///
/// # Errors
/// What this machine lacks.
pub async fn open(
    context: &GateContext<'_>,
    candidate: &Candidate,
    order: &WorkOrder,
) -> Result<WorkSandbox, String> {
    if context.sandbox.backend().level() < Isolation::NAMESPACES {
        return Err(format!(
            "an agent needs a network of its own, and so isolation level {}; see `regen doctor`",
            Isolation::NAMESPACES
        ));
    }
    let gate = "check".into();
    let suites = build::visible(context);
    let suites: Vec<_> = match toolchain::of(context.target).native() {
        Some(native) => suites.iter().map(|suite| native.plain(suite)).collect(),
        None => suites,
    };
    let prepared = build::sources(context, &gate, candidate, &suites).await;
    let PreparedSources { files, layers, .. } = prepared.map_err(|seen| seen.why())?;
    let language = toolchain::of(context.target);
    let tools = context.host_tools()?;
    let over = layers.own.as_ref().map(|layer| (layer.path(), MountMode::Overlay));
    let mut all: std::collections::BTreeMap<_, _> = files.into_iter().collect();
    all.extend(order.files.iter().cloned());
    let mut spec = SandboxSpec {
        files: all.clone().into_iter().collect(),
        writable: true,
        ..sandbox_spec(tools, language, over, order.limits)
    };
    spec.mounts.extend(layers.packages.as_ref().map(Layer::path).map(packages));
    let shown = context.read_only.iter().chain(&order.shown).map(PathBuf::as_path);
    spec.mounts.extend(shown.map(Mount::shown));
    let session = context.sandbox.open(&spec).await.map_err(|why| why.to_string())?;
    let places = places(&session);
    let (command, limit) = (ToolCommand::default(), context.timeout);
    let env = programs::program(&command, &places, language, Vec::new(), limit).env;
    let theirs = |path: &str| candidate.tree().iter().any(|(own, _)| own.as_str() == path);
    let own = all.into_iter().filter(|(path, _)| !theirs(path)).collect();
    let (source, home) = (places.source, places.tool_home);
    Ok(WorkSandbox { session, env, source, home, own, holds: Box::new(layers) })
}
