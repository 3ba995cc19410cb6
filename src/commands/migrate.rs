//! Plans the change of a target's language: the changed configuration, and what would be made.

use std::collections::BTreeSet;

use similar::TextDiff;
use toml_edit::{DocumentMut, Item, Key, Table, TableLike};

use crate::plan;
use crate::toolchain;
use crate::types::{Problem, Severity, Spec, Target, TargetName, ToolchainId};
use crate::workspace::{CommandError, Workspace, config_with};

/// Keys of a target that every language has.
const SHARED: [&str; 2] = ["toolchain", "output"];

/// The plan of a migration. Nothing is written.
#[derive(Clone, Debug, Default)]
pub struct Migration {
    /// The change of `harness.toml`, as a unified diff.
    pub diff: String,
    /// Targets of specs that would be generated, with the folder that holds the code now.
    pub made: Vec<(String, String, Option<String>)>,
    /// What prevents it, by spec.
    pub problems: Vec<Problem>,
    /// Keys and files that are no longer used.
    pub dropped: Vec<String>,
}

/// A target with its new name.
struct RenamedTarget {
    old: TargetName,
    new: TargetName,
}

/// Plans a migration of all targets of one language to another one.
///
/// # Errors
/// A language is unknown, no target uses it, or the configuration would be wrong.
pub fn migrate(
    workspace: &Workspace,
    text: &str,
    from: &str,
    to: &str,
) -> Result<Migration, CommandError> {
    let wrong = |why: String| CommandError::usage(why);
    if from == to {
        return Err(wrong(format!("`{from}` is the language already")));
    }
    let uses = |target: &&Target| target.is_generated() && toolchain::of(target).id() == from;
    let old: Vec<TargetName> = workspace
        .harness
        .target
        .iter()
        .filter(|(_, target)| uses(target))
        .map(|(name, _)| name.clone())
        .collect();
    if old.is_empty() {
        let used = toolchain::used(workspace.harness.target.values());
        let known: Vec<_> = used.iter().map(|one| one.id()).collect();
        let why = format!("no target has `toolchain = {from:?}`; there are: {}", known.join(", "));
        return Err(wrong(why));
    }
    let mut file: DocumentMut =
        text.parse().map_err(|why| wrong(format!("harness.toml: {why}")))?;
    let mut plan = Migration::default();
    let before = language(workspace, from)?;
    let language = language(workspace, to)?;
    let kept = shared_options(before, language);
    let mut renamed = Vec::new();
    for name in old {
        let new: TargetName =
            if name.as_str() == from { language.id().into() } else { name.clone() };
        if new != name && workspace.harness.target.contains_key(&new) {
            let why =
                format!("there is a `[target.{new}]` already; remove `[target.{name}]` instead");
            return Err(wrong(why).hint(format!("and set `default_targets` to include `{new}`")));
        }
        let one = RenamedTarget { old: name, new };
        change(&mut file, &one, &kept, language, &mut plan);
        renamed.push(one);
    }
    let changed = file.to_string();
    let diff = TextDiff::from_lines(text, &changed);
    plan.diff = diff.unified_diff().header("a/harness.toml", "b/harness.toml").to_string();
    let harness = config_with(&workspace.places, &changed)?;
    for spec in &workspace.read {
        for name in plan::targets(spec, &workspace.harness) {
            let Some(one) = renamed.iter().find(|one| one.old == name) else { continue };
            spec_of(workspace, spec, one, &harness.target[&one.new], &mut plan);
        }
    }
    Ok(plan)
}

/// The language with a name.
fn language(
    workspace: &Workspace,
    name: &str,
) -> Result<&'static dyn toolchain::Toolchain, CommandError> {
    let id = ToolchainId::from(name);
    if let Some(built_in) = toolchain::find(&id) {
        return Ok(built_in);
    }
    let declaration = super::conformance::declaration(Some(&workspace.places), name)?;
    let found = toolchain::declared(&declaration).map(|one| one as &dyn toolchain::Toolchain);
    found.ok_or_else(|| {
        let why = format!("the toolchain `{name}` is wrong");
        CommandError::usage(why).hint(format!("regen toolchain check {name}"))
    })
}

