//! A seeded simulator of the pure state machine: random answers, outcomes, crashes between steps,
//! late and duplicate events. A failing seed is printed and can be set in `REGEN_SIM_SEED`.

use regen::pipeline::{Effect, Phase, Scheduler, State};
use regen::store::{CallId, Ledger, NewEvent, Reservation, Spend, SqliteLedger};
use regen::types::harness::Budget;
use regen::types::{
    AttemptKind, Candidate, ClauseId, Diagnosis, Digest, Event, Failure, Fault, GateInputsDigest,
    GateName, GateReport, InputsDigest, Isolation, Job, JobOutcome, Judgement, Outcome, Provenance,
    Reason, RelPath, Schedule, TargetJob, TargetName, Tree, Usage, limits,
};
use regen::verdict::{Verdict, judge};

use crate::world::rounds;

/// Number of seeds in a full and in a short run.
const SEEDS: (u64, u64) = (10_000, 1_000);

/// A small pseudo-random generator (SplitMix64, Steele et al. 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

fn job(random: &mut Random) -> Job {
    let parts = (0..1 + random.below(3)).map(|number| {
        let reason = match random.below(6) {
            0 => None,
            1 => Some(Reason::Gates { changed: Vec::new() }),
            _ => Some(Reason::NothingPromoted),
        };
        let gates = ["layout", "check", "test"].map(GateName::from);
        let part = TargetJob::new(
            &TargetName::parse(&format!("t{number}")).expect("is one"),
            InputsDigest(Digest::of("k")),
            GateInputsDigest(Digest::of("g")),
        );
        TargetJob { gates: gates[..1 + random.below(3) as usize].to_vec(), reason, ..part }
    });
    Job::new(&"s".into(), parts.collect(), 1 + random.below(3) as usize)
}

fn tree(content: u64) -> Tree {
    let path = RelPath::parse("src/lib.rs").expect("is one");
    Tree::from_iter([(path, content.to_string().into_bytes())])
}

/// The simulated result of an effect.
fn answer(state: &State, effect: &Effect, random: &mut Random) -> Event {
    let attempt = state.attempt().map_or(0, |attempt| attempt.number);
    let (message, clause) = ("m".to_owned(), ClauseId::new("s", "c"));
    let failed = |failure| {
        let (message, wait_s) = ("m".to_owned(), None);
        Event::GenerationFailed { attempt, failure, message, wait_s, completion: None }
    };
    match effect {
        Effect::Start => Event::AttemptStarted {
            attempt,
            kind: AttemptKind::Generate,
            tier: 0,
            target: TargetName::default(),
            prompt: Some(Digest::of("p")),
        },
        Effect::Ask { .. } => match random.below(20) {
            0 => failed(Failure::RateLimited),
            1 => failed(Failure::Budget),
            2 | 3 => failed(Failure::Truncated),
            n => Event::Completed {
                attempt,
                completion: Digest::of(n.to_string()),
                usage: Usage::default(),
                replay: None,
            },
        },
        Effect::Adopt => made(attempt, random),
        Effect::Read { .. } => match random.below(20) {
            0..3 => Event::Malformed { attempt, message, reask: random.one_in(2) },
            3 => Event::Conflict { attempt, clause: Some(clause), others: Vec::new(), message },
            _ => made(attempt, random),
        },
        Effect::Gate { gate, .. } => {
            let current = state.attempt().expect("a gate has one");
            let outcome = match random.below(12) {
                0..3 => Outcome::Fail,
                3 => Outcome::Timeout,
                4 => Outcome::Flaky,
                5 => Outcome::Error { message, failure: None },
                6 => Outcome::Skipped { reason: message },
                _ => Outcome::Pass,
            };
            let report = GateReport {
                gate: state.job.parts[current.part].gates[*gate].clone(),
                tree: current.tree.expect("a gate has one"),
                required: !random.one_in(8),
                outcome,
                findings: Vec::new(),
                tests: Vec::new(),
                red: Vec::new(),
                observed: Vec::new(),
                samples: Vec::new(),
                elapsed_ms: 0,
                isolation: Isolation::NONE,
                tools: String::new(),
                assurance: None,
                evidence: None,
            };
            Event::GateReported { attempt, report, worker: None }
        }
        Effect::Judge { .. } => Event::Judged { attempt, judgement: verdict(state).judgement() },
        Effect::Promote => match random.below(10) {
            0 => Event::PromotionRefused { files: vec!["f".to_owned()] },
            1 => Event::PromotionFailed { message: "the disk is full".to_owned() },
            _ => Event::Promoted { trees: Vec::new(), record: None },
        },
    }
}

