//! Promoted trees that the code of other specs uses.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::harness::{Harness, Target};
use super::{Digest, RelPath, Spec, SpecId, TargetName};

/// A promoted tree that the candidates of a target use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its spec.
    pub spec: SpecId,
    /// Its folder in the workspace.
    pub path: RelPath,
    /// The same from the folder of the target that uses it.
    pub at: String,
    /// The tree.
    pub tree: Digest,
    /// The digest of the spec that it was promoted for.
    pub revision: Digest,
    /// Whether the spec names it in `depends`, not only one of those that it depends on.
    pub direct: bool,
}

/// The way from one folder of the workspace to another.
pub fn way(from: &RelPath, to: &RelPath) -> String {
    let (from, to) = (from.split('/'), to.split('/'));
    let same = from.clone().zip(to.clone()).take_while(|(a, b)| a == b).count();
    let up = from.skip(same).map(|_| "..");
    up.chain(to.skip(same)).collect::<Vec<_>>().join("/")
}

impl Harness {
    /// All targets of a spec, including hand-written ones.
    pub fn targets_of<'a>(&'a self, spec: &'a Spec) -> &'a [TargetName] {
        if spec.targets.is_empty() { &self.harness.default_targets } else { &spec.targets }
    }

    /// The generated target of a spec in the language of another target: the one with that name,
    /// or the first.
    pub fn linked_target<'a>(
        &'a self,
        own: &TargetName,
        spec: &'a Spec,
    ) -> Option<(&'a TargetName, &'a Target)> {
        let language = self.target.get(own)?.toolchain.as_ref();
        let all = self.targets_of(spec).iter();
        let all = all.filter_map(|name| Some((name, self.target.get(name)?)));
        let same = all.filter(|(_, one)| one.is_generated() && one.toolchain.as_ref() == language);
        let mut same = same.collect::<Vec<_>>();
        same.sort_by_key(|(name, _)| *name != own);
        same.into_iter().next()
    }
}

/// The specs that a spec depends on, directly or not, each after those that it depends on itself.
pub fn all_depends<'a>(
    spec: &'a Spec,
    find: &dyn Fn(&SpecId) -> Option<&'a Spec>,
) -> Vec<&'a Spec> {
    fn visit<'a>(
        spec: &'a Spec,
        find: &dyn Fn(&SpecId) -> Option<&'a Spec>,
        seen: &mut BTreeSet<&'a str>,
        out: &mut Vec<&'a Spec>,
    ) {
        for other in spec.depends.iter().filter_map(find) {
            if seen.insert(other.id.as_str()) {
                visit(other, find, seen, out);
                out.push(other);
            }
        }
    }
    let mut out = Vec::new();
    visit(spec, find, &mut BTreeSet::from([spec.id.as_str()]), &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_from_one_folder_to_the_other() {
        let path = |text: &str| RelPath::parse(text).expect("is one");
        let at = |from: &str, to: &str| way(&path(from), &path(to));
        assert_eq!(at("generated/app/rust", "generated/stock/rust"), "../../stock/rust");
        assert_eq!(at("generated/app/rust", "crates/stock/x"), "../../../crates/stock/x");
    }
}
