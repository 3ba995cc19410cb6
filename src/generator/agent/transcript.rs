//! The transcript of an agent: its own output, and as the last line what the harness saw.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::events;
use crate::gateway::GatewayReport;
use crate::process::Output;
use crate::types::text::{counted, visible_line};
use crate::types::{Usage, limits};

/// What the harness saw of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkReport {
    /// How it ended.
    pub ended: String,
    /// How long it ran.
    pub seconds: u64,
    /// Its requests that were sent to a model.
    pub requests: u32,
    /// Requests that were answered with what a killed try of the attempt had paid for.
    #[serde(default, skip_serializing_if = "is_none")]
    pub repeated: u32,
    /// Tokens, as they were metered.
    pub tokens: Usage,
    /// Tokens, read and written, as the agent says. Never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<[u64; 2]>,
    /// What the gateway refused or left out.
    pub refused: BTreeSet<String>,
    /// Files that were ignored.
    pub ignored: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

/// A transcript, read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentTranscript {
    /// What the agent says that it did.
    pub turns: Vec<String>,
    /// What the harness saw.
    pub seen: Option<WorkReport>,
}

#[derive(Deserialize)]
struct LastLine {
    regen: WorkReport,
}

impl WorkReport {
    /// What was seen, after the agent's own output.
    pub fn new(said: &[u8], output: &Output, report: &GatewayReport, ignored: Vec<String>) -> Self {
        Self {
            ended: output.ended.to_string(),
            seconds: output.elapsed.as_secs(),
            requests: report.requests,
            repeated: report.repeated,
            tokens: report.usage,
            claimed: events::claimed(&String::from_utf8_lossy(said)),
            refused: report.refused.clone(),
            ignored,
        }
    }

    /// The last line of a transcript.
    pub fn line(&self) -> Vec<u8> {
        format!("\n{}\n", json!({ "regen": self })).into_bytes()
    }

    /// For a person.
    pub fn told(&self) -> String {
        let Usage { input, cached, output, .. } = self.tokens;
        let mut text = format!(
            "{} after {} s; {}; {input} tokens read ({cached} from a cache), {output} written",
            self.ended,
            self.seconds,
            counted(self.requests, "request"),
        );
        if self.repeated > 0 {
            text += &format!("; {} repeated", counted(self.repeated, "paid answer"));
        }
        if let Some([read, written]) = self.claimed {
            text += &format!("\nthe agent says: {read} read, {written} written (not used)");
        }
        for why in &self.refused {
            text += &format!("\nrefused: {}", visible_line(why));
        }
        for path in &self.ignored {
            text += &format!("\nignored: {}", visible_line(path));
        }
        text
    }
}

/// Reads a transcript.
pub fn read_transcript(text: &str) -> AgentTranscript {
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    let seen = serde_json::from_str::<LastLine>(last).ok().map(|line| line.regen);
    let own =
        if seen.is_some() { text.trim_end().strip_suffix(last).unwrap_or(text) } else { text };
    let mut lines = own.lines();
    let mut turns: Vec<String> =
        lines.by_ref().flat_map(events::turns).take(limits::TURNS).collect();
    let more = lines.count();
    if more > 0 {
        turns.push(format!("[{} not shown]", counted(more, "more line")));
    }
    AgentTranscript { turns, seen }
}
