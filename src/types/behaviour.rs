//! The behaviour of a model: which model is tested, how many samples are taken, and how many may
//! miss.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GeneratorConfig, Level, Target};

/// The share of wrong promotions that an acceptance plan allows.
const ALPHA: f64 = 0.05;

/// The key of `[target.X]` with the model under test.
pub const MODEL: &str = "model";

/// Most samples of a test.
pub const MOST_SAMPLES: u32 = 10_000;

/// The rate of a SHOULD clause that says none.
const SHOULD_RATE: f64 = 0.7;

/// Keys of `[generator]` that a model under test does not have.
const NOT_ITS: [&str; 9] = [
    "agent",
    "argv",
    "small_model",
    "attempt_tokens",
    "wall_s",
    "limits",
    "reply",
    "tiers",
    "context_tokens",
];

/// The model whose behaviour is tested.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelUnderTest {
    /// Its server, as for a generator.
    pub server: GeneratorConfig,
    /// Samples of each test.
    pub samples: u32,
    /// The share of samples that must pass for a MUST clause.
    pub rate: f64,
    /// The model at the same server whose opinions tests ask for; `None` for the model itself.
    pub judge: Option<String>,
}

impl ModelUnderTest {
    /// The model of a target; `None` without one.
    pub fn of(target: &Target) -> Option<Self> {
        Self::read(target.options.get(MODEL)?).ok()
    }

    /// Reads the value of `model`.
    ///
    /// # Errors
    /// A sentence on the problem, and a hint.
    pub fn read(value: &toml::Value) -> Result<Self, (String, String)> {
        let example = "for example `model = { base_url = \"https://api.openai.com/v1\", model = \
                       \"NAME\", api_key_env = \"OPENAI_API_KEY\", samples = 60, rate = 0.9 }`";
        let wrong = |why: String| (why, example.to_owned());
        let mut table =
            value.as_table().cloned().ok_or_else(|| wrong("`model` is not a table".to_owned()))?;
        if let Some(key) = NOT_ITS.into_iter().find(|key| table.contains_key(*key)) {
            return Err(wrong(format!("a model under test has no `{key}`")));
        }
        let samples = table.remove("samples").map_or(Some(60), |value| value.as_integer());
        let samples = samples.and_then(|samples| u32::try_from(samples).ok());
        let samples = samples.filter(|samples| (1..=MOST_SAMPLES).contains(samples));
        let samples = samples
            .ok_or_else(|| wrong(format!("`samples` is a number from 1 to {MOST_SAMPLES}")))?;
        let rate = table.remove("rate").map_or(Some(0.9), |value| value.as_float());
        let rate = rate.filter(|rate| is_rate(*rate));
        let rate = rate.ok_or_else(|| {
            wrong("`rate` is a number above 0 and below 1, for example 0.9".to_owned())
        })?;
        let judge = table.remove("judge").map(|value| value.as_str().map(str::to_owned));
        let judge = judge.map(|name| name.ok_or_else(|| wrong("`judge` names a model".to_owned())));
        let judge = judge.transpose()?;
        let server: GeneratorConfig = table
            .try_into()
            .map_err(|why: toml::de::Error| wrong(why.message().trim().to_owned()))?;
        if server.settings.kind() == "command" {
            return Err(wrong("a model under test is not a program".to_owned()));
        }
        if server.settings.model().is_empty() {
            return Err(wrong("the model under test has no name".to_owned()));
        }
        Ok(Self { server, samples, rate, judge })
    }

    /// The share of samples that must pass for a clause.
    pub fn rate_of(&self, level: Level, own: Option<f64>) -> f64 {
        own.unwrap_or(match level {
            Level::Must => self.rate,
            Level::Should | Level::May => SHOULD_RATE.min(self.rate),
        })
    }
}

/// Whether a number can be a rate.
pub fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate < 1.0
}

/// Which of the versions that a run can sample is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledVersion {
    /// Its number, from 1.
    pub number: u32,
    /// How many versions the run can sample.
    pub of: u32,
}

impl SampledVersion {
    /// The only one.
    pub const ONLY: Self = Self { number: 1, of: 1 };
}

