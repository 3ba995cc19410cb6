//! Compares `generated/` with the lockfile, file by file.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::RawMode;

use super::flaw::{Flaw, quoted};
use crate::attest::{Attested, Batch, PublicKey};
use crate::promote::ATTESTATION;
use crate::store::files::CARRIED;
use crate::store::revision;
use crate::store::scan::{Scan, Scanned, Scanner};
use crate::toolchain;
use crate::types::{Digest, SpecId, Standing, TargetName, TargetStanding};

/// Mode bits that no promoted file has: execute, setuid, setgid, sticky.
const RUNS: RawMode = 0o7111;

/// Minimum number of threads. With cold caches they wait for the disk, which is faster with
/// parallel requests.
const READERS: usize = 8;

/// How many units' signatures are verified as one batch. A batch that fails is verified again one
/// by one.
const TOGETHER: usize = 8;

/// The folders of promoted trees.
pub(super) enum Units<'a> {
    /// Every entry of this folder.
    In(&'a str),
    /// These folders.
    These(Vec<String>),
}

/// The result of the comparison.
#[derive(Default)]
pub(super) struct Compared {
    /// The flaws.
    pub flaws: Vec<Flaw>,
    /// How many files were compared.
    pub files: usize,
    /// Acceptance times by spec and target, from valid signatures.
    pub accepted: BTreeMap<(SpecId, TargetName), String>,
    /// Build outputs, with the spec they may belong to.
    leftovers: Vec<(SpecId, String)>,
}

/// An entry of the lock file, with its spec and target.
type LockedTarget<'a> = (&'a SpecId, &'a TargetName, &'a TargetStanding);

/// Compares all units, in parallel.
///
/// # Errors
/// I/O errors.
pub(super) fn compare(root: &Path, standing: &Standing, units: Units<'_>) -> io::Result<Compared> {
    let (units, top) = match units {
        Units::In(folder) => Scanner::new(root).list(folder)?,
        Units::These(units) => (units, Scan::new()),
    };
    let mut units: BTreeMap<String, Vec<LockedTarget<'_>>> =
        units.into_iter().map(|unit| (unit, Vec::new())).collect();
    let mut astray = Vec::new();
    for (spec, entries) in &standing.spec {
        for (target, entry) in &entries.target {
            let above = std::iter::successors(Some(entry.path.as_str()), |path| {
                path.rsplit_once('/').map(|(above, _)| above)
            });
            let unit = above.skip(1).find(|path| units.contains_key(*path));
            let entries = unit.and_then(|unit| units.get_mut(unit)).unwrap_or(&mut astray);
            entries.push((spec, target, entry));
        }
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    // What the languages' own tools write beside the trees that they build.
    let is_built = |(unit, entries): &(String, Vec<LockedTarget<'_>>)| {
        entries.is_empty() && CARRIED.contains(&&*name(unit))
    };
    let (built, units): (Vec<_>, Vec<_>) = units.into_iter().partition(is_built);
    let locks = toolchain::lockfiles();
    let (locked, top): (Scan, Scan) =
        top.into_iter().partition(|(path, _)| locks.contains(&&*name(path)));
    let queue: Vec<_> = units.chunks(TOGETHER).collect();
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<Compared> {
        let (mut done, mut keys) = (Compared::default(), Keys::default());
        let mut scanner = Scanner::new(root);
        while let Some(units) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            keys.batch = Some(Batch::default());
            let mut some = Compared::of(units, &mut scanner, &mut keys)?;
            if !keys.batch.take().is_some_and(|batch| batch.verifies()) {
                // A failed batch does not tell which signature is invalid; each is verified again.
                some = Compared::of(units, &mut scanner, &mut keys)?;
            }
            done.add(some);
        }
        Ok(done)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).max(READERS);
    let mut all = Compared::default();
    let built = built.into_iter().map(|(unit, _)| unit).chain(locked.into_keys());
    all.leftovers.extend(built.map(|path| (SpecId::default(), path)));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.min(queue.len())).map(|_| scope.spawn(work)).collect();
        all.add(work()?);
        for worker in workers {
            all.add(worker.join().expect("comparing does not panic")?);
        }
        io::Result::Ok(())
    })?;
    all.unit(&astray, top, &mut Keys::default());
    all.unless_ignored(root);
    Ok(all)
}

/// State for verifying signatures.
#[derive(Default)]
struct Keys<'a> {
    /// Parsed keys: most entries share one.
    known: HashMap<&'a str, Option<PublicKey>>,
    /// The batch, if signatures are verified together.
    batch: Option<Batch>,
}

