//! Reads source files: specs, suites, validators, templates, lockfile.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::with_path;
use crate::toolchain;
use crate::types::{RelPath, Standing, Tree, limits};

/// Maximum folder depth below the specs' folder.
const SPEC_DEPTH: usize = 12;
/// Maximum folder depth for hand-written code.
const CODE_DEPTH: usize = 32;

/// All Markdown files (`.md`, `.markdown`) below a folder, sorted by path, with their bytes. Files
/// and folders whose name begins with a dot are skipped. Paths are relative to `root`. A file above
/// the size limit gives one byte more than the limit, which the parser reports.
///
/// # Errors
/// The folder or a file cannot be read; the error names it.
pub fn specs(root: &Path, folder: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let folder = root.join(folder);
    for path in below_specs(&folder)? {
        let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
        if is_file && is_markdown(&path) && !is_dotted(&folder, &path) {
            found.push((relative(root, &path), read_capped(&path, limits::SPEC_BYTES)?));
        }
    }
    Ok(found)
}

/// Entries that look like specs, or folders of specs, but are symbolic links, not regular files, or
/// folders that other programs fill.
///
/// # Errors
/// I/O errors.
pub fn not_specs(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let folder = root.join(folder);
    let mut found = below_specs(&folder)?;
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    found.retain(|path| {
        let is_meant = is_markdown(path) || path.is_dir();
        is_meant && !is_file(path) && !is_dotted(&folder, path)
    });
    Ok(found.iter().map(|path| relative(root, path)).collect())
}

/// Entries below a folder that are neither regular files nor folders, relative to it. Names that
/// begin with a dot are skipped.
///
/// # Errors
/// I/O errors.
pub fn not_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = walk_all(folder, SPEC_DEPTH)?;
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    found.retain(|path| !is_file(path) && !is_dotted(folder, path));
    Ok(found.iter().map(|path| relative(folder, path)).collect())
}

fn is_markdown(path: &Path) -> bool {
    let is = |e: &OsStr| ["md", "markdown"].iter().any(|k| e.eq_ignore_ascii_case(k));
    path.extension().is_some_and(is)
}

/// Whether a path below a folder is read as a spec.
pub fn is_spec(folder: &str, path: &str) -> bool {
    let (folder, path) = (Path::new(folder), Path::new(path));
    let below = path.strip_prefix(folder).unwrap_or(path);
    let mut folders = below.ancestors().skip(1).filter_map(Path::file_name);
    is_markdown(path) && !is_dotted(folder, path) && !folders.any(is_of_others)
}

/// Whether a name on the way from a folder to a path begins with a dot.
pub fn is_dotted(folder: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.components().any(|part| begins_with_dot(part.as_os_str()))
}

