//! Promotes accepted trees atomically, with a journal. Manual edits are never overwritten.
//!
//! The unit is the folder of a spec, `generated/<spec>/`: all its targets are switched together.
//! The order of steps, and the failures it handles, are in `docs/design/promotion.md`.
#![expect(clippy::disallowed_methods, reason = "the one edge that writes below generated/")]

mod journal;
mod promotion;
mod recovery;
mod removal;
mod stage;
mod swap;

pub use promotion::{ATTESTATION, PartTree, Promotion};

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use journal::Journal;

use crate::attest::Attested;
use crate::plan::LiveTree;
use crate::store::{ReadersLock, files, with_path, write_staged};
use crate::types::{Digest, JobId, RelPath, SpecId, Standing, TargetName, Tree, limits};

/// Promotes trees below a workspace's root.
#[derive(Clone, Debug)]
pub struct Promoter {
    root: PathBuf,
    state: PathBuf,
}

/// Why nothing was switched.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// The live tree was edited by hand.
    #[error("edited by hand: {}", .0.join(", "))]
    Drift(Vec<String>),
    /// A tree with unknown content is in place after an interrupted promotion.
    #[error("{0}")]
    Blocked(String),
    /// I/O errors.
    #[error("cannot promote: {0}")]
    Io(#[from] io::Error),
}

/// A durable switch, including the lockfile. [`Promoter::finish`] cleans up once it is in the
/// ledger.
#[derive(Debug)]
#[must_use = "finish it once it is in the ledger"]
pub struct Switched {
    /// The job.
    pub job: JobId,
    /// The spec.
    pub spec: SpecId,
    /// Target and tree.
    pub trees: Vec<(TargetName, Digest)>,
    /// The object with the record of this promotion.
    pub record: Option<Digest>,
    /// Where edits made during the switch were saved.
    pub saved: Option<PathBuf>,
    journal: Journal,
}

impl Promoter {
    /// A promoter of a workspace, with its state folder.
    pub fn new(root: PathBuf, state: PathBuf) -> Self {
        Self { root, state }
    }

