//! Relative paths that cannot leave their root, on any file system.

use std::fmt;
use std::ops::Deref;
use std::path::Path;

use serde::{Deserialize, Serialize};
use unicode_normalization::is_nfc;

use super::limits;

/// A relative path in a tree: `/` between segments, NFC, no special segments. Made only by
/// [`RelPath::parse`], so that every value is valid.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RelPath(String);

/// Device names reserved by Windows, with or without extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

impl RelPath {
    /// Parses a path.
    ///
    /// # Errors
    /// The problem, as a fragment for a message that names the path.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("is empty");
        }
        if text.len() > limits::PATH_BYTES {
            return Err("is longer than 240 bytes");
        }
        if text.starts_with('/') {
            return Err("is absolute");
        }
        if text.contains('\\') {
            return Err("contains a backslash");
        }
        if text.chars().any(is_unprintable) {
            return Err("contains a control or bidirectional character");
        }
        if !is_nfc(text) {
            return Err("is not in Unicode normal form C");
        }
        if text.split('/').count() > limits::PATH_DEPTH {
            return Err("is nested deeper than 12 folders");
        }
        text.split('/').try_for_each(check_segment)?;
        Ok(Self(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path in lower case, to find names that are equal on some file systems.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    if segment.is_empty() {
        return Err("has an empty segment");
    }
    if segment == "." || segment == ".." {
        return Err("has a `.` or `..` segment");
    }
    if segment.contains(['<', '>', ':', '"', '|', '?', '*']) {
        return Err("has a character that some file systems refuse (<>:\"|?*)");
    }
    if segment.ends_with('.') || segment.ends_with(' ') || segment.starts_with(' ') {
        return Err("has a segment with a space at an end or a dot at its end");
    }
    let stem = segment.split('.').next().unwrap_or_default().to_lowercase();
    let numbered = stem.len() == 4
        && (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.ends_with(|c: char| c.is_ascii_digit());
    if numbered || DEVICES.contains(&stem.as_str()) {
        return Err("has a segment that is a device name on Windows");
    }
    Ok(())
}

impl Deref for RelPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for RelPath {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

impl PartialEq<str> for RelPath {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|why| serde::de::Error::custom(format!("path {text:?} {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::RelPath;

    #[test]
    fn accepts_ordinary_paths() {
        for path in ["src/lib.rs", "a", "src/naïve.rs", ".config/x", "a b/c"] {
            assert!(RelPath::parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn refuses_paths_that_escape_or_are_ambiguous() {
        let long = "a/".repeat(20) + "b";
        for path in [
            "",
            "/etc/x",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            "a/.",
            "a\\b",
            "C:/x",
            "nul",
            "com1.rs",
            "aux.rs",
            "x.",
            "x ",
            " x",
            "a\u{202e}b",
            "a\nb",
            "a\0b",
            "e\u{301}",
            "b\u{200b}",
            &long,
        ] {
            assert!(RelPath::parse(path).is_err(), "{path:?}");
        }
        assert!(RelPath::parse(&"a".repeat(241)).is_err());
    }
}
