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
    /// Whether the spec names it in `depends`, not only one of those that it depends on, and its
    /// code can use it.
    pub direct: bool,
    /// Whether it is a program that a spec without code checks, or used by such a program alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

impl Link {
    /// The code of the same spec that a text is about.
    pub fn to_code(spec: &SpecId, path: RelPath, tree: Digest, revision: Digest) -> Self {
        let at = String::new();
        Self { spec: spec.clone(), path, at, tree, revision, direct: true, apart: false }
    }

    /// Whether it is the code of the spec of the text that has the link.
    pub fn is_code_of(&self, spec: &SpecId) -> bool {
        self.spec == *spec && self.at.is_empty()
    }

    /// Whether it is another text of the spec of the text that has the link.
    pub fn is_text_of(&self, spec: &SpecId) -> bool {
        self.spec == *spec && !self.at.is_empty()
    }
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
        let has_own = spec.integration || !spec.targets.is_empty();
        if has_own { &spec.targets } else { &self.harness.default_targets }
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

/// A target of a spec whose code another one uses, directly or not.
pub type LinkedTarget<'a> = (&'a Spec, &'a TargetName);

impl Harness {
    /// The targets whose code a target of a spec uses, directly or not, each after those that it
    /// uses itself. Of a spec that has none, nothing.
    pub fn all_linked<'a>(
        &'a self,
        spec: &'a Spec,
        own: &'a TargetName,
        find: &dyn Fn(&SpecId) -> Option<&'a Spec>,
    ) -> Vec<LinkedTarget<'a>> {
        let (mut seen, mut out) = (BTreeSet::from([spec.id.as_str()]), Vec::new());
        self.visit((spec, own), find, &mut seen, &mut out);
        out
    }

    fn visit<'a>(
        &'a self,
        from: LinkedTarget<'a>,
        find: &dyn Fn(&SpecId) -> Option<&'a Spec>,
        seen: &mut BTreeSet<&'a str>,
        out: &mut Vec<LinkedTarget<'a>>,
    ) {
        for other in from.0.depends.iter().filter_map(find) {
            let Some((target, _)) = self.linked_target(from.1, other) else { continue };
            if seen.insert(other.id.as_str()) {
                self.visit((other, target), find, seen, out);
                out.push((other, target));
            }
        }
    }
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
