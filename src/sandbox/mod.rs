//! Runs programs of the candidates' apart from the machine.
//!
//! [`Sandbox::open`] has a keeper made: a process of regen's own program, which builds the sandbox
//! and lives as long as the [`Session`] does. Programs of one session share its build folder and
//! nothing else; nothing comes out of it but exit status and output.
#![expect(clippy::disallowed_methods, reason = "the one edge that keeps programs apart")]

mod backend;
mod bwrap;
mod macos;
mod paths;
mod protocol;
mod probe;
mod session;
mod spec;

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod lockdown;
#[cfg(target_os = "linux")]
mod supervisor;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod zygote;
#[cfg(target_os = "linux")]
mod rootfs;
#[cfg(target_os = "linux")]
mod selftest;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod accounting;

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream as Stream;
use tokio::sync::Semaphore;

use crate::types::{Isolation, limits};

pub use backend::{Backend, Bare, Landlock, Namespaces};
pub use bwrap::Bwrap;
pub use macos::SandboxExec;
pub use paths::SandboxPaths;
pub use probe::{Missing, Probe, attempt, probe};
use protocol::{FileList, Mode, OpenRequest, Opened, StartRequest};
pub use session::Session;
pub use spec::{Egress, Mount, MountMode, SandboxSpec, Scratch};

/// Gives memory that is not used any more back to the system: a daemon reads a whole workspace, and
/// then sleeps.
pub fn give_back_memory() {
    #[cfg(target_os = "linux")]
    sys::trim();
}

/// The argument that makes regen's program a keeper.
const KEEPER: &str = "sandbox-keeper";
const MIB: u64 = 1024 * 1024;

/// Becomes a keeper if that is what this process was started for.
pub fn keep(mut args: impl Iterator<Item = std::ffi::OsString>) {
    if args.nth(1).is_some_and(|arg| arg == OsStr::new(KEEPER)) {
        #[cfg(target_os = "linux")]
        zygote::main();
    }
}

/// What failed on the way to an open sandbox.
#[derive(Debug)]
pub struct SetupError {
    what: &'static str,
    why: io::Error,
}

impl SetupError {
    #[cfg(target_os = "linux")]
    fn at<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> Self {
        move |why| Self { what, why: why.into() }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.what, self.why)
    }
}

/// A sandbox did not work; says nothing about what was to run in it.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox failed: {0}")]
pub struct SandboxError(String);

fn failed(why: impl fmt::Display) -> SandboxError {
    SandboxError(why.to_string())
}

/// The socket to the process that makes keepers. They end with it, and it when this is closed.
type ZygoteSocket = Arc<Mutex<Option<UnixStream>>>;

/// A way to keep programs apart that was found to work here.
#[derive(Clone, Debug)]
pub struct Sandbox {
    keeper: PathBuf,
    backend: Arc<dyn Backend>,
    rooms: PathBuf,
    nursery: ZygoteSocket,
    memory: Arc<Semaphore>,
    total: u32,
}

impl Sandbox {
    /// A sandbox by a backend that is not tried here. `keeper` is regen's program; `cache` the
    /// machine's cache folder; `memory` what all open sessions may use together, in MiB.
    pub fn new(keeper: &Path, backend: Arc<dyn Backend>, cache: &Path, memory: u64) -> Self {
        let total = u32::try_from(memory).unwrap_or(u32::MAX >> 3).clamp(1, u32::MAX >> 3);
        Self {
            keeper: keeper.to_owned(),
            backend,
            rooms: cache.join("rooms"),
            nursery: Arc::default(),
            memory: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// How strongly it keeps programs apart.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Opens a sandbox, once there is memory for it.
    ///
    /// # Errors
    /// It could not be built: the machine's trouble.
    pub async fn open(&self, policy: &SandboxSpec) -> Result<Session, SandboxError> {
        let wanted = u32::try_from(policy.limits.memory / MIB).unwrap_or(u32::MAX);
        let memory = self.memory.clone().acquire_many_owned(wanted.clamp(1, self.total));
        let memory = memory.await.map_err(failed)?;
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let room = self.rooms.join(format!("{}-{count}", mark()));
        if self.has_mounts()
            && let Some(why) = spec::conflict(policy)
        {
            return Err(failed(why));
        }
        std::fs::create_dir_all(&self.rooms).map_err(failed)?;
        let order = OpenRequest::of(policy, Mode::Bare, room);
        let mut begin = StartRequest { order, cgroup: None };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let nursery = match self.backend.launch(&self.keeper, &mut begin) {
            Some(command) => {
                let nursery = start(command).map_err(failed)?;
                pass(&nursery, &begin, &[theirs.as_fd()]).map_err(failed)?;
                Arc::new(Mutex::new(Some(nursery)))
            }
            None => {
                self.ask_nursery(&begin, &theirs)?;
                self.nursery.clone()
            }
        };
        drop(theirs);
        let control = async_stream(ours.try_clone().map_err(failed)?)?;
        let said = tokio::time::timeout(limits::SANDBOX_START, hand_over(control, &policy.files));
        let without = match said.await {
            Ok(Ok(Opened::Ready { without })) => without,
            Ok(Ok(Opened::Failed { why })) => return Err(failed(why)),
            Ok(Err(error)) => return Err(failed(format!("{}: {error}", self.backend.name()))),
            Err(_) => return Err(failed("it did not open in time")),
        };
        ours.set_nonblocking(false).map_err(failed)?;
        let cgroup = begin.cgroup;
        let paths = SandboxPaths::of(&begin.order);
        let limits = policy.limits;
        Ok(Session {
            control: ours,
            paths,
            limits,
            without,
            cgroup,
            _nursery: nursery,
            _memory: memory,
            listener: None,
        })
    }

    /// Has a keeper made for the other end of this socket.
    fn ask_nursery(&self, how: &StartRequest, socket: &UnixStream) -> Result<(), SandboxError> {
        let mut nursery = self.nursery.lock().map_err(failed)?;
        if let Some(stream) = &*nursery
            && pass(stream, how, &[socket.as_fd()]).is_ok()
        {
            return Ok(());
        }
        // There was none yet, or it is gone.
        let mut command = tokio::process::Command::new(&self.keeper);
        command.arg(KEEPER);
        let stream = start(command).map_err(failed)?;
        pass(&stream, how, &[socket.as_fd()]).map_err(failed)?;
        *nursery = Some(stream);
        Ok(())
    }

    /// Where a read-only mount is for programs, before its sandbox is open:
    /// [`SandboxPaths::at`] says the same then.
    pub fn shows<'a>(&self, mount: &'a Mount) -> &'a Path {
        if self.has_mounts() { &mount.at } else { &mount.source }
    }

