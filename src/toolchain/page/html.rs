//! A strict reader of HTML: tags with their attributes and lines, and what a page may not have.

use super::css::{self, PageAddress};
use super::flaw::{PageFlaw, line_of};

/// A start tag.
#[derive(Debug, PartialEq, Eq)]
pub struct HtmlTag {
    /// Its name in lower case.
    pub name: String,
    /// Its line from 1.
    pub line: u32,
    /// Names in lower case, and values as written.
    pub attributes: Vec<(String, String)>,
    /// The text of a `style`, and its line.
    pub style: Option<(String, u32)>,
}

impl HtmlTag {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Elements that load or run something, or change how the rest of a page is read.
const FORBIDDEN: [&str; 25] = [
    "script",
    "noscript",
    "template",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "portal",
    "fencedframe",
    "base",
    "foreignobject",
    "animate",
    "animatemotion",
    "animatetransform",
    "set",
    "handler",
    "audio",
    "video",
    "xmp",
    "plaintext",
    "noembed",
    "noframes",
    "marquee",
];
/// Attributes with addresses that are loaded.
const LOADED: [&str; 7] =
    ["src", "srcset", "imagesrcset", "poster", "background", "data", "xlink:href"];
/// Attributes that load or send something where nothing says so.
const NEVER: [&str; 4] = ["srcdoc", "ping", "formaction", "attributionsrc"];
/// Attributes with CSS.
const STYLED: [&str; 11] = [
    "style",
    "fill",
    "stroke",
    "filter",
    "mask",
    "clip-path",
    "marker",
    "marker-start",
    "marker-mid",
    "marker-end",
    "cursor",
];
/// Elements whose `href` leads elsewhere and loads nothing.
const LINKS: [&str; 2] = ["a", "area"];

/// Reads the start tags of a file, in order.
///
/// # Errors
/// The first place that browsers may read in another way than people.
pub fn read(text: &str) -> Result<Vec<HtmlTag>, PageFlaw> {
    let mut reader = HtmlReader { text, at: 0, tags: Vec::new() };
    if let Some(end) = text.strip_prefix("<?xml ").and_then(|rest| rest.find("?>")) {
        reader.at = "<?xml ".len() + end + 2;
    }
    while let Some(next) = text[reader.at..].find('<') {
        reader.at += next;
        reader.markup()?;
    }
    Ok(reader.tags)
}

struct HtmlReader<'a> {
    text: &'a str,
    at: usize,
    tags: Vec<HtmlTag>,
}

impl<'a> HtmlReader<'a> {
    fn line(&self) -> u32 {
        line_of(self.text, self.at)
    }

