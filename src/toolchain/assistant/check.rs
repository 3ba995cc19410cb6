//! What of a spec and its configuration no assistant could fulfil.

use serde_json::json;

use crate::toolchain::coverage::at;
use crate::toolchain::typescript::evaluated;
use crate::toolchain::{OptionSchema, Suite};
use crate::types::behaviour::{MODEL, MOST_SAMPLES, fewest};
use crate::types::text::counted;
use crate::types::{AcceptancePlan, Clause, ModelUnderTest, Problem, Spec, Target};

/// The schema of `model`.
pub fn schema() -> OptionSchema {
    let samples = json!({
        "type": "integer", "minimum": 1, "maximum": MOST_SAMPLES,
        "description": "Samples of each test. Default: 60.",
    });
    let rate = json!({
        "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1,
        "description": "The share of answers that must pass, shown with 95 % confidence, for a MUST clause. Default: 0.9.",
    });
    let judge = json!({
        "type": "string",
        "description": "A model at the same server whose opinions tests ask for. Default: `model`.",
    });
    OptionSchema {
        name: MODEL,
        registry: "",
        schema: json!({
            "type": "object",
            "description": "For `assistant`: the model under test, with the keys of a server in `[generator]`.",
            "properties": { "samples": samples, "rate": rate, "judge": judge },
        }),
    }
}

/// Checks a spec.
pub fn spec(spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
    let Some(model) = ModelUnderTest::of(target) else {
        let message = "the target has no model under test";
        let help = "add `[target.NAME.model]` with `base_url`, `model` and `api_key_env`";
        return vec![Problem::error("config::wrong_value", message).help(help)];
    };
    let mut problems = Vec::new();
    let is_code = |language: &str| ["js", "javascript", "ts", "typescript"].contains(&language);
    for clause in &spec.clauses {
        for example in clause.examples.iter().filter(|one| is_code(&one.language)) {
            let message = "an assistant has no examples in a spec";
            let help = format!(
                "write a test with the title `test_id: {}` in a file of `tests`",
                clause.test_ids().next().unwrap_or("NAME")
            );
            let mut problem = Problem::error("spec::example", message).help(help);
            problem.line = example.line;
            problems.push(problem);
        }
        if clause.test_ids().next().is_some() {
            problems.extend(unreachable(clause, &model));
        }
    }
    problems.extend(suites.iter().flat_map(evaluating));
    let tests = suites.iter().flat_map(|suite| &suite.tests);
    let mut names: Vec<&str> = tests.map(|test| test.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = format!("two files have a test `{}`", pair[0]);
        let help = "give each test its own title, for example `test_id: NAME, in German`";
        problems.push(Problem::error("suite::twice", message).help(help));
    }
    problems
}

/// The problems of a file that runs text as code: an answer could change what the test checks.
fn evaluating(suite: &Suite) -> Vec<Problem> {
    let problem = |(name, line): (String, u32)| {
        let message = format!("{}:{line} runs text as code: `{name}`", suite.path);
        let help = "run an answer that is code as a program of its own, by `node:child_process`";
        let problem = Problem::error("suite::code", message).help(help);
        // These two throw.
        let is_refused = ["eval", "Function"].contains(&name.as_str());
        if is_refused { problem } else { problem.warning() }
    };
    evaluated(&suite.text).unwrap_or_default().into_iter().map(problem).collect()
}

/// The problem of a clause whose rate no number of passed samples shows.
fn unreachable(clause: &Clause, model: &ModelUnderTest) -> Option<Problem> {
    let rate = model.rate_of(clause.level, clause.rate());
    if AcceptancePlan::new(model.samples, rate).is_some() {
        return None;
    }
    let message = format!(
        "{} cannot show a rate of {rate} with 95 % confidence, even if all pass",
        counted(model.samples, "sample")
    );
    let help = match fewest(rate) {
        least if least <= MOST_SAMPLES => {
            format!("set `samples` to at least {least}, or `rate` lower")
        }
        _ => format!("set `rate` lower: {MOST_SAMPLES} samples cannot show it either"),
    };
    Some(at(clause, Problem::error("spec::rate", message).help(help)))
}
