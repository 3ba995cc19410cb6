//! A door to the network of a program: sockets of that network, which regen uses.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use tokio::io::Interest;
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpSocket, UnixStream as Stream};

use super::errors::{SandboxError, failed};
use super::protocol::{Task, TaskRole};
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
        Ok(TcpSocket::from_std_stream(self.taken().await?.into()))
    }

    /// The socket that listens in the program's network.
    ///
    /// # Errors
    /// The program has ended, or the port is taken.
    pub async fn listener(&self) -> io::Result<TcpListener> {
        let listener = std::net::TcpListener::from(self.taken().await?);
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    }

    async fn taken(&self) -> io::Result<OwnedFd> {
        let passed = self.events.async_io(Interest::READABLE, || take::<(), 1>(&self.wire)).await?;
        let ((), [socket]) = passed.ok_or(io::ErrorKind::UnexpectedEof)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(socket)
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
        self.with_door(view, program, TaskRole::Door)
    }

    /// The same, and the door's first socket listens on this port of the program's loopback.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn host(
        &self,
        view: SandboxView,
        program: Program,
        port: u16,
    ) -> Result<(Door, impl Future<Output = Result<Output, SandboxError>>), SandboxError> {
        self.with_door(view, program, TaskRole::Host(port))
    }

    fn with_door(
        &self,
        view: SandboxView,
        program: Program,
        role: TaskRole,
    ) -> Result<(Door, impl Future<Output = Result<Output, SandboxError>>), SandboxError> {
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let events = async_stream(ours.try_clone().map_err(failed)?)?;
        let (out, output) = io::pipe().map_err(failed)?;
        let out = pipe::Receiver::from_owned_fd(out.into()).map_err(failed)?;
        let wires =
            TaskWires { input: theirs.into(), feed: None, output: output.into(), read: Some(out) };
        let task = Task { program, view, role };
        Ok((Door { wire: ours, events }, self.wired(task, wires)))
    }
}
