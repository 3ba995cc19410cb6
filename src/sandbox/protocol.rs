//! What goes between regen and the supervisor of a sandbox: plain data over one socket.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::spec::{Egress, Mount, MountMode, SandboxSpec, Scratch};
use crate::process::{Ended, Program};
use crate::types::{Limits, limits};

/// How the supervisor keeps programs apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Its own namespaces, Landlock and seccomp.
    Namespaces,
    /// It was started in namespaces that somebody else made; Landlock and seccomp.
    Inside,
    /// Landlock and seccomp.
    Landlock,
    /// Limits only.
    Bare,
}

/// What a sandbox is, but for the candidate's files: one that is the same can be made ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// How programs are kept apart.
    pub mode: Mode,
    /// User and group outside, for a caller who may choose; `None` for the caller's own.
    pub run_as: Option<u32>,
    /// Folders and files of the machine's that it shows.
    pub mounts: Vec<Mount>,
    /// Writable folders that are made for it.
    pub scratch: Vec<Scratch>,
    /// What its programs reach by network.
    pub egress: Egress,
    /// What its programs may use.
    pub limits: Limits,
    /// The folder for its files, where there are no mounts.
    pub room: PathBuf,
}

impl OpenRequest {
    /// The request for a sandbox of this kind.
    pub fn of(spec: &SandboxSpec, mode: Mode, room: PathBuf) -> Self {
        Self {
            mode,
            run_as: None,
            mounts: spec.mounts.clone(),
            scratch: spec.scratch.clone(),
            egress: spec.egress,
            limits: spec.limits,
            room,
        }
    }
}

impl OpenRequest {
    /// Folders of the machine's that programs write.
    pub fn written(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().filter(|mount| mount.mode == MountMode::ReadWrite)
    }

    /// Folders with a writable layer above them.
    pub fn overlays(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().filter(|mount| mount.mode == MountMode::Overlay)
    }

    /// Fresh folders of the session.
    pub fn session_scratch(&self) -> impl Iterator<Item = &Path> {
        let own = |scratch: &'_ Scratch| matches!(scratch, Scratch::Session(_));
        self.scratch.iter().filter(move |scratch| own(scratch)).map(Scratch::at)
    }

    /// Fresh folders of each program, beside the temporary one.
    pub fn program_scratch(&self) -> impl Iterator<Item = &Path> {
        let own = |scratch: &'_ Scratch| matches!(scratch, Scratch::Program(_));
        self.scratch.iter().filter(move |scratch| own(scratch)).map(Scratch::at)
    }

    /// What the programs of the session share, and write only if they build.
    pub fn shared(&self) -> impl Iterator<Item = &Path> {
        let mounts = self.overlays().chain(self.written()).map(|mount| &*mount.at);
        mounts.chain(self.session_scratch())
    }
}

/// What the zygote is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StartRequest {
    /// The sandbox.
    pub order: OpenRequest,
    /// A control group for its processes.
    pub cgroup: Option<PathBuf>,
}

/// Files of `/src` and their lengths; their bytes follow.
pub type FileList = Vec<(String, usize)>;

/// A program to run in a sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub struct Task {
    /// The program; its stdin is passed as a descriptor.
    pub program: Program,
    /// Whether it may write into what the programs of the session share.
    pub builds: bool,
    /// Whether the sandbox is to try itself instead.
    pub selftest: bool,
}

/// The supervisor's answer to an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Opened {
    /// It is open; what it has to do without.
    Ready { without: Vec<String> },
    /// It could not be opened.
    Failed { why: String },
}

/// The supervisor's answer to a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Done {
    /// It ended.
    Ended(Ended),
    /// It was not started.
    Failed(String),
}

/// Writes a message: its length, then JSON.
pub fn send(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    to.write_all(&[&length.to_le_bytes(), text.as_slice()].concat())
}

/// Reads a message.
pub fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > limits::ORDER_BYTES {
        return Err(io::Error::other("the message is too long"));
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
