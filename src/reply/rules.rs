//! What a target allows a reply to hold.

use crate::toolchain::Layout;
use crate::types::{ClauseId, Tree};

/// The file by which a reply in files reports a conflict between clauses.
pub const CONFLICT: &str = "CONFLICT";

/// What a target allows a reply to hold.
#[derive(Clone, Debug)]
pub struct ReplyRules {
    /// Glob patterns of allowed files.
    pub allowed: Vec<String>,
    /// The language's layout. A reply with a single nameless fence is taken for its required file.
    pub layout: Layout,
    /// Clauses a conflict may name.
    pub clauses: Vec<ClauseId>,
    /// The tree the reply changes: the last candidate of a repair, else empty.
    pub base: Tree,
}