    fn flaw(&self, message: &str) -> PageFlaw {
        PageFlaw { rule: "html", line: self.line(), message: message.to_owned() }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn markup(&mut self) -> Result<(), PageFlaw> {
        let rest = self.rest();
        if let Some(comment) = rest.strip_prefix("<!--") {
            let end = comment.find("-->").ok_or_else(|| self.flaw("a comment is open"))?;
            if comment.starts_with('>')
                || comment.starts_with("->")
                || comment[..end].contains("--!>")
            {
                return Err(self.flaw("browsers end this comment early"));
            }
            self.at += "<!--".len() + end + "-->".len();
            return Ok(());
        }
        let is_doctype =
            rest.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype html>"));
        match rest[1..].chars().next() {
            Some('!') if is_doctype && self.at == 0 => self.at += "<!doctype html>".len(),
            Some('/') => self.end_tag()?,
            Some(c) if c.is_ascii_alphabetic() => self.start_tag()?,
            _ => return Err(self.flaw("write `&lt;` for a sign that begins no tag")),
        }
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), PageFlaw> {
        self.at += "</".len();
        let name = self.word(is_name);
        self.blank();
        if name.is_empty() || !self.rest().starts_with('>') {
            return Err(self.flaw("an end tag is `</NAME>`"));
        }
        self.at += 1;
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), PageFlaw> {
        let line = self.line();
        self.at += 1;
        let name = self.word(is_name).to_lowercase();
        let mut tag = HtmlTag { name, line, attributes: Vec::new(), style: None };
        loop {
            self.blank();
            let rest = self.rest();
            if rest.starts_with("/>") || rest.starts_with('>') {
                self.at += rest.find('>').unwrap_or(0) + 1;
                break;
            }
            tag.attributes.push(self.attribute()?);
        }
        if ["style", "title", "textarea"].contains(&tag.name.as_str()) {
            let (start, line) = (self.at, self.line());
            let end = self.rest().find('<').unwrap_or(self.rest().len());
            self.at += end;
            let rest = self.rest().strip_prefix("</").unwrap_or_default();
            let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
            if !name.eq_ignore_ascii_case(&tag.name) {
                return Err(self.flaw("a title, a style and a text area have no `<` in them"));
            }
            let text = || (self.text[start..start + end].to_owned(), line);
            tag.style = (tag.name == "style").then(text);
        }
        self.tags.push(tag);
        Ok(())
    }

    fn blank(&mut self) {
        self.word(|c| c.is_ascii_whitespace());
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn attribute(&mut self) -> Result<(String, String), PageFlaw> {
        let name = self.word(|c| c.is_ascii_alphanumeric() || "-:_.".contains(c)).to_lowercase();
        if name.is_empty() {
            return Err(self.flaw("this is not the name of an attribute"));
        }
        self.blank();
        if !self.rest().starts_with('=') {
            return Ok((name, String::new()));
        }
        self.at += 1;
        self.blank();
        let quote = self.rest().chars().next().filter(|c| ['"', '\''].contains(c));
        let Some(quote) = quote else {
            let value = self.word(|c| c.is_ascii_alphanumeric() || "-_.#%/:;,".contains(c));
            let is_whole = !value.is_empty() && !value.ends_with('/');
            let why = "put the value of this attribute in quotes";
            return is_whole.then(|| (name, value.to_owned())).ok_or_else(|| self.flaw(why));
        };
        self.at += 1;
        let value = self.rest();
        let end = value.find(quote).ok_or_else(|| self.flaw("a quote is open"))?;
        self.at += end + 1;
        Ok((name, value[..end].to_owned()))
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-:_".contains(c)
}

/// What of a tag a page may not have. `has` says whether a file is in the tree.
pub fn check(tag: &HtmlTag, has: &dyn Fn(&str) -> bool) -> Vec<PageFlaw> {
    let mut all = Vec::new();
    let mut flaw = |rule: &'static str, message: String| {
        all.push(PageFlaw { rule, line: tag.line, message });
    };
    let name = tag.name.as_str();
    if FORBIDDEN.contains(&name) {
        let rule = if name == "script" { "script" } else { "element" };
        flaw(rule, format!("`<{name}>` is not allowed: a page has HTML and CSS only"));
    }
    if name.contains(':') {
        flaw("element", format!("`<{name}>` is not an element of HTML"));
    }
    let rel = tag.get("rel").unwrap_or_default().to_lowercase();
    if name == "link" && !["stylesheet", "icon"].contains(&rel.as_str()) {
        flaw("element", "`<link>` is for `rel=\"stylesheet\"` and `rel=\"icon\"`".to_owned());
    }
    if name == "meta" && tag.get("http-equiv").is_some() {
        flaw("element", "`<meta http-equiv>` is not allowed".to_owned());
    }
    if tag.get("charset").is_some_and(|one| name != "meta" || !one.eq_ignore_ascii_case("utf-8")) {
        flaw("element", "a page is written in UTF-8".to_owned());
    }
    for (attribute, value) in &tag.attributes {
        let attribute = attribute.as_str();
        if attribute.starts_with("xmlns:") && attribute != "xmlns:xlink" {
            flaw("element", format!("the attribute `{attribute}` is not allowed"));
        }
        if attribute.starts_with("on") || NEVER.contains(&attribute) {
            flaw("script", format!("the attribute `{attribute}` is not allowed"));
        }
        let is_link = attribute == "href" && LINKS.contains(&name) || attribute == "action";
        let is_loaded = LOADED.contains(&attribute) || attribute == "href" && !is_link;
        if is_link && !css::leads(value) {
            flaw("address", format!("`{value}` is not an address that a link may have"));
        }
        let parts: Vec<&str> = match attribute {
            "srcset" | "imagesrcset" => value.split(',').filter_map(first_word).collect(),
            _ => vec![value.as_str()],
        };
        for part in parts.into_iter().filter(|_| is_loaded) {
            if let Some(why) = PageAddress::of(part).wrong(has) {
                flaw("address", why);
            }
        }
    }
    let own = tag.attributes.iter().filter(|(name, _)| STYLED.contains(&name.as_str()));
    let own = own.map(|(_, value)| (value.clone(), tag.line)).collect::<Vec<_>>();
    for (_, line) in own.iter().filter(|(value, _)| value.contains('&')) {
        let message = "write CSS without `&`".to_owned();
        all.push(PageFlaw { rule: "css", line: *line, message });
    }
    let styles = own.into_iter().chain(tag.style.clone());
    all.extend(styles.flat_map(|(text, line)| {
        let flaws = css::check(&text, has).into_iter();
        flaws.map(move |one| PageFlaw { line: one.line + line - 1, ..one })
    }));
    all
}

fn first_word(text: &str) -> Option<&str> {
    text.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<&'static str> {
        match read(text) {
            Ok(tags) => {
                let has = |name: &str| name == "style.css";
                tags.iter().flat_map(|tag| check(tag, &has)).map(|one| one.rule).collect()
            }
            Err(flaw) => vec![flaw.rule],
        }
    }

    #[test]
    fn a_plain_page_is_read() {
        let page = "<!doctype html>\n<html lang=en><head><title>a &lt; b</title>\n<link rel='stylesheet' \
                    href=\"style.css\"></head><body>\n<!-- <script> -->\n<p class=x>a &lt; b<br/>\
                    <a href=\"https://example.org/?a=1&amp;b=2\">c</a></body></html>";
        assert!(rules(page).is_empty());
        let tags = read(page).ok().expect("is plain");
        let names: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.line)).collect();
        let wanted = [("html", 2), ("head", 2), ("title", 2), ("link", 3), ("body", 3)];
        assert_eq!(names[..5], wanted);
        assert_eq!(names[5..], [("p", 5), ("br", 5), ("a", 5)]);
    }

    #[test]
    fn what_runs_or_loads_is_found() {
        for (text, rule) in [
            ("<script>x</script>", "script"),
            ("<SCRIPT src=x>", "script"),
            ("<p onclick='x'>", "script"),
            ("<svg/onload=x>", "html"),
            ("<svg onload=x>", "script"),
            ("<iframe src='style.css'>", "element"),
            ("<a href='java&#115;cript:x'>", "address"),
            ("<a href=' JavaScript:x'>", "address"),
            ("<a href='java\tscript:x'>", "address"),
            ("<img src='https://example.org/a.png'>", "address"),
            ("<img src='//example.org/a.png'>", "address"),
            ("<img src='../style.css'>", "address"),
            ("<img srcset='style.css 1x, b.png 2x'>", "address"),
            ("<link rel=preload href='style.css'>", "element"),
            ("<meta http-equiv=refresh content=0>", "element"),
            ("<p style='background:url(https://example.org/a)'>", "address"),
            ("<style>\n@import 'https://example.org/a.css';</style>", "address"),
            ("a < b", "html"),
            ("<p class=\"a>", "html"),
            ("<!--> <script> -->", "html"),
            ("<![CDATA[ x ]]>", "html"),
            ("<title>a", "html"),
            ("<svg><style><script>x</script></style></svg>", "html"),
            ("<svg><title><script>x</script></title></svg>", "html"),
            ("<title></titlex><!--</title><script>x</script>-->", "html"),
            ("<p></p a='><b c=\"'><script>x</script>\">", "html"),
            ("<?xml-stylesheet href='style.css'?>", "html"),
            ("<x:script xmlns:x='http://www.w3.org/2000/svg'>x</x:script>", "element"),
            ("<rect fill='url(https://example.org/a.svg#b)'/>", "address"),
            ("<rect fill='u&#114;l(https://example.org/a.svg#b)'/>", "css"),
            ("<meta charset='gbk'>", "element"),
            ("<!doctype html><p><!doctype html>", "html"),
        ] {
            assert_eq!(rules(text).first(), Some(&rule), "{text}");
        }
    }
}
