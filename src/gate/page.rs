//! Renders a page in a browser in the sandbox, and compares what it measured with the assertions of
//! the spec.

use super::build::{keep, sources};
use super::context::GateContext;
use super::gate_inputs::outside_proofs;
use super::programs::random_nonce;
use super::proof_result::GATE;
use super::result::{GateResult, finding};
use super::workspace::GateSandbox;
use crate::process::Ended;
use crate::toolchain::page::{
    HtmlTag, PAGE, PageAssertion, PageFault, PageJudge, PageNumbers, PageQuestion, PageViews,
    SELECTOR, command, tags,
};
use crate::toolchain::{ProgramSteps, ProgramTest};
use crate::types::gate::{TEST_ERROR, VACUOUS};
use crate::types::{
    Candidate, Finding, GateName, Outcome, Provenance, Red, RelPath, TestResult, TestStatus, Tree,
    limits,
};

/// A page with nothing in it, and one that is too wide for every screen.
const EMPTY: &str =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title></title><body>";
const WIDE: &str = "<p style=\"width: 9999px\">.</p>";

fn assertions(test: &ProgramTest) -> &[PageAssertion] {
    if let ProgramSteps::Page(all) = &test.steps { all } else { &[] }
}

fn is_demanded(context: &GateContext<'_>, test: &ProgramTest) -> bool {
    let mut clauses = context.spec.clauses.iter().filter(|one| one.id == test.clause);
    clauses.any(|clause| clause.is_demanded())
}

/// A gate over pages.
pub struct PageGate<'a> {
    /// What it judges with.
    pub context: &'a GateContext<'a>,
    /// Its name.
    pub gate: &'a GateName,
}

impl PageGate<'_> {
    fn finding(&self, rule: &str, why: String) -> Finding {
        Finding { file: Some(PAGE.to_owned()), ..finding(self.gate, rule, why) }
    }

    /// Renders a tree.
    async fn render(
        &self,
        tree: &Tree,
        question: &PageQuestion<'_>,
    ) -> Result<PageViews, GateResult> {
        let number = || random_nonce().map_err(|why| why.to_string());
        let numbers = || Ok(PageNumbers { nonce: number()?, key: number()?, place: number()? });
        let numbers = numbers().map_err(|why: String| GateResult::error(why))?;
        let candidate = Candidate::new(tree.clone(), Provenance::Promoted);
        let sources = sources(self.context, self.gate, &candidate, &[]).await?;
        let files = question.files(tree, &numbers);
        let room = GateSandbox::open(self.context, self.gate, files, &sources.layers, None).await?;
        let seen = self.in_room(&room, question, &numbers).await;
        room.close().await;
        seen
    }

    async fn in_room(
        &self,
        room: &GateSandbox<'_>,
        question: &PageQuestion<'_>,
        numbers: &PageNumbers,
    ) -> Result<PageViews, GateResult> {
        let tools = self.context.host_tools().map_err(GateResult::error)?;
        let left = self.context.timeout.min(limits::TEST_TIMEOUT);
        let output = room.execute(&command(tools, room.places()), left).await?;
        let evidence = output.evidence();
        let fault = |rule: &str, why: String| GateResult::fail(vec![self.finding(rule, why)]);
        let seen = match output.ended {
            Ended::Timeout => {
                let seen = fault("timeout", "the page is not rendered in time".to_owned());
                GateResult { outcome: Some(Outcome::Timeout), ..seen }
            }
            Ended::Limit(resource) => fault(resource.word(), room.hit(resource)).limit(resource),
            _ => match question.read(&output.text(), numbers) {
                Ok(views) => return Ok(views),
                Err(why) => GateResult::error(format!("the browser {}: {why}", output.ended)),
            },
        };
        Err(GateResult { evidence, ..seen })
    }

    /// Renders a candidate. Where that fails and an empty page is rendered, it is the candidate's
    /// fault.
    async fn render_candidate(
        &self,
        tree: &Tree,
        question: &PageQuestion<'_>,
    ) -> Result<PageViews, GateResult> {
        let seen = match self.render(tree, question).await {
            Err(seen) if matches!(seen.outcome, Some(Outcome::Error { .. })) => seen,
            seen => return seen,
        };
        self.render(&page(EMPTY), question).await?;
        let why = format!("a browser cannot render the page: {}", seen.why());
        let failed = GateResult::fail(vec![self.finding("render", why)]);
        Err(GateResult { evidence: seen.evidence, ..failed })
    }

    /// Runs the visible or the held-out assertions over a candidate. With the visible ones it also
    /// checks the rules that every page must keep.
    pub async fn run(
        &self,
        candidate: &Candidate,
        tests: &[&ProgramTest],
    ) -> Result<GateResult, GateResult> {
        let question = PageQuestion::of(tests.iter().flat_map(|test| assertions(test)));
        let own = candidate.tree().iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec()));
        let own: Vec<_> = own.collect();
        keep(self.context, self.gate, &own).map_err(GateResult::error)?;
        let views = self.render_candidate(candidate.tree(), &question).await?;
        let tags = tags_of(candidate.tree());
        let judge = PageJudge { views: &views, tags: &tags };
        let mut seen = GateResult::default();
        for test in tests {
            let faults: Vec<_> =
                assertions(test).iter().filter_map(|one| judge.judge(one)).collect();
            let status = if faults.is_empty() { TestStatus::Passed } else { TestStatus::Failed };
            seen.tests.push(TestResult { name: test.name.clone(), status, trusted: true });
            if is_demanded(self.context, test) {
                let told = faults.into_iter().map(|fault| self.told(fault, Some(test)));
                seen.findings.extend(told);
            }
        }
        if self.gate != "hidden" {
            // What a clause says, too, is told with the clause.
            let mut general = judge.general();
            let is_known = |fault: &PageFault| {
                seen.findings.iter().any(|one| one.rule == fault.rule && one.line == fault.line)
            };
            general.retain(|fault| !is_known(fault));
            seen.findings.extend(general.into_iter().map(|fault| self.told(fault, None)));
        }
        Ok(seen)
    }

    fn told(&self, fault: PageFault, test: Option<&ProgramTest>) -> Finding {
        let PageFault { rule, message, remedy, line, values } = fault;
        Finding {
            line,
            remedy: Some(remedy),
            clauses: test.iter().map(|test| test.clause.clone()).collect(),
            values,
            ..self.finding(rule, message)
        }
    }
}

