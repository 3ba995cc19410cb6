//! Texts of a width, and digits.

fn fill(text: &str, width: u32, fill: char) -> String {
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    let missing = width.saturating_sub(text.chars().count());
    std::iter::repeat_n(fill, missing).collect()
}

/// A text with spaces after it, up to a width in characters.
pub fn pad_right(text: &str, width: u32) -> String {
    text.to_owned() + &fill(text, width, ' ')
}

/// A text with a character before it, repeated up to a width in characters.
pub fn pad_left(text: &str, width: u32, with: char) -> String {
    fill(text, width, with) + text
}

/// The number that a text of ASCII digits writes, up to a count of digits.
pub fn digits(text: &str, most: u32) -> Option<u32> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let is_number = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