fn made(attempt: u32, random: &mut Random) -> Event {
    Event::CandidateMade {
        attempt,
        tree: tree(random.below(5)).digest(),
        provenance: Provenance::Promoted,
        reader: "files".to_owned(),
        formatted: Vec::new(),
        inputs: None,
    }
}

/// The real judge on recorded reports.
fn verdict(state: &State) -> Verdict {
    let attempt = state.attempt().expect("a judge has one");
    let content = (0..5).find(|n| Some(tree(*n).digest()) == attempt.tree).expect("is one of five");
    let candidate = Candidate::new(tree(content), Provenance::Promoted);
    judge(&candidate, &state.job.parts[attempt.part].gates, &attempt.reports)
}

/// An event that is not allowed: of an older attempt, or of another kind.
fn stray(state: &State, random: &mut Random) -> Event {
    let attempt = state.attempt().map_or(0, |attempt| attempt.number);
    let stale = attempt.saturating_sub(1 + random.below(2) as u32);
    match random.below(4) {
        0 => made(stale, random),
        1 => Event::Judged { attempt: stale, judgement: Judgement::Accept },
        2 => Event::Completed {
            attempt: stale,
            completion: Digest::of("late"),
            usage: Usage::default(),
            replay: None,
        },
        _ => Event::Queued { job: state.job.clone() },
    }
}

/// Invariants after each step.
fn check(state: &State, events: &[Event]) {
    let folded = State::fold(events).expect("the ledger folds").expect("it has a job");
    assert_eq!(&folded, state, "the fold is the live state");
    for (index, part) in state.job.parts.iter().enumerate() {
        let calls = state.calls(index).count();
        assert!(calls <= 8, "{calls} calls");
        assert!(part.reason.is_some() || calls == 0, "an up-to-date part was worked on");
    }
    if state.phase == Phase::Promoting || state.outcome() == Some(&JobOutcome::Promoted) {
        for (index, part) in state.job.parts.iter().enumerate() {
            let Some((attempt, _)) = state.accepted(index) else {
                assert!(part.reason.is_none(), "a part is promoted without acceptance");
                continue;
            };
            for gate in &part.gates {
                let report = attempt.reports.iter().rev().find(|r| r.gate == *gate);
                let report = report.expect("every gate reported");
                assert!(report.lets_through(), "promoted past a red gate");
                assert_eq!(Some(report.tree), attempt.tree, "a verdict over other bytes");
            }
        }
    }
}

fn story(seed: u64) {
    let random = &mut Random(seed);
    let job = job(random);
    let mut events = vec![Event::Queued { job: job.clone() }];
    let mut state = State::queued(job);
    for step in 0.. {
        assert!(step < 500, "the job does not end");
        check(&state, &events);
        let Some(effect) = state.outstanding() else { break };
        if random.one_in(10) {
            // A crash: memory is lost, the ledger is not.
            state = State::fold(&events).expect("folds").expect("has a job");
            assert_eq!(state.outstanding(), Some(effect.clone()), "the same is outstanding");
            state.step(&Event::Resumed).expect("fits every unfinished state");
            events.push(Event::Resumed);
        }
        if random.one_in(10) {
            let before = state.clone();
            assert!(state.step(&stray(&before, random)).is_err(), "a stray event moved the job");
            assert_eq!(state, before);
        }
        let event =
            if random.one_in(400) { Event::Superseded } else { answer(&state, &effect, random) };
        state.step(&event).expect("the effect's own event fits");
        events.push(event.clone());
        if random.one_in(10) && !matches!(event, Event::GateReported { .. } | Event::Superseded) {
            let again = state.clone().step(&event);
            assert!(again.is_err() || state.attempt().is_none(), "a doubled event moved the job");
        }
    }
    assert!(state.outcome().is_some());
    assert!(state.step(&Event::Resumed).is_err(), "an ended job does not move");
}

#[test]
fn every_simulated_run_ends() {
    let given = std::env::var("REGEN_SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = given.map_or_else(|| 0..rounds(SEEDS.0, SEEDS.1), |seed: u64| seed..seed + 1);
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| story(seed)) {
            let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("REGEN_SIM_SEED={seed}: {said}");
        }
    }
}

#[test]
fn an_illegal_event_names_event_and_state() {
    let mut state = State::queued(job(&mut Random(3)));
    let diagnosis = Diagnosis {
        fault: Fault::Model,
        summary: String::new(),
        clauses: Vec::new(),
        findings: Vec::new(),
        fingerprint: None,
    };
    let event = Event::Judged { attempt: 9, judgement: Judgement::Refuse { diagnosis } };
    let error = state.step(&event).expect_err("is illegal").to_string();
    assert_eq!(error, "event judged is not allowed in state Starting");
}

