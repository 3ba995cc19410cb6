//! Dependency layers: dependencies of candidates, fetched outside of the sandbox by a generated
//! manifest, built once in the sandbox, then read-only. Every gate's build folder is an overlay on
//! one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::programs::{places, planned, program, sandbox_spec, unusable};
use super::result::GateResult;
use crate::process::{self, Ended, Program};
use crate::sandbox::{self, MountMode, Sandbox, SandboxSpec};
use crate::toolchain::{DependencyLayer, Places, Toolchain};
use crate::types::{
    Encoder, Finding, GateName, HostTools, Limits, LimitsConfig, Target, gate::clean, limits,
};

/// The project folder while a layer is built.
const PROJECT: &str = "stub";
/// The file of a layer with the project's lockfile; written last, so it marks a complete layer.
const LOCK: &str = "lock";

/// All layers of a machine.
#[derive(Clone, Debug)]
pub struct DependencyCache {
    root: PathBuf,
}

/// A layer in use; not removed while this value lives.
#[derive(Debug)]
pub struct Layer {
    path: PathBuf,
    lock: String,
    _used: File,
}

impl Layer {
    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lockfile of the project it was built for.
    pub fn lock(&self) -> &str {
        &self.lock
    }
}

/// The layers of one gate.
#[derive(Debug, Default)]
pub struct GateLayers {
    /// What a candidate depends on, or the tools that are packages.
    pub(super) own: Option<Layer>,
    /// The packages that the target allows.
    pub(super) packages: Option<Layer>,
}

impl GateLayers {
    /// Paths in a workspace that is not open yet.
    pub(super) fn planned(&self, sandbox: &Sandbox) -> Places {
        let path = |layer: &Option<Layer>| layer.as_ref().map(|one| one.path().to_owned());
        planned(sandbox, path(&self.own).as_deref(), path(&self.packages).as_deref())
    }
}

/// Where and with which tools a layer is built.
#[derive(Clone, Copy)]
pub(super) struct LayerBuilder<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) tools: &'a HostTools,
    pub(super) language: &'a dyn Toolchain,
}

impl DependencyCache {
    /// The layers in the machine's cache folder.
    pub fn new(cache: &Path) -> Self {
        Self { root: cache.join("layers") }
    }

    /// The layer with these dependencies; built if missing.
    pub(super) async fn get(
        &self,
        builder: LayerBuilder<'_>,
        gate: &GateName,
        wanted: &dyn DependencyLayer,
        now: SystemTime,
    ) -> Result<Layer, GateResult> {
        let trouble = |what: &str, why: io::Error| GateResult::error(format!("{what}: {why}"));
        let LayerBuilder { sandbox, tools, language } = builder;
        let mut key = Encoder::new("layer 3");
        key.text(language.id()).text(wanted.key()).digest(tools.identity());
        // Copied and overlaid layers differ in paths, so they have different keys.
        let key = key.flag(sandbox.has_mounts()).finish();
        let path = self.root.join(key.short());
        if let Some(layer) = open(&path, now) {
            return Ok(layer);
        }
        let named = |why| trouble(&self.root.display().to_string(), why);
        self.collect(limits::LAYERS_BYTES, now).map_err(named)?;
        let staging = self.staging(sandbox).map_err(named)?;
        let built = self.build(builder, gate, wanted, staging.path());
        match tokio::time::timeout(limits::LAYER_TIMEOUT, built).await {
            Ok(built) => built?,
            Err(_) => {
                let most = limits::LAYER_TIMEOUT.as_secs();
                let why = format!("the dependencies were not built within {most} s");
                return Err(GateResult::error(why));
            }
        }
        // Another process may have built the same layer meanwhile.
        let moved = fs::rename(staging.path(), &path);
        let _ = staging.keep();
        match open(&path, now) {
            Some(layer) => Ok(layer),
            None => {
                let why = moved.err().unwrap_or_else(|| io::Error::other("incomplete layer"));
                Err(trouble(&path.display().to_string(), why))
            }
        }
    }

