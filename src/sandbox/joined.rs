//! Two programs in two sandboxes that talk to each other.

use std::io;

use super::errors::{SandboxError, failed};
use super::protocol::{Task, TaskRole};
use super::session::{Session, TaskWires};
use super::view::SandboxView;
use crate::process::{Output, Program};
use crate::types::limits;

/// One of two programs that talk to each other.
#[derive(Debug)]
pub struct JoinedProgram<'a> {
    /// Its sandbox.
    pub session: &'a Session,
    /// What it sees there.
    pub view: SandboxView,
    /// The program.
    pub program: Program,
}

impl JoinedProgram<'_> {
    async fn run(
        self,
        input: io::PipeReader,
        output: io::PipeWriter,
    ) -> Result<Output, SandboxError> {
        let task = Task { program: self.program, view: self.view, role: TaskRole::Program };
        let wires =
            TaskWires { input: input.into(), feed: None, output: output.into(), read: None };
        self.session.wired(task, wires).await
    }

    /// Runs two programs. Each reads from standard input what the other writes to standard output;
    /// nothing else is shared. Ends with the first program: the other one sees its input closed,
    /// and is killed if it does not end. Its output is `None` then.
    ///
    /// # Errors
    /// One of the sandboxes failed.
    pub async fn join(self, other: JoinedProgram<'_>) -> Result<JoinedOutput, SandboxError> {
        let (input, other_output) = io::pipe().map_err(failed)?;
        let (other_input, output) = io::pipe().map_err(failed)?;
        let mut first = std::pin::pin!(self.run(input, output));
        let mut second = std::pin::pin!(other.run(other_input, other_output));
        let mut ended = None;
        let output = loop {
            tokio::select! {
                output = &mut first => break output?,
                output = &mut second, if ended.is_none() => ended = Some(output?),
            }
        };
        if ended.is_none() {
            let rest = tokio::time::timeout(limits::KILL_GRACE, second).await;
            ended = rest.ok().transpose()?;
        }
        Ok((output, ended))
    }
}

/// The outputs of two joined programs; the second's only if it ended by itself.
pub type JoinedOutput = (Output, Option<Output>);
