//! The rule `link`: links lead to pages and headings of the tree, or to hosts that the spec names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::facts::{TextSubject, fix, found, nearest};
use crate::toolchain::prose::page::{ProsePage, is_page_file};
use crate::types::{Finding, Tree};

/// Findings of the rule.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:https?://|www\.)[^\s<>()\[\]]+").expect("the pattern is a constant")
    });
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        subject.pages.iter().map(|page| (page.file, anchors(page))).collect();
    let mut all = Vec::new();
    for page in &subject.pages {
        // `www.example.com` is made a link, too.
        let whole = |text: &str| {
            let scheme = if text.contains("://") { "" } else { "https://" };
            format!("{scheme}{text}")
        };
        let bare = ADDRESS.find_iter(&page.prose).map(|one| (one.start(), whole(one.as_str())));
        let links = page.links.iter().map(|link| (link.span.start, link.target.clone()));
        for (at, target) in links.chain(bare) {
            let Err((message, remedy)) = judge(subject, &anchors, page, &target) else { continue };
            all.push(fix(found(page, "link", at, message), remedy));
        }
    }
    all
}

/// What is wrong with a link, and what to do.
fn judge(
    subject: &TextSubject<'_>,
    anchors: &BTreeMap<&str, BTreeSet<String>>,
    page: &ProsePage<'_>,
    target: &str,
) -> Result<(), (String, String)> {
    let wrong = |message: String, remedy: &str| Err((message, remedy.to_owned()));
    if let Some(scheme) = scheme(target) {
        let spec = &subject.facts.spec.visible;
        return match scheme.to_lowercase().as_str() {
            "http" | "https" => {
                let host = host(&target[scheme.len() + 1..]);
                if hosts(spec).contains(&host) {
                    return Ok(());
                }
                let remedy = "Delete the link, or use an address that the spec has";
                wrong(format!("the spec does not name the host `{host}`"), remedy)
            }
            "mailto" if spec.contains(&target[scheme.len() + 1..]) => Ok(()),
            _ => wrong(format!("links with `{scheme}:` are not allowed"), "Delete the link"),
        };
    }
    if target.starts_with(['/', '\\']) {
        let remedy = "Write the path from the folder of this page";
        return wrong(format!("`{target}` is an absolute path"), remedy);
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    let file = if path.is_empty() { page.file.to_owned() } else { resolve(page.file, path) };
    let other = || {
        let mut all = subject.facts.beside.iter();
        all.find_map(|(at, tree)| Some((file.strip_prefix(at)?.strip_prefix('/')?, *tree)))
    };
    let is_own = !target.is_empty() && subject.tree.get(&file).is_some();
    let known = match other().filter(|(file, tree)| tree.get(file).is_some()) {
        _ if is_own => anchors.get(file.as_str()).cloned(),
        Some((file, tree)) => anchors_of(tree).remove(file),
        None => {
            let remedy =
                "Link to a page of this text or of one that it `needs`, or delete the link";
            return wrong(format!("no file `{path}`"), remedy);
        }
    };
    let (Some(anchor), Some(known)) = (anchor, known) else { return Ok(()) };
    if known.contains(anchor) {
        return Ok(());
    }
    let remedy = match nearest(anchor, known.iter().map(String::as_str)) {
        Some(near) => format!("Write `#{near}`"),
        None => "Link to a heading that exists, or delete the link".to_owned(),
    };
    Err((format!("`{file}` has no heading `#{anchor}`"), remedy))
}

/// The scheme of an address.
fn scheme(target: &str) -> Option<&str> {
    let (scheme, _) = target.split_once(':')?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_part))
        .then_some(scheme)
}

/// The host of an address without its scheme, as a browser reads it.
fn host(rest: &str) -> String {
    let rest = rest.trim_start_matches(['/', '\\']);
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    host.trim_end_matches(['.', ',', ';', '!', '\'', '"', '*', '_']).to_lowercase()
}

/// The hosts in a text.
fn hosts(text: &str) -> BTreeSet<String> {
    static HOST: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"(?i)\b(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+|localhost)\b";
        Regex::new(pattern).expect("the pattern is a constant")
    });
    HOST.find_iter(text).map(|one| one.as_str().to_lowercase()).collect()
}

/// The path of a link from the tree's root; it begins with `..` above it.
fn resolve(file: &str, path: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." if !path.ends_with("/.") => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors of the pages of a tree, by file.
pub fn anchors_of(tree: &Tree) -> BTreeMap<String, BTreeSet<String>> {
    let pages = tree.iter().filter(|(path, _)| is_page_file(path.as_str()));
    let pages = pages.filter_map(|(path, _)| {
        let page = ProsePage::read(path.as_str(), tree.text(path.as_str())?);
        Some((path.to_string(), anchors(&page)))
    });
    pages.collect()
}

/// The anchors of a page: of its headings, as GitHub makes them, and of `<a id="…">`.
fn anchors(page: &ProsePage<'_>) -> BTreeSet<String> {
    let mut all = page.ids.clone();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for unit in page.units.iter().filter(|unit| unit.level > 0) {
        let title = unit.title.trim().to_lowercase();
        let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
        let slug: String = title.chars().filter(is_kept).collect();
        let slug = slug.replace(' ', "-");
        let count = counts.entry(slug.clone()).or_default();
        all.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    all
}
