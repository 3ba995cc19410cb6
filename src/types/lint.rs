//! The rules of `regen lint`, and how a workspace sets them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Severity;

/// How much a rule's findings weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleLevel {
    /// The rule is not applied.
    Off,
    /// Advice, shown only to who asks for it.
    Note,
    /// A person should look.
    Warning,
    /// The spec is refused, by every command.
    Error,
}

impl RuleLevel {
    /// The severity of a finding; `None` when there is to be none.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Note => Some(Severity::Note),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
        }
    }
}

/// `[lint]`: what `regen lint` looks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LintConfig {
    /// Levels of rules by name, where the built-in ones do not fit: `vague = "error"`.
    pub rules: BTreeMap<String, RuleLevel>,
    /// Words and phrases that say nothing checkable; replaces the built-in list.
    pub vague: Option<Vec<String>>,
}

impl LintConfig {
    /// The level of a rule.
    pub fn level(&self, rule: &str) -> RuleLevel {
        let built_in = || RULES.iter().find(|(name, ..)| *name == rule).map(|(_, level, _)| *level);
        self.rules.get(rule).copied().or_else(built_in).unwrap_or(RuleLevel::Warning)
    }

    /// The words that say nothing checkable.
    pub fn vague(&self) -> Vec<&str> {
        match &self.vague {
            Some(list) => list.iter().map(String::as_str).collect(),
            None => VAGUE.to_vec(),
        }
    }
}

/// Every rule: its name behind `lint::`, its level, and what it is about. Names stay what they are.
pub const RULES: [(&str, RuleLevel, &str); 14] = [
    ("contradiction", RuleLevel::Warning, "two clauses demand what cannot both be"),
    ("example_conflict", RuleLevel::Error, "two examples expect different results of one input"),
    ("near_duplicate", RuleLevel::Warning, "two clause names that are easily confused"),
    ("no_binding", RuleLevel::Warning, "a spec that demands something and binds nothing"),
    ("no_observable", RuleLevel::Warning, "a clause with nothing that could be observed"),
    ("passive", RuleLevel::Note, "a passive without an actor"),
    ("same_text", RuleLevel::Warning, "two clauses with the same text"),
    ("stray_test", RuleLevel::Warning, "a test that names no clause"),
    ("two_modals", RuleLevel::Warning, "more than one demand in one clause"),
    ("unbound", RuleLevel::Warning, "a MUST or SHALL that nothing checks"),
    ("uncovered", RuleLevel::Warning, "a `test_id` that no test covers"),
    ("vague", RuleLevel::Warning, "a word that says nothing checkable"),
    ("waiver_expired", RuleLevel::Warning, "a waiver that is over"),
    ("waiver_long", RuleLevel::Note, "a waiver for more than a year"),
];

/// Words that say nothing checkable, after the lists of requirements engineering (INCOSE's rules for
/// writing requirements, R7 to R9).
const VAGUE: [&str; 36] = [
    "acceptable",
    "adequate",
    "and so on",
    "appropriate",
    "appropriately",
    "approximately",
    "as appropriate",
    "as far as possible",
    "as needed",
    "as possible",
    "as required",
    "be able to",
    "easy",
    "easy-to-use",
    "easily",
    "efficient",
    "efficiently",
    "etc",
    "fast",
    "flexible",
    "graceful",
    "gracefully",
    "if necessary",
    "intuitive",
    "normally",
    "or similar",
    "quick",
    "quickly",
    "reasonable",
    "reasonably",
    "robust",
    "seamless",
    "sufficient",
    "user-friendly",
    "usually",
    "where possible",
];