    /// Whether its programs have a file system of their own.
    pub fn has_mounts(&self) -> bool {
        self.backend.level() >= Isolation::NAMESPACES
    }

    /// Removes folders of sessions whose regen is gone.
    ///
    /// # Errors
    /// The disk's.
    pub fn sweep(&self) -> io::Result<()> {
        let mut failed = Ok(());
        for entry in std::fs::read_dir(&self.rooms).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if is_left(&name.to_string_lossy(), &entry.path())
                && let Err(error) = remove(&entry.path())
            {
                failed = Err(error);
            }
        }
        failed
    }
}

/// Removes a folder, also one in which a program has locked folders.
pub fn remove(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fn unlock(folder: &Path) {
        let _ = std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700));
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                unlock(&entry.path());
            }
        }
    }
    std::fs::remove_dir_all(folder).or_else(|_| {
        unlock(folder);
        std::fs::remove_dir_all(folder)
    })
}

/// A mark of this process in the names of folders that other machines' processes may see too.
pub fn mark() -> String {
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let space: String = space.display().to_string().chars().filter(char::is_ascii_digit).collect();
    format!("{space}-{}", std::process::id())
}

/// Whether the process that left a folder with such a mark is gone, as far as one can tell here.
pub fn is_left(name: &str, path: &Path) -> bool {
    let mut parts = name.split('-');
    let (space, process) = (parts.next().unwrap_or("?"), parts.next().unwrap_or("0"));
    let ours = mark().split('-').next() == Some(space);
    if ours {
        !Path::new("/proc").join(process).is_dir()
    } else {
        // Another container's: nothing lives so long.
        let age = path.metadata().and_then(|meta| meta.modified()).ok();
        let age = age.and_then(|time| time.elapsed().ok()).unwrap_or_default();
        age > std::time::Duration::from_secs(3 * 24 * 3600)
    }
}

/// Starts a program with a socket as its standard input. It ends when the socket is closed.
fn start(mut command: tokio::process::Command) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    command
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().map(|_| ours)
}

/// Sends a message, and passes descriptors with it.
fn pass(
    mut socket: &UnixStream,
    message: &impl serde::Serialize,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut text = Vec::new();
    protocol::send(&mut text, message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut passed = SendAncillaryBuffer::new(&mut space);
    passed.push(SendAncillaryMessage::ScmRights(descriptors));
    // The descriptors go with the first bytes.
    let sent = sendmsg(socket, &[IoSlice::new(&text)], &mut passed, SendFlags::NOSIGNAL)?;
    socket.write_all(&text[sent..])
}

fn async_stream(stream: UnixStream) -> Result<Stream, SandboxError> {
    stream.set_nonblocking(true).map_err(failed)?;
    Stream::from_std(stream).map_err(failed)
}

async fn hand_over(mut control: Stream, files: &[(String, Vec<u8>)]) -> io::Result<Opened> {
    let list: FileList = files.iter().map(|(path, bytes)| (path.clone(), bytes.len())).collect();
    let mut text = Vec::new();
    protocol::send(&mut text, &list)?;
    control.write_all(&text).await?;
    for (_, bytes) in files {
        control.write_all(bytes).await?;
    }
    hear(&mut control).await
}

/// Reads a message without blocking.
async fn hear<T: serde::de::DeserializeOwned>(from: &mut Stream) -> io::Result<T> {
    let mut text = vec![0; 4];
    from.read_exact(&mut text).await?;
    let length = u32::from_le_bytes([text[0], text[1], text[2], text[3]]) as usize;
    if length > limits::ORDER_BYTES {
        return Err(io::Error::other("the message is too long"));
    }
    text.resize(4 + length, 0);
    from.read_exact(&mut text[4..]).await?;
    protocol::receive(text.as_slice())
}
