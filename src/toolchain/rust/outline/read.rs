//! The modules of a crate, and what each declares.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item, ItemImpl, ItemMod, Type, UseTree, Visibility};

use crate::toolchain::rust::{identifiers, recursion_limit};
use crate::types::Tree;

/// A module of a crate.
pub struct CrateModule {
    /// The number of the module that it is in; the root is in itself.
    pub parent: usize,
    /// What it declares, in order.
    pub entries: Vec<ModuleEntry>,
}

/// What a module declares.
pub struct ModuleEntry {
    /// The name that the module gives it.
    pub name: String,
    /// Whether it has `pub`.
    pub is_public: bool,
    /// What it is.
    pub kind: EntryKind,
    /// Its text without its body, before and after its name.
    around: [String; 2],
}

impl ModuleEntry {
    /// The entry under a name, without its body.
    pub fn named(&self, name: &str) -> String {
        let [before, after] = &self.around;
        format!("{before}{name}{after}\n")
    }
}

/// What an entry is.
pub enum EntryKind {
    /// A function, a type, a constant, a trait, a macro.
    Item,
    /// A module, by its number.
    Module(usize),
    /// An import of what a path names.
    Use(Vec<String>),
    /// An import of everything that a path has.
    Glob(Vec<String>),
    /// An implementation for the type that a path names.
    Impl(Vec<String>),
}

/// The modules of a crate, the root first. Those of tests, and what the documentation hides, are
/// left out.
pub fn modules(tree: &Tree) -> Vec<CrateModule> {
    let mut all = CrateFiles { tree, modules: Vec::new(), macros: Vec::new(), files: Vec::new() };
    all.begin(0, "src/lib.rs".to_owned(), "src".to_owned());
    while let Some(file) = all.files.pop() {
        all.file(&file);
    }
    // Macros belong to the crate wherever they are.
    all.modules[0].entries.append(&mut all.macros);
    all.modules
}

/// A file with a module.
struct ModuleFile {
    module: usize,
    path: String,
    /// Where the files of its modules are.
    folder: String,
}

struct CrateFiles<'a> {
    tree: &'a Tree,
    modules: Vec<CrateModule>,
    macros: Vec<ModuleEntry>,
    /// What is not read yet.
    files: Vec<ModuleFile>,
}

