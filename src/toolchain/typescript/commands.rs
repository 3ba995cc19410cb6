//! The commands of the gates, with their files and variables.

use std::path::Path;

use serde_json::json;

use super::audit;
use super::package::{Dialect, linked};
use crate::toolchain::{EffectSubject, Places, ToolCommand, kind_option, package_option};
use crate::types::{GateName, RelPath, Tree};

/// The configuration of the type checker.
pub const TSCONFIG: &str = "tsconfig.json";

/// The configuration that it extends: where promoted packages are. Empty where there are none.
pub const LINKS: &str = "regen_links.json";

/// The harness's files in a workspace.
pub fn workspace_files(places: &Places) -> Vec<(String, Vec<u8>)> {
    let types = places.dependencies.join("node_modules/@types");
    let checker = json!({
        "extends": format!("./{LINKS}"),
        "compilerOptions": {
            "target": "es2023", "lib": ["es2023"], "module": "preserve",
            "moduleResolution": "bundler", "moduleDetection": "force",
            "allowJs": true, "checkJs": true, "allowImportingTsExtensions": true, "noEmit": true, "strict": true,
            "noUncheckedIndexedAccess": true, "exactOptionalPropertyTypes": true,
            "noImplicitOverride": true, "noImplicitReturns": true, "noUnusedLocals": true,
            "noFallthroughCasesInSwitch": true, "allowUnreachableCode": false,
            "allowUnusedLabels": false, "verbatimModuleSyntax": true, "isolatedModules": true,
            "erasableSyntaxOnly": true, "skipLibCheck": true, "types": ["node"],
            "typeRoots": [types],
        },
        "include": ["src"],
    });
    let linter = json!({
        "root": true,
        "vcs": { "enabled": false },
        "files": { "includes": ["src/**", "!src/contract.*"] },
        "formatter": { "indentStyle": "space", "indentWidth": 2, "lineWidth": 100 },
        "assist": { "enabled": false },
        "linter": { "rules": {
            "preset": "none",
            "correctness": { "preset": "recommended", "noUnusedFunctionParameters": "off" },
            "suspicious": {
                "preset": "recommended", "noAssignInExpressions": "off",
                "noControlCharactersInRegex": "off", "noShadowRestrictedNames": "off",
            },
        } },
    });
    let files = [(TSCONFIG, checker), (LINKS, json!({})), ("biome.json", linter)];
    files.map(|(path, value)| (path.to_owned(), format!("{value:#}\n").into_bytes())).into()
}

/// The environment of every program over a candidate.
pub fn environment(places: &Places) -> Vec<(String, String)> {
    let text = |folder: &str| places.tools.join(folder).display().to_string();
    vec![
        ("PATH".to_owned(), format!("{}:/usr/local/bin:/usr/bin:/bin", text("bin"))),
        // For interpreters with a shared library, which name its folder on the machine.
        ("LD_LIBRARY_PATH".to_owned(), text("lib")),
        // Node ends if it may not read the machine's configuration.
        ("OPENSSL_CONF".to_owned(), "/dev/null".to_owned()),
        ("REGEN_TOOLS".to_owned(), places.dependencies.display().to_string()),
    ]
}

