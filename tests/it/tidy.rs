//! The rules of docs/ARCHITECTURE.md, checked on the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Item, UseTree, Visibility};

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

/// Modules in order, each with its group.
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
        let code = without_tests(&text);
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

/// A file's code without its tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

fn is_test(attributes: &[Attribute]) -> bool {
    let texts = attributes.iter().filter(|one| one.path().is_ident("cfg"));
    texts.map(|one| one.to_token_stream().to_string()).any(|text| text.contains("test"))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// A file of `src` without its tests.
struct Module {
    /// Where the module is: `["engine", "perform"]`; for a `mod.rs`, its folder.
    place: Vec<String>,
    file: PathBuf,
    items: Vec<Item>,
}

/// The modules of the library, without those of tests.
fn modules() -> Vec<Module> {
    let mut found = Vec::new();
    for (file, text) in rust_files("src") {
        let name = file.file_stem().expect("has a name").to_string_lossy().into_owned();
        if name.ends_with("tests") || name == "lib" || name == "main" {
            continue;
        }
        let below = file.strip_prefix("src").expect("is below").with_extension("");
        let mut place: Vec<String> =
            below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        place.retain(|part| part != "mod");
        let mut items = syn::parse_file(&text).expect("is Rust").items;
        items.retain(|item| !is_test(attributes(item)));
        found.push(Module { place, file, items });
    }
    assert!(found.len() > 200, "{}", found.len());
    found
}

/// A path as written: `super::spec::parse`.
type Written = Vec<String>;

/// Collects paths in tokens: in code, in `use` and in macros. `a::{b, c::d}` is two paths. A single
/// word counts if it names a type or is called.
fn paths(tokens: TokenStream, before: &[String], found: &mut Vec<Written>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, sign: char| match tokens.get(at) {
        Some(TokenTree::Punct(punct)) => punct.as_char() == sign,
        _ => false,
    };
    let is_colons = |at: usize| is(at, ':') && is(at + 1, ':');
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let first = at;
        at += 1;
        let mut path = before.to_vec();
        match token {
            TokenTree::Group(group) => paths(group.stream(), &[], found),
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        let TokenTree::Ident(_) = token else { continue };
        // The rest of an earlier path, a method or field, or a definition.
        let follows = first > 0
            && (is(first - 1, '.')
                || first > 1 && is_colons(first - 2)
                || matches!(&tokens[first - 1], TokenTree::Ident(word) if word == "fn"));
        let mut group = None;
        while is_colons(at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(word)) => path.push(word.to_string()),
                Some(TokenTree::Group(inner)) => group = Some(inner.stream()),
                _ => break,
            }
            at += 3;
        }
        let called = matches!(tokens.get(at), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis);
        let is_type = path[0].starts_with(|c: char| c.is_uppercase());
        match group {
            _ if follows => {}
            Some(group) => paths(group, &path, found),
            None if path.len() > 1 || called || is_type => found.push(path),
            None => {}
        }
    }
}

/// The names that a `use` imports, with their paths.
fn names(tree: &UseTree, before: &[String], found: &mut Vec<(String, Written)>) {
    let with = |name: &str| {
        let own = (name != "self").then(|| name.to_owned());
        before.iter().cloned().chain(own).collect::<Written>()
    };
    match tree {
        UseTree::Path(path) => names(&path.tree, &with(&path.ident.to_string()), found),
        UseTree::Name(name) => {
            let path = with(&name.ident.to_string());
            found.push((path.last().expect("has one").clone(), path));
        }
        UseTree::Rename(name) => {
            found.push((name.rename.to_string(), with(&name.ident.to_string())));
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, before, found)),
        UseTree::Glob(_) => {}
    }
}

/// Names of modules, and names that their `use` items import.
struct Tree {
    places: BTreeSet<Vec<String>>,
    names: BTreeMap<Vec<String>, Vec<(String, Written)>>,
}

impl Tree {
    fn new(modules: &[Module]) -> Self {
        let places = modules.iter().map(|module| module.place.clone()).collect();
        let names = modules.iter().map(|module| {
            let mut found = Vec::new();
            for item in &module.items {
                if let Item::Use(item) = item {
                    names(&item.tree, &[], &mut found);
                }
            }
            (module.place.clone(), found)
        });
        Self { places, names: names.collect() }
    }

