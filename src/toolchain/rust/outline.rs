//! The public items of a crate without their code, as a model is shown them: those of public
//! modules, and those of private modules that a `pub use` makes public.

mod read;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use read::EntryKind;
use scope::{CratePlace, CrateScope};

use crate::types::Tree;

/// How many modules `pub use …::*` may bring together in one.
const MODULES: usize = 256;

/// The public items of a crate, module by module.
pub fn of(tree: &Tree) -> String {
    let modules = read::modules(tree);
    let mut outline = CrateOutline {
        scope: CrateScope::new(&modules),
        shown: Vec::new(),
        items: BTreeMap::new(),
        opened: BTreeSet::new(),
    };
    outline.open(0, String::new());
    let mut next = 0;
    while let Some(source) = outline.shown.get(next).map(|one| one.source) {
        outline.enter(source, next, &mut BTreeSet::new());
        next += 1;
    }
    outline.implementations();
    let text = outline.shown.into_iter().filter(|one| !one.lines.is_empty()).map(|one| {
        let lines = one.lines.concat();
        if one.name.is_empty() { lines } else { format!("// in `{}`\n{lines}", one.name) }
    });
    text.collect()
}

/// A module as users of the crate see it.
struct ShownModule {
    name: String,
    source: usize,
    lines: Vec<String>,
}

struct CrateOutline<'a> {
    scope: CrateScope<'a>,
    shown: Vec<ShownModule>,
    /// The items that are shown: in which module, and in which of its lines.
    items: BTreeMap<CratePlace, (usize, usize)>,
    opened: BTreeSet<usize>,
}

impl CrateOutline<'_> {
    /// Notes a module that users can name.
    fn open(&mut self, source: usize, name: String) {
        if self.opened.insert(source) {
            self.shown.push(ShownModule { name, source, lines: Vec::new() });
        }
    }

    /// Shows the public entries of a module in a shown one.
    fn enter(&mut self, source: usize, at: usize, entered: &mut BTreeSet<usize>) {
        if entered.len() > MODULES || !entered.insert(source) {
            return;
        }
        let entries = self.scope.modules[source].entries.iter().enumerate();
        for (entry, one) in entries.filter(|(_, one)| one.is_public) {
            let places = match &one.kind {
                EntryKind::Item => vec![CratePlace::Item(source, entry)],
                EntryKind::Module(inner) => vec![CratePlace::Module(*inner)],
                EntryKind::Use(path) => self.scope.resolve(source, path),
                EntryKind::Glob(path) => match self.scope.module(source, path) {
                    Some(inner) => {
                        self.enter(inner, at, entered);
                        continue;
                    }
                    None => Vec::new(),
                },
                EntryKind::Impl(_) => continue,
            };
            if places.is_empty() {
                self.shown[at].lines.push(one.named(""));
            }
            for place in places {
                self.place(place, &one.name, at);
            }
        }
    }

    /// Shows an item or a module under a name.
    fn place(&mut self, place: CratePlace, name: &str, at: usize) {
        match place {
            CratePlace::Module(inner) => {
                let name = [&*self.shown[at].name, name].join("::");
                self.open(inner, name.trim_start_matches("::").to_owned());
            }
            CratePlace::Item(module, entry) if !self.items.contains_key(&place) => {
                let lines = &mut self.shown[at].lines;
                self.items.insert(place, (at, lines.len()));
                lines.push(self.scope.modules[module].entries[entry].named(name));
            }
            CratePlace::Item(..) => {}
        }
    }

    /// Shows implementations, each behind its type; those for types of others in their module.
    fn implementations(&mut self) {
        for (source, module) in self.scope.modules.iter().enumerate() {
            for one in &module.entries {
                let EntryKind::Impl(of) = &one.kind else { continue };
                let places = self.scope.resolve(source, of);
                let is_own = !places.is_empty();
                let line = places.iter().find_map(|place| self.items.get(place).copied());
                let text = one.named("");
                if let Some((at, line)) = line {
                    self.shown[at].lines[line].push_str(&text);
                } else if let Some(at) = self.shown.iter().position(|one| one.source == source)
                    && !is_own
                {
                    self.shown[at].lines.push(text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::spec_for_tests::tree;

    fn outline(files: &[(&str, &str)]) -> String {
        of(&tree(files))
    }

    #[test]
    fn items_of_private_modules_are_shown_where_they_are_public() {
        let shown = outline(&[
            (
                "src/lib.rs",
                "mod inner;\nmod other;\npub mod open {\n    /// First.\n    pub fn a() {}\n    pub(crate) fn b() {}\n}\npub use inner::{deep::*, roman as to_roman, Cache};\n\
                pub use crate::open::a;\npub use std::fmt;\npub use other as another;\nfn own() {}\n#[cfg(test)]\npub mod tests { pub fn no() {} }\n\
                #[doc(hidden)]\npub fn secret() {}\nstruct Private;\nimpl Private { pub fn no(&self) {} }\nimpl fmt::Display for Private {}\n\
                #[macro_export]\nmacro_rules! roman { () => {} }\nmacro_rules! no { () => {} }\n",
            ),
            (
                "src/inner.rs",
                "/// Converts.\npub fn roman(n: u32) -> String { String::new() }\npub fn hidden() {}\npub struct Cache;\n\
                pub mod deep;\n",
            ),
            (
                "src/inner/deep.rs",
                "use super::Cache as Store;\npub const MAX: u32 = 3;\nimpl Store { pub const N: u8 = 1; pub fn len(&self) -> usize { 0 } fn no() {} }\n\
                impl Default for super::Cache { fn default() -> Self { Self } }\npub use self::more::*;\nmod more { pub type Two = u8; pub use super::*; }\n",
            ),
            ("src/other/mod.rs", "pub enum Kind { A }\n"),
        ]);
        assert_eq!(
            shown,
            "pub const MAX: u32;\npub type Two = u8;\n/// Converts.\npub fn to_roman(n: u32) -> String;\n\
            pub struct Cache;\nimpl Store {\n pub const N: u8;\n pub fn len(&self) -> usize;\n}\n\
            impl Default for super::Cache { … }\n/// First.\npub fn a();\npub use std::fmt;\n\
            #[macro_export]\nmacro_rules! roman;\n// in `another`\npub enum Kind { A }\n"
        );
    }

    #[test]
    fn imports_of_each_other_end() {
        let mut text = String::new();
        for one in 0..20 {
            text += &format!("mod m{one} {{\n");
            for other in 0..20 {
                text += &format!("pub use super::m{other}::*; pub use super::m{other}::f{one};\n");
            }
            text += "}\n";
        }
        text += "pub use m0::*;\nmod a { pub use super::b::f; }\nmod b { pub use super::a::f; }\npub use a::f;\n";
        assert_eq!(outline(&[("src/lib.rs", &text)]).matches("fn").count(), 0);
    }
}
