//! What style sheets load, and addresses in pages.

use super::flaw::{PageFlaw, line_of};

/// What loads something under another name, or changes what is seen of texts in ways that are not
/// measured.
const FORBIDDEN: [&str; 8] = [
    "image-set",
    "-webkit-image-set",
    "expression",
    "cross-fade",
    "@charset",
    "@font-face",
    "first-line",
    "animation-timeline",
];

/// An address of something that a page loads.
pub struct PageAddress<'a>(&'a str);

impl<'a> PageAddress<'a> {
    pub fn of(text: &'a str) -> Self {
        Self(text.trim())
    }

    /// Why it may not be loaded.
    pub fn wrong(&self, has: &dyn Fn(&str) -> bool) -> Option<String> {
        let address = self.0;
        let lower = address.to_ascii_lowercase();
        let own = lower.starts_with("data:image/");
        let is_plain = !address.contains(['\\', '&', '\n', '\t']);
        let file = address.strip_prefix("./").unwrap_or(address);
        let file = file.split_once('#').map_or(file, |(file, _)| file);
        if is_plain && (own || has(file) || address.starts_with('#')) {
            return None;
        }
        let shown: String = address.chars().take(80).collect();
        Some(format!("`{shown}` is not a file of the page: nothing else is loaded"))
    }
}

/// Whether a link may lead to an address.
pub fn leads(address: &str) -> bool {
    let plain = address.replace("&amp;", "");
    if plain.contains('&') || plain.chars().any(|c| c.is_control()) {
        return false;
    }
    let scheme = plain.trim().split(['/', '?', '#']).next().unwrap_or_default();
    let known = ["http", "https", "mailto", "tel"];
    scheme
        .split_once(':')
        .is_none_or(|(scheme, _)| known.iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// What of a style sheet a page may not have.
pub fn check(text: &str, has: &dyn Fn(&str) -> bool) -> Vec<PageFlaw> {
    let mut all = Vec::new();
    let mut scan = CssScan { text, at: 0 };
    let mut is_import = false;
    loop {
        let start = scan.at;
        let Some(part) = scan.next() else { return all };
        let mut flaw = |rule: &'static str, message: String| {
            all.push(PageFlaw { rule, line: line_of(text, start), message });
        };
        match part {
            CssPart::Open => flaw("css", "a comment, a string or an address is open".to_owned()),
            CssPart::Sign('\\') => flaw("css", "an escape is only allowed in a string".to_owned()),
            CssPart::Sign(';' | '{' | '}') => is_import = false,
            CssPart::Sign(_) => {}
            CssPart::Text(address) if is_import => {
                PageAddress::of(address)
                    .wrong(has)
                    .into_iter()
                    .for_each(|why| flaw("address", why));
            }
            CssPart::Text(_) => {}
            CssPart::Address(address) => {
                PageAddress::of(address)
                    .wrong(has)
                    .into_iter()
                    .for_each(|why| flaw("address", why));
            }
            CssPart::Word(word) => {
                let word = word.to_ascii_lowercase();
                is_import |= word == "@import";
                if FORBIDDEN.contains(&word.as_str()) {
                    flaw("css", format!("`{word}` is not allowed"));
                }
            }
        }
    }
}

enum CssPart<'a> {
    Word(&'a str),
    Text(&'a str),
    Address(&'a str),
    Sign(char),
    /// Something without an end.
    Open,
}

struct CssScan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> CssScan<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let part = &self.text[self.at..self.at + bytes];
        self.at += bytes;
        part
    }

    fn open(&mut self) -> CssPart<'a> {
        self.at = self.text.len();
        CssPart::Open
    }

    /// A string up to its quote.
    fn string(&mut self, quote: char) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' => return None,
                _ if c == quote => return Some(&self.take(at + 1)[1..at]),
                _ => {}
            }
        }
        None
    }

    fn address(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let rest = &self.text[self.at..];
        let quote = rest.chars().next().filter(|c| ['"', '\''].contains(c));
        let Some(quote) = quote else {
            let end = rest.find(')')?;
            return Some(&self.take(end + 1)[..end]);
        };
        let address = self.string(quote)?;
        let rest = &self.text[self.at..];
        self.at += rest.find(')')? + 1;
        Some(address)
    }

    fn next(&mut self) -> Option<CssPart<'a>> {
        let rest = &self.text[self.at..];
        let first = rest.chars().next()?;
        if let Some(comment) = rest.strip_prefix("/*") {
            return Some(match comment.find("*/") {
                Some(end) => {
                    self.take(end + 4);
                    CssPart::Sign(' ')
                }
                None => self.open(),
            });
        }
        if ['"', '\''].contains(&first) {
            return Some(match self.string(first) {
                Some(text) => CssPart::Text(text),
                None => self.open(),
            });
        }
        let is_part = |c: char| c.is_alphanumeric() || "-_@".contains(c);
        if !is_part(first) {
            self.take(first.len_utf8());
            return Some(CssPart::Sign(first));
        }
        let word = self.take(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        let is_address = word.eq_ignore_ascii_case("url") || word.eq_ignore_ascii_case("src");
        if is_address && self.text[self.at..].starts_with('(') {
            self.at += 1;
            return Some(match self.address() {
                Some(address) => CssPart::Address(address),
                None => self.open(),
            });
        }
        Some(CssPart::Word(word))
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_files_of_the_page_are_loaded() {
        let rules = |text: &str| {
            let flaws = check(text, &|name| name == "a.svg").into_iter();
            flaws.map(|one| (one.rule, one.line)).collect::<Vec<_>>()
        };
        for text in [
            "p { background: url(a.svg) #fff; content: \"\\201C url(x)\" } /* url(x) */",
            "p { background: url( './a.svg' ) } .url { color: red }",
            "p { background: url(data:image/png;base64,AAAA) }",
            "@media (max-width: 400px) { p { margin: 0 } }",
        ] {
            assert!(rules(text).is_empty(), "{text}");
        }
        for (text, rule) in [
            ("p { background: URL(b.svg) }", "address"),
            ("p { background: url('//a.svg') }", "address"),
            ("p { background: \\75rl(//a.svg) }", "css"),
            ("p { background: u\\72l(//a.svg) }", "css"),
            ("p { background: url('\\2f/a.svg') }", "address"),
            ("@import \"b.css\";", "address"),
            ("@IMPORT/**/'b.css';", "address"),
            ("p { background: image-set('b.png' 1x) }", "css"),
            ("@font-face { font-family: x; src: local(y); size-adjust: 1% }", "css"),
            ("p::first-line { font-size: 2px }", "css"),
            ("p { color: red } /* x", "css"),
            ("p { content: 'a\n' }", "css"),
            ("p { background: url(a.svg", "css"),
        ] {
            assert_eq!(rules(text).first(), Some(&(rule, 1)), "{text}");
        }
    }
}
