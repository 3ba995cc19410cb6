//! The most that a plan can cost.

use serde::Serialize;

use super::model::Workspace;
use crate::pipeline::{most_calls, most_versions};
use crate::toolchain::{self, assistant};
use crate::types::harness::CassetteMode;
use crate::types::{
    AcceptancePlan, GeneratorConfig, Job, Plan, Prices, Reason, SampledVersion, TargetJob, Usage,
    limits,
};

/// The most that a plan can cost: no run of it spends more. Estimated from sizes, high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MostCost {
    /// Calls of a model.
    pub attempts: u32,
    /// Tokens, input and output, including those of retries that the sequence of attempts has.
    pub tokens: u64,
    /// US dollars; `None` if a price is not configured.
    pub usd: Option<f64>,
}

impl Workspace {
    /// The most that a plan can cost, within the limits of `[budget]`.
    pub fn most_cost(&self, plan: &Plan) -> MostCost {
        let Some(generator) = &self.harness.generator else { return MostCost::none() };
        if generator.cassette_mode() == CassetteMode::Replay {
            return MostCost::none();
        }
        let (mut attempts, mut usage) = (0, Usage::default());
        let (mut sampled, mut sampled_usd) = (0, Some(0.0));
        for (job, part) in plan.jobs.iter().flat_map(|job| job.parts.iter().map(move |p| (job, p)))
        {
            if !asks(part) {
                continue;
            }
            let calls = most_calls(self.harness.tiers());
            if let Some((most, prices)) = self.most_of_samples(job, part, calls) {
                sampled += most.input + most.output;
                sampled_usd = sampled_usd.zip(prices.usd(most)).map(|(sum, one)| sum + one);
            }
            let one = self.most_of_call(job, part, generator);
            attempts += calls;
            usage.input += one.input * u64::from(calls);
            usage.output += one.output * u64::from(calls);
        }
        let budget = &self.harness.budget;
        let least = |caps: [Option<u64>; 2]| caps.into_iter().flatten().min().unwrap_or(u64::MAX);
        let tokens = usage.input + usage.output + sampled;
        let dearest = (0..=generator.tiers.len())
            .map(|tier| generator.tier(tier))
            .map(|one| one.prices.most(usage).unwrap_or_default());
        let caps = [budget.run_usd, budget.day_usd].into_iter().flatten();
        let most = dearest.fold(0.0, f64::max) + sampled_usd.unwrap_or_default();
        let usd = caps.fold(most, f64::min);
        let has_prices = generator.has_prices() && sampled_usd.is_some();
        MostCost {
            attempts,
            tokens: tokens.min(least([budget.run_tokens, budget.day_tokens])),
            usd: (has_prices || attempts == 0).then_some(usd),
        }
    }

    /// How an assistant's tests are accepted, one pair for each rate: the plan of the first version
    /// that a run samples, and that of each later one.
    pub fn acceptance_plans(
        &self,
        job: &Job,
        part: &TargetJob,
    ) -> Vec<(AcceptancePlan, AcceptancePlan)> {
        let target = self.harness.target.get(&part.target);
        let Some(model) = target.and_then(toolchain::model_under_test) else { return Vec::new() };
        let clauses = self.spec(&job.spec).into_iter().flat_map(|spec| &spec.clauses);
        let tested = clauses.filter(|clause| clause.test_ids().next().is_some());
        let mut rates: Vec<f64> =
            tested.map(|clause| model.rate_of(clause.level, clause.rate())).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let later = SampledVersion { number: 2, of: most_versions(self.harness.tiers()) };
        let plan = |rate, version| AcceptancePlan::of_version(model.samples, rate, version);
        let pair = |rate| plan(rate, SampledVersion::ONLY).zip(plan(rate, later));
        rates.into_iter().filter_map(pair).collect()
    }

    /// The most tokens of the samples of an assistant: of each attempt, and once without
    /// instructions.
    fn most_of_samples(&self, job: &Job, part: &TargetJob, calls: u32) -> Option<(Usage, Prices)> {
        let model = toolchain::model_under_test(self.harness.target.get(&part.target)?)?;
        if model.server.cassette_mode() == CassetteMode::Replay {
            return None;
        }
        let suites = self.suites.get(&(job.spec.clone(), part.target.clone()))?;
        let tests: usize = suites.iter().map(|suite| suite.tests.len()).sum();
        let longest = suites.iter().map(|suite| suite.text.len()).max().unwrap_or_default();
        let asked = assistant::MOST_BYTES * 2 + longest;
        let plans = self.acceptance_plans(job, part);
        let samples = plans.iter().map(|(_, later)| later.samples).max().unwrap_or(model.samples);
        let answers = tests as u64 * u64::from(samples) * u64::from(calls + 1);
        let output = u64::from(model.server.settings.max_output_tokens().unwrap_or_default());
        let most = Usage {
            input: (asked / limits::BYTES_PER_TOKEN) as u64 * answers,
            output: output * answers,
            ..Usage::default()
        };
        Some((most, model.server.prices))
    }

    /// The most tokens of one call. A repair's prompt has the last answer and findings too.
    fn most_of_call(&self, job: &Job, part: &TargetJob, generator: &GeneratorConfig) -> Usage {
        let output = u64::from(generator.settings.max_output_tokens().unwrap_or_default());
        if let Some(context) = generator.settings.prompt_tokens() {
            return Usage { input: context as u64, output, ..Usage::default() };
        }
        let spec = self.spec(&job.spec);
        let depends = spec.iter().flat_map(|spec| &spec.depends).filter_map(|id| self.spec(id));
        let texts = spec.into_iter().chain(depends).map(|spec| spec.visible.len());
        let suites = self.suites.get(&(job.spec.clone(), part.target.clone()));
        let suites = suites.into_iter().flatten().map(|suite| suite.text.len());
        let templates = self.templates.system.len() + self.templates.task.len();
        let promoted = self.standing.spec.get(&job.spec).and_then(|s| s.target.get(&part.target));
        let promoted = promoted.map_or(0, |entry| self.size_of(&entry.path));
        let bytes = texts.chain(suites).sum::<usize>() + templates + promoted;
        let bytes =
            bytes + limits::PROMPT_FINDING_BYTES + limits::TRIED_LINES * limits::FINDING_BYTES;
        let input = (bytes / limits::BYTES_PER_TOKEN) as u64 + 2 * output;
        Usage { input, output, ..Usage::default() }
    }

    fn size_of(&self, path: &str) -> usize {
        let tree = crate::store::files::tree(&self.places.root.join(path));
        tree.ok().flatten().map_or(0, |tree| tree.iter().map(|(_, bytes)| bytes.len()).sum())
    }
}

impl MostCost {
    /// No call.
    fn none() -> Self {
        Self { usd: Some(0.0), ..Self::default() }
    }
}

/// Whether a run may ask a model for a target. Manual edits are refused.
fn asks(part: &TargetJob) -> bool {
    !part.verifies && !part.held && !matches!(part.reason, None | Some(Reason::Drift { .. }))
}
