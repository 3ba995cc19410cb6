//! A gate's sandbox: the candidate and what judges it, put together anew for each gate, and thrown
//! away behind it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dependency_cache::Layer;
use super::{GateContext, GateResult, HostTools, granted};
use crate::process::{Output, Program};
use crate::sandbox::{Mount, MountMode, SandboxError, SandboxPaths, SandboxSpec, Scratch, Session};
use crate::toolchain::Suite;
use crate::types::{Limits, Outcome, Resource, Tree, places};

/// The formatter's configuration.
pub const RUSTFMT: &str = "newline_style = \"Unix\"\n";

/// The files of a workspace: a candidate's, the tests over it, the harness's configuration.
/// `vendor` is where cargo finds the dependencies.
pub fn files(
    tree: &Tree,
    suites: &[&Suite],
    (lock, vendor): (&str, &Path),
) -> Vec<(String, Vec<u8>)> {
    let cargo = format!(
        "# The harness's own.\n[build]\nincremental = false\n[term]\ncolor = \"never\"\n[profile.dev]\n\
         debug = false\n[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\n\
         directory = {:?}\n",
        vendor.display().to_string()
    );
    let own = [
        (".cargo/config.toml", cargo.as_str()),
        ("Cargo.lock", lock),
        ("clippy.toml", ""),
        ("rustfmt.toml", RUSTFMT),
    ];
    let tree = tree.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec()));
    let suites = suites.iter().map(|s| (s.path.to_string(), s.text.clone().into_bytes()));
    let own = own.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
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
    bench: &'a GateContext<'a>,
    gate: &'a str,
    session: Session,
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
        bench: &'a GateContext<'a>,
        gate: &'a str,
        (files, layer): (Vec<(String, Vec<u8>)>, Option<&'a Layer>),
        shown: Option<&Path>,
    ) -> Result<Self, GateResult> {
        let limits = bench.limits;
        let over = layer.map(|layer| (layer.path(), MountMode::Overlay));
        let mut policy = SandboxSpec { files, ..sandbox_spec(bench.tools, over, limits) };
        let shown = bench.read_only.iter().map(PathBuf::as_path).chain(shown);
        policy.mounts.extend(shown.map(Mount::shown));
        let mut session = bench.sandbox.open(&policy).await.map_err(|why| unusable(&why))?;
        session.listen(bench.listener.clone());
        Ok(Self { bench, gate, session, limits, _layer: layer })
    }

    /// Where things are for the gate's programs.
    pub fn paths(&self) -> &SandboxPaths {
        self.session.paths()
    }

    /// The candidate's root.
    pub fn source(&self) -> &Path {
        self.paths().at(places::SOURCE)
    }

    /// The candidate's root, as it appears in programs' output.
    pub fn root(&self) -> String {
        self.source().display().to_string()
    }

    /// What the gate's programs know: nothing of the user's environment but what is granted.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let mut env = environment(self.paths());
        env.extend(granted(self.bench, self.gate));
        env
    }

    /// A program over the candidate, not yet started.
    pub fn program(&self, path: PathBuf, args: Vec<OsString>, timeout: Duration) -> Program {
        let dir = self.source().to_owned();
        Program { path, args, dir, env: self.environment(), stdin: None, timeout }
    }

    /// Runs a program. `builds` lets it write into the build folder.
    pub async fn run(&self, program: &Program, builds: bool) -> Result<Output, GateResult> {
        self.session.run(program, builds).await.map_err(|why| unusable(&why))
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

/// The sandbox of Rust's programs. `over` is a dependency layer, and whether its build folder is
/// written or lies below a fresh one.
pub fn sandbox_spec(
    tools: &HostTools,
    over: Option<(&Path, MountMode)>,
    limits: Limits,
) -> SandboxSpec {
    let mut spec = SandboxSpec::new(limits);
    spec.mounts.push(Mount::read_only(&tools.sysroot, places::TOOLS));
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
pub fn dependencies(layer: &Path) -> Mount {
    Mount::read_only(layer.join("vendor"), places::DEPENDENCIES)
}

/// What every program in a sandbox knows.
pub fn environment(paths: &SandboxPaths) -> Vec<(String, OsString)> {
    let bin = paths.at(places::TOOLS).join("bin");
    let place = |at: &'static str| paths.at(at).as_os_str().to_owned();
    let mut path = bin.clone().into_os_string();
    path.push(":/usr/local/bin:/usr/bin:/bin");
    vec![
        ("PATH".to_owned(), path),
        ("HOME".to_owned(), place(places::TEMPORARY)),
        ("TMPDIR".to_owned(), place(places::TEMPORARY)),
        ("LANG".to_owned(), "C.UTF-8".into()),
        ("CARGO".to_owned(), bin.join("cargo").into()),
        ("CARGO_HOME".to_owned(), place(places::TOOL_HOME)),
        ("CARGO_TARGET_DIR".to_owned(), place(places::BUILD)),
    ]
}

/// The program behind a command of cargo's, which would look for it in its home first.
pub fn cargo(paths: &SandboxPaths, command: Option<&&str>) -> PathBuf {
    let name = match command {
        Some(&"clippy") => "cargo-clippy",
        Some(&"fmt") => "cargo-fmt",
        _ => "cargo",
    };
    paths.at(places::TOOLS).join("bin").join(name)
}

impl GateResult {
    /// A program that used up what it may use.
    pub fn limit(mut self, resource: Resource) -> Self {
        self.outcome = Some(Outcome::Limit { resource });
        self
    }
}