    /// The layer of a gate's tools, if they are fetched as packages.
    pub(super) async fn tools(
        &self,
        builder: LayerBuilder<'_>,
        gate: &GateName,
        now: SystemTime,
    ) -> Result<Option<Layer>, GateResult> {
        match builder.language.tools_layer(gate) {
            Some(wanted) => self.get(builder, gate, &*wanted, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// The layer of the packages that a target allows.
    pub(super) async fn packages(
        &self,
        builder: LayerBuilder<'_>,
        gate: &GateName,
        target: &Target,
        now: SystemTime,
    ) -> Result<Option<Layer>, GateResult> {
        match builder.language.packages(target) {
            Some(wanted) => self.get(builder, gate, &*wanted, now).await.map(Some),
            None => Ok(None),
        }
    }

    fn staging(&self, sandbox: &Sandbox) -> io::Result<tempfile::TempDir> {
        fs::create_dir_all(&self.root)?;
        let name = format!(".making-{}-", sandbox::mark());
        let staging = tempfile::Builder::new().prefix(&name).tempdir_in(&self.root)?;
        for folder in ["target", "vendor", PROJECT] {
            fs::create_dir_all(staging.path().join(folder))?;
        }
        // The sandbox's user may be another user outside; the parent folder is private.
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&self.root, PermissionsExt::from_mode(0o700))?;
        fs::set_permissions(staging.path(), PermissionsExt::from_mode(0o755))?;
        sandbox_owns(sandbox, &staging.path().join("target"))?;
        Ok(staging)
    }

    async fn build(
        &self,
        builder: LayerBuilder<'_>,
        gate: &GateName,
        wanted: &dyn DependencyLayer,
        staging: &Path,
    ) -> Result<(), GateResult> {
        let project = staging.join(PROJECT);
        let disk = |why: io::Error| GateResult::error(format!("{}: {why}", staging.display()));
        for (path, text) in wanted.project() {
            let path = project.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&project)).map_err(disk)?;
            fs::write(path, text).map_err(disk)?;
        }
        let lock = if fetch(builder.tools, wanted, gate, staging).await? {
            fs::read_to_string(project.join(wanted.lock_name())).map_err(disk)?
        } else {
            wanted.empty_lock()
        };
        compile(builder, gate, wanted, staging, &lock).await?;
        forget(&staging.join("target"), wanted).map_err(disk)?;
        fs::remove_dir_all(&project).map_err(disk)?;
        fs::write(staging.join("used"), "").map_err(disk)?;
        // Written last: a layer with a lockfile is complete.
        fs::write(staging.join(LOCK), lock).map_err(disk)
    }

    /// Removes layers that were not used for long, the oldest of too many, and incomplete ones.
    fn collect(&self, most: u64, now: SystemTime) -> io::Result<()> {
        let mut layers = Vec::new();
        for entry in fs::read_dir(&self.root).into_iter().flatten() {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(rest) = name.strip_prefix(".making-") {
                if sandbox::is_left(rest, &path) {
                    let _ = sandbox::remove(&path);
                }
                continue;
            }
            let used = path.join("used").metadata().and_then(|meta| meta.modified());
            layers.push((used.unwrap_or(SystemTime::UNIX_EPOCH), size(&path), path));
        }
        layers.sort();
        let mut all: u64 = layers.iter().map(|(_, size, _)| size).sum();
        for (used, size, path) in layers {
            let age = now.duration_since(used).unwrap_or(Duration::ZERO);
            let lock = File::options().append(true).open(path.join("used"));
            let free = lock.as_ref().map_or(true, |lock| lock.try_lock().is_ok());
            // A layer whose removal was interrupted.
            let broken = !path.join(LOCK).is_file();
            if free && (broken || age > limits::LAYER_AGE || all > most) {
                // Marks the layer as incomplete before its files are deleted.
                let _ = fs::remove_file(path.join(LOCK));
                // A layer that cannot be removed is ignored.
                if sandbox::remove(&path).is_ok() {
                    all -= size;
                }
            }
        }
        Ok(())
    }
}

/// Opens a complete layer and marks it as used.
fn open(path: &Path, now: SystemTime) -> Option<Layer> {
    let used = File::options().append(true).open(path.join("used")).ok()?;
    used.lock_shared().ok()?;
    used.set_modified(now).ok()?;
    let lock = fs::read_to_string(path.join(LOCK)).ok()?;
    Some(Layer { path: path.to_owned(), lock, _used: used })
}

/// Gives a folder to the user that the sandbox's programs have outside.
fn sandbox_owns(sandbox: &Sandbox, folder: &Path) -> io::Result<()> {
    match sandbox.backend().runs_as() {
        Some(id) => std::os::unix::fs::chown(folder, Some(id), Some(id)),
        None => Ok(()),
    }
}

/// Fetches the sources of the dependencies and a lockfile, outside of the sandbox: no code of
/// candidates or dependencies runs. Gives whether there was anything to fetch.
async fn fetch(
    tools: &HostTools,
    wanted: &dyn DependencyLayer,
    gate: &GateName,
    staging: &Path,
) -> Result<bool, GateResult> {
    let Some(command) = wanted.fetch(tools) else { return Ok(false) };
    let own = |name: &str| std::env::var_os(name).map(|value| (name.to_owned(), value));
    let network =
        ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
    let network = network.into_iter().chain(["SSL_CERT_FILE", "SSL_CERT_DIR"]);
    let mut env = vec![("HOME".to_owned(), staging.into()), ("LANG".to_owned(), "C.UTF-8".into())];
    env.extend(command.env.into_iter().map(|(name, value)| (name, value.into())));
    env.extend(network.chain(wanted.variables().iter().copied()).filter_map(own));
    let program = Program {
        path: command.program,
        args: command.args.iter().map(Into::into).collect(),
        dir: staging.join(PROJECT),
        env,
        stdin: None,
        timeout: limits::GATE_TIMEOUT,
    };
    let output = process::run(&program).await.map_err(|why| GateResult::error(why.to_string()))?;
    if output.succeeded() {
        let readable = readable(&staging.join("vendor"));
        return readable.map(|()| true).map_err(|why| GateResult::error(why.to_string()));
    }
    let why = clean(&output.errors(), &[&staging.display().to_string()]);
    Err(if wanted.is_refusal(&why) {
        refused(gate, why)
    } else {
        GateResult::error(format!("cannot fetch the dependencies: {why}"))
    })
}

