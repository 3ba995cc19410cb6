//! The key `allowed_dependencies` of `[target.X]`, in languages whose packages are fetched whole.

use std::collections::BTreeMap;

use serde_json::json;

use super::language::OptionSchema;
use crate::types::{Encoder, Target};

/// Its name.
pub const PACKAGES: &str = "allowed_dependencies";

/// The packages of a target with their versions. An invalid value counts as missing; the
/// configuration rejects it.
pub fn packages(target: &Target) -> BTreeMap<String, String> {
    let value = target.options.get(PACKAGES).cloned();
    value.and_then(|value| value.try_into().ok()).unwrap_or_default()
}

/// The packages that another target allows, and this one does not.
pub fn lacking(own: &Target, other: &Target) -> Vec<String> {
    let own = packages(own);
    packages(other).into_keys().filter(|name| !own.contains_key(name)).collect()
}

/// Its JSON schema, for packages of a registry.
pub fn schema(registry: &'static str) -> OptionSchema {
    let schema = json!({
        "description": "Packages a candidate may depend on, with their versions.",
        "type": "object",
        "additionalProperties": { "type": "string" },
        "default": {},
    });
    OptionSchema { name: PACKAGES, registry, schema }
}

/// Checks the value. `entry` gives what is wrong with a name and its versions.
///
/// # Errors
/// The problem, and an example.
pub fn check(
    value: &toml::Value,
    entry: fn(&str, &str) -> Option<String>,
    example: &str,
) -> Result<(), (String, String)> {
    let help = format!("{PACKAGES} = {example}");
    let Ok(all) = value.clone().try_into::<BTreeMap<String, String>>() else {
        return Err((format!("`{PACKAGES}` is not a table of names and versions"), help));
    };
    let wrong = all.iter().find_map(|(name, versions)| entry(name, versions));
    wrong.map_or(Ok(()), |wrong| Err((wrong, help)))
}

/// What is wrong with a version, in words.
pub fn wrong_versions(name: &str, versions: &str, kind: &str) -> String {
    format!("`{name}`: \"{}\" is not {kind}", versions.escape_debug())
}

/// Encodes it for a digest. Without packages the digest is that of older versions.
pub fn encode(target: &Target, out: &mut Encoder) {
    let all = packages(target);
    if !all.is_empty() {
        out.list(&all, |out, (name, versions)| out.text(name).text(versions));
    }
}

/// What a finding says of a module that no package gives.
pub fn not_allowed(what: &str, library: &str, example: &str) -> String {
    format!(
        "`{what}` comes neither from {library}, nor from this package, nor from an allowed \
         dependency (`{PACKAGES} = {example}` in the target would allow it)"
    )
}

/// What to use in place of it.
pub fn instead(target: &Target, otherwise: &str) -> String {
    let names: Vec<String> = packages(target).into_keys().collect();
    match names.len() {
        0 => otherwise.to_owned(),
        _ => format!("{otherwise}; of packages use only: {}", names.join(", ")),
    }
}