impl Compared {
    fn of<'a>(
        units: &[(String, Vec<LockedTarget<'a>>)],
        scanner: &mut Scanner<'_>,
        keys: &mut Keys<'a>,
    ) -> io::Result<Self> {
        let mut done = Self::default();
        for (unit, entries) in units {
            done.unit(entries, scanner.unit(unit)?, keys);
        }
        Ok(done)
    }

    fn add(&mut self, other: Self) {
        self.flaws.extend(other.flaws);
        self.files += other.files;
        self.accepted.extend(other.accepted);
        self.leftovers.extend(other.leftovers);
    }

    /// Compares a unit with its lockfile entries.
    fn unit<'a>(&mut self, entries: &[LockedTarget<'a>], mut there: Scan, keys: &mut Keys<'a>) {
        self.files += there.len();
        for &(spec, target, entry) in entries {
            let key = entry.signer.as_deref();
            let key = key.and_then(|key| {
                keys.known.entry(key).or_insert_with(|| PublicKey::parse(key).ok()).as_ref()
            });
            let flaws = &mut self.flaws;
            let mut tree = One { at: (spec, target), key, there: &mut there, flaws };
            tree.files(entry);
            if let Some(at) = tree.attestation(entry, keys.batch.as_mut()) {
                self.accepted.insert((spec.to_owned(), target.to_owned()), at);
            }
        }
        // Remaining files are in no lockfile entry.
        let spec = entries.first().map_or_else(SpecId::default, |(spec, ..)| (*spec).clone());
        for (path, found) in there {
            match found {
                Scanned::Leftover => self.leftovers.push((spec.clone(), path)),
                _ => self.flaws.push(extra(&spec, "not in regen.lock", &path)),
            }
        }
    }

    /// A build output is a flaw only if version control does not ignore it.
    fn unless_ignored(&mut self, root: &Path) {
        if self.leftovers.is_empty() {
            return;
        }
        let paths: Vec<&str> = self.leftovers.iter().map(|(_, path)| path.as_str()).collect();
        let ignored = revision::ignored(root, &paths);
        let message = "left by a build and not ignored by Git";
        let left = self.leftovers.iter().filter(|(_, path)| !ignored.contains(path));
        self.flaws.extend(left.map(|(spec, path)| extra(spec, message, path)));
    }
}

fn extra(spec: &SpecId, message: &str, path: &str) -> Flaw {
    Flaw::of_spec(spec, "extra", message).at(path).hint(format!("rm -r {}", quoted(path)))
}

/// The comparison of one tree.
struct One<'a> {
    at: (&'a SpecId, &'a TargetName),
    key: Option<&'a PublicKey>,
    /// Files of its unit that were not compared yet.
    there: &'a mut Scan,
    flaws: &'a mut Vec<Flaw>,
}

impl One<'_> {
    fn files(&mut self, entry: &TargetStanding) {
        if Digest::of(entry.manifest()) != entry.tree {
            let (spec, target) = self.at;
            let message =
                format!("the files listed for `{spec}` · `{target}` do not match its tree digest");
            let flaw = Flaw::new(self.at, "lock", message).at("regen.lock");
            self.flaws.push(flaw.hint("regen check --fix-lock"));
        }
        self.file(&format!("{}.manifest", entry.path), &entry.tree);
        let mut path = format!("{}/", entry.path);
        let folder = path.len();
        for (file, digest) in &entry.files {
            path.truncate(folder);
            path.push_str(file);
            self.file(&path, digest);
        }
    }

    fn file(&mut self, path: &str, digest: &Digest) {
        let flaw = match self.there.remove(path) {
            Some(Scanned::File { digest: now, mode }) if now == *digest => {
                mode_flaw(self.at, mode, path)
            }
            Some(Scanned::File { .. } | Scanned::Attestation { .. }) => {
                self.regenerated("changed", "changed since it was promoted")
            }
            Some(Scanned::Other(what)) => self.regenerated("link", what),
            Some(Scanned::Leftover) | None => self.regenerated("missing", "missing"),
        };
        self.flaws.extend(flaw.map(|flaw| flaw.at(path)));
    }

    fn regenerated(&self, code: &str, message: &str) -> Option<Flaw> {
        let hint = format!("regen --spec {} --discard-edits", quoted(self.at.0));
        Some(Flaw::new(self.at, code, message).hint(hint))
    }

    /// Checks the attestation. Gives the acceptance time, if it is signed.
    fn attestation(&mut self, entry: &TargetStanding, batch: Option<&mut Batch>) -> Option<String> {
        let path = format!("{}{ATTESTATION}", entry.path);
        let (spec, target) = self.at;
        let said = match self.there.remove(&path) {
            Some(Scanned::Attestation { text, mode }) => {
                let runs = mode_flaw(self.at, mode, &path);
                self.flaws.extend(runs.map(|flaw| flaw.at(&path)));
                match Attested::check(spec, target, entry, self.key, &text, batch) {
                    Err(_) if attests(&text, entry) => {
                        let message =
                            format!("the entry of `{spec}` · `{target}` differs from {path}");
                        let flaw = Flaw::new(self.at, "lock", message).at("regen.lock");
                        // Neither text is signed, so either may be the changed one: run the gates
                        // again.
                        let hint = match entry.signer {
                            Some(_) => "regen check --fix-lock".to_owned(),
                            None => format!("regen --spec {}", quoted(spec)),
                        };
                        self.flaws.push(flaw.hint(hint));
                        return None;
                    }
                    said => said,
                }
            }
            Some(Scanned::Other(what)) => Err(what.to_owned()),
            Some(Scanned::File { .. } | Scanned::Leftover) | None => Err("missing".to_owned()),
        };
        said.unwrap_or_else(|why| {
            let flaw = Flaw::new(self.at, "attestation", why).at(&path);
            self.flaws.push(flaw.hint(format!("regen --spec {}", quoted(spec))));
            None
        })
    }
}

/// Whether an attestation is intact and describes the tree of an entry.
fn attests(text: &str, entry: &TargetStanding) -> bool {
    Attested::read(text)
        .is_ok_and(|one| one.entry.tree == entry.tree && one.entry.path == entry.path)
}

fn mode_flaw(at: (&SpecId, &TargetName), mode: RawMode, path: &str) -> Option<Flaw> {
    (mode & RUNS != 0).then(|| {
        let message = format!("mode is {mode:o}; promoted files must not be executable");
        let name = quoted(path);
        Flaw::new(at, "mode", message).hint(format!("chmod 644 {name}"))
    })
}
