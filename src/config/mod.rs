//! Parses `harness.toml` into [`Harness`], or into problems with line and help.

mod check;
mod nearest;
mod toolchains;

use std::path::PathBuf;

pub use check::wrong_server;
pub use nearest::nearest;
pub use toolchains::{DeclaredText, TOOLCHAINS, is_toolchain_name, toolchain_file};

use crate::toolchain;
use crate::types::{Harness, Isolation, Policy, Problem, limits, read_toml};

/// Parses a configuration.
///
/// # Errors
/// All problems, each with its place in `text`. A wrong type or an unknown key stops parsing;
/// semantic problems are reported all at once.
pub fn parse(file: &str, text: &str) -> Result<Harness, Vec<Problem>> {
    parse_with(file, text, &|_| None)
}

/// The same, with the toolchains that the workspace declares: `declared` gives the text of
/// `toolchains/NAME.toml`, or why it cannot be read.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    file: &str,
    text: &str,
    declared: &DeclaredText<'_>,
) -> Result<Harness, Vec<Problem>> {
    if text.len() > limits::CONFIG_BYTES {
        let problem = Problem::error("config::too_large", "the file is larger than 1 MiB");
        return Err(vec![problem.file(file)]);
    }
    let mut harness: Harness = read_toml(text).map_err(|e| vec![unreadable(file, text, &e)])?;
    toolchains::declare(&mut harness, declared).map_err(|problems| in_file(file, problems))?;
    let problems = check::check(&harness, text);
    if problems.is_empty() { Ok(harness) } else { Err(in_file(file, problems)) }
}

/// Problems without a file are in this one.
fn in_file(file: &str, problems: Vec<Problem>) -> Vec<Problem> {
    let named = |one: Problem| if one.file.is_empty() { one.file(file) } else { one };
    problems.into_iter().map(named).collect()
}

/// Parses a configuration and checks where its paths lead. `real` gives an absolute path without
/// symbolic links.
///
/// # Errors
/// As [`parse`].
pub fn parse_resolved(
    file: &str,
    text: &str,
    real: &dyn Fn(&str) -> PathBuf,
    declared: &DeclaredText<'_>,
) -> Result<Harness, Vec<Problem>> {
    let harness = parse_with(file, text, declared)?;
    let problems = check::check_resolved(&harness, text, real);
    if problems.is_empty() { Ok(harness) } else { Err(in_file(file, problems)) }
}

/// Parses a policy.
///
/// # Errors
/// All problems.
pub fn policy(file: &str, text: &str) -> Result<Policy, Vec<Problem>> {
    let policy: Policy = read_toml(text).map_err(|error| vec![unreadable(file, text, &error)])?;
    let wrong = |message: String| Problem::error("config::wrong_value", message).file(file);
    let mut problems = Vec::new();
    for pattern in &policy.models {
        problems.extend(globset::Glob::new(pattern).err().map(|why| wrong(why.to_string())));
    }
    if policy.min_isolation.is_some_and(|level| level > Isolation::CGROUP) {
        problems.push(wrong("isolation levels are 0 to 3".to_owned()));
    }
    if problems.is_empty() { Ok(policy) } else { Err(problems) }
}

/// The JSON schema of a policy, as committed under `docs/formats/`.
pub fn policy_schema() -> String {
    let schema = schemars::schema_for!(Policy);
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
}

/// The JSON schema of `harness.toml`, as committed under `docs/formats/`.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Harness).to_value();
    let target = &mut schema["$defs"]["Target"];
    for option in toolchain::all().iter().flat_map(|language| language.options()) {
        // Languages may share a key; the first one describes it.
        let known = &mut target["properties"][option.name];
        if known.is_null() {
            *known = option.schema;
        }
    }
    target["additionalProperties"] = serde_json::Value::Bool(false);
    let names: Vec<_> = toolchain::names().collect();
    schema["$defs"]["ToolchainId"]["examples"] = names.into();
    let schema = schemars::Schema::try_from(schema).expect("the schema stays valid");
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
}

fn unreadable(file: &str, text: &str, error: &toml::de::Error) -> Problem {
    let message = error.message().trim().to_owned();
    let mut problem = Problem::error("config::unreadable", message.clone()).file(file);
    if let Some(span) = error.span() {
        problem = problem.at(text, span);
    }
    match suggestion(&message) {
        Some(name) => problem.help(format!("did you mean `{name}`?")),
        None => problem,
    }
}

