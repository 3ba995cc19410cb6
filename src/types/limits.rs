//! Every limit, named, with unit and reason, in one place.

use std::time::Duration;

/// Bytes of one spec file: beyond this a spec is data, not prose.
pub const SPEC_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of `harness.toml`.
pub const CONFIG_BYTES: usize = 1024 * 1024;
/// Brackets that are open at a time in a TOML file.
pub const TOML_NESTING: usize = 128;
/// Problems kept of one spec, from each that looks at it: more help nobody.
pub const PROBLEMS: usize = 100;
/// Bytes of one source line that a problem shows; a longer line is cut around the place.
pub const SHOWN_LINE: usize = 400;
/// Source lines that a problem shows.
pub const SHOWN_LINES: usize = 40;
/// Steps of all comparisons word by word in one diff; comparing `n` words takes at most `n`².
pub const DIFF_STEPS: usize = 50_000_000;
/// Clauses in one spec: keeps prompts and lock files of a sane size.
pub const CLAUSES: usize = 10_000;

/// Bytes of one file in a reply.
pub const FILE_BYTES: usize = 1024 * 1024;
/// Bytes of all files in a reply.
pub const TREE_BYTES: usize = 16 * 1024 * 1024;
/// Candidates that are held in memory at a time: one per job that runs, with room to spare.
pub const CANDIDATES: usize = 32;
/// Files in a reply.
pub const TREE_FILES: usize = 500;
/// Lines from which on a repair may edit a file instead of sending it whole: models send whole
/// files more reliably, as long as they are short.
pub const EDIT_LINES: usize = 400;
/// Tokens that stand inside each other in an example or a suite: parsers recurse.
pub const RUST_NESTING: usize = 1000;
/// Bytes of one path: the smallest limit of file systems, with room for the root.
pub const PATH_BYTES: usize = 240;
/// Folders in one path.
pub const PATH_DEPTH: usize = 12;
/// Bytes of a whole reply as text; a model that says more is looping.
pub const REPLY_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of one object, and of one recorded exchange.
pub const OBJECT_BYTES: usize = 512 * 1024 * 1024;

/// Findings that reach a repair prompt: more distract a model.
pub const PROMPT_FINDINGS: usize = 5;
/// Bytes of findings in a repair prompt.
pub const PROMPT_FINDING_BYTES: usize = 6 * 1024;
/// Bytes of one finding's message, wherever it is kept.
pub const FINDING_BYTES: usize = 2 * 1024;
/// Findings kept of one gate.
pub const FINDINGS: usize = 100;
/// Lines on what was already tried in a repair prompt.
pub const TRIED_LINES: usize = 3;
/// Bytes per token in input estimates: low on purpose, so that a reservation is never too small.
pub const BYTES_PER_TOKEN: usize = 3;

/// Specs at a time: while some wait for a model others are compiled.
pub const JOBS: usize = 4;
/// Calls to a generator for one part of a job, whatever the tiers.
pub const CALLS: u32 = 8;
/// Times one gate is run again after an error of the environment.
pub const RESCUES: u32 = 2;

