//! The id of a spec: from its front matter, or its file's path in the folder of specs.

use crate::types::{Problem, SpecId};

/// The id that the front matter gives, or else the file; any where there is none. `file` is the
/// path in the folder of specs.
pub fn read(given: Option<String>, file: &str, problems: &mut Vec<Problem>) -> SpecId {
    let is_given = given.is_some();
    let text = given.unwrap_or_else(|| id_of(file));
    let id = SpecId::parse(&text).unwrap_or_else(|| "spec".into());
    if id != text {
        let message = if is_given || !text.is_empty() {
            format!("invalid spec id `{text}`")
        } else {
            "the name of the file or of a folder has no letters for an id".to_owned()
        };
        let help = "use lower-case letters, digits, `-` and `_`, a letter first, and `/` between \
                    folders, at most 64: `id: my-spec`";
        problems.push(Problem::error("spec::id", message).help(help));
    }
    id
}

/// Names of files that do not say what they specify; their folder does.
const GENERAL: [&str; 3] = ["index", "requirements", "spec"];

/// A file's name without its extension.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether a file is not a spec, but a README.
pub fn is_readme(file: &str) -> bool {
    stem(file).eq_ignore_ascii_case("readme")
}

/// A file's path in the folder of specs.
pub fn below<'a>(folder: &str, file: &'a str) -> &'a str {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or(file)
}

/// The id from a file's path; without the file's name where that is a general one.
fn id_of(file: &str) -> String {
    let (folders, _) = file.rsplit_once('/').unwrap_or(("", file));
    let folders = folders.split('/').filter(|folder| !["", ".", ".."].contains(folder));
    let mut names: Vec<&str> = folders.chain([stem(file)]).collect();
    let is_general = GENERAL.iter().any(|name| stem(file).eq_ignore_ascii_case(name));
    if is_general && names.len() > 1 {
        names.pop();
    }
    let names: Vec<String> = names.into_iter().map(name_of).collect();
    if names.contains(&String::new()) { String::new() } else { names.join("/") }
}

/// A name as a part of an id; empty where too little is left of it.
fn name_of(text: &str) -> String {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = text.chars().map(|c| if inside(c) { c } else { '-' }).collect();
    let kept = text.chars().filter(char::is_ascii_alphanumeric).count();
    // What is left of `ünï` names nothing.
    if text.chars().filter(|c| !c.is_ascii() && c.is_alphanumeric()).count() >= kept.max(1) {
        return String::new();
    }
    let name = name.trim_matches('-').to_ascii_lowercase();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("spec-{name}") } else { name }
}
