//! Console examples: transcripts of commands and their output.
//!
//! The commands run in a fresh folder: in Rust in a sealed test that prints their output, otherwise
//! without any test. The output is compared with the transcript outside of the candidate's reach.

use serde::{Deserialize, Serialize};

/// One command of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleStep {
    /// The line, without its prompt.
    command: String,
    /// Its arguments, without the program.
    pub args: Vec<String>,
    /// The content of its here-document.
    pub input: Option<String>,
    /// Whether standard error is part of the expected output: `2>&1`.
    merged: bool,
    status: i32,
    expected: String,
}

/// Characters that are special in a shell, unless quoted.
const SHELL: [char; 11] = ['|', '&', ';', '<', '>', '`', '$', '*', '(', ')', '#'];

/// Parses a transcript of a program. The error has its line in it, from 0.
pub fn parse(code: &str, program: &str) -> Result<Vec<ConsoleStep>, (String, usize)> {
    let mut steps = Vec::new();
    let mut lines = code.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |message: &str| (message.to_owned(), number);
        let command = line
            .strip_prefix("$ ")
            .ok_or_else(|| wrong("a transcript must begin with `$ <program> <arguments>`"))?;
        let mut words = shlex::split(command).ok_or_else(|| wrong("unclosed quote"))?;
        let bare = unquoted(command);
        let bare: Vec<&str> = bare.split_whitespace().collect();
        if bare.len() != words.len() {
            return Err(wrong("`#` begins a comment; quote it"));
        }
        let (mut here, mut merged) = (None, false);
        for at in (0..bare.len()).rev() {
            let end = bare[at].strip_prefix("<<").filter(|end| !end.starts_with(['<', '-']));
            match end {
                _ if bare[at] == "2>&1" => (merged, _) = (true, words.remove(at)),
                Some("") => return Err(wrong("write `<<END` as one word")),
                Some(_) if here.is_none() => here = Some(words.remove(at)),
                _ => {
                    if let Some(c) = bare[at].chars().find(|c| SHELL.contains(c)) {
                        let message = format!(
                            "`{c}`: transcripts support only `2>&1` and `<<END`; quote other characters"
                        );
                        return Err((message, number));
                    }
                }
            }
        }
        let input = match here {
            None => None,
            Some(word) => {
                let end = word.trim_start_matches("<<");
                Some(document(&mut lines, end).ok_or_else(|| {
                    (format!("the here-document has no closing line `{end}`"), number)
                })?)
            }
        };
        if words.first().is_none_or(|first| first != program) {
            return Err((format!("the command must start with `{program}`"), number));
        }
        let mut status = 0;
        if let Some((number, line)) = lines.next_if(|(_, line)| line.starts_with("? ")) {
            let text = line[2..].trim();
            status =
                text.parse().map_err(|_| (format!("`{line}`: write `? <exit status>`"), number))?;
        }
        let mut expected = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.starts_with("$ ")) {
            expected.push(if ["…", "..."].contains(&line.trim()) { "..." } else { line });
        }
        steps.push(ConsoleStep {
            command: command.to_owned(),
            args: words.split_off(1),
            input,
            merged,
            status,
            expected: expected.join("\n").trim_end().to_owned(),
        });
    }
    if steps.is_empty() { Err(("the transcript has no command".to_owned(), 0)) } else { Ok(steps) }
}

/// A command with quoted characters replaced by letters.
fn unquoted(command: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    let mask = |c: char| {
        let inside = quote.is_some() || escaped;
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            _ => {}
        }
        if inside || quote.is_some() || escaped { 'q' } else { c }
    };
    command.chars().map(mask).collect()
}

/// The lines of a here-document, including the last, without the shell's prompt before each.
fn document<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, end: &str) -> Option<String> {
    let bare = |line: &'a str| line.strip_prefix("> ").or_else(|| line.strip_prefix('>'));
    let mut found = Vec::new();
    for (_, line) in lines {
        let prompted = bare(line) == Some(end);
        if line == end || prompted {
            let line = |line: &&'a str| if prompted { bare(line).unwrap_or(line) } else { line };
            return Some(found.iter().map(|one| format!("{}\n", line(one))).collect());
        }
        found.push(line);
    }
    None
}

