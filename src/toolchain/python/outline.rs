//! The public items of a package without their code, as a model is shown them: those of public
//! modules, and those of private modules that they import for others. `__all__` decides where it
//! is; otherwise a package gives what its `__init__.py` imports, and other modules what they import
//! `as` itself.

mod read;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use read::{PythonEntry, PythonImport, PythonItem, PythonModule};

use crate::types::Tree;

/// How many modules are searched for an item.
const SEARCHED: usize = 64;
/// How many names are looked at to find what all names of a package name.
const LOOKED_AT: usize = 1_000_000;

/// The public items of a package, module by module, those of the package itself first.
pub fn of(tree: &Tree) -> String {
    let mut modules = BTreeMap::new();
    for (path, _) in tree.iter() {
        let inner = path.as_str().strip_prefix("src/").and_then(|path| path.strip_suffix(".py"));
        let Some((inner, text)) = inner.zip(tree.text(path.as_str())) else { continue };
        let package = inner.strip_suffix("/__init__");
        let name = package.unwrap_or(inner).replace('/', ".");
        modules.insert(name, PythonModule::of(text, package.is_some()));
    }
    let package = PythonPackage { modules: &modules, looked_at: Cell::new(0) };
    let mut shown = BTreeSet::new();
    let mut out = String::new();
    for name in modules.keys().filter(|name| !is_private(name)) {
        let items = package.items(name, &mut shown);
        if name.contains('.') && !items.is_empty() {
            out.push_str(&format!("# in `{name}`\n"));
        }
        out.push_str(&items);
    }
    out
}

/// The modules of a package.
struct PythonPackage<'a> {
    modules: &'a BTreeMap<String, PythonModule>,
    looked_at: Cell<usize>,
}

impl<'a> PythonPackage<'a> {
    /// The public items of a module that are not shown yet.
    fn items(&self, name: &'a str, shown: &mut BTreeSet<(&'a str, usize)>) -> String {
        let Some(module) = self.modules.get(name) else { return String::new() };
        let mut out = String::new();
        let mut starred = BTreeSet::new();
        for (at, entry) in module.entries.iter().enumerate() {
            match entry {
                PythonEntry::Item(item) => {
                    if module.exports(&item.name) && shown.insert((name, at)) {
                        out.push_str(&item.text);
                    }
                }
                PythonEntry::Import(import) => {
                    let Some(from) = self.target(name, import) else { continue };
                    if import.names.is_none() && !starred.insert(from) {
                        continue;
                    }
                    if !is_private(from) {
                        out.push_str(&import.text);
                        continue;
                    }
                    for (original, alias) in self.imported(from, import) {
                        let found = self.find(from, original, &mut BTreeSet::new());
                        if module.reexports(import, original, alias)
                            && let Some((place, item)) = found
                            && shown.insert(place)
                        {
                            out.push_str(&item.named(alias));
                        }
                    }
                }
            }
        }
        out
    }

    /// The names that an import takes from a module, and those that it gives them.
    fn imported(&self, from: &'a str, import: &'a PythonImport) -> Vec<(&'a str, &'a str)> {
        match &import.names {
            Some(names) => names.iter().map(|(one, alias)| (&**one, &**alias)).collect(),
            None => {
                let mut names = BTreeSet::new();
                self.exported(from, &mut names, &mut BTreeSet::new());
                names.into_iter().map(|name| (name, name)).collect()
            }
        }
    }

    /// The names that `from … import *` takes from a module.
    fn exported(&self, from: &'a str, names: &mut BTreeSet<&'a str>, seen: &mut BTreeSet<&'a str>) {
        let Some(module) = self.modules.get(from).filter(|_| seen.len() < SEARCHED) else { return };
        if !seen.insert(from) {
            return;
        }
        for entry in &module.entries {
            match entry {
                PythonEntry::Import(import) if import.names.is_none() => {
                    if let Some(target) = self.target(from, import) {
                        self.exported(target, names, seen);
                    }
                }
                _ => names.extend(entry.names()),
            }
        }
        names.retain(|name| module.exports(name));
    }

    /// The module of this package that an import is from.
    fn target(&self, name: &str, import: &PythonImport) -> Option<&'a str> {
        let parts: Vec<&str> = name.split('.').collect();
        let is_package = self.modules.get(name).is_some_and(|one| one.is_package);
        let base = match import.level {
            0 => &[],
            level => parts.get(..(parts.len() + usize::from(is_package)).checked_sub(level)?)?,
        };
        let parts = base.iter().copied().chain(import.from.iter().map(String::as_str));
        let target = parts.collect::<Vec<_>>().join(".");
        self.modules.get_key_value(&target).map(|(name, _)| name.as_str())
    }

    /// The item that a name of a module names, and where it is.
    fn find(
        &self,
        from: &'a str,
        name: &'a str,
        seen: &mut BTreeSet<(&'a str, &'a str)>,
    ) -> Option<((&'a str, usize), &'a PythonItem)> {
        if seen.len() > SEARCHED || !seen.insert((from, name)) {
            return None;
        }
        let entries = &self.modules.get(from)?.entries;
        let names: usize = entries.iter().map(|entry| 1 + entry.size()).sum();
        let looked_at = self.looked_at.get() + names;
        if looked_at > LOOKED_AT {
            return None;
        }
        self.looked_at.set(looked_at);
        let mut entries = entries.iter().enumerate();
        entries.find_map(|(at, entry)| match entry {
            PythonEntry::Item(item) => (item.name == name).then_some(((from, at), item)),
            PythonEntry::Import(import) => {
                let original = match &import.names {
                    Some(names) => &names.iter().find(|(_, alias)| alias == name)?.0,
                    None => name,
                };
                self.find(self.target(from, import)?, original, seen)
            }
        })
    }
}