/// A job whose every answer is rejected: its outcome and requests.
fn lied_to(
    job: &Job,
    ledger: &mut dyn Ledger,
    budget: &Budget,
    random: &mut Random,
    same: bool,
) -> (JobOutcome, u32) {
    let id = ledger.queue(1, "t", job).expect("queues");
    let mut state = State::queued(job.clone());
    let mut asked = 0;
    while let Some(effect) = state.outstanding() {
        let attempt = state.attempt().map_or(0, |attempt| attempt.number);
        let spend = |usd| Spend { tokens: 1000, usd: Some(usd) };
        let event = match effect {
            Effect::Ask { .. } => {
                let call = CallId { job: id, attempt };
                let most =
                    Reservation { call, run: 1, day: "d", spend: spend(0.03), answers: None };
                match ledger.reserve(&most, budget) {
                    Ok(()) => {
                        asked += 1;
                        ledger.settle(call, spend(0.02)).expect("settles");
                        let completion = Digest::of(asked.to_string());
                        let (usage, replay) = (Usage::default(), None);
                        Event::Completed { attempt, completion, usage, replay }
                    }
                    Err(error) => {
                        let (message, failure) = (error.to_string(), Failure::Budget);
                        let (wait_s, completion) = (None, None);
                        Event::GenerationFailed { attempt, failure, message, wait_s, completion }
                    }
                }
            }
            Effect::Read { .. } => Event::CandidateMade {
                attempt,
                tree: Digest::of(random.next().to_string()),
                provenance: Provenance::Promoted,
                reader: "files".to_owned(),
                formatted: Vec::new(),
                inputs: None,
            },
            Effect::Judge { .. } => {
                let print = if same { "lie".to_owned() } else { random.next().to_string() };
                let fingerprint = Some(Digest::of(print));
                let (clauses, findings) = (Vec::new(), Vec::new());
                let summary = "it lies".to_owned();
                let fault = Fault::Model;
                let diagnosis = Diagnosis { fault, summary, clauses, findings, fingerprint };
                Event::Judged { attempt, judgement: Judgement::Refuse { diagnosis } }
            }
            other => answer(&state, &other, random),
        };
        state.step(&event).expect("fits");
        if let Some(end) = state.outcome() {
            ledger
                .append(&NewEvent {
                    run: 1,
                    at: "t",
                    job: id,
                    spec: &job.spec,
                    event: &event,
                    result: Some(end.word()),
                })
                .expect("ends");
        }
    }
    (state.outcome().expect("has ended").clone(), asked)
}

/// A model gives wrong answers for five specs for an hour: number of calls and cost.
fn an_hour_of_lies(budget: &Budget, same: bool) -> (u32, f64) {
    let random = &mut Random(5);
    let mut ledger = SqliteLedger::open(std::path::Path::new(":memory:")).expect("opens");
    ledger.begin_run("t", "test", &[]).expect("begins");
    let part = |spec: &str| TargetJob {
        gates: vec!["test".into()],
        reason: Some(Reason::NothingPromoted),
        ..TargetJob::new(
            &"t".into(),
            InputsDigest(Digest::of(spec)),
            GateInputsDigest(Digest::of("g")),
        )
    };
    let specs = ["a", "b", "c", "d", "e"];
    let job = |spec: &&'static str| Job::new(&(*spec).into(), vec![part(spec)], 2);
    let mut agenda = Scheduler::new(false);
    agenda.replan(specs.iter().map(job).collect(), |_| Default::default(), Schedule::default(), 0);
    let (mut now, mut asked) = (0, 0);
    while now < 3_600_000 {
        while let Some(job) = agenda.start(now, false) {
            let (end, more) = lied_to(&job, &mut ledger, budget, random, same);
            asked += more;
            agenda.ended(&job.spec, &end, now);
        }
        now = agenda.wake(now).unwrap_or(u64::MAX);
    }
    (asked, ledger.spent("d").expect("reads").usd)
}

#[test]
fn a_model_that_is_always_wrong_stays_within_limits_and_budget() {
    let none = Budget::default();
    let (asked, _) = an_hour_of_lies(&none, true);
    assert!(asked > 0 && asked <= 5 * limits::SAME_FAILURES * limits::CALLS, "{asked}");
    let (asked, _) = an_hour_of_lies(&none, false);
    assert!(asked <= 5 * limits::FAILURES * limits::CALLS, "{asked}");
    let budget = Budget { day_usd: Some(1.0), ..Budget::default() };
    let (asked, usd) = an_hour_of_lies(&budget, false);
    assert!((0.9..=1.0).contains(&usd) && asked <= 50, "{asked} requests, {usd} USD");
    let budget = Budget { spec_usd: Some(0.1), ..Budget::default() };
    let (asked, usd) = an_hour_of_lies(&budget, false);
    assert!(usd <= 0.5 && asked == 5 * 4, "{asked} requests, {usd} USD");
}