fn begins_with_dot(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether other programs fill a folder of this name, so that no specs are read from it.
pub fn is_of_others(name: &OsStr) -> bool {
    ["node_modules", "target"].iter().any(|other| name == *other)
}

/// What is in the specs' folder; folders that are not read are not gone into.
fn below_specs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    walk_where(folder, SPEC_DEPTH, &|name| !begins_with_dot(name) && !is_of_others(name))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

/// Reads a regular file up to one byte more than `most`. Pipes and devices, which may never end,
/// are errors.
///
/// # Errors
/// I/O errors, with the path in the message.
pub fn read_capped(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    read_regular(path, most).map_err(named)
}

/// As [`read_capped`], without the path in the message.
///
/// # Errors
/// I/O errors.
pub fn read_regular(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a regular file without blocking on pipes or devices.
///
/// # Errors
/// I/O errors.
pub fn open_regular(path: &Path) -> io::Result<fs::File> {
    let nonblock = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = i32::try_from(nonblock.bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// The first symbolic link on a path below a root.
pub fn link_on(root: &Path, path: &str) -> Option<String> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let is_link = |path: &str| {
        root.join(path).symlink_metadata().is_ok_and(|meta| meta.file_type().is_symlink())
    };
    ends.map(|end| &path[..end]).find(|path| is_link(path)).map(str::to_owned)
}

/// Regular files below a folder, sorted; a missing folder has none. Links are not followed.
///
/// # Errors
/// I/O errors.
pub fn walk(folder: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    let mut found = walk_all(folder, depth)?;
    found.retain(|path| path.symlink_metadata().is_ok_and(|meta| meta.is_file()));
    Ok(found)
}

/// Regular files below a folder, sorted, without folders of these names.
///
/// # Errors
/// I/O errors.
pub fn walk_without(folder: &Path, skipped: &[&str]) -> io::Result<Vec<PathBuf>> {
    walk_kind(folder, skipped, FileType::is_file)
}

/// Symbolic links below a folder, without what is below folders of these names, sorted.
///
/// # Errors
/// I/O errors.
pub fn links_without(folder: &Path, skipped: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = walk_kind(folder, skipped, FileType::is_symlink)?;
    found.retain(|path| !skipped.iter().any(|name| path.ends_with(name)));
    Ok(found)
}

fn walk_kind(
    folder: &Path,
    skipped: &[&str],
    is_wanted: fn(&FileType) -> bool,
) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| with_path(&folder, error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| with_path(&folder, error))?;
            let kind = entry.file_type()?;
            let skip = skipped.iter().any(|name| entry.file_name() == *name);
            if kind.is_dir() && !skip && depth < CODE_DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if is_wanted(&kind) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// All entries below a folder that are not folders, and folders beyond the depth, sorted.
///
/// # Errors
/// I/O errors.
pub fn walk_all(folder: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    walk_where(folder, depth, &|_| true)
}

/// The same, and folders whose name is not wanted in place of what is below them.
fn walk_where(
    folder: &Path,
    depth: usize,
    is_wanted: &dyn Fn(&OsStr) -> bool,
) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(|error| with_path(folder, error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| with_path(folder, error))?;
        if entry.file_type()?.is_dir() && depth > 0 && is_wanted(&entry.file_name()) {
            found.extend(walk_where(&entry.path(), depth - 1, is_wanted)?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The files of one folder with their bytes, by path relative to it.
///
/// # Errors
/// I/O errors; a file is larger than a tree allows.
pub fn folder(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for path in walk(folder, 12)? {
        found.insert(relative(folder, &path), read_capped(&path, limits::TREE_BYTES)?);
    }
    Ok(found)
}

/// A text file as version control stores it: with LF line ends, if all of its lines end in CRLF, as
/// in a checkout with `core.autocrlf`. Other files are unchanged.
pub fn stored(bytes: Vec<u8>) -> Vec<u8> {
    let ends = |end: &[u8]| bytes.windows(end.len()).filter(|two| *two == end).count();
    let count = |byte: u8| bytes.iter().filter(|one| **one == byte).count();
    let lines = count(b'\n');
    if lines == 0 || count(0) > 0 || count(b'\r') != lines || ends(b"\r\n") != lines {
        return bytes;
    }
    bytes.into_iter().filter(|byte| *byte != b'\r').collect()
}

/// Writes a tree into a folder that appears whole or not at all; its files can be executed.
///
/// # Errors
/// I/O errors.
pub fn write_tree(folder: &Path, tree: &Tree) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(above)?;
    let stage = tempfile::tempdir_in(above)?;
    for (path, bytes) in tree.iter() {
        let file = stage.path().join(path.as_str());
        fs::create_dir_all(file.parent().unwrap_or(above))?;
        fs::write(&file, bytes)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    fs::set_permissions(stage.path(), fs::Permissions::from_mode(0o755))?;
    match fs::rename(stage.path(), folder) {
        Err(_) if folder.is_dir() => Ok(()),
        done => done,
    }
}

/// A promoted tree on disk, without build leftovers.
///
/// # Errors
/// I/O errors; a name that no tree can have.
pub fn tree(root: &Path) -> io::Result<Option<Tree>> {
    if !root.is_dir() {
        return Ok(None);
    }
    let mut tree = Tree::default();
    for path in walk_all(root, limits::PATH_DEPTH)? {
        let name = relative(root, &path);
        if CARRIED
            .iter()
            .any(|carried| name == *carried || name.starts_with(&format!("{carried}/")))
        {
            continue;
        }
        let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{name} {why}"));
        if !path.symlink_metadata()?.is_file() {
            return Err(wrong("is not a regular file"));
        }
        tree.insert(RelPath::parse(&name).map_err(wrong)?, read_capped(&path, limits::TREE_BYTES)?);
    }
    Ok(Some(tree))
}

/// Build leftovers that tools put into a tree; a promotion moves them to the new tree.
pub static CARRIED: LazyLock<Vec<&str>> = LazyLock::new(toolchain::artefacts);

/// Why the lockfile cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockfileError {
    /// I/O errors.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Invalid content.
    #[error("regen.lock: {0}")]
    Invalid(String),
}

impl From<LockfileError> for io::Error {
    fn from(error: LockfileError) -> Self {
        match error {
            LockfileError::Io(error) => error,
            invalid => Self::new(io::ErrorKind::InvalidData, invalid),
        }
    }
}

/// The lockfile; a missing one is empty.
///
/// # Errors
/// It is invalid or cannot be read; the message names it.
pub fn standing(root: &Path) -> Result<Standing, LockfileError> {
    Ok(Arc::unwrap_or_clone(lock(root)?.0))
}

/// A lockfile, and whether it is in canonical form.
pub type Lock = (Arc<Standing>, bool);

/// Reads the lockfile as [`Lock`].
///
/// # Errors
/// As [`standing`].
pub fn lock(root: &Path) -> Result<Lock, LockfileError> {
    let path = root.join("regen.lock");
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Arc::default(), true));
        }
        Ok(meta) if !meta.is_file() => {
            return Err(LockfileError::Invalid("not a regular file".to_owned()));
        }
        _ => {}
    }
    let bytes = read_capped(&path, limits::RESULT_BYTES)?;
    if bytes.len() > limits::RESULT_BYTES {
        return Err(LockfileError::Invalid("larger than 64 MiB".to_owned()));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| LockfileError::Invalid("not UTF-8".to_owned()))?;
    let (standing, is_canonical) = Standing::parse(&text).map_err(LockfileError::Invalid)?;
    Ok((Arc::new(standing), is_canonical))
}
