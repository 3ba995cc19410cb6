//! OpenTelemetry traces: one per run, made from the ledger after a job has ended. Jobs never wait
//! for the collector. Names follow the semantic conventions for generative AI where these have one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Notice, View};
use crate::store::{ContentStore, Ledger, Objects, SqliteLedger};
use crate::types::event::Entry;
use crate::types::{Completion, Digest, Event, GeneratorConfig, Harness, Prompt, limits};
use crate::workspace::WorkspaceLayout;

/// Makes traces from the ledger.
pub struct Traces {
    places: WorkspaceLayout,
    harness: Mutex<Option<Harness>>,
    /// Runs with ended jobs, and when each run started.
    runs: Mutex<BTreeMap<i64, SystemTime>>,
    batches: Sender<(String, Vec<SpanData>)>,
}

impl Traces {
    /// Traces of a workspace, sent to the configured collector.
    pub fn new(places: WorkspaceLayout) -> Self {
        let (batches, waiting) = channel(limits::TRACES_WAITING);
        tokio::spawn(send(waiting));
        Self { places, harness: Mutex::default(), runs: Mutex::default(), batches }
    }

    fn harness(&self) -> Option<Harness> {
        let harness = self.harness.lock().ok()?.clone()?;
        harness.telemetry.otlp.is_some().then_some(harness)
    }

    fn export(&self, harness: &Harness, spans: Vec<SpanData>) {
        let Some(to) = harness.telemetry.otlp.clone() else { return };
        if self.batches.try_send((to, spans)).is_err() {
            tracing::warn!("too many traces to send; some are dropped");
        }
    }

    /// The spans of an ended job.
    fn job(&self, harness: &Harness, spec: &str) -> Option<Vec<SpanData>> {
        let (_, entries) =
            SqliteLedger::read(&self.places.ledger()).ok()??.last_job(spec).ok()??;
        let (first, last) = (entries.first()?, entries.last()?);
        let job = EndedJob { traces: self, harness, spec, run: first.run, entries: &entries };
        let began = time(&first.at);
        if let Ok(mut runs) = self.runs.lock() {
            let run = runs.entry(first.run).or_insert(began);
            *run = (*run).min(began);
        }
        let mut spans = job.attempts();
        let mut span = self.span(first.run, &job.name(), began, time(&last.at));
        span.parent_span_id = id(&[&self.run(first.run)]);
        span.name = format!("job {spec}").into();
        let result = name_of(&last.event);
        span.attributes = vec![
            KeyValue::new("regen.spec", spec.to_owned()),
            KeyValue::new("regen.job", first.job.map_or(0, |job| job.0)),
            KeyValue::new("regen.last_event", result.clone()),
        ];
        if result != "promoted" {
            span.status = Status::error(result);
        }
        spans.push(span);
        Some(spans)
    }

    fn run(&self, run: i64) -> String {
        format!("{} run {run}", self.places.root.display())
    }

    /// A span without attributes. Its id is derived from its name, so equal spans have equal ids.
    fn span(&self, run: i64, what: &str, from: SystemTime, to: SystemTime) -> SpanData {
        let trace = self.run(run);
        let bytes = Digest::of(&trace).to_string();
        let trace = TraceId::from_hex(&bytes[..32]).unwrap_or(TraceId::INVALID);
        let flags = TraceFlags::SAMPLED;
        SpanData {
            span_context: SpanContext::new(trace, id(&[what]), flags, false, Default::default()),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: what.to_owned().into(),
            start_time: from,
            end_time: to.max(from),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("regen").build(),
        }
    }

    /// The spans of runs without open jobs.
    fn over(&self) -> Vec<SpanData> {
        let runs = self.runs.lock().map(|mut runs| std::mem::take(&mut *runs)).unwrap_or_default();
        let span = |(run, began): (i64, SystemTime)| {
            let mut span = self.span(run, &self.run(run), began, SystemTime::now());
            span.name = "run".into();
            span.attributes = vec![KeyValue::new("regen.run", run)];
            span
        };
        runs.into_iter().map(span).collect()
    }
}