/// A plan of acceptance, fixed before the first sample: with a true rate below `rate` the first
/// version of a run passes in at most 5 % of cases, and any of its versions does in at most 5 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AcceptancePlan {
    /// Samples.
    pub samples: u32,
    /// The rate that is shown.
    pub rate: f64,
    /// The most samples that may miss.
    pub misses: u32,
}

impl AcceptancePlan {
    /// The plan with so many samples. `None`: they are too few to show the rate.
    pub fn new(samples: u32, rate: f64) -> Option<Self> {
        Self::within(samples, rate, ALPHA)
    }

    /// The plan of a version: the first has that of [`Self::new`]; what it leaves of the 5 % is
    /// divided evenly among the others, with more samples where these are too few.
    pub fn of_version(samples: u32, rate: f64, version: SampledVersion) -> Option<Self> {
        let first = Self::new(samples, rate)?;
        if version.number <= 1 {
            return Some(first);
        }
        let others = f64::from(version.of.max(version.number) - 1);
        let left = ((ALPHA - first.wrong()) / others).max(f64::MIN_POSITIVE);
        Self::within(samples.max(least(rate, left)), rate, left)
    }

    /// The chance that a version just below the rate passes.
    fn wrong(self) -> f64 {
        at_most(self.misses, self.samples, 1.0 - self.rate)
    }

    /// The plan whose chance of a wrong promotion is at most this.
    fn within(samples: u32, rate: f64, most: f64) -> Option<Self> {
        let fits = |misses: &u32| at_most(*misses, samples, 1.0 - rate) <= most;
        if !is_rate(rate) || !fits(&0) {
            return None;
        }
        let (mut fitting, mut too_many) = (0, samples);
        while too_many - fitting > 1 {
            let middle = fitting + (too_many - fitting) / 2;
            if fits(&middle) {
                fitting = middle;
            } else {
                too_many = middle;
            }
        }
        Some(Self { samples, rate, misses: fitting })
    }

    /// Whether a test passes, once nothing that follows can change it.
    pub fn settled(&self, passed: u32, missed: u32) -> Option<bool> {
        if missed > self.misses {
            return Some(false);
        }
        (passed + self.misses >= self.samples).then_some(true)
    }
}

/// The fewest samples that can show a rate.
pub fn fewest(rate: f64) -> u32 {
    least(rate, ALPHA)
}

/// The fewest samples that all pass with at most this chance.
fn least(rate: f64, most: f64) -> u32 {
    (most.ln() / rate.ln()).ceil() as u32
}

/// How many samples would pass their plan if as large a share missed; `None`: none would.
pub fn deciding(passed: u32, missed: u32, rate: f64) -> Option<u32> {
    // Sampling ends with a miss, which is not counted: else the share is too large.
    let seen = (passed + missed).saturating_sub(1);
    let share = f64::from(missed.saturating_sub(1)) / f64::from(seen).max(1.0);
    let passes = |samples: &u32| {
        let plan = AcceptancePlan::new(*samples, rate);
        plan.is_some_and(|plan| f64::from(plan.misses) >= share * f64::from(*samples))
    };
    let tries = (1..).map(|step| fewest(rate).max(passed + missed).saturating_mul(step));
    tries.take_while(|samples| *samples <= MOST_SAMPLES).find(passes)
}

/// With 95 % confidence the true rate is at most this.
pub fn upper_bound(passed: u32, missed: u32) -> f64 {
    let samples = passed + missed;
    // So many passes or fewer are likely enough.
    bisect(|rate| at_most(passed, samples, rate) > ALPHA)
}

/// With 95 % confidence the true rate is at least this.
pub fn lower_bound(passed: u32, missed: u32) -> f64 {
    let samples = passed + missed;
    // So many misses or fewer are not likely enough.
    bisect(|rate| at_most(missed, samples, 1.0 - rate) <= ALPHA)
}

/// The number between 0 and 1 up to which something holds.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut least, mut most) = (0.0, 1.0);
    if holds(most) {
        return most;
    }
    for _ in 0..50 {
        let middle = f64::midpoint(least, most);
        if holds(middle) {
            least = middle;
        } else {
            most = middle;
        }
    }
    least
}

