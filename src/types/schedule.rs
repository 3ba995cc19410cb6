//! Schedules, telemetry and hooks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;
use crate::types::TargetName;

/// `[schedule]`: concurrency, priorities and quiet hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Concurrent specs, 1 to 64.
    pub jobs: usize,
    /// Concurrent specs with work in a target, by the target's name.
    pub target: BTreeMap<TargetName, usize>,
    /// Glob patterns of specs that run before others, in order of priority.
    pub priority: Vec<String>,
    /// Quiet hours in this machine's time zone, in which `regen watch` starts no jobs by itself:
    /// `22:00-06:00`.
    pub quiet: Vec<QuietHours>,
    /// How often `regen watch` takes new samples of the models under test of promoted assistants,
    /// when nothing else is to be done: `daily` or `weekly`. Absent: never.
    pub drift: Option<DriftInterval>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            jobs: limits::JOBS,
            target: BTreeMap::new(),
            priority: Vec::new(),
            quiet: Vec::new(),
            drift: None,
        }
    }
}

/// How often promoted assistants are checked for drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftInterval {
    /// Once in 24 hours.
    Daily,
    /// Once in seven days.
    Weekly,
}

impl DriftInterval {
    /// Its length in hours.
    pub fn hours(self) -> i64 {
        match self {
            Self::Daily => 24,
            Self::Weekly => 7 * 24,
        }
    }
}

impl Schedule {
    /// A spec's place by priority.
    pub fn rank(&self, spec: &str) -> usize {
        let matches = |pattern: &String| {
            globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(spec))
        };
        self.priority.iter().position(matches).unwrap_or(self.priority.len())
    }

    /// In how many minutes quiet hours end, if they include this minute of the day.
    pub fn quiet_for(&self, minute: u32) -> Option<u32> {
        self.quiet.iter().filter_map(|hours| hours.left(minute)).max()
    }
}

/// A time range of a day, which may cross midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    from: u32,
    to: u32,
}

const DAY: u32 = 24 * 60;

impl QuietHours {
    fn left(self, minute: u32) -> Option<u32> {
        let length = (self.to + DAY - self.from) % DAY;
        let gone = (minute + DAY - self.from) % DAY;
        length.checked_sub(gone).filter(|left| *left > 0)
    }
}

impl TryFrom<String> for QuietHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minute = |text: &str| -> Option<u32> {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let hours = text.split_once('-').and_then(|(a, b)| Some((minute(a)?, minute(b)?)));
        match hours {
            Some((from, to)) if from != to => Ok(Self { from, to }),
            _ => Err(format!("invalid quiet hours `{text}`; expected `HH:MM-HH:MM`")),
        }
    }
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> Self {
        let text = |m: u32| format!("{:02}:{:02}", m / 60, m % 60);
        format!("{}-{}", text(hours.from), text(hours.to))
    }
}

impl JsonSchema for QuietHours {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "QuietHours".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let time = "([01][0-9]|2[0-3]|[0-9]):[0-5][0-9]";
        schemars::json_schema!({ "type": "string", "pattern": format!("^{time} *- *{time}$") })
    }
}

/// `[telemetry]`: traces of `regen watch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// URL of an OpenTelemetry collector with OTLP over HTTP, for example `http://127.0.0.1:4318`.
    pub otlp: Option<String>,
    /// Whether spans contain the text of prompts and answers.
    pub prompts: bool,
}

/// Events for hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// A job ended: promoted.
    Promoted,
    /// A job ended: every attempt was rejected.
    Rejected,
    /// A job ended: the spec is at fault.
    SpecSuspected,
    /// A job ended: the promoted tree was edited by hand.
    Drifted,
    /// A job ended: an error of generator, budget or environment.
    Failed,
    /// A job ended: cancelled.
    Cancelled,
    /// A job ended in one of these ways and is parked.
    Parked,
    /// The model server limits the rate of requests.
    Held,
    /// Scheduling was paused.
    Paused,
    /// Scheduling was resumed.
    Resumed,
    /// The workspace cannot be read.
    Unreadable,
    /// Nothing is left to do.
    Idle,
    /// A model under test does not behave as at the promotion (`[schedule] drift`).
    Drift,
}

/// `[[hook]]`: a program that receives events as JSON on its standard input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The events.
    pub on: Vec<HookEvent>,
    /// The program and its arguments, run in the folder of `harness.toml`. A name with `/` is
    /// relative to it.
    pub argv: Vec<String>,
    /// Timeout in seconds. Default: 10.
    pub timeout_s: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::{QuietHours, Schedule};

    #[test]
    fn quiet_hours_may_cross_midnight() {
        let hours = |text: &str| QuietHours::try_from(text.to_owned());
        let quiet = ["22:00-06:00", "05:30-7:15"].map(|text| hours(text).expect("are some"));
        let schedule = Schedule { quiet: quiet.to_vec(), ..Schedule::default() };
        let left = |hour: u32, minute: u32| schedule.quiet_for(hour * 60 + minute);
        assert_eq!(left(21, 59), None);
        assert_eq!((left(22, 0), left(0, 0), left(5, 0)), (Some(480), Some(360), Some(60)));
        assert_eq!((left(5, 45), left(7, 14), left(7, 15)), (Some(90), Some(1), None));
        for wrong in ["", "6-7", "24:00-01:00", "10:00-10:00", "1:60-2:00", "-", "a:b-c:d"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
        assert_eq!(String::from(quiet[1]), "05:30-07:15");
    }
}
