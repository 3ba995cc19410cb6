//! A fingerprint of files from their sizes and times, without reading them.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::with_path;
use crate::types::{Digest, Encoder, limits};

/// Times of files move in steps: a file that changes twice within one has the same time.
const STEP: Duration = Duration::from_millis(100);
/// The same on file systems that keep whole seconds only.
const LONG_STEP: Duration = Duration::from_secs(3);

/// A file or folder whose state is compared.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its path.
    pub path: PathBuf,
    /// Names in it that are left out.
    pub without: Vec<String>,
}

/// The state of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Digest of names, kinds, sizes, inodes and times of change.
    pub digest: Digest,
    /// Whether a file changed so recently that another change would not show.
    pub in_doubt: bool,
}

/// Looks at files and all that is below folders. What is missing has a state, too.
///
/// # Errors
/// I/O errors.
pub fn look(all: &[Watched], now: SystemTime) -> io::Result<Seen> {
    let mut look = Look { out: Encoder::new("seen"), newest: Duration::ZERO, is_fine: false };
    for one in all {
        match one.path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                look.out.text("missing");
            }
            meta => {
                let meta = meta.map_err(|error| with_path(&one.path, error))?;
                look.entry(&one.path.to_string_lossy(), &meta);
                if meta.is_dir() {
                    look.folder(&one.path, &one.without, 0)?;
                }
            }
        }
    }
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let step = if look.is_fine { STEP } else { LONG_STEP };
    Ok(Seen { digest: look.out.finish(), in_doubt: look.newest + step > now })
}

struct Look {
    out: Encoder,
    /// The newest time of change.
    newest: Duration,
    /// Whether a time has a fraction of a second.
    is_fine: bool,
}

impl Look {
    fn folder(&mut self, folder: &Path, without: &[String], depth: usize) -> io::Result<()> {
        let entries = fs::read_dir(folder).map_err(|error| with_path(folder, error))?;
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.retain(|entry| without.iter().all(|name| entry.file_name() != **name));
        entries.sort_by_key(fs::DirEntry::file_name);
        self.out.number(entries.len() as u64);
        for entry in entries {
            let meta = match entry.metadata() {
                // Deleted meanwhile: the number of entries shows it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                meta => meta.map_err(|error| with_path(&entry.path(), error))?,
            };
            self.entry(&entry.file_name().to_string_lossy(), &meta);
            // Deeper files are refused where they are read.
            if meta.is_dir() && depth < 4 * limits::PATH_DEPTH {
                self.folder(&entry.path(), &[], depth + 1)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, meta: &Metadata) {
        self.out.text(name).number(u64::from(meta.mode())).number(meta.ino());
        if meta.is_dir() {
            return;
        }
        // Programs can set the time of the last write, not that of the last change.
        let (seconds, nanos) = (meta.ctime(), meta.ctime_nsec());
        self.out.number(meta.size()).number(seconds.cast_unsigned());
        self.out.number(nanos.cast_unsigned());
        let changed = Duration::new(
            u64::try_from(seconds).unwrap_or_default(),
            u32::try_from(nanos).unwrap_or_default(),
        );
        self.newest = self.newest.max(changed);
        self.is_fine |= nanos % 1_000_000 != 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(folder: &Path) -> Seen {
        let one = Watched { path: folder.to_owned(), without: vec!["target".to_owned()] };
        look(&[one], SystemTime::now()).expect("is readable")
    }

    #[test]
    fn each_change_of_a_file_shows_but_for_what_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        fs::create_dir_all(folder.join("a/b")).expect("makes");
        fs::create_dir_all(folder.join("target")).expect("makes");
        let file = folder.join("a/b/c");
        fs::write(&file, "1").expect("writes");
        let mut before = state(folder);
        assert!(before.in_doubt, "it was written now");
        let mut changes = |what: &str, change: &dyn Fn()| {
            // The next step of the file system's clock.
            std::thread::sleep(Duration::from_millis(20));
            change();
            let after = state(folder);
            assert_ne!(before.digest, after.digest, "{what}");
            before = after;
        };
        changes("same size, and the old time", &|| {
            let time = file.metadata().and_then(|meta| meta.modified()).expect("has one");
            fs::write(&file, "2").expect("writes");
            let open = fs::File::options().write(true).open(&file).expect("opens");
            open.set_modified(time).expect("sets");
        });
        changes("another file", &|| fs::write(folder.join("a/d"), "").expect("writes"));
        changes("an empty folder", &|| fs::create_dir(folder.join("e")).expect("makes"));
        changes("a name", &|| fs::rename(folder.join("a/d"), folder.join("a/f")).expect("moves"));
        changes("none", &|| fs::remove_file(folder.join("a/f")).expect("deletes"));
        fs::write(folder.join("target/x"), "1").expect("writes");
        assert_eq!(state(folder).digest, before.digest, "what is left out");
        let later = SystemTime::now() + LONG_STEP;
        let one = Watched { path: folder.to_owned(), without: Vec::new() };
        assert!(!look(&[one], later).expect("is readable").in_doubt);
    }
}
