//! The key `of` of a target, and what a model is told about a text.

use serde_json::json;

use crate::toolchain::{OptionSchema, TextForm};
use crate::types::{Encoder, Spec, Target};

/// The key of a target that names the target whose code the text is about.
pub const OF: &str = "of";

pub fn schema() -> OptionSchema {
    let schema = json!({
        "description": "For `docs`, `tutorial` and `copy`: the target of the same spec whose code \
            the text is about. Default: the first generated target with code.",
        "type": "string",
    });
    OptionSchema { name: OF, registry: "", schema }
}

/// Checks the value.
///
/// # Errors
/// The problem, and an example.
pub fn check(value: &toml::Value) -> Result<(), (String, String)> {
    let wrong = || (format!("`{OF}` must be the name of a target"), format!("{OF} = \"rust\""));
    value.as_str().is_some_and(|name| !name.is_empty()).then_some(()).ok_or_else(wrong)
}

pub fn encode(target: &Target, out: &mut Encoder) {
    out.option(target.options.get(OF).and_then(|of| of.as_str()), |out, of| out.text(of));
}

/// The rules of a form, for a model.
pub fn prompt_rules(form: TextForm, file: &str, spec: &Spec) -> Vec<String> {
    let must = spec.clauses.iter().filter(|clause| clause.is_demanded());
    let must: Vec<&str> = must.map(|clause| clause.id.name()).collect();
    let must = must.join(", ");
    if form == TextForm::Tests {
        return vec![
            format!(
                "write `{file}`, as people write a suite for their own CI; it runs beside the code"
            ),
            format!(
                "each test is named after the clause that it shows, in the form that is told below; \
                 each of these has at least one: {must}"
            ),
            "each test fails if the code is wrong: compare results with what the clause requires"
                .to_owned(),
        ];
    }
    let mut rules = vec![format!("write `{file}`; further pages are `*.md` files beside it")];
    rules.extend(match form {
        TextForm::Tests => Vec::new(),
        TextForm::Docs => vec![
            "each public item of the code has a heading of its own that has nothing but its \
             signature, exactly as it is printed below, in backticks; no other heading has code"
                .to_owned(),
            format!(
                "below its item say what each clause demands, with its errors and limits, and cite \
                 the clause there with a line `<!-- clause: NAME -->`; cite each of: {must}"
            ),
        ],
        TextForm::Tutorial => vec![
            "the blocks of a page run in order as one program or session: a later block goes on \
             where the one before it ended, so import each item once, where it is first used"
                .to_owned(),
            format!(
                "name an item in the text before a block uses it; cite each of these clauses with a \
                 line `<!-- clause: NAME -->` below the text that shows it: {must}"
            ),
        ],
        TextForm::Copy => vec![format!(
            "each paragraph or list item with a claim cites the clause that it rests on, with \
             `<!-- claim: NAME -->` at its end; cite only: {must}"
        )],
    });
    rules.extend([
        "each fenced block names its language: one that is run, as listed below, or `text`"
            .to_owned(),
        "each number, and each name in backticks, is in the specification or in a block of the \
         page"
            .to_owned(),
        "no words like \"best\", \"always\", \"secure\" or \"never fails\" without a cited clause, no \
         HTML but comments, no links but to other pages and to headings"
            .to_owned(),
    ]);
    rules
}
