//! Rebuilds the lockfile from the trees and their attestations.

use std::collections::BTreeMap;

use crate::attest::Attested;
use crate::engine::Engine;
use crate::promote::{ATTESTATION, Promoter};
use crate::store::files;
use crate::types::lockfile::LOCK_VERSION;
use crate::types::{
    Digest, InputsDigest, SpecId, Standing, Target, TargetName, TargetStanding, limits,
};
use crate::workspace::{CommandError, WorkspaceLayout, load, load_harness};

/// Writes `regen.lock` and lists what changed. The caller holds the writer lock.
///
/// Entries come from the attestations beside the trees, never from the old file; tree, manifest and
/// attestation must match. Only holds are taken from the old file, from both sides of a merge
/// conflict: they prevent a generation, and no attestation has them.
///
/// # Errors
/// `generated/` or the configuration cannot be read.
pub fn fix_lock(places: &WorkspaceLayout) -> Result<Vec<String>, CommandError> {
    let harness = load_harness(places, None)?;
    let path = places.root.join("regen.lock");
    let before =
        if path.exists() { files::read_capped(&path, limits::RESULT_BYTES)? } else { Vec::new() };
    // Nothing is taken from an invalid lockfile.
    let is_large = before.len() > limits::RESULT_BYTES;
    let before =
        if is_large { String::new() } else { String::from_utf8_lossy(&before).into_owned() };
    if let Some(version) = Standing::version_of(&before).filter(|version| *version > LOCK_VERSION) {
        let message =
            format!("regen.lock has version {version}; this regen supports {LOCK_VERSION}");
        return Err(CommandError::usage(message).hint("update regen"));
    }
    let promoter = Promoter::new(places.root.clone(), places.state.clone());
    if promoter.is_busy() {
        // Finishes an interrupted promotion first; that needs a valid lockfile.
        if files::standing(&places.root).is_err() {
            promoter.write_lock(&Standing::default())?;
        }
        Engine::recover(places)?;
    }
    if files::standing(&places.root).is_ok_and(|old| old.version != LOCK_VERSION) {
        let migrated = load(places, None)?.upgrade_lock()?;
        return Ok(migrated.into_iter().collect());
    }
    let known = Standing::parse(&before).map(|(known, _)| known).unwrap_or_default();
    let mut lines = Vec::new();
    let mut standing = Standing::default();
    let target = harness.target.values().find(|target| target.is_generated());
    let folder = target.map(Target::units);
    let folder = folder.and_then(|unit| Some(unit.split_once("/{spec}")?.0.to_owned()));
    let found = files::walk(&places.root.join(folder.unwrap_or_default()), limits::PATH_DEPTH)?;
    for file in found {
        let name = file.strip_prefix(&places.root).unwrap_or(&file).to_string_lossy().into_owned();
        let Some(tree) = name.strip_suffix(ATTESTATION) else { continue };
        match entry(places, tree) {
            Ok((spec, target, entry)) => {
                let entry = match of_lock(&known, &spec, &target, &entry) {
                    Some(kept) => {
                        let more = if kept.tree == entry.tree {
                            ""
                        } else {
                            "; the files are another tree: to accept them as they are, delete the \
                             entry first"
                        };
                        lines.push(format!(
                            "{tree}: kept the entry, which differs from an unsigned attestation{more}"
                        ));
                        kept
                    }
                    None => entry,
                };
                standing.spec.entry(spec).or_default().target.insert(target, entry);
            }
            Err(why) => lines.push(format!("left out {tree}: {why}")),
        }
    }
    hold(&mut standing, &before);
    lines.extend(differences(&known, &standing));
    if standing.render() != before {
        promoter.write_lock(&standing)?;
    }
    // Attestations of an older format lack fields, which are added here.
    lines.extend(load(places, None)?.upgrade_lock()?);
    Ok(lines)
}

/// The differences of two lockfiles, entry by entry.
fn differences(known: &Standing, now: &Standing) -> Vec<String> {
    let entries = |standing: &Standing| -> BTreeMap<String, TargetStanding> {
        let specs = standing.spec.iter();
        specs
            .flat_map(|(spec, s)| {
                s.target.iter().map(move |(t, e)| (format!("{spec} · {t}"), e.clone()))
            })
            .collect()
    };
    let (old, new) = (entries(known), entries(now));
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let gone = gone.map(|name| format!("Removed `{name}`: no matching attestation"));
    let other = new.iter().filter(|(name, entry)| old.get(*name) != Some(entry));
    let other = other.map(|(name, entry)| {
        format!("Restored `{name}` from the attestation of tree {}", entry.tree.short())
    });
    gone.chain(other).collect()
}

/// The entry of a tree, if its attestation and manifest match.
fn entry(
    places: &WorkspaceLayout,
    path: &str,
) -> Result<(SpecId, TargetName, TargetStanding), String> {
    let promoter = Promoter::new(places.root.clone(), places.state.clone());
    let text = promoter.attestation(path).map_err(|why| why.to_string())?;
    let one = Attested::read(&text)?;
    if *one.entry.path != *path {
        return Err(format!("its attestation describes {}", one.entry.path));
    }
    let tree = promoter.tree(path).map_err(|why| why.to_string())?.unwrap_or_default();
    if tree.digest() != one.entry.tree {
        return Err("its attestation describes another tree".to_owned());
    }
    let files = tree.iter().map(|(path, bytes)| (path.to_string(), Digest::of(bytes))).collect();
    Ok((one.spec, one.target, TargetStanding { files, ..one.entry }))
}

/// The entry of a valid lockfile, if it differs from an unsigned attestation, which everybody can
/// write.
fn of_lock(
    known: &Standing,
    spec: &SpecId,
    target: &TargetName,
    attested: &TargetStanding,
) -> Option<TargetStanding> {
    let entry = known.spec.get(spec)?.target.get(target)?;
    let differs = TargetStanding { held: None, ..entry.clone() } != *attested;
    (differs && attested.signer.is_none()).then(|| entry.clone())
}

/// Takes over the holds of a text that may be an invalid lockfile.
fn hold(standing: &mut Standing, text: &str) {
    let mut at: Option<(SpecId, TargetName)> = None;
    for line in text.lines() {
        if let Some(table) = line.strip_prefix("[spec.") {
            let table = table.trim_end_matches(']').replace('"', "");
            let names = table.split_once(".target.");
            at = names.and_then(|(s, t)| Some((SpecId::parse(s)?, TargetName::parse(t)?)));
        }
        let held = line.strip_prefix("held = \"").and_then(|rest| rest.strip_suffix('"'));
        let Some((held, (spec, target))) = held.and_then(Digest::parse).zip(at.as_ref()) else {
            continue;
        };
        let entry = standing.spec.get_mut(spec).and_then(|spec| spec.target.get_mut(target));
        if let Some(entry) = entry {
            entry.held = Some(InputsDigest(held));
        }
    }
}
