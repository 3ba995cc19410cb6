//! Lines of Python code, without the content of strings.

use std::ops::Range;

/// A logical line: one statement, or the head of one with a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogicalLine {
    /// The columns before it.
    pub indent: usize,
    /// Its code in one line, without comments and the content of strings.
    pub code: String,
    /// The physical lines that it is written in, from 0.
    pub lines: Range<usize>,
}

impl LogicalLine {
    /// Notes the physical line of its first character.
    fn begin(&mut self, is_new: bool, physical: usize) {
        if is_new {
            self.lines.start = physical;
        }
    }
}

/// Where a text is at a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    Comment,
    /// The quote, and whether there are three.
    Text(char, bool),
}

/// The logical lines of a text, and the physical lines that begin inside of a string, from 0.
pub fn read(text: &str) -> (Vec<LogicalLine>, Vec<usize>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut lines, mut inner) = (Vec::new(), Vec::new());
    let (mut now, mut is_new, mut depth) = (LogicalLine::default(), true, 0_usize);
    let (mut inside, mut at, mut physical) = (Inside::Code, 0, 0);
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        if c == '\n' {
            physical += 1;
        }
        match inside {
            Inside::Comment if c != '\n' => continue,
            Inside::Text(quote, triple) => {
                let ends = chars[at - 1..].iter().take(3).filter(|one| **one == quote).count();
                match c {
                    '\\' => {
                        physical += usize::from(chars.get(at) == Some(&'\n'));
                        at += 1;
                    }
                    '\n' if triple => inner.push(physical),
                    '\n' => inside = Inside::Code,
                    _ if c == quote && !triple => inside = Inside::Code,
                    _ if c == quote && ends == 3 => {
                        at += 2;
                        inside = Inside::Code;
                    }
                    _ => {}
                }
                if inside != Inside::Code || c != '\n' {
                    continue;
                }
            }
            Inside::Code | Inside::Comment => inside = Inside::Code,
        }
        match c {
            '#' => inside = Inside::Comment,
            '\n' if depth == 0 => {
                now.lines.end = physical;
                lines.push(std::mem::take(&mut now));
                is_new = true;
            }
            '\\' if chars.get(at) == Some(&'\n') => {
                physical += 1;
                at += 1;
            }
            '"' | '\'' => {
                let triple = chars[at..].iter().take_while(|one| **one == c).count() >= 2;
                at += if triple { 2 } else { 0 };
                now.begin(is_new, physical);
                inside = Inside::Text(c, triple);
                (now.code, is_new) = (now.code + "\"\"", false);
            }
            ' ' | '\t' | '\u{c}' if is_new => now.indent += 1,
            _ => {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                now.begin(is_new, physical);
                is_new = false;
                now.code.push(if c == '\n' { ' ' } else { c });
            }
        }
    }
    now.lines.end = physical + 1;
    lines.push(now);
    lines.retain(|line| !line.code.is_empty());
    (lines, inner)
}

/// The code of each logical line.
pub fn code(text: &str) -> Vec<String> {
    read(text).0.into_iter().map(|line| line.code).collect()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn statements_are_found_around_strings_brackets_and_comments() {
        let text =
            "a = [1,\n  2] # def x\n'''\ndef no():\n'''\nif b:\n    c = 'it\\'s' \\\n  + \"#\"\n\n";
        let (lines, inner) = read(text);
        let shown: Vec<_> = lines.iter().map(|line| (line.indent, line.code.trim())).collect();
        let code = "c = \"\"   + \"\"";
        assert_eq!(shown, [(0, "a = [1,   2]"), (0, "\"\""), (0, "if b:"), (4, code)]);
        assert_eq!(inner, [3, 4]);
        assert_eq!(read("x = 'open\ny").0.len(), 2);
        assert_eq!(read("\"\"\"open\ny").1, [1]);
    }
}
