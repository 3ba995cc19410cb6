//! The package's names, and the files that install it. What needs GitHub or a registry is not run.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::world::{Run, all};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_package_is_regen_harness_and_the_program_is_regen() {
    assert_eq!(env!("CARGO_PKG_NAME"), "regen-harness");
    assert!(env!("CARGO_BIN_EXE_regen").ends_with("/regen"));
    let mut pages = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).expect("is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        pages.extend(name.ends_with(".md").then(|| format!("docs/{name}")));
    }
    for page in pages {
        for line in read(&page).lines() {
            let Some((_, what)) = line.split_once("cargo install ") else { continue };
            let right = what.starts_with("regen-harness") || what.starts_with("--path");
            assert!(right, "{page} installs another crate: {line}");
        }
    }
}

#[test]
fn a_packed_release_installs() {
    if !all() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut pack = Command::new(root().join(".github/package.sh"));
    pack.args([&target, env!("CARGO_BIN_EXE_regen"), &at("v1.2.3")]);
    Run::of(&mut pack).expect(0);
    let mut install = Command::new(root().join(".github/install.sh"));
    install.args(["1.2.3", &at("bin")]).env("REGEN_RELEASES", format!("file://{}", at("")));
    let run = Run::of(&mut install).expect(0);
    assert_eq!(run.out, concat!("regen ", env!("CARGO_PKG_VERSION"), "\n"));
    // An archive that is not the one of the checksum is not installed.
    let archive = folder.path().join(format!("v1.2.3/regen-{target}.tar.gz"));
    std::fs::write(&archive, "other").expect("writes");
    std::fs::remove_dir_all(at("bin")).expect("was made");
    assert_ne!(Run::of(&mut install).code, 0);
    assert!(!Path::new(&at("bin")).exists());
}

#[test]
fn workflow_and_action_use_the_names_of_the_release() {
    let yaml = |path: &str| -> Value { serde_norway::from_str(&read(path)).expect(path) };
    let workflow = yaml(".github/workflows/release.yml");
    let built =
        workflow["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().expect("is one");
    for one in built {
        let target = one["target"].as_str().expect("is text");
        assert!(target.ends_with("-linux-musl"), "{target} is not static");
        assert!(read(".github/install.sh").contains(target), "{target} is not installed");
    }
    let manifest: toml::Table = read("Cargo.toml").parse().expect("is TOML");
    let package = &manifest["package"];
    let repository = package["repository"].as_str().expect("is text");
    assert!(repository.starts_with("https://"));
    let url = package["metadata"]["binstall"]["pkg-url"].as_str().expect("is text");
    assert!(url.contains("/v{ version }/regen-{ target }"), "{url}");
    let action = yaml("action.yml");
    for step in action["runs"]["steps"].as_array().expect("is one") {
        let script = step["run"].as_str().expect("is text");
        let mut check = Command::new("sh");
        Run::of(check.args(["-n", "-c", script])).expect(0);
    }
}
