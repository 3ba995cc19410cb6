//! `EDIT` blocks: search and replace in a long file.

use crate::types::limits::EDIT_LINES;

const SEARCH: &str = "<<<<<<< SEARCH";
const MIDDLE: &str = "=======";
const REPLACE: &str = ">>>>>>> REPLACE";
/// What looking at a line costs beside its bytes.
const LINE: usize = 16;

/// Applies the blocks to a text: by exact match, else ignoring white space. `steps` are
/// the bytes that may still be looked at.
pub fn apply(text: &str, blocks: &str, steps: &mut usize) -> Result<String, String> {
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
        text = one(&text, inside(search), inside(replace), steps)?;
        rest = behind;
        count += 1;
    }
    if count == 0 { Err("EDIT has no SEARCH block".to_owned()) } else { Ok(text) }
}

fn inside(part: &str) -> &str {
    part.strip_prefix('\n').unwrap_or(part)
}

fn take(steps: &mut usize, bytes: usize) -> Result<(), String> {
    let left = steps.checked_sub(bytes);
    *steps = left.ok_or("its EDIT blocks take too long to find: send the file whole")?;
    Ok(())
}

fn one(text: &str, search: &str, replace: &str, steps: &mut usize) -> Result<String, String> {
    take(steps, text.len())?;
    match text.matches(search).count() {
        1 => return Ok(text.replacen(search, replace, 1)),
        0 => {}
        many => return Err(format!("the SEARCH text occurs {many} times; quote more lines")),
    }
    let wanted: Vec<_> = search.lines().map(str::trim).collect();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let mut found = Vec::new();
    for (at, window) in lines.windows(wanted.len().max(1)).enumerate() {
        let pairs = window.iter().zip(&wanted);
        let same = pairs.take_while(|(line, wanted)| line.trim() == **wanted).count();
        take(steps, window.iter().take(same + 1).map(|line| line.len() + LINE).sum())?;
        if same == wanted.len() {
            found.push(at);
        }
    }
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
    use crate::types::limits::EDIT_STEPS;

    #[test]
    fn edits_match_exactly_then_loosely_then_fail() {
        let file: String = (0..500).map(|i| format!("    line {i}\n")).collect();
        let edit = |s: &str| format!("<<<<<<< SEARCH\n{s}\n=======\nnew\n>>>>>>> REPLACE\n");
        let apply = |text: &str, blocks: &str| apply(text, blocks, &mut { EDIT_STEPS });
        assert!(apply(&file, &edit("    line 42")).expect("exact").contains("41\nnew\n"));
        assert!(apply(&file, &edit("line 42\n line 43")).expect("loose").contains("41\nnew\n"));
        assert!(apply(&file, &edit("no such")).is_err());
        assert!(apply(&file.repeat(2), &edit("    line 1")).is_err(), "ambiguous");
        assert!(apply("short", &edit("short")).is_err());
    }

    #[test]
    fn what_is_looked_at_has_an_end() {
        let edit = |s: &str| format!("<<<<<<< SEARCH\n{s}\n=======\n{s}\n>>>>>>> REPLACE\n");
        let file: String = (0..500).map(|i| format!("    line {i}\n")).collect();
        // So many edits, each of which finds its place at once.
        let (blocks, mut steps) = (edit("    line 42").repeat(10), 10 * file.len());
        assert_eq!(apply(&file, &blocks, &mut steps).as_deref(), Ok(&*file));
        let mut steps = 10 * file.len() - 1;
        assert!(apply(&file, &blocks, &mut steps).expect_err("is too much").contains("too long"));
        // One that is nearly everywhere, as far as its last line.
        let file = " //\n".repeat(100_000);
        let block = edit(&format!("{}x", "//\n".repeat(50_000)));
        let why = apply(&file, &block, &mut { EDIT_STEPS }).expect_err("is too much");
        assert!(why.contains("too long"), "{why}");
    }
}
