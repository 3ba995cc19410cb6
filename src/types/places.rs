//! Folders of a sandbox, as its programs see them; for checks of a configuration and for the
//! sandbox.

use std::path::Path;

/// The candidate's files, read-only.
pub const SOURCE: &str = "/src";
/// Temporary files, fresh for each program. Other folders can be mounted below it.
pub const TEMPORARY: &str = "/tmp";
/// Lower folders of overlays, while they are being mounted.
pub const LOWER: &str = "/.lower";
/// Upper folders of overlays; invisible to programs.
pub const UPPER: &str = "/.upper";
/// The program that runs alone, under a name of its own.
pub const PROGRAM: &str = "/.program";

/// Folders of every sandbox: nothing else is mounted at or below them.
pub const OWN: [&str; 7] = [SOURCE, "/proc", "/dev", "/sys", LOWER, UPPER, PROGRAM];

/// Build output.
pub const BUILD: &str = "/target";
/// Sources of dependencies, read-only.
pub const DEPENDENCIES: &str = "/vendor";
/// The layer of the packages that a target allows, read-only.
pub const PACKAGES: &str = "/packages";
/// The packages of tests that gates run apart from the candidate, where one program has both,
/// read-only.
pub const TESTING: &str = "/testing";
/// A language's tools, read-only.
pub const TOOLS: &str = "/toolchain";
/// The home of these tools, for their state; fresh for each program.
pub const TOOL_HOME: &str = "/cargo";

/// Mount points for content that differs from the machine's folders.
pub const MOUNT_POINTS: [&str; 6] = [BUILD, DEPENDENCIES, PACKAGES, TESTING, TOOLS, TOOL_HOME];

/// Whether a sandbox has its own folder at this path, so that the machine's cannot be shown. The
/// path must not contain `..`.
pub fn is_taken(path: &Path) -> bool {
    let mut own = OWN.iter().chain(&MOUNT_POINTS);
    path == Path::new("/") || path == Path::new(TEMPORARY) || own.any(|own| path.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandboxs_folders_are_reserved_and_others_are_not() {
        for path in ["/", "/tmp", "/tmp/", "//sys", "/./proc/self", "/src/x", "/target", "/cargo/x"]
        {
            assert!(is_taken(Path::new(path)), "{path}");
        }
        for path in ["/tmp/x", "/srcs", "/usr", "/home/me/src", "/opt/toolchain"] {
            assert!(!is_taken(Path::new(path)), "{path}");
        }
    }
}
