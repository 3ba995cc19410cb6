//! Code of blocks without comments.

/// Code with comments replaced by spaces. Quotes that are not closed end with their line.
pub fn without_comments(language: &str, code: &str) -> String {
    let (line, block) = match language {
        // In transcripts, `#` is output.
        "console" => return code.to_owned(),
        "python" | "hurl" => ("#", None),
        _ => ("//", Some(("/*", "*/"))),
    };
    let mut out = String::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let quote = ["\"\"\"", "'''", "\"", "'", "`"].into_iter().find(|one| rest.starts_with(one));
        let taken = match (quote, block) {
            (Some(quote), _) => {
                let end = closed(rest, quote, language);
                out.push_str(&rest[..end]);
                end
            }
            (None, Some((open, close))) if rest.starts_with(open) => {
                out.push(' ');
                let end = rest[open.len()..].find(close).map_or(rest.len(), |at| at + 4);
                out.extend(rest[..end].matches('\n'));
                end
            }
            _ if rest.starts_with(line) => rest.find('\n').unwrap_or(rest.len()),
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// The length of a string at the start of a text; that of the quote if it begins none.
pub fn closed(text: &str, quote: &str, language: &str) -> usize {
    let inner = &text[quote.len()..];
    let is_long = quote.len() == 3 || quote == "`" || language == "rust" && quote == "\"";
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        if !escaped && inner[at..].starts_with(quote) {
            return at + 2 * quote.len();
        }
        // `'a` is a lifetime.
        if c == '\n' && !is_long || language == "rust" && quote == "'" && at > 2 && !escaped {
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    quote.len()
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn comments_are_left_out_and_strings_are_kept() {
        for (language, code, kept) in [
            (
                "rust",
                "f(\"// 1\"); // 2\n/* 3\n4 */ g::<'a>('\"', 5) // '",
                "f(\"// 1\"); \n \n g::<'a>('\"', 5) ",
            ),
            (
                "python",
                "f('# 1') # 2\nx = \"\"\"# 3\n\"\"\" # 4\nit's # 5",
                "f('# 1') \nx = \"\"\"# 3\n\"\"\" \nit's ",
            ),
            ("ts", "const a = `// ${1}`; // 2\nf(/* 3 */ 4)", "const a = `// ${1}`; \nf(  4)"),
            ("wave", "f(1) = \"//\" // 2", "f(1) = \"//\" "),
            ("console", "$ a\n# 1\n", "$ a\n# 1\n"),
        ] {
            assert_eq!(without_comments(language, code), kept);
        }
    }
}
