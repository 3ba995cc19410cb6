//! A language's commands as programs of a sandbox.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::result::GateResult;
use crate::process::{Ended, Output, Program};
use crate::sandbox::{Mount, MountMode, Sandbox, SandboxError, SandboxSpec, Scratch, Session};
use crate::toolchain::{Places, Sees, ToolCommand, ToolOutput, Toolchain};
use crate::types::{HostTools, Limits, places};

/// A sandbox failure; says nothing about the candidate.
pub fn unusable(error: &SandboxError) -> GateResult {
    GateResult::error(format!("{error}; see `regen doctor`"))
}

/// The sandbox of a language's programs. `over` is a dependency layer, and whether its build folder
/// is writable or an overlay is used.
pub fn sandbox_spec(
    tools: &HostTools,
    language: &dyn Toolchain,
    over: Option<(&Path, MountMode)>,
    limits: Limits,
) -> SandboxSpec {
    let mut spec = SandboxSpec::new(limits);
    let folder = language.host_tools().tools_folder(tools);
    spec.mounts.extend(folder.map(|folder| Mount::read_only(folder, places::TOOLS)));
    spec.mounts.extend(tools.shown().map(Mount::shown));
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

/// The packages of a layer.
pub fn packages(layer: &Path) -> Mount {
    Mount::read_only(layer, places::PACKAGES)
}

/// The paths of layers in a workspace that is not open yet.
pub fn planned(sandbox: &Sandbox, layer: Option<&Path>, more: Option<&Path>) -> Places {
    let dependencies = dependencies(layer.unwrap_or(Path::new("")));
    let packages = more.map(packages);
    Places {
        dependencies: sandbox.shows(&dependencies).to_owned(),
        packages: packages.map(|one| sandbox.shows(&one).to_owned()).unwrap_or_default(),
        ..Places::default()
    }
}

/// The paths in an open sandbox.
pub fn places(session: &Session) -> Places {
    let at = |place: &'static str| session.paths().at(place).to_owned();
    Places {
        source: at(places::SOURCE),
        build: at(places::BUILD),
        home: at(places::TEMPORARY),
        tools: at(places::TOOLS),
        tool_home: at(places::TOOL_HOME),
        dependencies: at(places::DEPENDENCIES),
        packages: at(places::PACKAGES),
    }
}

/// A command as a program.
pub fn program(
    command: &ToolCommand,
    places: &Places,
    language: &dyn Toolchain,
    granted: Vec<(String, OsString)>,
    timeout: Duration,
) -> Program {
    let mut env: Vec<(String, OsString)> = vec![
        ("HOME".to_owned(), places.home.clone().into()),
        ("TMPDIR".to_owned(), places.home.clone().into()),
        ("LANG".to_owned(), "C.UTF-8".into()),
    ];
    // A program that sees no tools needs none of their variables.
    let tools = match command.sees {
        Sees::Itself(_) => Vec::new(),
        Sees::Workspace | Sees::Candidate => language.environment(places),
    };
    let own = tools.into_iter().chain(command.env.clone());
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

/// An output in the form that toolchains parse.
pub fn read(output: &Output) -> ToolOutput {
    let status = if let Ended::Exit(status) = output.ended { Some(status) } else { None };
    let ended = output.ended.to_string();
    ToolOutput { status, ended, stdout: output.text(), stderr: output.errors() }
}

/// An unguessable number: 128 random bits.
pub fn random_nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
