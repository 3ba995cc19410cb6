//! How things look: problems with their source lines, progress, words for people. Facts come as
//! types; nothing here decides.

pub mod check;
pub mod diff;
mod excerpt;
mod findings;
mod problems;
mod progress;
pub mod trace;
pub mod words;

pub use findings::{github, sarif};
pub use problems::render;
pub use progress::{Progress, Style};

/// A text that people wrote, without what a terminal would take for a command. No offset changes.
pub fn tame(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_control() && !"\n\t".contains(c) { '?' } else { c })
        .collect()
}

/// A name, or another text of one line, that anybody may have written: it ends no line, turns no
/// writing around, and commands no terminal or pipeline.
pub fn line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    text.chars().map(|c| if c.is_control() || turns(c) { '?' } else { c }).collect()
}

/// Whether and how to colour.
#[derive(Clone, Copy, Debug, Default)]
pub struct Styler {
    /// Whether escape codes are written.
    pub colour: bool,
}

impl Styler {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// For what is right.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// For what is wrong.
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// For what wants attention.
    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    /// For what matters less.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// For names.
    pub fn name(self, text: &str) -> String {
        self.with("1", text)
    }
}