/// The chance of at most `count` events in so many tries, each with this chance.
fn at_most(count: u32, tries: u32, chance: f64) -> f64 {
    if count >= tries || chance <= 0.0 {
        return 1.0;
    }
    if chance >= 1.0 {
        return 0.0;
    }
    let (yes, no) = (chance.ln(), (-chance).ln_1p());
    let (mut term, mut sum) = (f64::from(tries) * no, 0.0);
    for events in 0..=count {
        sum += term.exp();
        let (events, tries) = (f64::from(events), f64::from(tries));
        term += ((tries - events) / (events + 1.0)).ln() + yes - no;
    }
    sum.min(1.0)
}

/// The chance that counts differ as much or more although nothing has changed: Fisher's exact
/// test. Each is of passed and missed samples.
pub fn chance_of_same(before: (u32, u32), now: (u32, u32)) -> f64 {
    let (first, second) = (before.0 + before.1, now.0 + now.1);
    let passed = before.0 + now.0;
    let all = first + second;
    let logs: Vec<f64> = (0..=all)
        .scan(0.0, |sum, number| {
            *sum += if number > 0 { f64::from(number).ln() } else { 0.0 };
            Some(*sum)
        })
        .collect();
    let choose =
        |of: u32, some: u32| logs[of as usize] - logs[some as usize] - logs[(of - some) as usize];
    let chance = |of_first: u32| {
        (choose(first, of_first) + choose(second, passed - of_first) - choose(all, passed)).exp()
    };
    let seen = chance(before.0) * (1.0 + 1e-7);
    let possible = passed.saturating_sub(second)..=passed.min(first);
    possible.map(chance).filter(|one| *one <= seen).sum::<f64>().min(1.0)
}

/// What a test's samples showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCount {
    /// The test.
    pub test: String,
    /// Samples that passed.
    pub passed: u32,
    /// Samples that did not.
    pub missed: u32,
    /// The rate that was to be shown.
    pub rate: String,
    /// The model, as its server named it.
    pub model: String,
}

impl SampleCount {
    /// Reads what the lockfile has of a test.
    pub fn parse(test: &str, text: &str) -> Option<Self> {
        let (counts, rest) = text.split_once(", rate ")?;
        let (rate, model) = rest.split_once(", ")?;
        let (passed, all) = counts.split_once(" of ")?;
        let (passed, all): (u32, u32) = (passed.parse().ok()?, all.parse().ok()?);
        Some(Self {
            test: test.to_owned(),
            passed,
            missed: all.checked_sub(passed)?,
            rate: rate.to_owned(),
            model: model.to_owned(),
        })
    }

    /// Whether the rate is shown.
    pub fn is_shown(&self) -> bool {
        let rate = self.rate.parse().unwrap_or(1.0);
        lower_bound(self.passed, self.missed) >= rate - 1e-9
    }

    /// What was seen, as people read it.
    pub fn words(&self) -> String {
        let all = self.passed + self.missed;
        let least = percent(lower_bound(self.passed, self.missed));
        let (passed, model) = (self.passed, &self.model);
        format!("{passed} of {all} answers of {model}, with 95 % confidence at least {least}")
    }
}

impl fmt::Display for SampleCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, rate, model, .. } = self;
        write!(f, "{passed} of {}, rate {rate}, {model}", passed + self.missed)
    }
}

