//! Builds the new unit beside the old one.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::Path;

use super::promotion::{ATTESTATION, Promotion};
use super::swap;
use crate::store::files;
use crate::types::{Tree, limits};

/// Writes the stage and makes it durable with one `syncfs`. Without it, files were empty after a
/// power loss; one `fsync` per file takes hundreds of times longer.
pub fn build(promotion: &Promotion, unit: &Path, stage: &Path) -> io::Result<()> {
    swap::remove(stage)?;
    fs::create_dir_all(stage)?;
    for part in &promotion.parts {
        let tree = part.accepted.tree();
        write(tree, &unit.join(&part.leaf), &stage.join(&part.leaf))?;
        let name = format!("{}.manifest", part.leaf);
        fs::write(stage.join(name), tree.manifest())?;
        fs::write(stage.join(format!("{}{ATTESTATION}", part.leaf)), &part.attestation)?;
    }
    for leaf in &promotion.kept {
        for name in [leaf.clone(), format!("{leaf}.manifest"), format!("{leaf}{ATTESTATION}")] {
            if unit.join(&name).exists() {
                swap::copy(&unit.join(&name), &stage.join(&name))?;
            }
        }
    }
    let folder = File::open(stage)?;
    rustix::fs::syncfs(&folder).map_err(io::Error::from)
}

/// Unchanged files keep their modification time, because cargo rebuilds by time alone.
fn write(tree: &Tree, live: &Path, stage: &Path) -> io::Result<()> {
    for (path, bytes) in tree.iter() {
        let to = stage.join(path.as_str());
        fs::create_dir_all(to.parent().unwrap_or(stage))?;
        fs::write(&to, bytes)?;
        let before = live.join(path.as_str());
        if files::read_regular(&before, limits::TREE_BYTES).is_ok_and(|old| old == bytes) {
            let time = before.metadata()?.modified()?;
            File::options()
                .write(true)
                .open(&to)?
                .set_times(FileTimes::new().set_modified(time))?;
        }
    }
    Ok(())
}