/// A command's exit status, standard output and standard error.
pub type StepOutput = (String, String, String);

/// Compares the results of the commands with the transcript.
///
/// # Errors
/// The first difference, for people.
pub fn compare(steps: &[ConsoleStep], told: &[StepOutput]) -> Result<(), String> {
    for (at, step) in steps.iter().enumerate() {
        let Some((status, out, errors)) = told.get(at) else {
            return Err(format!("$ {}\nit did not run", step.command));
        };
        step.compare(status, out, errors)?;
    }
    Ok(())
}

impl ConsoleStep {
    /// Whether a program that does nothing fits.
    pub fn is_silent(&self) -> bool {
        self.status == 0 && fits(&self.expected.lines().collect::<Vec<_>>(), &[])
    }

    /// What happened in place of it, for people.
    pub fn shown(&self, what: &str) -> String {
        format!("$ {}\nit {what}", self.command)
    }

    fn compare(&self, status: &str, out: &str, errors: &str) -> Result<(), String> {
        let shown = if self.merged { format!("{out}{errors}") } else { out.to_owned() };
        let actual: Vec<&str> = shown.trim_end().lines().map(str::trim_end).collect();
        let expected: Vec<&str> = self.expected.lines().map(str::trim_end).collect();
        if status == self.status.to_string() && fits(&expected, &actual) {
            return Ok(());
        }
        let mut why = format!("$ {}\nexpected, with exit status {}:\n", self.command, self.status);
        why += &format!("{}\ngot, with exit status {status}:\n", self.expected);
        why += &actual.join("\n");
        if !self.merged && !errors.is_empty() {
            why += &format!("\nand on standard error:\n{}", errors.trim_end());
        }
        Err(why)
    }
}

/// Whether lines fit a pattern, in which a line `...` is any lines.
fn fits(pattern: &[&str], lines: &[&str]) -> bool {
    let (mut at, mut line) = (0, 0);
    // The last `...`, and the line up to which it reaches.
    let mut any: Option<(usize, usize)> = None;
    while line < lines.len() {
        match pattern.get(at) {
            Some(&"...") => {
                any = Some((at, line));
                at += 1;
            }
            Some(one) if line_fits(one, lines[line]) => (at, line) = (at + 1, line + 1),
            _ => {
                let Some((start, reach)) = &mut any else { return false };
                *reach += 1;
                (at, line) = (*start + 1, *reach);
            }
        }
    }
    pattern[at..].iter().all(|one| *one == "...")
}

/// Whether a line fits a pattern, in which `[..]` is any text.
fn line_fits(pattern: &str, line: &str) -> bool {
    let Some((first, rest)) = pattern.split_once(ANY) else { return pattern == line };
    let Some(mut line) = line.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once(ANY).unwrap_or(("", rest));
    for part in middle.split(ANY) {
        let Some(at) = line.find(part) else { return false };
        line = &line[at + part.len()..];
    }
    line.ends_with(last)
}

/// Any text within a line.
const ANY: &str = "[..]";

#[cfg(test)]
mod tests {
    use super::{StepOutput, compare, parse};

    fn told(status: &str, out: &str, errors: &str) -> StepOutput {
        (status.to_owned(), out.to_owned(), errors.to_owned())
    }

    fn holds(code: &str, said: &[StepOutput]) -> bool {
        compare(&parse(code, "s").expect("is right"), said).is_ok()
    }

    #[test]
    fn commands_have_input_status_and_errors() {
        let code =
            "$ s 'a b' <<END c\none\n  two\nEND\n? 2\nno\n\n$ s <<'E' 2>&1\n> x\n>\n> E\nout\n";
        let steps = parse(code, "s").expect("is right");
        assert_eq!(steps[0].args, ["a b", "c"]);
        assert_eq!(steps[0].input.as_deref(), Some("one\n  two\n"));
        assert_eq!((steps[0].status, steps[0].expected.as_str()), (2, "no"));
        assert_eq!(steps[1].input.as_deref(), Some("x\n\n"));
        assert!(steps[1].merged && steps[1].args.is_empty());
        let quoting = parse("$ s <<E\n> quoted\nplain\nE\n", "s").expect("is right");
        assert_eq!(quoting[0].input.as_deref(), Some("> quoted\nplain\n"));
    }

