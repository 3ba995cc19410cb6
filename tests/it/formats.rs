//! Committed schemas match the code. `REGEN_BLESS=1` writes them.

use std::path::Path;

fn committed(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats").join(name);
    if std::env::var_os("REGEN_BLESS").is_some() {
        std::fs::write(&path, text).expect("writes");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, text, "docs/formats/{name} is stale: REGEN_BLESS=1 cargo test formats");
}

#[test]
fn committed_schemas_are_current() {
    let pretty = |schema: schemars::Schema| {
        serde_json::to_string_pretty(&schema).expect("is plain JSON") + "\n"
    };
    committed("harness.schema.json", &regen::config::schema());
    committed("policy.schema.json", &regen::config::policy_schema());
    committed(
        "toolchain.schema.json",
        &pretty(schemars::schema_for!(regen::toolchain::ToolchainFile)),
    );
    committed(
        "validator-request.schema.json",
        &pretty(schemars::schema_for!(regen::gate::ValidatorRequest)),
    );
    committed(
        "validator-report.schema.json",
        &pretty(schemars::schema_for!(regen::gate::ValidatorReport)),
    );
}

#[test]
fn the_lockfile_round_trips() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("regen.lock"));
    let text = text.expect("the demonstration is promoted");
    let standing = regen::types::Standing::parse(&text).expect("reads");
    assert!(standing.1 && standing.0.render() == text);
    assert!(regen::types::Standing::parse("version = 99\n").is_err());
}
