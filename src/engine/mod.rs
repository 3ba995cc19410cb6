//! The main loop: perform the outstanding effect, append its event, step.
#![expect(clippy::disallowed_methods, reason = "the engine reads the clock and the workspace")]

mod ask;
mod attempt_history;
mod close;
mod exchanges;
mod gating;
mod input_snapshot;
mod linked;
mod observer;
mod perform;
mod precheck;
mod prepared;
mod promotion;
mod recover;
mod resources;
mod restore;
mod run;
mod set;
mod slots;
mod text;
mod work;

pub use close::{cancel, supersede};
pub use observer::{Observer, Observers};
pub use prepared::Sets;
pub use promotion::Record;
pub use resources::{Engine, Options};
pub use run::RunOutcome;
