//! Escapes untrusted text for Markdown, XML, HTML and workflow commands.

use crate::types::text::{visible, visible_line};

/// Escapes text for Markdown: no markup, links or mentions, on one line.
pub fn markdown_text(text: &str) -> String {
    let text = one_line(text);
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

/// A text as code, in a table cell or outside of one.
pub fn markdown_code(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return String::new();
    }
    // A code span cannot have these in every place.
    if text.contains(['|', '`']) || text.trim() != text {
        return markdown_code_element(&text);
    }
    format!("`{text}`")
}

/// A text as an HTML element, which Markdown renders as code. No character of it is markup.
pub fn markdown_code_element(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut out = String::from("<code>");
    for c in one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '|' | '`' | '*' | '_' | '~' | '[' | ']' | '\\' | '@' | '!' | ':' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out + "</code>"
}

/// Text on one line, with control characters made visible.
fn one_line(text: &str) -> String {
    visible_line(&text.replace(['\r', '\n'], " "))
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
    use super::{github, markdown_code, markdown_text, xml};

    #[test]
    fn untrusted_markup_is_escaped() {
        let text = markdown_text("a|b [x](y) @me\n<img>");
        assert_eq!(text, "a\\|b \\[x\\](y) &#64;me &lt;img>");
        assert_eq!(markdown_text("`a *c*"), "\\`a \\*c\\*");
        assert_eq!(markdown_code("plain x"), "`plain x`");
        assert_eq!(markdown_code("plain|x"), "<code>plain&#124;x</code>");
        assert_eq!(markdown_code("a`b``c"), "<code>a&#96;b&#96;&#96;c</code>");
        assert_eq!(xml("<a b=\"\x1b\">\u{202e}&"), "&lt;a b=&quot;\\u{1b}&quot;&gt;\\u{202e}&amp;");
        assert_eq!(github("100%\r\n::x", false), "100%25%0A\\u{3a}:x");
        assert_eq!(github("a:b,c", true), "a%3Ab%2Cc");
    }
}
