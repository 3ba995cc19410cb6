//! The code that switches mutations on, under a name that no candidate can know: it is made from
//! the digest of all its files.

use crate::types::Digest;

/// Everything that mutated code uses, so that no item of the candidate hides it. A macro's output
/// in another crate uses it too, so it is public.
const CODE: &str = r#"
pub mod NAME {
    pub extern crate core;
    pub extern crate std;
    use self::std::{option::Option, result::Result, string::String, sync::OnceLock};
    fn chosen() -> &'static str {
        static CHOSEN: OnceLock<Result<String, self::std::env::VarError>> = OnceLock::new();
        CHOSEN.get_or_init(|| self::std::env::var("NAME")).as_deref().unwrap_or_default()
    }
    fn number() -> u32 {
        static NUMBER: OnceLock<Option<u32>> = OnceLock::new();
        NUMBER.get_or_init(|| chosen().parse().ok()).unwrap_or(0)
    }
    pub fn body(first: u32, values: u32) -> u32 {
        match (chosen(), number()) {
            ("ends", _) => self::std::process::exit(86),
            ("panics", _) => 0,
            ("defaults", _) if values > 0 => 1,
            (_, number) if (first..first + values).contains(&number) => number - first + 1,
            _ => u32::MAX,
        }
    }
    pub fn on(mutant: u32) -> bool {
        number() == mutant
    }
    pub fn stop() -> ! {
        self::std::panic!("not implemented")
    }
}
"#;

/// The name of the module and of the variable.
#[derive(Clone, Debug)]
pub struct Switch {
    pub name: String,
}

impl Switch {
    /// The switch of a candidate, named by a digest of all its files.
    pub fn of(seed: Digest) -> Self {
        let digest = seed.to_string();
        Self { name: format!("regen_{}", &digest[..16.min(digest.len())]) }
    }

    /// The code for a crate's root.
    pub fn code(&self) -> String {
        CODE.replace("NAME", &self.name)
    }

    /// A value whose paths begin in the switch's module.
    pub fn own(&self, value: &str) -> String {
        let own = |root: &str| format!("{}{root}::", self.path("crate"));
        value.replace("::core::", &own("core")).replace("::std::", &own("std"))
    }

    /// The condition that a mutation is switched on.
    pub fn on(&self, number: usize) -> String {
        format!("{}on({number})", self.path("crate"))
    }

    fn path(&self, root: &str) -> String {
        format!("{root}::{}::", self.name)
    }

    /// A statement for the start of a function's body: it panics, or returns one of `arms`. In a
    /// macro's definition the crate is `$crate`.
    pub fn stub(&self, root: &str, first: usize, count: usize, arms: &str) -> String {
        let at = self.path(root);
        format!(" match {at}body({first}, {count}) {{ 0 => {at}stop(), {arms}_ => {{}} }} ")
    }
}
