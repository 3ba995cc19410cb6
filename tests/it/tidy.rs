//! The laws of docs/ARCHITECTURE.md, read from the code itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = BTreeMap::new();
    crate::world::collect(&root().join(folder), &mut found);
    found
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "rs"))
        .map(|(path, bytes)| {
            let path = path.strip_prefix(root()).expect("is below").to_owned();
            (path, String::from_utf8(bytes).expect("is UTF-8"))
        })
        .collect()
}

/// Modules in the order of the map, each with its floor.
fn map() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("reads");
    let mut floor = String::new();
    let mut modules = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("// ") {
            floor = name.split(':').next().unwrap_or_default().to_owned();
        } else if let Some(name) = line.strip_prefix("pub mod ").and_then(|l| l.strip_suffix(';')) {
            modules.push((name.to_owned(), floor.clone()));
        } else {
            let known = ["//!", "#[cfg(test)]", "mod spec_for_tests;", ""];
            assert!(known.iter().any(|k| line == *k || line.starts_with("//!")), "lib.rs: {line}");
        }
    }
    modules
}

#[test]
fn law_1_a_module_imports_only_modules_above_it_and_rooms_no_rooms() {
    let map = map();
    assert!(map.len() > 12, "{map:?}");
    let place = |name: &str| map.iter().position(|(module, _)| module == name);
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src") {
        let module = path.components().nth(1).expect("has a name");
        let module = module.as_os_str().to_string_lossy().replace(".rs", "");
        let Some(mine) = place(&module) else { continue };
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        if path.ends_with("tests.rs") {
            continue;
        }
        for used in code.split("crate::").skip(1) {
            let group = used.strip_prefix('{').map(|g| g.split("};").next().unwrap_or(g));
            let names = match group {
                Some(group) => group.split(',').map(str::trim).collect(),
                None => vec![used],
            };
            for name in names {
                let end =
                    name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
                let Some(theirs) = place(&name[..end]) else { continue };
                let rooms = map[mine].1 == "rooms" && map[theirs].1 == "rooms" && mine != theirs;
                if theirs > mine || rooms {
                    wrong.push(format!("{} imports {}", path.display(), &name[..end]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The file of a floor that a path names: `super::x` beside it, or `crate::floor::x`.
fn names_in(code: &str, floor: &str) -> Vec<String> {
    let absolute = format!("crate::{floor}::");
    let starts = ["super::", absolute.as_str()];
    let used = starts.iter().flat_map(|start| code.split(start).skip(1));
    let is_end = |c: char| !(c.is_alphanumeric() || c == '_');
    used.filter_map(|rest| rest.split(is_end).next()).map(str::to_owned).collect()
}

#[test]
fn files_of_a_floor_import_each_other_in_no_circle() {
    for folder in ["workspace", "engine", "commands", "commands/check"] {
        let floor = folder.replace('/', "::");
        let mut left: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, text) in rust_files(&format!("src/{folder}")) {
            let name = path.strip_prefix(format!("src/{folder}")).expect("is below");
            let name = name.with_extension("").display().to_string();
            if !name.contains('/') && name != "mod" {
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                left.insert(name, names_in(code, &floor));
            }
        }
        assert!(left.len() > 5, "{folder}: {left:?}");
        while let Some(free) =
            left.iter().find(|(_, uses)| !uses.iter().any(|one| left.contains_key(one)))
        {
            let free = free.0.clone();
            left.remove(&free);
        }
        assert!(left.is_empty(), "{folder}: {left:#?}");
    }
}

#[test]
fn specs_and_configuration_are_parsed_where_they_are_read_and_nowhere_below() {
    for (path, text) in ["engine", "gate", "pipeline"]
        .into_iter()
        .flat_map(|folder| rust_files(&format!("src/{folder}")))
    {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for parser in ["spec::parse", "config::parse", "toolchain::examples", ".examples("] {
            assert!(!code.contains(parser), "{} names {parser}", path.display());
        }
        assert!(!code.contains("read_suite("), "{}", path.display());
    }
}

#[test]
fn law_2_only_edges_and_doors_opt_out_of_purity() {
    let map = map();
    for (path, text) in rust_files("src") {
        let module = path.components().nth(1).expect("has a name").as_os_str().to_string_lossy();
        let floor = map.iter().find(|(name, _)| *name == module).map(|(_, floor)| floor.as_str());
        let pure = matches!(floor, Some("ground" | "languages" | "rooms" | "pipeline"));
        let opts_out = text.contains("clippy::disallowed_methods");
        assert!(!(pure && opts_out), "{} is pure by law", path.display());
        assert!(!opts_out || path.ends_with("mod.rs"), "{}: opt out at the top", path.display());
    }
    let config = std::fs::read_to_string(root().join(".clippy.toml")).expect("reads");
    for banned in ["std::fs::read", "Command::new", "env::var", "SystemTime::now", "tokio::spawn"] {
        assert!(config.contains(banned), "{banned}");
    }
}

#[test]
fn unsafe_code_is_in_one_module_and_each_block_has_its_reason() {
    for (path, text) in rust_files("src") {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let here = format!("{}:{}", path.display(), number + 1);
            if code.contains("unsafe {") && !code.contains('"') {
                assert!(path.ends_with("sandbox/sys.rs"), "{here}");
                let above = &lines[number.saturating_sub(6)..number];
                assert!(above.iter().any(|line| line.contains("SAFETY: ")), "{here}");
            }
            let opens = code.contains("(unsafe_code");
            assert!(!opens || path.ends_with("sandbox/sys.rs"), "{here}");
        }
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("reads");
    assert!(manifest.contains("unsafe_code = \"deny\""));
}

#[test]
fn only_admission_admits() {
    for (path, text) in rust_files("src") {
        let name = path.display().to_string();
        if text.contains("AdmittedSpec::new(") {
            assert_eq!(name, "src/spec/admit.rs");
        }
    }
}

#[test]
fn functions_lines_and_files_are_short_and_modules_say_what_they_are() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src").into_iter().chain(rust_files("tests/it")) {
        let name = path.display();
        if !text.starts_with("//!") {
            wrong.push(format!("{name} does not say what it is"));
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        if path.starts_with("src") && code.lines().count() > 500 {
            wrong.push(format!("{name} has {} lines", code.lines().count()));
        }
        let mut begun: Option<(usize, usize)> = None;
        for (number, line) in text.lines().enumerate() {
            // rustfmt holds code to the limit; texts for people and test data are not broken up.
            let literal = line.contains(['"', '\'']) || line.ends_with('\\');
            if line.chars().count() > 100 && !literal {
                wrong.push(format!("{name}:{} is longer than 100 columns", number + 1));
            }
            let indent = line.len() - line.trim_start().len();
            let starts = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(super) async fn "];
            if starts.iter().any(|s| line.trim_start().starts_with(s)) && !line.ends_with(';') {
                begun = Some((number, indent));
            }
            if let Some((start, at)) = begun
                && indent == at
                && line.trim_start().starts_with('}')
            {
                if number - start > 70 {
                    wrong.push(format!("{name}:{} has {} lines", start + 1, number - start));
                }
                begun = None;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn bools_are_not_matched() {
    let files = ["src", "tests", "benches"].into_iter().flat_map(rust_files);
    for (path, text) in files {
        for (number, line) in text.lines().enumerate() {
            let arm = line.trim_start();
            let bool_arm = ["true =>", "false =>", "true if ", "false if "];
            let found = bool_arm.iter().any(|start| arm.starts_with(start));
            assert!(!found, "{}:{}: write an `if`", path.display(), number + 1);
        }
    }
}

#[test]
fn no_name_says_nothing() {
    let banned = ["util", "helper", "manager", "common", "misc"];
    for (path, text) in rust_files("src").into_iter().chain(rust_files("tests/it")) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let words = line.split(|c: char| !c.is_alphanumeric());
            for word in words.map(str::to_lowercase) {
                let found = banned.iter().find(|b| word == **b || word == format!("{b}s"));
                assert!(found.is_none(), "{}:{}: {word}", path.display(), number + 1);
            }
            for call in ["todo!(", "unimplemented!(", "dbg!("] {
                let code = line.split("//").next().unwrap_or_default();
                let told =
                    code.contains(&format!("\"{call}")) || code.contains(&format!("{call})"));
                assert!(!code.contains(call) || told, "{}:{}", path.display(), number + 1);
            }
            assert!(!line.contains("#[allow("), "{}:{}", path.display(), number + 1);
        }
    }
}
