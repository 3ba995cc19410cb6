//! What a parser finds in a candidate's modules, which it does not run.

use serde::Deserialize;

/// The program that lists it.
pub const SCRIPT: &str = include_str!("audit.txt");

/// One line of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ModuleLine {
    /// A file that cannot be parsed.
    Syntax(ModulePlace),
    /// A comment that switches a tool off.
    Suppress(ModulePlace),
    /// A module that is neither Node's nor the package's.
    Import(ModulePlace),
    /// A file that no other one imports.
    Unreached(ModulePlace),
    /// A use of something that needs an effect.
    Effect {
        /// The effect.
        effect: String,
        /// What is used, and where.
        #[serde(flatten)]
        place: ModulePlace,
    },
    /// A type that the package exports.
    Type {
        /// Its name.
        name: String,
        /// Its line.
        line: u32,
    },
    /// The end of the list.
    End,
}

/// Something at a place.
#[derive(Clone, Debug, Deserialize)]
pub struct ModulePlace {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What it is.
    pub what: String,
}

/// Reads the list. `None` if it is not whole: then not everything was looked at.
pub fn read(output: &str) -> Option<Vec<ModuleLine>> {
    let lines: Result<Vec<ModuleLine>, _> = output.lines().map(serde_json::from_str).collect();
    let mut lines = lines.ok()?;
    matches!(lines.pop(), Some(ModuleLine::End)).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_list_counts_only_with_its_end() {
        let line = "{\"kind\": \"syntax\", \"file\": \"a.ts\", \"line\": 3, \"what\": \"no\"}\n";
        assert!(read(line).is_none() && read("").is_none());
        let end = "{\"kind\": \"end\"}\n";
        assert_eq!(read(&format!("{line}{end}")).map(|lines| lines.len()), Some(1));
        assert!(read(&format!("{line}x\n{end}")).is_none());
    }
}
