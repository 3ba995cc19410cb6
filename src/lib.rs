//! `regen` generates code from specifications and keeps it up to date.
//!
//! The path of a spec: a file in `specs/` is parsed into clauses (`spec`), compared with what is
//! promoted (`plan`), rendered into a prompt (`prompt`), answered by a coding model (`generator`),
//! parsed into a tree (`reply`), put into a workspace and checked by gates in order (`gate`),
//! judged (`verdict`), and switched into `generated/` atomically (`promote`). A failing gate causes
//! another attempt with its findings, by a fixed policy (`pipeline`). Each event is written to the
//! ledger (`store`) before it takes effect (`engine`), so a killed run can be resumed.
//!
//! The list below is the order of modules: a module imports only modules listed above it, and rooms
//! never import rooms. `tests/it/tidy.rs` reads this file and checks the code against it; lints
//! keep files, processes, clocks and the network out of everything above the edges.

// ground: shared data types
pub mod types;

// contract: typed interfaces and examples as data; pure
pub mod contract;

// languages: pure, one folder each; used by rooms and edges
pub mod toolchain;

// rooms: pure, each transforms one data type into the next
pub mod attest;
pub mod config;
pub mod dispatch;
pub mod guard;
pub mod plan;
pub mod prompt;
pub mod reply;
pub mod spec;
pub mod verdict;

#[cfg(test)]
mod spec_for_tests;

// pipeline: one job as a pure state machine
pub mod pipeline;

// edges: one kind of I/O each, no decisions
pub mod process;
pub mod sandbox;
pub mod store;
pub mod gateway;
pub mod generator;
pub mod watch;
pub mod gate;
pub mod promote;
pub mod workers;

// workspace: source files and promoted trees, read and planned
pub mod workspace;

// engine: the main loop
pub mod engine;

// commands: the logic of each command
pub mod commands;

// doors: the interfaces for people and CI
pub mod report;
pub mod daemon;
pub mod cli;
