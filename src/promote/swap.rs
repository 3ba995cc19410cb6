//! The switch itself, on the level of folders.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::journal::Identity;
use crate::store::files::{self, CARRIED, walk};
use crate::types::{Digest, limits};

/// The prefix of a file that is still being written.
const PART: &str = ".regen-part";

/// Device and inode of a folder.
pub fn identity(path: &Path) -> io::Result<Option<Identity>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some((meta.dev(), meta.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Digest of a folder's content, without build leftovers.
pub fn content(root: &Path) -> io::Result<Option<Digest>> {
    if identity(root)?.is_none() {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for path in walk(root, limits::PATH_DEPTH)? {
        let name = path.strip_prefix(root).unwrap_or(&path);
        if !is_carried(name) {
            parts.push(format!(
                "{} {}",
                Digest::of(files::read_regular(&path, usize::MAX >> 1)?),
                name.display()
            ));
        }
    }
    Ok(Some(Digest::of_parts(parts)))
}

/// Whether a path in a unit is a build leftover directly in a target's folder.
fn is_carried(name: &Path) -> bool {
    let second = name.components().nth(1);
    second.is_some_and(|name| CARRIED.iter().any(|carried| name.as_os_str() == *carried))
}

/// Whether a folder has a file whose bytes are in none of the others.
pub fn has_strangers(unit: &Path, others: &[&Path]) -> io::Result<bool> {
    for path in walk(unit, limits::PATH_DEPTH)? {
        let name = path.strip_prefix(unit).unwrap_or(&path);
        let bytes = files::read_regular(&path, usize::MAX >> 1)?;
        let ours = is_carried(name)
            || path.file_name().is_some_and(|name| name == PART)
            || others.iter().any(|other| {
                files::read_regular(&other.join(name), bytes.len()).is_ok_and(|b| b == bytes)
            });
        if !ours {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Exchanges two folders atomically (RENAME_EXCHANGE), or else file by file. `note` is called
/// before the fallback changes anything.
pub fn switch(
    unit: &Path,
    stage: &Path,
    note: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<()> {
    fs::create_dir_all(unit.parent().unwrap_or(unit))?;
    let flags = match identity(unit)? {
        Some(_) => RenameFlags::EXCHANGE,
        None => RenameFlags::NOREPLACE,
    };
    match renameat_with(CWD, stage, CWD, unit, flags) {
        Ok(()) => Ok(()),
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BUSY) => {
            note()?;
            redo(unit, stage)
        }
        Err(error) => Err(error.into()),
    }
}

/// The fallback: renames every file of the stage into place, then deletes other files. Redone from
/// the journal until it completes.
pub fn redo(unit: &Path, stage: &Path) -> io::Result<()> {
    if !stage.exists() {
        return Ok(());
    }
    let mut wanted = BTreeSet::new();
    for path in walk(stage, limits::PATH_DEPTH)? {
        let name = path.strip_prefix(stage).unwrap_or(&path).to_owned();
        let to = unit.join(&name);
        let folder = to.parent().unwrap_or(unit).to_owned();
        fs::create_dir_all(&folder)?;
        let part = folder.join(PART);
        fs::copy(&path, &part)?;
        let time = path.metadata()?.modified()?;
        let file = File::options().write(true).open(&part)?;
        file.set_modified(time)?;
        file.sync_all()?;
        fs::rename(&part, &to)?;
        wanted.insert(name);
    }
    for path in walk(unit, limits::PATH_DEPTH)? {
        let name = path.strip_prefix(unit).unwrap_or(&path);
        if !is_carried(name) && !wanted.contains(name) {
            fs::remove_file(&path)?;
        }
    }
    let folder = File::open(unit)?;
    rustix::fs::syncfs(&folder).map_err(io::Error::from)
}

/// Removes a folder, if it exists.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the renames durable.
pub fn sync_parents(unit: &Path, stage: &Path) -> io::Result<()> {
    for parent in [unit.parent(), stage.parent()].into_iter().flatten() {
        if parent.exists() {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

/// Moves build leftovers of the old unit into the new one.
pub fn carry(old: &Path, new: &Path) -> io::Result<()> {
    let Ok(leaves) = fs::read_dir(old) else { return Ok(()) };
    for leaf in leaves {
        let leaf = leaf?;
        for name in CARRIED.iter() {
            let (from, to) = (leaf.path().join(name), new.join(leaf.file_name()).join(name));
            if from.exists() && !to.exists() && to.parent().is_some_and(Path::exists) {
                fs::rename(from, to)?;
            }
        }
    }
    Ok(())
}

/// Copies regular files, times included.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        fs::copy(from, to)?;
        return File::options().write(true).open(to)?.set_modified(from.metadata()?.modified()?);
    }
    fs::create_dir_all(to)?;
    for path in walk(from, limits::PATH_DEPTH)? {
        copy(&path, &to.join(path.strip_prefix(from).unwrap_or(&path)))?;
    }
    Ok(())
}

/// Deletes old trees beyond the newest few; a build may still use a recent one.
pub fn prune(trash: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(trash) else { return Ok(()) };
    let mut kept: Vec<_> = entries.collect::<Result<_, _>>()?;
    kept.sort_by_key(fs::DirEntry::file_name);
    let surplus = kept.len().saturating_sub(limits::KEPT_TREES);
    for entry in kept.into_iter().take(surplus) {
        let changed = entry.metadata()?.ctime();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if now.as_secs().saturating_sub(changed.unsigned_abs()) > limits::TRASH_AGE.as_secs() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
