//! The public items of a package without their code, as a model is shown them. Code is as the
//! formatter writes it: a body begins at the end of a line.

use std::ops::Range;

use super::package::Dialect;
use super::words::{ScriptToken, tokens};
use crate::types::Tree;

/// The public items of a package, module by module, the root first.
pub fn of(tree: &Tree, dialect: Dialect) -> String {
    let paths = tree.iter().map(|(path, _)| path.as_str());
    let mut paths: Vec<&str> = paths.filter(|path| path.ends_with(dialect.end())).collect();
    paths.sort_by_key(|path| *path != dialect.root());
    let mut out = String::new();
    for path in paths {
        let items = tree.text(path).and_then(ModuleOutline::of).unwrap_or_default();
        if path != dialect.root() && !items.is_empty() {
            out.push_str(&format!("// in `{path}`\n"));
        }
        out.push_str(&items);
    }
    out
}

struct ModuleOutline<'a> {
    lines: Vec<&'a str>,
    /// How many braces, and how many parentheses, are open before each line and at the end.
    open: Vec<(usize, usize)>,
    items: String,
}

impl ModuleOutline<'_> {
    /// `None` for a module that cannot be read.
    fn of(text: &str) -> Option<String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut open = vec![(0, 0); lines.len() + 1];
        let (mut braces, mut parens, mut next) = (0_usize, 0_usize, 0);
        for (token, line) in tokens(text).ok()? {
            let line = usize::try_from(line).ok()?;
            open.get_mut(next..line)?.fill((braces, parens));
            next = line;
            match token {
                ScriptToken::Sign('{') => braces += 1,
                ScriptToken::Sign('}') => braces = braces.saturating_sub(1),
                ScriptToken::Sign('(') => parens += 1,
                ScriptToken::Sign(')') => parens = parens.saturating_sub(1),
                _ => {}
            }
        }
        open.get_mut(next..)?.fill((braces, parens));
        let mut outline = ModuleOutline { lines, open, items: String::new() };
        outline.statements();
        Some(outline.items)
    }

    /// The exported statements at the top.
    fn statements(&mut self) {
        for at in 0..self.lines.len() {
            let Some(rest) = self.lines[at].strip_prefix("export ") else { continue };
            if self.open[at] != (0, 0) {
                continue;
            }
            let words =
                |names: &[&str]| rest.split([' ', '*']).take(3).any(|word| names.contains(&word));
            if words(&["class"]) {
                let head = self.head(at, 0);
                let end = self.end(at);
                self.show(at, head.clone());
                self.members(head.end..end.end);
                self.items.push_str("}\n");
            } else if words(&["function", "const", "let"]) {
                let head = self.head(at, 0);
                self.show(at, head);
            } else {
                let end = self.end(at);
                self.show(at, end);
            }
        }
    }

    /// The members of a class that are not private.
    fn members(&mut self, range: Range<usize>) {
        for at in range {
            let text = self.lines[at].trim_start();
            let before = ["static", "readonly", "async", "get", "set", "override", "accessor"];
            let first = text.split(' ').find(|word| !before.contains(word)).unwrap_or_default();
            let is_shown =
                !first.starts_with(['#', '}', '/', '*']) && first != "private" && !first.is_empty();
            if self.open[at] == (1, 0) && is_shown {
                let head = self.head(at, 1);
                self.show(at, head);
            }
        }
    }

    /// The lines of a statement up to where its body begins, or to its end.
    fn head(&self, at: usize, depth: usize) -> Range<usize> {
        let ends = |one: &usize| {
            let (braces, parens) = self.open[one + 1];
            let has_body = braces > depth && self.lines[*one].ends_with('{');
            parens == 0 && (has_body || braces <= depth)
        };
        let last = (at..self.lines.len()).find(ends).unwrap_or(at);
        at..last + 1
    }

    /// The lines of a whole statement at the top.
    fn end(&self, at: usize) -> Range<usize> {
        let ends = |one: &usize| {
            let text = self.lines[*one];
            self.open[one + 1] == (0, 0) && text.ends_with([';', '}'])
        };
        let last = (at..self.lines.len()).find(ends).unwrap_or(at);
        at..last + 1
    }

    /// Lines, after the comment before them.
    fn show(&mut self, at: usize, lines: Range<usize>) {
        let is_comment = |line: &usize| {
            let text = self.lines[*line].trim_start();
            ["/", "*"].iter().any(|start| text.starts_with(start))
        };
        let first = (0..at).rev().take_while(is_comment).last().unwrap_or(at);
        for text in &self.lines[first..lines.end] {
            self.items.push_str(&format!("{text}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ModuleOutline;

    #[test]
    fn public_items_are_shown_without_their_code() {
        let text = "import { a } from \"./a.ts\";\n\n/** Most. */\nexport const LIMIT = 3;\nconst own = { x: 1 };\n\n\
            /**\n * A stock.\n */\nexport class Stock {\n  readonly #all: number[] = [];\n  private no = 1;\n  name = \"{\";\n\n  \
            /** One more. */\n  taking(\n    price: { cents: number },\n    of = \")\",\n  ): this {\n    if (price) {\n      \
            this.#all.push(1);\n    }\n    return this;\n  }\n\n  #hidden() {\n    return 1;\n  }\n}\n\n\
            export interface Price {\n  cents: number;\n}\n\nexport type Two = 1 | 2;\nfunction hidden() {}\n\
            export async function total(all: Stock): Promise<number> {\n  return hidden();\n}\nexport { a };\n";
        let shown = "/** Most. */\nexport const LIMIT = 3;\n/**\n * A stock.\n */\nexport class Stock {\n  name = \"{\";\n  \
            /** One more. */\n  taking(\n    price: { cents: number },\n    of = \")\",\n  ): this {\n}\n\
            export interface Price {\n  cents: number;\n}\nexport type Two = 1 | 2;\n\
            export async function total(all: Stock): Promise<number> {\nexport { a };\n";
        assert_eq!(ModuleOutline::of(text).as_deref(), Some(shown));
    }
}
