//! What a program sees of its session's sandbox.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a program sees of its session's sandbox, and what it may write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SandboxView {
    /// Everything; shared folders are read-only.
    #[default]
    Read,
    /// Everything; shared folders are writable.
    Build,
    /// The same, but this folder of the source folder is empty.
    BuildWithout(String),
    /// Neither sources, tools, build folder nor `/proc`: only these.
    Alone(Alone),
}

impl SandboxView {
    /// Whether the program may write to shared folders.
    pub fn builds(&self) -> bool {
        matches!(self, Self::Build | Self::BuildWithout(_))
    }
}

/// What a program sees that runs alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alone {
    /// The program's name there, in a folder that cannot be listed.
    pub name: String,
    /// Programs that it starts, at their paths.
    pub starts: Vec<PathBuf>,
    /// Files that it reads, below the source folder.
    pub reads: Vec<String>,
}
