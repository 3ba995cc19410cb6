//! The key `effects` of `[target.X]`.

use std::collections::BTreeSet;

use serde_json::json;

use super::language::OptionSchema;
use crate::types::{CodeEffect, Encoder, Target};

/// Effects that candidates may have, in addition to those that their specs grant.
const EFFECTS: &str = "effects";

/// The effects of a target. An invalid value counts as missing; the configuration rejects it.
pub fn effects(target: &Target) -> BTreeSet<CodeEffect> {
    let value = target.options.get(EFFECTS).cloned();
    value.and_then(|value| value.try_into().ok()).unwrap_or_default()
}

/// The JSON schema of the keys.
pub fn schemas() -> Vec<OptionSchema> {
    let words: Vec<_> = CodeEffect::ALL.into_iter().map(CodeEffect::word).collect();
    let schema = json!({
        "description": "Effects that candidates may have, in addition to those that their specs grant.",
        "type": "array",
        "items": { "enum": words },
        "uniqueItems": true,
        "default": [],
    });
    vec![OptionSchema { name: EFFECTS, registry: "", schema }]
}

/// Checks one value.
///
/// # Errors
/// The problem and a hint.
pub fn check(value: &toml::Value) -> Result<(), (String, String)> {
    match value.clone().try_into::<Vec<String>>() {
        Ok(words) => words.iter().try_for_each(|word| CodeEffect::read(word).map(drop)),
        Err(_) => {
            let message = "`effects` must be a list of names".to_owned();
            Err((message, "effects = [\"fs\", \"env\"]".to_owned()))
        }
    }
}

/// Encodes them for a digest.
pub fn encode(target: &Target, out: &mut Encoder) {
    out.list(&effects(target), |out, effect| out.text(effect.word()));
}
