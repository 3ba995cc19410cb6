//! The protocol between regen and a sandbox's supervisor: plain data over a socket.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::spec::{Egress, Mount, MountMode, SandboxSpec, Scratch};
use super::view::SandboxView;
use crate::process::{Ended, Program};
use crate::types::{Limits, limits};

/// The supervisor's isolation mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Its own namespaces, Landlock and seccomp.
    Namespaces,
    /// Landlock and seccomp, in namespaces made by others.
    Inside,
    /// Landlock and seccomp.
    Landlock,
    /// Limits only.
    Bare,
}

/// A sandbox without the candidate's files; equal ones can be prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// The isolation mechanism.
    pub mode: Mode,
    /// User and group id outside, for a caller who can choose; `None` for the caller's own.
    pub run_as: Option<u32>,
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
    /// The folder for its files, if there are no mounts.
    pub room: PathBuf,
}

impl OpenRequest {
    /// The order for a sandbox of this kind.
    pub fn of(spec: &SandboxSpec, mode: Mode, room: PathBuf) -> Self {
        Self {
            mode,
            run_as: None,
            mounts: spec.mounts.clone(),
            scratch: spec.scratch.clone(),
            egress: spec.egress,
            writable: spec.writable,
            limits: spec.limits,
            room,
        }
    }
}

impl OpenRequest {
    /// Writable folders of the machine.
    pub fn written(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().filter(|mount| mount.mode == MountMode::ReadWrite)
    }

    /// Folders with an overlay.
    pub fn overlays(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().filter(|mount| mount.mode == MountMode::Overlay)
    }

    /// Fresh folders per session.
    pub fn session_scratch(&self) -> impl Iterator<Item = &Path> {
        let own = |scratch: &'_ Scratch| matches!(scratch, Scratch::Session(_));
        self.scratch.iter().filter(move |scratch| own(scratch)).map(Scratch::at)
    }

    /// Fresh folders per program, besides the temporary one.
    pub fn program_scratch(&self) -> impl Iterator<Item = &Path> {
        let own = |scratch: &'_ Scratch| matches!(scratch, Scratch::Program(_));
        self.scratch.iter().filter(move |scratch| own(scratch)).map(Scratch::at)
    }

    /// Folders shared by the session's programs, writable only for builds.
    pub fn shared(&self) -> impl Iterator<Item = &Path> {
        let mounts = self.overlays().chain(self.written()).map(|mount| &*mount.at);
        mounts.chain(self.session_scratch())
    }
}

/// A request to the zygote.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StartRequest {
    /// The sandbox.
    pub order: OpenRequest,
    /// A control group for its processes.
    pub cgroup: Option<PathBuf>,
}

/// Files of `/src` with their lengths; their bytes follow.
pub type FileList = Vec<(String, usize)>;

/// A program to run in a sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub struct Task {
    /// The program; its stdin is passed as a descriptor.
    pub program: Program,
    /// What it sees.
    pub view: SandboxView,
    /// What it is for.
    pub role: TaskRole,
}

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskRole {
    /// The program runs.
    Program,
    /// The program runs with an empty standard input; the passed descriptor is a door to its
    /// network, by which regen gets sockets.
    Door,
    /// The same, and the first descriptor from the door listens on this port of its loopback.
    Host(u16),
    /// The self-test runs instead.
    Selftest,
    /// The files of the source folder are written to the standard output instead.
    Collect,
}

impl TaskRole {
    /// Whether the descriptor for the standard input is a door.
    pub fn has_door(self) -> bool {
        matches!(self, Self::Door | Self::Host(_))
    }
}

/// The supervisor's answer to an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Opened {
    /// It is open; lists what is not available.
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
