//! Errors of compilers in a contract's adapter.

use crate::toolchain::{ContractLanguage, Suite};
use crate::types::{Finding, Interface};

/// An error in the adapter is one of the function that it calls there.
pub fn explain(
    finding: &mut Finding,
    adapter: &[Suite],
    language: &dyn ContractLanguage,
    interface: &Interface,
) {
    let file = adapter.iter().find(|one| finding.file.as_deref() == Some(one.path.as_str()));
    let Some((file, line)) = file.zip(finding.line) else { return };
    finding.in_suite = false;
    finding.rule = "signature".to_owned();
    let lines: Vec<&str> = file.text.lines().take(line as usize).collect();
    let marked = lines.iter().rev().find_map(|line| line.trim().strip_prefix("// function "));
    let number = marked.and_then(|text| text.parse::<usize>().ok());
    let wanted = number.and_then(|number| interface.functions.get(number));
    let wanted = match wanted {
        Some(function) => language.signature(interface, function),
        None => language.signatures(interface).join("; "),
    };
    // The compiler's advice is about the adapter.
    let error = finding.message.lines().next().unwrap_or_default();
    finding.message = format!("the contract has `{wanted}`: {error}");
    finding.remedy = Some(format!("write exactly `{wanted}`"));
    (finding.file, finding.line) = (None, None);
}
