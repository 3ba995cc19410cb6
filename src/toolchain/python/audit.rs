//! What the interpreter's own parser finds in a candidate's modules, which it does not run.

use serde::Deserialize;

/// The program that lists it.
pub const SCRIPT: &str = include_str!("audit.txt");

/// One line of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum AuditLine {
    /// A file that cannot be parsed.
    Syntax(Noticed),
    /// A comment that switches a tool off.
    Suppress(Noticed),
    /// A module that is neither the standard library's nor the package's.
    Import(Noticed),
    /// A file that no other one imports.
    Unreached(Noticed),
    /// What a program's main module lacks.
    Program(Noticed),
    /// A use of something that needs an effect.
    Effect {
        /// The effect.
        effect: String,
        /// What is used, and where.
        #[serde(flatten)]
        noticed: Noticed,
    },
    /// A name of the package.
    Public(PublicItem),
    /// `__all__`; without names if they are not literals.
    All {
        /// The names.
        names: Option<Vec<String>>,
        /// The line.
        line: u32,
    },
    /// The end of the list.
    End,
}

/// A name at the top of the package, or a function of a class.
#[derive(Clone, Debug, Deserialize)]
pub struct PublicItem {
    /// Its name; `class.function` for a function of a class.
    pub name: String,
    /// What it is: `function`, `class`, `method`, `value`; `own`, `contract` or `import` for an
    /// imported name.
    pub what: String,
    /// Its line.
    pub line: u32,
    /// A function's parameters.
    #[serde(default)]
    pub args: Vec<String>,
    /// Whether it has `*args`.
    #[serde(default)]
    pub free: bool,
    /// Parameters that must be given by name.
    #[serde(default)]
    pub required: Vec<String>,
}

/// Something at a place.
#[derive(Clone, Debug, Deserialize)]
pub struct Noticed {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What it is.
    pub what: String,
}

/// Reads the list. `None` if it is not whole: then not everything was looked at.
pub fn read(output: &str) -> Option<Vec<AuditLine>> {
    let lines: Result<Vec<AuditLine>, _> = output.lines().map(serde_json::from_str).collect();
    let mut lines = lines.ok()?;
    matches!(lines.pop(), Some(AuditLine::End)).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_list_counts_only_with_its_end() {
        let line = "{\"kind\": \"syntax\", \"file\": \"a.py\", \"line\": 3, \"what\": \"no\"}\n";
        assert!(read(line).is_none() && read("").is_none());
        let end = "{\"kind\": \"end\"}\n";
        assert_eq!(read(&format!("{line}{end}")).map(|lines| lines.len()), Some(1));
        assert!(read(&format!("{line}x\n{end}")).is_none());
    }
}