    /// A path from the crate's root, if it stays in the crate.
    fn absolute(&self, place: &[String], path: &[String]) -> Option<Written> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match path[0].as_str() {
            "crate" => (&[][..], &path[1..]),
            "self" => (place, &path[1..]),
            "super" => (place.get(..place.len().checked_sub(ups)?)?, &path[ups..]),
            name if self.places.contains(&[place, &[name.to_owned()]].concat()) => (place, path),
            _ => return None,
        };
        Some([base, rest].concat())
    }

    /// The absolute paths that a module uses.
    fn uses(&self, module: &Module) -> BTreeSet<Written> {
        let mut written = Vec::new();
        for item in &module.items {
            let shown = |item: &Item| match item {
                Item::Mod(item) => item.content.is_none(),
                Item::Use(item) => !matches!(item.vis, Visibility::Inherited),
                _ => false,
            };
            if !shown(item) {
                paths(item.to_token_stream(), &[], &mut written);
            }
        }
        let names: BTreeMap<_, _> = self.names[&module.place].iter().cloned().collect();
        let used = written.iter().filter_map(|path| match names.get(&path[0]) {
            Some(full) => self.absolute(&module.place, full),
            None => self.absolute(&module.place, path),
        });
        used.collect()
    }

    /// The file or folder in `folder` with the item of a path; `mod` is `mod.rs`.
    fn owner(&self, folder: &[String], path: &[String]) -> Option<String> {
        let name = path.strip_prefix(folder)?.first()?;
        let child = [folder, std::slice::from_ref(name)].concat();
        if self.places.contains(&child) {
            return Some(name.clone());
        }
        let names = self.names[folder].iter().filter(|(known, _)| known == name);
        let full = names.filter_map(|(_, full)| self.absolute(folder, full)).next();
        match full {
            // An item of a child under the folder's name.
            Some(full) if full.len() > folder.len() + 1 => self.owner(folder, &full),
            Some(_) => None,
            None => Some("mod".to_owned()),
        }
    }
}

