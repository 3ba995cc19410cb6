//! A target's rules for replies.

use crate::toolchain::Layout;
use crate::types::{ClauseId, RelPath, Tree};

/// The file by which a reply in files reports a conflict between clauses.
pub const CONFLICT: &str = "CONFLICT";

/// A target's rules for replies.
#[derive(Clone, Debug)]
pub struct ReplyRules {
    /// Glob patterns of allowed files.
    pub allowed: Vec<String>,
    /// The required file. A single unnamed fence is taken as it.
    pub root: RelPath,
    /// The language's layout.
    pub layout: Layout,
    /// Clauses that a conflict may name.
    pub clauses: Vec<ClauseId>,
    /// The tree that the reply changes: the candidate under repair, else empty.
    pub base: Tree,
}
