//! What stands below `generated/`, file by file, against the lock file.

use std::collections::{BTreeMap, BTreeSet};

use super::Flaw;
use crate::attest::Attested;
use crate::engine::Workspace;
use crate::promote::ATTESTATION;
use crate::store::revision;
use crate::store::scan::{Found, Scan};
use crate::types::{Digest, TargetStanding};

/// Bits that no promoted file has: who runs it, and as whom.
const RUNS: u32 = 0o7111;

/// Compares.
pub(super) fn compare(workspace: &Workspace, found: &Scan) -> Vec<Flaw> {
    let there: BTreeMap<&str, &Found> = found.iter().map(|(path, f)| (path.as_str(), f)).collect();
    let mut flaws = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (spec, standing) in &workspace.standing.spec {
        for (target, entry) in &standing.target {
            let mut tree = Compared {
                at: (spec, target),
                there: &there,
                known: &mut known,
                flaws: &mut flaws,
            };
            tree.files(entry);
            tree.attestation(entry);
        }
    }
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
        flaws.push(flaw.mend(format!("rm -r {}", shlex::try_quote(path).unwrap_or_default())));
    }
    flaws
}

struct Compared<'a> {
    at: (&'a str, &'a str),
    there: &'a BTreeMap<&'a str, &'a Found>,
    known: &'a mut BTreeSet<String>,
    flaws: &'a mut Vec<Flaw>,
}

impl Compared<'_> {
    fn files(&mut self, entry: &TargetStanding) {
        let manifest = format!("{}.manifest", entry.path);
        let files =
            entry.files.iter().map(|(file, digest)| (format!("{}/{file}", entry.path), digest));
        for (path, digest) in files.chain([(manifest, &entry.tree)]) {
            self.file(path, digest);
        }
    }

    fn file(&mut self, path: String, digest: &Digest) {
        let regenerate = format!("regen --spec {} --discard-edits", self.at.0);
        let flaw = match self.there.get(path.as_str()) {
            Some(Found::File { digest: now, mode, .. }) if now == digest => {
                let message = format!("its mode is {mode:o}: a promoted file is never run");
                let flaw = (mode & RUNS != 0).then(|| Flaw::new(self.at, "mode", message));
                let name = shlex::try_quote(&path).unwrap_or_default().into_owned();
                flaw.map(|flaw| flaw.mend(format!("chmod 644 {name}")))
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
            Some(Found::File { mode, .. }) if mode & RUNS != 0 => {
                Some(format!("its mode is {mode:o}"))
            }
            Some(Found::File { text, .. }) => {
                match Attested::read(text.as_deref().unwrap_or_default()) {
                    Err(why) => Some(why),
                    Ok(one) if !one.is_of(spec, target, entry) => {
                        Some("it attests something else than what regen.lock says".to_owned())
                    }
                    Ok(_) => None,
                }
            }
            Some(Found::Other(what)) => Some((*what).to_owned()),
            Some(Found::Leftover) | None => Some("it is missing".to_owned()),
        };
        let flaw = wrong.map(|why| Flaw::new(self.at, "attestation", why).at(&path));
        self.flaws.extend(flaw.map(|flaw| flaw.mend(format!("regen --spec {spec}"))));
        self.known.insert(path);
    }
}
