//! A workspace: reads its files, selects specs, makes the plan.
#![expect(clippy::disallowed_methods, reason = "a workspace is read from files, and has today")]

mod build_inputs;
mod answering;
mod clock;
mod given_tests;
mod cost;
mod error;
mod idle;
mod job_inputs;
mod judge;
mod load;
mod manifests;
mod model;
mod plan;
mod select;
mod suites;
mod texts;
mod sign;
mod upgrade;

pub use answering::{
    AnswerSource, AnsweringOptions, ReserveSamples, SampleReservation, SampledModel,
};
pub use clock::{now, today};
pub use cost::MostCost;
pub use error::{CommandError, ConfigProblems, ErrorKind};
pub use given_tests::given_folders;
pub use idle::{Idle, IdleCheck};
pub use job_inputs::JobInputs;
pub use load::{
    ConfigFile, config_with, declared_text, load, load_as_accepted, load_config, load_harness,
    load_with, rules,
};
pub use model::{CONFIG, Sources, Workspace, WorkspaceLayout};
