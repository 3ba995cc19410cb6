//! Toolchains that the workspace declares.

use crate::toolchain;
use crate::types::{Declaration, Harness, Problem};

/// The folder of declared toolchains in a workspace.
pub const TOOLCHAINS: &str = "toolchains";

/// The file of a declared toolchain.
pub fn toolchain_file(name: &str) -> String {
    format!("{TOOLCHAINS}/{name}.toml")
}

/// Gives the text of `toolchains/NAME.toml`; `None` if the file does not exist.
pub type DeclaredText<'a> = dyn Fn(&str) -> Option<Result<String, String>> + 'a;

/// Whether a name can be that of a declared toolchain, and so of a file.
pub fn is_toolchain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain)
}

/// Adds their declarations to the targets. An unknown toolchain is told with the other problems.
///
/// # Errors
/// A file is wrong, or it declares a toolchain that is built in.
pub fn declare(harness: &mut Harness, text: &DeclaredText<'_>) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for (name, target) in &mut harness.target {
        if target.declaration.is_some() {
            let message = format!("unknown field `declaration` of the target `{name}`");
            return Err(vec![Problem::error("config::wrong_value", message)]);
        }
        let id = target.toolchain.as_ref().filter(|id| toolchain::find(id).is_none());
        let Some(id) = id.map(|id| id.as_str()).filter(|id| is_toolchain_name(id)) else {
            continue;
        };
        let file = toolchain_file(id);
        match text(id) {
            None => target.declaration = toolchain::shipped(id),
            Some(Err(why)) => {
                problems.push(Problem::error("toolchain::unreadable", why).file(&file));
            }
            Some(Ok(text)) => {
                let declaration = Declaration::new(id, text);
                let found = toolchain::check_declaration(&declaration);
                problems.extend(found.into_iter().map(|problem| problem.file(&file)));
                target.declaration = Some(declaration);
            }
        }
    }
    problems.dedup();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
