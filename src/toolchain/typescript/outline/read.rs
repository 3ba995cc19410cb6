//! The statements at the top of a module, without code. Code is as the formatter writes it: a body
//! begins at the end of a line.

use std::ops::Range;

use crate::toolchain::typescript::words::{ScriptToken, tokens};

/// Words before the name of what a statement declares.
const BEFORE: &str = "export default declare abstract async function class interface type enum const let var \
     namespace";

/// A statement at the top of a module.
pub enum ScriptEntry {
    /// A declaration.
    Item(ScriptItem),
    /// Names of another module, of this one for `None`: `import { a } from`, `export { a }`.
    Names {
        /// As it is written.
        text: String,
        /// The module, as it is named.
        from: Option<String>,
        /// The names there and here; `*` for all.
        names: Vec<(String, String)>,
        /// Whether they are for others.
        is_export: bool,
    },
}

/// A declaration.
pub struct ScriptItem {
    /// Its name.
    pub name: String,
    /// Whether it is for others.
    pub is_export: bool,
    /// Whether it is the default export.
    pub is_default: bool,
    /// The comment before it.
    about: String,
    /// Its text without code.
    text: String,
}

impl ScriptItem {
    /// Its text under a name that others have for it.
    pub fn named(&self, name: &str) -> String {
        let export = if self.is_export { "" } else { "export " };
        let named = format!(" {}", self.name);
        let text = format!("{export}{}", self.text);
        let text = if name == self.name || name == "default" {
            text
        } else {
            text.replacen(&named, &format!(" {name}"), 1)
        };
        format!("{}{text}", self.about)
    }
}

struct ModuleOutline<'a> {
    lines: Vec<&'a str>,
    /// How many braces, and how many parentheses, are open before each line and at the end.
    open: Vec<(usize, usize)>,
}

impl<'a> ModuleOutline<'a> {
    /// `None` for a module that cannot be read.
    fn of(text: &'a str) -> Option<Self> {
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
        Some(ModuleOutline { lines, open })
    }

    fn statements(&self) -> Vec<ScriptEntry> {
        let starts = (0..self.lines.len()).filter(|at| self.open[*at] == (0, 0));
        starts.filter_map(|at| self.statement(at)).collect()
    }

    fn statement(&self, at: usize) -> Option<ScriptEntry> {
        let line = self.lines[at];
        let starts = |all: &[&str]| all.iter().any(|start| line.starts_with(start));
        if starts(&["import ", "export {", "export *", "export type {", "export type *"]) {
            return names(self.text(self.end(at)));
        }
        let all = line.split(|c: char| !(c.is_alphanumeric() || "_$".contains(c)));
        let all: Vec<&str> = all.filter(|word| !word.is_empty()).collect();
        let is_before = |word: &&&str| BEFORE.split_whitespace().any(|one| one == **word);
        let before = all.iter().take_while(is_before).count();
        let (before, name) = (&all[..before], all.get(before)?);
        let is_default = before.contains(&"default");
        let text = match *before.last().filter(|_| !line.starts_with(' '))? {
            "default" => {
                let names = vec![((*name).to_owned(), "default".to_owned())];
                let text = self.text(self.end(at));
                return Some(ScriptEntry::Names { text, from: None, names, is_export: true });
            }
            "export" | "async" | "declare" => return None,
            "class" => {
                let head = self.head(at, 0);
                let members = self.members(head.end..self.end(at).end);
                format!("{}{members}}}\n", self.text(head))
            }
            "function" | "const" | "let" | "var" => self.text(self.head(at, 0)),
            _ => self.text(self.end(at)),
        };
        Some(ScriptEntry::Item(ScriptItem {
            name: (*name).to_owned(),
            is_export: before.contains(&"export"),
            is_default,
            about: self.text(self.comment(at)),
            text,
        }))
    }

    /// The members of a class that are not private.
    fn members(&self, range: Range<usize>) -> String {
        let before = ["static", "readonly", "async", "get", "set", "override", "accessor"];
        let is_shown = |at: &usize| {
            let text = self.lines[*at].trim_start();
            let first = text.split(' ').find(|word| !before.contains(word)).unwrap_or_default();
            let is_comment = first.starts_with('/') || ["*", "*/"].contains(&first);
            let is_own = first.starts_with(['#', '}']) || ["private", "{"].contains(&first);
            self.open[*at] == (1, 0) && !is_own && !is_comment && !first.is_empty()
        };
        let members = range.filter(is_shown);
        members.map(|at| self.text(self.comment(at)) + &self.text(self.head(at, 1))).collect()
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

    /// The lines of the comment before a line.
    fn comment(&self, at: usize) -> Range<usize> {
        let is_comment = |line: &usize| {
            let text = self.lines[*line].trim_start();
            ["/", "*"].iter().any(|start| text.starts_with(start))
        };
        (0..at).rev().take_while(is_comment).last().unwrap_or(at)..at
    }

    fn text(&self, lines: Range<usize>) -> String {
        self.lines[lines].iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The statements at the top of a module; none if it cannot be read.
pub fn statements(text: &str) -> Vec<ScriptEntry> {
    ModuleOutline::of(text).map(|outline| outline.statements()).unwrap_or_default()
}

/// An `import` or `export` of names.
fn names(text: String) -> Option<ScriptEntry> {
    let mut tokens = tokens(&text).ok()?.into_iter().map(|(token, _)| token);
    let is_export = tokens.next()? == ScriptToken::Word("export".to_owned());
    let (mut names, mut from, mut in_list) = (Vec::new(), None, false);
    let mut words: Vec<String> = Vec::new();
    for token in tokens {
        let is_list = token == ScriptToken::Sign('{');
        match token {
            ScriptToken::Word(word) => {
                let is_name = !["as", "from", "type"].contains(&&*word);
                words.extend(is_name.then_some(word));
                continue;
            }
            ScriptToken::Sign('*') => {
                words.push("*".to_owned());
                continue;
            }
            ScriptToken::Text(path) => from = path,
            ScriptToken::Sign(_) => {}
        }
        let mut taken = std::mem::take(&mut words).into_iter();
        match (taken.next(), taken.next()) {
            (Some(name), Some(alias)) => names.push((name, alias)),
            (Some(name), None) if in_list || name == "*" => names.push((name.clone(), name)),
            (Some(name), None) => names.push(("default".to_owned(), name)),
            (None, _) => {}
        }
        in_list |= is_list;
    }
    Some(ScriptEntry::Names { text, from, names, is_export })
}
