//! What new samples of a promoted assistant showed.

use serde::{Deserialize, Serialize};

use super::ClauseId;

/// The result of a check for drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum DriftResult {
    /// The samples are as at the promotion.
    Same,
    /// They differ.
    Drift {
        /// Where.
        findings: Vec<DriftFinding>,
    },
    /// No samples were taken, or not all.
    NotChecked {
        /// Why.
        why: String,
    },
}

/// A difference from the samples of the promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftFinding {
    /// The clause of the test; absent if no clause has it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<ClauseId>,
    /// The test and its counts.
    pub message: String,
    /// The command that samples the instructions again and asks for others if they fail.
    pub hint: String,
}

impl DriftResult {
    /// The result for people.
    pub fn words(&self) -> String {
        match self {
            Self::Same => "new samples are as at the promotion".to_owned(),
            Self::NotChecked { why } => format!("not checked for drift: {why}"),
            Self::Drift { findings } => {
                let one = |finding: &DriftFinding| {
                    let clause = finding.clause.as_ref().map(|clause| format!("{clause}: "));
                    format!("{}{}", clause.unwrap_or_default(), finding.message)
                };
                let all: Vec<String> = findings.iter().map(one).collect();
                format!("drift: {}", all.join("; "))
            }
        }
    }
}
