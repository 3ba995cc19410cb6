//! The content and rules of a sandbox, as plain data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::types::{Limits, places};

/// The content and rules of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// The candidate's and the harness's files, by path below the source folder.
    pub files: Vec<(String, Vec<u8>)>,
    /// Folders and files of the machine to show.
    pub mounts: Vec<Mount>,
    /// Writable folders to create.
    pub scratch: Vec<Scratch>,
    /// The programs' network access.
    pub egress: Egress,
    /// Whether programs may change the source folder.
    #[serde(default)]
    pub writable: bool,
    /// The programs' limits.
    pub limits: Limits,
}

impl SandboxSpec {
    /// An empty sandbox: the system's programs and a temporary folder, no network.
    pub fn new(limits: Limits) -> Self {
        Self {
            files: Vec::new(),
            mounts: Vec::new(),
            scratch: Vec::new(),
            egress: Egress::None,
            writable: false,
            limits,
        }
    }
}

/// A folder or file of the machine, shown in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Its path on the machine.
    pub source: PathBuf,
    /// Its path for programs: the same, or one of [`places::MOUNT_POINTS`].
    pub at: PathBuf,
    /// The programs' access.
    pub mode: MountMode,
}

/// The access to a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountMode {
    /// Read only.
    ReadOnly,
    /// Read and write; changes are discarded with the sandbox.
    Overlay,
    /// Read and write the machine's folder.
    ReadWrite,
}

impl Mount {
    /// A read-only mount.
    pub fn read_only(source: impl Into<PathBuf>, at: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), at: at.into(), mode: MountMode::ReadOnly }
    }

    /// A read-only mount at the same path as outside.
    pub fn shown(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { source: path.clone(), at: path, mode: MountMode::ReadOnly }
    }

    /// Whether it has the same path as outside.
    pub fn is_shown(&self) -> bool {
        self.source == self.at
    }
}

/// A fresh writable folder, with its own limits on size and number of files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scratch {
    /// Fresh per session. Its programs share it; builds may write to it.
    Session(PathBuf),
    /// Fresh per program, in the same file system as the temporary folder.
    Program(PathBuf),
}

impl Scratch {
    /// Its path for programs.
    pub fn at(&self) -> &Path {
        let (Self::Session(at) | Self::Program(at)) = self;
        at
    }
}

/// Network access besides the program's own loopback interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Egress {
    /// None.
    #[default]
    None,
}

/// Finds conflicting mounts: two in one place, or one in a place of the sandbox itself.
pub fn conflict(spec: &SandboxSpec) -> Option<String> {
    let mounts = spec.mounts.iter().map(|mount| (&*mount.at, mount.is_shown()));
    let scratch = spec.scratch.iter().map(|scratch| (scratch.at(), false));
    let all: Vec<(&Path, bool)> = mounts.chain(scratch).collect();
    let point = |at: &Path| places::MOUNT_POINTS.iter().any(|point| at == Path::new(point));
    for (number, (at, shown)) in all.iter().enumerate() {
        // Folders of the machine may be nested, as outside.
        let meets = all[..number].iter().any(|(other, other_shown)| {
            (at.starts_with(other) || other.starts_with(at)) && !(*shown && *other_shown)
        });
        if meets || (places::is_taken(at) && !point(at)) {
            return Some(format!(
                "{} cannot be shown; a sandbox has its own folder there",
                at.display()
            ));
        }
        if !shown && !point(at) {
            return Some(format!("{} is not a mount point", at.display()));
        }
    }
    None
}

/// The lower folder of an overlay, until programs start.
pub fn lower(number: usize) -> PathBuf {
    Path::new(places::LOWER).join(number.to_string())
}

/// The upper folder of an overlay, invisible to programs.
#[cfg(target_os = "linux")]
pub fn upper(number: usize) -> PathBuf {
    Path::new(places::UPPER).join(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LimitsConfig;

    fn spec(mounts: Vec<Mount>) -> SandboxSpec {
        let limits = Limits::of(&LimitsConfig::default());
        let scratch = vec![Scratch::Program(places::TOOL_HOME.into())];
        SandboxSpec { mounts, scratch, ..SandboxSpec::new(limits) }
    }

    #[test]
    fn nothing_is_mounted_over_the_sandboxs_own_folders() {
        let taken = places::OWN.into_iter().chain(["/", "/tmp", places::TOOL_HOME]);
        for path in taken.chain(["/src/x", "/dev/shm", "/target/x"]) {
            assert!(conflict(&spec(vec![Mount::shown(path)])).is_some(), "{path}");
        }
        assert_eq!(conflict(&spec(vec![Mount::read_only("/usr", places::TOOLS)])), None);
        assert_eq!(conflict(&spec(vec![Mount::shown("/a"), Mount::shown("/a/b")])), None);
        let twice = [("/usr", places::TOOLS), ("/opt", places::TOOLS)];
        let twice = twice.map(|(source, at)| Mount::read_only(source, at));
        assert!(conflict(&spec(twice.into())).is_some());
        assert!(conflict(&spec(vec![Mount::read_only("/usr", "/elsewhere")])).is_some());
    }

    #[test]
    fn a_spec_survives_serialisation() {
        let mut one = spec(vec![Mount::read_only("/usr", places::TOOLS), Mount::shown("/a")]);
        one.files.push(("src/lib.rs".to_owned(), vec![0, 255]));
        let text = serde_json::to_string(&one).expect("is plain data");
        assert_eq!(serde_json::from_str::<SandboxSpec>(&text).expect("reads"), one);
    }
}
