//! What runs when, and who is told of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;
use crate::types::TargetName;

/// `[schedule]`: what runs when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Specs at a time, 1 to 64.
    pub jobs: usize,
    /// Specs at a time with work in a target, by the target's name.
    pub target: BTreeMap<TargetName, usize>,
    /// Glob patterns of specs that come before others, the first ones first.
    pub priority: Vec<String>,
    /// Hours, of this machine's time zone, in which `regen watch` starts nothing by itself:
    /// `22:00-06:00`.
    pub quiet: Vec<QuietHours>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            jobs: limits::JOBS,
            target: BTreeMap::new(),
            priority: Vec::new(),
            quiet: Vec::new(),
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

    /// In how many minutes quiet hours end, if a minute of the day is inside of them.
    pub fn quiet_for(&self, minute: u32) -> Option<u32> {
        self.quiet.iter().filter_map(|hours| hours.left(minute)).max()
    }
}

/// Hours of a day, from the first minute up to the last, across midnight when that comes first.
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
            _ => Err(format!("`{text}` are no hours: write them as \"22:00-06:00\"")),
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

/// `[telemetry]`: where `regen watch` sends traces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Address of an OpenTelemetry collector that speaks OTLP over HTTP, such as
    /// `http://127.0.0.1:4318`.
    pub otlp: Option<String>,
    /// Whether spans carry the words of prompts and answers.
    pub prompts: bool,
}

/// Something that a hook may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// A job ended: its trees are in place.
    Promoted,
    /// A job ended: every attempt was refused.
    Rejected,
    /// A job ended: the spec is at fault.
    SpecSuspected,
    /// A job ended: the promoted tree was edited by hand.
    Drifted,
    /// A job ended: generator, budget or machine.
    Failed,
    /// A job ended: a person wanted it so.
    Cancelled,
    /// A job ended in one of these ways, and is not tried again by itself.
    Parked,
    /// The model server limits the rate of requests.
    Held,
    /// A person wants no job to start.
    Paused,
    /// A person wants jobs to start again.
    Resumed,
    /// The workspace cannot be read.
    Unreadable,
    /// Nothing is left to do.
    Idle,
}

/// `[[hook]]`: a program that is told of what happens, by JSON on its standard input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Of what.
    pub on: Vec<HookEvent>,
    /// The program and its arguments, run in the folder of `harness.toml`. A name with a `/` is
    /// relative to it.
    pub argv: Vec<String>,
    /// Wall time in seconds; 10 unless given.
    pub timeout_s: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::{QuietHours, Schedule};

    #[test]
    fn quiet_hours_go_across_midnight_and_end_when_they_say() {
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
