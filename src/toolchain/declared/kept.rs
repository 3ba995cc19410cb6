//! Texts that are kept for the program's life, and regular expressions.

use regex::Regex;

/// A text that is kept for the program's life, as all of a toolchain is.
pub fn kept(text: &str) -> &'static str {
    String::leak(text.to_owned())
}

/// The same for a list.
pub fn kept_list(words: &[String]) -> &'static [&'static str] {
    Vec::leak(words.iter().map(|word| kept(word)).collect())
}

/// A regular expression over a whole file.
pub fn expression(pattern: &str) -> Result<Regex, String> {
    let mut builder = regex::RegexBuilder::new(pattern);
    builder.multi_line(true).build().map_err(|why| match why {
        regex::Error::Syntax(text) => {
            let last = text.lines().last().unwrap_or_default();
            format!("the regular expression is wrong: {}", last.trim_start_matches("error: "))
        }
        other => format!("the regular expression is wrong: {other}"),
    })
}