/// The nearest of the names that serde lists after an unknown one.
fn suggestion(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next().filter(|_| message.contains("unknown"))?;
    nearest(wrong, quoted).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// The first problem of a text: line, message, help.
    fn first(text: &str) -> (usize, String, String) {
        let problem = parse("harness.toml", text).unwrap_err().remove(0);
        (problem.line, problem.message, problem.help.unwrap_or_default())
    }

    const HEAD: &str = "[generator]\nmodel = \"m\"\n[target.rust]\ntoolchain = \"rust\"\n";

    #[test]
    fn the_smallest_file_has_defaults() {
        let harness = parse("harness.toml", HEAD).expect("is complete");
        assert_eq!(harness.harness.specs, "specs");
        assert_eq!(harness.target["rust"].unit(&"roman".into()), "generated/roman");
        assert_eq!(harness.target["rust"].leaf("rust"), "rust");
    }

    #[test]
    fn an_unknown_key_points_at_its_line_and_names_the_nearest() {
        let (line, message, help) = first(&format!("{HEAD}[budget]\nrun_token = 3\n"));
        assert_eq!(line, 6);
        assert!(message.contains("run_token"), "{message}");
        assert_eq!(help, "did you mean `run_tokens`?");
    }

    #[test]
    fn wrong_values_point_at_their_line() {
        for (tail, line, says) in [
            ("gates = [\"chek\"]", 5, "check"),
            ("output = \"out/{target}\"", 5, "{spec}"),
            ("output = \"../x/{spec}/{target}\"", 5, "`..`"),
            ("allowed_files = [\"src/[\"]", 5, "pattern"),
            ("[gate.extra]\nargv = []", 6, "empty"),
            ("[gate.check]\nallow = [\"two words\"]", 6, "not the name of a lint"),
            ("[gate.extra]\ntimeout_s = 3", 5, "argv"),
            ("[gate.test]\nenv = [\"MY_TOKEN\"]", 6, "list it in `secrets`"),
            (
                "[gate.test]\nsecrets = [\"K\"]\n[[generator.tiers]]\nmodel = \"m\"\napi_key_env = \"K\"",
                5,
                "gates must not see",
            ),
            ("[harness]\ndefault_targets = [\"rusty\"]", 6, "rust"),
        ] {
            let (got, message, help) = first(&format!("{HEAD}{tail}\n"));
            assert_eq!(got, line, "{tail}: {message}");
            assert!(format!("{message} {help}").contains(says), "{tail}: {message} {help}");
        }
    }

    #[test]
    fn wrong_values_of_workers_are_named() {
        let head = format!("{HEAD}[target.old]\ngenerator = \"none\"\npath = \".\"\n[workers]\n");
        let good = "server = \"tls://nats.example.org:4222\"\npools = { rust = \"linux-x64\" }\n";
        parse("harness.toml", &format!("{head}{good}monitor = \"http://h:8222\""))
            .expect("is right");
        for (server, says) in [
            ("http://h", "is not `nats://"),
            ("nats://", "is not `nats://"),
            ("nats:h", "is not `nats://"),
            ("h:4222", "is not `nats://"),
            ("", "is not a URL"),
            ("nats://me:secret@h", "credentials"),
            ("tls://me@h", "credentials"),
        ] {
            let text = good.replace("tls://nats.example.org:4222", server);
            let (line, message, help) = first(&format!("{head}{text}"));
            assert_eq!(line, 9, "{server}: {message}");
            assert!(message.contains(says), "{server}: {message}");
            assert!(!format!("{message}{help}").contains("secret"), "{message}");
        }
        let long = format!("rust = \"{}\"", "a".repeat(65));
        for (pools, says) in [
            ("rst = \"a\"", "did you mean `rust`?"),
            ("old = \"a\"", "no generated target `old`"),
            ("rust = \"\"", "1 to 64"),
            ("rust = \"a.b\"", "1 to 64"),
            (long.as_str(), "1 to 64"),
        ] {
            let text = good.replace("rust = \"linux-x64\"", pools);
            let (line, message, help) = first(&format!("{head}{text}"));
            assert_eq!(line, 10, "{pools}: {message}");
            assert!(format!("{message} {help}").contains(says), "{pools}: {message} {help}");
        }
        for (pools, says) in [
            ("", "nothing is given to workers"),
            ("ask = \"a.b\"", "`a.b` is not the name of a pool"),
        ] {
            let text = good.replace("pools = { rust = \"linux-x64\" }", pools);
            let (_, message, _) = first(&format!("{head}{text}"));
            assert!(message.contains(says), "{pools}: {message}");
        }
        let agent =
            head.replace("model = \"m\"", "kind = \"command\"\nagent = \"codex\"\nmodel = \"m\"");
        let (_, message, _) = first(&format!("{agent}{good}ask = \"models\""));
        assert_eq!(message, "agents work on this machine");
        for (key, says) in [
            ("alone_after_s = 86401", "0 to 86400"),
            ("lease_s = 3", "4 to 3600"),
            ("lease_s = 3601", "4 to 3600"),
            ("min_isolation = 4", "not an isolation level"),
            ("monitor = \"h:8222\"", "not a valid URL"),
        ] {
            let (line, message, _) = first(&format!("{head}{good}{key}\n"));
            assert_eq!(line, 11, "{key}: {message}");
            assert!(message.contains(says), "{key}: {message}");
        }
    }

    #[test]
    fn wrong_keys_and_types_of_the_generator_are_named() {
        for (table, line, says) in [
            ("[generator]\nmodel = \"m\"\nbase_ulr = \"x\"", 3, "did you mean `base_url`?"),
            ("[generator]\nkind = \"opnai\"\nmodel = \"m\"", 2, "did you mean `openai`?"),
            ("[generator]\nmodel = \"m\"\nmax_tries = \"3\"", 3, "expected u32"),
            ("generator = 3", 1, "integer `3`, expected struct GeneratorConfig"),
            ("[generator]\nmodel = \"m\"\n[[generator.tiers]]\nmodle = \"x\"", 4, "`model`"),
        ] {
            let (got, message, help) = first(&format!("{table}\n"));
            assert_eq!(got, line, "{table}: {message}");
            assert!(format!("{message} {help}").contains(says), "{table}: {message} {help}");
        }
    }

    #[test]
    fn only_generated_targets_need_a_generator() {
        let written = "[target.code]\ngenerator = \"none\"\npath = \".\"\n";
        for text in ["", written] {
            assert_eq!(parse("harness.toml", text).expect("is right").generator, None);
        }
        let (_, message, _) = first("[target.rust]\ntoolchain = \"rust\"\n");
        assert_eq!(message, "`[generator]` has no model");
        let (_, message, _) = first(&format!("{written}[generator]\nreply = \"json\"\n"));
        assert_eq!(message, "`[generator]` has no model");
    }

    #[test]
    fn a_generator_is_written_as_it_was_read() {
        let text = format!(
            "[generator]\nkind = \"cassette\"\nmodel = \"m\"\nbase_url = \"http://x/v1\"\napi_key_env = \"K\"\n\
             api = \"messages\"\ncassettes = \"auto\"\nreply = \"json\"\ntemperature = 0.3\nmax_output_tokens = 1\n\
             reasoning_effort = \"low\"\ncached_input_price = 0.5\ncache_write_price = 0.6\n\
             context_tokens = 2\nmax_tries = 3\nretry_base_ms = 4\nfirst_token_timeout_ms = 5\n\
             idle_timeout_ms = 6\ndeadline_ms = 7\nrequests_per_minute = 8\nrequests = 9\n\
             input_price = 1.5\noutput_price = 2.5\n[[generator.tiers]]\nmodel = \"n\"\ninput_price = 3.5\n{}",
            "[target.rust]\ntoolchain = \"rust\"\n"
        );
        let harness = parse("harness.toml", &text).expect("is right");
        let written = toml::to_string(&harness).expect("can be written");
        assert_eq!(parse("harness.toml", &written).expect("is right"), harness);
        let generator = harness.generator.expect("is there");
        let stronger = generator.tier(1);
        let prices = stronger.prices;
        assert_eq!(
            (prices.input, prices.output, prices.cached_input),
            (Some(3.5), Some(2.5), None)
        );
        assert_eq!(stronger.settings.model(), "n");
        assert_eq!(stronger.settings.api_key_env(), Some("K"));
        assert_eq!(stronger.settings.prompt_tokens(), Some(1));
    }

    #[test]
    fn a_key_in_the_place_of_its_variables_name_is_not_repeated() {
        let text = HEAD.replace("\"m\"\n", "\"m\"\napi_key_env = \"sk-abc123\"\n");
        let (line, message, help) = first(&text);
        assert_eq!(line, 3);
        assert!(!format!("{message}{help}").contains("abc123"));
    }
}
