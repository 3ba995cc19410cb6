//! Remembers from earlier measurements: CPU time of processes that ended without being reaped, and
//! shared memory that is no longer mapped.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::accounting::{Process, Sample};
use super::procfs::ProcessUse;
use crate::types::limits;

/// A process at the last measurement.
#[derive(Clone, Copy, Debug)]
struct LastLook {
    program: i32,
    started: u64,
    own: Duration,
    waited: Duration,
    /// It started after the previous measurement and was still running. A process that lives for a
    /// fraction of the interval is seen with that probability, so one that is seen and gone counts
    /// for the whole interval.
    runs: bool,
}

impl LastLook {
    fn of(process: &Process) -> Self {
        let Process { program, seen, .. } = *process;
        let ProcessUse { started, own, waited, runs, .. } = seen;
        Self { program, started, own, waited, runs }
    }
}

/// CPU time of a program's ended processes.
#[derive(Clone, Copy, Debug, Default)]
struct EndedTime {
    /// Of processes that were not reaped.
    lost: Duration,
    /// Seen CPU seconds of ended processes that are not yet in their parents' times.
    open: f64,
}

/// State of earlier measurements.
#[derive(Debug, Default)]
pub struct EarlierLooks {
    processes: BTreeMap<i32, LastLook>,
    ended: BTreeMap<i32, EndedTime>,
    nameless: BTreeMap<u64, u64>,
    /// Since when processes cannot be inspected, and their CPU time then.
    hidden: BTreeMap<i32, (Instant, Duration)>,
    looked: Option<Instant>,
}

/// Rounding error of such sums between two measurements, in seconds.
const SLACK: f64 = 0.2;

impl EarlierLooks {
    /// Adds a measurement, completed by earlier ones.
    pub fn add(&mut self, sample: &mut Sample, now: Instant) {
        let between = self.looked.replace(now).map_or(Duration::ZERO, |last| now - last);
        self.nameless.retain(|number, _| sample.nameless.contains_key(number));
        for (number, bytes) in &mut sample.nameless {
            let most = self.nameless.entry(*number).or_insert(limits::NAMELESS);
            *most = (*most).max(*bytes);
            *bytes = *most;
        }
        self.settle(sample, between.as_secs_f64());
        self.processes =
            sample.processes.iter().map(|process| (process.pid, LastLook::of(process))).collect();
        for (program, used) in &mut sample.programs {
            used.time += self.ended.get(program).map_or(Duration::ZERO, |ended| ended.lost);
        }
    }

    /// The program of a process that hides its usage, which could be anything. Between fork and
    /// exec, and while exiting, all processes do, on a busy machine for seconds: they wait for the
    /// CPU.
    pub fn hidden(&mut self, sample: &Sample, now: Instant) -> Option<Pid> {
        self.hidden.retain(|process, _| sample.hidden.contains_key(process));
        sample.hidden.iter().find_map(|(process, one)| {
            let (since, time) = *self.hidden.entry(*process).or_insert((now, one.time));
            let is_awake = one.sleeps || one.time > time + limits::HIDDEN;
            (is_awake && now.duration_since(since) > limits::KILL_GRACE).then_some(one.program)
        })
    }

    /// Whether to measure again soon: shared memory can be filled and unmapped between
    /// measurements.
    pub fn is_fleeting(&self) -> bool {
        !self.nameless.is_empty()
    }

    /// Compares CPU times of ended processes with the increase in their parents.
    fn settle(&mut self, sample: &Sample, between: f64) {
        let now: BTreeMap<i32, _> =
            sample.processes.iter().map(|process| (process.pid, process.seen)).collect();
        self.ended.retain(|program, _| sample.programs.contains_key(program));
        for program in sample.programs.keys() {
            let mut open = 0.0;
            for (pid, old) in self.processes.iter().filter(|(_, old)| old.program == *program) {
                match now.get(pid).filter(|seen| seen.started == old.started) {
                    Some(seen) => {
                        open -= seen.waited.saturating_sub(old.waited).as_secs_f64();
                    }
                    None => {
                        let gone = (old.own + old.waited).as_secs_f64();
                        open += if old.runs { gone.max(between) } else { gone };
                    }
                }
            }
            let ended = self.ended.entry(*program).or_default();
            ended.open = (ended.open + open).max(-SLACK);
            if ended.open > SLACK {
                ended.lost += Duration::from_secs_f64(ended.open);
                ended.open = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::accounting::{HiddenProcess, Use};
    use super::*;

    const PROGRAM: i32 = 5;

    /// A measurement of a program, with one child that has run for this long.
    fn look(waited: u64, child: Option<(i32, u64)>) -> Sample {
        let seen = |own, waited| ProcessUse {
            parent: 1,
            threads: 1,
            own: Duration::from_millis(own),
            waited: Duration::from_millis(waited),
            started: 7,
            ended: false,
            runs: false,
            sleeps: false,
        };
        let process = |pid, seen| Process { pid, program: PROGRAM, seen, memory: None };
        let mut processes = vec![process(PROGRAM, seen(0, waited))];
        processes.extend(child.map(|(pid, own)| process(pid, seen(own, 0))));
        let programs = [(PROGRAM, Use::default())].into();
        Sample { programs, processes, ..Sample::default() }
    }

    fn time(history: &mut EarlierLooks, mut sample: Sample) -> Duration {
        history.add(&mut sample, Instant::now());
        sample.programs[&PROGRAM].time
    }

    #[test]
    fn cpu_time_of_unreaped_children_is_kept() {
        let mut history = EarlierLooks::default();
        for child in 10..20 {
            time(&mut history, look(0, Some((child, 500))));
        }
        assert_eq!(time(&mut history, look(0, None)), Duration::from_secs(5));
    }

    #[test]
    fn cpu_time_of_reaped_children_is_counted_once() {
        let mut history = EarlierLooks::default();
        for number in 0..10 {
            let child = Some((number + 10, 500));
            assert_eq!(time(&mut history, look(500 * number as u64, child)), Duration::ZERO);
        }
        assert_eq!(time(&mut history, look(5000, None)), Duration::ZERO);
    }

    #[test]
    fn a_process_that_waits_for_the_cpu_does_not_hide() {
        let program = Pid::from_raw(PROGRAM).expect("a pid");
        for (time, sleeps, hides) in [(20, false, false), (150, false, true), (0, true, true)] {
            let mut history = EarlierLooks::default();
            let start = Instant::now();
            let mut look = |time, after: Duration| {
                let mut sample = Sample::default();
                let time = Duration::from_millis(time);
                sample.hidden.insert(7, HiddenProcess { program, time, sleeps });
                history.hidden(&sample, start + after)
            };
            assert_eq!(look(0, Duration::ZERO), None);
            assert_eq!(look(time, limits::KILL_GRACE / 2), None);
            assert_eq!(look(time, limits::KILL_GRACE * 2), hides.then_some(program), "{time}");
        }
    }

    #[test]
    fn unmapped_shared_memory_counts_while_a_part_is_mapped() {
        let mut history = EarlierLooks::default();
        let mut nameless = |bytes: Option<u64>| {
            let mut sample = look(0, None);
            sample.nameless.extend(bytes.map(|bytes| (3, bytes)));
            history.add(&mut sample, Instant::now());
            sample.nameless.values().sum::<u64>()
        };
        assert_eq!(nameless(Some(1 << 30)), 1 << 30);
        assert_eq!(nameless(Some(4096)), 1 << 30);
        assert_eq!(nameless(None), 0);
        assert_eq!(nameless(Some(4096)), limits::NAMELESS);
    }
}
