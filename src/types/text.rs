//! Makes untrusted text (of candidates, models, servers, callers, file names) safe to show or keep.

use super::limits;

/// Makes a text safe for a terminal, a CI log and a reader: control characters are shown as code
/// points, `\u{1b}` for the escape character. Line ends stay. Idempotent.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        // A Windows line end (CRLF).
        let line =
            if lines.peek().is_some() { line.strip_suffix('\r').unwrap_or(line) } else { line };
        push_line(&mut out, line);
        if lines.peek().is_some() {
            out.push('\n');
        }
    }
    out
}

/// The same on one line: a line end is shown as `\n`.
pub fn visible_line(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

/// The beginning of a text: at most so many characters.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A count with its noun: `1 file`, `2 files`.
pub fn counted(count: impl std::fmt::Display, noun: &str) -> String {
    let count = count.to_string();
    let s = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{s}")
}

fn push_line(out: &mut String, line: &str) {
    let indent = line.len() - line.trim_start().len();
    for (count, (at, c)) in line.char_indices().enumerate() {
        if count == limits::SHOWN_COLUMNS {
            out.push_str(" […]");
            return;
        }
        // A workflow command of GitHub's runner: `::…` or `##[…`.
        let command = (at == indent && line[at..].starts_with("::"))
            || (c == '#' && line[at..].starts_with("##["));
        if command || is_hidden(c) {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
}

/// Whether a character controls a terminal, is invisible, or reorders its neighbours.
pub fn is_hidden(c: char) -> bool {
    let turns_or_hides = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    (c.is_control() && c != '\t') || turns_or_hides
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_line};
    use crate::types::limits;

    #[test]
    fn control_characters_are_escaped_and_text_is_unchanged() {
        for (text, shown) in [
            ("plain ä 漢 \t👩\u{fe0f}\nnext", "plain ä 漢 \t👩\u{fe0f}\nnext"),
            ("\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}"),
            ("\x1bc", "\\u{1b}c"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("good\rbad", "good\\u{d}bad"),
            ("one\r\ntwo", "one\ntwo"),
            ("a\u{202e}b\u{2066}c\u{200b}d", "a\\u{202e}b\\u{2066}c\\u{200b}d"),
            ("a\n  ::set-output name=x::y", "a\n  \\u{3a}:set-output name=x::y"),
            ("x ##[error]y", "x \\u{23}#[error]y"),
            ("spec::lint: fine", "spec::lint: fine"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(&visible(text)), shown, "twice is once");
        }
        assert_eq!(visible_line("a\nb"), "a\\nb");
        let long = "x".repeat(limits::SHOWN_COLUMNS + 1);
        assert!(visible(&long).ends_with("x […]"));
        assert_eq!(visible(&visible(&long)).chars().count(), limits::SHOWN_COLUMNS + 4);
    }
}
