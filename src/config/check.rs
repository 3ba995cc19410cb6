//! Semantic checks of a configuration, after parsing.

mod generator;
mod schedule;
mod workers;

pub use workers::wrong_server;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::nearest::nearest;
use super::toolchains::toolchain_file;
use crate::toolchain::{self, GateDefinition, GateKind};
use crate::types::behaviour::MODEL;
use crate::types::gate::NOTES;
use crate::types::{
    Harness, Isolation, LimitsConfig, Problem, RelPath, Span, Target, ToolchainId, TraceConfig,
    limits, lint, places,
};

/// The gates of all languages: built in, and used by a target.
fn gates_of(harness: &Harness) -> impl Iterator<Item = GateDefinition> {
    let used = toolchain::used(harness.target.values());
    let all = toolchain::all().iter().copied().chain(used);
    all.flat_map(|language| language.gates().iter().copied())
}

/// Whether a gate of this name compiles.
fn compiles(harness: &Harness, name: &str) -> bool {
    gates_of(harness).any(|gate| gate.name == name && gate.kind == GateKind::Compile)
}

/// The names of the gates of all languages.
fn built_in(harness: &Harness) -> BTreeSet<&'static str> {
    gates_of(harness).map(|gate| gate.name).collect()
}

/// The kinds of gates that every target must have.
const DEMANDED: [GateKind; 4] =
    [GateKind::Hidden, GateKind::Proof, GateKind::Coverage, GateKind::Text];

/// Checks values and their combinations.
pub fn check(harness: &Harness, text: &str) -> Vec<Problem> {
    let mut check = ConfigCheck { text, problems: Vec::new() };
    check.generator(harness);
    check.paths(harness);
    for (name, target) in &harness.target {
        check.target(harness, name, target);
    }
    check.sandbox(harness);
    check.lint(harness);
    check.schedule(harness);
    check.trace(harness);
    check.hooks(harness);
    check.outputs(harness);
    check.gates(harness);
    check.workers(harness);
    check.problems
}

/// Checks where paths lead. `real` gives an absolute path without symbolic links.
pub fn check_resolved(
    harness: &Harness,
    text: &str,
    real: &dyn Fn(&str) -> PathBuf,
) -> Vec<Problem> {
    let mut check = ConfigCheck { text, problems: Vec::new() };
    check.resolved(harness, real);
    check.problems
}

