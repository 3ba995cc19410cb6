//! `regen init`: writes a minimal workspace.

use super::{Context, exit};
use crate::store::write_atomic;
use crate::workspace::CommandError;

const HARNESS: &str = r#"# Targets, generator and gates. Every key: docs/formats/harness.schema.json.
[harness]
default_targets = ["rust"]

[generator]
kind = "openai"                         # openai | cassette
base_url = "http://127.0.0.1:8080/v1"   # leave out for OpenAI itself
model = "some-model"
# api_key_env = "OPENAI_API_KEY"        # the NAME of a variable, never a key

[target.rust]
toolchain = "rust"
"#;

const SPEC: &str = r#"# Greeting

A library that greets people by name.

- `greet(name: &str) -> String` MUST return `Hello, <name>!`. `test_id: greets_by_name`

  ```rust
  assert_eq!(greeting::greet("Ada"), "Hello, Ada!");
  ```

- An empty name MUST be greeted as `Hello!`. `test_id: greets_nobody`

  ```rust hidden
  assert_eq!(greeting::greet(""), "Hello!");
  ```
"#;

/// Writes missing files; changes no existing one.
pub fn init(door: &Context) -> Result<u8, CommandError> {
    let here = std::env::current_dir()?;
    for (name, text) in [("harness.toml", HARNESS), ("specs/greeting.md", SPEC)] {
        let path = here.join(name);
        if path.exists() {
            door.say(&format!("{name} exists; not changed"));
        } else {
            write_atomic(&path, text.as_bytes())?;
            door.say(&format!("wrote {name}"));
        }
    }
    append(door, ".gitignore", "/.regen/")?;
    append(door, ".gitattributes", "generated/** -text")?;
    if door.global.json {
        door.json(&serde_json::json!({ "type": "init", "folder": here }));
    }
    door.say("next: set your server and model in harness.toml, then `regen --spec greeting`");
    Ok(exit::DONE)
}

fn append(door: &Context, name: &str, line: &str) -> Result<(), CommandError> {
    let path = std::env::current_dir()?.join(name);
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    if text.lines().any(|have| have.trim() == line) {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
    write_atomic(&path, text.as_bytes())?;
    door.say(&format!("added `{line}` to {name}"));
    Ok(())
}
