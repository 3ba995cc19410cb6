//! The file system of a sandbox: a tmpfs root with the candidate's files and system programs
//! read-only, the mounts of the sandbox's spec, and temporary folders.

use std::ffi::CString;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, FsPickFlags, MountAttrFlags, MountFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags, fsconfig_create, fsconfig_reconfigure, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, fspick, mount, move_mount, open_tree, unmount,
};

use super::errors::SetupError;
use super::lockdown::SYSTEM;
use super::protocol::OpenRequest;
use super::spec::{MountMode, lower, upper};
use super::sys;
use super::view::{Alone, SandboxView};
use crate::types::places;

/// Small system configuration files for starting and linking programs.
pub const ETC: [&str; 3] = ["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime"];
/// Such folders.
pub const ETC_FOLDERS: [&str; 2] = ["/etc/alternatives", "/etc/ld.so.conf.d"];
/// Devices that programs may open.
pub const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Minimal configuration files.
const TOLD: [(&str, &str); 5] = [
    ("etc/passwd", "root:x:0:0::/:/bin/false\nregen:x:1000:1000::/tmp:/bin/sh\n"),
    ("etc/group", "root:x:0:\nregen:x:1000:\n"),
    ("etc/hosts", "127.0.0.1 localhost regen\n::1 localhost\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("etc/resolv.conf", ""),
];
/// Files shown if there are no mounts; they contain nothing secret.
pub const PUBLIC: [&str; 4] = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf"];
/// Size of small tmpfs mounts in bytes.
const SMALL: u64 = 16 * 1024 * 1024;

const HARDENED: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);
const READ_ONLY: MountAttrFlags = HARDENED.union(MountAttrFlags::MOUNT_ATTR_RDONLY);
/// Devices are readable and writable, but their modes and times cannot be changed.
const DEVICE: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC)
    .union(MountAttrFlags::MOUNT_ATTR_RDONLY);

/// Part of the machine's files, to be mounted elsewhere.
struct MountSource {
    at: PathBuf,
    tree: OwnedFd,
    folder: bool,
}

/// Opens the shown files while this process still has access.
pub struct Pieces {
    list: Vec<MountSource>,
    links: Vec<(PathBuf, PathBuf)>,
    copies: Vec<(&'static str, Vec<u8>)>,
    covers: Option<Cover>,
}

impl Pieces {
    /// Opens everything that an order names.
    pub fn open(order: &OpenRequest) -> io::Result<Self> {
        let copies = ETC.into_iter().filter_map(|path| Some((path, std::fs::read(path).ok()?)));
        let copies = copies.collect();
        let mut pieces = Self { list: Vec::new(), links: Vec::new(), copies, covers: Cover::new() };
        for path in SYSTEM.iter().chain(&ETC_FOLDERS) {
            let path = Path::new(path);
            match path.symlink_metadata() {
                Ok(meta) if meta.is_symlink() && path.parent() == Some(Path::new("/")) => {
                    pieces.links.push((path.to_owned(), path.read_link()?));
                }
                Ok(_) => pieces.add(path, path, READ_ONLY)?,
                Err(_) => {}
            }
        }
        for name in DEVICES {
            let device = Path::new("/dev").join(name);
            // A container may lack some.
            if device.exists() {
                pieces.add(&device, &device, DEVICE)?;
            }
        }
        let mut overlays = 0;
        for mount in &order.mounts {
            match mount.mode {
                MountMode::ReadOnly => pieces.add(&mount.source, &mount.at, READ_ONLY)?,
                MountMode::ReadWrite => pieces.add(&mount.source, &mount.at, HARDENED)?,
                MountMode::Overlay => {
                    pieces.add(&mount.source, &lower(overlays), READ_ONLY)?;
                    overlays += 1;
                }
            }
        }
        Ok(pieces)
    }

    fn add(&mut self, path: &Path, at: &Path, set: MountAttrFlags) -> io::Result<()> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        let covers = self.covers.as_ref().filter(|_| set == READ_ONLY);
        if let Some(tree) = covers.and_then(|covers| covers.over(path)) {
            self.list.push(MountSource { at: at.to_owned(), tree, folder: true });
            return Ok(());
        }
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, path, flags).map_err(|e| named(e.into()))?;
        sys::set_mount(tree.as_fd(), set.bits().into(), true).map_err(named)?;
        let folder = path.metadata().map_err(named)?.is_dir();
        self.list.push(MountSource { at: at.to_owned(), tree, folder });
        Ok(())
    }
}

/// Shows folders of the machine through overlays without an upper layer. Files get other inodes
/// there, so that locks and inotify watches do not reach the machine's files.
struct Cover {
    /// Mount points: an overlay shows one file system, without mounts in it.
    mounts: Vec<PathBuf>,
}

