//! Parses the four formats of a reply.

use super::rules::{CONFLICT, ReplyRules};

/// One change of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    Write(String, String),
    Delete(String),
    Edit(String, String),
}

/// The result of a reader.
#[derive(Debug, Default)]
pub struct FoundFile {
    pub changes: Vec<FileChange>,
    pub conflict: Option<(String, String)>,
    pub reader: &'static str,
    /// How many files its last line counts.
    pub announced: Option<usize>,
}

/// Tries the readers in order. The error describes the problem of the format.
pub fn read(text: &str, finished: bool, rules: &ReplyRules) -> Result<FoundFile, String> {
    let text = text.replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Err("the answer is empty".to_owned());
    }
    if let Some(found) = primary(&text, finished)? {
        return Ok(found);
    }
    let fences = fences(&text);
    let named: Vec<_> = fences
        .iter()
        .filter_map(|f| Some(FileChange::Write(f.path.clone()?, f.text.clone())))
        .collect();
    if !named.is_empty() {
        return Ok(FoundFile { changes: named, reader: "fences", ..FoundFile::default() });
    }
    if let Some(changes) = json(&text) {
        let conflict = changes.iter().find_map(|change| match change {
            FileChange::Write(path, text) if path == CONFLICT => {
                let (clause, why) = text.trim().split_once(char::is_whitespace)?;
                Some((clause.to_owned(), why.trim().to_owned()))
            }
            _ => None,
        });
        return Ok(FoundFile { changes, conflict, reader: "json", announced: None });
    }
    match fences.as_slice() {
        [fence] if fence.closed || finished => {
            let path = rules.root.to_string();
            let change = FileChange::Write(path, fence.text.clone());
            Ok(FoundFile { changes: vec![change], reader: "single", ..FoundFile::default() })
        }
        _ => Err("the answer has no `### FILE: <path>` followed by a fenced file".to_owned()),
    }
}

/// Whether a text is complete by itself.
pub fn is_whole(text: &str) -> bool {
    let text = text.replace("\r\n", "\n");
    match primary(&text, false) {
        Ok(Some(found)) => found.announced.is_some(),
        Ok(None) => text.trim_end_matches(['`', '\n', ' ']).ends_with('}') && json(&text).is_some(),
        Err(_) => false,
    }
}

/// The requested format; `None` if no line of it is present.
fn primary(text: &str, finished: bool) -> Result<Option<FoundFile>, String> {
    let mut found = FoundFile { reader: "files", ..FoundFile::default() };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((word, rest)) = directive(line) else { continue };
        match word {
            "FILE" | "EDIT" => {
                while lines.next_if(|line| line.trim().is_empty()).is_some() {}
                let open = lines.next().and_then(|line| fence_of(line, 3));
                let Some((mark, count, _)) = open else {
                    return Err(format!("`### {word}: {rest}` is not followed by a fence"));
                };
                let (body, closed) = body(&mut lines, mark, count);
                let last = finished && lines.peek().is_none();
                if !closed && !last {
                    return Err(format!("the fence of `{rest}` is not closed"));
                }
                found.changes.push(match word {
                    "FILE" => FileChange::Write(rest.to_owned(), body),
                    _ => FileChange::Edit(rest.to_owned(), body),
                });
                if mark == '`' {
                    found.reader = "files-backticks";
                }
            }
            "DELETE" => found.changes.push(FileChange::Delete(rest.to_owned())),
            "CONFLICT" => {
                let (clause, why) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                found.conflict = Some((clause.trim_matches('`').to_owned(), why.trim().to_owned()));
            }
            _ => found.announced = rest.split_whitespace().next().and_then(|n| n.parse().ok()),
        }
    }
    if found.changes.is_empty() && found.conflict.is_none() {
        return Ok(None);
    }
    match found.announced {
        Some(count) if found.conflict.is_none() && found.changes.len() < count => {
            Err(format!("DONE announces {count} files, the answer has {}", found.changes.len()))
        }
        _ => Ok(Some(found)),
    }
}

/// `### WORD: rest`, without quotes around the path.
fn directive(line: &str) -> Option<(&'static str, &str)> {
    let rest = line.trim().trim_matches('*').trim().strip_prefix("###")?.trim_start();
    let (word, rest) = rest.split_once(':')?;
    let known = ["FILE", "EDIT", "DELETE", "CONFLICT", "DONE"];
    let word = known.into_iter().find(|k| *k == word.trim())?;
    let rest = rest.trim();
    let quoted = rest.len() > 1 && rest.starts_with('`') && rest.ends_with('`');
    Some((word, if quoted { rest.trim_matches('`') } else { rest }))
}

/// A fence's mark, length and info string.
fn fence_of(line: &str, least: usize) -> Option<(char, usize, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| matches!(c, '~' | '`'))?;
    let count = line.chars().take_while(|c| *c == mark).count();
    (count >= least).then(|| (mark, count, line[count..].trim()))
}

/// The lines up to the closing fence, and whether there was one.
fn body<'a>(lines: &mut impl Iterator<Item = &'a str>, mark: char, count: usize) -> (String, bool) {
    let mut body = String::new();
    for line in lines {
        if matches!(fence_of(line, count), Some((m, _, "")) if m == mark) {
            return (body, true);
        }
        body.push_str(line);
        body.push('\n');
    }
    (body, false)
}

struct Fence {
    path: Option<String>,
    text: String,
    closed: bool,
}

/// Every fenced block whose path is in its info string or on the line before.
fn fences(text: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut before = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((mark, count, info)) = fence_of(line, 3) {
            let path = info.split([' ', ':', '=', ',']).find_map(path_like);
            let path = path.or_else(|| before.split_whitespace().rev().find_map(path_like));
            let (text, closed) = body(&mut lines, mark, count);
            fences.push(Fence { path, text, closed });
            before = "";
        } else if !line.trim().is_empty() {
            before = line;
        }
    }
    fences
}

/// A path to a file: `src/lib.rs`, `setup.toml`; not `rust` or `v1.2`.
fn path_like(word: &str) -> Option<String> {
    let word = word.trim_matches(['`', '*', '"', '\'', ':', '(', ')', '#', ',']);
    let (stem, extension) = word.rsplit_once('.')?;
    let letters = !extension.is_empty()
        && extension.len() <= 5
        && extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.chars().all(|c| c.is_ascii_alphanumeric());
    let plain = word.chars().all(|c| c.is_alphanumeric() || "/._-\\".contains(c));
    (letters && plain && !stem.is_empty()).then(|| word.to_owned())
}

/// One JSON object with `files`: a map from path to text, or a list of `path` and `content`.
fn json(text: &str) -> Option<Vec<FileChange>> {
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    let value: serde_json::Value = serde_json::from_str(text.get(start..=end)?).ok()?;
    let write = |path: &str, text: &serde_json::Value| {
        Some(FileChange::Write(path.to_owned(), text.as_str()?.to_owned()))
    };
    match value.get("files")? {
        serde_json::Value::Object(files) if !files.is_empty() => {
            files.iter().map(|(path, text)| write(path, text)).collect()
        }
        serde_json::Value::Array(files) if !files.is_empty() => {
            files.iter().map(|f| write(f.get("path")?.as_str()?, f.get("content")?)).collect()
        }
        _ => None,
    }
}
