//! Shared data types. No I/O, no async, no clock, no randomness.
//!
//! A type belongs here only if two modules exchange it. How types are displayed is in `report`.

pub mod action;
pub mod agent;
pub mod api;
mod asking;
pub mod assurance;
pub mod behaviour;
pub mod canonical;
mod declaration;
pub mod drift;
pub mod digest;
pub mod effect;
pub mod event;
pub mod failure;
pub mod gate;
pub mod generation;
pub mod generator;
pub mod harness;
pub mod interface;
pub mod limits;
mod link;
pub mod lockfile;
pub mod lint;
pub mod name;
pub mod path;
pub mod places;
pub mod plan;
pub mod policy;
pub mod price;
pub mod problem;
pub mod sandbox;
pub mod schedule;
mod server;
pub mod spec;
pub mod text;
mod toml_text;
pub mod tools;
pub mod tree;
mod workers;

pub use action::{Action, ActionResult, Fingerprint};
pub use api::ModelApi;
pub use asking::{CallContext, Request};
pub use assurance::Assurance;
pub use behaviour::{AcceptancePlan, ModelUnderTest, SampleCount, SampledVersion};
pub use canonical::Encoder;
pub use declaration::Declaration;
pub use digest::Digest;
pub use drift::{DriftFinding, DriftResult};
pub use effect::CodeEffect;
pub use event::{AttemptKind, Event, JobOutcome, RateLimit};
pub use failure::Failure;
pub use gate::{
    Diagnosis, Fault, Finding, GateReport, Judgement, Outcome, Red, RedProof, TestResult,
    TestStatus,
};
pub use generation::{
    ChatMessage, ChatRole, Completion, Finish, Prompt, StoredGeneration, StoredWorkspace, Usage,
};
pub use generator::{GeneratorConfig, GeneratorSettings};
pub use harness::{GateConfig, GateFormat, Harness, Target, ToolchainId, TraceConfig};
pub use interface::Interface;
pub use link::{Link, LinkedTarget, way};
pub use lint::{LintConfig, RuleLevel};
pub use lockfile::{Origin, Source, SpecStanding, Standing, TargetStanding};
pub use name::{GateName, SpecId, TargetName};
pub use path::RelPath;
pub use plan::{GateInputsDigest, InputsDigest, Job, JobId, Plan, Reason, TargetJob};
pub use policy::Policy;
pub use price::Prices;
pub use problem::{Fix, Problem, Severity, Span};
pub use sandbox::{Isolation, Limits, LimitsConfig, Resource};
pub use schedule::{DriftInterval, Hook, HookEvent, Schedule, Telemetry};
pub use spec::{
    AdmittedSpec, Binding, CheckedProgram, Clause, ClauseId, Example, Level, Passage, Spec, Status,
    Waiver,
};
pub use toml_text::read_toml;
pub use tools::{HostTools, ToolEnv, ToolSet};
pub use tree::{Candidate, CandidateId, Provenance, Tree};
pub use workers::{WorkersConfig, is_pool_name};
