//! What regen keeps: the ledger, the objects, the lock of the single writer, and people's files as
//! they are read.
#![expect(
    clippy::disallowed_methods,
    reason = "the edge that keeps state and reads people's files"
)]

mod candidates;
pub mod files;
pub mod ledger;
mod lock;
mod objects;
pub mod revision;
pub mod scan;
mod spending;
pub mod state;
mod sqlite;

pub use candidates::Candidates;
pub use files::LockfileError;
pub use ledger::{CallId, Day, JobRow, Ledger, LedgerError, NewEvent, Reservation, Spend};
pub use lock::{WriterLock, WriterLockError};
pub use objects::{ContentStore, MemoryStore, Objects};
pub use revision::RevisionError;
pub use sqlite::SqliteLedger;
pub use state::StateError;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that a reader sees the old or the new content, and the new one survives power
/// loss: temporary file beside it, fsync, rename, fsync of the folder.
///
/// # Errors
/// Any step's; then the old content stands.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, 0o644)
}

/// The same for what only the user may read.
///
/// # Errors
/// Any step's; then the old content stands.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, 0o600)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".regen-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.persist(path).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}
