//! Rust's keys of `[target.X]`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::toolchain::{OptionSchema, kind_option};
use crate::types::{CodeEffect, Encoder, Target};

/// The crate type of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CrateType {
    /// `src/lib.rs`.
    #[default]
    Lib,
    /// `src/main.rs`, with or without `src/lib.rs`.
    Bin,
}

/// The parsed options of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RustOptions {
    /// `lib` or `bin`.
    #[serde(rename = "crate")]
    pub crate_type: CrateType,
    /// Packages a candidate may depend on, with versions as cargo, pip or npm takes them.
    pub allowed_dependencies: BTreeMap<String, String>,
    /// Effects that candidates may have, in addition to those that their specs grant.
    pub effects: BTreeSet<CodeEffect>,
}

/// The keys.
const KEYS: [&str; 3] = ["crate", "allowed_dependencies", "effects"];

impl RustOptions {
    /// The options of a target. An invalid value counts as missing; the configuration rejects it.
    pub fn of(target: &Target) -> Self {
        fn read<T: serde::de::DeserializeOwned + Default>(target: &Target, key: &str) -> T {
            let value = target.options.get(key).cloned();
            value.and_then(|value| value.try_into().ok()).unwrap_or_default()
        }
        let is_program = kind_option::is_program(target);
        Self {
            crate_type: if is_program { CrateType::Bin } else { read(target, KEYS[0]) },
            allowed_dependencies: read(target, KEYS[1]),
            effects: read(target, KEYS[2]),
        }
    }

    /// Their JSON schemas.
    pub fn schemas() -> Vec<OptionSchema> {
        let mut schema = schemars::schema_for!(Self).to_value();
        let defs = schema["$defs"].take();
        KEYS.map(|name| {
            let mut schema = schema["properties"][name].take();
            let of = schema["$ref"].as_str().and_then(|of| of.rsplit('/').next());
            if let Some(mut of) = of.map(|of| defs[of].clone()) {
                of["description"] = schema["description"].take();
                of["default"] = schema["default"].take();
                schema = of;
            }
            let registry = if name == KEYS[1] { "crates.io" } else { "" };
            OptionSchema { name, registry, schema }
        })
        .into()
    }

    /// Checks one value.
    ///
    /// # Errors
    /// The problem and a hint.
    pub fn check(name: &str, value: &toml::Value) -> Result<(), (String, String)> {
        let value = value.clone();
        match name {
            "crate" => value.try_into::<CrateType>().map(drop).map_err(|_| {
                let message = "`crate` must be \"lib\" or \"bin\"".to_owned();
                (message, "crate = \"lib\" or crate = \"bin\"".to_owned())
            }),
            "effects" => match value.try_into::<Vec<String>>() {
                Ok(words) => words.iter().try_for_each(|word| CodeEffect::read(word).map(drop)),
                Err(_) => {
                    let message = "`effects` must be a list of names".to_owned();
                    Err((message, "effects = [\"fs\", \"env\"]".to_owned()))
                }
            },
            _ => match value.try_into::<BTreeMap<String, String>>() {
                Ok(crates) => crates.iter().try_for_each(|(name, version)| entry(name, version)),
                Err(_) => {
                    let message = format!("`{name}` is not a table of names and versions");
                    Err((message, "allowed_dependencies = { serde = \"1\" }".to_owned()))
                }
            },
        }
    }

    /// Encodes them for a digest.
    pub fn encode(&self, out: &mut Encoder) {
        out.text(match self.crate_type {
            CrateType::Lib => "lib",
            CrateType::Bin => "bin",
        });
        let dependencies = &self.allowed_dependencies;
        out.list(dependencies, |out, (name, version)| out.text(name).text(version));
        // Without effects the digest is that of older versions.
        if !self.effects.is_empty() {
            out.list(&self.effects, |out, effect| out.text(effect.word()));
        }
    }
}

/// Checks a crate name and its version requirement.
fn entry(name: &str, version: &str) -> Result<(), (String, String)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        let message = format!("{} is not the name of a crate", name.escape_debug());
        return Err((message, "allowed_dependencies = { serde = \"1\" }".to_owned()));
    }
    let is_one = |one: &str| {
        let number = one.trim_matches(' ').trim_start_matches(['^', '~', '=', '<', '>']);
        let number = number.trim_start_matches(' ');
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '*');
        number.starts_with(|c: char| c.is_ascii_digit() || c == '*') && number.chars().all(known)
    };
    if version.split(',').all(is_one) {
        return Ok(());
    }
    let message = format!("`{name}`: \"{}\" is not a version requirement", version.escape_debug());
    Err((message, "for example \"1\", \"1.2.3\" or \">=1, <3\"".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn names_and_versions_are_valid_for_cargo() {
        for (name, version, right) in [
            ("serde", "1", true),
            ("serde_json", "^1.2.3", true),
            ("a-b", ">= 1.0, <3", true),
            ("a", "=1.0.0-alpha.1+b", true),
            ("a", "*", true),
            ("a", "1.*", true),
            ("a", "", false),
            ("a", "abc", false),
            ("a", "1,", false),
            ("a", "1\n", false),
            ("", "1", false),
            ("a b", "1", false),
            ("a\"", "1", false),
        ] {
            assert_eq!(entry(name, version).is_ok(), right, "{name} {version}");
        }
    }
}
