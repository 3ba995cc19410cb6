//! Names of specs, targets and gates, as three distinct types.
//!
//! Names are parts of paths. They are checked when read from a file, so a path made of names stays
//! in its folder. A spec's id can have folders, so paths have [`SpecId::package`] instead.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::limits;

/// Whether a text is a valid name: lower-case letters, digits, `-` and `_`, a letter first, at most
/// [`limits::NAME_BYTES`] bytes.
pub fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= limits::NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(inside)
}

/// Whether a text is the id of a spec: names with `/` between them.
fn is_id(text: &str) -> bool {
    text.len() <= limits::NAME_BYTES && text.split('/').all(is_name)
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $is:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// A text as a name, if valid.
            pub fn parse(text: &str) -> Option<Self> {
                $is(text).then(|| Self(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                if $is(&text) {
                    return Ok(Self(text));
                }
                let rule = "lower-case letters, digits, `-` and `_`, a letter first, at most 64";
                Err(format!("invalid name `{}` of a {}: {rule}", text.escape_debug(), $what))
            }
        }

        /// A name in the program's own text; panics if invalid.
        impl From<&'static str> for $name {
            fn from(text: &'static str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<String> for $name {
            fn borrow(&self) -> &String {
                &self.0
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                self.0 == *other
            }
        }

        impl PartialEq<$name> for String {
            fn eq(&self, other: &$name) -> bool {
                *self == other.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl PartialEq<$name> for str {
            fn eq(&self, other: &$name) -> bool {
                self == other.0
            }
        }

        impl PartialEq<$name> for &str {
            fn eq(&self, other: &$name) -> bool {
                *self == other.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                String::schema_name()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }
        }
    )*};
}

names! {
    /// The name of a spec: `id:` in its front matter, or its file's path in the folder of specs.
    SpecId: "spec", is_id;
    /// The name of a target: `[target.NAME]`.
    TargetName: "target", is_name;
    /// The name of a gate: one of a language's, or `[gate.NAME]`.
    GateName: "gate", is_name;
}

impl SpecId {
    /// The name of its crate or package, and of its folders: with `-` between what were folders.
    pub fn package(&self) -> String {
        self.0.replace('/', "-")
    }

    /// The same as a word of code.
    pub fn word(&self) -> String {
        self.0.replace(['-', '/'], "_")
    }
}

impl AsRef<Path> for TargetName {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::{SpecId, TargetName, is_name};

    #[test]
    fn a_name_cannot_leave_the_folder_it_is_joined_to() {
        for text in ["roman", "a", "a-b_c9"] {
            assert!(is_name(text), "{text}");
            assert_eq!(serde_json::from_value::<SpecId>(text.into()).unwrap(), text);
        }
        let long = "x".repeat(65);
        let bad =
            ["", ".", "..", "../victim", "a/b", "/a", "A", "9a", "-a", "a\0", "a.b", "é", &long];
        for text in bad {
            assert!(serde_json::from_value::<TargetName>(text.into()).is_err(), "{text:?}");
            let is_in_folder = text == "a/b";
            assert_eq!(SpecId::parse(text).is_some(), is_in_folder, "{text:?}");
        }
        for text in ["a/", "/a", "a//b", "a/../b", "a/.b", "a/B", "a/9"] {
            assert_eq!(SpecId::parse(text), None, "{text:?}");
        }
        let id = SpecId::from("shop/net-tax");
        assert_eq!((&*id.package(), &*id.word()), ("shop-net-tax", "shop_net_tax"));
    }
}
