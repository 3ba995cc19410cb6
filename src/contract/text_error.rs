//! Errors in the text of a block.

/// An error in the text of a block: what, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// What is wrong.
    pub message: String,
    /// The line in the block, from 0.
    pub line: usize,
    /// The bytes of the line.
    pub columns: std::ops::Range<usize>,
}

impl TextError {
    /// An error at a line, from 0, and its bytes.
    pub fn new(message: impl Into<String>, line: usize, columns: std::ops::Range<usize>) -> Self {
        Self { message: message.into(), line, columns }
    }
}
