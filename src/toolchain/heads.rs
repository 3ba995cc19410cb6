//! The signatures in an outline of public items, in any language.

use std::collections::BTreeSet;

/// The signatures of an outline of public items. Items within a class or an implementation have its
/// name before them.
pub fn outline_heads(outline: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut holder: Option<String> = None;
    let mut lines = outline.lines().filter(|line| !line.trim().is_empty());
    let mut in_text = false;
    while let Some(first) = lines.next() {
        let start = first.trim_start();
        if start.starts_with("\"\"\"") || in_text {
            // A docstring, on one line or several.
            let quotes = first.matches("\"\"\"").count();
            in_text = if in_text { quotes == 0 } else { quotes == 1 };
            continue;
        }
        let is_note = ["//", "/*", "*", "#", "@", "}"].iter().any(|mark| start.starts_with(mark));
        let is_inner = first.starts_with([' ', '\t']);
        let mut item = ItemLines::default();
        item.add(first);
        let is_attribute = ["#[", "#![", "@"].iter().any(|mark| start.starts_with(mark));
        while item.depth > 0 && (!is_note || is_attribute) || !is_note && item.goes_on(is_inner) {
            let Some(next) = lines.next() else { break };
            item.add(next);
        }
        if is_note {
            continue;
        }
        let Some(head) = head(&item.text) else {
            holder = holder.filter(|_| is_inner);
            continue;
        };
        match (is_inner, &holder) {
            (true, Some(of)) => out.push(format!("{of}: {head}")),
            (true, None) => {}
            (false, _) => {
                let class = head.split(['(', '<']).next().unwrap_or_default().trim().to_owned();
                let is_class = class.split(' ').any(|word| word == "class");
                let class = if is_class { class.trim_start_matches("export ") } else { &head };
                let class = class.split(" where ").next().unwrap_or_default();
                let is_impl = ["impl", "unsafe impl"].iter().any(|start| head.starts_with(start));
                holder = (is_class || is_impl).then(|| class.to_owned());
                if !is_impl {
                    out.push(head);
                }
            }
        }
    }
    // Several configurations have the same item.
    let mut seen = BTreeSet::new();
    out.retain(|one| seen.insert(one.clone()));
    out
}

/// The lines of an item, joined and without comments.
#[derive(Default)]
struct ItemLines {
    text: String,
    /// Parentheses and brackets that are open at its end.
    depth: usize,
    /// Its signs that are in no parentheses, brackets and strings.
    outside: String,
}

impl ItemLines {
    fn add(&mut self, line: &str) {
        let mut quote = None;
        let mut chars = line.trim().char_indices().peekable();
        let line = line.trim();
        let mut end = line.len();
        while let Some((at, c)) = chars.next() {
            let rest = &line[at..];
            match (quote, c) {
                (Some(_), '\\') => drop(chars.next()),
                (Some(open), _) => quote = (c != open).then_some(open),
                (None, '/') if rest.starts_with("//") => {
                    end = at;
                    break;
                }
                (None, '#') if line[..at].ends_with("  ") => {
                    end = at;
                    break;
                }
                (None, '"' | '`') => quote = Some(c),
                (None, '/') if line[..at].trim_end().ends_with('=') => quote = Some(c),
                // Not the lifetimes of Rust.
                (None, '\'') if is_quote(rest) => quote = Some(c),
                (None, '(' | '[') => self.depth += 1,
                (None, ')' | ']') => self.depth = self.depth.saturating_sub(1),
                (None, _) if self.depth == 0 => self.outside.push(c),
                (None, _) => {}
            }
        }
        let code = line[..end].trim_end();
        let space = if self.text.is_empty() || code.is_empty() { "" } else { " " };
        self.text = std::mem::take(&mut self.text) + space + code;
        self.outside.push(' ');
    }

    /// Whether an item whose brackets are closed goes on in the next line.
    fn goes_on(&self, is_inner: bool) -> bool {
        let text = self.text.as_str();
        let is_rust = ["pub ", "impl", "unsafe impl"].iter().any(|start| text.starts_with(start));
        // The bounds of Rust may be on lines of their own.
        let has_bounds = is_rust && (!is_inner || text.contains(" fn "));
        let is_type = text.starts_with("export type ") && !text.ends_with(';');
        let is_cut = text.starts_with("export ") && text.ends_with('=') || is_type;
        let before = text.split('(').next().unwrap_or_default();
        let count = |sign| before.matches(sign).count();
        let is_generic = text.starts_with("export ") && !before.contains(" = ");
        has_bounds && !self.outside.contains(['{', ';'])
            || is_cut
            || is_generic && count('<') > count('>')
    }
}

