//! The key `style` of a target: a file with rules of voice, audience and words, for the model.

use serde_json::json;

use crate::toolchain::OptionSchema;
use crate::types::{RelPath, Target};

/// Its name.
pub const STYLE: &str = "style";

pub fn schema() -> OptionSchema {
    let schema = json!({
        "description": "For `docs`, `tutorial` and `copy`: a file with the style guide, relative to \
            harness.toml. A model is shown it; a change makes only this target out of date.",
        "type": "string",
    });
    OptionSchema { name: STYLE, registry: "", schema }
}

/// Checks the value.
///
/// # Errors
/// The problem, and an example.
pub fn check(value: &toml::Value) -> Result<(), (String, String)> {
    let is_path = value.as_str().is_some_and(|path| RelPath::parse(path).is_ok());
    let wrong = || {
        let message = format!("`{STYLE}` must be the path of a file in the workspace");
        (message, format!("{STYLE} = \"docs/style.md\""))
    };
    is_path.then_some(()).ok_or_else(wrong)
}

/// The path of a target's style guide.
pub fn path(target: &Target) -> Option<&str> {
    target.options.get(STYLE)?.as_str()
}
