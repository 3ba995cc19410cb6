//! What is wrong with a file of a page.

/// Something that a page may not have.
pub struct PageFlaw {
    /// The rule.
    pub rule: &'static str,
    /// Its line from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// The line of a place in a text, from 1.
pub fn line_of(text: &str, at: usize) -> u32 {
    text[..at].matches('\n').count() as u32 + 1
}
