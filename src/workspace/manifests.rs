//! The manifests with which a language's own tools build all promoted trees that use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Workspace;
use crate::plan;
use crate::toolchain::{self, LinkLanguage};
use crate::types::{SpecId, Standing, Target, TargetName};

/// Promoted trees below one folder that one manifest is about, relative to the folder.
struct Members {
    links: &'static dyn LinkLanguage,
    /// One tree of each spec.
    paths: Vec<String>,
    /// Other trees of the same specs.
    others: Vec<String>,
    /// Whether one of them uses another one.
    is_linked: bool,
}

impl Workspace {
    /// The text of each manifest by its path, for what is promoted.
    pub fn manifests(&self, standing: &Standing) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, Members> = BTreeMap::new();
        let linked: BTreeSet<&SpecId> = self.specs.iter().flat_map(|spec| &spec.depends).collect();
        for (id, name, target) in self.promoted_targets(standing) {
            let language = toolchain::of(target);
            let Some((links, (folder, _))) =
                language.links().zip(target.output.split_once("/{spec}"))
            else {
                continue;
            };
            let Ok(path) = target.path(id, name) else { continue };
            let Some(path) = path.strip_prefix(&format!("{folder}/")) else { continue };
            // Languages with the same manifest share it.
            let Some((name, _)) = links.workspace(&[], &[]) else { continue };
            let (paths, others) = (Vec::new(), Vec::new());
            let new = Members { links, paths, others, is_linked: false };
            let members = all.entry(format!("{folder}/{name}")).or_insert(new);
            let spec = self.spec(id);
            let used = spec.is_some_and(|spec| !spec.depends.is_empty()) || linked.contains(id);
            members.is_linked |= used;
            let unit = path.split('/').next().unwrap_or_default();
            let known = members.paths.iter().any(|one| one.split('/').next() == Some(unit));
            if known { &mut members.others } else { &mut members.paths }.push(path.to_owned());
        }
        all.retain(|_, members| members.is_linked);
        let text = |(path, members): (String, Members)| {
            let (_, text) = members.links.workspace(&members.paths, &members.others)?;
            Some((path, text))
        };
        all.into_iter().filter_map(text).collect()
    }

    /// Where such manifests can be, with the text of an empty one.
    pub fn manifest_places(&self) -> Vec<(String, String)> {
        let targets = self.harness.target.values().filter(|target| target.is_generated());
        let place = |target: &Target| {
            let (folder, _) = target.output.split_once("/{spec}")?;
            let (name, text) = toolchain::of(target).links()?.workspace(&[], &[])?;
            Some((format!("{folder}/{name}"), text))
        };
        targets.filter_map(place).collect()
    }

    /// The promoted targets of specs that are there, in the order of each spec's targets.
    fn promoted_targets<'a>(
        &'a self,
        standing: &'a Standing,
    ) -> impl Iterator<Item = (&'a SpecId, &'a TargetName, &'a Target)> {
        standing.spec.iter().flat_map(|(id, entries)| {
            let order = self.spec(id).map(|spec| plan::targets(spec, &self.harness));
            let place = move |name: &TargetName| order.iter().flatten().position(|one| one == name);
            let mut names: Vec<&TargetName> = entries.target.keys().collect();
            names.sort_by_key(|name| place(name).unwrap_or(usize::MAX));
            let known = |name| Some((id, name, self.harness.target.get(name)?));
            names.into_iter().filter_map(known).collect::<Vec<_>>()
        })
    }
}
