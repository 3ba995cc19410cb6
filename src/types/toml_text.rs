//! Parses untrusted TOML.

use serde::de::{DeserializeOwned, Error as _};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::limits;

/// Parses TOML. The parser recurses without a limit on unbalanced brackets, so text that is nested
/// too deeply is rejected first.
///
/// # Errors
/// The parser's error, or the text is nested too deeply.
pub fn read_toml<T: DeserializeOwned>(text: &str) -> Result<T, toml::de::Error> {
    if is_too_deep(text) {
        return Err(toml::de::Error::custom("brackets are nested too deeply, or do not match"));
    }
    toml::from_str(text)
}

/// Whether more brackets are open than any valid file needs; an unmatched closing bracket closes
/// nothing.
fn is_too_deep(text: &str) -> bool {
    let mut open = Vec::new();
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::LeftSquareBracket => open.push(TokenKind::RightSquareBracket),
            TokenKind::LeftCurlyBracket => open.push(TokenKind::RightCurlyBracket),
            kind if open.last() == Some(&kind) => drop(open.pop()),
            _ => {}
        }
        if open.len() > limits::TOML_NESTING {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::read_toml;

    #[test]
    fn deeply_nested_toml_is_rejected() {
        for part in ["a = {[\"k\"]\n", "a = {[", "a = [{", "[", "{", "a = [ # ]\n", "a = {[}"] {
            let text = part.repeat(100_000);
            assert!(read_toml::<toml::Table>(&text).is_err(), "{part}");
        }
        let table = "[[a.b]]\nc = [[1], [{ d = \"[[[\" }]] # [[\n".repeat(1000);
        assert!(read_toml::<toml::Table>(&table).is_ok());
        let strings =
            format!("a = \"\"\"{}\"\"\"\nb = '{}'\n", "[{".repeat(1000), "{".repeat(1000));
        assert!(read_toml::<toml::Table>(&strings).is_ok());
    }
}
