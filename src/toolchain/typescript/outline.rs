//! The public items of a package without their code, as a model is shown them: what its root
//! exports, wherever it is written.

mod read;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use read::ScriptEntry;

use super::package::Dialect;
use crate::types::Tree;

/// How many modules are searched for an item.
const SEARCHED: usize = 64;
/// How many names are looked at to find what all names of a package name.
const LOOKED_AT: usize = 1_000_000;
/// How many modules `export *` may bring together.
const MODULES: usize = 256;

/// The public items of a package.
pub fn of(tree: &Tree, dialect: Dialect) -> String {
    let files = tree.iter().map(|(path, _)| path.as_str());
    let files = files.filter(|path| path.ends_with(dialect.end()));
    let modules = files.filter_map(|path| Some((path, read::statements(tree.text(path)?))));
    let mut outline = ScriptOutline {
        modules: &modules.collect(),
        dialect,
        shown: BTreeSet::new(),
        entered: BTreeSet::new(),
        looked_at: Cell::new(0),
        text: String::new(),
    };
    outline.module(dialect.root());
    outline.text
}

struct ScriptOutline<'a> {
    modules: &'a BTreeMap<&'a str, Vec<ScriptEntry>>,
    dialect: Dialect,
    /// The items that are shown: their modules, and their numbers there.
    shown: BTreeSet<(&'a str, usize)>,
    entered: BTreeSet<&'a str>,
    looked_at: Cell<usize>,
    text: String,
}

impl<'a> ScriptOutline<'a> {
    /// Shows what a module exports.
    fn module(&mut self, path: &'a str) {
        let is_new = self.entered.len() < MODULES && self.entered.insert(path);
        let entries = self.modules.get(path).filter(|_| is_new);
        for (at, entry) in entries.into_iter().flatten().enumerate() {
            match entry {
                ScriptEntry::Item(item) if item.is_export => self.show((path, at), &item.name),
                ScriptEntry::Names { text, from, names, is_export: true } => {
                    let module = match from {
                        Some(from) => self.target(path, from),
                        None => Some(path),
                    };
                    let all = module.filter(|_| names.iter().any(|(_, alias)| alias == "*"));
                    let found = names.iter().filter_map(|(original, alias)| {
                        let mut seen = BTreeSet::new();
                        Some((self.find(module?, original, from.is_some(), &mut seen)?, alias))
                    });
                    let found: Vec<_> = found.collect();
                    match all {
                        Some(all) => self.module(all),
                        None if found.is_empty() => self.text.push_str(text),
                        None => found.into_iter().for_each(|(place, name)| self.show(place, name)),
                    }
                }
                _ => {}
            }
        }
    }

    /// Shows an item once.
    fn show(&mut self, place: (&'a str, usize), name: &str) {
        let entry = self.modules.get(place.0).and_then(|entries| entries.get(place.1));
        if let Some(ScriptEntry::Item(item)) = entry
            && self.shown.insert(place)
        {
            self.text.push_str(&item.named(name));
        }
    }

    /// The item that a name of a module names; for other modules, if it is exported.
    fn find<'b>(
        &'b self,
        path: &'a str,
        name: &'b str,
        is_other: bool,
        seen: &mut BTreeSet<(&'a str, &'b str, bool)>,
    ) -> Option<(&'a str, usize)> {
        if seen.len() > SEARCHED || !seen.insert((path, name, is_other)) {
            return None;
        }
        let entries = self.modules.get(path)?;
        let size = |entry: &ScriptEntry| match entry {
            ScriptEntry::Item(_) => 1,
            ScriptEntry::Names { names, .. } => 1 + names.len(),
        };
        let looked_at = self.looked_at.get() + entries.iter().map(size).sum::<usize>();
        if looked_at > LOOKED_AT {
            return None;
        }
        self.looked_at.set(looked_at);
        let mut entries = entries.iter().enumerate();
        entries.find_map(|(at, entry)| match entry {
            ScriptEntry::Item(item) => {
                let is_it = match name {
                    "default" => item.is_default,
                    _ => item.name == name && (item.is_export || !is_other),
                };
                is_it.then_some((path, at))
            }
            ScriptEntry::Names { from, names, is_export, .. } if *is_export == is_other => {
                let (original, _) =
                    names.iter().find(|(_, alias)| alias == name || alias == "*")?;
                let original = if original == "*" { name } else { original };
                match from {
                    Some(from) => self.find(self.target(path, from)?, original, true, seen),
                    None => self.find(path, original, false, seen),
                }
            }
            ScriptEntry::Names { .. } => None,
        })
    }

