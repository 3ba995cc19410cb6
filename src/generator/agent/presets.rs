//! Coding agents as data: how each is started over a gateway, and the files that it needs in its
//! home.

/// A known agent.
#[derive(Debug)]
pub struct Preset {
    /// Its name in `harness.toml`.
    pub name: &'static str,
    /// Its program and arguments.
    pub argv: &'static [&'static str],
    /// Its environment.
    pub env: &'static [(&'static str, &'static str)],
    /// Files in its home.
    pub files: &'static [(&'static str, &'static str)],
    /// The server that a new workspace names for it.
    pub server: PresetServer,
}

/// A server of models.
#[derive(Debug)]
pub struct PresetServer {
    /// A model.
    pub model: &'static str,
    /// Its address.
    pub base_url: &'static str,
    /// The variable of its key.
    pub api_key_env: &'static str,
}

const OPENAI: PresetServer = PresetServer {
    model: "gpt-5.1-codex",
    base_url: "https://api.openai.com/v1",
    api_key_env: "OPENAI_API_KEY",
};
const ANTHROPIC: PresetServer = PresetServer {
    model: "claude-sonnet-4-5",
    base_url: "https://api.anthropic.com/v1",
    api_key_env: "ANTHROPIC_API_KEY",
};
const GOOGLE: PresetServer = PresetServer {
    model: "gemini-2.5-pro",
    base_url: "https://generativelanguage.googleapis.com/v1beta",
    api_key_env: "GEMINI_API_KEY",
};

const OPENCODE: &str = r#"{"provider":{"x":{"npm":"@ai-sdk/openai-compatible","options":{"baseURL":"{base_url}/v1","apiKey":"{token}"},"models":{"{model}":{"limit":{"context":128000,"output":8192}}}}}}"#;
const PI: &str = r#"{"providers":{"x":{"baseUrl":"{base_url}/v1","api":"openai-completions","apiKey":"{token}","models":[{"id":"{model}","contextWindow":128000,"maxTokens":8192,"cost":{"input":0,"output":0,"cacheRead":0,"cacheWrite":0}}]}}}"#;

/// The known agents. Each switches off its own sandbox, updates and telemetry: regen's sandbox is
/// the boundary.
pub const PRESETS: [Preset; 6] = [
    Preset {
        name: "codex",
        server: OPENAI,
        argv: &[
            "codex",
            "exec",
            "--json",
            "--ephemeral",
            "--ignore-user-config",
            "--ignore-rules",
            "--skip-git-repo-check",
            "-s",
            "danger-full-access",
            "-m",
            "{model}",
            "-c",
            "model_provider=\"x\"",
            "-c",
            "model_providers.x={name=\"x\",base_url=\"{base_url}/v1\",wire_api=\"responses\",env_key=\"REGEN_TOKEN\"}",
            "-c",
            "web_search=\"disabled\"",
            "{prompt}",
        ],
        env: &[("REGEN_TOKEN", "{token}")],
        files: &[],
    },
    Preset {
        name: "claude",
        server: ANTHROPIC,
        argv: &[
            "claude",
            "-p",
            "--bare",
            "--no-session-persistence",
            "--verbose",
            "--output-format",
            "stream-json",
            "--permission-mode",
            "bypassPermissions",
            "--model",
            "{model}",
            "{prompt}",
        ],
        env: &[
            ("ANTHROPIC_BASE_URL", "{base_url}"),
            ("ANTHROPIC_API_KEY", "{token}"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_TELEMETRY", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
        ],
        files: &[],
    },
    Preset {
        name: "gemini",
        server: GOOGLE,
        argv: &[
            "gemini",
            "-p",
            "{prompt}",
            "-o",
            "stream-json",
            "--approval-mode",
            "yolo",
            "--skip-trust",
            "-m",
            "{model}",
        ],
        env: &[("GEMINI_API_KEY", "{token}"), ("GOOGLE_GEMINI_BASE_URL", "{base_url}")],
        files: &[(
            ".gemini/settings.json",
            r#"{"security":{"auth":{"selectedType":"gemini-api-key"}}}"#,
        )],
    },
    Preset {
        name: "opencode",
        server: OPENAI,
        argv: &["opencode", "run", "--format", "json", "--pure", "-m", "x/{model}", "{prompt}"],
        env: &[("OPENCODE_DISABLE_MODELS_FETCH", "1"), ("OPENCODE_DISABLE_AUTOUPDATE", "1")],
        files: &[(".config/opencode/opencode.json", OPENCODE)],
    },
    Preset {
        name: "pi",
        server: OPENAI,
        argv: &[
            "pi",
            "--mode",
            "json",
            "--no-session",
            "--provider",
            "x",
            "--model",
            "{model}",
            "{prompt}",
        ],
        env: &[("PI_OFFLINE", "1"), ("PI_SKIP_VERSION_CHECK", "1")],
        files: &[(".pi/agent/models.json", PI)],
    },
    Preset {
        name: "aider",
        server: OPENAI,
        argv: &[
            "aider",
            "--model",
            "openai/{model}",
            "--message",
            "{prompt}",
            "--yes-always",
            "--no-git",
            "--no-check-update",
            "--no-show-model-warnings",
            "--no-stream",
            "--edit-format",
            "whole",
            "--analytics-disable",
            "--read",
            "{prompt_file}",
        ],
        env: &[("OPENAI_API_BASE", "{base_url}/v1"), ("OPENAI_API_KEY", "{token}")],
        files: &[],
    },
];

/// A known agent.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|one| one.name == name)
}

impl Preset {
    /// Its keys of `[generator]` in a new workspace.
    pub fn keys(&self) -> String {
        let Self { name, server: PresetServer { model, base_url, api_key_env }, .. } = self;
        format!(
            "kind = \"command\"\nagent = \"{name}\"\nmodel = \"{model}\"\n\
             base_url = \"{base_url}\"\n\
             api_key_env = \"{api_key_env}\"          # the NAME of a variable, never a key\n"
        )
    }
}
