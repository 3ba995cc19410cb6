//! The keys `max_words` and `sections` of a target: how long its pages are, and what is in them.

use serde_json::json;

use crate::toolchain::OptionSchema;
use crate::types::{Encoder, Target};

const MAX_WORDS: &str = "max_words";
const SECTIONS: &str = "sections";

/// What a target says of its pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextShape {
    /// The most words of all pages.
    pub max_words: Option<u64>,
    /// Headings that the pages have, in this order.
    pub sections: Vec<String>,
}

impl TextShape {
    /// That of a target, whose options were checked.
    pub fn of(target: &Target) -> Self {
        let sections = target.options.get(SECTIONS).and_then(|value| value.as_array());
        let titles = sections.into_iter().flatten().filter_map(|one| one.as_str());
        let most = target.options.get(MAX_WORDS).and_then(|value| value.as_integer());
        Self {
            max_words: most.and_then(|most| u64::try_from(most).ok()),
            sections: titles.map(str::to_owned).collect(),
        }
    }

    /// For a model.
    pub fn prompt_rules(&self) -> Vec<String> {
        let most = self.max_words.map(|most| format!("at most {most} words on all pages together"));
        let titles: Vec<String> = self.sections.iter().map(|one| format!("\"{one}\"")).collect();
        let sections = format!("headings with these titles, in this order: {}", titles.join(", "));
        most.into_iter().chain((!titles.is_empty()).then_some(sections)).collect()
    }

    /// Encodes it for a digest. The digest of none is that of older versions.
    pub fn encode(&self, out: &mut Encoder) {
        if *self != Self::default() {
            out.option(self.max_words, |out, most| out.number(most));
            out.texts(&self.sections);
        }
    }
}

pub fn schemas() -> [OptionSchema; 2] {
    let words = json!({
        "description": "For `docs`, `tutorial` and `copy`: the most words of all pages together.",
        "type": "integer",
        "minimum": 1,
    });
    let sections = json!({
        "description": "For `docs`, `tutorial` and `copy`: titles of headings that the pages have, \
            in this order. Other headings may be there, too.",
        "type": "array",
        "items": { "type": "string" },
    });
    [(MAX_WORDS, words), (SECTIONS, sections)].map(|(name, schema)| OptionSchema {
        name,
        registry: "",
        schema,
    })
}

/// Checks one of the keys; `None` for other keys.
pub fn check(name: &str, value: &toml::Value) -> Option<Result<(), (String, String)>> {
    let is_title = |one: &toml::Value| one.as_str().is_some_and(|title| !title.trim().is_empty());
    let (is_right, message, example) = match name {
        MAX_WORDS => {
            (value.as_integer().is_some_and(|most| most > 0), "a number above 0", "max_words = 200")
        }
        SECTIONS => (
            value.as_array().is_some_and(|all| all.iter().all(is_title)),
            "a list of titles",
            "sections = [\"Why\", \"Install\"]",
        ),
        _ => return None,
    };
    let wrong = || (format!("`{name}` must be {message}"), example.to_owned());
    Some(is_right.then_some(()).ok_or_else(wrong))
}
