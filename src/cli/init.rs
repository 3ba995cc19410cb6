//! `regen init`: writes a minimal workspace.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Context, exit};
use crate::store::write_atomic;
use crate::workspace::CommandError;

/// Text below the help.
pub const HELP: &str = "Examples:\n  regen init\n  regen init my-project --provider ollama\n\n\
    Without --provider it asks on a terminal, and takes llama.cpp elsewhere.";

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of the workspace, created if missing. Default: the current folder.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// The server of the model, for harness.toml.
    #[arg(long, value_enum, value_name = "NAME")]
    provider: Option<Provider>,
}

/// Servers that harness.toml can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Provider {
    /// OpenAI's API.
    Openai,
    /// OpenRouter, or another compatible server with a key.
    Openrouter,
    /// Ollama on this machine.
    Ollama,
    /// llama.cpp's server on this machine.
    Llamacpp,
}

impl Provider {
    /// The name for a person.
    fn title(self) -> &'static str {
        match self {
            Self::Openai => "OpenAI",
            Self::Openrouter => "OpenRouter, or another compatible server",
            Self::Ollama => "Ollama on this machine",
            Self::Llamacpp => "llama.cpp on this machine",
        }
    }

    /// Its keys of `[generator]`.
    fn keys(self) -> &'static str {
        match self {
            Self::Openai => {
                "model = \"gpt-5.1-codex\"\n\
                 api_key_env = \"OPENAI_API_KEY\"          # the NAME of a variable, never a key\n"
            }
            Self::Openrouter => {
                "base_url = \"https://openrouter.ai/api/v1\"\nmodel = \"qwen/qwen3-coder\"\n\
                 api_key_env = \"OPENROUTER_API_KEY\"      # the NAME of a variable, never a key\n"
            }
            Self::Ollama => {
                "base_url = \"http://127.0.0.1:11434/v1\"\nmodel = \"qwen2.5-coder:7b\"\n"
            }
            Self::Llamacpp => {
                "base_url = \"http://127.0.0.1:8080/v1\"   # llama-server -m MODEL.gguf --port 8080\n\
                 model = \"local\"\n"
            }
        }
    }
}

const SCHEMA: &str = ".harness.schema.json";

const SPEC: &str = r#"# Greeting

A library that greets people by name.

```wit
/// The greeting of a person.
greet: func(name: string) -> string;
```

- `greet` MUST return `Hello, <name>!`. `test_id: greets_by_name`

  ```wave
  greet("Ada") = "Hello, Ada!"
  ```

  ```property
  name: string
  name == "" || greet(name) == "Hello, " + name + "!"
  ```

- An empty name MUST be greeted as `Hello!`. `test_id: greets_no_one`

  ```wave hidden
  greet("") = "Hello!"
  ```
"#;

fn harness(provider: Provider) -> String {
    let keys = provider.keys();
    format!(
        "#:schema ./{SCHEMA}\n# Targets, generator and gates. `regen schema` describes every key.\n\
         [harness]\ndefault_targets = [\"rust\"]\n\n[generator]\n{keys}\n[target.rust]\ntoolchain = \"rust\"\n"
    )
}

/// Writes a workspace; changes no existing spec.
pub async fn init(door: &Context, args: &InitArgs) -> Result<u8, CommandError> {
    let given = args.path.clone().unwrap_or_else(|| PathBuf::from("."));
    let folder = std::path::absolute(&given)?;
    let folder: PathBuf = folder.components().collect();
    refuse_inside(&folder)?;
    let provider = match args.provider {
        Some(provider) => provider,
        None => ask(door).await,
    };
    let label = |name: &str| match &args.path {
        Some(path) => path.join(name).display().to_string(),
        None => name.to_owned(),
    };
    let files = [
        ("harness.toml", harness(provider)),
        (SCHEMA, crate::config::schema()),
        ("specs/greeting.md", SPEC.to_owned()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        if path.exists() {
            door.say(&format!("{} exists; not changed", label(name)));
        } else {
            write(&path, &text)?;
            door.say(&format!("wrote {}", label(name)));
        }
    }
    for (name, line) in [(".gitignore", "/.regen/"), (".gitattributes", "generated/** -text")] {
        if append(&folder.join(name), line)? {
            door.say(&format!("added `{line}` to {}", label(name)));
        }
    }
    if door.global.json {
        door.json(&serde_json::json!({ "type": "init", "folder": folder }));
    }
    let there = args.path.as_ref().map(|path| format!("cd {}, ", path.display()));
    let there = there.unwrap_or_default();
    door.say(&format!("next: {there}check the model in harness.toml, then `regen run greeting`"));
    Ok(exit::DONE)
}

/// Refuses a folder in a workspace: its files would belong to two.
fn refuse_inside(folder: &Path) -> Result<(), CommandError> {
    let mut above = folder.ancestors().map(|dir| dir.join("harness.toml"));
    let Some(found) = above.find(|path| path.is_file()) else { return Ok(()) };
    let why = format!("{} exists: this is a workspace already", found.display());
    Err(CommandError::usage(why).hint("add specs to it, or name a folder outside of it"))
}

/// Asks for the provider, on a terminal. The answer is read by a thread, so that Ctrl-C ends the
/// wait.
async fn ask(door: &Context) -> Provider {
    let default = Provider::Llamacpp;
    if !door.asks() {
        return default;
    }
    door.say("Which server has the model?");
    let all = Provider::value_variants();
    for (number, provider) in all.iter().enumerate() {
        door.say(&format!("  {} {}", number + 1, provider.title()));
    }
    for _ in 0..3 {
        let question = format!("1 to {} [{}]: ", all.len(), all.len());
        let Some(line) = door.answer(&question).await else { return default };
        let line = line.trim();
        if line.is_empty() {
            return default;
        }
        let number = line.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let named = <Provider as ValueEnum>::from_str(line, true).ok();
        if let Some(provider) = number.and_then(|at| all.get(at).copied()).or(named) {
            return provider;
        }
        door.say(&format!("`{line}` is not one of them"));
    }
    default
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let named = |why| CommandError::from(crate::store::with_path(path, why));
    write_atomic(path, text.as_bytes()).map_err(named)
}

/// Appends a line to a file that does not have it. Gives whether it did.
fn append(path: &Path, line: &str) -> Result<bool, CommandError> {
    let mut text = std::fs::read_to_string(path).unwrap_or_default();
    if text.lines().any(|have| have.trim() == line) {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
    write(path, &text)?;
    Ok(true)
}
