//! Storage: the ledger, the objects, the writer lock, and reading of source files.
#![expect(
    clippy::disallowed_methods,
    reason = "the edge that keeps state and reads people's files"
)]

mod candidates;
mod database;
mod drift;
mod exchanges;
mod samples;
pub mod files;
pub mod given;
pub mod ledger;
mod lock;
mod migrations;
mod objects;
pub mod revision;
pub mod scan;
pub mod seen;
mod spending;
pub mod state;
mod sqlite;

pub use candidates::Candidates;
pub use drift::DriftCheck;
pub use exchanges::{ExchangeEnd, ExchangeRow};
pub use files::LockfileError;
pub use ledger::{CallId, Day, JobRow, Ledger, LedgerError, NewEvent, Reservation, Spend};
pub use lock::{ReadersLock, WriterLock, WriterLockError};
pub use objects::{ContentStore, MemoryStore, Objects};
pub use revision::RevisionError;
pub use samples::{SampleGrade, StoredSample};
pub use sqlite::SqliteLedger;
pub use state::StateError;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::types::text::visible_line;

/// Writes a file atomically and durably: temporary file, fsync, rename, fsync of the folder.
///
/// # Errors
/// I/O errors; the old content stays.
/// Any step's; then the old content stands.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, 0o644, folder(path))
}

/// The same, with the temporary file in `stage`, a folder that is emptied when what a killed
/// process left is cleared up: beside the file itself it would stay for good. Where `stage` is on
/// another file system it is beside the file nevertheless.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_staged(stage: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    staged(stage, path, bytes, 0o644)
}

/// The same, readable only by the user.
///
/// # Errors
/// I/O errors; the old content stays.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, 0o600, folder(path))
}

/// An I/O error with its path in front, unless the message has it already.
pub fn with_path(path: &Path, error: io::Error) -> io::Error {
    let (path, text) = (visible_line(&path.display().to_string()), error.to_string());
    if text.contains(&path) {
        error
    } else {
        io::Error::new(error.kind(), format!("{path}: {text}"))
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn staged(stage: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    match write(path, bytes, mode, stage) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            write(path, bytes, mode, folder(path))
        }
        written => written,
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32, part: &Path) -> io::Result<()> {
    written(path, bytes, mode, part).map_err(|error| match error.kind() {
        // The caller tries another folder.
        io::ErrorKind::CrossesDevices => error,
        _ => with_path(path, error),
    })
}

fn written(path: &Path, bytes: &[u8], mode: u32, part: &Path) -> io::Result<()> {
    let folder = folder(path);
    fs::create_dir_all(folder)?;
    fs::create_dir_all(part)?;
    let mut file = tempfile::Builder::new().prefix(".regen-").tempfile_in(part)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.persist(path).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}
