//! The code of a package under another name.

use crate::types::{RelPath, SpecId, Tree};

/// A tree with the name of its package replaced, in folders and where code names the package:
/// before `::`, after `from`, `import` or `extern crate`, alone in quotes, and in citations. Words
/// that are something else there are found by the gates.
pub fn renamed(tree: &Tree, from: &SpecId, to: &SpecId) -> Tree {
    let ids = (from.to_string(), to.to_string());
    let names = [(from.package(), to.package()), (from.word(), to.word()), ids];
    let file = |(path, bytes): (&RelPath, &[u8])| {
        let parts = path.split('/').map(|part| {
            let name = names.iter().find(|(old, _)| part == old);
            name.map_or(part, |(_, new)| new)
        });
        let moved = RelPath::parse(&parts.collect::<Vec<_>>().join("/"));
        let path = moved.unwrap_or_else(|_| path.clone());
        let Ok(text) = std::str::from_utf8(bytes) else { return (path, bytes.to_vec()) };
        let all = names.iter().fold(text.to_owned(), |text, (old, new)| replaced(&text, old, new));
        (path, all.into_bytes())
    };
    tree.iter().map(file).collect()
}

fn replaced(text: &str, old: &str, new: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(old) {
        let after = &rest[at + old.len()..];
        out += &rest[..at];
        out += if is_package(&out, after) { new } else { old };
        rest = after;
    }
    out + rest
}

/// Whether a word between two texts names a package.
fn is_package(before: &str, after: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if before.ends_with(is_part) || after.starts_with(is_part) {
        return false;
    }
    let is_quoted = ['"', '\''].iter().any(|one| before.ends_with(*one) && after.starts_with(*one));
    let is_inner =
        before.strip_suffix("::").is_some_and(|path| path.ends_with(|c| is_part(c) || c == '>'));
    let words = ["from ", "import ", "extern crate "];
    let is_cited = after.starts_with('/') && before.rfind("<!--") > before.rfind("-->");
    is_quoted
        || is_cited
        || (after.starts_with("::") && !is_inner)
        || words.iter().any(|one| before.ends_with(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_package_gets_the_new_name() {
        let now = |text: &str| {
            let path = RelPath::parse("src/net_tax/lib.rs").expect("is one");
            let tree = Tree::from_iter([(path, text.as_bytes().to_vec())]);
            let tree = renamed(&tree, &"net-tax".into(), &"duty".into());
            tree.text("src/duty/lib.rs").expect("is there").to_owned()
        };
        assert_eq!(now("use net_tax::of; ::net_tax::of()"), "use duty::of; ::duty::of()");
        let others = "let net_tax = a::net_tax::b + net_tax_of + <A as B>::net_tax::c;";
        assert_eq!(now(others), others);
        assert_eq!(now("from net_tax import of"), "from duty import of");
        let cited = "of net-tax/a <!-- clause: net-tax/a, net-tax/b --> net-tax/a";
        let wanted = "of net-tax/a <!-- clause: duty/a, duty/b --> net-tax/a";
        assert_eq!(now(cited), wanted);
        assert_eq!(now("{\"name\": \"net-tax\"}"), "{\"name\": \"duty\"}");
    }
}