    #[test]
    fn invalid_transcripts_are_reported_with_their_line() {
        for (code, line) in [
            ("s a", 0),
            ("$ rm -rf /", 0),
            ("$ s\nx\n$ s 'a", 2),
            ("$ s | wc", 0),
            ("$ s a|wc", 0),
            ("$ s > file", 0),
            ("$ s 2>/dev/null", 0),
            ("$ s a; s", 0),
            ("$ s $HOME", 0),
            ("$ s # 2>&1", 0),
            ("$ s *.x", 0),
            ("$ s <<-E\nE", 0),
            ("$ s <<E\nx", 0),
            ("$ s << E\nx\nE", 0),
            ("$ s\n? no", 1),
            ("\n", 0),
        ] {
            assert_eq!(parse(code, "s").map_err(|(_, line)| line), Err(line), "{code}");
        }
        let quoted = parse("$ s '|' 'a > b' \"$x\" a\\|b '2>&1' '<<END' \"it's\"", "s");
        assert_eq!(
            quoted.expect("is right")[0].args,
            ["|", "a > b", "$x", "a|b", "2>&1", "<<END", "it's"]
        );
    }

    #[test]
    fn output_is_compared_with_wildcards() {
        assert!(holds("$ s\nout\n", &[told("0", "out\n", "a warning")]));
        assert!(!holds("$ s\nout\n", &[told("1", "out\n", "")]));
        assert!(!holds("$ s\nout\n", &[told("killed", "out\n", "")]));
        assert!(!holds("$ s\nout\n", &[told("0", "out\nmore", "")]));
        assert!(!holds("$ s\n", &[told("0", "out", "")]));
        assert!(holds("$ s\na\nb\n", &[told("0", "a\r\nb\r\n", "")]));
        assert!(holds("$ s 2>&1\nout\nbad\n", &[told("0", "out\n", "bad\n")]));
        assert!(holds("$ s\ntook [..] ms\n", &[told("0", "took 17 ms", "")]));
        for (pattern, line) in [
            ("name = \"[..]\",", "name = \"a\", \"b\","),
            ("[..]", ""),
            ("a[..]b[..]c", "a1b2bc"),
            ("[..]x[..]", "axb"),
            ("ab[..]", "ab"),
        ] {
            assert!(holds(&format!("$ s\n{pattern}\n."), &[told("0", &format!("{line}\n."), "")]));
        }
        for (pattern, line) in
            [("a[..]a", "a"), ("x = [..];", "x = 1"), ("a[..]b[..]b", "ab"), ("[..]c", "cd")]
        {
            assert!(!holds(&format!("$ s\n{pattern}\n."), &[told("0", &format!("{line}\n."), "")]));
        }
        assert!(holds("$ s\n...\nk2 = [..]\n", &[told("0", "k1 = 1\nk2 = 2\n", "")]));
        assert!(holds("$ s\n...\na\n...\na\nb\n", &[told("0", "x\na\na\na\nb\n", "")]));
        assert!(!holds("$ s\n...\nk2 = [..]\n", &[told("0", "k2 = 2\nk1 = 1\n", "")]));
        assert!(holds("$ s\n...\n", &[told("0", "", "")]));
        assert!(holds("$ s\na \nb\n", &[told("0", "a\nb  \n", "")]), "trailing white space");
        for any in ["...", "…"] {
            let code = format!("$ s\nfirst\n{any}\nlast\n");
            assert!(holds(&code, &[told("0", "first\na\nb\nlast\n", "")]), "{any}");
            assert!(!holds(&code, &[told("0", "first\na\nb\n", "")]), "{any}");
        }
        assert!(!holds("$ s\na\n$ s\nb\n", &[told("0", "a", "")]), "the second was not run");
    }
}
