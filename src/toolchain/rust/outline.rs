//! The public items of a crate without their code, as a model is shown them.

use syn::spanned::Spanned;
use syn::{ImplItem, Item, ItemImpl, ItemMod, Visibility};

use super::recursion_limit;
use crate::types::Tree;

/// The public items of a crate, module by module.
pub fn of(tree: &Tree) -> String {
    let mut out = String::new();
    module(tree, "src/lib.rs", "src", "", &mut out);
    out
}

/// The items of a file, then those of its public modules.
fn module(tree: &Tree, path: &str, folder: &str, name: &str, out: &mut String) {
    let Some(text) = tree.text(path) else { return };
    let parsed = recursion_limit::parse(text, |text| {
        let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        let mut outline = Outline { text, items: String::new(), modules: Vec::new() };
        outline.items(&file.items, name);
        Ok((outline.items, outline.modules))
    });
    let Ok((items, modules)) = parsed else { return };
    out.push_str(&items);
    for one in modules {
        let (short, below) = (one.rsplit("::").next().unwrap_or_default(), format!("{folder}/"));
        let flat = format!("{below}{short}.rs");
        let deep = format!("{below}{short}/mod.rs");
        let path = if tree.get(&flat).is_some() { flat } else { deep };
        module(tree, &path, &format!("{below}{short}"), &one, out);
    }
}

struct Outline<'a> {
    text: &'a str,
    items: String,
    /// Public modules in files of their own.
    modules: Vec<String>,
}

impl Outline<'_> {
    fn items(&mut self, items: &[Item], module: &str) {
        let before = self.items.len();
        for item in items {
            self.item(item, module);
        }
        if self.items.len() > before && !module.is_empty() {
            self.items.insert_str(before, &format!("// in `{module}`\n"));
        }
    }

    fn item(&mut self, item: &Item, module: &str) {
        match item {
            Item::Fn(one) if is_public(&one.vis) => self.head(one, &one.block),
            Item::Const(one) if is_public(&one.vis) => self.head(one, &one.expr),
            Item::Static(one) if is_public(&one.vis) => self.head(one, &one.expr),
            Item::Struct(one) if is_public(&one.vis) => self.whole(one),
            Item::Enum(one) if is_public(&one.vis) => self.whole(one),
            Item::Type(one) if is_public(&one.vis) => self.whole(one),
            Item::Trait(one) if is_public(&one.vis) => self.whole(one),
            Item::Union(one) if is_public(&one.vis) => self.whole(one),
            Item::Use(one) if is_public(&one.vis) => self.whole(one),
            Item::Impl(one) => self.methods(one),
            Item::Mod(one) if is_public(&one.vis) => self.below(one, module),
            _ => {}
        }
    }

    fn below(&mut self, one: &ItemMod, module: &str) {
        let name = [module, &one.ident.to_string()].join("::");
        let name = name.trim_start_matches("::").to_owned();
        match &one.content {
            Some((_, items)) => self.items(items, &name),
            None => self.modules.push(name),
        }
    }

    fn methods(&mut self, one: &ItemImpl) {
        let start = one.span().byte_range().start;
        let open = one.brace_token.span.open().byte_range().start;
        let mut inside = Outline { text: self.text, items: String::new(), modules: Vec::new() };
        for item in &one.items {
            if let ImplItem::Fn(function) = item
                && (is_public(&function.vis) || one.trait_.is_some())
            {
                inside.head(function, &function.block);
            }
        }
        let head = self.text.get(start..open).unwrap_or_default().trim_end();
        match (inside.items.is_empty(), &one.trait_) {
            (true, None) => {}
            (_, Some(_)) => self.items.push_str(&format!("{head} {{ … }}\n")),
            (false, None) => self.items.push_str(&format!("{head} {{\n{}}}\n", inside.items)),
        }
    }

    /// An item without its body.
    fn head(&mut self, item: &impl Spanned, body: &impl Spanned) {
        let (start, end) = (item.span().byte_range().start, body.span().byte_range().start);
        let text = self.text.get(start..end).unwrap_or_default().trim_end();
        self.items.push_str(&format!(
            "{}{};\n",
            self.indent(start),
            text.trim_end_matches('=').trim_end()
        ));
    }

    /// The spaces before an offset in its line.
    fn indent(&self, at: usize) -> &str {
        let before = self.text.get(..at).unwrap_or_default();
        &before[before.trim_end_matches(' ').len()..]
    }

    fn whole(&mut self, item: &impl Spanned) {
        let text = self.text.get(item.span().byte_range()).unwrap_or_default();
        self.items.push_str(&format!("{text}\n"));
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}
