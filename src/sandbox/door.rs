//! A door to the network of a program: sockets of that network, which regen uses.

use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use tokio::io::Interest;
use tokio::net::unix::pipe;
use tokio::net::{TcpSocket, UnixStream as Stream};

use super::errors::{SandboxError, failed};
use super::protocol::Task;
use super::session::{Session, TaskWires};
use super::view::SandboxView;
use super::wire::{async_stream, take};
use crate::process::{Output, Program};

/// A door to the network of a running program. The program is sent SIGTERM when this is dropped.
#[derive(Debug)]
pub struct Door {
    /// Each byte that is written asks for a socket.
    wire: UnixStream,
    events: Stream,
}

impl Door {
    /// A new TCP socket in the program's network.
    ///
    /// # Errors
    /// The program has ended.
    pub async fn socket(&self) -> io::Result<TcpSocket> {
        (&self.wire).write_all(&[0])?;
        let passed = self.events.async_io(Interest::READABLE, || take::<(), 1>(&self.wire)).await?;
        let ((), [socket]) = passed.ok_or(io::ErrorKind::UnexpectedEof)?;
        let socket = TcpStream::from(socket);
        socket.set_nonblocking(true)?;
        Ok(TcpSocket::from_std_stream(socket))
    }
}

impl Session {
    /// Starts a program with a door to its network. It runs while the future is polled. Once the
    /// door is dropped it gets SIGTERM and ends, or counts as timed out.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn serve(
        &self,
        view: SandboxView,
        program: Program,
    ) -> Result<(Door, impl Future<Output = Result<Output, SandboxError>>), SandboxError> {
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let events = async_stream(ours.try_clone().map_err(failed)?)?;
        let (out, output) = io::pipe().map_err(failed)?;
        let out = pipe::Receiver::from_owned_fd(out.into()).map_err(failed)?;
        let wires =
            TaskWires { input: theirs.into(), feed: None, output: output.into(), read: Some(out) };
        let task = Task { program, view, selftest: false, door: true };
        Ok((Door { wire: ours, events }, self.wired(task, wires)))
    }
}
