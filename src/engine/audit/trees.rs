//! What stands below `generated/`, file by file, against the lock file.

use std::collections::{HashMap, HashSet};

use super::{Flaw, quoted};
use crate::attest::{Attested, PublicKey};
use crate::engine::Workspace;
use crate::promote::ATTESTATION;
use crate::store::revision;
use crate::store::scan::{Found, Scan};
use crate::types::{Digest, SpecStanding, TargetStanding};

/// Bits that no promoted file has: who runs it, and as whom.
const RUNS: u32 = 0o7111;

/// What stands where.
type There<'a> = HashMap<&'a str, &'a Found>;

/// Compares.
pub(super) fn compare(workspace: &Workspace, found: &Scan) -> Vec<Flaw> {
    let there: There<'_> = found.iter().map(|(path, f)| (path.as_str(), f)).collect();
    let specs: Vec<_> = workspace.standing.spec.iter().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // Signatures take most of the time.
    let shares = specs.chunks(specs.len().div_ceil(threads).max(1));
    let done: Vec<(Vec<Flaw>, HashSet<String>)> = std::thread::scope(|scope| {
        let there = &there;
        let share = |share| scope.spawn(move || of_specs(share, there));
        let all: Vec<_> = shares.map(share).collect();
        all.into_iter().map(|one| one.join().expect("comparing does not panic")).collect()
    });
    let (mut flaws, mut known) = (Vec::new(), HashSet::new());
    for (more, paths) in done {
        flaws.extend(more);
        known.extend(paths);
    }
    flaws.extend(extra(workspace, found, &known));
    flaws
}

fn of_specs(specs: &[(&String, &SpecStanding)], there: &There<'_>) -> (Vec<Flaw>, HashSet<String>) {
    let (mut flaws, mut known) = (Vec::new(), HashSet::new());
    // Most are signed by the same.
    let mut keys: HashMap<&str, Option<PublicKey>> = HashMap::new();
    for (spec, standing) in specs {
        for (target, entry) in &standing.target {
            let (known, flaws) = (&mut known, &mut flaws);
            let key = entry.signer.as_deref();
            let key = key.and_then(|key| {
                keys.entry(key).or_insert_with(|| PublicKey::parse(key).ok()).as_ref()
            });
            let mut tree = Compared { at: (spec, target), key, there, known, flaws };
            tree.files(entry);
            tree.attestation(entry);
        }
    }
    (flaws, known)
}

/// What nobody promoted.
fn extra(workspace: &Workspace, found: &Scan, known: &HashSet<String>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let leftovers: Vec<&str> = found
        .iter()
        .filter(|(_, f)| *f == Found::Leftover)
        .map(|(path, _)| path.as_str())
        .collect();
    let ignored = match leftovers.is_empty() {
        true => Vec::new(),
        false => revision::ignored(&workspace.places.root, &leftovers),
    };
    for (path, what) in found {
        if known.contains(path) || ignored.contains(path) {
            continue;
        }
        let message = match what {
            Found::Leftover => "a build left it, and version control does not ignore it",
            _ => "it is not in regen.lock",
        };
        let spec = workspace.standing.spec.iter().find(|(_, standing)| {
            let mut units = standing.target.values().filter_map(|e| e.path.rsplit_once('/'));
            units.any(|(unit, _)| path.starts_with(&format!("{unit}/")))
        });
        let spec = spec.map_or("", |(id, _)| id.as_str());
        let flaw = Flaw::new((spec, ""), "extra", message).at(path);
        flaws.push(flaw.mend(format!("rm -r {}", quoted(path))));
    }
    flaws
}

struct Compared<'a> {
    at: (&'a str, &'a str),
    key: Option<&'a PublicKey>,
    there: &'a There<'a>,
    known: &'a mut HashSet<String>,
    flaws: &'a mut Vec<Flaw>,
}

impl Compared<'_> {
    fn files(&mut self, entry: &TargetStanding) {
        if Digest::of(entry.manifest()) != entry.tree {
            let (spec, target) = self.at;
            let message = format!("the files of `{spec}` · `{target}` do not make its tree");
            let flaw = Flaw::new(self.at, "lock", message).at("regen.lock");
            self.flaws.push(flaw.mend("regen check --fix-lock"));
        }
        let manifest = format!("{}.manifest", entry.path);
        let files =
            entry.files.iter().map(|(file, digest)| ([&entry.path, "/", file].concat(), digest));
        for (path, digest) in files.chain([(manifest, &entry.tree)]) {
            self.file(path, digest);
        }
    }

    fn file(&mut self, path: String, digest: &Digest) {
        let regenerate = format!("regen --spec {} --discard-edits", quoted(self.at.0));
        let flaw = match self.there.get(path.as_str()) {
            Some(Found::File { digest: now, mode, .. }) if now == digest => {
                mode_flaw(self.at, *mode, &path)
            }
            Some(Found::File { .. }) => {
                let flaw = Flaw::new(self.at, "changed", "it is not what was promoted");
                Some(flaw.mend(regenerate))
            }
            Some(Found::Other(what)) => Some(Flaw::new(self.at, "link", *what).mend(regenerate)),
            Some(Found::Leftover) | None => Some(
                Flaw::new(self.at, "missing", "it was promoted and is missing").mend(regenerate),
            ),
        };
        self.flaws.extend(flaw.map(|flaw| flaw.at(&path)));
        self.known.insert(path);
    }

    fn attestation(&mut self, entry: &TargetStanding) {
        let path = format!("{}{ATTESTATION}", entry.path);
        let (spec, target) = self.at;
        let wrong = match self.there.get(path.as_str()) {
            Some(Found::File { text, mode, .. }) => {
                let runs = mode_flaw(self.at, *mode, &path);
                self.flaws.extend(runs.map(|flaw| flaw.at(&path)));
                let text = text.as_deref().unwrap_or_default();
                match Attested::check((spec, target), (entry, self.key), text) {
                    Err(_) if attests(text, entry) => {
                        let message =
                            format!("it says something else of `{spec}` · `{target}` than {path}");
                        let flaw = Flaw::new(self.at, "lock", message).at("regen.lock");
                        self.flaws.push(flaw.mend("regen check --fix-lock"));
                        None
                    }
                    said => said.err(),
                }
            }
            Some(Found::Other(what)) => Some((*what).to_owned()),
            Some(Found::Leftover) | None => Some("it is missing".to_owned()),
        };
        let flaw = wrong.map(|why| Flaw::new(self.at, "attestation", why).at(&path));
        self.flaws.extend(flaw.map(|flaw| flaw.mend(format!("regen --spec {}", quoted(spec)))));
        self.known.insert(path);
    }
}

/// Whether attestations are whole, and of the tree that an entry names.
fn attests(text: &str, entry: &TargetStanding) -> bool {
    let same = |one: Attested| one.entry.tree == entry.tree && one.entry.path == entry.path;
    Attested::read(text).is_ok_and(same)
}

fn mode_flaw(at: (&str, &str), mode: u32, path: &str) -> Option<Flaw> {
    (mode & RUNS != 0).then(|| {
        let message = format!("its mode is {mode:o}: a promoted file is never run");
        let name = quoted(path);
        Flaw::new(at, "mode", message).mend(format!("chmod 644 {name}"))
    })
}
