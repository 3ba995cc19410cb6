//! What a path names in a crate.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::read::{CrateModule, EntryKind};

/// How many imports may lead from one name to what it names.
const IMPORTS: usize = 32;
/// How many entries are looked at to find what all paths of a crate name.
const LOOKED_AT: usize = 1_000_000;

/// A module, or an entry of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CratePlace {
    /// By its number.
    Module(usize),
    /// By its module and its number there.
    Item(usize, usize),
}

/// The modules of a crate.
pub struct CrateScope<'a> {
    /// By their numbers.
    pub modules: &'a [CrateModule],
    looked_at: Cell<usize>,
}

impl<'a> CrateScope<'a> {
    /// The scope of modules.
    pub fn new(modules: &'a [CrateModule]) -> Self {
        Self { modules, looked_at: Cell::new(0) }
    }

    /// What a path in a module names; nothing if it is of another crate.
    pub fn resolve(&self, module: usize, path: &'a [String]) -> Vec<CratePlace> {
        self.follow(module, path, &mut BTreeSet::new(), 0)
    }

    /// The module that a path names.
    pub fn module(&self, module: usize, path: &'a [String]) -> Option<usize> {
        first_module(&self.resolve(module, path))
    }

    fn follow(
        &self,
        module: usize,
        path: &'a [String],
        seen: &mut BTreeSet<(usize, &'a str)>,
        depth: usize,
    ) -> Vec<CratePlace> {
        let mut places = vec![CratePlace::Module(module)];
        for name in path {
            let Some(at) = first_module(&places) else { return Vec::new() };
            places = match &**name {
                "crate" => vec![CratePlace::Module(0)],
                "self" => vec![CratePlace::Module(at)],
                "super" => vec![CratePlace::Module(self.modules[at].parent)],
                name => self.find(at, name, seen, depth),
            };
        }
        places
    }

    /// What a name in a module names.
    fn find(
        &self,
        module: usize,
        name: &'a str,
        seen: &mut BTreeSet<(usize, &'a str)>,
        depth: usize,
    ) -> Vec<CratePlace> {
        let looked_at = self.looked_at.get() + self.modules[module].entries.len();
        if depth > IMPORTS || looked_at > LOOKED_AT || !seen.insert((module, name)) {
            return Vec::new();
        }
        self.looked_at.set(looked_at);
        let mut found = Vec::new();
        for (at, entry) in self.modules[module].entries.iter().enumerate() {
            match &entry.kind {
                EntryKind::Item if entry.name == name => found.push(CratePlace::Item(module, at)),
                EntryKind::Module(inner) if entry.name == name => {
                    found.push(CratePlace::Module(*inner));
                }
                EntryKind::Use(path) if entry.name == name => {
                    found.extend(self.follow(module, path, seen, depth + 1));
                }
                _ => {}
            }
        }
        let globs = self.modules[module].entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Glob(path) => Some(path),
            _ => None,
        });
        for path in globs {
            if !found.is_empty() {
                break;
            }
            if let Some(inner) = first_module(&self.follow(module, path, seen, depth + 1)) {
                found = self.find(inner, name, seen, depth + 1);
            }
        }
        found
    }
}

fn first_module(places: &[CratePlace]) -> Option<usize> {
    places.iter().find_map(|place| match place {
        CratePlace::Module(at) => Some(*at),
        CratePlace::Item(..) => None,
    })
}
