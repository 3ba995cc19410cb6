//! `regen` keeps generated code true to its specification.
//!
//! The trip of one spec: a file in `specs/` is parsed into clauses (`spec`), compared with what is
//! promoted (`plan`), rendered into a prompt (`prompt`), answered by a coding model (`generator`),
//! read into a tree (`reply`), put into a workspace and checked by gates in order (`gate`), judged
//! (`verdict`), and switched into `generated/` at once (`promote`). A failing gate leads to another
//! attempt with its findings, by a fixed policy (`pipeline`). Everything that happens is an event
//! in the ledger (`store`), written before it is acted on (`engine`); a killed run goes on from
//! there.
//!
//! The list below is the map and the law: a module imports only modules listed above it, and rooms
//! never import rooms. `tests/it/tidy.rs` reads this file and holds the code to it; the
//! lints keep files, processes, clocks and the network out of everything above the edges.

// ground: nouns
pub mod types;

// languages: pure, one folder each; rooms and edges ask them
pub mod toolchain;

// rooms: pure, each turns one noun into the next
pub mod attest;
pub mod config;
pub mod guard;
pub mod plan;
pub mod prompt;
pub mod reply;
pub mod spec;
pub mod verdict;

#[cfg(test)]
mod spec_for_tests;

// pipeline: the whole trip as one pure state machine
pub mod pipeline;

// edges: one kind of I/O each, no decisions
pub mod process;
pub mod sandbox;
pub mod store;
pub mod generator;
pub mod watch;
pub mod gate;
pub mod promote;

// workspace: what people wrote and what is promoted, read and planned
pub mod workspace;

// engine: the only loop
pub mod engine;

// commands: the logic behind each command
pub mod commands;

// doors: what people and CI touch
pub mod report;
pub mod daemon;
pub mod cli;
