//! Effects: what code can do besides computing a result from its arguments. None is allowed unless
//! a spec or a target grants it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One effect. What it opens in a language is the language's.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CodeEffect {
    /// Files and folders.
    Fs,
    /// The network, and sockets of this machine.
    Net,
    /// Environment variables, arguments, the current folder, the program's path.
    Env,
    /// Other processes, ending this one, panic hooks.
    Process,
    /// The time, waiting with a limit.
    Clock,
    /// Threads: starting them, and their identity.
    Thread,
    /// Standard input.
    Stdin,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Values that outlive a call and can change.
    State,
    /// Code that the compiler does not check for memory safety.
    Unsafe,
}

impl CodeEffect {
    /// All effects, in order.
    pub const ALL: [Self; 11] = [
        Self::Fs,
        Self::Net,
        Self::Env,
        Self::Process,
        Self::Clock,
        Self::Thread,
        Self::Stdin,
        Self::Stdout,
        Self::Stderr,
        Self::State,
        Self::Unsafe,
    ];

    /// Those that every program has.
    pub const STREAMS: [Self; 3] = [Self::Stdin, Self::Stdout, Self::Stderr];

    /// Its name in specs and configurations.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fs => "fs",
            Self::Net => "net",
            Self::Env => "env",
            Self::Process => "process",
            Self::Clock => "clock",
            Self::Thread => "thread",
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::State => "state",
            Self::Unsafe => "unsafe",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// There is no such effect: a sentence on the problem, and a hint with the nearest name.
    pub fn read(word: &str) -> Result<Self, (String, String)> {
        let known = Self::ALL.into_iter().find(|effect| effect.word() == word);
        known.ok_or_else(|| {
            let likeness = |effect: &Self| strsim::jaro_winkler(word, effect.word());
            let near = Self::ALL.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            let near = near.filter(|near| likeness(near) > 0.7);
            let near = near.map_or(String::new(), |n| format!("did you mean `{}`? ", n.word()));
            let message = format!("unknown effect `{}`", word.escape_debug());
            (message, format!("{near}effects: {}", Self::list(Self::ALL)))
        })
    }

    /// The names of some effects, separated by commas.
    pub fn list(effects: impl IntoIterator<Item = Self>) -> String {
        effects.into_iter().map(Self::word).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::CodeEffect;

    #[test]
    fn names_are_read_and_wrong_ones_get_the_nearest() {
        for effect in CodeEffect::ALL {
            assert_eq!(CodeEffect::read(effect.word()), Ok(effect));
        }
        for (wrong, near) in
            [("stdot", "stdout"), ("envs", "env"), ("FS", ""), ("proces", "process")]
        {
            let (message, hint) = CodeEffect::read(wrong).expect_err(wrong);
            assert!(
                message.contains(wrong) && hint.contains("stderr, state, unsafe"),
                "{message} {hint}"
            );
            assert!(near.is_empty() || hint.contains(&format!("did you mean `{near}`")), "{hint}");
        }
    }
}