impl CrateFiles<'_> {
    /// Notes a module in a file of its own.
    fn begin(&mut self, parent: usize, path: String, folder: String) -> usize {
        let module = self.modules.len();
        self.modules.push(CrateModule { parent, entries: Vec::new() });
        self.files.push(ModuleFile { module, path, folder });
        module
    }

    fn file(&mut self, file: &ModuleFile) {
        let tree = self.tree;
        let Some(text) = tree.text(&file.path) else { return };
        // What cannot be parsed has no items; gates refuse it.
        let _ = recursion_limit::parse(text, |text| {
            let parsed: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
            self.items(&parsed.items, text, file.module, &file.folder);
            Ok(())
        });
    }

    fn items(&mut self, items: &[Item], text: &str, module: usize, folder: &str) {
        for item in items {
            let source = ItemText { text, start: item.span().byte_range().start };
            let end = item.span().byte_range().end;
            let entries = match item {
                Item::Mod(one) => self.inner(one, text, module, folder),
                Item::Use(one) if is_left_out(&one.attrs) => Vec::new(),
                Item::Use(one) => used(&one.tree, &one.vis),
                Item::Impl(one) => source.implementation(one).into_iter().collect(),
                Item::Macro(one) => {
                    let is_shown = exports(&one.attrs) && !is_left_out(&one.attrs);
                    let name = one.ident.as_ref().filter(|_| is_shown);
                    self.macros.extend(name.map(|name| source.named(name)));
                    Vec::new()
                }
                Item::Fn(one) => source.headed(&one.attrs, &one.sig.ident, &one.vis, &one.block),
                Item::Const(one) => source.headed(&one.attrs, &one.ident, &one.vis, &one.expr),
                Item::Static(one) => source.headed(&one.attrs, &one.ident, &one.vis, &one.expr),
                Item::Struct(one) => source.whole(&one.attrs, &one.ident, &one.vis, end),
                Item::Enum(one) => source.whole(&one.attrs, &one.ident, &one.vis, end),
                Item::Type(one) => source.whole(&one.attrs, &one.ident, &one.vis, end),
                Item::Trait(one) => source.whole(&one.attrs, &one.ident, &one.vis, end),
                Item::Union(one) => source.whole(&one.attrs, &one.ident, &one.vis, end),
                _ => Vec::new(),
            };
            self.modules[module].entries.extend(entries);
        }
    }

    /// A module, in place or in a file of its own.
    fn inner(
        &mut self,
        one: &ItemMod,
        text: &str,
        parent: usize,
        folder: &str,
    ) -> Vec<ModuleEntry> {
        if is_left_out(&one.attrs) {
            return Vec::new();
        }
        let folder = format!("{folder}/{}", identifiers::plain(&one.ident));
        let number = match &one.content {
            Some((_, items)) => {
                let module = self.modules.len();
                self.modules.push(CrateModule { parent, entries: Vec::new() });
                self.items(items, text, module, &folder);
                module
            }
            None => {
                let flat = format!("{folder}.rs");
                let is_flat = self.tree.get(&flat).is_some();
                let path = if is_flat { flat } else { format!("{folder}/mod.rs") };
                self.begin(parent, path, folder)
            }
        };
        let kind = EntryKind::Module(number);
        let (name, is_public) = (one.ident.to_string(), is_public(&one.vis));
        vec![ModuleEntry { name, is_public, kind, around: Default::default() }]
    }
}

/// The text of an item.
struct ItemText<'a> {
    text: &'a str,
    start: usize,
}

impl ItemText<'_> {
    fn part(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The spaces before an offset in its line.
    fn indent(&self, at: usize) -> &str {
        let before = self.part(0, at);
        &before[before.trim_end_matches(' ').len()..]
    }

    /// A text of the item as if the item began its line.
    fn outdented(&self, text: &str) -> String {
        text.replace(&format!("\n{}", self.indent(self.start)), "\n")
    }

    /// An item up to an offset.
    fn item(&self, name: &Ident, is_public: bool, end: usize) -> ModuleEntry {
        let place = name.span().byte_range();
        ModuleEntry {
            name: name.to_string(),
            is_public,
            kind: EntryKind::Item,
            around: [(self.start, place.start), (place.end, end)]
                .map(|(start, end)| self.outdented(self.part(start, end))),
        }
    }

    /// A macro, of which only the name is shown.
    fn named(&self, name: &Ident) -> ModuleEntry {
        let mut entry = self.item(name, true, name.span().byte_range().end);
        entry.around[1].push(';');
        entry
    }

    /// An item whose body is left out.
    fn headed(
        &self,
        attributes: &[Attribute],
        name: &Ident,
        visibility: &Visibility,
        body: &impl Spanned,
    ) -> Vec<ModuleEntry> {
        let mut all = self.whole(attributes, name, visibility, body.span().byte_range().start);
        for ModuleEntry { around: [_, after], .. } in &mut all {
            *after = format!("{};", before_body(after));
        }
        all
    }

    /// An item, unless it is left out.
    fn whole(
        &self,
        attributes: &[Attribute],
        name: &Ident,
        visibility: &Visibility,
        end: usize,
    ) -> Vec<ModuleEntry> {
        let is_shown = !is_left_out(attributes);
        is_shown.then(|| self.item(name, is_public(visibility), end)).into_iter().collect()
    }

    /// An implementation with its public members, without their code.
    fn implementation(&self, one: &ItemImpl) -> Option<ModuleEntry> {
        let mut members = String::new();
        for item in &one.items {
            let (attributes, visibility, start, end) = match item {
                ImplItem::Fn(it) => (&it.attrs, &it.vis, it.span(), it.block.span()),
                ImplItem::Const(it) => (&it.attrs, &it.vis, it.span(), it.expr.span()),
                _ => continue,
            };
            if !is_public(visibility) || is_left_out(attributes) {
                continue;
            }
            let (start, end) = (start.byte_range().start, end.byte_range().start);
            let head = before_body(self.part(start, end));
            members.push_str(&format!("{}{head};\n", self.indent(start)));
        }
        let open = one.brace_token.span.open().byte_range().start;
        let head = self.part(self.start, open).trim_end();
        let text = match (&one.trait_, members.is_empty()) {
            (Some(_), _) => format!("{head} {{ … }}"),
            (None, false) => format!("{head} {{\n{members}}}"),
            (None, true) => return None,
        };
        (!is_left_out(&one.attrs)).then(|| ModuleEntry {
            name: String::new(),
            is_public: true,
            kind: EntryKind::Impl(of(&one.self_ty)),
            around: [self.outdented(&text), String::new()],
        })
    }
}

