//! Rendering: problems with source lines, progress, sentences. Takes typed facts and decides
//! nothing.

pub mod check;
pub mod diff;
mod excerpt;
mod findings;
pub mod graph;
mod markup;
mod problems;
mod progress;
mod spans;
pub mod trace;
pub mod words;

pub use findings::{github, sarif};
pub use problems::render;
pub use progress::{Progress, Style};

use crate::process::without_secrets;
use crate::types::text::visible;

/// Marks the start of a colour until a text is shown. A noncharacter, so it cannot occur in text.
const MARK: char = '\u{10fffe}';

/// Makes a text safe for a terminal: control characters are made visible, secrets are removed, and
/// only regen's own colours become escape codes.
pub fn for_terminal(text: &str) -> String {
    let text = without_secrets(text);
    let mut parts = text.split(MARK);
    let mut out = visible(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('m').filter(|(code, _)| is_colour(code)) {
            Some((code, rest)) => out += &format!("\x1b[{code}m{}", visible(rest)),
            None => out += &visible(part),
        }
    }
    out
}

/// Whether an escape code only sets a colour, and hides no text.
fn is_colour(code: &str) -> bool {
    let known = |number: &str| matches!(number.parse(), Ok(0..=4 | 22 | 31..=36 | 39 | 91..=96));
    !code.is_empty() && code.split(';').all(known)
}

/// Whether and how output is coloured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Styler {
    /// Whether escape codes are written.
    pub colour: bool,
}

impl Styler {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("{MARK}{code}m{text}{MARK}0m") } else { text.to_owned() }
    }

    /// Colours a success.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Colours a failure.
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Colours a warning.
    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Dims text.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Colours a name.
    pub fn name(self, text: &str) -> String {
        self.with("1", text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Styler, for_terminal};

    #[test]
    fn only_regens_colours_become_escape_codes() {
        let paint = Styler { colour: true };
        assert_eq!(for_terminal(&paint.bad("a\x1b[2J")), "\x1b[31ma\\u{1b}[2J\x1b[0m");
        assert_eq!(for_terminal("\u{10fffe}8mhidden"), "8mhidden");
        assert_eq!(for_terminal(&Styler::default().bad("plain")), "plain");
    }
}