    /// The file of this package that a module names.
    fn target(&self, path: &str, named: &str) -> Option<&'a str> {
        let mut parts: Vec<&str> = path.split('/').collect();
        parts.pop();
        for part in named.strip_prefix('.').map(|_| named)?.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                _ => parts.push(part),
            }
        }
        let file = parts.join("/");
        let stem = file.strip_suffix(".js").unwrap_or(&file);
        let files = [file.clone(), format!("{stem}{}", self.dialect.end())];
        let found = files.iter().find_map(|file| self.modules.get_key_value(file.as_str()));
        found.map(|(path, _)| *path)
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::spec_for_tests::tree;
    use crate::toolchain::typescript::package::Dialect;

    fn outline(files: &[(&str, &str)]) -> String {
        of(&tree(files), Dialect::TypeScript)
    }

    #[test]
    fn public_items_are_shown_without_their_code() {
        let text = "import { a } from \"./a.ts\";\n\n/** Most. */\nexport const LIMIT = 3;\nconst own = { x: 1 };\n\n\
            /**\n * A stock.\n */\nexport class Stock {\n  readonly #all: number[] = [];\n  private no = 1;\n  name = \"{\";\n\n  \
            /** One more. */\n  taking(\n    price: { cents: number },\n    of = \")\",\n  ): this {\n    if (price) {\n      \
            this.#all.push(1);\n    }\n    return this;\n  }\n\n  #hidden() {\n    return 1;\n  }\n}\n\n\
            export interface Price {\n  cents: number;\n}\n\nexport type Two = 1 | 2;\nfunction hidden() {}\n\
            export async function total(all: Stock): Promise<number> {\n  return hidden();\n}\nexport { a };\n";
        let shown = "/** Most. */\nexport const LIMIT = 3;\n/**\n * A stock.\n */\nexport class Stock {\n  name = \"{\";\n  \
            /** One more. */\n  taking(\n    price: { cents: number },\n    of = \")\",\n  ): this {\n}\n\
            export interface Price {\n  cents: number;\n}\nexport type Two = 1 | 2;\n\
            export async function total(all: Stock): Promise<number> {\nexport { a };\n";
        assert_eq!(outline(&[("src/index.ts", text)]), shown);
    }

    #[test]
    fn only_what_the_root_exports_is_shown() {
        let shown = outline(&[
            (
                "src/index.ts",
                "import { one as uno, type Kind } from \"./a.ts\";\nimport two from \"./sub/b.js\";\nexport { uno as first, two };\n\
                export type { Kind };\nexport * from \"./c.ts\";\nexport { readFile } from \"node:fs\";\nfunction four() {\n}\nexport { four };\n",
            ),
            (
                "src/a.ts",
                "export function one(): void {\n}\nexport function own(): void {\n}\nexport type Kind = 1;\n",
            ),
            (
                "src/sub/b.ts",
                "/** Two. */\nexport default function two(n: number): string {\n  return \"\";\n}\n",
            ),
            (
                "src/c.ts",
                "export * from \"./c.ts\";\nexport * from \"./d.ts\";\nexport const THREE = 3;\nconst NO = 1;\n",
            ),
            ("src/d.ts", "export { deep } from \"./d.ts\";\nexport class Deep {\n  size = 1;\n}\n"),
        ]);
        assert_eq!(
            shown,
            "export function first(): void {\n/** Two. */\nexport default function two(n: number): string {\nexport type Kind = 1;\n\
            export { deep } from \"./d.ts\";\nexport class Deep {\n  size = 1;\n}\nexport const THREE = 3;\nexport { readFile } from \"node:fs\";\nexport function four() {\n"
        );
    }
}
