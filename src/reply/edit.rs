//! `EDIT` blocks: search and replace in a long file.

use crate::types::limits::EDIT_LINES;

const SEARCH: &str = "<<<<<<< SEARCH";
const MIDDLE: &str = "=======";
const REPLACE: &str = ">>>>>>> REPLACE";

/// Applies the blocks to a text: by exact match, else ignoring white space.
pub fn apply(text: &str, blocks: &str) -> Result<String, String> {
    if text.lines().count() < EDIT_LINES {
        return Err(format!(
            "EDIT is for files of {EDIT_LINES} lines or more; send the whole file"
        ));
    }
    let mut text = text.to_owned();
    let mut rest = blocks;
    let mut count = 0;
    while let Some((_, behind)) = rest.split_once(SEARCH) {
        let form = || format!("an EDIT block consists of `{SEARCH}`, `{MIDDLE}`, `{REPLACE}`");
        let (search, behind) = behind.split_once(MIDDLE).ok_or_else(form)?;
        let (replace, behind) = behind.split_once(REPLACE).ok_or_else(form)?;
        text = one(&text, inside(search), inside(replace))?;
        rest = behind;
        count += 1;
    }
    if count == 0 { Err("EDIT has no SEARCH block".to_owned()) } else { Ok(text) }
}

fn inside(part: &str) -> &str {
    part.strip_prefix('\n').unwrap_or(part)
}

fn one(text: &str, search: &str, replace: &str) -> Result<String, String> {
    match text.matches(search).count() {
        1 => return Ok(text.replacen(search, replace, 1)),
        0 => {}
        many => return Err(format!("the SEARCH text occurs {many} times; quote more lines")),
    }
    let wanted: Vec<_> = search.lines().map(str::trim).collect();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let windows = lines.windows(wanted.len().max(1)).enumerate();
    let same = |window: &[&str]| window.iter().map(|l| l.trim()).eq(wanted.iter().copied());
    let found: Vec<_> = windows.filter(|(_, window)| same(window)).map(|(i, _)| i).collect();
    match found.as_slice() {
        [at] => {
            let behind = lines[at + wanted.len()..].concat();
            Ok(lines[..*at].concat() + replace + &behind)
        }
        [] => Err("the SEARCH text is not in the file; quote its lines exactly".to_owned()),
        many => Err(format!("the SEARCH text occurs {} times; quote more lines", many.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn edits_match_exactly_then_loosely_then_fail() {
        let file: String = (0..500).map(|i| format!("    line {i}\n")).collect();
        let edit = |s: &str| format!("<<<<<<< SEARCH\n{s}\n=======\nnew\n>>>>>>> REPLACE\n");
        assert!(apply(&file, &edit("    line 42")).expect("exact").contains("41\nnew\n"));
        assert!(apply(&file, &edit("line 42\n line 43")).expect("loose").contains("41\nnew\n"));
        assert!(apply(&file, &edit("no such")).is_err());
        assert!(apply(&file.repeat(2), &edit("    line 1")).is_err(), "ambiguous");
        assert!(apply("short", &edit("short")).is_err());
    }
}
