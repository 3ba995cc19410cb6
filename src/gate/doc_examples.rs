//! Runs the tests in a candidate's documentation, in a sandbox without other tests.

use std::time::Instant;

use super::build::{PreparedSources, build, sources};
use super::context::GateContext;
use super::programs::read;
use super::result::{GateResult, finding};
use super::workspace::GateSandbox;
use crate::process::Ended;
use crate::toolchain::{self, DocTests};
use crate::types::{Candidate, GateName, Outcome, limits};

/// Runs the tests in a candidate's documentation, if it has some.
pub async fn run(context: &GateContext<'_>, gate: &GateName, candidate: &Candidate) -> GateResult {
    let docs = toolchain::of(context.target).native().and_then(|native| native.doc_tests());
    let Some(docs) = docs.filter(|docs| docs.may_have(candidate.tree())) else {
        return GateResult::default();
    };
    let work = async {
        let started = Instant::now();
        let PreparedSources { files, layers, .. } = sources(context, gate, candidate, &[]).await?;
        let room = GateSandbox::open(context, gate, files, &layers, None).await?;
        let command = docs.build(room.places());
        let seen = match build(&room, gate, &[command], &[], context.timeout).await {
            Ok(_) => tests(&room, gate, docs, context, started).await,
            Err(seen) => Err(seen),
        };
        room.close().await;
        seen
    };
    work.await.unwrap_or_else(|seen| seen)
}

async fn tests(
    room: &GateSandbox<'_>,
    gate: &GateName,
    docs: &dyn DocTests,
    context: &GateContext<'_>,
    started: Instant,
) -> Result<GateResult, GateResult> {
    let left = context.timeout.saturating_sub(started.elapsed()).min(limits::TEST_TIMEOUT);
    let output = room.execute(&docs.run(room.places()), left).await?;
    let mut seen = GateResult { evidence: output.evidence(), ..GateResult::default() };
    match output.ended {
        Ended::Timeout => {
            let time = left.as_secs();
            let why = format!("the tests in the documentation did not end within {time}s");
            seen.outcome = Some(Outcome::Timeout);
            seen.findings.push(finding(gate, "doc_test", why));
        }
        Ended::Limit(resource) => {
            let why = format!("the tests in the documentation: {}", room.hit(resource));
            seen.findings.push(finding(gate, "doc_test", why));
            seen = seen.limit(resource);
        }
        _ => match docs.read(gate, &read(&output)) {
            Ok(findings) => seen.findings = findings,
            Err(why) => seen.outcome = GateResult::error(why).outcome,
        },
    }
    Ok(seen)
}
