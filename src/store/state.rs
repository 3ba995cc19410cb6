//! Checks that a state folder belongs to this user and machine.
//!
//! A checkout or archive could bring its own `.regen/`, with a journal of file moves and a ledger
//! of passed gates. So the folder is accepted only if this user's regen made it here: its `id` is
//! random, and a file of that name is in a folder of the user outside of all workspaces.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{files, revision, write_private};

/// Size of an id in bytes; written in hexadecimal.
const ID_BYTES: usize = 32;
/// Depth of state folders in which files are created, `objects/3c/`. Deeper are only objects, whose
/// digests are checked, and trees that are rebuilt.
const LINK_DEPTH: usize = 2;

/// Why a state folder is rejected.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It was not made here.
    #[error("{}: not created by this user's regen on this machine", .0.display())]
    Foreign(PathBuf),
    /// It, or something in it, is a symbolic link or not a folder.
    #[error("{}: a symbolic link, or not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// It has another owner.
    #[error("{}: owned by user {}, not by the current user", .0.display(), .1)]
    Owner(PathBuf, u32),
    /// Git tracks files in it.
    #[error("{}: Git tracks {}", .0.display(), .1)]
    Tracked(PathBuf, String),
    /// I/O errors.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
}

impl StateError {
    /// A hint for the user.
    pub fn hint(&self) -> Option<String> {
        let (Self::Foreign(path) | Self::NotAFolder(path) | Self::Owner(path, _)) = self else {
            return matches!(self, Self::Tracked(..))
                .then(|| "run `git rm -r --cached .regen` and commit".to_owned());
        };
        let path = path.display();
        Some(format!("run `mv {path} {path}.old` to start without its history and caches"))
    }
}

/// Checks a state folder. A missing or empty one is valid. One that other users can enter is made
/// private. `known` is the folder with a file for each state folder of the user.
///
/// # Errors
/// It is rejected; I/O errors.
pub fn verify(state: &Path, known: &Path) -> Result<(), StateError> {
    let named = |error| StateError::Io(state.to_owned(), error);
    let meta = match state.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        meta => meta.map_err(named)?,
    };
    if !meta.is_dir() {
        return Err(StateError::NotAFolder(state.to_owned()));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(StateError::Owner(state.to_owned(), meta.uid()));
    }
    if let Some(link) = link_in(state, LINK_DEPTH).map_err(named)? {
        return Err(StateError::NotAFolder(link));
    }
    if !is_known(state, known) && !is_empty(state).map_err(named)? {
        return Err(StateError::Foreign(state.to_owned()));
    }
    if let Some(file) = revision::tracked(state) {
        return Err(StateError::Tracked(state.to_owned(), file));
    }
    if meta.mode() & 0o077 != 0 {
        match fs::set_permissions(state, fs::Permissions::from_mode(0o700)) {
            // Nobody can write to it anyway.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {}
            made => made.map_err(named)?,
        }
    }
    Ok(())
}

/// Creates a state folder if missing, after checking an existing one.
///
/// # Errors
/// As [`verify`].
pub fn make(state: &Path, known: &Path) -> Result<(), StateError> {
    verify(state, known)?;
    let named = |error| StateError::Io(state.to_owned(), error);
    DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(named)?;
    if is_known(state, known) {
        return Ok(());
    }
    fs::set_permissions(state, fs::Permissions::from_mode(0o700)).map_err(named)?;
    let mut id = [0; ID_BYTES];
    getrandom::fill(&mut id).map_err(|why| named(io::Error::other(why)))?;
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    // Registered first: a folder with an unknown id would be rejected.
    let root = state.parent().unwrap_or(state).display().to_string();
    write_private(&known.join(&id), root.as_bytes())
        .map_err(|error| StateError::Io(known.to_owned(), error))?;
    write_private(&state.join("id"), id.as_bytes()).map_err(named)?;
    write_private(&state.join(".gitignore"), b"*\n").map_err(named)
}

fn is_known(state: &Path, known: &Path) -> bool {
    let id = files::read_regular(&state.join("id"), 2 * ID_BYTES).unwrap_or_default();
    let hex = id.len() == 2 * ID_BYTES && id.iter().all(u8::is_ascii_hexdigit);
    hex && known.join(String::from_utf8_lossy(&id).as_ref()).is_file()
}

/// A symbolic link in the state folder, through which regen would read or write elsewhere.
fn link_in(folder: &Path, depth: usize) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        // Another process removed it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = match entry.file_type() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            kind => kind?,
        };
        if kind.is_symlink() {
            return Ok(Some(entry.path()));
        }
        if depth > 1
            && kind.is_dir()
            && let Some(link) = link_in(&entry.path(), depth - 1)?
        {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// Whether it contains only what a killed process left before writing its id.
fn is_empty(state: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(state)? {
        let entry = entry?;
        let part = entry.file_name().to_string_lossy().starts_with(".regen-");
        if !part || !entry.file_type()?.is_file() {
            return Ok(false);
        }
    }
    Ok(true)
}
