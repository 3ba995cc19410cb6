//! What this machine's kernel and users support.

/// Whether the kernel has Landlock in at least this version.
pub fn landlock(least: i64) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    let version = super::sys::landlock_version();
    #[cfg(not(target_os = "linux"))]
    let version = 0;
    match version {
        0 => Err("the kernel has no Landlock".to_owned()),
        old if old < least => Err(format!("the kernel's Landlock is version {old}, not {least}")),
        _ => Ok(()),
    }
}

/// The user ids mapped in this process: first inside, first outside, count.
fn users() -> Vec<(u64, u64, u64)> {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let range = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    };
    map.lines().filter_map(range).collect()
}

/// The user id to use outside, for a caller who can choose; never the machine's administrator.
/// `None` for the caller's own.
pub fn unprivileged() -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    const NOBODY: u64 = 65534;
    let users = users();
    let known =
        |id: u64| users.iter().any(|(first, _, count)| (*first..first + count).contains(&id));
    let last = users.iter().map(|(first, _, count)| first + count - 1).filter(|id| *id != 0).max();
    let chosen = if known(NOBODY) { Some(NOBODY) } else { last };
    chosen.and_then(|id| u32::try_from(id).ok())
}

/// Whether the caller is an administrator without other user ids, and might be the machine's.
pub fn only_root() -> bool {
    let outside = users().iter().any(|(_, outside, _)| *outside == 0);
    rustix::process::geteuid().is_root() && unprivileged().is_none() && outside
}
