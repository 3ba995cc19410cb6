//! With which assurance tests were judged.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::CodeEffect;

/// With which assurance tests were judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Assurance {
    /// In the candidate's process, with these effects granted.
    Sealed(BTreeSet<CodeEffect>),
    /// In a process of their own: values crossed from the candidate's sandbox.
    Membrane,
    /// regen compared the results in a process of its own.
    Outside,
}

impl Assurance {
    /// Whether it is at least as strong as `least`: outside, membrane, or no further effects.
    pub fn meets(&self, least: &Self) -> bool {
        match (self, least) {
            (Self::Outside, _) | (Self::Membrane, Self::Membrane | Self::Sealed(_)) => true,
            (Self::Membrane | Self::Sealed(_), Self::Outside)
            | (Self::Sealed(_), Self::Membrane) => false,
            (Self::Sealed(has), Self::Sealed(may)) => has.is_subset(may),
        }
    }

    /// What both have.
    #[must_use]
    pub fn weakest(self, other: Self) -> Self {
        match (self, other) {
            (Self::Outside, one) | (one, Self::Outside) => one,
            (Self::Membrane, one) | (one, Self::Membrane) => one,
            (Self::Sealed(one), Self::Sealed(other)) => Self::Sealed(&one | &other),
        }
    }
}

impl std::fmt::Display for Assurance {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Outside => out.write_str("outside"),
            Self::Membrane => out.write_str("membrane"),
            Self::Sealed(effects) if effects.is_empty() => out.write_str("sealed"),
            Self::Sealed(effects) => {
                write!(out, "sealed, effects: {}", CodeEffect::list(effects.iter().copied()))
            }
        }
    }
}

impl From<Assurance> for String {
    fn from(assurance: Assurance) -> Self {
        assurance.to_string()
    }
}

impl TryFrom<String> for Assurance {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let unknown = || {
            format!(
                "{text:?} is not an assurance: `outside`, `membrane`, `sealed`, \
                 `sealed, effects: fs, env`"
            )
        };
        let effects = match text.strip_prefix("sealed") {
            _ if text == "outside" => return Ok(Self::Outside),
            _ if text == "membrane" => return Ok(Self::Membrane),
            Some("") => return Ok(Self::Sealed(BTreeSet::new())),
            rest => rest.and_then(|rest| rest.strip_prefix(", effects: ")).ok_or_else(unknown)?,
        };
        let effects = effects.split(", ").map(CodeEffect::read).collect::<Result<_, _>>();
        effects.map(Self::Sealed).map_err(|(why, hint)| format!("{why}; {hint}"))
    }
}

impl JsonSchema for Assurance {
    fn schema_name() -> Cow<'static, str> {
        "Assurance".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "With which assurance tests were judged: `outside` (regen compared the \
                results), `membrane` (in a process of their own, with values from the candidate's \
                sandbox), `sealed` (in the candidate's process, without effects), or `sealed, \
                effects: fs, env`.",
            "pattern": "^(outside|membrane|sealed(, effects: [a-z]+(, [a-z]+)*)?)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Assurance;

    fn read(text: &str) -> Assurance {
        Assurance::try_from(text.to_owned()).expect("is one")
    }

    #[test]
    fn texts_are_read_and_ordered() {
        let list =
            ["outside", "membrane", "sealed", "sealed, effects: fs", "sealed, effects: fs, env"];
        for (at, text) in list.iter().enumerate() {
            assert_eq!(read(text).to_string(), *text);
            for (least, other) in list.iter().enumerate() {
                assert_eq!(read(text).meets(&read(other)), at <= least, "{text} {other}");
                let weakest = read(text).weakest(read(other));
                assert_eq!(weakest.to_string(), list[at.max(least)]);
            }
        }
        assert!(!read("sealed, effects: net").meets(&read("sealed, effects: fs")));
        for wrong in ["", "Outside", "sealed,", "sealed, effects: ", "sealed, effects: disk"] {
            assert!(Assurance::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
