//! Codes of products.
pub mod contract;
use contract::Code;

/// Reads a code.
///
/// # Errors
/// The text is no code.
pub fn parse(text: &str) -> Result<Code, String> {
    read(text).ok_or_else(|| format!("no code: {text}"))
}

fn read(text: &str) -> Option<Code> {
    let (shelf, place) = text.split_once('-')?;
    let mut letters = shelf.chars();
    let shelf = letters.next().filter(char::is_ascii_uppercase)?;
    if letters.next().is_some() {
        return None;
    }
    let place = words::digits(place, 4)?;
    Some(Code { shelf, place: u16::try_from(place).ok()? })
}

/// A code as it is written.
pub fn show(code: &Code) -> String {
    format!("{}-{}", code.shelf, code.place)
}