/// The place of an empty second layer, which overlays without an upper layer need. Shown paths are
/// never below it, and it goes with the machine's root: unmounting it would cost as much as the
/// rest of a sandbox.
const EMPTY: &str = "/sys";

impl Cover {
    /// `None` if overlays are not available.
    fn new() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        // Special characters are octal escapes there; such folders are shown directly.
        let mounts = text.lines().filter_map(|line| line.split(' ').nth(4).map(PathBuf::from));
        let mounts = mounts.collect();
        attach(&memory(4096, 1).ok()?, Path::new(EMPTY)).ok()?;
        Some(Self { mounts })
    }

    /// The overlay of a folder; `None` if it must be shown directly.
    fn over(&self, path: &Path) -> Option<OwnedFd> {
        let path = path.canonicalize().ok().filter(|path| path.is_dir())?;
        let inner = |mount: &PathBuf| mount.starts_with(&path) && *mount != path;
        if self.mounts.iter().any(inner) { None } else { overlay_of(&path).ok() }
    }
}

fn overlay_of(folder: &Path) -> io::Result<OwnedFd> {
    let text = folder.to_str().filter(|text| !text.contains([':', ',', '\\']));
    let text = text.ok_or_else(|| io::Error::other("unsupported characters in a path"))?;
    let fs = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(fs.as_fd(), "lowerdir", format!("{text}:{EMPTY}"))?;
    fsconfig_set_flag(fs.as_fd(), "userxattr")?;
    fsconfig_create(fs.as_fd())?;
    Ok(fsmount(fs.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, READ_ONLY)?)
}

/// A detached tmpfs.
fn memory(bytes: u64, inodes: u64) -> io::Result<OwnedFd> {
    let fs = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(fs.as_fd(), "size", bytes.to_string())?;
    fsconfig_set_string(fs.as_fd(), "nr_inodes", inodes.to_string())?;
    fsconfig_set_string(fs.as_fd(), "mode", "0755")?;
    fsconfig_create(fs.as_fd())?;
    Ok(fsmount(fs.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, HARDENED)?)
}