impl View for Traces {
    fn notice(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Read(workspace) => {
                if let Ok(mut harness) = self.harness.lock() {
                    *harness = Some(workspace.harness.clone());
                }
            }
            Notice::Ended { spec, .. } => {
                if let Some(harness) = self.harness()
                    && let Some(spans) = self.job(&harness, spec)
                {
                    self.export(&harness, spans);
                }
            }
            Notice::Idle => {
                if let Some(harness) = self.harness() {
                    self.export(&harness, self.over());
                }
            }
            _ => {}
        }
    }
}

/// An ended job.
struct EndedJob<'a> {
    traces: &'a Traces,
    harness: &'a Harness,
    spec: &'a str,
    run: i64,
    entries: &'a [Entry],
}

impl EndedJob<'_> {
    fn name(&self) -> String {
        let number = self.entries.first().and_then(|entry| entry.job).map_or(0, |job| job.0);
        format!("{} job {number}", self.traces.run(self.run))
    }

    fn attempts(&self) -> Vec<SpanData> {
        let starts: Vec<usize> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| matches!(entry.event, Event::AttemptStarted { .. }))
            .map(|(index, _)| index)
            .collect();
        let ends = starts.iter().skip(1).copied().chain([self.entries.len()]);
        starts
            .iter()
            .zip(ends)
            .flat_map(|(from, to)| self.attempt(&self.entries[*from..to]))
            .collect()
    }

    /// An attempt, with its request and its gates.
    fn attempt(&self, entries: &[Entry]) -> Vec<SpanData> {
        let [first, .., last] = entries else { return Vec::new() };
        let Event::AttemptStarted { attempt, kind, tier, target, prompt } = &first.event else {
            return Vec::new();
        };
        let name = format!("{} attempt {attempt}", self.name());
        let mut span = self.span(&name, &self.name(), (time(&first.at), time(&last.at)));
        span.name = format!("attempt {attempt}").into();
        let kind = serde_json::to_value(kind).unwrap_or_default();
        span.attributes = vec![
            KeyValue::new("regen.spec", self.spec.to_owned()),
            KeyValue::new("regen.target", target.to_string()),
            KeyValue::new("regen.attempt", i64::from(*attempt)),
            KeyValue::new("regen.attempt.kind", kind.as_str().unwrap_or_default().to_owned()),
        ];
        let mut spans = vec![span];
        for entry in entries {
            let child = match &entry.event {
                Event::GateReported { report, .. } => self.gate(entry, report),
                Event::Completed { .. } | Event::GenerationFailed { .. } => {
                    self.call(first, entry, *tier, *prompt)
                }
                _ => continue,
            };
            let of = format!("{name} {}", entry.seq);
            let context = self.span(&of, &name, (child.start_time, child.end_time));
            let SpanData { span_context, parent_span_id, .. } = context;
            spans.push(SpanData { span_context, parent_span_id, ..child });
        }
        spans
    }

    fn span(&self, what: &str, parent: &str, time: (SystemTime, SystemTime)) -> SpanData {
        let span = self.traces.span(self.run, what, time.0, time.1);
        SpanData { parent_span_id: id(&[parent]), ..span }
    }

    fn gate(&self, entry: &Entry, report: &crate::types::GateReport) -> SpanData {
        let to = time(&entry.at);
        let from = to - Duration::from_millis(report.elapsed_ms);
        let mut span = self.traces.span(self.run, "", from, to);
        span.name = format!("gate {}", report.gate).into();
        let clauses: Vec<_> = report.findings.iter().flat_map(|finding| &finding.clauses).collect();
        let clauses: Vec<_> =
            clauses.iter().map(|clause| clause.as_str().to_owned().into()).collect();
        let outcome = serde_json::to_value(&report.outcome).unwrap_or_default();
        let outcome =
            outcome.as_str().or(outcome["outcome"].as_str()).unwrap_or("other").to_owned();
        span.attributes = vec![
            KeyValue::new("regen.gate", report.gate.to_string()),
            KeyValue::new("regen.gate.outcome", outcome.clone()),
            KeyValue::new("regen.findings", report.findings.len() as i64),
            KeyValue::new("regen.clauses", Value::Array(opentelemetry::Array::String(clauses))),
        ];
        if !report.lets_through() {
            span.status = Status::error(outcome);
        }
        span
    }

    /// The model request; its text only if configured.
    fn call(&self, first: &Entry, entry: &Entry, tier: usize, prompt: Option<Digest>) -> SpanData {
        let config = self.harness.generator.as_ref().map(|generator| generator.tier(tier));
        let mut span = self.traces.span(self.run, "", time(&first.at), time(&entry.at));
        span.span_kind = SpanKind::Client;
        span.attributes = vec![KeyValue::new("gen_ai.operation.name", "chat")];
        if let Some(GeneratorConfig { settings, .. }) = config {
            span.name = format!("chat {}", settings.model()).into();
            let model = settings.model().to_owned();
            let most = settings.max_output_tokens().map(i64::from);
            let address = settings.address().map(str::to_owned);
            let known = [
                Some(KeyValue::new("gen_ai.provider.name", settings.kind())),
                Some(KeyValue::new("gen_ai.request.model", model)),
                settings.temperature().map(|it| KeyValue::new("gen_ai.request.temperature", it)),
                most.map(|most| KeyValue::new("gen_ai.request.max_tokens", most)),
                address.map(|address| KeyValue::new("server.address", address)),
            ];
            span.attributes.extend(known.into_iter().flatten());
        }
        let add = |span: &mut SpanData, key: &'static str, value: Value| {
            span.attributes.push(KeyValue::new(key, value));
        };
        match &entry.event {
            Event::Completed { usage, replay, completion, .. } => {
                add(&mut span, "gen_ai.usage.input_tokens", (usage.input as i64).into());
                add(&mut span, "gen_ai.usage.output_tokens", (usage.output as i64).into());
                add(&mut span, "regen.replay", replay.is_some().into());
                if self.harness.telemetry.prompts {
                    let objects = Objects::new(self.traces.places.state.join("objects"));
                    let read = |digest: Digest| objects.get(digest).ok();
                    let asked = prompt.and_then(read);
                    let asked = asked.and_then(|b| serde_json::from_slice::<Prompt>(&b).ok());
                    if let Some(Prompt { system, user, .. }) = asked {
                        add(&mut span, "gen_ai.system_instructions", system.into());
                        add(&mut span, "gen_ai.input.messages", user.into());
                    }
                    let said = read(*completion);
                    let said = said.and_then(|b| serde_json::from_slice::<Completion>(&b).ok());
                    if let Some(Completion { text, .. }) = said {
                        add(&mut span, "gen_ai.output.messages", text.into());
                    }
                }
            }
            Event::GenerationFailed { failure, message, .. } => {
                let failure = serde_json::to_value(failure).unwrap_or_default();
                let kind = failure.as_str().unwrap_or_default().to_owned();
                add(&mut span, "error.type", kind.into());
                span.status = Status::error(message.clone());
            }
            _ => {}
        }
        span
    }
}

