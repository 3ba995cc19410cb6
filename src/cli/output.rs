//! Files named by `--output`.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::store::given::{append_given, write_into};
use crate::store::write_atomic;
use crate::workspace::CommandError;

/// Writes a file that a person named. A regular file is replaced atomically; a link, pipe or device
/// stays what it is, and is written to.
///
/// # Errors
/// It cannot be written; the message names it.
pub(super) fn write_output(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let written = match path.symlink_metadata() {
        Ok(meta) if !meta.is_file() => {
            write_into(path).and_then(|mut file| write_all(&mut file, bytes))
        }
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

/// Adds to a file that a person named.
///
/// # Errors
/// It cannot be written.
pub(super) fn append_output(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_all(&mut append_given(path)?, bytes)
}

fn write_all(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    match file.write_all(bytes) {
        // A reader that closes the pipe is not an error.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