/// The keys that mean the same in two languages.
fn shared_options(
    one: &dyn toolchain::Toolchain,
    other: &dyn toolchain::Toolchain,
) -> BTreeSet<&'static str> {
    let other = other.options();
    let is_shared = |option: &toolchain::OptionSchema| {
        other.iter().any(|one| (one.name, one.registry) == (option.name, option.registry))
    };
    one.options().into_iter().filter(is_shared).map(|option| option.name).collect()
}

/// Changes one target in the configuration's text.
fn change(
    file: &mut DocumentMut,
    renamed: &RenamedTarget,
    kept: &BTreeSet<&str>,
    language: &dyn toolchain::Toolchain,
    plan: &mut Migration,
) {
    let RenamedTarget { old, new } = renamed;
    if let Some(targets) = file.get_mut("target").and_then(Item::as_table_like_mut) {
        if let Some(table) = targets.get_mut(old).and_then(Item::as_table_like_mut) {
            let keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
            for key in keys
                .iter()
                .filter(|key| !SHARED.contains(&key.as_str()) && !kept.contains(key.as_str()))
            {
                table.remove(key);
                plan.dropped
                    .push(format!("`{key}` of `[target.{old}]`: it is for another language"));
            }
            table.insert("toolchain", toml_edit::value(language.id()));
        }
        rename(targets, old, new);
    }
    if let Some(paths) = file.get_mut("harness").and_then(Item::as_table_like_mut)
        && let Some(list) = paths.get_mut("default_targets").and_then(Item::as_array_mut)
    {
        for at in 0..list.len() {
            if list.get(at).and_then(|one| one.as_str()) == Some(old.as_str()) {
                list.replace(at, new.as_str());
            }
        }
    }
    if let Some(schedule) = file.get_mut("schedule").and_then(Item::as_table_like_mut)
        && let Some(targets) = schedule.get_mut("target").and_then(Item::as_table_like_mut)
    {
        rename(targets, old, new);
    }
}

/// Renames a key, in its place.
fn rename(table: &mut dyn TableLike, old: &str, new: &str) {
    if old == new || table.get(old).is_none() {
        return;
    }
    let keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
    let mut items: Vec<(String, Item)> = Vec::new();
    for key in keys {
        let Some(item) = table.remove(&key) else { continue };
        items.push((if key == old { new.to_owned() } else { key }, item));
    }
    for (key, item) in items {
        let entry = table.entry_format(&Key::new(key));
        *entry.or_insert(Item::Table(Table::new())) = item;
    }
}

/// What changes for one spec.
fn spec_of(
    workspace: &Workspace,
    spec: &Spec,
    renamed: &RenamedTarget,
    target: &Target,
    plan: &mut Migration,
) {
    let RenamedTarget { old, new } = renamed;
    let promoted = workspace.standing.spec.get(&spec.id).and_then(|one| one.target.get(old));
    let path = promoted.map(|entry| entry.path.to_string());
    plan.made.push((spec.id.to_string(), new.to_string(), path));
    if old != new && spec.targets.contains(old) && !spec.integration {
        let message = format!("the front matter names the target `{old}`");
        let problem = Problem::error("migrate::target", message);
        plan.problems.push(problem.help(format!("write `{new}` there")).file(&spec.file));
    }
    let errors = toolchain::check(spec, target, &[]);
    plan.problems.extend(errors.into_iter().filter(|one| one.severity == Severity::Error));
    let folder = format!("{}/{}/{old}", workspace.harness.harness.validators, spec.id.package());
    if workspace.places.root.join(&folder).is_dir() {
        plan.dropped.push(format!("{folder}/: its suites are in the other language"));
    }
}