fn texts(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The modules of a tree.
pub fn modules(tree: &Tree, dialect: Dialect) -> impl Iterator<Item = String> {
    let paths = tree
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(move |path| path.ends_with(dialect.end()));
    paths.map(str::to_owned)
}

/// Node with its answers on descriptor 3; what the candidate prints goes to standard error.
pub fn run(before: &str, args: Vec<String>, places: &Places) -> ToolCommand {
    let script = format!("{before}exec 3>&1 1>&2; exec \"$@\"");
    let program = text(&places.tools.join("bin/node"));
    let mut all = vec!["-c".to_owned(), script, "sh".to_owned(), program];
    all.extend(args);
    ToolCommand { program: "/bin/sh".into(), args: all, ..ToolCommand::default() }
}

/// Node as one of two programs that talk on descriptors 3 (read) and 4 (written); the others are
/// changed by `redirect`, so that no program inherits them.
pub fn joined(args: &[&str], redirect: &str, places: &Places) -> ToolCommand {
    let script = format!("exec 3<&0 4>&1 0</dev/null {redirect}; exec \"$@\"");
    let node = text(&places.tools.join("bin/node"));
    let all = ["-c", &script, "sh", &node].into_iter().chain(args.iter().copied());
    let args = all.map(str::to_owned).collect();
    ToolCommand { program: "/bin/sh".into(), args, ..ToolCommand::default() }
}

/// Where the candidate's JavaScript is.
pub fn out(places: &Places) -> String {
    text(&places.build.join("regen"))
}

/// Writes the candidate as JavaScript, without its types.
pub fn strip(places: &Places, dialect: Dialect) -> ToolCommand {
    let mut args = texts(&["--input-type=module", "-"]);
    let tools = text(&places.dependencies);
    args.extend([tools, dialect.end().to_owned(), out(places), packages(places)]);
    let script = concat!(include_str!("modules.txt"), include_str!("strip.txt"));
    let stdin = Some(script.as_bytes().to_vec());
    ToolCommand { builds: true, stdin, ..run("", args, places) }
}

/// Writes the tests as JavaScript, by a script that knows them.
pub fn strip_tests(script: &str, places: &Places, dialect: Dialect) -> ToolCommand {
    let mut args = texts(&["--input-type=module", "-"]);
    args.extend([text(&places.dependencies), dialect.end().to_owned(), out(places)]);
    let stdin = Some(script.as_bytes().to_vec());
    ToolCommand { builds: true, stdin, ..run("", args, places) }
}

/// Lists what the modules of a candidate import and use.
pub fn audit(subject: EffectSubject<'_>, places: &Places, dialect: Dialect) -> ToolCommand {
    let EffectSubject { spec, target, tree } = subject;
    let mut args = texts(&["--input-type=module", "-"]);
    let allowed: Vec<String> = package_option::packages(target).into_keys().collect();
    let is_program = kind_option::is_program(target);
    let about = json!({ "allowed": allowed, "linked": linked(spec), "program": is_program });
    let about = about.to_string();
    args.extend([text(&places.dependencies), dialect.end().to_owned(), about]);
    args.extend(modules(tree, dialect));
    ToolCommand {
        program: places.tools.join("bin/node"),
        args,
        stdin: Some(audit::SCRIPT.as_bytes().to_vec()),
        ..ToolCommand::default()
    }
}

/// The packages' names of this platform.
fn platform() -> String {
    let system = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{machine}")
}

fn tool(path: &str, args: &[&str], places: &Places) -> ToolCommand {
    let program = places.dependencies.join("node_modules").join(path);
    ToolCommand { program, args: texts(args), ..ToolCommand::default() }
}

fn biome(args: &[&str], places: &Places) -> ToolCommand {
    tool(&format!("@biomejs/cli-{}/biome", platform()), args, places)
}

/// Where a candidate finds the packages of its target.
pub fn packages(places: &Places) -> String {
    text(&places.packages.join("vendor/node_modules"))
}

/// Copies the workspace where packages are beside it, and runs a program there.
const BESIDE_PACKAGES: &str = "mkdir -p \"$0\" && cp -R . \"$0\" && ln -s \"$1\" \"$0/node_modules\" \
    && cd \"$0\" && shift && exec \"$@\"";

/// The type checker with one of the harness's configurations.
pub fn check_types(config: &str, places: &Places) -> ToolCommand {
    let path = format!("node_modules/@typescript/typescript-{}/lib/tsc", platform());
    let (beside, tsc) = (text(&places.build.join("types")), text(&places.dependencies.join(path)));
    let args = ["-c", BESIDE_PACKAGES, &beside, &packages(places)];
    let args = [&args[..], &[&tsc, "-p", config, "--pretty", "false"]].concat();
    ToolCommand {
        program: "/bin/sh".into(),
        args: texts(&args),
        builds: true,
        ..ToolCommand::default()
    }
}

/// Formats a file with the harness's configuration.
pub fn format(path: &RelPath, places: &Places) -> ToolCommand {
    let name = format!("--stdin-file-path={path}");
    biome(&["format", "--colors=off", &name], places)
}

/// The command of a compiling gate. The first one parses the modules with the effects.
pub fn compile(gate: &GateName, places: &Places) -> Option<ToolCommand> {
    match gate.as_str() {
        "lint" => {
            let args = ["lint", "--colors=off", "--reporter=json", "--max-diagnostics=200", "src"];
            Some(biome(&args, places))
        }
        "types" => Some(check_types(TSCONFIG, places)),
        _ => None,
    }
}
