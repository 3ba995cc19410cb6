//! The deploy gate: its findings, what it ignores, and its outputs.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regen::attest::Attested;
use regen::types::Standing;

use crate::server::{Server, lib};
use crate::world::{GOOD, PLAIN, Run, World, all, collect, repeated, rounds};

/// Correct in another way.
pub const ALSO_GOOD: &str = "/// Adds, saturating.\npub fn add(a: i32, b: i32) -> i32 {\n    i32::saturating_add(a, b)\n}\n";

/// The committed demo: trees that real gates accepted.
pub fn demonstration() -> World {
    let world = World::new("http://127.0.0.1:1/v1", &[], "");
    let from = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["harness.toml", "specs", "validators", "generated", "regen.lock", "cassettes"] {
        let mut found = std::collections::BTreeMap::new();
        collect(&from.join(name), &mut found);
        for (path, bytes) in found {
            let path = path.strip_prefix(from).expect("is below").to_owned();
            let skipped = path.starts_with("specs/regen") || path.ends_with("lights.md");
            let left = path.components().any(|part| part.as_os_str() == "target")
                || path.ends_with("Cargo.lock");
            if skipped || left {
                continue;
            }
            let to = world.path("").join(&path);
            fs::create_dir_all(to.parent().expect("has one")).expect("makes it");
            fs::write(&to, bytes).expect("writes");
            let mode = from.join(&path).metadata().expect("is there").permissions();
            fs::set_permissions(&to, mode).expect("sets the mode");
        }
    }
    world
}

pub fn git(world: &World, args: &[&str]) -> Run {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(world.path(""))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .expect("there is git");
    output.into()
}

pub fn commit(world: &World) {
    if !world.path(".git").exists() {
        git(world, &["init", "-q", "-b", "main"]).expect(0);
        world.write(".gitignore", ".regen/\ntarget/\n");
    }
    git(world, &["add", "-A"]).expect(0);
    git(world, &["commit", "-qm", "x"]).expect(0);
}

