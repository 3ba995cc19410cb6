//! The key `kind` of `[target.X]`: a library or a program.

use serde_json::json;

use super::language::OptionSchema;
use crate::types::{Encoder, Target};

/// Its name.
pub const KIND: &str = "kind";
const PROGRAM: &str = "program";
const LIBRARY: &str = "library";

/// Whether a target is a program.
pub fn is_program(target: &Target) -> bool {
    target.options.get(KIND).and_then(|value| value.as_str()) == Some(PROGRAM)
}

/// Its JSON schema.
pub fn schema() -> OptionSchema {
    let schema = json!({
        "description": "Of Python, TypeScript and JavaScript: `library`, or `program`, which has arguments, streams and \
            an exit status, and is tested by console examples.",
        "enum": [LIBRARY, PROGRAM],
        "default": LIBRARY,
    });
    OptionSchema { name: KIND, registry: "", schema }
}

/// Checks the value.
///
/// # Errors
/// The problem, and an example.
pub fn check(value: &toml::Value) -> Result<(), (String, String)> {
    let is_known = value.as_str().is_some_and(|word| [LIBRARY, PROGRAM].contains(&word));
    let message = || format!("`{KIND}` must be \"{LIBRARY}\" or \"{PROGRAM}\"");
    is_known.then_some(()).ok_or_else(|| (message(), format!("{KIND} = \"{PROGRAM}\"")))
}

/// Encodes it for a digest. The digest of a library is that of older versions.
pub fn encode(target: &Target, out: &mut Encoder) {
    if is_program(target) {
        out.text(PROGRAM);
    }
}
