//! The state folder of a workspace: whose it is.
//!
//! A checkout or an archive can bring a `.regen/` of its own, with a journal that says what to move
//! where and a ledger that says what passed. So the folder counts only if this user's regen made
//! it here: its `id` is random, and a file of that name is in a folder of the user's outside of
//! every workspace.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{files, revision, write_private};

/// Bytes of an id, written in hexadecimal digits.
const ID_BYTES: usize = 32;
/// Folders inside each other of a state folder in which files are made: `objects/3c/`. Below them
/// are objects, whose digests are compared, and trees that are made anew.
const LINK_DEPTH: usize = 2;

/// Why a state folder does not count.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It was not made here.
    #[error("{}: this user's regen did not make it on this machine", .0.display())]
    Foreign(PathBuf),
    /// It, or something in it, is a link; or it is not a folder.
    #[error("{}: it is a link, or not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// Its owner is somebody else.
    #[error("{}: it belongs to the user {}, not to this one", .0.display(), .1)]
    Owner(PathBuf, u32),
    /// Version control has files in it.
    #[error("{}: version control tracks {}", .0.display(), .1)]
    Tracked(PathBuf, String),
    /// The disk's trouble.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
}

impl StateError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let (Self::Foreign(path) | Self::NotAFolder(path) | Self::Owner(path, _)) = self else {
            return matches!(self, Self::Tracked(..))
                .then(|| "`git rm -r --cached .regen`, and commit that".to_owned());
        };
        let path = path.display();
        Some(format!("it is history and caches: `mv {path} {path}.old` starts over without them"))
    }
}

/// Checks a state folder. A missing or an empty one is fine. One that others may enter is closed
/// to them. `known` is the folder that has a file for each state folder of the user's.
///
/// # Errors
/// It does not count, or the disk's.
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
        fs::set_permissions(state, fs::Permissions::from_mode(0o700)).map_err(named)?;
    }
    Ok(())
}

/// Makes a state folder where there is none yet, after checking the one that is there.
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
    // Known first: a folder whose id is not known would be refused.
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

/// A file or folder of the state that is a link: regen would read and write elsewhere.
fn link_in(folder: &Path, depth: usize) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
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

/// Whether nothing is in it but what a killed process left before it had an id.
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