/// An item's text without what leads to its body.
fn before_body(text: &str) -> &str {
    text.trim_end().trim_end_matches('=').trim_end()
}

/// The imports of a `use`.
fn used(tree: &UseTree, visibility: &Visibility) -> Vec<ModuleEntry> {
    let mut open = vec![(Vec::new(), tree)];
    let mut all = Vec::new();
    while let Some((mut path, tree)) = open.pop() {
        let (name, original) = match tree {
            UseTree::Path(one) => {
                path.push(one.ident.to_string());
                open.push((path, &one.tree));
                continue;
            }
            UseTree::Group(group) => {
                open.extend(group.items.iter().rev().map(|one| (path.clone(), one)));
                continue;
            }
            UseTree::Glob(_) => ("*".to_owned(), None),
            UseTree::Name(one) => (one.ident.to_string(), Some(&one.ident)),
            UseTree::Rename(one) => (one.rename.to_string(), Some(&one.ident)),
        };
        // `use a::{self}` imports `a`.
        let original = original.map(Ident::to_string).filter(|one| one != "self");
        path.extend(original);
        let name = if name == "self" { path.last().cloned().unwrap_or(name) } else { name };
        let text = path.join("::");
        let (kind, text) = match tree {
            UseTree::Glob(_) => (EntryKind::Glob(path), format!("pub use {text}::*;")),
            _ if path.last() == Some(&name) => (EntryKind::Use(path), format!("pub use {text};")),
            _ => (EntryKind::Use(path), format!("pub use {text} as {name};")),
        };
        let around = [text, String::new()];
        all.push(ModuleEntry { name, is_public: is_public(visibility), kind, around });
    }
    all
}

/// The path of the type that an implementation is for.
fn of(mut one: &Type) -> Vec<String> {
    loop {
        one = match one {
            Type::Reference(inner) => &inner.elem,
            Type::Paren(inner) => &inner.elem,
            Type::Group(inner) => &inner.elem,
            Type::Path(path) => {
                return path.path.segments.iter().map(|one| one.ident.to_string()).collect();
            }
            _ => return Vec::new(),
        };
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Whether a macro is for users of the crate.
fn exports(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|one| one.path().is_ident("macro_export"))
}

/// Whether an item is for tests, or hidden from the documentation.
fn is_left_out(attributes: &[Attribute]) -> bool {
    let has = |one: &Attribute, name: &str, word: &str| {
        let list = one.meta.require_list().ok().filter(|list| list.path.is_ident(name));
        list.is_some_and(|list| list.tokens.to_string().split(',').any(|one| one.trim() == word))
    };
    attributes.iter().any(|one| has(one, "cfg", "test") || has(one, "doc", "hidden"))
}
