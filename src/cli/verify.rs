//! `regen verify`: verifies attestations and the trees beside them.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Context, exit};
use crate::attest::{Attested, PublicKey};
use crate::promote::ATTESTATION;
use crate::store::files;
use crate::types::text::visible_line;
use crate::types::{Digest, limits};
use crate::workspace::CommandError;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Attestations, or folders to search for them. Default: generated.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Accept signatures by this key: a file (PEM or OpenSSH) or an OpenSSH line. Repeatable; one
    /// must match.
    #[arg(short, long, value_name = "KEY")]
    key: Vec<String>,
}

/// The result for one attestation.
struct Verified {
    file: PathBuf,
    said: Result<Attested, String>,
}

/// Verifies attestations.
pub fn verify(door: &Context, args: &VerifyArgs) -> Result<u8, CommandError> {
    let keys: Vec<PublicKey> =
        args.key.iter().map(|key| read_key(key)).collect::<Result<_, _>>()?;
    let (mut found, mut all) = (Vec::new(), Vec::new());
    let default = [PathBuf::from("generated")];
    for path in if args.paths.is_empty() { &default } else { &args.paths[..] } {
        if path.is_dir() {
            all.extend(files::walk_all(path, limits::PATH_DEPTH)?);
        } else if path.is_file() {
            found.push(path.clone());
        } else {
            return Err(CommandError::usage(format!("{} does not exist", path.display())));
        }
    }
    let is_attestation = |path: &PathBuf| path.to_string_lossy().ends_with(ATTESTATION);
    found.retain(is_attestation);
    found.extend(all.iter().filter(|path| is_attestation(path)).cloned());
    if found.is_empty() {
        return Err(CommandError::usage(format!("no attestation (*{ATTESTATION}) found")));
    }
    let strays = strays(&all, &found);
    let mut all: Vec<Verified> =
        found.into_iter().map(|file| Verified { said: one(&file, &keys), file }).collect();
    all.extend(
        strays.into_iter().map(|file| Verified { file, said: Err("no attestation".to_owned()) }),
    );
    let bad = all.iter().filter(|one| one.said.is_err()).count();
    let code = if bad == 0 { exit::DONE } else { exit::DRIFT };
    if door.global.json {
        let list: Vec<_> = all.iter().map(machine).collect();
        door.json(&json!({ "type": "verify", "exit_code": code, "attestations": list }));
        return Ok(code);
    }
    for Verified { file, said } in &all {
        let file = visible_line(&file.display().to_string());
        match said {
            Ok(one) if !door.global.quiet => door.show(&format!(
                "{file}: {} {} · {} {}, {}",
                door.paint.good("valid:"),
                visible_line(&one.spec),
                visible_line(&one.target),
                one.entry.tree.short(),
                by(one, !keys.is_empty())
            )),
            Ok(_) => {}
            Err(why) => {
                door.show(&format!("{file}: {} {}", door.paint.bad("invalid:"), visible_line(why)))
            }
        }
    }
    if !door.global.quiet {
        door.say(&format!("{} of {} attestations are valid", all.len() - bad, all.len()));
    }
    Ok(code)
}

fn by(one: &Attested, is_trusted: bool) -> String {
    let key = one.entry.signer.as_deref().and_then(|key| PublicKey::parse(key).ok());
    match key {
        None => "not signed".to_owned(),
        Some(key) if is_trusted => format!("signed by {}", key.id()),
        Some(key) => format!("signed by {}, not by a --key", key.id()),
    }
}

fn machine(one: &Verified) -> serde_json::Value {
    match &one.said {
        Ok(said) => json!({
            "file": one.file, "holds": true, "spec": said.spec, "target": said.target,
            "tree": said.entry.tree, "signer": said.entry.signer, "at": said.at,
        }),
        Err(why) => json!({ "file": one.file, "holds": false, "why": why }),
    }
}

fn read_key(text: &str) -> Result<PublicKey, CommandError> {
    let wrong = |why: String| CommandError::usage(format!("--key {text}: {why}"));
    if text.starts_with("ssh-") {
        return PublicKey::parse(text).map_err(wrong);
    }
    let bytes = files::read_given(Path::new(text), limits::CONFIG_BYTES);
    let bytes = bytes.map_err(|error| CommandError::usage(format!("--key {error}")))?;
    PublicKey::parse(&String::from_utf8_lossy(&bytes)).map_err(wrong)
}

/// Entries of a folder that belong to no attested tree.
fn strays(all: &[PathBuf], attested: &[PathBuf]) -> Vec<PathBuf> {
    let trees: Vec<PathBuf> = attested.iter().map(|file| tree(file)).collect();
    let known = |path: &&PathBuf| {
        attested.contains(path)
            || trees.iter().any(|tree| {
                let manifest = format!("{}.manifest", tree.display());
                path.starts_with(tree) || path.as_os_str() == manifest.as_str()
            })
    };
    all.iter().filter(|path| !known(path)).cloned().collect()
}

/// The tree beside an attestation.
fn tree(file: &Path) -> PathBuf {
    let name = file.to_string_lossy();
    PathBuf::from(name.strip_suffix(ATTESTATION).unwrap_or(&name))
}

/// Checks that an attestation is intact, describes the tree beside it, and is signed by a key.
fn one(file: &Path, keys: &[PublicKey]) -> Result<Attested, String> {
    let bytes = files::read_capped(file, limits::TREE_BYTES).map_err(|why| why.to_string())?;
    let one = Attested::read(&String::from_utf8_lossy(&bytes))?;
    let tree = tree(file);
    // The attestation includes the tree's name, so it cannot be moved to another spec.
    let absolute = std::path::absolute(&tree).map_err(|why| why.to_string())?;
    let (place, name) =
        (absolute.components().rev(), Path::new(one.entry.path.as_str()).components().rev());
    let same = place.zip(name).take_while(|(a, b)| a == b).count();
    if same < 2 {
        return Err(format!("it attests {}", one.entry.path));
    }
    if tree.is_symlink() {
        return Err(format!("{} is a symbolic link", tree.display()));
    }
    if let Some(left) = files::CARRIED.iter().find(|left| tree.join(left).exists()) {
        return Err(format!("{}/{left} belongs to no attested tree", tree.display()));
    }
    let manifest = format!("{}.manifest", tree.display());
    let manifest = files::read_capped(Path::new(&manifest), limits::TREE_BYTES);
    if manifest.is_ok_and(|bytes| Digest::of(bytes) != one.entry.tree) {
        return Err("the manifest beside it describes another tree".to_owned());
    }
    let found = files::tree(&tree).map_err(|why| why.to_string())?;
    let found = found.ok_or_else(|| format!("{} does not exist", tree.display()))?;
    if found.digest() != one.entry.tree {
        return Err(format!("{} differs from the attested tree", tree.display()));
    }
    let signer = one.entry.signer.as_deref().map(PublicKey::parse).transpose()?;
    match signer {
        _ if keys.is_empty() => Ok(one),
        Some(key) if keys.contains(&key) => Ok(one),
        Some(key) => Err(format!("signed by {}, not by a --key", key.id())),
        None => Err("not signed".to_owned()),
    }
}