/// Whether a `'` begins a string or a character.
fn is_quote(rest: &str) -> bool {
    let inner = rest[1..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    inner.starts_with('\'') || inner.len() == rest.len() - 1 && inner[..].contains('\'')
}

/// An item without its body; `None` for what only names items of other places.
fn head(item: &str) -> Option<String> {
    let item = item.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_other = ["pub use ", "from ", "export {", "export *", "import "];
    if is_other.iter().any(|start| item.starts_with(start)) || item.ends_with("{ … }") {
        return None;
    }
    let item = match item.strip_suffix('{') {
        Some(before) => before.trim_end().trim_end_matches("=>").trim_end_matches('='),
        None => &item[..body(&item)],
    };
    let item = item.trim_end_matches([';', ':', ' ', ',']);
    let item = item.strip_suffix(" ...").unwrap_or(item).trim_end_matches([':', ' ']);
    // `f( a: u32, )` is what a formatter makes of a long `f(a: u32)`.
    let item = item.replace("( ", "(").replace(", )", ")").replace(" )", ")");
    let item = item.replace("< ", "<").replace(", >", ">").replace(" >(", ">(");
    (!item.is_empty()).then_some(item)
}

/// Where the body of an item begins: at a brace outside of brackets that no type goes on with.
fn body(item: &str) -> usize {
    let (mut depth, mut last) = (0_usize, ' ');
    for (at, c) in item.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' if depth == 0 && !":|&=,<".contains(last) => return at,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        last = if c == ' ' { last } else { c };
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use super::outline_heads as heads;

    #[test]
    fn strings_comments_and_types_do_not_end_an_item() {
        for (outline, shown) in [
            (
                "OPEN = \"(\"\nSMILE: str = ':('\ndef one() -> int:\n",
                vec!["OPEN = \"(\"", "SMILE: str = ':('", "def one() -> int"],
            ),
            (
                "# A ( comment\ndef a(\n    b: str,  # the (text\n    c: str = \") -> x:\",\n) -> int:\n",
                vec!["def a(b: str, c: str = \") -> x:\") -> int"],
            ),
            (
                "export const RE = /[({]/;\nexport const B = 1;\n",
                vec!["export const RE = /[({]/", "export const B = 1"],
            ),
            (
                "export function pair(a: string): { l: string; r: string } {\n",
                vec!["export function pair(a: string): { l: string; r: string }"],
            ),
            (
                "export const g = async <T extends { id: string }>(a: T, { d = false }: { d?: boolean } = {}): Promise<T> => {\n",
                vec![
                    "export const g = async <T extends { id: string }>(a: T, { d = false }: { d?: boolean } = {}): Promise<T>",
                ],
            ),
            (
                "export function long<\n  T extends object,\n>(a: T): void {\n",
                vec!["export function long<T extends object>(a: T): void"],
            ),
            (
                "export type R =\n  | { ok: true }\n  | string;\nexport const L = {\n",
                vec!["export type R = | { ok: true } | string", "export const L"],
            ),
            (
                "#[deprecated(note = \"not `(`\")]\npub struct P(\n    /// The x (left.\n    pub f64,\n);\n",
                vec!["pub struct P(pub f64)"],
            ),
            (
                "pub fn d<'a, const N: usize, F>(k: &'a [u8; N], f: F) -> [u8; 32]\nwhere\n    F: Fn(u8) -> u8;\npub const C: char;\n",
                vec![
                    "pub fn d<'a, const N: usize, F>(k: &'a [u8; N], f: F) -> [u8; 32] where F: Fn(u8) -> u8",
                    "pub const C: char",
                ],
            ),
        ] {
            assert_eq!(heads(outline), shown, "{outline}");
        }
        let many = "OPEN = [\n".to_owned() + &"A = 1\n".repeat(100_000);
        assert_eq!(heads(&many).len(), 1);
    }

    #[test]
    fn outlines_have_signatures() {
        let rust = "// in `a`\npub fn to_roman(n: u32) -> Result<String, Error>;\npub struct Cache {\n    pub size: usize,\n    pub f: fn(u8),\n}\n\
            impl Cache {\n    pub fn get(\n        &self,\n        key: &str,\n    ) -> Option<String>;\n}\n\
            impl<T> fmt::Display for Cache<T>\nwhere\n    T: Clone, { … }\npub const LIMIT: u32;\npub use a::b;\n\
            impl<T> Other<T>\nwhere\n    T: Clone, {\n    pub fn len<U>(&self) -> U\n    where\n        U: Clone;\n}\nmacro_rules! roman;\n\
            #[cfg(\n    unix\n)]\npub fn now();\n#[cfg(not(unix))]\npub fn now();\n";
        assert_eq!(
            heads(rust),
            [
                "pub fn to_roman(n: u32) -> Result<String, Error>",
                "pub struct Cache",
                "impl Cache: pub fn get(&self, key: &str) -> Option<String>",
                "pub const LIMIT: u32",
                "impl<T> Other<T>: pub fn len<U>(&self) -> U where U: Clone",
                "macro_rules! roman",
                "pub fn now()",
            ]
        );
        let python = "LIMIT: int = 3\n@dataclass\nclass Stock(Base):\n    \"\"\"Prices.\n\n    All.\n    \"\"\"\n    names: list[str]\n    \
            def __init__(self) -> None:\n    async def total(\n        self, of='#',\n    ) -> int:\n        \"\"\"The sum.\"\"\"\ndef shown(a: int) -> int:\n";
        assert_eq!(
            heads(python),
            [
                "LIMIT: int = 3",
                "class Stock(Base)",
                "class Stock: names: list[str]",
                "class Stock: def __init__(self) -> None",
                "class Stock: async def total(self, of='#') -> int",
                "def shown(a: int) -> int",
            ]
        );
        let script = "/** Most. */\nexport const LIMIT = 3;\nexport class Stock {\n  name = \"\";\n  /** One more. */\n  taking(\n    price: Price,\n  ): this {\n}\n\
            export interface Price {\n  cents: number;\n}\nexport async function total(all: Stock): Promise<number> {\nexport { a };\n";
        assert_eq!(
            heads(script),
            [
                "export const LIMIT = 3",
                "export class Stock",
                "class Stock: name = \"\"",
                "class Stock: taking(price: Price): this",
                "export interface Price",
                "export async function total(all: Stock): Promise<number>",
            ]
        );
    }
}
