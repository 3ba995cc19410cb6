//! The key `needs` of a target: texts of the same spec that a text is made after and links to.

use serde_json::json;

use crate::toolchain::OptionSchema;
use crate::types::{Encoder, Target};

/// The key of a target.
pub const NEEDS: &str = "needs";

/// The names of the targets that a text needs.
pub fn names(target: &Target) -> Vec<&str> {
    let all = target.options.get(NEEDS).and_then(|value| value.as_array());
    all.into_iter().flatten().filter_map(|one| one.as_str()).collect()
}

pub fn schema() -> OptionSchema {
    let schema = json!({
        "description": "Texts of the same spec, by target, that this text is made after: it may link \
            to their pages.",
        "type": "array",
        "items": { "type": "string" },
    });
    OptionSchema { name: NEEDS, registry: "", schema }
}

/// Checks the value.
///
/// # Errors
/// The problem, and an example.
pub fn check(value: &toml::Value) -> Result<(), (String, String)> {
    let is_name = |one: &toml::Value| one.as_str().is_some_and(|name| !name.is_empty());
    let is_right = value.as_array().is_some_and(|all| all.iter().all(is_name));
    let wrong =
        || (format!("`{NEEDS}` must be a list of targets"), format!("{NEEDS} = [\"docs\"]"));
    is_right.then_some(()).ok_or_else(wrong)
}

/// Encodes it for a digest. The digest of none is that of older versions.
pub fn encode(target: &Target, out: &mut Encoder) {
    let mut names = names(target);
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        out.texts(&names);
    }
}
