//! Which allowed packages a candidate's modules import.

use std::collections::{BTreeMap, BTreeSet};

use super::membrane::code_lines;
use super::package;

/// The first names of imported modules, without those of the standard library.
fn roots(text: &str) -> BTreeSet<String> {
    let lines = code_lines(text).into_iter();
    let statements = lines.flat_map(|code| {
        let parts = code.split([';', ':']).map(|part| part.trim().to_owned());
        parts.collect::<Vec<_>>()
    });
    let imported = statements.flat_map(|statement| {
        let rest = statement
            .strip_prefix("from ")
            .map(|rest| rest.split_whitespace().next().unwrap_or_default());
        let plain = statement.strip_prefix("import ").into_iter().flat_map(|all| all.split(','));
        let all: Vec<String> = rest.into_iter().chain(plain).map(str::to_owned).collect();
        all
    });
    let root = |module: String| {
        let word = module.split_whitespace().next()?;
        // What begins with a point is the package's own.
        let root = word.split('.').next().filter(|root| !root.is_empty())?;
        (!package::is_standard(root)).then(|| root.to_owned())
    };
    imported.filter_map(root).collect()
}

/// One spelling of a package's name.
fn spelled(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}

/// The packages that the modules import beside `own`: those that are named as they are. A module
/// that is named otherwise could be any package's: then all are.
pub fn used<'a>(
    texts: impl Iterator<Item = &'a str>,
    own: &[String],
    allowed: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut roots: BTreeSet<String> = texts.flat_map(roots).collect();
    roots.retain(|root| !own.contains(root));
    let names: BTreeSet<String> = allowed.keys().map(|name| spelled(name)).collect();
    let roots: BTreeSet<String> = roots.iter().map(|root| spelled(root)).collect();
    let has_others = roots.iter().any(|root| !names.contains(root));
    let is_used = |name: &str| has_others || roots.contains(&spelled(name));
    allowed.into_iter().filter(|(name, _)| is_used(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::{roots, used};

    #[test]
    fn imports_are_found_wherever_they_stand() {
        let text = "import os, attrs\nfrom slugify.special import (\n  a,\n)\nfrom . import b\nfrom .c import d\n\
            def f(): import yaml as y; from Foo import g\n'''\nimport no\n'''\nx = 'import no'\n# import no\n\
            import a.b.c\n";
        let found: Vec<String> = roots(text).into_iter().collect();
        assert_eq!(found, ["Foo", "a", "attrs", "slugify", "yaml"]);
    }

    #[test]
    fn packages_with_modules_of_other_names_are_all_used() {
        let allowed = [("attrs", "==1"), ("Foo-Bar", "==2")];
        let allowed = allowed.map(|(name, version)| (name.to_owned(), version.to_owned()));
        let of = |text| {
            let all = used([text].into_iter(), &["own".to_owned()], allowed.clone().into());
            all.into_keys().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("import own.a\nimport foo_bar"), "Foo-Bar");
        assert_eq!(of("import attr"), "Foo-Bar attrs");
        assert_eq!(of("import json"), "");
    }
}