/// Bytes of a gate's output kept as evidence, per stream: the rest is counted and dropped.
pub const OUTPUT_BYTES: usize = 1024 * 1024;
/// Wall time of a gate without a timeout of its own.
pub const GATE_TIMEOUT: Duration = Duration::from_secs(300);
/// Wall time for formatting all files of a candidate.
pub const FORMAT_TIME: Duration = Duration::from_secs(30);
/// The same for one file, so that one cannot use up the time of the others.
pub const FORMAT_FILE_TIME: Duration = Duration::from_secs(10);
/// Processor time of one program of a gate, in seconds: several times what a build takes.
pub const GATE_CPU_SECONDS: u64 = 1200;
/// Bytes of memory of a gate's processes and temporary files: compiling and linking need some.
pub const GATE_MEMORY: u64 = 4 * 1024 * 1024 * 1024;
/// Processes and threads of one program of a gate: cargo starts some dozens.
pub const GATE_PROCESSES: u64 = 512;
/// Open files of one process.
pub const GATE_OPEN_FILES: u64 = 1024;
/// Bytes of one file a gate writes: debug builds are large.
pub const GATE_FILE: u64 = 1024 * 1024 * 1024;
/// Bytes of a gate's build folder, and of its temporary files; never over half of its memory.
pub const GATE_DISK: u64 = 2 * 1024 * 1024 * 1024;
/// Files in a gate's build folder, and among its temporary files.
pub const GATE_INODES: u64 = 100_000;
/// Bytes one program of a gate may print: beyond this it is looping.
pub const GATE_OUTPUT: u64 = 32 * 1024 * 1024;
/// Wall time of one step in building a dependency layer.
pub const LAYER_TIMEOUT: Duration = Duration::from_secs(1800);
/// Bytes of one dependency layer's build folder.
pub const LAYER_DISK: u64 = 8 * 1024 * 1024 * 1024;
/// Files in it.
pub const LAYER_INODES: u64 = 500_000;
/// Bytes of all dependency layers of a machine, beyond which the oldest go.
pub const LAYERS_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// Time after which a dependency layer that nobody used goes.
pub const LAYER_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Time between two looks at what a gate's processes use.
pub const WATCH_TICK: Duration = Duration::from_millis(40);
/// The same when more than half of its memory is used.
pub const WATCH_CLOSELY: Duration = Duration::from_millis(4);
/// Bytes that one socket counts for, in a sandbox: as much as may wait in its buffers as Linux has
/// them, which are not to be made larger there.
pub const SOCKET: u64 = 416 * 1024;
/// Bytes that one mapping of memory counts for, which the kernel keeps, whatever is mapped.
pub const MAPPING: u64 = 256;
/// Mappings that a process has at most, as Linux is set up.
pub const MAPPINGS: u64 = 65_530;
/// Bytes of the list of a process's mappings that are read before it counts as having all that it
/// may have: about 3000, where large programs have some hundreds.
pub const MAPPINGS_TEXT: u64 = 256 * 1024;
/// The same for one thread: its stack in the kernel.
pub const THREAD: u64 = 32 * 1024;
/// The same for an open descriptor.
pub const DESCRIPTOR: u64 = 1024;
/// The same for one descriptor that is watched by another.
pub const WATCH: u64 = 256;
/// The same for a file in memory, whatever it holds.
pub const INODE: u64 = 1024;
/// Locks on parts of files that all programs of a sandbox hold at most: the kernel keeps them, and
/// the longer the list of them is, the slower it is to read.
pub const LOCKS: u64 = 10_000;
/// The least that memory counts for which processes share without a file: as much as may be filled
/// and unmapped again between two close looks, which then show one page.
pub const NAMELESS: u64 = 8 * 1024 * 1024;
/// Signals and timers that may wait: the kernel's memory too.
pub const SIGNALS: u64 = 4096;
/// Time a sandbox may take to open: beyond this the machine is in trouble.
pub const SANDBOX_START: Duration = Duration::from_secs(20);
/// Age at which a sandbox that was made ahead is not used any more: the machine may have changed.
pub const SANDBOX_AHEAD: Duration = Duration::from_secs(60);
/// Bytes of an order to the sandbox's process.
pub const ORDER_BYTES: usize = 64 * 1024 * 1024;

/// Runs of a test that fails, or passes for the first time: runs that disagree make it flaky.
pub const TEST_RUNS: u8 = 3;
/// Wall time for running tests over candidates with one small change each: what is learnt in it is
/// worth about another gate.
pub const MUTANTS_TIME: Duration = Duration::from_secs(5);
/// Least wall time of one test over a changed candidate, which may loop.
pub const MUTANT_TIMEOUT: Duration = Duration::from_secs(2);
/// The same in times of what the test took over the candidate as it is.
pub const MUTANT_TIMES: u32 = 10;
/// Changes that no test notices, of which a report tells.
pub const SURVIVORS: usize = 20;
/// Wall time of one test.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Time between the polite and the hard end of a process group.
pub const KILL_GRACE: Duration = Duration::from_millis(500);
/// Bytes of a custom validator's report.
pub const REPORT_BYTES: usize = 4 * 1024 * 1024;

/// Time until the server accepts a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Time until the first content: local servers read a long prompt slowly.
pub const FIRST_TOKEN_TIMEOUT: Duration = Duration::from_secs(300);
/// Time between two pieces of a stream.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Wall time of one attempt at a completion, streaming included.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(1800);
/// Calls of one request before the first content byte.
pub const HTTP_TRIES: u32 = 5;
/// First wait between two tries; doubles with full jitter.
pub const RETRY_BASE: Duration = Duration::from_millis(500);
/// Longest wait that regen chooses itself.
pub const RETRY_CAP: Duration = Duration::from_secs(30);
/// Longest `Retry-After` that is waited for; beyond it the job ends as unavailable.
pub const RETRY_AFTER_CAP: Duration = Duration::from_secs(120);
/// Tokens a completion may have.
pub const OUTPUT_TOKENS: u32 = 8192;
/// The same where what a model thinks counts too.
pub const RESPONSES_TOKENS: u32 = 32_768;
/// Time that is waited, behind a whole answer, for the count of its tokens.
pub const AFTER_FINISH: Duration = Duration::from_secs(5);
/// Bytes of a stream, with everything around the answer.
pub const STREAM_BYTES: usize = 256 * 1024 * 1024;
/// Days before its end that a model is warned of.
pub const SHUTDOWN_DAYS: i64 = 90;

