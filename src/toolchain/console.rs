//! Console examples: a transcript of commands and of what they print.
//!
//! The commands run inside a sealed test, in a fresh folder. The test tells what they printed; here
//! it is compared with the transcript, outside of the candidate's reach.

use serde::{Deserialize, Serialize};
use snapbox::IntoData;
use snapbox::filter::NormalizeToExpected;

/// One command of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleStep {
    /// The line, without its prompt.
    command: String,
    args: Vec<String>,
    /// What stands in its here-document.
    input: Option<String>,
    /// Whether its errors belong to what is expected: `2>&1`.
    merged: bool,
    status: i32,
    expected: String,
}

/// What a shell would take for something else than itself, where it is not quoted.
const SHELL: [char; 11] = ['|', '&', ';', '<', '>', '`', '$', '*', '(', ')', '#'];
/// Begins the line on which a sealed test tells of a command.
const RAN: &str = "regen_ran";

/// Reads a transcript of a program. The error has the line in it, from 0.
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
            .ok_or_else(|| wrong("a transcript begins with `$ <program> <arguments>`"))?;
        let mut words = shlex::split(command).ok_or_else(|| wrong("a quote is not closed"))?;
        let bare = unquoted(command);
        let bare: Vec<&str> = bare.split_whitespace().collect();
        if bare.len() != words.len() {
            return Err(wrong("`#` begins a comment: quote it"));
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
                            "`{c}`: a transcript knows only `2>&1` and `<<END` of a shell; quote what is meant"
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
                    (format!("the here-document has no last line `{end}`"), number)
                })?)
            }
        };
        if words.first().is_none_or(|first| first != program) {
            return Err((format!("the program of this spec is `{program}`"), number));
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

/// A command with a letter in the place of each that is quoted.
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

/// The lines of a here-document, without the prompt that a shell shows before each, its last line
/// included.
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

/// What a generated file needs for its transcripts.
pub const SUPPORT: &str = r#"
mod regen_console {
    use std::io::Write;
    use std::process::{Command, Stdio};
    // Both streams in hexadecimal digits fit into what is kept of a test's output.
    const MOST: usize = 192 * 1024;
    fn hex(bytes: &[u8]) -> String {
        assert!(bytes.len() <= MOST, "it printed more than {MOST} bytes");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
    pub(crate) fn run(program: &str, steps: &[(&[&str], Option<&str>)]) {
        let folder = std::env::temp_dir().join(format!("transcript-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        for (args, input) in steps {
            let mut command = Command::new(program);
            command.args(*args).current_dir(&folder);
            command.stdin(input.map_or_else(Stdio::null, |_| Stdio::piped()));
            let mut child =
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let feed = child.stdin.take().zip(input.map(str::to_owned)).map(|(mut to, text)| {
                std::thread::spawn(move || drop(to.write_all(text.as_bytes())))
            });
            let run = child.wait_with_output().unwrap();
            drop(feed.map(std::thread::JoinHandle::join));
            let status = run.status.code().map_or("killed".to_owned(), |code| code.to_string());
            let line = format!("\nregen_ran {status} .{} .{}\n", hex(&run.stdout), hex(&run.stderr));
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        }
        drop(std::fs::remove_dir_all(folder));
    }
}
"#;

/// A test's body that runs the commands and tells what they printed.
pub fn body(steps: &[ConsoleStep], program: &str) -> String {
    let steps: Vec<_> =
        steps.iter().map(|step| format!("(&{:?}, {:?})", step.args, step.input)).collect();
    format!(
        "crate::regen_console::run(env!(\"CARGO_BIN_EXE_{program}\"), &[{}]);",
        steps.join(", ")
    )
}

/// Compares what a test's process told with the transcript. The error says where they part.
pub fn compare(steps: &[ConsoleStep], said: &str) -> Result<(), String> {
    let mut lines = said.lines().filter_map(|line| line.strip_prefix(RAN));
    for step in steps {
        let told = lines.next().and_then(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [status, out, errors] = words.as_slice() else { return None };
            Some((*status, unhex(out)?, unhex(errors)?))
        });
        let Some((status, out, errors)) = told else {
            return Err(format!("$ {}\nit was not run", step.command));
        };
        step.compare(status, &out, &errors)?;
    }
    Ok(())
}

fn unhex(word: &str) -> Option<String> {
    let digits = word.strip_prefix('.')?.as_bytes();
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

impl ConsoleStep {
    fn compare(&self, status: &str, out: &str, errors: &str) -> Result<(), String> {
        let shown = if self.merged { format!("{out}{errors}") } else { out.to_owned() };
        let expected = self.expected.as_str().into_data();
        let shown = shown.replace("\r\n", "\n");
        let actual = shown.trim_end().into_data();
        let actual = NormalizeToExpected::new().redact().normalize(actual, &expected);
        let (actual, ended) = (actual.render(), status == self.status.to_string());
        if actual.as_deref() == Some(&self.expected) && ended {
            return Ok(());
        }
        let mut why = format!("$ {}\nexpected, with exit status {}:\n", self.command, self.status);
        why += &format!("{}\ngot, with exit status {status}:\n", self.expected);
        why += &actual.unwrap_or_default();
        if !self.merged && !errors.is_empty() {
            why += &format!("\nand on standard error:\n{}", errors.trim_end());
        }
        Err(why)
    }
}

#[cfg(test)]
mod tests {
    use super::{compare, parse};

    fn told(status: &str, out: &str, errors: &str) -> String {
        let hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
        format!("noise\nregen_ran {status} .{} .{}\n", hex(out), hex(errors))
    }

    fn holds(code: &str, said: &str) -> bool {
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
    fn what_is_no_transcript_is_told_with_its_line() {
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
        assert!(holds("$ s\nout\n", &told("0", "out\n", "a warning")));
        assert!(!holds("$ s\nout\n", &told("1", "out\n", "")));
        assert!(!holds("$ s\nout\n", &told("killed", "out\n", "")));
        assert!(!holds("$ s\nout\n", &told("0", "out\nmore", "")));
        assert!(!holds("$ s\n", &told("0", "out", "")));
        assert!(holds("$ s\na\nb\n", &told("0", "a\r\nb\r\n", "")));
        assert!(holds("$ s 2>&1\nout\nbad\n", &told("0", "out\n", "bad\n")));
        assert!(holds("$ s\ntook [..] ms\n", &told("0", "took 17 ms", "")));
        for any in ["...", "…"] {
            let code = format!("$ s\nfirst\n{any}\nlast\n");
            assert!(holds(&code, &told("0", "first\na\nb\nlast\n", "")), "{any}");
            assert!(!holds(&code, &told("0", "first\na\nb\n", "")), "{any}");
        }
        assert!(!holds("$ s\na\n$ s\nb\n", &told("0", "a", "")), "the second was not run");
        assert!(!holds("$ s\na\n", "regen_ran 0 .6"), "half a line");
    }
}