/// The cycles of a graph: sets of mutually reachable nodes.
fn cycles(uses: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reached = |from: &str| {
        let mut found = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(node) = open.pop() {
            for next in uses.get(&node).into_iter().flatten() {
                if found.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        found
    };
    let all: BTreeMap<&String, BTreeSet<String>> =
        uses.keys().map(|node| (node, reached(node))).collect();
    let both = |a: &String, b: &String| all[a].contains(b) && all[b].contains(a);
    let cycle = |node: &&String| -> Vec<String> {
        all.keys().filter(|other| both(node, other)).map(|other| (*other).clone()).collect()
    };
    all.keys().map(cycle).filter(|cycle| cycle.len() > 1).collect()
}

/// In each folder of `src`, files and subfolders use each other without a cycle.
///
/// A file uses another one if it names it or an item of it, through any `use`, path or macro. An
/// item that `mod.rs` re-exports belongs to the file that defines it. `mod.rs` is a file like any
/// other: using its own items uses `mod.rs`, and `mod.rs` uses a file if its code does; `mod x;`
/// and `pub use x::Y;` alone do not count. The content of a subfolder counts as the subfolder.
/// Methods are not seen, but a value's type is named somewhere.
#[test]
fn modules_of_a_folder_form_no_cycle() {
    let modules = modules();
    let tree = Tree::new(&modules);
    let mut graphs: BTreeMap<&[String], BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for module in &modules {
        let uses = tree.uses(module);
        // The order of top-level modules is checked in another test.
        for depth in 1..=module.place.len() {
            let (folder, rest) = module.place.split_at(depth);
            let mine = rest.first().map_or("mod", String::as_str);
            let graph = graphs.entry(folder).or_default().entry(mine.to_owned()).or_default();
            let owners = uses.iter().filter_map(|path| tree.owner(folder, path));
            graph.extend(owners.filter(|owner| owner != mine));
        }
    }
    let mut told = String::new();
    for (folder, graph) in graphs {
        for cycle in cycles(&graph) {
            let uses = |from: &String| {
                let to = graph[from].iter().filter(|to| cycle.contains(to));
                format!("{from} -> {}", to.cloned().collect::<Vec<_>>().join(", "))
            };
            let uses = cycle.iter().map(uses).collect::<Vec<_>>();
            told += &format!("{}: {uses:#?}\n", folder.join("/"));
        }
    }
    assert!(told.is_empty(), "{told}");
}

/// The types of items, without associated types of traits.
fn types<'a>(items: &'a [Item], found: &mut Vec<&'a syn::Ident>) {
    for item in items {
        match item {
            Item::Struct(item) => found.push(&item.ident),
            Item::Enum(item) => found.push(&item.ident),
            Item::Trait(item) => found.push(&item.ident),
            Item::Type(item) => found.push(&item.ident),
            Item::Union(item) => found.push(&item.ident),
            Item::Mod(item) if !is_test(&item.attrs) => {
                types(item.content.as_ref().map_or(&[], |(_, items)| items), found);
            }
            _ => {}
        }
    }
}

#[test]
fn type_names_are_unique() {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for module in modules() {
        let mut found = Vec::new();
        types(&module.items, &mut found);
        for name in found {
            files.entry(name.to_string()).or_default().push(module.file.clone());
        }
    }
    assert!(files.len() > 300, "{}", files.len());
    files.retain(|_, files| files.len() > 1);
    assert!(files.is_empty(), "{files:#?}");
}

/// The functions with a body: first line, last line.
#[derive(Default)]
struct Functions(Vec<(usize, usize)>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let last = block.brace_token.span.close().start().line;
        self.0.push((signature.fn_token.span().start().line, last));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

/// Lines from `fn` to the closing brace, inclusive.
#[test]
fn half_of_all_functions_have_at_most_nine_lines() {
    let mut found = Functions::default();
    for module in modules() {
        module.items.iter().for_each(|item| found.visit_item(item));
    }
    let mut lines: Vec<usize> = found.0.iter().map(|(first, last)| last - first + 1).collect();
    lines.sort_unstable();
    assert!(lines.len() > 1500, "{}", lines.len());
    let median = lines[lines.len() / 2];
    assert!(median <= 9, "the median of {} functions is {median} lines", lines.len());
}

/// Names of Rust tools stay in Rust's folder; `regen init` is an exception.
#[test]
fn names_of_rust_tools_stay_in_the_folder_of_rust() {
    let mut files = BTreeMap::new();
    crate::world::collect(&root().join("src"), &mut files);
    let mut wrong = Vec::new();
    for (path, bytes) in files {
        let path = path.strip_prefix(root()).expect("is below");
        if path.starts_with("src/toolchain/rust") || path.ends_with("src/cli/init.rs") {
            continue;
        }
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let lint = line.contains("clippy::");
            if ["Cargo", "rustc", "clippy"].iter().any(|name| line.contains(name)) && !lint {
                wrong.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A digest must not depend on Rust's `Debug` output, see `types/canonical.rs`. Digests of format 2
/// did, and are computed as before.
#[test]
fn digests_do_not_use_debug_output() {
    for (path, text) in rust_files("src") {
        let code = without_tests(&text);
        let makes = ["Digest::of", "Encoder"].iter().any(|name| code.contains(name));
        if !makes || path.ends_with("plan/format_2.rs") || path.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in code.lines().enumerate() {
            let prints = line.contains(":?}") || line.contains(":#?}");
            assert!(!prints, "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

#[test]
fn specs_and_configuration_are_parsed_only_on_load() {
    for (path, text) in ["engine", "gate", "pipeline"]
        .into_iter()
        .flat_map(|folder| rust_files(&format!("src/{folder}")))
    {
        let code = without_tests(&text);
        for parser in ["spec::parse", "config::parse", "toolchain::examples", ".examples("] {
            assert!(!code.contains(parser), "{} names {parser}", path.display());
        }
        assert!(!code.contains("read_suite("), "{}", path.display());
    }
    for (path, text) in rust_files("src/workspace") {
        let reads = path.ends_with("load.rs");
        for call in [" parse_all(", "parse_resolved("] {
            let calls = without_tests(&text).matches(call).count();
            assert_eq!(calls, usize::from(reads), "{}: {call}", path.display());
        }
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
        let code = without_tests(&text);
        if path.starts_with("src") && code.lines().count() > 500 {
            wrong.push(format!("{name} has {} lines", code.lines().count()));
        }
        for (number, line) in text.lines().enumerate() {
            // rustfmt keeps code within the limit; texts for people and test data are not wrapped.
            let literal = line.contains(['"', '\'']) || line.ends_with('\\');
            if line.chars().count() > 100 && !literal {
                wrong.push(format!("{name}:{} is longer than 100 columns", number + 1));
            }
        }
        let mut functions = Functions::default();
        functions.visit_file(&syn::parse_file(&text).expect("is Rust"));
        for (first, last) in functions.0 {
            if last - first > 70 {
                wrong.push(format!("{name}:{first} has {} lines", last - first));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn parameters_are_not_packed_into_tuples() {
    for (path, text) in rust_files("src") {
        let file = syn::parse_file(&text).expect("is Rust");
        let mut signatures = Signatures::default();
        signatures.visit_file(&file);
        for signature in &signatures.0 {
            let mut typed = signature.inputs.iter().filter_map(|input| match input {
                syn::FnArg::Typed(typed) => Some(&*typed.pat),
                syn::FnArg::Receiver(_) => None,
            });
            let packed = typed.any(|pattern| matches!(pattern, syn::Pat::Tuple(_)));
            assert!(!packed, "{}: {}", path.display(), signature.ident);
        }
    }
}

#[derive(Default)]
struct Signatures(Vec<syn::Signature>);

impl<'ast> Visit<'ast> for Signatures {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.0.push(signature.clone());
    }
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

/// Untrusted text is escaped where it is written, so each output stream has one place.
#[test]
fn standard_streams_are_written_through_one_door() {
    // Archive bytes, completion scripts, and clap's own output.
    let doors = ["cli/context.rs", "report/progress.rs", "cli/export.rs", "cli/mod.rs"];
    for (path, text) in rust_files("src") {
        let code = without_tests(&text);
        let door = doors.iter().any(|door| path.ends_with(door));
        let rust = path.to_string_lossy().contains("toolchain/rust");
        let writes = ["stdout()", "stderr()", "println!", "eprint!"];
        if let Some(word) = writes.into_iter().find(|word| code.contains(word)) {
            assert!(door || rust, "{}: {word}", path.display());
        }
    }
}