fn is_web(url: &str) -> bool {
    let url = reqwest::Url::parse(url);
    url.is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

/// The keys of `[target.X]` for all languages.
const TARGET_KEYS: [&str; 8] =
    ["generator", "path", "tests", "results", "toolchain", "output", "gates", "allowed_files"];

struct ConfigCheck<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl ConfigCheck<'_> {
    /// Adds a problem. Finding its place parses the text, so the number is limited.
    fn wrong(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        if self.problems.len() >= limits::PROBLEMS {
            return;
        }
        let problem = Problem::error("config::wrong_value", message).help(help);
        self.problems.push(match place(self.text, path) {
            Some(span) => problem.at(self.text, span),
            None => problem,
        });
    }

    fn lint(&mut self, harness: &Harness) {
        for rule in harness.lint.rules.keys() {
            if !lint::RULES.iter().any(|(name, ..)| name == rule) {
                let names = || lint::RULES.iter().map(|(name, ..)| *name);
                let help = match nearest(rule, names()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("known rules: {}", names().collect::<Vec<_>>().join(", ")),
                };
                self.wrong(&["lint", "rules", rule], format!("unknown rule `{rule}`"), help);
            }
        }
    }

    fn hooks(&mut self, harness: &Harness) {
        if let Some(url) = harness.telemetry.otlp.as_ref().filter(|url| !is_web(url)) {
            let help = "for example http://127.0.0.1:4318";
            self.wrong(&["telemetry", "otlp"], format!("`{url}` is not a valid URL"), help);
        }
        for hook in &harness.hook {
            if hook.on.is_empty() || hook.argv.first().is_none_or(String::is_empty) {
                let help = "on = [\"rejected\"], argv = [\"notify-send\", \"regen\"]";
                self.wrong(&["hook"], "a hook requires events and a program", help);
            }
        }
    }

    fn sandbox(&mut self, harness: &Harness) {
        let sandbox = &harness.sandbox;
        if sandbox.min_level > Isolation::CGROUP {
            let message = format!("{} is not an isolation level", sandbox.min_level);
            self.wrong(&["sandbox", "min_level"], message, "use 0 to 3; the default is 2");
        }
        if sandbox.memory_mb == Some(0) {
            let help = "use the MiB that all gates together may use, or remove it";
            self.wrong(&["sandbox", "memory_mb"], "`memory_mb` is 0", help);
        }
        for path in &sandbox.read_only {
            if path.is_empty() || places::is_taken(Path::new(path)) {
                self.not_shown(&["sandbox", "read_only"], format!("`{path}`"));
            }
        }
    }

    fn not_shown(&mut self, at: &[&str], what: String) {
        let own: Vec<&str> = places::OWN.into_iter().chain(places::MOUNT_POINTS).collect();
        let help =
            format!("name a file or folder outside of the sandbox's own: {}", own.join(", "));
        self.wrong(at, format!("{what} cannot be shown in a sandbox"), help);
    }

    /// The checks of [`Self::sandbox`] that need the real path.
    fn resolved(&mut self, harness: &Harness, real: &dyn Fn(&str) -> PathBuf) {
        // Without mount namespaces a sandbox has no folders of its own.
        if harness.sandbox.min_level < Isolation::NAMESPACES {
            return;
        }
        for path in &harness.sandbox.read_only {
            let found = real(path);
            if places::is_taken(&found) {
                self.not_shown(
                    &["sandbox", "read_only"],
                    format!("`{path}`, which is {},", found.display()),
                );
            }
        }
        let validators = real(&harness.harness.validators);
        let used = harness.gate.values().any(|gate| gate.validator.is_some());
        if used && places::is_taken(&validators) {
            let what = format!("the validators' folder {}", validators.display());
            self.not_shown(&["harness", "validators"], what);
        }
    }

    fn variable(&mut self, at: &[&str], name: &str) {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let message =
                format!("`{}` is not the name of an environment variable", at[at.len() - 1]);
            let help = "name a variable here and put the key into it; \
                        if this was a key, revoke it: it has been stored in a file";
            self.wrong(at, message, help);
        }
    }

    fn paths(&mut self, harness: &Harness) {
        let paths = &harness.harness;
        let named = [
            ("specs", &paths.specs),
            ("validators", &paths.validators),
            ("cassettes", &paths.cassettes),
        ];
        let named = named.into_iter().chain(paths.templates.iter().map(|t| ("templates", t)));
        for (key, path) in named {
            if let Err(why) = RelPath::parse(path) {
                let message = format!("the path {path:?} {why}");
                self.wrong(&["harness", key], message, "use a path below harness.toml's folder");
            }
        }
        for name in &paths.default_targets {
            if !harness.target.contains_key(name) {
                let help = hint(name, harness.target.keys().map(|name| name.as_str()));
                let message = format!("no `[target.{name}]`");
                self.wrong(&["harness", "default_targets"], message, help);
            }
        }
    }

    fn target(&mut self, harness: &Harness, name: &str, target: &Target) {
        let at = |key| ["target", name, key];
        let at_model = |key| ["target", name, MODEL, key];
        self.written(name, target);
        self.order(harness, name, target);
        let keys: Vec<_> =
            toolchain::of(target).options().into_iter().map(|option| option.name).collect();
        for (key, value) in &target.options {
            let checked = toolchain::of(target).check_option(key, value);
            if !keys.contains(&key.as_str()) {
                let known = TARGET_KEYS.into_iter().chain(keys.iter().copied());
                self.wrong(&at(key), format!("unknown field `{key}`"), hint(key, known));
            } else if let Err((message, help)) = checked {
                self.wrong(&at(key), message, help);
            }
        }
        if let Some(model) = toolchain::model_under_test(target) {
            self.address(&at_model("base_url"), &model.server.settings.server().base_url);
        }
        for pattern in target.allowed_files.iter().flatten() {
            if let Err(e) = globset::Glob::new(pattern) {
                let help = "for example \"src/**/*.rs\"";
                self.wrong(&at("allowed_files"), format!("invalid pattern: {e}"), help);
            }
        }
    }

    /// The gates of a target: known names, required gates, order.
    fn order(&mut self, harness: &Harness, name: &str, target: &Target) {
        let at = ["target", name, "gates"];
        let kind = |gate: &str| toolchain::gate(target, gate).map(|gate| gate.kind);
        let own = toolchain::of(target).gates().iter().map(|gate| gate.name);
        for gate in target.gates.iter().flatten() {
            if kind(gate).is_none() && !harness.gate.contains_key(gate) {
                let custom = harness.gate.keys().map(|name| name.as_str());
                let help = hint(gate, custom.chain(own.clone()));
                self.wrong(&at, format!("unknown gate `{gate}`"), help);
            }
        }
        let Some(gates) = &target.gates else { return };
        let named = |wanted: GateKind| {
            let mut gates = toolchain::of(target).gates().iter();
            gates.find(|gate| gate.kind == wanted).map_or("", |gate| gate.name)
        };
        if gates.first().is_none_or(|gate| kind(gate) != Some(GateKind::Source)) {
            let first = named(GateKind::Source);
            let help = format!(
                "gates = [\"{first}\", …]: it checks a candidate's manifest before other gates use it"
            );
            self.wrong(&at, format!("the first gate must be `{first}`"), help);
        }
        let last = DEMANDED.map(named).into_iter().filter(|name| !name.is_empty());
        let last: Vec<&str> = last.collect();
        for gate in last.iter().filter(|name| !gates.iter().any(|gate| gate == *name)) {
            let help = format!(
                "gates = [\"{}\", …, \"{}\"]",
                named(GateKind::Source),
                last.join("\", \"")
            );
            self.wrong(&at, format!("the gate `{gate}` is required"), help);
        }
        let mut behind =
            gates.iter().skip_while(|gate| kind(gate) != Some(GateKind::Hidden)).skip(1);
        let ends = [Some(GateKind::Proof), Some(GateKind::Coverage)];
        if let Some(gate) = behind.find(|gate| !ends.contains(&kind(gate))) {
            let help = format!(
                "held-out examples run last; only `{}`, then `{}` and `{}`",
                last[0], last[1], last[2]
            );
            self.wrong(&at, format!("`{gate}` must run before `{}`", last[0]), help);
        }
    }

    /// Checks keys that belong only to hand-written or only to generated targets.
    fn written(&mut self, name: &str, target: &Target) {
        let (language, folder) = (target.toolchain.is_some(), target.path.is_some());
        let unknown =
            |id: &&ToolchainId| toolchain::find(id).is_none() && target.declaration.is_none();
        if let Some(id) = target.toolchain.as_ref().filter(unknown) {
            let message = format!("unknown toolchain `{}`", id.as_str());
            let help = hint(id.as_str(), toolchain::names());
            let declares = || format!("{help}; `{}` can declare it", toolchain_file(id.as_str()));
            let help = if help.starts_with("known") { declares() } else { help };
            self.wrong(&["target", name, "toolchain"], message, help);
        }
        if target.is_generated() && !language {
            let help = "toolchain = \"rust\"; for hand-written code generator = \"none\"";
            self.wrong(&["target", name], format!("`{name}` has no `toolchain`"), help);
        }
        let names_tests = !toolchain::of(target).keeps_paths();
        let of_people =
            folder || (names_tests && !target.tests.is_empty()) || !target.results.is_empty();
        if target.is_generated() && of_people {
            let message = "`path`, `tests` and `results` are only for hand-written code";
            self.wrong(&["target", name], message, "add generator = \"none\", or remove them");
        }
        if !target.is_generated() && !folder {
            let help = "path = \".\"";
            self.wrong(&["target", name], format!("`{name}` has no `path`"), help);
        }
        for (key, list) in [("tests", &target.tests), ("results", &target.results)] {
            for pattern in list {
                if let Err(error) = globset::Glob::new(pattern) {
                    let message = format!("invalid pattern: {error}");
                    self.wrong(&["target", name, key], message, "for example \"tests/**/*.py\"");
                }
            }
        }
    }

    fn trace(&mut self, harness: &Harness) {
        let TraceConfig { must, should, may } = harness.trace;
        for (key, value) in [("must", must), ("should", should), ("may", may)] {
            if value.is_some_and(|value| value > 100) {
                self.wrong(
                    &["trace", key],
                    format!("`{key}` is greater than 100"),
                    "it is a percentage",
                );
            }
        }
    }

    fn outputs(&mut self, harness: &Harness) {
        let mut units = BTreeSet::new();
        let mut leaves = BTreeSet::new();
        for (name, target) in harness.target.iter().filter(|(_, target)| target.is_generated()) {
            let path = ["target", name, "output"];
            let (unit, leaf) = (target.units(), target.leaf(name));
            let folders: Vec<_> = unit.split('/').collect();
            if folders.iter().filter(|f| **f == "{spec}").count() != 1 || folders.len() < 2 {
                let message = format!("`{}` has no segment {{spec}}", target.output);
                self.wrong(&path, message, "write <folder>/{spec}/{target}");
                continue;
            }
            if let Err(why) = RelPath::parse(&format!("{}/{leaf}", target.unit(&"s".into()))) {
                self.wrong(&path, format!("the output {why}"), "use a path below harness.toml");
            }
            let paths = &harness.harness;
            let taken = [".git", ".regen", &paths.specs, &paths.validators, &paths.cassettes];
            let taken = taken.into_iter().chain(paths.templates.as_deref());
            if let Some(folder) = taken.into_iter().find(|taken| *taken == folders[0]) {
                let help = "use a separate folder, for example generated/{spec}/{target}";
                self.wrong(&path, format!("`{folder}/` is used for other files"), help);
            }
            if !leaves.insert(leaf) {
                let help = "use different names: <folder>/{spec}/{target}";
                self.wrong(&path, "two targets have the same output", help);
            }
            if units.insert(unit) && units.len() > 1 {
                let message = "the targets of a spec have different folders";
                self.wrong(
                    &path,
                    message,
                    "all targets of a spec are switched at once; use one folder",
                );
            }
        }
    }

    fn allowed_lints(&mut self, harness: &Harness, gate: &str, allow: &[String]) {
        let is_lint = |lint: &String| {
            let word = |c: char| c.is_ascii_alphanumeric() || "_:-/".contains(c);
            !lint.is_empty() && lint.chars().all(word)
        };
        let path = ["gate", gate, "allow"];
        if !allow.is_empty() && !compiles(harness, gate) {
            self.wrong(
                &path,
                "`allow` is only for gates that compile",
                "write it below one of those",
            );
        } else if let Some(lint) = allow.iter().find(|lint| !is_lint(lint)) {
            let message = format!("`{lint}` is not the name of a lint");
            self.wrong(&path, message, "use the name that the gate's findings show");
        }
    }

    fn denied_notes(&mut self, gate: &str, deny: &[String]) {
        let path = ["gate", gate, "deny"];
        if !deny.is_empty() && gate != "clauses" {
            self.wrong(&path, "`deny` is only for the gate `clauses`", "write it below that one");
        } else if let Some(note) = deny.iter().find(|note| !NOTES.contains(&note.as_str())) {
            let message = format!("`{note}` is not the name of a note");
            self.wrong(&path, message, format!("there are: `{}`", NOTES.join("`, `")));
        }
    }

    fn gates(&mut self, harness: &Harness) {
        let built_in = built_in(harness);
        for (name, gate) in &harness.gate {
            let path = ["gate", name.as_str()];
            let runs = usize::from(gate.argv.is_some()) + usize::from(gate.validator.is_some());
            if !built_in.contains(name.as_str()) && runs != 1 {
                let message = format!("`[gate.{name}]` requires either `argv` or `validator`");
                let help = "set the program to run, or a folder of validators/";
                self.wrong(&path, message, help);
            }
            if built_in.contains(name.as_str()) && (runs > 0 || gate.advisory) {
                let message = format!(
                    "`{name}` is built in; only its time, env, `allow` and `deny` can be set"
                );
                self.wrong(&path, message, "use another name for a custom gate");
            }
            self.allowed_lints(harness, name, &gate.allow);
            self.denied_notes(name, &gate.deny);
            let repeats = ["test", "hidden"].contains(&name.as_str());
            if gate.runs.is_some_and(|runs| !repeats || !(1..=20).contains(&runs)) {
                let message = "`runs` must be from 1 to 20, for the gates `test` and `hidden`";
                self.wrong(&["gate", name, "runs"], message, "the default is 3");
            }
            if gate.argv.as_ref().is_some_and(Vec::is_empty) {
                let path = ["gate", name, "argv"];
                self.wrong(&path, "`argv` is empty", "set a program");
            }
            for variable in gate.env.iter().filter(|name| looks_secret(name)) {
                let message =
                    format!("`{variable}` looks like a secret, and candidates could read it");
                let help = "remove it; if the gate requires it, list it in `secrets`";
                self.wrong(&["gate", name, "env"], message, help);
            }
            let mut keys = toolchain::model_keys(harness);
            keys.extend(harness.attestation.key_env.clone());
            for variable in gate.env.iter().chain(&gate.secrets).filter(|name| keys.contains(name))
            {
                let message = format!(
                    "`{variable}` is the model's or the signing key, which gates must not see"
                );
                self.wrong(&path, message, "remove it");
            }
            self.limits(&["gate", name], &gate.limits);
            if gate.timeout_s == Some(0) {
                let path = ["gate", name, "timeout_s"];
                self.wrong(&path, "`timeout_s` is 0", "use at least one second");
            }
        }
    }

    fn limits(&mut self, at: &[&str], limits: &LimitsConfig) {
        for (key, value) in [
            ("cpu_s", limits.cpu_s),
            ("memory_mb", limits.memory_mb),
            ("processes", limits.processes),
            ("open_files", limits.open_files),
            ("file_mb", limits.file_mb),
            ("disk_mb", limits.disk_mb),
            ("inodes", limits.inodes),
            ("output_mb", limits.output_mb),
        ] {
            if value == Some(0) {
                let path = [at, &["limits", key]].concat();
                self.wrong(&path, format!("`{key}` is 0"), "use at least 1");
            }
        }
    }
}

fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"]
        .iter()
        .any(|word| name == *word || name.ends_with(&format!("_{word}")))
}

fn hint<'a>(wrong: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(wrong, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known names: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// The place of a key's value, or of the deepest existing table above it.
fn place(text: &str, path: &[&str]) -> Option<Span> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut span = None;
    for key in path {
        let Some((name, value)) = table.get_key_value(*key) else { break };
        span = Some(Span { start: name.span().start, end: value.span().end.max(name.span().end) });
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    span
}
