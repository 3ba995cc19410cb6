//! Texts of a width.

fn spaces(text: &str, width: u32) -> String {
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    " ".repeat(width.saturating_sub(text.chars().count()))
}

/// A text with spaces after it, up to a width in characters.
pub fn pad_right(text: &str, width: u32) -> String {
    text.to_owned() + &spaces(text, width)
}

/// A text with spaces before it, up to a width in characters.
pub fn pad_left(text: &str, width: u32) -> String {
    spaces(text, width) + text
}
