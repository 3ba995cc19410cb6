//! The names in code, without comments, strings and regular expressions.

/// Words behind which an expression begins, so that a `/` there is a regular expression.
const BEFORE: &str =
    "return typeof instanceof in of new delete void throw case do else await yield";

/// Characters of a regular expression.
const LONGEST: usize = 10_000;

/// Every name and keyword with its line from 1; those in the expressions of templates, too.
///
/// # Errors
/// A line can be read in two ways.
pub fn with_lines(text: &str) -> Result<Vec<(String, u32)>, String> {
    let words = tokens(text)?.into_iter().filter_map(|(token, line)| match token {
        ScriptToken::Word(word) => Some((word, line)),
        ScriptToken::Text(_) | ScriptToken::Sign(_) => None,
    });
    Ok(words.collect())
}

/// A part of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptToken {
    /// A name or keyword.
    Word(String),
    /// A string, or a template without expressions: what it means. `None` for the end of a template
    /// with expressions, which begins with a [`Self::Sign`].
    Text(Option<String>),
    /// Another sign.
    Sign(char),
}

/// Every token with its line from 1, without numbers and regular expressions.
///
/// # Errors
/// A line can be read in two ways.
pub fn tokens(text: &str) -> Result<Vec<(ScriptToken, u32)>, String> {
    let mut lexer = ScriptLexer {
        text: text.chars().collect(),
        // The first line of a program is for shells.
        at: if text.starts_with("#!") { text.find('\n').unwrap_or(text.len()) } else { 0 },
        line: 1,
        found: Vec::new(),
        open: Vec::new(),
        last: Last::Start,
        unquoted: 0,
    };
    lexer.code()?;
    Ok(lexer.found)
}

/// Where text is run as code: calls of `eval` and `Function`, and modules for it, with their lines.
///
/// # Errors
/// A line can be read in two ways.
pub fn evaluated(text: &str) -> Result<Vec<(String, u32)>, String> {
    use ScriptToken::{Sign, Text, Word};
    let tokens = tokens(text)?;
    let at = |place: Option<usize>| place.and_then(|at| tokens.get(at)).map(|(token, _)| token);
    let is_word = |place: Option<usize>, words: &[&str]| match at(place) {
        Some(Word(word)) => words.contains(&word.as_str()),
        _ => false,
    };
    let found = tokens.iter().enumerate().filter_map(|(place, (token, line))| {
        let (before, after) = (place.checked_sub(1), Some(place + 1));
        let name = match token {
            Word(name) if ["eval", "Function"].contains(&name.as_str()) => {
                let is_called = at(after) == Some(&Sign('(')) && at(before) != Some(&Sign('.'));
                is_called.then(|| name.clone())?
            }
            Text(Some(name)) => {
                let is_imported = is_word(before, &["from"])
                    || is_word(place.checked_sub(2), &["import", "require"]);
                let bare = name.strip_prefix("node:").unwrap_or(name);
                let is_code = ["vm", "worker_threads"].contains(&bare) || name.starts_with("data:");
                (is_imported && is_code).then(|| name.clone())?
            }
            Word(_) | Text(None) | Sign(_) => return None,
        };
        Some((name, *line))
    });
    Ok(found.collect())
}

/// `throw new Error("not implemented")` replaces code that a model left out.
pub fn unwritten(path: &str, text: &str) -> Option<(&'static str, usize)> {
    if !path.ends_with(".ts") && !path.ends_with(".js") {
        return None;
    }
    let left = ["not implemented", "unimplemented", "todo"];
    let is_left = |line: &str| {
        let line = line.trim_start().to_lowercase();
        let text = line.strip_prefix("throw new error(").unwrap_or_default();
        let text = text.trim_start_matches(['"', '\'', '`']);
        left.iter().any(|start| text.starts_with(start))
    };
    let at = text.lines().position(is_left)?;
    Some(("throw new Error(\"not implemented\")", at + 1))
}

/// What stands before a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// Nothing, or an operator: an expression begins.
    Start,
    /// A value: an operator follows.
    Value,
    /// The end of a block or of an object.
    Brace,
    /// A `.`: a name behind it is no keyword.
    Dot,
    /// A word behind which `(` … `)` stands before a statement.
    Condition,
}

/// An open bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// `(`, and whether a statement follows its end.
    Round(bool),
    /// `{` of code.
    Curly,
    /// `${` in a template.
    Template,
}

struct ScriptLexer {
    text: Vec<char>,
    at: usize,
    line: u32,
    found: Vec<(ScriptToken, u32)>,
    open: Vec<Open>,
    last: Last,
    /// The last line without quotes.
    unquoted: u32,
}