    /// The state on disk of each target in the lockfile.
    ///
    /// # Errors
    /// I/O errors.
    pub fn live(
        &self,
        standing: &Standing,
    ) -> io::Result<BTreeMap<(SpecId, TargetName), LiveTree>> {
        let mut live = BTreeMap::new();
        for (spec, entry) in &standing.spec {
            for (name, target) in &entry.target {
                let found = match files::tree(&self.root.join(&target.path)) {
                    Ok(None) => LiveTree::Missing,
                    Ok(Some(tree)) if tree.digest() == target.tree => {
                        let drift = self.beside(&target.path, target.tree);
                        let text = self.attestation(&target.path)?;
                        match Attested::check(spec, name, target, None, &text, None) {
                            _ if !drift.is_empty() => LiveTree::Drift(drift),
                            Ok(_) => LiveTree::Same,
                            Err(_) => LiveTree::Unattested,
                        }
                    }
                    Ok(Some(tree)) => LiveTree::Drift(self.changed(&target.path, &tree)),
                    Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                        LiveTree::Drift(vec![e.to_string()])
                    }
                    Err(e) => return Err(e),
                };
                live.insert((spec.clone(), name.clone()), found);
            }
        }
        Ok(live)
    }

    /// The promoted tree of a target, as it is on disk.
    ///
    /// # Errors
    /// I/O errors.
    pub fn tree(&self, path: &str) -> io::Result<Option<Tree>> {
        files::tree(&self.root.join(path))
    }

    /// The attestation beside a target's tree; empty if missing.
    ///
    /// # Errors
    /// I/O errors.
    pub fn attestation(&self, path: &str) -> io::Result<String> {
        let bytes = self.regular(&format!("{path}{ATTESTATION}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Replaces the attestation beside a target's tree.
    ///
    /// # Errors
    /// I/O errors.
    pub fn attest(&self, path: &str, text: &str) -> io::Result<()> {
        let to = self.root.join(format!("{path}{ATTESTATION}"));
        // Where a killed process leaves no partial file in the unit.
        write_staged(&self.state.join("stage"), &to, text.as_bytes())
    }

    /// Writes the manifests of regen above the promoted trees, and removes those that are no longer
    /// wanted from `places`, which have a first line of regen's.
    ///
    /// # Errors
    /// The disk's.
    pub fn write_manifests(
        &self,
        wanted: &BTreeMap<String, String>,
        places: &[(String, String)],
    ) -> io::Result<()> {
        for (path, text) in wanted {
            self.write_manifest(path, text)?;
        }
        for (path, text) in places.iter().filter(|(path, _)| !wanted.contains_key(path)) {
            let there = self.regular(path)?;
            let there = String::from_utf8_lossy(&there);
            if !there.is_empty() && there.lines().next() == text.lines().next() {
                fs::remove_file(self.root.join(path))?;
            }
        }
        Ok(())
    }

    /// Writes a manifest of regen above the promoted trees, unless it is there. One that regen did
    /// not write stays.
    ///
    /// # Errors
    /// The disk's.
    fn write_manifest(&self, path: &str, text: &str) -> io::Result<()> {
        let there = self.regular(path)?;
        let first = |text: &str| text.lines().next().map(str::to_owned);
        let is_own = first(&String::from_utf8_lossy(&there)) == first(text);
        let to = self.root.join(path);
        if there == text.as_bytes() || (to.symlink_metadata().is_ok() && !is_own) {
            return Ok(());
        }
        write_staged(&self.state.join("stage"), &to, text.as_bytes())
    }

    /// Puts a lock file in the place of the one that is there.
    ///
    /// # Errors
    /// The disk's.
    pub fn write_lock(&self, lock: &Standing) -> io::Result<()> {
        let to = self.root.join("regen.lock");
        write_staged(&self.state.join("stage"), &to, lock.render().as_bytes())
    }

    /// The bytes of a regular file; empty for anything else.
    fn regular(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = self.root.join(path);
        if path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            files::read_capped(&path, limits::TREE_BYTES)
        } else {
            Ok(Vec::new())
        }
    }

    /// The files of a tree that differ from the manifest beside it.
    fn changed(&self, path: &str, tree: &Tree) -> Vec<String> {
        let manifest = self.regular(&format!("{path}.manifest")).unwrap_or_default();
        let manifest = String::from_utf8_lossy(&manifest);
        let was: BTreeMap<&str, &str> =
            manifest.lines().filter_map(|l| l.split_once("  ")).map(|(d, p)| (p, d)).collect();
        let now: BTreeMap<String, String> =
            tree.iter().map(|(p, bytes)| (p.to_string(), Digest::of(bytes).to_string())).collect();
        let differs = now.iter().filter(|(p, d)| was.get(p.as_str()) != Some(&d.as_str()));
        let gone = was.keys().filter(|p| !now.contains_key(**p)).map(|p| (*p).to_owned());
        let mut list: Vec<_> = differs.map(|(p, _)| p.clone()).chain(gone).collect();
        list.sort();
        list.into_iter().map(|file| format!("{path}/{file}")).collect()
    }

    /// Drift beside an existing tree: its manifest, and symbolic links in its place.
    fn beside(&self, path: &str, tree: Digest) -> Vec<String> {
        let mut drift = Vec::new();
        let manifest = format!("{path}.manifest");
        let bytes = self.regular(&manifest).unwrap_or_default();
        if Digest::of(bytes) != tree {
            drift.push(manifest);
        }
        let unit = Path::new(path).parent().unwrap_or(Path::new(path));
        for folder in [unit, Path::new(path)] {
            if self.root.join(folder).symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
                drift.push(format!("{} is a symbolic link", folder.display()));
            }
        }
        drift
    }

    /// All files of a spec's unit that regen did not write, or that have changed.
    ///
    /// # Errors
    /// I/O errors; an invalid lockfile.
    pub fn edited(&self, unit: &str, spec: &str) -> io::Result<Vec<String>> {
        let standing = files::standing(&self.root)?.spec.remove(spec);
        let mut drift = Vec::new();
        let mut known: Vec<String> = Vec::new();
        for target in standing.iter().flat_map(|s| s.target.values()) {
            match files::tree(&self.root.join(&target.path)) {
                Ok(Some(tree)) if tree.digest() != target.tree => {
                    drift.extend(self.changed(&target.path, &tree));
                }
                Err(e) if e.kind() == io::ErrorKind::InvalidData => drift.push(e.to_string()),
                Ok(Some(_)) => drift.extend(self.beside(&target.path, target.tree)),
                other => drop(other?),
            }
            known.push(format!("{}.manifest", target.path));
            // A missing attestation is written again after the gates have run.
            known.push(format!("{}{ATTESTATION}", target.path));
            known.push(target.path.to_string());
        }
        for path in files::walk_all(&self.root.join(unit), limits::PATH_DEPTH)? {
            let path = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
            let owned = known.iter().any(|k| path == *k || path.starts_with(&format!("{k}/")));
            if !owned {
                drift.push(path);
            }
        }
        Ok(drift)
    }

    /// Switches all promotions of a set. When this returns, the new trees and the lockfile are in
    /// place and durable. A failure before the first switch leaves everything unchanged; after it,
    /// recovery switches the rest.
    ///
    /// # Errors
    /// Drift; I/O errors.
    pub fn switch(&self, set: &[Promotion]) -> Result<Vec<Switched>, PromoteError> {
        for promotion in set {
            self.refuse_links(&promotion.unit)?;
            let drift = self.edited(&promotion.unit, &promotion.spec)?;
            if !drift.is_empty() {
                if !promotion.discard_edits {
                    return Err(PromoteError::Drift(drift));
                }
                self.save(&promotion.spec, &self.root.join(&promotion.unit))?;
            }
        }
        let jobs: Vec<JobId> = set.iter().map(|promotion| promotion.job).collect();
        let jobs = if jobs.len() > 1 { jobs } else { Vec::new() };
        let staged = set.iter().map(|promotion| self.stage(promotion, &jobs));
        let mut journals: Vec<Journal> = staged.collect::<Result<_, _>>()?;
        let _readers = ReadersLock::exclusive(&self.state)?;
        let written = journals.iter().try_for_each(|journal| journal.write(&self.state));
        if let Err(why) = written {
            self.undo(&journals, 0)?;
            return Err(why.into());
        }
        for at in 0..journals.len() {
            if let Err(why) = self.exchange(&mut journals[at]) {
                self.undo(&journals, at)?;
                return Err(why);
            }
        }
        Ok(self.forward(journals)?)
    }

    /// Takes back a set of which so many units were switched. If that fails, or one was switched
    /// file by file, the journals stay for recovery.
    fn undo(&self, journals: &[Journal], switched: usize) -> io::Result<()> {
        if journals.iter().any(|journal| journal.in_place) {
            return Ok(());
        }
        for journal in &journals[..switched] {
            let (unit, stage) = self.paths(journal);
            match journal.old {
                Some(_) => swap::switch(&unit, &stage, &mut || {
                    Err(io::Error::other("the folders cannot be exchanged"))
                })?,
                None => fs::rename(&unit, &stage)?,
            }
        }
        for journal in journals {
            journal.remove(&self.state)?;
            swap::remove(&self.paths(journal).1)?;
        }
        Ok(())
    }

    /// Builds the new unit beside the old one. Gives its journal, which is not written yet.
    fn stage(&self, promotion: &Promotion, set: &[JobId]) -> Result<Journal, PromoteError> {
        let unit = self.root.join(&promotion.unit);
        let stage = self.state.join("stage").join(promotion.job.to_string());
        stage::build(promotion, &unit, &stage).map_err(|error| with_path(&stage, error))?;
        let trees = promotion.parts.iter().map(|p| (p.target.clone(), p.accepted.digest()));
        Ok(Journal {
            version: journal::VERSION,
            job: promotion.job,
            spec: promotion.spec.clone(),
            unit: promotion.unit.clone(),
            old: swap::identity(&unit)?,
            new: swap::identity(&stage)?.unwrap_or_default(),
            set: set.to_vec(),
            old_content: swap::content(&unit)?,
            in_place: false,
            standing: promotion.standing.clone(),
            record: Some(promotion.record),
            trees: trees.collect(),
        })
    }

    /// Exchanges the unit and its stage.
    fn exchange(&self, journal: &mut Journal) -> Result<(), PromoteError> {
        let (unit, stage) = self.paths(journal);
        let trash = self.trash(journal);
        swap::switch(&unit, &stage, &mut || {
            swap::remove(&trash)?;
            swap::copy(&unit, &trash)?;
            journal.in_place = true;
            journal.write(&self.state)
        })
        .map_err(|error| with_path(&unit, error))?;
        Ok(())
    }

    /// Rejects folders that are symbolic links, which would redirect writes.
    fn refuse_links(&self, unit: &RelPath) -> Result<(), PromoteError> {
        // The unit itself is compared elsewhere: a link in its place is drift.
        let above = unit.rsplit_once('/').map_or("", |(above, _)| above);
        let link = files::link_on(&self.root, above);
        link.map_or(Ok(()), |link| Err(PromoteError::Blocked(format!("{link} is a symbolic link"))))
    }

    /// The steps after the switch, up to the lockfile, which is written once. Idempotent.
    fn forward(&self, journals: Vec<Journal>) -> io::Result<Vec<Switched>> {
        let saved: Vec<_> =
            journals.iter().map(|journal| self.settle(journal)).collect::<io::Result<_>>()?;
        // The lockfile may have changed since the killed run: only these specs' entries are
        // replaced.
        let mut lock = files::standing(&self.root)?;
        for journal in &journals {
            if journal.removes() {
                lock.spec.remove(&journal.spec);
            } else {
                lock.spec.insert(journal.spec.clone(), journal.standing.clone());
            }
        }
        self.write_lock(&lock)?;
        let switched = |(journal, saved): (Journal, Option<PathBuf>)| Switched {
            job: journal.job,
            spec: journal.spec.clone(),
            trees: journal.trees.clone(),
            record: journal.record,
            saved,
            journal,
        };
        Ok(journals.into_iter().zip(saved).map(switched).collect())
    }

    /// Makes a switch durable. Gives where edits made during it were saved.
    fn settle(&self, journal: &Journal) -> io::Result<Option<PathBuf>> {
        let (unit, stage) = self.paths(journal);
        swap::sync_parents(&unit, &stage)?;
        let mut saved = None;
        if stage.exists() && !journal.in_place {
            if swap::content(&stage)? != journal.old_content {
                saved = Some(self.save(&journal.spec, &stage)?);
            }
            swap::carry(&stage, &unit)?;
        }
        Ok(saved)
    }

    fn paths(&self, journal: &Journal) -> (PathBuf, PathBuf) {
        let stage = self.state.join("stage").join(journal.job.to_string());
        (self.root.join(&journal.unit), stage)
    }

    /// The trash folder of the replaced tree; names sort by age.
    fn trash(&self, journal: &Journal) -> PathBuf {
        self.state.join("trash").join(journal.spec.package()).join(format!("{:08}", journal.job.0))
    }

    /// Moves the replaced tree to the trash and deletes the journal, once the promotion is in the
    /// ledger.
    ///
    /// # Errors
    /// I/O errors.
    pub fn finish(&self, switched: Switched) -> io::Result<()> {
        let (_, stage) = self.paths(&switched.journal);
        let trash = self.trash(&switched.journal);
        if switched.journal.in_place {
            swap::remove(&stage)?;
        } else if stage.exists() {
            swap::remove(&trash)?;
            fs::create_dir_all(trash.parent().unwrap_or(&trash))?;
            fs::rename(&stage, &trash)?;
        }
        swap::prune(trash.parent().unwrap_or(&trash))?;
        switched.journal.remove(&self.state)
    }

    /// Whether a promotion is under way or was interrupted.
    pub fn is_busy(&self) -> bool {
        let journals = fs::read_dir(self.state.join("journal"));
        journals.is_ok_and(|mut journals| journals.next().is_some())
    }

    /// Takes away what is staged without a journal, once everything is finished that has one: it
    /// was never switched, and has only recorded bytes.
    ///
    /// # Errors
    /// The disk's.
    pub fn sweep(&self) -> io::Result<()> {
        if self.is_busy() { Ok(()) } else { swap::remove(&self.state.join("stage")) }
    }

    /// Saves a copy of a folder, so that no manual edit is lost.
    fn save(&self, spec: &SpecId, from: &Path) -> io::Result<PathBuf> {
        let folder = self.state.join("drift").join(spec.package());
        fs::create_dir_all(&folder)?;
        let to = (1..).map(|n| folder.join(n.to_string())).find(|path| !path.exists());
        let to = to.expect("numbers do not end");
        swap::copy(from, &to)?;
        Ok(to)
    }
}

#[cfg(test)]
mod tests;
