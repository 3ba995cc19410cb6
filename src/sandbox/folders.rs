//! Folders of sandboxes; killed processes may leave some behind.

use std::io;
use std::path::Path;

/// Removes a folder, including write-protected folders in it.
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

/// A mark of this process in names of folders that other machines may see too.
pub fn mark() -> String {
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let space: String = space.display().to_string().chars().filter(char::is_ascii_digit).collect();
    format!("{space}-{}", std::process::id())
}

/// Whether the process that made a marked folder is gone, as far as visible here.
pub fn is_left(name: &str, path: &Path) -> bool {
    let mut parts = name.split('-');
    let (space, process) = (parts.next().unwrap_or("?"), parts.next().unwrap_or("0"));
    let ours = mark().split('-').next() == Some(space);
    if ours {
        !Path::new("/proc").join(process).is_dir()
    } else {
        // From another container or machine: removed after this time.
        let age = path.metadata().and_then(|meta| meta.modified()).ok();
        let age = age.and_then(|time| time.elapsed().ok()).unwrap_or_default();
        age > std::time::Duration::from_secs(3 * 24 * 3600)
    }
}