/// Whether a module, or one around it, is private.
fn is_private(name: &str) -> bool {
    name.split('.').any(|part| part.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::spec_for_tests::tree;

    fn outline(files: &[(&str, &str)]) -> String {
        of(&tree(files))
    }

    #[test]
    fn public_items_are_shown_without_their_code() {
        let text = "\"\"\"Stock.\"\"\"\n\nimport json\nfrom .a import (\n    b,\n)\n\nLIMIT: int = 3\n_own = 1\n\n\n\
            @dataclass\nclass Stock(Base):\n    \"\"\"Prices.\n\n    All of them.\n    \"\"\"\n\n    names: list[str]\n    _own = 2\n\n    \
            def __init__(self) -> None:\n        x = 1\n\n    def _no(self):\n        def yes(): pass\n\n    \
            async def total(\n        self, of='#',\n    ) -> int:\n        \"\"\"The sum.\"\"\"\n        y = 2\n        return y\n\n\n\
            if LIMIT:\n    pass\nelse: pass\ntry: pass\nfinally: pass\n@cache\ndef _hidden():\n    z: int = 1\n\n\ndef shown(a: int) -> int:\n    return a\n";
        let shown = "from .a import (\n    b,\n)\nLIMIT: int = 3\n@dataclass\nclass Stock(Base):\n    \"\"\"Prices.\n\n    \
            All of them.\n    \"\"\"\n    names: list[str]\n    def __init__(self) -> None:\n    async def total(\n        \
            self, of='#',\n    ) -> int:\n        \"\"\"The sum.\"\"\"\ndef shown(a: int) -> int:\n";
        assert_eq!(outline(&[("src/s/__init__.py", text), ("src/s/a.py", "")]), shown);
    }

    #[test]
    fn items_of_private_modules_are_shown_where_they_are_public() {
        let shown = outline(&[
            (
                "src/s/__init__.py",
                "from ._core import (\n    roman,\n    Cache as Store,\n    _own,\n)\nfrom s._all import *\nfrom . import _core\n\
                from ._core import roman as again\nfrom os import path\n",
            ),
            (
                "src/s/_core.py",
                "from ._deep import Cache\n\n\ndef roman(n: int) -> str:\n    \"\"\"Converts.\"\"\"\n    return ''\n\n\
                def _own():\n    pass\n\n\ndef hidden():\n    pass\n",
            ),
            (
                "src/s/_deep.py",
                "from ._core import nothing\n@dataclass\nclass Cache(Base):\n    size: int\n",
            ),
            ("src/s/_all.py", "from s._more import *\n"),
            (
                "src/s/_more.py",
                "__all__ = [\n    'MAX',  # the user's\n]\n__all__ += [\"two\"]\nMAX: int = 3\n\n\ndef one():\n    pass\n\n\ndef two():\n    pass\n",
            ),
            (
                "src/s/tools.py",
                "from ._core import hidden\nfrom ._core import hidden as hidden\n\n\ndef three():\n    pass\n",
            ),
            (
                "src/s/given.py",
                "__all__ = ('four', 'Cache')\nfrom ._deep import Cache\ndef four(): pass\ndef five(): pass\n",
            ),
        ]);
        assert_eq!(
            shown,
            "def roman(n: int) -> str:\n    \"\"\"Converts.\"\"\"\n@dataclass\nclass Store(Base):\n    size: int\n\
            MAX: int = 3\ndef two():\nfrom . import _core\n# in `s.given`\ndef four(): pass\n# in `s.tools`\ndef hidden():\ndef three():\n"
        );
    }
}
