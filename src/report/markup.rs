//! Escapes untrusted text for Markdown, XML, HTML and workflow commands.

use crate::types::text::{visible, visible_line};

/// Escapes text for Markdown: no markup, links or mentions, on one line. Code spans stay.
pub fn markdown(text: &str) -> String {
    let text = visible_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return markdown_text(&text);
    }
    let part = |(number, part): (usize, &&str)| {
        if number % 2 == 0 { markdown_text(part) } else { markdown_code(part) }
    };
    parts.iter().enumerate().map(part).collect()
}

fn markdown_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '[' | ']' | '`' | '*' | '~' => out.extend(['\\', c]),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out
}

/// A Markdown code span in a table cell.
pub fn markdown_code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = visible_line(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let blank = if longest > 0 { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Escapes text for XML and HTML, on one line.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(' '),
            // Not allowed in XML 1.0.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Escapes text for a GitHub workflow command; `property` for those before the message.
pub fn github(text: &str, property: bool) -> String {
    let text = visible(text).replace('%', "%25").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

#[cfg(test)]
mod tests {
    use super::{github, markdown, markdown_code, xml};

    #[test]
    fn untrusted_markup_is_escaped() {
        assert_eq!(markdown("a|b [x](y) @me\n<img>"), "a\\|b \\[x\\](y) &#64;me\\\\n&lt;img>");
        assert_eq!(markdown("`a|b` *c*"), "`a\\|b` \\*c\\*");
        assert_eq!(markdown("`a *c*"), "\\`a \\*c\\*");
        assert_eq!(markdown_code("plain|x"), "`plain\\|x`");
        assert_eq!(markdown_code("a`b``c"), "``` a`b``c ```");
        assert_eq!(xml("<a b=\"\x1b\">\u{202e}&"), "&lt;a b=&quot;\\u{1b}&quot;&gt;\\u{202e}&amp;");
        assert_eq!(github("100%\r\n::x", false), "100%25%0A\\u{3a}:x");
        assert_eq!(github("a:b,c", true), "a%3Ab%2Cc");
    }
}
