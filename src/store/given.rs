//! Files named on the command line, which may be pipes and devices.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;

/// How long a pipe with a name may have no writer.
const PIPE_SECONDS: i64 = 5;

/// The file system of pipes without a name.
const PIPES: i128 = 0x5049_5045;

/// Reads a file named on the command line, which may be a pipe, up to one byte more than `most`.
///
/// # Errors
/// I/O errors, with the path in the message.
pub fn read_given(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    let file = open_given(path).map_err(named)?;
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(named)?;
    Ok(bytes)
}

/// Opens a file named on the command line to read it. A pipe with a name, which may have no writer,
/// is not waited for without end; one without a name is made by the program that starts regen.
fn open_given(path: &Path) -> io::Result<fs::File> {
    let file = fs::OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
    if !file.metadata()?.is_file() {
        let is_named = i128::from(rustix::fs::fstatfs(&file)?.f_type) != PIPES;
        if file.metadata()?.file_type().is_fifo() && is_named {
            let mut waits = [PollFd::new(&file, PollFlags::IN)];
            let patience = Timespec { tv_sec: PIPE_SECONDS, tv_nsec: 0 };
            if rustix::event::poll(&mut waits, Some(&patience))? == 0 {
                let message = format!("a pipe that no program wrote to within {PIPE_SECONDS} s");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        }
        make_blocking(&file)?;
    }
    Ok(file)
}

/// Opens a file named on the command line to add to it. Does not wait for a reader of a pipe.
///
/// # Errors
/// I/O errors.
pub fn append_given(path: &Path) -> io::Result<fs::File> {
    write_given(path, fs::OpenOptions::new().create(true).append(true))
}

/// Opens something that is there and named on the command line, to write into it. Does not wait
/// for a reader of a pipe.
///
/// # Errors
/// I/O errors.
pub fn write_into(path: &Path) -> io::Result<fs::File> {
    write_given(path, fs::OpenOptions::new().write(true).truncate(true))
}

fn write_given(path: &Path, options: &mut fs::OpenOptions) -> io::Result<fs::File> {
    let file = options.custom_flags(flags()).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => {
            io::Error::new(error.kind(), "a pipe that no program reads")
        }
        _ => error,
    })?;
    make_blocking(&file)?;
    Ok(file)
}

fn make_blocking(file: &fs::File) -> io::Result<()> {
    let mut flags = rustix::fs::fcntl_getfl(file)?;
    flags.remove(OFlags::NONBLOCK);
    Ok(rustix::fs::fcntl_setfl(file, flags)?)
}

/// Nothing is waited for when a file is opened.
fn flags() -> i32 {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    i32::try_from(flags.bits()).unwrap_or_default()
}
