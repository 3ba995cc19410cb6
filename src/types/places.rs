//! Folders of a sandbox, as its programs see them: one list, for those who check a configuration
//! and for the sandbox itself.

use std::path::Path;

/// The candidate's files, read-only.
pub const SOURCE: &str = "/src";
/// Temporary files, fresh for each program. Other folders can be shown below it.
pub const TEMPORARY: &str = "/tmp";
/// Lower folders of overlays, while they are being mounted.
pub const LOWER: &str = "/.lower";
/// Upper folders of overlays. Programs do not see them.
pub const UPPER: &str = "/.upper";

/// Folders that every sandbox makes itself: nothing else is mounted at them or below them.
pub const OWN: [&str; 6] = [SOURCE, "/proc", "/dev", "/sys", LOWER, UPPER];

/// Build output.
pub const BUILD: &str = "/target";
/// Sources of dependencies, read-only.
pub const DEPENDENCIES: &str = "/vendor";
/// A language's tools, read-only.
pub const TOOLS: &str = "/toolchain";
/// The home of these tools, where they keep their state: fresh for each program.
pub const TOOL_HOME: &str = "/cargo";

/// Folders at which a caller of the sandbox mounts something else than what is there outside.
pub const MOUNT_POINTS: [&str; 4] = [BUILD, DEPENDENCIES, TOOLS, TOOL_HOME];

/// Whether a sandbox has a folder of its own at this path, so that the machine's cannot be shown
/// there. Give it a path without `..`.
pub fn is_taken(path: &Path) -> bool {
    let mut own = OWN.iter().chain(&MOUNT_POINTS);
    path == Path::new("/") || path == Path::new(TEMPORARY) || own.any(|own| path.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_folders_are_taken_and_their_neighbours_are_not() {
        for path in ["/", "/tmp", "/tmp/", "//sys", "/./proc/self", "/src/x", "/target", "/cargo/x"]
        {
            assert!(is_taken(Path::new(path)), "{path}");
        }
        for path in ["/tmp/x", "/srcs", "/usr", "/home/me/src", "/opt/toolchain"] {
            assert!(!is_taken(Path::new(path)), "{path}");
        }
    }
}