fn attach(mount: &OwnedFd, at: &Path) -> io::Result<()> {
    Ok(move_mount(mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Creates a mount point.
fn place(at: &Path, folder: bool) -> io::Result<()> {
    if at.symlink_metadata().is_ok() {
        Ok(())
    } else if folder {
        std::fs::create_dir_all(at)
    } else {
        at.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::File::options().create(true).append(true).open(at).map(drop)
    }
}

/// Builds the root and enters it. Gives what is not available.
pub fn enter(order: &OpenRequest, pieces: Pieces) -> Result<Vec<String>, SetupError> {
    let root = memory(SMALL, 4096).map_err(SetupError::at("mount a file system in memory"))?;
    // Any folder works: the machine's root is detached below.
    let over = ["/tmp", "/usr", "/etc"].into_iter().find(|path| Path::new(path).is_dir());
    let over = Path::new(over.unwrap_or("/"));
    attach(&root, over).map_err(SetupError::at("mount a root"))?;
    fill(order, pieces, over).map_err(SetupError::at("fill the root"))?;
    // The kernel allows mounting a new procfs only while a complete one is visible.
    proc(&over.join("proc"), false).map_err(SetupError::at("mount /proc"))?;
    rustix::process::chdir(over).map_err(SetupError::at("enter the root"))?;
    rustix::process::pivot_root(".", ".").map_err(SetupError::at("pivot_root"))?;
    unmount(".", UnmountFlags::DETACH).map_err(SetupError::at("let go of the machine's root"))?;
    rustix::process::chdir("/").map_err(SetupError::at("enter the root"))?;
    let mut without = Vec::new();
    for (number, mount) in order.overlays().enumerate() {
        if let Err(error) = overlay(number, &mount.at) {
            without.push(format!("overlay mounts ({error}): layers are copied"));
            copied(number, &mount.at).map_err(SetupError::at("copy the layer"))?;
        }
    }
    // The candidate's files are limited; what programs add to them has the limits of a disk.
    let limits = if order.writable { (order.limits.disk, order.limits.inodes) } else { (0, 0) };
    memory(limits.0, limits.1)
        .and_then(|source| attach(&source, Path::new(places::SOURCE)))
        .map_err(SetupError::at("mount the candidate's folder"))?;
    // The user's own disk quotas: some folders, not all.
    for (name, value) in [("max_inotify_instances", "64"), ("max_inotify_watches", "8192")] {
        let _ = std::fs::write(Path::new("/proc/sys/user").join(name), value);
    }
    let read_only = MountAttrFlags::MOUNT_ATTR_RDONLY.bits().into();
    sys::set_mount(root.as_fd(), read_only, false).map_err(SetupError::at("close the root"))?;
    Ok(without)
}

fn fill(order: &OpenRequest, pieces: Pieces, root: &Path) -> io::Result<()> {
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    for folder in ["src", "tmp", "proc", "dev", "etc"] {
        std::fs::create_dir(root.join(folder))?;
    }
    std::fs::create_dir(below(Path::new(places::PROGRAM)))?;
    // All fresh folders of a program share one file system.
    for at in order.program_scratch() {
        let link = below(at);
        link.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        symlink(temporary(at), link)?;
    }
    symlink("../tmp/shm", root.join("dev/shm"))?;
    for (path, text) in TOLD {
        std::fs::write(root.join(path), text)?;
    }
    for (path, bytes) in pieces.copies {
        std::fs::write(below(Path::new(path)), bytes)?;
    }
    for (link, to) in pieces.links {
        symlink(to, below(&link))?;
    }
    for (link, to) in
        [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")]
    {
        symlink(to, root.join("dev").join(link))?;
    }
    for at in in_memory(order) {
        std::fs::create_dir_all(below(&at))?;
        attach(&memory(order.limits.disk, order.limits.inodes)?, &below(&at))?;
    }
    for mount in order.overlays() {
        place(&below(&mount.at), true)?;
    }
    for piece in &pieces.list {
        place(&below(&piece.at), piece.folder)?;
        attach(&piece.tree, &below(&piece.at))?;
    }
    Ok(())
}

/// The tmpfs mounts shared by a session's programs, for accounting: fresh folders and upper folders
/// of overlays.
pub fn in_memory(order: &OpenRequest) -> Vec<PathBuf> {
    let overlays = order.overlays().enumerate().map(|(number, _)| upper(number));
    order.session_scratch().map(Path::to_owned).chain(overlays).collect()
}

/// The real path of a program's fresh folder.
fn temporary(at: &Path) -> PathBuf {
    Path::new(places::TEMPORARY).join(at.strip_prefix("/").unwrap_or(at))
}

/// Writes the candidate's files, and makes their file system read-only, also where it is mounted in
/// the namespaces of programs, unless they may change the files.
pub fn source(order: &OpenRequest, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    write(Path::new(places::SOURCE), files)?;
    if order.writable {
        return Ok(());
    }
    let fs = fspick(CWD, places::SOURCE, FsPickFlags::FSPICK_CLOEXEC)?;
    fsconfig_set_flag(fs.as_fd(), "ro")?;
    Ok(fsconfig_reconfigure(fs.as_fd())?)
}

/// Writes files below a folder.
pub fn write(folder: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    for (path, bytes) in files {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::File::create_new(&path)?.write_all(bytes)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644))?;
    }
    Ok(())
}

/// Mounts an overlay: the machine's folder below, a tmpfs above.
fn overlay(number: usize, at: &Path) -> io::Result<()> {
    let (lower, upper) = (lower(number), upper(number));
    let (changes, work) = (upper.join("u"), upper.join("w"));
    std::fs::create_dir(&changes)?;
    std::fs::create_dir(&work)?;
    let data = format!(
        "lowerdir={},upperdir={},workdir={},userxattr",
        lower.display(),
        changes.display(),
        work.display()
    );
    let data = CString::new(data).map_err(io::Error::other)?;
    mount("overlay", at, "overlay", MountFlags::NODEV | MountFlags::NOSUID, &*data)?;
    // The overlay keeps its layers open; their mount points can be detached.
    unmount(&lower, UnmountFlags::DETACH)?;
    Ok(())
}

/// A copy, if overlays are not available.
fn copied(number: usize, at: &Path) -> io::Result<()> {
    let changes = upper(number).join("u");
    copy(&lower(number), &changes)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    attach(&open_tree(CWD, &changes, flags)?, at)
}

/// Copies a folder with modification times, which build tools compare.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&from, &to)?;
        } else if kind.is_file() {
            std::fs::copy(&from, &to)?;
            let time = entry.metadata()?.modified()?;
            std::fs::File::options().append(true).open(&to)?.set_modified(time)?;
        }
    }
    Ok(())
}

/// Mounts `/proc` for the caller's pid namespace. `fenced`: as programs see it.
fn proc(at: &Path, fenced: bool) -> io::Result<()> {
    let fs = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(fs.as_fd())?;
    let set = if fenced { READ_ONLY } else { HARDENED } | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    attach(&fsmount(fs.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, set)?, at)?;
    // Keys of the same user outside, and locks of the whole machine.
    for name in ["keys", "locks"] {
        let told = at.join(name);
        if fenced && told.symlink_metadata().is_ok() {
            let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            attach(&open_tree(CWD, "/dev/null", clone)?, &told)?;
        }
    }
    Ok(())
}

