//! `regen verify`: verifies attestations and the trees beside them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde_json::json;

use super::{Context, complete, exit};
use crate::attest::{Attested, PublicKey};
use crate::promote::ATTESTATION;
use crate::store::{files, given};
use crate::types::text::visible_line;
use crate::types::{Digest, limits};
use crate::workspace::{CommandError, ErrorKind, load};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Attestations, folders to search for them, or specs by id or path. Default: generated.
    #[arg(value_name = "SPEC|PATH", add = ArgValueCandidates::new(complete::specs))]
    paths: Vec<PathBuf>,
    /// Specs, by id, path or glob.
    #[arg(short, long = "spec", value_name = "SPEC", num_args = 1.., hide = true)]
    named: Vec<String>,
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
    let is_attestation = |path: &PathBuf| path.to_string_lossy().ends_with(ATTESTATION);
    for path in paths(door, args)? {
        if path.is_dir() {
            all.extend(files::walk_all(&path, limits::PATH_DEPTH)?);
        } else if path.is_file() {
            found.push(path);
        } else {
            return Err(CommandError::usage(format!("{} does not exist", path.display())));
        }
    }
    found.retain(is_attestation);
    found.extend(all.iter().filter(|path| is_attestation(path)).cloned());
    if found.is_empty() {
        return Err(CommandError::usage(format!("no attestation (*{ATTESTATION}) found")));
    }
    let mut strays = strays(&all, &found);
    if !strays.is_empty() {
        let manifests = manifests(door);
        strays.retain(|file| {
            !manifests.iter().any(|path| file.canonicalize().ok().as_ref() == Some(path))
        });
    }
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

/// The named attestations and folders; of a spec the folder of its code.
fn paths(door: &Context, args: &VerifyArgs) -> Result<Vec<PathBuf>, CommandError> {
    let is_given = |path: &PathBuf| {
        path.is_dir() || (path.is_file() && path.to_string_lossy().ends_with(ATTESTATION))
    };
    let (mut given, others): (Vec<PathBuf>, Vec<PathBuf>) =
        args.paths.iter().cloned().partition(is_given);
    let others = others.iter().map(|path| path.to_string_lossy().into_owned());
    let specs: Vec<String> = others.chain(args.named.iter().cloned()).collect();
    if specs.is_empty() && given.is_empty() {
        given.push(PathBuf::from("generated"));
    }
    if specs.is_empty() {
        return Ok(given);
    }
    let workspace = match door.reading().and_then(|places| load(&places, None)) {
        Err(error) if error.kind() == ErrorKind::NoWorkspace => {
            return Err(CommandError::usage(format!("{} does not exist", specs[0])));
        }
        workspace => workspace?,
    };
    let gone = workspace.standing.spec.keys().cloned().collect();
    for id in workspace.select_among(&specs, &gone)? {
        let entry = workspace.standing.spec.get(&id);
        let trees = entry.into_iter().flat_map(|entry| entry.target.values());
        let units = trees.filter_map(|tree| tree.path.rsplit_once('/').map(|(unit, _)| unit));
        let units: BTreeSet<&str> = units.collect();
        if units.is_empty() {
            return Err(CommandError::usage(format!("`{id}` is not promoted")));
        }
        let here = std::env::current_dir().unwrap_or_default();
        given.extend(units.iter().map(|unit| {
            let path = workspace.places.root.join(unit);
            path.strip_prefix(&here).map_or(path.clone(), Path::to_owned)
        }));
    }
    Ok(given)
}

fn read_key(text: &str) -> Result<PublicKey, CommandError> {
    let wrong = |why: String| CommandError::usage(format!("--key {text}: {why}"));
    if text.starts_with("ssh-") {
        return PublicKey::parse(text).map_err(wrong);
    }
    let bytes = given::read_given(Path::new(text), limits::CONFIG_BYTES);
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

/// The manifests of the workspace above promoted trees that are as regen writes them.
fn manifests(door: &Context) -> Vec<PathBuf> {
    let Ok(workspace) = door.reading().and_then(|places| load(&places, None)) else {
        return Vec::new();
    };
    let all = workspace.manifests(&workspace.standing).into_iter();
    let all = all.map(|(path, text)| (workspace.places.root.join(path), text));
    let is_same = |path: &PathBuf, text: &str| {
        let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
        is_file
            && files::read_capped(path, limits::TREE_BYTES)
                .is_ok_and(|there| there == text.as_bytes())
    };
    all.filter(|(path, text)| is_same(path, text)).map(|(path, _)| path).collect()
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
