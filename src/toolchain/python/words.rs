//! The names in Python code, without comments and strings.

use unicode_normalization::UnicodeNormalization;

/// Prefixes of strings.
const PREFIXES: [&str; 11] = ["r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"];

/// Every name and keyword with its line from 1, as the interpreter normalises them; those in
/// replacement fields of strings, too.
pub fn with_lines(text: &str) -> Vec<(String, u32)> {
    let mut lexer = Lexer { text: text.chars().collect(), at: 0, line: 1, found: Vec::new() };
    lexer.code(false);
    lexer.found
}

/// `raise NotImplementedError` replaces code that a model left out, unless it is in a file with
/// classes whose functions others write.
pub fn unwritten(path: &str, text: &str) -> Option<(&'static str, usize)> {
    if !path.ends_with(".py") || !text.contains("NotImplementedError") {
        return None;
    }
    let words = with_lines(text);
    if words.iter().any(|(word, _)| ["abstractmethod", "ABC", "Protocol"].contains(&word.as_str()))
    {
        return None;
    }
    let mut pairs = words.windows(2);
    let found = pairs.find(|two| two[0].0 == "raise" && two[1].0 == "NotImplementedError")?;
    Some(("raise NotImplementedError", usize::try_from(found[0].1).unwrap_or(1)))
}

struct Lexer {
    text: Vec<char>,
    at: usize,
    line: u32,
    found: Vec<(String, u32)>,
}

impl Lexer {
    fn next(&mut self) -> Option<char> {
        let c = self.text.get(self.at).copied()?;
        self.at += 1;
        self.line += u32::from(c == '\n');
        Some(c)
    }

    /// Reads code, in a replacement field to its end.
    fn code(&mut self, in_field: bool) {
        // Fields of strings in fields are on this stack, so that none is too deep.
        let mut depth = 0_usize;
        while let Some(c) = self.text.get(self.at).copied() {
            if c.is_alphabetic() || c == '_' {
                self.word();
                continue;
            }
            match c {
                '#' => {
                    while self.text.get(self.at).is_some_and(|c| *c != '\n') {
                        self.at += 1
                    }
                }
                '"' | '\'' => self.string(""),
                '{' | '[' | '(' => {
                    depth += 1;
                    self.next();
                }
                '}' if in_field && depth == 0 => return,
                '}' | ']' | ')' => {
                    depth = depth.saturating_sub(1);
                    self.next();
                }
                _ => drop(self.next()),
            }
        }
    }

    fn word(&mut self) {
        let (start, line) = (self.at, self.line);
        while self.text.get(self.at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
            self.at += 1;
        }
        let word: String = self.text[start..self.at].iter().collect();
        let prefix = word.to_lowercase();
        let quoted = self.text.get(self.at).is_some_and(|c| matches!(c, '"' | '\''));
        if quoted && PREFIXES.contains(&prefix.as_str()) {
            return self.string(&prefix);
        }
        self.found.push((word.nfkc().collect(), line));
    }

    fn string(&mut self, prefix: &str) {
        let Some(quote) = self.text.get(self.at).copied() else { return };
        let triple = self.text[self.at..].iter().take_while(|c| **c == quote).count() >= 3;
        let ends = if triple { 3 } else { 1 };
        self.at += ends;
        let has_fields = prefix.contains(['f', 't']);
        while let Some(c) = self.text.get(self.at).copied() {
            let rest = &self.text[self.at..];
            if rest.iter().take_while(|c| **c == quote).count() >= ends {
                self.at += ends;
                return;
            }
            if c == '\n' && !triple {
                return;
            }
            let doubled = rest.get(1) == Some(&c);
            self.next();
            match c {
                '\\' => drop(self.next()),
                '{' if has_fields && doubled => drop(self.next()),
                '{' if has_fields => self.code(true),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{unwritten, with_lines};

    fn words(text: &str) -> Vec<String> {
        with_lines(text).into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn names_are_found_where_the_interpreter_has_them() {
        for (text, expected) in [
            ("a = 1 # b\nc", vec!["a", "c"]),
            ("x = 'y' \"\"\"z\nz\"\"\" + r'\\'w", vec!["x"]),
            ("f'{a}{{b}}{c:>{d}} e' + f", vec!["a", "c", "d", "f"]),
            ("rf'''{g(\"h\")}\n{i}'''\nj", vec!["g", "i", "j"]),
            ("b'{a}' '{a}' eval", vec!["eval"]),
            ("\u{ff45}\u{ff56}al(1)", vec!["eval"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(with_lines("a\n'''\n'''\nb")[1], ("b".to_owned(), 4));
    }

    #[test]
    fn a_placeholder_is_code_and_no_text() {
        let code = "def f():\n    raise NotImplementedError('later')\n";
        assert_eq!(unwritten("src/a/b.py", code), Some(("raise NotImplementedError", 2)));
        assert_eq!(unwritten("src/a/b.py", "# raise NotImplementedError\n"), None);
        assert_eq!(unwritten("src/a/b.py", "try: f()\nexcept NotImplementedError: raise\n"), None);
    }
}
