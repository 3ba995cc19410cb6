//! Runs the linter of prose over the pages of a text. What it says is a note, unless the user names
//! the gate.

use super::build::prepare;
use super::context::GateContext;
use super::result::GateResult;
use super::workspace::GateSandbox;
use crate::process::Ended;
use crate::toolchain::prose::linter;
use crate::types::{Candidate, Finding, GateName, Outcome, gate::clean};

/// Runs it. Without the linter nothing is said of the style; that rejects only if the user names
/// the gate.
pub async fn run(context: &GateContext<'_>, gate: &GateName, candidate: &Candidate) -> GateResult {
    let rejects = linter::rejects(context.target);
    let found = match lint(context, gate, candidate).await {
        Ok(found) => found,
        Err(seen) if rejects => return seen,
        Err(seen) => {
            let reason = format!("the style is not checked: {}", seen.why());
            return GateResult { outcome: Some(Outcome::Skipped { reason }), ..seen };
        }
    };
    let is_wrong = rejects && found.iter().any(|(is_error, _)| *is_error);
    let outcome = (!is_wrong).then_some(Outcome::Pass);
    // What rejects is told first.
    let (wrong, notes): (Vec<_>, Vec<_>) = found.into_iter().partition(|(is_error, _)| *is_error);
    let all = wrong.into_iter().chain(notes).map(|(_, one)| one).collect();
    GateResult { outcome, ..GateResult::fail(all) }
}

async fn lint(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> Result<Vec<(bool, Finding)>, GateResult> {
    let tools = context.tools.get(linter::VALE);
    let tools = tools.ok_or_else(|| GateResult::error("no `vale` on PATH"))?;
    let settings = linter::settings(gate, candidate.tree());
    if !settings.is_empty() {
        return Ok(settings.into_iter().map(|one| (true, one)).collect());
    }
    let mut sources = prepare(context, gate, candidate, &[]).await?;
    sources.files.extend(linter::rules(context.target));
    let program = tools.path(linter::VALE);
    let shown = (!program.starts_with("/usr")).then_some(program.as_path());
    let room = GateSandbox::open(context, gate, sources.files, &sources.layers, shown).await?;
    let command = linter::command(tools, candidate.tree());
    let output = room.execute(&command, context.timeout).await;
    let root = room.root();
    room.close().await;
    let output = output?;
    let found = linter::read(gate, &output.text()).filter(|_| output.ended == Ended::Exit(0));
    found.ok_or_else(|| {
        let said = clean(&(output.text() + &output.errors()), &[&root]);
        let evidence = output.evidence();
        let seen = GateResult::error(format!("`vale` {}: {said}", output.ended));
        GateResult { evidence, ..seen }
    })
}
