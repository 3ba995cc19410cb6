//! Modules of suites: files that a suite or another module names with `mod name;`.

use super::recursion_limit;
use crate::toolchain::Suite;

/// The files in which a module may be, by the path of the file that names it.
pub fn places(path: &str, name: &str) -> [String; 2] {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    // A file directly in `tests/` is the root of a program.
    let is_root = folder == "tests" || ["mod.rs", "main.rs"].contains(&file);
    let own = if is_root { String::new() } else { format!("/{}", file.trim_end_matches(".rs")) };
    let base = format!("{folder}{own}");
    [format!("{base}/{name}.rs"), format!("{base}/{name}/mod.rs")]
}

/// The modules that a text names without a body, with their lines from 1. Those with attributes may
/// be elsewhere, or absent.
pub fn named(text: &str) -> Vec<(String, usize)> {
    let named = recursion_limit::parse(text, |text| {
        let file: syn::File = syn::parse_str(text).map_err(|_| (String::new(), 0))?;
        let modules = file.items.into_iter().filter_map(|item| match item {
            syn::Item::Mod(module) if module.content.is_none() && module.attrs.is_empty() => {
                Some((module.ident.to_string(), module.ident.span().start().line))
            }
            _ => None,
        });
        Ok(modules.collect())
    });
    named.unwrap_or_default()
}

/// The modules of a suite's file that no file contains, with their lines.
pub fn missing(suite: &Suite, all: &[Suite]) -> Vec<(String, usize)> {
    let exists = |path: &String| all.iter().any(|one| one.path.as_str() == path);
    let named = named(&suite.shown).into_iter();
    named.filter(|(name, _)| !places(suite.path.as_str(), name).iter().any(exists)).collect()
}
