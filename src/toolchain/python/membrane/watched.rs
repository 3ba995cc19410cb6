//! A block of a page as a test that passes only if each of its assertions runs and holds: not one
//! behind a `return`, in a branch that is not taken, or whose error is caught.

use super::examples::indented;
use super::lines;
use crate::toolchain::UNSEEN;
use crate::toolchain::shared::comments::without_comments;

/// The block with a mark behind each assertion.
pub fn watched(code: &str) -> String {
    let bare = without_comments("python", code);
    let mut marked: Vec<String> = bare.lines().map(str::to_owned).collect();
    let mut told = Vec::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    for line in lines::read(&bare).0 {
        if !line.code.split(|c| !is_part(c)).any(|word| word == "assert") {
            continue;
        }
        let Some(last) = marked.get_mut(line.lines.end - 1) else { continue };
        last.truncate(last.trim_end_matches([' ', '\t', ';']).len());
        last.push_str(&format!("; regen_ran.add({})", told.len()));
        let first = bare.lines().nth(line.lines.start).unwrap_or_default();
        told.push(serde_json::json!(first.trim()).to_string());
    }
    if told.is_empty() {
        return code.to_owned();
    }
    let block = indented(&marked.join("\n"));
    let told = told.join(", ");
    format!(
        "regen_ran = set()\ndef regen_block():\n{block}\n    pass\nregen_block()\n\
         for regen_at, regen_told in enumerate([{told}]):\n    \
         assert regen_at in regen_ran, f\"`{{regen_told}}` {UNSEEN}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::watched;

    #[test]
    fn each_assertion_has_a_mark() {
        let code = "x = f()  # assert 0\nassert x == [\n    \"# 1\",\n];  # yes\nif x: assert x\nnote = 'assert'\n";
        let text = watched(code);
        let body = "    x = f()  \n    assert x == [\n        \"# 1\",\n    ]; regen_ran.add(0)\n    \
            if x: assert x; regen_ran.add(1)\n    note = 'assert'\n    pass\nregen_block()\n";
        assert!(text.contains(body), "{text}");
        assert!(text.contains("[\"assert x == [\", \"if x: assert x\"]"), "{text}");
    }
}
