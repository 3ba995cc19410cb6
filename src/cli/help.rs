//! The help of regen itself, in groups; the manual pages.

use std::fmt::Write as _;

use clap::CommandFactory;

use super::Context;
use super::command::Cli;
use super::exit;
use crate::store::write_atomic;
use crate::workspace::CommandError;

/// The commands, by what they are for.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Generate", &["init", "run", "plan", "watch"]),
    ("Control the daemon", &["trigger", "cancel", "retry", "pause", "resume"]),
    ("Other machines", &["worker", "workers"]),
    ("Specs", &["lint", "diff", "trace"]),
    ("Deploy", &["check", "verify", "rollback", "remove", "rename", "exec"]),
    ("Inspect", &["status", "why", "log", "show", "export", "samples", "grade", "cassette", "gc"]),
    ("Set up", &["doctor", "toolchain", "migrate", "schema", "man", "completions", "help"]),
];

/// The command line, with its commands in groups.
pub(super) fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    let styles = command.get_styles().clone();
    let (head, name) = (styles.get_header(), styles.get_literal());
    let mut text = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "{head}{group}:{head:#}");
        for one in names.iter().filter_map(|one| command.find_subcommand(one)) {
            let about = one.get_about().map(|about| about.to_string()).unwrap_or_default();
            let first = about.split(". ").next().unwrap_or_default();
            let _ = writeln!(text, "  {name}{:<12}{name:#} {first}", one.get_name());
        }
        text.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{text}{head}Options:{head:#}\n{{options}}\n{{after-help}}"
    );
    Cli::command().help_template(template)
}

/// Prints the manual page, or writes a page per command into a folder.
pub(super) fn man(door: &Context, folder: Option<&std::path::Path>) -> Result<u8, CommandError> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = folder else {
        let page = page(command)?;
        door.print(&String::from_utf8_lossy(&page));
        return Ok(exit::DONE);
    };
    let mut pages = vec![command];
    while let Some(command) = pages.pop() {
        let name = command.get_display_name().unwrap_or("regen").to_owned();
        pages.extend(command.get_subcommands().cloned());
        let path = folder.join(format!("{name}.1"));
        write_atomic(&path, &page(command)?)?;
        door.say(&format!("wrote {}", path.display()));
    }
    Ok(exit::DONE)
}

fn page(command: clap::Command) -> Result<Vec<u8>, CommandError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