/// A rate or bound in percent, with one digit where it matters.
pub fn percent(rate: f64) -> String {
    let tenths = (rate * 1000.0).round() / 10.0;
    format!("{tenths} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misses(samples: u32, rate: f64) -> Option<u32> {
        AcceptancePlan::new(samples, rate).map(|plan| plan.misses)
    }

    #[test]
    fn plans_are_those_of_the_exact_binomial() {
        let known = [(0.95, Some(0)), (0.9, Some(1)), (0.8, Some(6)), (0.99, None)];
        for (rate, expected) in known {
            assert_eq!(misses(60, rate), expected, "{rate}");
        }
        for (rate, least) in [(0.95, 59), (0.9, 29), (0.8, 14), (0.99, 299)] {
            assert_eq!(fewest(rate), least, "{rate}");
            assert_eq!(misses(least, rate), Some(0), "{rate}");
            assert_eq!(misses(least - 1, rate), None, "{rate}");
        }
        assert_eq!(misses(MOST_SAMPLES, 0.9), Some(950));
        assert_eq!(percent(upper_bound(0, 60)), "4.9 %");
        assert_eq!(percent(lower_bound(60, 0)), "95.1 %");
        assert_eq!((upper_bound(60, 0), lower_bound(0, 60)), (1.0, 0.0));
        assert_eq!(deciding(59, 2, 0.9), Some(61));
        assert_eq!((deciding(9, 1, 0.9), deciding(8, 3, 0.9)), (Some(29), None));
    }

    #[test]
    fn the_exact_test_is_fishers() {
        let close =
            |chance: f64, expected: f64| assert!((chance - expected).abs() < 1e-4, "{chance}");
        // As R's fisher.test gives.
        close(chance_of_same((59, 1), (40, 20)), 4.5e-6);
        close(chance_of_same((3, 1), (1, 3)), 0.485_714);
        close(chance_of_same((59, 0), (59, 0)), 1.0);
        close(chance_of_same((0, 0), (5, 1)), 1.0);
    }

    /// The next number of a simple generator, from 0 to 1.
    fn next(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (*state >> 33) as f64 / f64::from(1_u32 << 31)
    }

    /// The share of so many assistants with this true rate that pass.
    fn promoted(plan: AcceptancePlan, rate: f64, assistants: u32) -> f64 {
        let mut state = 7;
        let mut one = || {
            let (mut passed, mut missed) = (0, 0);
            loop {
                match plan.settled(passed, missed) {
                    Some(passes) => return u32::from(passes),
                    None if next(&mut state) < rate => passed += 1,
                    None => missed += 1,
                }
            }
        };
        f64::from((0..assistants).map(|_| one()).sum::<u32>()) / f64::from(assistants)
    }

    #[test]
    fn any_version_of_a_run_is_wrongly_promoted_in_at_most_5_percent() {
        let settings = [(60, 0.9), (60, 0.95), (60, 0.8), (100, 0.9), (299, 0.99), (5, 0.5)];
        for ((samples, rate), of) in settings.into_iter().flat_map(|one| [(one, 6), (one, 9)]) {
            let plan = |number| {
                let version = SampledVersion { number, of };
                AcceptancePlan::of_version(samples, rate, version).expect("is enough")
            };
            assert_eq!(Some(plan(1)), AcceptancePlan::new(samples, rate));
            let all: f64 = (1..=of).map(|number| plan(number).wrong()).sum();
            assert!(all <= ALPHA + 1e-12, "{samples} for {rate}: {all}");
            assert!(plan(2).wrong() > 0.0 && plan(2) == plan(of), "{samples} for {rate}");
        }
        // As the documentation says.
        let later = SampledVersion { number: 2, of: 6 };
        let known = [
            ((60, 0.95), (140, 0)),
            ((60, 0.9), (60, 0)),
            ((60, 0.8), (60, 3)),
            ((100, 0.9), (100, 2)),
            ((299, 0.99), (924, 0)),
        ];
        for ((samples, rate), expected) in known {
            let plan = AcceptancePlan::of_version(samples, rate, later).expect("is enough");
            assert_eq!((plan.samples, plan.misses), expected, "{samples} for {rate}");
        }
    }

    #[test]
    fn assistants_just_below_the_rate_are_not_promoted() {
        for (samples, rate) in [(60, 0.9), (60, 0.95), (60, 0.8), (100, 0.9), (299, 0.99)] {
            let plan = AcceptancePlan::new(samples, rate).expect("is enough");
            let wrong = promoted(plan, rate - 0.001, 2000);
            // What 2,000 tries of a chance of 5 % give in 999 of 1,000 cases.
            assert!(wrong <= 0.066, "{samples} for {rate}: {wrong}");
        }
        // As the documentation says.
        let close = |samples, rate, expected: f64| {
            let plan = AcceptancePlan::new(samples, rate).expect("is enough");
            let share = promoted(plan, 0.99, 2000);
            assert!((share - expected).abs() < 0.04, "{samples} for {rate}: {share}");
        };
        close(60, 0.95, 0.55);
        close(60, 0.9, 0.88);
        close(100, 0.9, 1.0);
    }
}