/// Time between two looks at everything that is watched: what no event told of is found by it.
pub const RESCAN: Duration = Duration::from_secs(120);
/// Time without events after which a burst of them is over: an editor's save has several.
pub const SETTLE: Duration = Duration::from_millis(4);
/// Time that is waited for whoever has a watched file open for writing.
pub const UNFINISHED: Duration = Duration::from_secs(2);
/// Time for which a spec has to stay as it is, once a save has ended a job that an answer was paid
/// for: more may follow.
pub const SUPERSEDE: Duration = Duration::from_millis(300);
/// The same in all, however often it is saved.
pub const SUPERSEDE_MOST: Duration = Duration::from_secs(5);
/// First wait after a job that failed; doubles.
pub const BACK_OFF: Duration = Duration::from_secs(10);
/// Longest wait after a job that failed, but for up to a quarter more.
pub const BACK_OFF_MOST: Duration = Duration::from_secs(300);
/// Equal failures in a row after which a job is parked.
pub const SAME_FAILURES: u32 = 3;
/// Failures in a row, of whatever kind, that the model or its code is at fault for, after which a
/// job is parked.
pub const FAILURES: u32 = 10;
/// Longest wait that a server may ask for.
pub const RATE_LIMIT_MOST: Duration = Duration::from_secs(24 * 3600);
/// News that wait for a slow reader of a daemon's; it is told of more, and asks for all.
pub const NEWS: usize = 1024;
/// Characters of an answer between two news of it.
pub const NEWS_CHARACTERS: usize = 400;
/// Bytes of a running gate's output that whoever looks later still sees.
pub const LIVE_BYTES: usize = 16 * 1024;
/// Jobs that a daemon shows unless asked for more.
pub const SHOWN_JOBS: u32 = 20;
/// The same at most.
pub const SHOWN_JOBS_MOST: u32 = 1000;
/// Days of spending that a daemon shows.
pub const SHOWN_DAYS: u32 = 31;
/// Time in which a request to a daemon arrives: its headers, and then its body.
pub const REQUEST_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's body.
pub const REQUEST_BYTES: usize = 1024 * 1024;
/// Connections that each of a daemon's listeners keeps open.
pub const MOST_CONNECTIONS: usize = 128;
/// The same where few files may be open.
pub const LEAST_CONNECTIONS: usize = 8;
/// Files that regen must be able to open at a time.
pub const OPEN_FILES: u64 = 256;
/// Open files that a daemon's listeners leave to its jobs.
pub const WORK_DESCRIPTORS: usize = 192;
/// Bytes of a diff that a daemon shows.
pub const DIFF_BYTES: usize = 1024 * 1024;
/// Time for making the diffs of one answer; what is left then is shown as gone and new.
pub const DIFF_TIME: Duration = Duration::from_secs(2);
/// Entries of the ledger that are read at a time for who follows it.
pub const FOLLOWED: u32 = 500;
/// Time after which who follows the ledger looks again although nobody told of anything.
pub const FOLLOW: Duration = Duration::from_millis(1000);
/// Time in which a daemon answers, which may be reading a large workspace.
pub const DAEMON_ANSWER: Duration = Duration::from_secs(60);
/// Bytes of a socket's path: what the system takes, with room for its end.
pub const SOCKET_PATH: usize = 100;
/// Wall time of a hook without a timeout of its own.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Things that hooks are still to be told of; more are dropped, and said to be.
pub const HOOKS_WAITING: usize = 256;
/// Batches of spans that wait to be sent; more are dropped, and said to be.
pub const TRACES_WAITING: usize = 256;
/// Time in which a collector takes a batch of spans.
pub const TRACES_TIMEOUT: Duration = Duration::from_secs(10);
/// Time after which a daemon looks again at what the clock decides: it may have been set.
pub const CLOCK: Duration = Duration::from_secs(60);
/// Bytes of a file of test results, or of tests that a person wrote.
pub const RESULT_BYTES: usize = 64 * 1024 * 1024;

/// Promoted trees kept per spec for a rollback.
pub const KEPT_TREES: usize = 3;
/// How long a replaced tree stays at least: a build may still stand in it.
pub const TRASH_AGE: Duration = Duration::from_secs(600);

/// The longest name of a spec, a target or a gate, in bytes.
pub const NAME_BYTES: usize = 64;

/// Characters of one line of others' text that are shown or kept.
pub const SHOWN_COLUMNS: usize = 2000;
