//! The rules of `regen lint`, and how a workspace sets them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Severity;

/// The level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleLevel {
    /// Disabled.
    Off,
    /// Advice, shown only on request.
    Note,
    /// A person should check it.
    Warning,
    /// The spec is refused by every command.
    Error,
}

impl RuleLevel {
    /// The severity of a finding; `None` if disabled.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Note => Some(Severity::Note),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
        }
    }
}

/// `[lint]`: the rules of `regen lint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LintConfig {
    /// Levels of rules by name, instead of the built-in ones: `vague = "error"`.
    pub rules: BTreeMap<String, RuleLevel>,
    /// Vague words and phrases; replaces the built-in list.
    pub vague: Option<Vec<String>>,
}

impl LintConfig {
    /// The level of a rule.
    pub fn level(&self, rule: &str) -> RuleLevel {
        let built_in = || RULES.iter().find(|(name, ..)| *name == rule).map(|(_, level, _)| *level);
        self.rules.get(rule).copied().or_else(built_in).unwrap_or(RuleLevel::Warning)
    }

    /// The vague words.
    pub fn vague(&self) -> Vec<&str> {
        match &self.vague {
            Some(list) => list.iter().map(String::as_str).collect(),
            None => VAGUE.to_vec(),
        }
    }
}

/// All rules: name after `lint::`, level and description. Names are stable.
pub const RULES: [(&str, RuleLevel, &str); 18] = [
    ("contradiction", RuleLevel::Warning, "two clauses that contradict each other"),
    ("example_conflict", RuleLevel::Error, "two examples with different results for one input"),
    (
        "guessable",
        RuleLevel::Note,
        "a clause with a few visible examples, none hidden, no property",
    ),
    ("near_binding", RuleLevel::Warning, "a code span or words that are nearly a binding"),
    ("near_duplicate", RuleLevel::Warning, "two clause names that are easily confused"),
    ("no_binding", RuleLevel::Warning, "a spec with requirements but no binding"),
    ("no_observable", RuleLevel::Warning, "a clause without a testable example or value"),
    ("one_value", RuleLevel::Warning, "a clause whose hidden examples all expect the same value"),
    ("passive", RuleLevel::Note, "a passive without an actor"),
    ("placeholder", RuleLevel::Warning, "placeholder for a missing text"),
    ("same_text", RuleLevel::Warning, "two clauses with the same text"),
    ("stray_test", RuleLevel::Warning, "a test without a clause"),
    ("two_modals", RuleLevel::Warning, "more than one requirement in one clause"),
    ("unbound", RuleLevel::Warning, "a MUST or SHALL without a binding"),
    ("uncovered", RuleLevel::Warning, "a `test_id` without a test"),
    ("vague", RuleLevel::Warning, "a vague word"),
    ("waiver_expired", RuleLevel::Warning, "an expired waiver"),
    ("waiver_long", RuleLevel::Note, "a waiver for more than a year"),
];

/// Vague words, from lists of requirements engineering (INCOSE's rules for writing requirements, R7
/// to R9).
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
