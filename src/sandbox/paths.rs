//! Paths in an open sandbox, as its programs see them.

use std::path::{Path, PathBuf};

use super::protocol::{Mode, OpenRequest};
use super::spec::{MountMode, Scratch};
use crate::types::places;

/// Paths in an open sandbox, as its programs see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxPaths {
    /// Replacements of paths, if the sandbox has no mounts.
    moved: Vec<(PathBuf, PathBuf)>,
}

impl SandboxPaths {
    pub(super) fn of(request: &OpenRequest) -> Self {
        let below = |at: &Path| request.room.join(at.strip_prefix("/").unwrap_or(at));
        if matches!(request.mode, Mode::Namespaces | Mode::Inside) {
            return Self { moved: Vec::new() };
        }
        let mounts = request.mounts.iter().map(|mount| {
            let real = match mount.mode {
                MountMode::ReadOnly | MountMode::ReadWrite => mount.source.clone(),
                // A copy.
                MountMode::Overlay => below(&mount.at),
            };
            (mount.at.clone(), real)
        });
        let own = [places::SOURCE, places::TEMPORARY].map(Path::new);
        let own = own.into_iter().chain(request.scratch.iter().map(Scratch::at));
        let own = own.map(|at| (at.to_owned(), below(at)));
        Self { moved: own.chain(mounts).collect() }
    }

    /// The path of a mount, a scratch folder, [`places::SOURCE`] or [`places::TEMPORARY`] for
    /// programs: the same path, or a replacement if there are no mounts.
    pub fn at<'a>(&'a self, place: &'a (impl AsRef<Path> + ?Sized)) -> &'a Path {
        let place = place.as_ref();
        let moved = self.moved.iter().find(|(at, _)| at == place);
        moved.map_or(place, |(_, real)| real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Mount, SandboxSpec};
    use crate::types::{Limits, LimitsConfig};

    fn spec(mounts: Vec<Mount>) -> SandboxSpec {
        let limits = Limits::of(&LimitsConfig::default());
        let scratch = vec![Scratch::Program(places::TOOL_HOME.into())];
        SandboxSpec { mounts, scratch, ..SandboxSpec::new(limits) }
    }

    #[test]
    fn paths_are_unchanged_with_mounts_and_replaced_without() {
        let layer = |at: &str, mode| Mount { source: "/l".into(), at: at.into(), mode };
        let mounts = vec![
            Mount::read_only("/opt/tools", places::TOOLS),
            layer(places::BUILD, MountMode::Overlay),
            Mount::shown("/data"),
        ];
        let all = [places::SOURCE, places::TOOLS, places::BUILD, places::TOOL_HOME, "/data"];
        let paths = |mode, mounts| {
            let request = OpenRequest::of(&spec(mounts), mode, "/room".into());
            SandboxPaths::of(&request)
        };
        let at = |paths: &SandboxPaths| all.map(|place| paths.at(place).display().to_string());
        assert_eq!(at(&paths(Mode::Namespaces, mounts.clone())), all);
        let [_, _, build, home, _] = all.map(|place| format!("/room{place}"));
        let moved = ["/room/src", "/opt/tools", &build, &home, "/data"];
        assert_eq!(at(&paths(Mode::Landlock, mounts)), moved);
        let written = paths(Mode::Bare, vec![layer(places::BUILD, MountMode::ReadWrite)]);
        assert_eq!(written.at(places::BUILD), Path::new("/l"));
    }
}
