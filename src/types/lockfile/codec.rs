//! The format of `regen.lock`: canonical TOML, so that equal states give equal bytes.
//!
//! Each deploy reads it, with a line per promoted file. Canonical text is parsed line by line, ten
//! times as fast as general TOML; anything else goes to the TOML parser, which reports errors.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::{LOCK_VERSION, OLDEST_LOCK};
use crate::types::{
    Digest, GateInputsDigest, InputsDigest, Isolation, Origin, RelPath, Source, SpecId, Standing,
    TargetName, TargetStanding, read_toml,
};

const HEAD: &str =
    "# Written by regen. Commit it; do not edit it: `generated/` is checked against it.\n";

impl Standing {
    /// The version in a text, if it is on its own line.
    pub fn version_of(text: &str) -> Option<u32> {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("version = "));
        lines.find_map(|version| version.trim().parse().ok())
    }

    /// Parses a lockfile. Also gives whether it is in canonical form.
    ///
    /// # Errors
    /// The parser's message with the line, and a hint.
    pub fn parse(text: &str) -> Result<(Self, bool), String> {
        #[derive(Deserialize)]
        struct VersionField {
            version: u32,
        }
        if let Some(standing) = read(text).filter(|standing| standing.render() == text) {
            return Ok((standing, true));
        }
        if text.lines().any(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
            return Err("it contains merge conflict markers".to_owned());
        }
        match read_toml::<Self>(text) {
            Ok(standing) if standing.version == LOCK_VERSION => {
                // Git may change line ends.
                let is_ours = text.replace("\r\n", "\n") == standing.render();
                Ok((standing, is_ours))
            }
            Ok(standing) if (OLDEST_LOCK..LOCK_VERSION).contains(&standing.version) => {
                Ok((standing, false))
            }
            other => match read_toml::<VersionField>(text) {
                Ok(VersionField { version }) if version > LOCK_VERSION => Err(format!(
                    "it has version {version}; this regen supports {LOCK_VERSION}; update regen"
                )),
                Ok(VersionField { version }) if version < OLDEST_LOCK => Err(format!(
                    "it has version {version}; this regen reads {OLDEST_LOCK} and later; delete the file \
                                 and generated/, and run `regen run`"
                )),
                _ => Err(other.err().map(|error| error.to_string()).unwrap_or_default()),
            },
        }
    }

    /// Writes a lockfile.
    pub fn render(&self) -> String {
        let entries = self.spec.values().flat_map(|spec| spec.target.values());
        let lines: usize = entries.map(|entry| 30 + entry.files.len()).sum();
        let mut out = Text(String::with_capacity(100 * lines));
        let _ = writeln!(out.0, "{HEAD}version = {}", self.version);
        for (spec, standing) in &self.spec {
            for (target, entry) in &standing.target {
                let mut head = Text("spec.".to_owned());
                head.key(spec);
                head.0.push_str(".target.");
                head.key(target);
                out.entry(&head.0, entry);
            }
        }
        out.0
    }
}

/// A string or key without escapes.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

struct Text(String);

impl Text {
    fn quoted(&mut self, text: &str) {
        if is_plain(text) {
            self.0.extend(["\"", text, "\""]);
        } else {
            // TOML's basic strings have JSON's escapes and one more.
            let json = serde_json::Value::from(text).to_string();
            self.0.push_str(&json.replace('\u{7f}', "\\u007f"));
        }
    }

