//! What a module of Python has for others.

use std::collections::BTreeSet;

use crate::toolchain::python::membrane::{LogicalLine, logical_lines};
use crate::toolchain::python::package::is_keyword;

/// A module.
pub struct PythonModule {
    /// Its statements that may matter to others, in order.
    pub entries: Vec<PythonEntry>,
    /// Whether it is an `__init__.py`.
    pub is_package: bool,
    /// The names in `__all__`.
    all: Option<BTreeSet<String>>,
}

/// A statement at the top.
pub enum PythonEntry {
    /// A definition.
    Item(PythonItem),
    /// An import of names.
    Import(PythonImport),
}

impl PythonEntry {
    /// How many names it imports.
    pub fn size(&self) -> usize {
        match self {
            Self::Item(_) => 0,
            Self::Import(import) => import.names.as_ref().map_or(0, Vec::len),
        }
    }

    /// The names that it gives its module.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Item(item) => vec![&item.name],
            Self::Import(import) => {
                import.names.iter().flatten().map(|(_, alias)| alias.as_str()).collect()
            }
        }
    }
}

/// A definition.
pub struct PythonItem {
    /// Its name.
    pub name: String,
    /// Its text without code.
    pub text: String,
}

impl PythonItem {
    /// Its text under a name.
    pub fn named(&self, name: &str) -> String {
        let starts = ["def ", "class ", ""].map(|start| format!("{start}{}", self.name));
        let found = starts.iter().find_map(|one| Some((self.text.find(one)?, one)));
        let Some((at, one)) = found.filter(|_| name != self.name) else { return self.text.clone() };
        let end = at + one.len();
        format!("{}{name}{}", &self.text[..end - self.name.len()], &self.text[end..])
    }
}

/// `from … import …`.
pub struct PythonImport {
    /// The dots before the module.
    pub level: usize,
    /// The parts of the module's name.
    pub from: Vec<String>,
    /// The names there and here; `None` for all of them.
    pub names: Option<Vec<(String, String)>>,
    /// As it is written.
    pub text: String,
    /// The names that are imported `as` themselves.
    again: BTreeSet<String>,
}

impl PythonImport {
    fn of(code: &str, text: String) -> Option<Self> {
        let (module, names) = code.strip_prefix("from ")?.split_once(" import ")?;
        let name = module.trim_start_matches('.').trim();
        let mut again = BTreeSet::new();
        let names = names.trim_matches(|c: char| "() ;".contains(c) || c.is_whitespace());
        let names = (names != "*").then(|| {
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            let pair = |name: &str| match name.split_once(" as ") {
                Some((original, alias)) => {
                    let (original, alias) = (original.trim(), alias.trim());
                    again.extend((original == alias).then(|| alias.to_owned()));
                    (original.to_owned(), alias.to_owned())
                }
                None => (name.to_owned(), name.to_owned()),
            };
            names.map(pair).collect()
        });
        Some(Self {
            level: module.len() - module.trim_start_matches('.').len(),
            from: name.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            names,
            text,
            again,
        })
    }
}

impl PythonModule {
    /// Reads a module.
    pub fn of(text: &str, is_package: bool) -> Self {
        let physical: Vec<&str> = text.lines().collect();
        let mut module = Self { entries: Vec::new(), is_package, all: None };
        let written = |line: &LogicalLine| {
            let lines = physical.get(line.lines.clone()).into_iter().flatten();
            lines.map(|text| format!("{text}\n")).collect::<String>()
        };
        // Lines that are indented more are the body of something that is not shown.
        let mut hidden: Option<usize> = None;
        let mut decorators = String::new();
        // Whether the last statement at the top is a class.
        let mut in_class = false;
        let lines = logical_lines(text);
        for (at, line) in lines.iter().enumerate() {
            if hidden.is_some_and(|indent| line.indent > indent) {
                continue;
            }
            hidden = None;
            let code = line.code.trim_start_matches("async ");
            let head = code.strip_prefix("def ").or(code.strip_prefix("class "));
            if code.starts_with('@') {
                decorators.push_str(&written(line));
                continue;
            }
            let before = std::mem::take(&mut decorators);
            in_class = if line.indent == 0 { code.starts_with("class ") } else { in_class };
            let is_item = line.indent == 0 || in_class;
            if let Some(head) = head {
                let is_inner_and_own =
                    line.indent > 0 && !is_public(head) && !head.starts_with("__init__");
                if !is_inner_and_own {
                    let about = lines.get(at + 1);
                    let about =
                        about.filter(|next| next.indent > line.indent && next.code == "\"\"");
                    let text = before + &written(line) + &about.map(written).unwrap_or_default();
                    if is_item {
                        module.item(line, word(head), text);
                    }
                }
                hidden = (is_inner_and_own || code.starts_with("def ")).then_some(line.indent);
            } else if code.starts_with("from ") && line.indent == 0 {
                let import = PythonImport::of(code, written(line));
                module.entries.extend(import.map(PythonEntry::Import));
            } else if word(code) == "__all__" && line.indent == 0 {
                module.all.get_or_insert_default().extend(texts(&written(line)));
            } else if is_item && is_value(code) && (line.indent == 0 || is_public(code)) {
                module.item(line, word(code), written(line));
            }
        }
        module
    }

    /// Adds a definition; one of a class to the class.
    fn item(&mut self, line: &LogicalLine, name: &str, text: String) {
        match self.entries.last_mut() {
            Some(PythonEntry::Item(item)) if line.indent > 0 => item.text.push_str(&text),
            _ => {
                let item = PythonItem { name: name.to_owned(), text };
                self.entries.push(PythonEntry::Item(item));
            }
        }
    }

    /// Whether others may use a name that it defines.
    pub fn exports(&self, name: &str) -> bool {
        match &self.all {
            Some(all) => all.contains(name),
            None => is_public(name),
        }
    }

    /// Whether others may use a name that it imports.
    pub fn reexports(&self, import: &PythonImport, original: &str, alias: &str) -> bool {
        let is_meant = self.all.is_some() || self.is_package || import.again.contains(original);
        is_meant && self.exports(alias)
    }
}

/// The first word of a statement.
fn word(code: &str) -> &str {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Whether a statement begins with a public name.
fn is_public(code: &str) -> bool {
    let word = word(code);
    word.starts_with(char::is_alphabetic) && !is_keyword(word)
}

/// Whether a statement gives a name a value or a type.
fn is_value(code: &str) -> bool {
    let rest = code.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
    let is_name = !word(code).is_empty() && !is_keyword(word(code));
    is_name
        && ((rest.starts_with('=') && !rest.starts_with("=="))
            || (rest.starts_with(':') && rest.len() > 1))
}

/// The plain strings in a text.
fn texts(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let code = code.collect::<String>();
    let parts: Vec<&str> = code.split(['"', '\'']).collect();
    parts.chunks(2).filter_map(|pair| pair.get(1)).map(|&one| one.to_owned()).collect()
}
