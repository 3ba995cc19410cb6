//! Messages over sockets, with passed descriptors.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream as Stream;

use super::errors::{SandboxError, failed};
use super::protocol;
use crate::types::limits;

/// Sends a message with descriptors.
pub fn pass(
    mut socket: &UnixStream,
    message: &impl serde::Serialize,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut text = Vec::new();
    protocol::send(&mut text, message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut passed = SendAncillaryBuffer::new(&mut space);
    passed.push(SendAncillaryMessage::ScmRights(descriptors));
    // The descriptors are sent with the first bytes.
    let sent = sendmsg(socket, &[IoSlice::new(&text)], &mut passed, SendFlags::NOSIGNAL)?;
    socket.write_all(&text[sent..])
}

/// Receives a message with descriptors. `None` if the socket was closed.
pub fn take<T: DeserializeOwned, const N: usize>(
    socket: &UnixStream,
) -> io::Result<Option<(T, [OwnedFd; N])>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut passed = RecvAncillaryBuffer::new(&mut space);
    let mut length = [0; 4];
    let mut parts = [IoSliceMut::new(&mut length)];
    let read = recvmsg(socket, &mut parts, &mut passed, RecvFlags::CMSG_CLOEXEC)?;
    let mut list = Vec::new();
    for message in passed.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            list.extend(descriptors);
        }
    }
    if read.bytes == 0 {
        return Ok(None);
    }
    let message = protocol::receive(Read::chain(&length[..read.bytes], socket))?;
    let whole: Result<[OwnedFd; N], _> = list.try_into();
    let whole = whole.map_err(|_| io::Error::other("a message came without its descriptors"))?;
    Ok(Some((message, whole)))
}

/// A non-blocking socket.
pub fn async_stream(stream: UnixStream) -> Result<Stream, SandboxError> {
    stream.set_nonblocking(true).map_err(failed)?;
    Stream::from_std(stream).map_err(failed)
}

/// Reads a message without blocking.
pub async fn hear<T: DeserializeOwned>(from: &mut Stream) -> io::Result<T> {
    let mut text = vec![0; 4];
    from.read_exact(&mut text).await?;
    let length = u32::from_le_bytes([text[0], text[1], text[2], text[3]]) as usize;
    if length > limits::ORDER_BYTES {
        return Err(io::Error::other("the message is too long"));
    }
    text.resize(4 + length, 0);
    from.read_exact(&mut text[4..]).await?;
    protocol::receive(text.as_slice())
}
