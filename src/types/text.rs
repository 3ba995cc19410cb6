//! Text that others wrote: candidates, models, servers, callers, names of files. Before it is shown
//! or kept, it goes through here.

use super::limits;

/// Makes a text harmless for a terminal, a pipeline's log and a reader: what would be a command is
/// shown as its code point, `\u{1b}` for the escape character. Lines stay lines.
///
/// Doing it twice is the same as once.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        // A line that Windows ended.
        let line =
            if lines.peek().is_some() { line.strip_suffix('\r').unwrap_or(line) } else { line };
        push_line(&mut out, line);
        if lines.peek().is_some() {
            out.push('\n');
        }
    }
    out
}

/// The same for what must stay on one line: an end of a line is shown as `\n`.
pub fn visible_line(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

fn push_line(out: &mut String, line: &str) {
    let indent = line.len() - line.trim_start().len();
    for (count, (at, c)) in line.char_indices().enumerate() {
        if count == limits::SHOWN_COLUMNS {
            out.push_str(" […]");
            return;
        }
        // What GitHub's runner would take for a command of a step's.
        let command = (at == indent && line[at..].starts_with("::"))
            || (c == '#' && line[at..].starts_with("##["));
        if command || is_hidden(c) {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
}

/// Whether a character is a command to a terminal, or changes how its neighbours are read.
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
    fn commands_are_shown_and_text_stays() {
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