/// An adder promoted by real gates.
pub fn promoted() -> (World, Server) {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    (world, server)
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("is small")
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Files below `generated/`: of trees only, or with those beside them.
fn promoted_files(world: &World, trees: bool) -> Vec<PathBuf> {
    let all = world.snapshot("generated").into_keys();
    all.filter(|path| {
        let name = path.to_string_lossy();
        !trees || !(name.ends_with(".manifest") || name.ends_with(".intoto.jsonl"))
    })
    .collect()
}

fn flip(path: &Path, random: &mut Random) {
    let mut bytes = fs::read(path).expect("reads");
    let at = random.below(bytes.len());
    bytes[at] ^= 1 << random.below(7);
    fs::write(path, bytes).expect("writes");
}

/// Words of a spec that matter: outside of its front matter.
fn change_a_word(path: &Path, random: &mut Random) {
    let text = fs::read_to_string(path).expect("reads");
    let (head, body) = text.split_at(text.find("\n# ").unwrap_or(0));
    let words: Vec<(usize, &str)> = body
        .match_indices(|c: char| c.is_ascii_lowercase())
        .filter(|(at, _)| {
            body[..*at].ends_with(' ') && body[*at..].starts_with(char::is_alphabetic)
        })
        .collect();
    let at = random.one(&words).0;
    fs::write(path, format!("{head}{}q{}", &body[..at], &body[at..])).expect("writes");
}

fn change_a_validator(world: &World, random: &mut Random) -> String {
    let validators: Vec<_> = world.snapshot("validators").into_keys().collect();
    let validator = random.one(&validators);
    let mut text = fs::read_to_string(validator).expect("reads");
    text += if validator.extension().is_some_and(|end| end == "rs") { "// x\n" } else { "# x\n" };
    fs::write(validator, text).expect("writes");
    format!("validator {}", validator.display())
}

fn change_the_configuration(world: &World, random: &mut Random) -> String {
    let (from, to) = *random.one(&[
        ("\"documented\", \"hidden\"", "\"hidden\""),
        ("\"check\", \"clippy\"", "\"clippy\", \"check\""),
        (
            "toolchain = \"rust\"\ngates",
            "toolchain = \"rust\"\nallowed_files = [\"src/*.rs\"]\ngates",
        ),
        ("crate = \"bin\"", "crate = \"lib\""),
        ("validator = \"documented\"", "validator = \"documented\"\ntimeout_s = 7"),
        ("validator = \"documented\"", "validator = \"documented\"\nadvisory = true"),
        ("[target.command]", "[gate.test]\nruns = 1\n[target.command]"),
        (
            "toolchain = \"rust\"\ncrate",
            "toolchain = \"rust\"\noutput = \"out/{spec}/{target}\"\ncrate",
        ),
    ]);
    let text = world.read("harness.toml");
    assert!(text.contains(from), "{from}");
    world.write("harness.toml", &text.replacen(from, to, 1));
    format!("config {to}")
}

fn tamper(world: &World, kind: usize, random: &mut Random) -> String {
    let root = world.path("");
    let all = promoted_files(world, false);
    let file = random.one(&all).clone();
    let trees = promoted_files(world, true);
    let name = file.strip_prefix(&root).expect("is below").display().to_string();
    match kind {
        0 => flip(&file, random),
        1 => {
            let mode = *random.one(&[0o755, 0o744, 0o645, 0o4644, 0o2644, 0o654]);
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("sets it");
        }
        2 => {
            // A link to the same bytes elsewhere.
            let aside = world.path(&format!("../aside-{}", random.below(1_000_000)));
            fs::rename(&file, &aside).expect("moves");
            symlink(&aside, &file).expect("links");
        }
        3 => {
            let folder = file.parent().expect("has one");
            let name = *random.one(&["build.rs", ".hidden", "Cargo.lock", "x.manifest", "mod.rs"]);
            let extra = folder.join(name);
            fs::write(&extra, "new").expect("writes");
            return format!("extra {}", extra.display());
        }
        4 => fs::remove_file(&file).expect("removes"),
        5 => {
            let other = loop {
                let other = random.one(&trees);
                if fs::read(other).expect("reads") != fs::read(&file).expect("reads") {
                    break other;
                }
            };
            let (a, b) = (fs::read(&file).expect("reads"), fs::read(other).expect("reads"));
            fs::write(&file, b).expect("writes");
            fs::write(other, a).expect("writes");
        }
        6 => {
            flip(&root.join("regen.lock"), random);
            return "regen.lock".to_owned();
        }
        7 => {
            let attested: Vec<_> =
                all.iter().filter(|p| p.to_string_lossy().ends_with(".jsonl")).collect();
            let one = (*random.one(&attested)).clone();
            flip(&one, random);
        }
        8 => return replay(world, random),
        9 => {
            let spec = *random.one(&["celsius", "divisors", "greet", "seasons"]);
            change_a_word(&root.join(format!("specs/{spec}.md")), random);
            return format!("spec {spec}");
        }
        10 => return change_a_validator(world, random),
        _ => return change_the_configuration(world, random),
    }
    name
}

/// A valid attestation of another acceptance.
fn replay(world: &World, random: &mut Random) -> String {
    let (lock, _) = Standing::parse(&world.read("regen.lock")).expect("is one");
    let spec = *random.one(&["celsius", "divisors", "seasons"]);
    let mut entry = lock.spec[spec].target["rust"].clone();
    match random.below(3) {
        0 => entry.origin.attempts += 1,
        1 => entry.tools = "rustc 1.80.0".to_owned(),
        _ => entry.isolation.0 = 0,
    }
    let older = Attested::new(&spec.into(), &"rust".into(), &entry, None).render(None);
    assert!(Attested::read(&older).is_ok(), "it is whole in itself");
    world.write(&format!("generated/{spec}/rust.intoto.jsonl"), &older);
    format!("older attestation of {spec}")
}

/// Restores the committed state.
fn restore(world: &World) {
    git(world, &["checkout", "-q", "--", "."]).expect(0);
    git(world, &["clean", "-fdxq"]).expect(0);
    // Git stores one bit of a mode.
    for path in world.snapshot("generated").into_keys() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("sets it");
    }
}

#[test]
fn every_tampering_is_found() {
    let world = demonstration();
    commit(&world);
    world.run(&["check", "-q"]).expect(0);
    let mut random = Random(0x5eed);
    for round in 0..rounds(repeated(204, 72), 6) {
        let what = tamper(&world, round % 12, &mut random);
        let run = world.run(&["check", "-q"]);
        assert!([2, 10, 22].contains(&run.code), "{round} {what}: {} {}", run.code, run.err);
        // A changed word may make a spec refused, a changed line the configuration invalid.
        let loose = run.code != 22 && !what.starts_with("spec") && !what.starts_with("config");
        assert!(!loose, "{round} {what}: {} {} {}", run.code, run.out, run.err);
        restore(&world);
        world.run(&["check", "-q"]).expect(0);
    }
}

fn wrap_anew(world: &World, by_blank: bool, random: &mut Random) -> String {
    // Changes line breaks and indentation of prose.
    let spec = *random.one(&["celsius", "divisors", "greet", "seasons"]);
    let path = world.path(&format!("specs/{spec}.md"));
    let text = fs::read_to_string(&path).expect("reads");
    let mut fenced = false;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let is_item = line.starts_with("- ") && !fenced;
        match line.find("` ").filter(|_| is_item && by_blank) {
            Some(at) => {
                lines.push(line[..=at].to_owned());
                lines.push(format!("  {}", &line[at + 2..]));
            }
            None if is_item && !by_blank => lines.push(format!("* {}", &line[2..])),
            None => lines.push(line.to_owned()),
        }
    }
    fs::write(path, lines.join("\n") + "\n").expect("writes");
    format!("re-wrap of {spec}")
}

