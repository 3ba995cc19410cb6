//! What targets that are texts need of the workspace: style guides, and code that they are about.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::CommandError;
use crate::plan;
use crate::store::files;
use crate::toolchain::prose::linter::{self, VALE, VALE_FILE};
use crate::toolchain::prose::needed_names;
use crate::toolchain::{self, TextForm, about};
use crate::types::{Harness, Problem, RelPath, Spec, Target, TargetName, limits};

/// Completes the targets that are texts. Gives the bytes of their style guides, by path.
pub fn complete_texts(
    root: &Path,
    harness: &mut Harness,
) -> Result<BTreeMap<String, Vec<u8>>, CommandError> {
    let mut all = BTreeMap::new();
    let suites = |(name, target): (&TargetName, &Target)| {
        let is_suite = toolchain::of(target).text() == Some(TextForm::Tests);
        is_suite.then(|| (name.clone(), about::suite_name(harness, target)))
    };
    let suites: Vec<_> = harness.target.iter().filter_map(suites).collect();
    for (name, suite) in suites {
        let wrong = |why| CommandError::usage(format!("[target.{name}]: {why}"));
        let suite = suite.map_err(wrong)?;
        harness.target.entry(name).and_modify(|target| target.suite_name = Some(suite));
    }
    let rules = style_rules(root)?;
    all.extend(rules.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())));
    for (name, target) in &mut harness.target {
        target.style_rules = Vec::new();
        let has_pages = toolchain::of(target).text().is_some_and(|form| form != TextForm::Tests);
        if target.is_generated() && has_pages {
            target.style_rules.clone_from(&rules);
        }
        if linter::rejects(target) && has_pages && rules.is_empty() {
            let why = format!("the gate `{VALE}` of `[target.{name}]` needs a file {VALE_FILE}");
            return Err(CommandError::usage(why));
        }
        let Some(path) = toolchain::prose::style(target).map(str::to_owned) else { continue };
        let wrong = |why: String| {
            CommandError::usage(format!("`style` of `[target.{name}]`: {path}: {why}"))
        };
        if let Some(link) = files::link_on(root, &path) {
            return Err(wrong(format!("`{link}` is a symbolic link")));
        }
        let read = files::read_regular(&root.join(&path), limits::FILE_BYTES);
        let bytes = files::stored(read.map_err(|why| wrong(why.to_string()))?);
        if bytes.len() > limits::FILE_BYTES {
            return Err(wrong("it is larger than 1 MiB".to_owned()));
        }
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        all.insert(path, text.clone().into_bytes());
        target.style_guide = Some(text);
    }
    Ok(all)
}

/// The files of the linter of prose: its configuration and the styles that it names.
fn style_rules(root: &Path) -> Result<Vec<(String, String)>, CommandError> {
    if !root.join(VALE_FILE).is_file() {
        return Ok(Vec::new());
    }
    let wrong = |why: String| CommandError::usage(format!("{VALE_FILE}: {why}"));
    let text = |path: &str, bytes: Vec<u8>| {
        String::from_utf8(files::stored(bytes)).map_err(|_| wrong(format!("{path} is not UTF-8")))
    };
    let ini = files::read_regular(&root.join(VALE_FILE), limits::FILE_BYTES)?;
    let ini = text(VALE_FILE, ini)?;
    let folder = linter::styles_path(&ini).map(str::to_owned);
    let mut all = vec![(VALE_FILE.to_owned(), ini)];
    let Some(folder) = folder else { return Ok(all) };
    RelPath::parse(&folder).map_err(|why| wrong(format!("the StylesPath {folder:?} {why}")))?;
    if let Some(link) = files::link_on(root, &folder) {
        return Err(wrong(format!("`{link}` is a symbolic link")));
    }
    for (file, bytes) in files::folder(&root.join(&folder))? {
        let path = format!("{folder}/{file}");
        all.push((path.clone(), text(&path, bytes)?));
    }
    let size: usize = all.iter().map(|(_, text)| text.len()).sum();
    if size > limits::TREE_BYTES {
        return Err(wrong(format!("the files in {folder} are larger than 16 MiB")));
    }
    Ok(all)
}

/// What a text of a spec lacks: code that it could be about, or texts that it needs.
pub fn lacks(
    spec: &Spec,
    name: &TargetName,
    target: &Target,
    harness: &Harness,
) -> Option<Problem> {
    toolchain::of(target).text()?;
    about_nothing(spec, name, target, harness)
        .or_else(|| needs_nothing(spec, name, target, harness))
}

fn needs_nothing(
    spec: &Spec,
    name: &TargetName,
    target: &Target,
    harness: &Harness,
) -> Option<Problem> {
    let known = about::needed(harness, spec, target);
    let is_known = |one: &&str| known.iter().any(|name| name.as_str() == *one);
    let message = match needed_names(target).into_iter().find(|one| !is_known(one)) {
        Some(one) => format!("the text `{name}` needs `{one}`, but this spec has no such text"),
        None => {
            let order = plan::targets(spec, harness);
            let before = order.iter().take_while(|one| *one != name);
            let before: Vec<&TargetName> = before.collect();
            let after = known.into_iter().find(|one| !before.contains(one))?;
            format!("the text `{name}` needs `{after}`, which is in a circle of `needs`")
        }
    };
    let help = "add the text to `targets` of the spec, or take it out of `needs` in [target.NAME]";
    Some(Problem::error("spec::text_needs", message).help(help).file(&spec.file))
}

fn about_nothing(
    spec: &Spec,
    name: &TargetName,
    target: &Target,
    harness: &Harness,
) -> Option<Problem> {
    let wanted = about::code_of(harness, spec, target).err()?;
    let message = match wanted {
        Some(of) => {
            format!("the text `{name}` is about `{of}`, but this spec has no such target with code")
        }
        None => format!("the text `{name}` has no code that it is about"),
    };
    let help = "add a target with code to `targets` of the spec, or name it with `of` in \
                [target.NAME]";
    Some(Problem::error("spec::text_without_code", message).help(help).file(&spec.file))
}
