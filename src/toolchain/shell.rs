//! Commands as text for a shell.

use super::commands::ToolCommand;

/// A command as words of the shell.
pub fn line(command: &ToolCommand) -> String {
    let env = command.env.iter().map(|(name, value)| quoted(&format!("{name}={value}")));
    let env: Vec<String> = env.collect();
    let env = (!env.is_empty()).then(|| "env".to_owned()).into_iter().chain(env);
    let program = command.program.display().to_string();
    let words = [program].into_iter().chain(command.args.iter().cloned());
    env.chain(words.map(|word| quoted(&word))).collect::<Vec<_>>().join(" ")
}

/// A word of the shell.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Lines that set variables.
pub fn exports(variables: impl IntoIterator<Item = (String, String)>) -> String {
    let lines = variables.into_iter();
    lines.map(|(name, value)| format!("export {name}={}\n", quoted(&value))).collect()
}
