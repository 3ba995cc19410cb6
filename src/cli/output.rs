//! Files named by `--output`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::store::write_atomic;
use crate::workspace::CommandError;

/// Writes a file that a person named. A regular file is replaced atomically; a link, pipe or device
/// stays what it is, and is written to.
///
/// # Errors
/// It cannot be written; the message names it.
pub(super) fn write_output(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let written = match path.symlink_metadata() {
        Ok(meta) if !meta.is_file() => write_into(path, bytes),
        _ => std::path::absolute(path).and_then(|path| write_atomic(&path, bytes)),
    };
    written.map_err(|why| {
        let error = CommandError::usage(format!("--output {}: {why}", path.display()));
        match why.kind() {
            ErrorKind::IsADirectory => error.hint("name a file in it"),
            ErrorKind::StorageFull => error.hint("free some space, or write to another disk"),
            _ => error,
        }
    })
}

/// Writes into something that is there. Does not wait for a reader of a pipe.
fn write_into(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.write(true).truncate(true).custom_flags(flags);
    let mut file = options.open(path).map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => {
            std::io::Error::new(error.kind(), "a pipe that no program reads")
        }
        _ => error,
    })?;
    let mut flags = rustix::fs::fcntl_getfl(&file)?;
    flags.remove(OFlags::NONBLOCK);
    rustix::fs::fcntl_setfl(&file, flags)?;
    match file.write_all(bytes) {
        // A reader that closes the pipe is not an error.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
