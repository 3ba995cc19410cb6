//! The id of a spec: from its front matter, its file's name or its folder's.

use crate::types::{Problem, Spec, SpecId};

/// The id that the front matter gives, or else the file; any where there is none.
pub fn read(given: Option<String>, file: &str, problems: &mut Vec<Problem>) -> SpecId {
    let is_given = given.is_some();
    let text = given.unwrap_or_else(|| id_of(file));
    let id = SpecId::parse(&text).unwrap_or_else(|| "spec".into());
    if id != text {
        let message = if is_given || !text.is_empty() {
            format!("invalid spec id `{text}`")
        } else {
            "the file's name has no letters for an id".to_owned()
        };
        let help = "use lower-case letters, digits, `-` and `_`, a letter first: `id: my-spec`";
        problems.push(Problem::error("spec::id", message).help(help));
    }
    id
}

/// Names of files that do not say what they specify; their folder does.
const GENERAL: [&str; 4] = ["index", "readme", "requirements", "spec"];

/// A file's name without its extension.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether a file is not a spec: a README without clauses.
pub fn is_prose(spec: &Spec) -> bool {
    stem(&spec.file).eq_ignore_ascii_case("readme") && spec.clauses.is_empty()
}

/// The id from a file's name, or its folder's where the name is a general one.
fn id_of(file: &str) -> String {
    let stem = stem(file);
    let folder =
        file.rsplit('/').nth(1).filter(|folder| !["", ".", "..", "specs"].contains(folder));
    let is_general = GENERAL.iter().any(|name| stem.eq_ignore_ascii_case(name));
    let stem = folder.filter(|_| is_general).unwrap_or(stem);
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let id: String = stem.chars().map(|c| if inside(c) { c } else { '-' }).collect();
    let kept = stem.chars().filter(char::is_ascii_alphanumeric).count();
    // What is left of `ünï` names nothing.
    if stem.chars().filter(|c| !c.is_ascii() && c.is_alphanumeric()).count() >= kept.max(1) {
        return String::new();
    }
    let id = id.trim_matches('-').to_ascii_lowercase();
    if id.starts_with(|c: char| c.is_ascii_digit()) { format!("spec-{id}") } else { id }
}