    fn key(&mut self, text: &str) {
        if is_bare(text) {
            self.0.push_str(text);
        } else {
            self.quoted(text);
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.0.push_str(" = ");
        self.quoted(value);
        self.0.push('\n');
    }

    fn digest(&mut self, name: &str, value: Digest) {
        self.key(name);
        self.0.push_str(" = \"");
        value.write(&mut self.0);
        self.0.push_str("\"\n");
    }

    fn number(&mut self, name: &str, value: u32) {
        let _ = writeln!(self.0, "{name} = {value}");
    }

    fn table<V>(
        &mut self,
        head: &str,
        name: &str,
        rows: &BTreeMap<String, V>,
        mut write: impl FnMut(&mut Self, &str, &V),
    ) {
        if !rows.is_empty() {
            let _ = writeln!(self.0, "\n[{head}.{name}]");
            rows.iter().for_each(|(row, value)| write(self, row, value));
        }
    }

    fn entry(&mut self, head: &str, entry: &TargetStanding) {
        let _ = writeln!(self.0, "\n[{head}]");
        self.text("path", entry.path.as_str());
        self.digest("tree", entry.tree);
        self.digest("spec", entry.spec);
        self.digest("context", entry.context);
        self.digest("config", entry.config);
        self.digest("inputs", entry.inputs.0);
        self.digest("gates", entry.gates.0);
        self.text("tools", &entry.tools);
        self.text("regen", &entry.regen);
        self.number("isolation", entry.isolation.0.into());
        if let Some(assurance) = &entry.assurance {
            self.text("assurance", &assurance.to_string());
        }
        if let Some(signer) = &entry.signer {
            self.text("signer", signer);
        }
        if let Some(held) = entry.held {
            self.digest("held", held.0);
        }
        if !entry.unproven.is_empty() {
            self.0.push_str("unproven = [");
            for (at, test) in entry.unproven.iter().enumerate() {
                self.0.push_str(if at == 0 { "" } else { ", " });
                self.quoted(test);
            }
            self.0.push_str("]\n");
        }
        let Origin { generator, model, source, recorded, prompt, attempts } = &entry.origin;
        let _ = writeln!(self.0, "\n[{head}.origin]");
        self.text("generator", generator);
        self.text("model", model);
        self.text("source", source.word());
        if let Some(recorded) = recorded {
            self.text("recorded", recorded);
        }
        self.digest("prompt", *prompt);
        self.number("attempts", *attempts);
        self.table(head, "clauses", &entry.clauses, |out, key, value| out.digest(key, *value));
        self.table(head, "outcomes", &entry.outcomes, |out, key, value| out.text(key, value));
        self.table(head, "samples", &entry.samples, |out, key, value| out.text(key, value));
        self.table(head, "judges", &entry.gate_inputs, |out, key, value| out.digest(key, *value));
        self.table(head, "uses", &entry.uses, |out, key, value| out.digest(key, *value));
        self.table(head, "files", &entry.files, |out, key, value| out.digest(key, *value));
    }
}

/// Parses text in the form that [`Standing::render`] writes; the caller compares the result. `None`
/// for most other text.
fn read(text: &str) -> Option<Standing> {
    let mut lines = text.strip_prefix(HEAD)?.lines();
    let version: u32 = lines.next()?.strip_prefix("version = ")?.parse().ok()?;
    if version != LOCK_VERSION {
        return None;
    }
    let mut standing = Standing::default();
    let (mut entry, mut table): (Option<&mut TargetStanding>, &str) = (None, "");
    for line in lines {
        if line.is_empty() {
            continue;
        }
        let Some(head) = line.strip_prefix("[spec.").and_then(|head| head.strip_suffix(']')) else {
            let (name, value) = pair(line)?;
            set(entry.as_deref_mut()?, table, name, value)?;
            continue;
        };
        // Quoted names are left to the general parser.
        let mut names = head.split('.');
        let (spec, of, target) = (names.next()?, names.next()?, names.next()?);
        if of != "target" || head.contains('"') {
            return None;
        }
        table = names.next().unwrap_or_default();
        let targets = &mut standing.spec.entry(SpecId::parse(spec)?).or_default().target;
        entry =
            Some(targets.entry(TargetName::parse(target)?).or_insert_with(TargetStanding::nothing));
    }
    Some(standing)
}

/// Key and value of a line, without the quotes of the key.
fn pair(line: &str) -> Option<(&str, &str)> {
    match line.strip_prefix('"') {
        Some(rest) => {
            let (key, value) = rest.split_once('"')?;
            Some((key, value.strip_prefix(" = ")?))
        }
        None => {
            let (key, value) = line.split_once(' ')?;
            Some((key, value.strip_prefix("= ")?))
        }
    }
}

fn set(entry: &mut TargetStanding, table: &str, name: &str, value: &str) -> Option<()> {
    let quoted = || value.strip_prefix('"')?.strip_suffix('"');
    let text = || quoted().filter(|text| is_plain(text));
    let digest = || Digest::parse(quoted()?);
    let insert = |rows: &mut BTreeMap<String, Digest>, digest| {
        rows.insert(name.to_owned(), digest);
    };
    match (table, name) {
        ("uses", _) => insert(&mut entry.uses, digest()?),
        ("files", _) => insert(&mut entry.files, digest()?),
        ("judges", _) => insert(&mut entry.gate_inputs, digest()?),
        ("clauses", _) => insert(&mut entry.clauses, digest()?),
        ("outcomes", _) => drop(entry.outcomes.insert(name.to_owned(), text()?.to_owned())),
        ("samples", _) => drop(entry.samples.insert(name.to_owned(), text()?.to_owned())),
        ("", "path") => entry.path = RelPath::parse(text()?).ok()?,
        ("", "tree") => entry.tree = digest()?,
        ("", "spec") => entry.spec = digest()?,
        ("", "context") => entry.context = digest()?,
        ("", "config") => entry.config = digest()?,
        ("", "inputs") => entry.inputs = InputsDigest(digest()?),
        ("", "gates") => entry.gates = GateInputsDigest(digest()?),
        ("", "tools") => entry.tools = text()?.to_owned(),
        ("", "regen") => entry.regen = text()?.to_owned(),
        ("", "isolation") => entry.isolation = Isolation(value.parse().ok()?),
        ("", "assurance") => entry.assurance = Some(text()?.to_owned().try_into().ok()?),
        ("", "signer") => entry.signer = Some(text()?.to_owned()),
        ("", "held") => entry.held = Some(InputsDigest(digest()?)),
        ("", "unproven") => {
            let list = value.strip_prefix("[\"")?.strip_suffix("\"]")?;
            entry.unproven = list.split("\", \"").map(str::to_owned).collect();
        }
        ("origin", "generator") => entry.origin.generator = text()?.to_owned(),
        ("origin", "model") => entry.origin.model = text()?.to_owned(),
        ("origin", "source") => {
            let mut all = [Source::Replay, Source::Harness].into_iter();
            let word = text()?;
            entry.origin.source = all.find(|one| one.word() == word).unwrap_or_default();
        }
        ("origin", "recorded") => entry.origin.recorded = Some(text()?.to_owned()),
        ("origin", "prompt") => entry.origin.prompt = digest()?,
        ("origin", "attempts") => entry.origin.attempts = value.parse().ok()?,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::types::{Digest, InputsDigest, RelPath, SpecStanding, Standing, TargetStanding};

    /// An entry with something in every field.
    fn entry(name: &str) -> TargetStanding {
        let rows = |n: &str| {
            BTreeMap::from([(n.to_owned(), Digest::of(n)), ("b".to_owned(), Digest::of("b"))])
        };
        let mut entry = TargetStanding {
            path: RelPath::parse("generated/s").unwrap(),
            tools: name.to_owned(),
            assurance: Some("sealed, effects: fs".to_owned().try_into().unwrap()),
            signer: Some("ssh-ed25519 AAAA".to_owned()),
            held: Some(InputsDigest(Digest::of("h"))),
            unproven: vec!["a::b".to_owned(), name.to_owned()],
            clauses: rows(name),
            outcomes: BTreeMap::from([(name.to_owned(), "pass".to_owned())]),
            samples: BTreeMap::from([(name.to_owned(), "59 of 60, m".to_owned())]),
            gate_inputs: rows("validators/x y"),
            files: rows(&format!("src/{name}.rs")),
            ..TargetStanding::nothing()
        };
        entry.origin.recorded = Some("2026-01-01".to_owned());
        entry
    }

    #[test]
    fn both_parsers_read_any_written_lockfile() {
        for name in [
            "plain",
            "a b",
            "q\"uote",
            "back\\slash",
            "tab\t",
            "é",
            "a, \"b",
            "a\", \"b",
            "new\nline",
        ] {
            let target = BTreeMap::from([("rust".into(), entry(name))]);
            let spec = BTreeMap::from([("s".into(), SpecStanding { target })]);
            let standing = Standing { spec, ..Standing::default() };
            let text = standing.render();
            assert_eq!(Standing::parse(&text), Ok((standing.clone(), true)), "{text}");
            assert_eq!(toml::from_str::<Standing>(&text).as_ref(), Ok(&standing), "{text}");
        }
    }

    #[test]
    fn non_canonical_lockfiles_are_read_and_detected() {
        let target = BTreeMap::from([("rust".into(), entry("x"))]);
        let spec = BTreeMap::from([("s".into(), SpecStanding { target })]);
        let standing = Standing { spec, ..Standing::default() };
        let text = standing.render();
        let other = |from: &str, to: &str| Standing::parse(&text.replacen(from, to, 1));
        assert_eq!(other("isolation = 0", "isolation  =  0"), Ok((standing.clone(), false)));
        assert_eq!(other("# Written", "# written"), Ok((standing.clone(), false)));
        assert_eq!(Standing::parse(&text.replace('\n', "\r\n")), Ok((standing.clone(), true)));
        assert!(other("isolation = 0", "isolation = 0\nunknown = 1").is_err());
        assert!(other("isolation = 0\n", "").is_err(), "what is missing is not made up");
        assert!(other("version = 3", "version = 4").unwrap_err().contains("update regen"));
        assert!(other("version = 3", "version = 1").unwrap_err().contains("regen run"));
        let older = Standing { version: 2, ..standing };
        assert_eq!(other("version = 3", "version = 2"), Ok((older, false)));
        assert!(other("[spec", "<<<<<<< ours\n[spec").unwrap_err().contains("conflict"));
    }
}
