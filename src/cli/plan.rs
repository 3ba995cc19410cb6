//! `regen plan`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::args::SpecArgs;
use super::{Context, exit, variable};
use crate::report::graph::{GraphFormat, GraphPart, graph, tree};
use crate::report::{render, words};
use crate::types::{Job, Plan, SpecId, TargetJob, ToolSet};
use crate::workspace::{CommandError, Workspace, load};

/// Text below the help.
pub const HELP: &str = "Examples:\n  regen plan\n  regen plan roman\n  \
    regen plan --format mermaid    what makes what out of date, as a graph\n  \
    regen plan --format dot | dot -Tsvg > plan.svg\n  \
    regen plan --json | jq '.jobs[].parts[].reason'";

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// Output format. `dot` and `mermaid` draw what is out of date.
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    format: PlanFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    Human,
    Json,
    Dot,
    Mermaid,
}

/// Shows the plan, and the most it can cost.
pub async fn plan(door: &Context, args: &PlanArgs) -> Result<u8, CommandError> {
    let mut workspace = load(&door.reading()?, None)?;
    // A plan does not need the generator's key.
    let _ = workspace.sign_with(variable);
    let only = workspace.select(&args.specs.all())?;
    let tools = door.known_tools(&workspace).await;
    let plan: Plan = workspace.plan(&tools, only.as_ref(), false)?;
    let refused = workspace.has_errors(only.as_ref());
    let code = if refused { exit::SPEC_REFUSED } else { exit::DONE };
    let problems = workspace.problems_of(only.as_ref());
    let format = if door.global.json { PlanFormat::Json } else { args.format };
    if format == PlanFormat::Json {
        let most = workspace.most_cost(&plan);
        let jobs = &plan.jobs;
        let samples = sampled(&workspace, &plan);
        door.json(&json!({
            "type": "plan", "jobs": jobs, "problems": problems, "most": most, "samples": samples,
        }));
        return Ok(code);
    }
    if !problems.is_empty() {
        door.say(render(problems, &workspace.sources, door.paint).trim_end());
    }
    match format {
        PlanFormat::Dot => door.print(&graph(&parts(&workspace, &plan), GraphFormat::Dot)),
        PlanFormat::Mermaid => {
            door.print(&graph(&parts(&workspace, &plan), GraphFormat::Mermaid));
        }
        PlanFormat::Human | PlanFormat::Json => list(door, &workspace, &plan, &tools),
    }
    Ok(code)
}

fn list(door: &Context, workspace: &Workspace, plan: &Plan, tools: &ToolSet) {
    if !plan.jobs.is_empty() {
        door.show(&tree(&parts(workspace, plan)));
    }
    let parts = plan.jobs.iter().flat_map(|job| job.parts.iter().map(move |part| (job, part)));
    for (job, part) in parts.filter(|(_, part)| part.reason.is_some()) {
        for (first, later) in workspace.acceptance_plans(job, part) {
            door.show(&format!("{}: {}", job.spec, words::acceptance(first, later)));
        }
    }
    if workspace.lacks_linter(tools) {
        door.note(
            "no `vale` on PATH: the style of texts, for which there is .vale.ini, is not checked",
        );
    }
    if !door.global.quiet {
        let work = plan.jobs.iter().any(|job| !job.is_up_to_date());
        let most = workspace.most_cost(plan);
        door.show(&words::most(most.attempts, most.tokens, most.usd, work));
    }
}

/// How the tests of assistants with work are accepted.
fn sampled(workspace: &Workspace, plan: &Plan) -> Vec<Value> {
    let parts = plan.jobs.iter().flat_map(|job| job.parts.iter().map(move |part| (job, part)));
    let with_work = parts.filter(|(_, part)| part.reason.is_some());
    let told = |job: &Job, part: &TargetJob| {
        let plans = workspace.acceptance_plans(job, part);
        let (spec, target) = (job.spec.clone(), part.target.clone());
        plans.into_iter().map(move |(first, later)| {
            json!({ "spec": spec, "target": target, "first": first, "later": later })
        })
    };
    with_work.flat_map(|(job, part)| told(job, part)).collect()
}

fn parts<'a>(workspace: &'a Workspace, plan: &'a Plan) -> Vec<GraphPart<'a>> {
    let depends = |spec: &SpecId| workspace.spec(spec).map_or(&[][..], |spec| &spec.depends);
    let parts = plan.jobs.iter().flat_map(|job| {
        job.parts.iter().map(move |part| GraphPart {
            spec: &job.spec,
            target: words::target(part),
            words: words::part(part),
            reason: part.reason.as_ref(),
            depends: depends(&job.spec),
        })
    });
    parts.collect()
}