impl ScriptLexer {
    fn peek(&self, more: usize) -> Option<char> {
        self.text.get(self.at + more).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        self.line += u32::from(c == '\n');
        Some(c)
    }

    fn code(&mut self) -> Result<(), String> {
        while let Some(c) = self.peek(0) {
            match c {
                _ if c.is_alphabetic() || matches!(c, '_' | '$' | '\\') => self.word(),
                _ if c.is_ascii_digit() => self.number(),
                _ if c.is_whitespace() => drop(self.next()),
                '"' | '\'' => self.string(c),
                '`' => {
                    self.next();
                    self.template(Some(String::new()));
                }
                '/' => self.slash()?,
                _ => self.sign(c),
            }
        }
        Ok(())
    }

    fn number(&mut self) {
        while self.peek(0).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            self.next();
        }
        self.last = Last::Value;
    }

    /// A name; an escaped one counts as what it means.
    fn word(&mut self) {
        let (line, mut word) = (self.line, String::new());
        while let Some(c) = self.peek(0) {
            if c == '\\' {
                let Some(meant) = self.escape() else { break };
                word.push(meant);
            } else if c.is_alphanumeric() || matches!(c, '_' | '$' | '\u{200c}' | '\u{200d}') {
                word.push(c);
                self.next();
            } else {
                break;
            }
        }
        let is_member = self.last == Last::Dot;
        self.last = match word.as_str() {
            _ if is_member => Last::Value,
            "if" | "while" | "for" | "with" => Last::Condition,
            word if BEFORE.split(' ').any(|one| one == word) => Last::Start,
            _ => Last::Value,
        };
        if !word.is_empty() {
            self.found.push((ScriptToken::Word(word), line));
        }
    }

    /// `\u0041` or `\u{41}`. A `\` that is none is skipped.
    fn escape(&mut self) -> Option<char> {
        self.next();
        if self.peek(0) != Some('u') {
            return None;
        }
        self.next();
        let is_long = self.peek(0) == Some('{');
        let from = self.at + usize::from(is_long);
        let digits = self.text[from.min(self.text.len())..].iter();
        let most = if is_long { 6 } else { 4 };
        let digits: String = digits.take(most).take_while(|c| c.is_ascii_hexdigit()).collect();
        self.at = from + digits.len() + usize::from(is_long);
        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
    }

    /// What a `\\` in a text and the sign behind it mean.
    fn escaped(&mut self) -> Option<char> {
        match self.peek(0)? {
            'u' => {
                self.at -= 1;
                self.escape()
            }
            c => {
                self.next();
                match c {
                    'n' => Some('\n'),
                    't' => Some('\t'),
                    '\n' => None,
                    c => Some(c),
                }
            }
        }
    }

    fn string(&mut self, quote: char) {
        let (line, mut text) = (self.line, String::new());
        self.next();
        while let Some(c) = self.next() {
            match c {
                '\\' => text.extend(self.escaped()),
                _ if c == quote || c == '\n' => break,
                c => text.push(c),
            }
        }
        self.found.push((ScriptToken::Text(Some(text)), line));
        self.last = Last::Value;
    }

    /// A template to its end, or to an expression in it. `text` is what it means so far; `None`
    /// behind an expression.
    fn template(&mut self, mut text: Option<String>) {
        let line = self.line;
        while let Some(c) = self.next() {
            match c {
                '\\' => {
                    let meant = self.escaped();
                    text.iter_mut().for_each(|text| text.extend(meant));
                }
                '`' => {
                    self.found.push((ScriptToken::Text(text), line));
                    self.last = Last::Value;
                    return;
                }
                '$' if self.peek(0) == Some('{') => {
                    self.next();
                    if text.is_some() {
                        self.found.push((ScriptToken::Sign('`'), line));
                    }
                    self.open.push(Open::Template);
                    self.last = Last::Start;
                    return;
                }
                c => text.iter_mut().for_each(|text| text.push(c)),
            }
        }
    }

    fn slash(&mut self) -> Result<(), String> {
        match self.peek(1) {
            Some('/') => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
            }
            Some('*') => {
                self.at += 2;
                while self.peek(0).is_some()
                    && (self.peek(0), self.peek(1)) != (Some('*'), Some('/'))
                {
                    self.next();
                }
                self.at = (self.at + 2).min(self.text.len());
            }
            _ => {
                let end = if self.last == Last::Value { None } else { self.regex_end()? };
                match (self.last, end) {
                    (Last::Brace, Some(_)) if self.has_quote() => {
                        let line = self.line;
                        return Err(format!(
                            "line {line} can be read in two ways: give the regular expression a name"
                        ));
                    }
                    (Last::Start | Last::Condition | Last::Dot, Some(end)) => {
                        self.at = end;
                        self.last = Last::Value;
                    }
                    _ => self.sign('/'),
                }
            }
        }
        Ok(())
    }

    /// The end of a regular expression that begins here, in its line.
    fn regex_end(&self) -> Result<Option<usize>, String> {
        let mut in_class = false;
        let mut at = self.at + 1;
        while let Some(c) = self.text.get(at).filter(|c| **c != '\n') {
            match c {
                '\\' => at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => return Ok(Some(at + 1)),
                _ => {}
            }
            at += 1;
            if at - self.at > LONGEST {
                return Err(format!("line {} is too long to be read", self.line));
            }
        }
        Ok(None)
    }

    /// Whether a string could begin in the rest of the line.
    fn has_quote(&mut self) -> bool {
        let rest = self.text[self.at..].iter().take_while(|c| **c != '\n');
        let is_known = self.unquoted == self.line;
        let found = !is_known && rest.into_iter().any(|c| matches!(c, '"' | '\'' | '`'));
        self.unquoted = if found { 0 } else { self.line };
        found
    }

    fn sign(&mut self, c: char) {
        let line = self.line;
        self.next();
        let ends_expression = c == '}' && self.open.last() == Some(&Open::Template);
        if !ends_expression {
            self.found.push((ScriptToken::Sign(c), line));
        }
        self.last = match c {
            '(' => {
                self.open.push(Open::Round(self.last == Last::Condition));
                Last::Start
            }
            '{' => {
                self.open.push(Open::Curly);
                Last::Start
            }
            ')' => match self.open.pop() {
                Some(Open::Round(true)) => Last::Start,
                _ => Last::Value,
            },
            '}' if self.open.pop() == Some(Open::Template) => return self.template(None),
            '}' => Last::Brace,
            ']' => Last::Value,
            '.' => Last::Dot,
            // `value!`, and `value++`.
            '!' | '+' | '-' if self.last == Last::Value && self.is_behind(c) => Last::Value,
            _ => Last::Start,
        };
    }

    /// Whether the sign that was read belongs to the value before it.
    fn is_behind(&mut self, c: char) -> bool {
        if c == '!' {
            return self.peek(0) != Some('=');
        }
        let is_double = self.peek(0) == Some(c);
        self.at += usize::from(is_double);
        is_double
    }
}