fn refused(gate: &GateName, message: String) -> GateResult {
    GateResult::fail(vec![Finding {
        gate: gate.to_owned(),
        rule: "dependencies".to_owned(),
        message,
        ..Finding::default()
    }])
}

/// Makes files readable for all users: the build may run as another user.
fn readable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            fs::set_permissions(entry.path(), PermissionsExt::from_mode(0o755))?;
            readable(&entry.path())?;
        } else if meta.is_file() {
            let mode = 0o644 | meta.permissions().mode() & 0o111;
            fs::set_permissions(entry.path(), PermissionsExt::from_mode(mode))?;
        }
    }
    Ok(())
}

/// Builds the dependencies with the options of the gates.
async fn compile(
    builder: LayerBuilder<'_>,
    gate: &GateName,
    wanted: &dyn DependencyLayer,
    staging: &Path,
    lock: &str,
) -> Result<(), GateResult> {
    let LayerBuilder { sandbox, tools, language } = builder;
    let mut files = language.workspace_files("", lock, &planned(sandbox, Some(staging), None));
    let project = wanted.project().into_iter().chain(wanted.build_files());
    files.extend(project.map(|(path, text)| (path, text.into_bytes())));
    let most = Limits {
        disk: limits::LAYER_DISK,
        inodes: limits::LAYER_INODES,
        ..Limits::of(&LimitsConfig::default())
    };
    let over = Some((staging, MountMode::ReadWrite));
    let spec = SandboxSpec { files, ..sandbox_spec(tools, language, over, most) };
    let session = sandbox.open(&spec).await.map_err(|why| unusable(&why))?;
    let places = places(&session);
    for command in wanted.build(&places) {
        let program = program(&command, &places, language, Vec::new(), limits::LAYER_TIMEOUT);
        let output = session.run(&program, true).await.map_err(|why| unusable(&why))?;
        if !output.succeeded() {
            let root = places.source.display().to_string();
            let why = match output.ended {
                Ended::Exit(_) => clean(&output.errors(), &[&root]),
                Ended::Limit(resource) => spec.limits.hit(resource),
                ended => format!("{ended}; {}", clean(&output.errors(), &[&root])),
            };
            session.close().await;
            // Without the target's features it builds, so the environment is at fault.
            return Err(if wanted.is_chosen() {
                refused(gate, why)
            } else {
                GateResult::error(format!("cannot build the dependencies: {why}"))
            });
        }
    }
    session.close().await;
    Ok(())
}

/// Removes the project from a build folder, leaving its dependencies.
fn forget(target: &Path, wanted: &dyn DependencyLayer) -> io::Result<()> {
    for folder in wanted.build_folders() {
        for entry in fs::read_dir(target.join(folder)).into_iter().flatten() {
            let entry = entry?;
            if wanted.is_of_project(&entry.file_name().to_string_lossy()) {
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())?;
                } else {
                    fs::remove_file(entry.path())?;
                }
            }
        }
    }
    Ok(())
}

fn size(folder: &Path) -> u64 {
    let sizes =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size(&entry.path()),
            _ => entry.metadata().map_or(0, |meta| meta.len()),
        });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_excess_layers_are_deleted_but_not_those_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let layers = DependencyCache::new(folder.path());
        let make = |name: &str, days: u64| {
            let path = layers.root.join(name);
            fs::create_dir_all(&path).expect("makes folders");
            fs::write(path.join(LOCK), "").expect("writes");
            let used = File::create(path.join("used")).expect("writes");
            let time = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
            used.set_modified(time).expect("sets the time");
            path
        };
        let (young, old, busy) = (make("young", 1), make("old", 40), make("busy", 40));
        let mark = sandbox::mark();
        let space = mark.split('-').next().expect("has one");
        let dead = make(&format!(".making-{space}-999999999-x"), 0);
        let lock = File::options().append(true).open(busy.join("used")).expect("is there");
        lock.lock_shared().expect("is free");
        layers.collect(limits::LAYERS_BYTES, SystemTime::now()).expect("works");
        let there = |path: &Path| path.is_dir();
        assert!(there(&young) && there(&busy) && !there(&old) && !there(&dead));
        fs::write(young.join("big"), vec![0; 4096]).expect("writes");
        // An interrupted removal.
        let broken = make("broken", 0);
        fs::remove_file(broken.join(LOCK)).expect("is there");
        layers.collect(limits::LAYERS_BYTES, SystemTime::now()).expect("works");
        assert!(there(&young) && !there(&broken));
        layers.collect(1024, SystemTime::now()).expect("works");
        assert!(!there(&young) && there(&busy));
    }
}
