//! Resource limits and isolation levels of gates.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;

/// The isolation level of programs, 0 to 3.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Isolation(#[schemars(range(max = 3))] pub u8);

impl Isolation {
    /// A process group with a cleared environment and limits only.
    pub const NONE: Self = Self(0);
    /// Landlock and seccomp.
    pub const LANDLOCK: Self = Self(1);
    /// Separate namespaces for files, processes, network and users, plus level 1 inside.
    pub const NAMESPACES: Self = Self(2);
    /// Level 2, with memory and processes limited by a control group.
    pub const CGROUP: Self = Self(3);

    /// The level in a few words.
    pub fn means(self) -> &'static str {
        match self.0 {
            0 => "no isolation",
            1 => "Landlock and seccomp",
            2 => "namespaces",
            _ => "namespaces and a control group",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// A limited resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// CPU time of all its processes.
    Cpu,
    /// Memory of all its processes and temporary files.
    Memory,
    /// Processes and threads.
    Processes,
    /// Open files of one process.
    OpenFiles,
    /// Size of one file.
    FileSize,
    /// Size of all its files.
    Disk,
    /// Number of its files.
    Inodes,
    /// Its output.
    Output,
}

/// Resource limits of one gate's programs. Missing values are the built-in ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// CPU time in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_s: Option<u64>,
    /// Memory of all processes and temporary files together, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Open files of one process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// Size of one file in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_mb: Option<u64>,
    /// Size of the build folder, and of the temporary files, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_mb: Option<u64>,
    /// Number of files in each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inodes: Option<u64>,
    /// Output of one program, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_mb: Option<u64>,
}

/// Resource limits of one gate's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time in seconds.
    pub cpu_s: u64,
    /// Bytes of memory, temporary files included.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of the build folder, and of the temporary files.
    pub disk: u64,
    /// Number of files in each of them.
    pub inodes: u64,
    /// Bytes of one program's output.
    pub output: u64,
}

const MIB: u64 = 1024 * 1024;

impl Limits {
    /// The limits of a gate with these settings.
    pub fn of(config: &LimitsConfig) -> Self {
        let mib = |value: Option<u64>, or: u64| value.map_or(or, |mib| mib.saturating_mul(MIB));
        let memory = mib(config.memory_mb, limits::GATE_MEMORY);
        Self {
            cpu_s: config.cpu_s.unwrap_or(limits::GATE_CPU_SECONDS),
            memory,
            processes: config.processes.unwrap_or(limits::GATE_PROCESSES),
            open_files: config.open_files.unwrap_or(limits::GATE_OPEN_FILES),
            file: mib(config.file_mb, limits::GATE_FILE),
            // Temporary files are memory; their own limit is reached first, so that it is reported.
            disk: mib(config.disk_mb, limits::GATE_DISK.min(memory / 2)),
            inodes: config.inodes.unwrap_or(limits::GATE_INODES),
            output: mib(config.output_mb, limits::GATE_OUTPUT),
        }
    }

    /// A sentence about an exceeded limit, for models and people.
    pub fn hit(&self, resource: Resource) -> String {
        let mib = |bytes: u64| format!("{} MiB", bytes / MIB);
        match resource {
            Resource::Cpu => format!("it used more than {} s of processor time", self.cpu_s),
            Resource::Memory => format!("it used more than {} of memory", mib(self.memory)),
            Resource::Processes => {
                format!("it started more than {} processes and threads", self.processes)
            }
            Resource::OpenFiles => {
                format!("it opened more than {} files at a time", self.open_files)
            }
            Resource::FileSize => format!("it wrote a file of more than {}", mib(self.file)),
            Resource::Disk => format!("its files took more than {}", mib(self.disk)),
            Resource::Inodes => format!("it made more than {} files", self.inodes),
            Resource::Output => format!("it printed more than {}", mib(self.output)),
        }
    }
}

impl Resource {
    /// The resource's name for rules and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::OpenFiles => "open_files",
            Self::FileSize => "file_size",
            Self::Disk => "disk",
            Self::Inodes => "inodes",
            Self::Output => "output",
        }
    }
}
