//! The public items of a package without their code, as a model is shown them.

use super::membrane::{LogicalLine, logical_lines};
use super::package::is_keyword;
use crate::types::Tree;

/// The public items of a package, module by module, those of the package itself first.
pub fn of(tree: &Tree) -> String {
    let mut modules: Vec<(Vec<&str>, &str)> = Vec::new();
    for (path, _) in tree.iter() {
        let inner = path.as_str().strip_prefix("src/").and_then(|path| path.strip_suffix(".py"));
        let Some((inner, text)) = inner.zip(tree.text(path.as_str())) else { continue };
        let inner = inner.strip_suffix("/__init__").unwrap_or(inner);
        let name: Vec<&str> = inner.split('/').collect();
        if !name.iter().any(|part| part.starts_with('_')) {
            modules.push((name, text));
        }
    }
    modules.sort();
    let mut out = String::new();
    for (name, text) in modules {
        let items = PackageOutline::of(text);
        if name.len() > 1 && !items.is_empty() {
            out.push_str(&format!("# in `{}`\n", name.join(".")));
        }
        out.push_str(&items);
    }
    out
}

struct PackageOutline<'a> {
    physical: Vec<&'a str>,
    items: String,
}

impl PackageOutline<'_> {
    fn of(text: &str) -> String {
        let lines = logical_lines(text);
        let mut outline = PackageOutline { physical: text.lines().collect(), items: String::new() };
        // Lines that are indented more are the body of something that is not shown.
        let mut hidden: Option<usize> = None;
        let mut decorators: Vec<&LogicalLine> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            if hidden.is_some_and(|indent| line.indent > indent) {
                continue;
            }
            hidden = None;
            let code = line.code.trim_start_matches("async ");
            let head = code.strip_prefix("def ").or(code.strip_prefix("class "));
            if code.starts_with('@') {
                decorators.push(line);
                continue;
            }
            let before = std::mem::take(&mut decorators);
            if let Some(head) = head {
                let is_shown = is_public(head) || head.starts_with("__init__");
                if is_shown {
                    before.into_iter().chain([line]).for_each(|one| outline.show(one));
                    let about = lines.get(at + 1).filter(|next| next.indent > line.indent);
                    about
                        .filter(|one| one.code == "\"\"")
                        .into_iter()
                        .for_each(|one| outline.show(one));
                }
                hidden = (!is_shown || code.starts_with("def ")).then_some(line.indent);
            } else if code.starts_with("from .") || (is_public(code) && is_value(code)) {
                outline.show(line);
            }
        }
        outline.items
    }

    /// A statement as it is written.
    fn show(&mut self, line: &LogicalLine) {
        for text in self.physical.get(line.lines.clone()).into_iter().flatten() {
            self.items.push_str(&format!("{text}\n"));
        }
    }
}

/// Whether a statement begins with a public name.
fn is_public(code: &str) -> bool {
    let word = code.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    word.starts_with(char::is_alphabetic) && !is_keyword(word)
}

/// Whether a statement gives a name a value or a type.
fn is_value(code: &str) -> bool {
    let rest = code.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
    (rest.starts_with('=') && !rest.starts_with("==")) || (rest.starts_with(':') && rest.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::PackageOutline;

    #[test]
    fn public_items_are_shown_without_their_code() {
        let text = "\"\"\"Stock.\"\"\"\n\nimport json\nfrom .a import (\n    b,\n)\n\n__all__ = ['x']\nLIMIT: int = 3\n_own = 1\n\n\n\
            @dataclass\nclass Stock(Base):\n    \"\"\"Prices.\n\n    All of them.\n    \"\"\"\n\n    names: list[str]\n    _own = 2\n\n    \
            def __init__(self) -> None:\n        x = 1\n\n    def _no(self):\n        def yes(): pass\n\n    \
            async def total(\n        self, of='#',\n    ) -> int:\n        \"\"\"The sum.\"\"\"\n        y = 2\n        return y\n\n\n\
            if LIMIT:\n    pass\nelse: pass\ntry: pass\nfinally: pass\n@cache\ndef _hidden():\n    z: int = 1\n\n\ndef shown(a: int) -> int:\n    return a\n";
        let shown = "from .a import (\n    b,\n)\nLIMIT: int = 3\n@dataclass\nclass Stock(Base):\n    \"\"\"Prices.\n\n    \
            All of them.\n    \"\"\"\n    names: list[str]\n    def __init__(self) -> None:\n    async def total(\n        \
            self, of='#',\n    ) -> int:\n        \"\"\"The sum.\"\"\"\ndef shown(a: int) -> int:\n";
        assert_eq!(PackageOutline::of(text), shown);
    }
}
