//! Closes jobs that are obsolete.

use crate::store::{Ledger, LedgerError, NewEvent};
use crate::types::{Event, Job, SpecId};
use crate::workspace::now;

/// Ends a spec's job in the name of a person.
///
/// # Errors
/// Ledger errors.
pub fn cancel(mut ledger: impl Ledger, job: &Job, by: &str) -> Result<(), LedgerError> {
    let run = ledger.begin_run(&now(), by, &[Event::Triggered { by: by.to_owned() }])?;
    let open = ledger.open_job(&job.spec)?;
    let is_it = |events: &[Event]| match events.first() {
        Some(Event::Queued { job: open }) => open.is_same_work(job),
        _ => false,
    };
    let id = match open {
        Some((id, events)) if is_it(&events) => id,
        Some((id, _)) => {
            let event = Event::Superseded;
            ledger.append(&NewEvent {
                run,
                at: &now(),
                job: id,
                spec: &job.spec,
                event: &event,
                result: Some("superseded"),
            })?;
            ledger.queue(run, &now(), job)?
        }
        None => ledger.queue(run, &now(), job)?,
    };
    let event = Event::Cancelled { by: by.to_owned() };
    ledger.append(&NewEvent {
        run,
        at: &now(),
        job: id,
        spec: &job.spec,
        event: &event,
        result: Some("cancelled"),
    })
}

/// Closes the open job of a spec that is up to date or was removed.
///
/// # Errors
/// Ledger errors.
pub fn supersede(mut ledger: impl Ledger, spec: &SpecId) -> Result<(), LedgerError> {
    let Some((id, _)) = ledger.open_job(spec)? else { return Ok(()) };
    let run = ledger.log(Some(spec), 1)?.first().map_or(1, |entry| entry.run);
    ledger.append(&NewEvent {
        run,
        at: &now(),
        job: id,
        spec,
        event: &Event::Superseded,
        result: Some("superseded"),
    })
}
