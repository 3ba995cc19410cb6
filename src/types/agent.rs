//! A coding agent as a generator.

use super::LimitsConfig;
use super::server::ServerSettings;

/// Agents whose command lines are known.
pub const KNOWN_AGENTS: [&str; 6] = ["codex", "claude", "gemini", "opencode", "pi", "aider"];

/// A coding agent. The keys of `[generator]` have the same names.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSettings {
    /// The name of a known agent.
    pub agent: Option<String>,
    /// Its program and arguments; empty for those of the known agent.
    pub argv: Vec<String>,
    /// Another model that it may ask.
    pub small_model: Option<String>,
    /// Most tokens of an attempt, read and written.
    pub attempt_tokens: u64,
    /// Wall time of an attempt, in seconds.
    pub wall_s: u64,
    /// What its limits are in place of the built-in ones.
    pub limits: Box<LimitsConfig>,
    /// The model's server.
    pub server: ServerSettings,
}