#[cfg(test)]
mod tests {
    use super::{unwritten, with_lines};

    fn words(text: &str) -> Vec<String> {
        with_lines(text).expect("is read").into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn names_are_found_where_the_interpreter_has_them() {
        for (text, expected) in [
            ("a = 1; // b\nc /* d */", vec!["a", "c"]),
            ("x = 'y' + \"z\\\"w\"", vec!["x"]),
            ("`a${b + `c${d}e`}f` + g", vec!["b", "d", "g"]),
            ("`${ { a: `b` } }` + c", vec!["a", "c"]),
            ("x = /\"/.test(y); eval(z)", vec!["x", "test", "y", "eval", "z"]),
            ("x = /[/\"]/; y", vec!["x", "y"]),
            ("(a + b) / 2; eval('/')", vec!["a", "b", "eval"]),
            ("if (a) /\"/.test(b); eval('')", vec!["if", "a", "test", "b", "eval"]),
            ("x.if(a) / 2 + \"/\" + eval", vec!["x", "if", "a", "eval"]),
            ("a[0]! / b / \"c\".length", vec!["a", "b", "length"]),
            ("i++ / 2 + '/' + b", vec!["i", "b"]),
            ("return /'/", vec!["return"]),
            ("\\u0065val(1), \\u{65}val", vec!["eval", "eval"]),
            ("let é = 0x1f", vec!["let", "é"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(with_lines("a\n`\n`\nb").expect("is read")[1], ("b".to_owned(), 4));
        assert!(with_lines("{} /'/; a('/')").is_err());
        assert!(with_lines("x = {} / 2").is_ok());
        // No line takes long.
        assert!(with_lines(&"=/[".repeat(300_000)).is_err());
        assert!(with_lines(&"}/x/".repeat(300_000)).is_ok());
    }

    #[test]
    fn a_placeholder_is_code_and_no_text() {
        let code = "function f() {\n  throw new Error(\"Not implemented yet\");\n}\n";
        assert_eq!(unwritten("src/a.ts", code).map(|found| found.1), Some(2));
        assert_eq!(unwritten("src/a.ts", "// throw new Error('todo')\n"), None);
        assert_eq!(unwritten("src/a.ts", "throw new Error(`bad: ${x}`)\n"), None);
    }
}