fn harmless(world: &World, kind: usize, random: &mut Random) -> String {
    let root = world.path("");
    let files: Vec<_> = ["generated", "specs", "validators", "regen.lock", "harness.toml"]
        .iter()
        .flat_map(|name| world.snapshot(name).into_keys())
        .collect();
    let file = random.one(&files).clone();
    match kind {
        0 => {
            let opened = fs::File::options().write(true).open(&file).expect("opens");
            opened.set_modified(std::time::SystemTime::now()).expect("touches");
        }
        1 => {
            fs::remove_dir_all(root.join("generated")).expect("removes");
            fs::remove_dir_all(root.join("specs")).expect("removes");
            git(world, &["checkout", "-q", "--", "."]).expect(0);
        }
        2 | 3 => {
            return wrap_anew(world, kind == 2, random);
        }
        4 => {
            let text = world.read("harness.toml");
            let (head, tables) = text.split_at(text.find("\n[").expect("has tables") + 1);
            let mut tables: Vec<&str> = tables.split_inclusive("\n[").collect();
            let count = tables.len();
            tables.swap(0, count - 1);
            let joined: Vec<String> = tables
                .iter()
                .map(|table| format!("[{}", table.trim_start_matches('[').trim_end_matches('[')))
                .collect();
            world.write("harness.toml", &format!("# moved\n{head}{}", joined.join("\n")));
        }
        5 => {
            let mode = *random.one(&[0o600, 0o664, 0o640, 0o666, 0o444]);
            let is_ours = file.starts_with(root.join("generated"));
            if is_ours {
                fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("sets it");
            }
        }
        6 => {
            let text = world.read("harness.toml").replace(
                "temperature = 0.2\nmax_output_tokens = 700",
                "max_output_tokens = 700\ntemperature = 0.2 # steady",
            );
            world.write("harness.toml", &text);
        }
        _ => {
            // Build leftovers that Git ignores.
            world.write("generated/celsius/rust/target/debug/x", "binary");
            world.write(".regen/anything", "x");
        }
    }
    file.display().to_string()
}

#[test]
fn harmless_changes_are_accepted() {
    let world = demonstration();
    commit(&world);
    let mut random = Random(0xface);
    for round in 0..rounds(repeated(200, 64), 4) {
        let what = harmless(&world, round % 8, &mut random);
        let run = world.run(&["check"]);
        assert_eq!(run.code, 0, "{round} {what}: {}\n{}", run.out, run.err);
        restore(&world);
    }
}

#[test]
fn each_finding_has_a_command_that_fixes_it() {
    if !all() {
        return;
    }
    let (world, server) = promoted();
    world.first(&server, &["run", "-q"]).expect(0);
    commit(&world);
    let shell = |command: &str| {
        let regen = Path::new(env!("CARGO_BIN_EXE_regen")).parent().expect("has one");
        let path = format!("{}:{}", regen.display(), std::env::var("PATH").expect("is set"));
        let mut run = world.command(&[]);
        let env: Vec<_> =
            run.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
        run = Command::new("sh");
        run.args(["-c", command]).current_dir(world.path("")).envs(env).env("PATH", path);
        run.output().expect("there is a shell")
    };
    let lib_rs = "generated/adder/rust/src/lib.rs";
    let harms: [(&str, &dyn Fn()); 8] = [
        ("check::changed", &|| world.write(lib_rs, "mine")),
        ("check::missing", &|| fs::remove_file(world.path(lib_rs)).expect("removes")),
        ("check::extra", &|| world.write("generated/adder/stray file", "x")),
        ("check::extra", &|| world.write("generated/adder/rust/Cargo.lock", "x")),
        ("check::mode", &|| {
            let run = fs::Permissions::from_mode(0o755);
            fs::set_permissions(world.path(lib_rs), run).expect("sets it");
        }),
        ("check::attestation", &|| world.write("generated/adder/rust.intoto.jsonl", "{}")),
        ("check::lock", &|| {
            let text = world.read("regen.lock").replace("attempts = 1", "attempts = 2");
            world.write("regen.lock", &text);
        }),
        ("check::clause", &|| {
            world.write("specs/adder.md", &PLAIN.replace("give the sum", "give their sum"));
        }),
    ];
    let asked_before = server.requests().len();
    for (code, harm) in harms {
        harm();
        let run = world.run(&["check", "--json"]).expect(22);
        let found = run.json()[0]["findings"].clone();
        let all = found.as_array().expect("is a list");
        assert!(all.iter().any(|one| one["code"] == code), "{code}: {found:#}");
        for one in all {
            assert!(one["file"].as_str().is_some_and(|file| !file.is_empty()), "{one}");
            let mend = one["help"].as_str().expect("each names one");
            shell(mend);
        }
        let run = world.run(&["check"]);
        assert_eq!(run.code, 0, "{code}: {found:#}\n{}{}", run.out, run.err);
    }
    // A name that is not UTF-8 is shown as bytes.
    let name = std::ffi::OsStr::from_bytes(b"generated/adder/lib\xff.rs");
    fs::write(world.path("").join(name), "x").expect("writes");
    let run = world.run(&["check"]).expect(22);
    insta::assert_snapshot!(run.shown());
    // Only the changed spec was requested again: edited files are restored from the store.
    assert_eq!(server.requests().len() - asked_before, 1);
}
