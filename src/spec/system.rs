//! Parses all specs of a workspace: a contract can take types from others.

use std::collections::{BTreeMap, BTreeSet};

use super::integration;
use super::parse::{contract_text, parse_with};
use crate::contract::Foreign;
use crate::types::{Harness, Problem, Spec, SpecId};

/// Parses spec files, each a path with its bytes.
pub fn parse_all(files: &[(&str, &[u8])], harness: &Harness) -> Vec<(Spec, Vec<Problem>, String)> {
    let folder = &harness.harness.specs;
    let all = files.iter().map(|(file, bytes)| parse_with(folder, file, bytes, &[]));
    let mut all: Vec<_> = all.collect();
    let takes = |at: &usize| {
        let (spec, _, source) = &all[*at];
        !spec.depends.is_empty() && source.contains("use ")
    };
    let taking: Vec<usize> = (0..all.len()).filter(takes).collect();
    let ids = all.iter().enumerate().map(|(at, (spec, ..))| (spec.id.clone(), at));
    let contracts = Contracts { files, ids: ids.collect() };
    for at in taking {
        let others = contracts.foreign(&all[at].0);
        if !others.is_empty() {
            all[at] = parse_with(folder, files[at].0, files[at].1, &others);
        }
    }
    for at in 0..all.len() {
        if all[at].0.integration {
            let mut spec = all[at].0.clone();
            let find = |id: &SpecId| all.iter().map(|one| &one.0).find(|spec| spec.id == *id);
            integration::settle(&mut spec, &find, harness);
            all[at].0 = spec;
        }
    }
    all
}

struct Contracts<'a> {
    files: &'a [(&'a str, &'a [u8])],
    ids: BTreeMap<SpecId, usize>,
}

impl Contracts<'_> {
    /// The contracts of the specs that one depends on, directly or not.
    fn foreign(&self, spec: &Spec) -> Vec<Foreign> {
        let mut seen = BTreeSet::from([spec.id.clone()]);
        let mut left: Vec<(SpecId, bool)> =
            spec.depends.iter().map(|id| (id.clone(), true)).collect();
        let mut found = Vec::new();
        while let Some((id, direct)) = left.pop() {
            let Some(at) = self.ids.get(&id).filter(|_| seen.insert(id.clone())) else { continue };
            let Some((depends, text)) = contract_text(self.files[*at].1) else { continue };
            let depends = depends.into_iter().filter(|one| !spec.depends.contains(one));
            left.extend(depends.map(|one| (one, false)));
            // An interface's name has no folders.
            let name = SpecId::parse(&id.package()).filter(is_name);
            found.extend(name.map(|spec| Foreign { spec, text, direct }));
        }
        found
    }
}

/// Whether WIT can name an interface like a spec.
fn is_name(id: &SpecId) -> bool {
    let is_word = |word: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(plain)
    };
    *id != *"contract" && id.split('-').all(is_word)
}