fn page(text: &str) -> Tree {
    let path = RelPath::parse(PAGE).expect("a plain name is a path");
    Tree::from_iter([(path, text.as_bytes().to_vec())])
}

fn tags_of(tree: &Tree) -> Vec<HtmlTag> {
    let text = String::from_utf8_lossy(tree.get(PAGE).unwrap_or_default()).into_owned();
    tags(&text).unwrap_or_default()
}

/// Proves the assertions: they must fail for an empty page, or for one that is too wide.
pub async fn prove(context: &GateContext<'_>) -> GateResult {
    match proofs(context).await {
        Ok(seen) | Err(seen) => seen,
    }
}

async fn proofs(context: &GateContext<'_>) -> Result<GateResult, GateResult> {
    let mut red = outside_proofs(context.name, context.contract, context.console);
    let open = context.console.iter().zip(&mut red);
    let mut open: Vec<_> = open.filter(|(_, red)| !context.proven.contains(&red.key)).collect();
    let mut findings = Vec::new();
    for text in [EMPTY.to_owned(), format!("{EMPTY}{WIDE}")] {
        if open.is_empty() {
            break;
        }
        let question = PageQuestion::of(open.iter().flat_map(|(test, _)| assertions(test)));
        let tree = page(&text);
        let views = PageGate { context, gate: &GATE }.render(&tree, &question).await?;
        let judge = PageJudge { views: &views, tags: &[] };
        findings.extend(open.iter().filter_map(|(test, _)| unread(&judge, test)));
        open.retain(|(test, _)| assertions(test).iter().all(|one| judge.judge(one).is_none()));
    }
    for (test, red) in open {
        red.red = Red::Vacuous;
        findings.push(vacuous(context, test));
    }
    let refuses = findings.iter().any(|one| [VACUOUS, TEST_ERROR].contains(&one.rule.as_str()));
    let outcome = (!refuses).then_some(Outcome::Pass);
    Ok(GateResult { outcome, red, ..GateResult::fail(findings) })
}

/// The finding for a block with a selector that a browser does not read.
fn unread(judge: &PageJudge<'_>, test: &ProgramTest) -> Option<Finding> {
    let mut faults = assertions(test).iter().filter_map(|one| judge.judge(one));
    let fault = faults.find(|one| one.rule == SELECTOR)?;
    let why = if test.hidden { "a selector is wrong".to_owned() } else { fault.message };
    Some(Finding {
        clauses: vec![test.clause.clone()],
        remedy: Some(fault.remedy),
        ..finding(&GATE, TEST_ERROR, why)
    })
}

fn vacuous(context: &GateContext<'_>, test: &ProgramTest) -> Finding {
    let rule = if is_demanded(context, test) { VACUOUS } else { "vacuous_undemanded" };
    // A held-out block is not quoted.
    let shown = assertions(test).first().filter(|_| !test.hidden);
    let shown = shown.map_or(String::new(), |one| format!(" (`{}`)", one.text));
    Finding {
        clauses: vec![test.clause.clone()],
        remedy: Some("assert something that an empty page does not have".to_owned()),
        ..finding(&GATE, rule, format!("an empty page passes the block {}{shown}", test.name))
    }
}