/// Mounts a program's own `/proc` and temporary folders.
pub fn private(order: &OpenRequest) -> Result<(), SetupError> {
    let clone = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let shown = order.mounts.iter().map(|mount| &mount.at);
    let hidden = shown.filter(|path| path.starts_with(places::TEMPORARY));
    let kept = hidden.map(|path| Ok((path, open_tree(CWD, path, clone)?, path.is_dir())));
    let kept: Vec<_> = kept.collect::<io::Result<_>>().map_err(SetupError::at("keep folders"))?;
    proc(Path::new("/proc"), true).map_err(SetupError::at("mount /proc"))?;
    let fresh = || {
        let own = memory(order.limits.disk, order.limits.inodes)?;
        attach(&own, Path::new(places::TEMPORARY))?;
        std::fs::create_dir("/tmp/shm")?;
        order.program_scratch().map(temporary).try_for_each(std::fs::create_dir_all)
    };
    fresh().map_err(SetupError::at("mount /tmp"))?;
    for (path, tree, folder) in kept {
        place(path, folder).map_err(SetupError::at("keep folders"))?;
        attach(&tree, path).map_err(SetupError::at("keep folders"))?;
    }
    // Hides the upper folders of overlays.
    if order.overlays().next().is_some() {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let cover = open_tree(CWD, places::SOURCE, flags);
        let cover = cover.map_err(SetupError::at("hide upper folders"))?;
        let upper = Path::new(places::UPPER);
        attach(&cover, upper).map_err(SetupError::at("hide upper folders"))?;
    }
    Ok(())
}

/// Limits what a program sees and writes. Shared folders are read-only unless it builds.
pub fn view(order: &OpenRequest, view: &SandboxView) -> Result<(), SetupError> {
    for at in order.shared().filter(|_| !view.builds()) {
        let flags = OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let shared = open_tree(CWD, at, flags).map_err(SetupError::at("find shared folders"))?;
        let set = MountAttrFlags::MOUNT_ATTR_RDONLY.bits().into();
        sys::set_mount(shared.as_fd(), set, false)
            .map_err(SetupError::at("close shared folders"))?;
    }
    if let SandboxView::BuildWithout(folder) = view {
        let folder = Path::new(places::SOURCE).join(folder);
        let hide = || if folder.is_dir() { covered(&folder).map(drop) } else { Ok(()) };
        hide().map_err(SetupError::at("hide a folder"))?;
    }
    Ok(())
}

/// Mounts an empty file system over a folder.
fn covered(at: &Path) -> io::Result<OwnedFd> {
    let cover = memory(SMALL, 4096)?;
    attach(&cover, at)?;
    Ok(cover)
}

/// Hides everything from this process but the system's programs, a program and what it needs.
pub fn alone(program: &Path, alone: &Alone) -> io::Result<()> {
    let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let reads = alone.reads.iter().map(|path| Path::new(places::SOURCE).join(path));
    let stay = alone.starts.iter().cloned().chain(reads).map(|path| (path.clone(), path));
    let own = Path::new(places::PROGRAM).join(&alone.name);
    let kept = stay.chain([(program.to_owned(), own)]).map(|(from, to)| {
        let named = |e: rustix::io::Errno| io::Error::other(format!("{}: {e}", from.display()));
        Ok((open_tree(CWD, &from, clone).map_err(named)?, to))
    });
    let kept: Vec<(OwnedFd, PathBuf)> = kept.collect::<io::Result<_>>()?;
    let own = [places::SOURCE, places::PROGRAM, places::LOWER, places::UPPER, "/proc"];
    // Links lead to temporary folders, which are fresh.
    let is_folder = |path: &&Path| path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let folders = own.iter().chain(&places::MOUNT_POINTS).map(Path::new).filter(is_folder);
    let covers: Vec<OwnedFd> = folders.map(covered).collect::<io::Result<_>>()?;
    for (tree, at) in &kept {
        place(at, false)?;
        attach(tree, at)?;
    }
    // Its programs own it, but cannot change its mode on a read-only file system.
    std::fs::set_permissions(places::PROGRAM, PermissionsExt::from_mode(0o111))?;
    for mount in covers.iter().chain(kept.iter().map(|(tree, _)| tree)) {
        sys::set_mount(mount.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY.bits().into(), false)?;
    }
    Ok(())
}
