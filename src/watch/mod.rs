//! Watches source files and waits until changes are complete.
//!
//! Events of the operating system are hints; contents decide. A file has changed if its digest
//! differs, and is complete once its writer has closed or renamed it or, without such events, once
//! its digest is stable for a while. A periodic scan finds changes without events, as on network
//! file systems.
#![expect(clippy::disallowed_methods, reason = "the edge that looks at people's files")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use crate::sandbox::give_back_memory;
use crate::store::files;
use crate::types::{Digest, limits};

/// Metadata that shows without reading whether a file may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

/// A file as it was last read.
type KnownFile = (Stamp, Digest);

/// Files below the watched paths, as last read.
pub struct Watcher {
    places: Vec<PathBuf>,
    seen: BTreeMap<PathBuf, KnownFile>,
    system: Option<RecommendedWatcher>,
    events: UnboundedReceiver<notify::Result<Event>>,
}

/// The content of one event.
#[derive(Default)]
struct Hints {
    /// Affected files.
    paths: BTreeSet<PathBuf>,
    /// Files that are still being written.
    open: BTreeSet<PathBuf>,
    /// Whether events were lost, so that everything must be scanned.
    lost: bool,
}

impl Hints {
    fn add(&mut self, event: notify::Result<Event>) {
        let Ok(event) = event else {
            self.lost = true;
            return;
        };
        self.lost |= event.need_rescan();
        let writes = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => return,
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => true,
            _ => false,
        };
        for path in event.paths {
            if writes {
                self.open.insert(path.clone())
            } else {
                self.open.remove(&path)
            };
            self.paths.insert(path);
        }
    }
}

impl Watcher {
    /// Watches files and folders. Existing content is not a change.
    pub fn new(places: Vec<PathBuf>) -> Self {
        let (sender, events) = unbounded_channel();
        // Without events, the periodic scan suffices.
        let system = notify::recommended_watcher(move |event| drop(sender.send(event))).ok();
        let mut watcher = Self { places, seen: BTreeMap::new(), system, events };
        watcher.listen();
        watcher.look();
        watcher
    }

    /// Subscribes to events. Repeated when a folder is replaced.
    fn listen(&mut self) {
        let Some(system) = &mut self.system else { return };
        for place in &self.places {
            // A file is watched through its folder, because editors replace files.
            let (path, mode) = if place.is_dir() {
                (place.as_path(), RecursiveMode::Recursive)
            } else {
                (place.parent().unwrap_or(place), RecursiveMode::NonRecursive)
            };
            if let Err(error) = system.watch(path, mode) {
                tracing::debug!("cannot watch {}: {error}", path.display());
            }
        }
    }

    /// Waits for a change that is complete.
    pub async fn changed(&mut self) {
        let mut rescan = Instant::now() + limits::RESCAN;
        loop {
            let mut hints = Hints::default();
            match timeout_at(rescan, self.events.recv()).await {
                Ok(Some(event)) => hints.add(event),
                // Without events, only the periodic scan remains.
                Ok(None) => tokio::time::sleep_until(rescan).await,
                Err(_) => {}
            }
            if Instant::now() >= rescan {
                rescan = Instant::now() + limits::RESCAN;
                hints.lost = true;
            }
            self.settle(&mut hints).await;
            if self.differs(&hints) {
                return;
            }
        }
    }

    /// Waits for the end of a burst of changes.
    async fn settle(&mut self, hints: &mut Hints) {
        let patience = Instant::now() + limits::UNFINISHED;
        loop {
            let quiet = Instant::now() + limits::SETTLE;
            match timeout_at(quiet, self.events.recv()).await {
                // Other files beside the configuration are ignored.
                Ok(Some(Ok(event))) if !event.need_rescan() && !self.concerns_any(&event) => {}
                Ok(Some(event)) => hints.add(event),
                Ok(None) => return,
                Err(_) => {
                    hints.open.retain(|path| path.is_file() && self.concerns(path));
                    if hints.open.is_empty() {
                        return;
                    }
                }
            }
            if Instant::now() > patience {
                return;
            }
        }
    }

    fn concerns_any(&self, event: &Event) -> bool {
        event.paths.is_empty() || event.paths.iter().any(|path| self.concerns(path))
    }

    fn concerns(&self, path: &Path) -> bool {
        self.places.iter().any(|place| path.starts_with(place))
    }

    /// Whether a hinted file's content has changed.
    fn differs(&mut self, hints: &Hints) -> bool {
        let folders = hints.paths.iter().any(|path| self.places.contains(path) || path.is_dir());
        if hints.lost || folders {
            self.listen();
            return self.look();
        }
        let mut differs = false;
        let paths: Vec<&PathBuf> = hints.paths.iter().filter(|path| self.concerns(path)).collect();
        for path in paths {
            let before = self.seen.get(path).copied();
            let now = stamp(path).and_then(|stamp| Some((stamp, read(path)?)));
            differs |= before.map(|(_, digest)| digest) != now.map(|(_, digest)| digest);
            match now {
                Some(now) => self.seen.insert(path.clone(), now),
                None => self.seen.remove(path),
            };
            // A removed folder removes all files below it.
            let below =
                self.seen.range(path.join("")..).take_while(|(one, _)| one.starts_with(path));
            let below: Vec<PathBuf> = below.map(|(one, _)| one.clone()).collect();
            differs |= !below.is_empty() && !path.is_dir();
            if !path.is_dir() {
                self.seen.retain(|one, _| !below.contains(one));
            }
        }
        differs
    }

    /// Scans everything. Gives whether any content changed.
    fn look(&mut self) -> bool {
        let mut now = BTreeMap::new();
        for place in &self.places {
            let found = if place.is_dir() {
                files::walk(place, limits::PATH_DEPTH).unwrap_or_default()
            } else {
                vec![place.clone()]
            };
            for path in found {
                let Some(stamp) = stamp(&path) else { continue };
                let known = self.seen.get(&path).filter(|(before, _)| *before == stamp);
                let digest = known.map(|(_, digest)| *digest).or_else(|| read(&path));
                now.extend(digest.map(|digest| (path, (stamp, digest))));
            }
        }
        let same =
            |((a, (_, x)), (b, (_, y))): ((&PathBuf, &KnownFile), (&PathBuf, &KnownFile))| {
                a == b && x == y
            };
        let differs = self.seen.len() != now.len() || !self.seen.iter().zip(&now).all(same);
        self.seen = now;
        give_back_memory();
        differs
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some(Stamp { modified: meta.modified().ok(), length: meta.len(), inode: meta.ino() })
}

fn read(path: &Path) -> Option<Digest> {
    let bytes = files::read_capped(path, limits::SPEC_BYTES).ok()?;
    Some(Digest::of(bytes))
}
