//! The writer lock: one writer per workspace.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::files;
use crate::types::limits;

/// Held by a writing process; the kernel releases it when the process ends.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WriterLockError {
    /// Another process has it.
    #[error("another regen runs in this workspace ({0}); wait for it or stop it")]
    Held(String),
    /// I/O errors.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Opens the file without blocking on pipes or devices.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(0o600).custom_flags(flags).open(path);
    let file = file.map_err(|error| super::with_path(path, error))?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        let why = format!("{}: not a regular file", path.display());
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }
}

/// Held while `generated/` is read as a whole, or while trees in it are switched.
///
/// The lock is the file `readers`. Who wants it holds `readers-turn` until it has it: a promotion
/// that waits for readers keeps new ones out, so that readers in a loop cannot hold it up.
#[derive(Debug)]
pub struct ReadersLock {
    file: File,
}

impl ReadersLock {
    /// For a reader, beside others. Waits for a promotion that waits or runs.
    ///
    /// # Errors
    /// The disk's.
    pub fn shared(state: &Path) -> io::Result<Self> {
        let turn = open(&state.join("readers-turn"))?;
        turn.lock_shared()?;
        Self::shared_within(state)
    }

    /// For a reader within a program of another one, which a waiting promotion waits for.
    ///
    /// # Errors
    /// The disk's.
    pub fn shared_within(state: &Path) -> io::Result<Self> {
        let file = open(&state.join("readers"))?;
        file.lock_shared()?;
        Ok(Self { file })
    }

    /// Leaves the lock to the program that replaces this one.
    ///
    /// # Errors
    /// The system's.
    pub fn keep_beyond_exec(&self) -> io::Result<()> {
        let flags = rustix::io::fcntl_getfd(&self.file)?;
        Ok(rustix::io::fcntl_setfd(&self.file, flags - rustix::io::FdFlags::CLOEXEC)?)
    }

    /// For a promotion. Waits for readers to end, but not for long.
    ///
    /// # Errors
    /// Readers do not end; the disk's.
    pub fn exclusive(state: &Path) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        let end = Instant::now() + limits::READERS;
        let _turn = exclusive(&state.join("readers-turn"), end)?;
        Ok(Self { file: exclusive(&state.join("readers"), end)? })
    }
}

fn exclusive(path: &Path, end: Instant) -> io::Result<File> {
    let file = open(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(why)) => return Err(why),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let why = "a program that `regen exec` started reads generated/; wait for it";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
            }
        }
    }
}

impl WriterLock {
    /// Whether no process holds the lock. Writes nothing.
    pub fn is_free(state: &Path) -> bool {
        let file = files::open_regular(&state.join("lock"));
        file.is_ok_and(|file| file.try_lock_shared().is_ok())
    }

    /// Takes the lock. `who` describes this process.
    ///
    /// # Errors
    /// Another process holds it; I/O errors.
    pub fn take(state: &Path, who: &str) -> Result<Self, WriterLockError> {
        fs::create_dir_all(state)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", state.display())))?;
        let path = state.join("lock");
        let mut file = open(&path)?;
        match file.try_lock() {
            Ok(()) => {
                let written = file.set_len(0).and_then(|()| file.rewind());
                let written = written.and_then(|()| file.write_all(who.as_bytes()));
                written.map_err(|error| super::with_path(&path, error))?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                Err(WriterLockError::Held(holder.trim().to_owned()))
            }
            Err(TryLockError::Error(error)) => Err(WriterLockError::Io(error)),
        }
    }
}