fn name_of(event: &Event) -> String {
    crate::pipeline::name(event)
}

fn time(text: &str) -> SystemTime {
    text.parse::<jiff::Timestamp>().map_or(SystemTime::UNIX_EPOCH, SystemTime::from)
}

fn id(parts: &[&str]) -> SpanId {
    let digest = Digest::of_parts(parts.iter().copied()).to_string();
    SpanId::from_hex(&digest[..16]).unwrap_or(SpanId::INVALID)
}

/// Sends finished spans, in batches.
async fn send(mut waiting: Receiver<(String, Vec<SpanData>)>) {
    let mut open: Option<(String, SpanExporter)> = None;
    while let Some((to, spans)) = waiting.recv().await {
        if open.as_ref().is_none_or(|(known, _)| *known != to) {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpJson)
                .with_timeout(limits::TRACES_TIMEOUT)
                .with_endpoint(format!("{}/v1/traces", to.trim_end_matches('/')))
                .build();
            match exporter {
                Ok(mut exporter) => {
                    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
                    let about = Resource::builder_empty().with_service_name("regen");
                    exporter.set_resource(&about.with_attribute(version).build());
                    open = Some((to, exporter));
                }
                Err(error) => tracing::warn!("cannot send traces: {error}"),
            }
        }
        if let Some((to, exporter)) = &open
            && let Err(error) = exporter.export(spans).await
        {
            tracing::warn!("cannot send traces to {to}: {error}");
        }
    }
}
