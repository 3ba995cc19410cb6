//! All limits, with units and reasons.

use std::time::Duration;

/// Bytes of a spec file; a larger one is data, not prose.
pub const SPEC_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of `harness.toml`.
pub const CONFIG_BYTES: usize = 1024 * 1024;
/// Nesting depth of brackets in a TOML file.
pub const TOML_NESTING: usize = 128;
/// Problems kept per spec and check; more are not useful.
pub const PROBLEMS: usize = 100;
/// Bytes shown of a source line in a problem; longer lines are cut.
pub const SHOWN_LINE: usize = 400;
/// Characters of a value that a verdict shows.
pub const SHOWN_VALUE: usize = 120;
/// Source lines that a problem shows.
pub const SHOWN_LINES: usize = 40;
/// Steps of all word-by-word comparisons in one diff; comparing `n` words takes at most `n`².
pub const DIFF_STEPS: usize = 50_000_000;
/// Bytes of one clause's text that `regen lint` reads: beyond this it is data, not a demand.
pub const LINTED: usize = 64 * 1024;
/// Clauses per spec; keeps prompts and lockfiles small.
pub const CLAUSES: usize = 10_000;
/// Maximum size of a contract.
pub const CONTRACT_BYTES: usize = 64 * 1024;
/// Maximum functions of a contract.
pub const CONTRACT_FUNCTIONS: usize = 1000;
/// Maximum nesting of brackets in a value of an example.
pub const VALUE_NESTING: usize = 64;
/// Inputs of a property.
pub const PROPERTY_CASES: usize = 256;
/// Calls of one generated input of a property.
pub const PROPERTY_CALLS: usize = 64;
/// Deepest nesting of the macros of CEL that go through a list.
pub const PROPERTY_LOOPS: usize = 3;
/// Deepest nesting of brackets in a property: CEL's parser needs much stack for each.
pub const PROPERTY_NESTING: usize = 20;
/// Operators of a property.
pub const PROPERTY_OPERATORS: usize = 500;
/// Bytes of one file in a reply.
pub const FILE_BYTES: usize = 1024 * 1024;
/// Bytes of all files in a reply.
pub const TREE_BYTES: usize = 16 * 1024 * 1024;
/// Candidates in memory: one per running job, plus a margin.
pub const CANDIDATES: usize = 32;
/// Characters of the reason of a conflict.
pub const CONFLICT_CHARACTERS: usize = 4000;
/// Bytes of a key from which it is one that recordings must not contain.
pub const SECRET_BYTES: usize = 8;
/// Files in a reply.
pub const TREE_FILES: usize = 500;
/// From this number of lines on, a repair may edit a file instead of sending it whole: models send
/// short files more reliably.
pub const EDIT_LINES: usize = 400;
/// Bytes that are looked at to find the places of all edits in a reply: a thousand edits of the
/// largest file.
pub const EDIT_STEPS: usize = 1024 * 1024 * 1024;
/// Token nesting depth of examples and suites, whose parsers recurse.
pub const RUST_NESTING: usize = 1000;
/// Longest number in Rust code, in characters. Reading one takes time that grows with its square.
pub const RUST_DIGITS: usize = 1000;
/// Bytes of a path: the smallest limit of file systems, minus a margin for the root.
pub const PATH_BYTES: usize = 240;
/// Folders in one path.
pub const PATH_DEPTH: usize = 12;
/// Bytes of a whole reply; a longer one means that the model loops.
pub const REPLY_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of one object, and of one recorded exchange.
pub const OBJECT_BYTES: usize = 512 * 1024 * 1024;

/// Findings in a repair prompt; more distract a model.
pub const PROMPT_FINDINGS: usize = 5;
/// Bytes of findings in a repair prompt.
pub const PROMPT_FINDING_BYTES: usize = 6 * 1024;
/// Bytes of a finding's message.
pub const FINDING_BYTES: usize = 2 * 1024;
/// Findings kept per gate.
pub const FINDINGS: usize = 100;
/// Lines about earlier attempts in a repair prompt.
pub const TRIED_LINES: usize = 3;
/// Bytes per token in input estimates; low, so that reservations are never too small.
pub const BYTES_PER_TOKEN: usize = 3;

/// Concurrent specs: while some wait for a model, others compile.
pub const JOBS: usize = 4;
/// Calls to generators per part of a job, over all tiers.
pub const CALLS: u32 = 8;
/// Repetitions of a gate after an error of the environment.
pub const RESCUES: u32 = 2;

/// Bytes kept of a gate's output per stream; the rest is dropped.
pub const OUTPUT_BYTES: usize = 1024 * 1024;
/// Default timeout of a gate.
pub const GATE_TIMEOUT: Duration = Duration::from_secs(300);
/// Timeout for formatting all files of a candidate.
pub const FORMAT_TIME: Duration = Duration::from_secs(30);
/// The same for one file, so that one cannot use up the others' time.
pub const FORMAT_FILE_TIME: Duration = Duration::from_secs(10);
/// CPU seconds of one program of a gate: several times a usual build.
pub const GATE_CPU_SECONDS: u64 = 1200;
/// Bytes of memory of a gate's processes and temporary files, enough for compiling and linking.
pub const GATE_MEMORY: u64 = 4 * 1024 * 1024 * 1024;
/// Processes and threads of one program of a gate: cargo starts dozens.
pub const GATE_PROCESSES: u64 = 512;
/// Open files of one process.
pub const GATE_OPEN_FILES: u64 = 1024;
/// Bytes of one file that a gate writes: debug builds are large.
pub const GATE_FILE: u64 = 1024 * 1024 * 1024;
/// Bytes of a gate's build folder, and of its temporary files; at most half of its memory.
pub const GATE_DISK: u64 = 2 * 1024 * 1024 * 1024;
/// Files in a gate's build folder, and among its temporary files.
pub const GATE_INODES: u64 = 100_000;
/// Bytes of output of one program of a gate; more means that it loops.
pub const GATE_OUTPUT: u64 = 32 * 1024 * 1024;
/// Timeout of fetching and building a dependency layer.
pub const LAYER_TIMEOUT: Duration = Duration::from_secs(1800);
/// Bytes of one dependency layer's build folder.
pub const LAYER_DISK: u64 = 8 * 1024 * 1024 * 1024;
/// Files in it.
pub const LAYER_INODES: u64 = 500_000;
/// Bytes of all dependency layers of a machine; the oldest ones are deleted first.
pub const LAYERS_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// Age of an unused dependency layer at which it is deleted.
pub const LAYER_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Interval between measurements of a gate's processes.
pub const WATCH_TICK: Duration = Duration::from_millis(40);
/// The same above half of its memory limit.
pub const WATCH_CLOSELY: Duration = Duration::from_millis(4);
/// CPU time of a process that cannot be inspected: more than fork and exec take.
pub const HIDDEN: Duration = Duration::from_millis(100);
/// Most time to count what is behind the descriptors of a sandbox: honest programs take
/// milliseconds.
pub const LOOK_TIME: Duration = Duration::from_secs(5);
/// Bytes counted per socket in a sandbox: Linux's default buffers, which cannot be enlarged there.
pub const SOCKET: u64 = 416 * 1024;
/// Bytes of kernel memory counted per mapping.
pub const MAPPING: u64 = 256;
/// Maximum mappings of a process in Linux's default settings.
pub const MAPPINGS: u64 = 65_530;
/// Bytes read of a process's list of mappings, about 3000; a longer list counts as the maximum.
/// Large programs have some hundreds.
pub const MAPPINGS_TEXT: u64 = 256 * 1024;
/// The same per thread: its kernel stack.
pub const THREAD: u64 = 32 * 1024;
/// The same per open descriptor.
pub const DESCRIPTOR: u64 = 1024;
/// The same per descriptor watched by epoll.
pub const WATCH: u64 = 256;
/// Kernel memory of one inotify event in bytes.
pub const EVENT: u64 = 512;
/// The same per file in memory, in addition to its content.
pub const INODE: u64 = 1024;
/// File locks of all programs of a sandbox: the kernel stores them, and long lists are slow to
/// read.
pub const LOCKS: u64 = 10_000;
/// Minimum bytes counted for shared memory without a file: it can be filled and unmapped between
/// two measurements, which then show one page.
pub const NAMELESS: u64 = 8 * 1024 * 1024;
/// Pending signals and timers, which use kernel memory.
pub const SIGNALS: u64 = 4096;
/// Time to open a sandbox; more means that the machine has a problem.
pub const SANDBOX_START: Duration = Duration::from_secs(60);
/// Age at which a prepared sandbox is discarded: the machine may have changed.
pub const SANDBOX_AHEAD: Duration = Duration::from_secs(60);
/// Bytes of an order to the sandbox's process.
pub const ORDER_BYTES: usize = 64 * 1024 * 1024;

/// Runs of a test that fails, or passes for the first time; different results make it flaky.
pub const TEST_RUNS: u8 = 3;
/// Timeout for running tests over small mutations: about as long as another gate.
pub const MUTANTS_TIME: Duration = Duration::from_secs(5);
/// Minimum timeout of a test over a mutant, which may loop.
pub const MUTANT_TIMEOUT: Duration = Duration::from_secs(2);
/// The same as a multiple of the test's usual duration.
pub const MUTANT_TIMES: u32 = 10;
/// Undetected mutations listed in a report.
pub const SURVIVORS: usize = 20;
/// Once a test did not end in its time, the others have the longest time of one that passed, times
/// this, and at least [`HUNG_TIMEOUT`].
pub const HUNG_TIMES: u32 = 10;
/// The least of it.
pub const HUNG_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of one test.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a service may take until it listens, and until it has answered a request.
pub const SERVICE_ANSWER: Duration = Duration::from_secs(30);
/// Time between two attempts to connect to a service that does not listen yet.
pub const SERVICE_PAUSE: Duration = Duration::from_millis(10);
/// Time from SIGTERM to the end of a service.
pub const SERVICE_STOP: Duration = Duration::from_secs(5);
/// Bytes of the headers, and of the body, of a service's answer.
pub const SERVICE_BYTES: usize = 1024 * 1024;
/// Nesting of brackets in a block of requests: its parser recurses.
pub const HURL_NESTING: usize = 64;
/// Digits of a number there, which fit into 64 bits.
pub const HURL_DIGITS: usize = 18;
/// How long a promotion waits for programs that `regen exec` started.
pub const READERS: Duration = Duration::from_secs(30);
/// Time between SIGTERM and SIGKILL for a process group.
pub const KILL_GRACE: Duration = Duration::from_millis(500);
/// The variable that tells the tests' side of a membrane how many seconds it has.
pub const SECONDS: &str = "REGEN_SECONDS";
/// Bytes of a custom validator's report.
pub const REPORT_BYTES: usize = 4 * 1024 * 1024;

/// Tokens that an agent's attempt may take, read and written, where nothing is configured.
pub const AGENT_TOKENS: u64 = 400_000;
/// Wall time of an agent's attempt in seconds, where nothing is configured.
pub const AGENT_SECONDS: u64 = 900;
/// Characters of a line about what an agent did.
pub const TURN_CHARACTERS: usize = 200;
/// Turns of an agent that are shown in a second, while it works.
pub const TURNS_AT_A_TIME: usize = 50;
/// Turns of an agent that are shown of an attempt afterwards.
pub const TURNS: usize = 5000;
/// Bytes of an agent's output that are kept.
pub const AGENT_OUTPUT: usize = 8 * 1024 * 1024;
/// The port of a gateway on a sandbox's own loopback.
pub const GATEWAY_PORT: u16 = 8099;
/// Answers that one command grades.
pub const GRADED_ANSWERS: usize = 100_000;
/// Wall time of a program for which regen listens, if nothing ends it before.
pub const HOSTED: Duration = Duration::from_secs(4 * 3600);
/// Connections to a gateway at a time.
pub const GATEWAY_CONNECTIONS: usize = 64;
/// Bodies that it reads at a time.
pub const GATEWAY_BODIES: usize = 4;
/// Requests of an attempt that it sends on: refused ones and those for a count cost no tokens.
pub const GATEWAY_REQUESTS: u32 = 10_000;
/// Bytes of a request to a gateway.
pub const GATEWAY_BYTES: usize = 32 * 1024 * 1024;
/// Time in which such a request arrives.
pub const GATEWAY_BODY_TIME: Duration = Duration::from_secs(60);
/// Tokens that a server may add to a request of its own: roles and separators.
pub const MESSAGE_TOKENS: usize = 64;
/// The same where tools may be used: Anthropic's API adds up to 530.
pub const TOOLS_TOKENS: usize = 600;
/// The same for each tool that the API itself describes: up to 700.
pub const TOOL_TOKENS: usize = 1000;

/// Timeout for connecting to the server.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Timeout for the first content: local servers process long prompts slowly.
pub const FIRST_TOKEN_TIMEOUT: Duration = Duration::from_secs(300);
/// Timeout between two chunks of a stream.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Timeout of one completion, including streaming.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(1800);
/// Tries of one request before the first content.
pub const HTTP_TRIES: u32 = 5;
/// First wait between tries; doubles with full jitter.
pub const RETRY_BASE: Duration = Duration::from_millis(500);
/// Longest wait between tries, unless the server asks for more.
pub const RETRY_CAP: Duration = Duration::from_secs(30);
/// Longest `Retry-After` that is waited for; with a longer one the job ends as unavailable.
pub const RETRY_AFTER_CAP: Duration = Duration::from_secs(120);
/// Maximum tokens of a completion.
pub const OUTPUT_TOKENS: u32 = 8192;
/// The same where what a model thinks counts too.
pub const RESPONSES_TOKENS: u32 = 32_768;
/// Time that is waited, behind a whole answer, for the count of its tokens.
pub const AFTER_FINISH: Duration = Duration::from_secs(5);
/// Bytes of a stream, with everything around the answer.
pub const STREAM_BYTES: usize = 256 * 1024 * 1024;
/// Days before its end that a model is warned of.
pub const SHUTDOWN_DAYS: i64 = 90;

/// Interval of full scans, which find changes without events.
pub const RESCAN: Duration = Duration::from_secs(120);
/// Quiet time after which a burst of events is over: one save gives several.
pub const SETTLE: Duration = Duration::from_millis(4);
/// How long to wait while a watched file is open for writing.
pub const UNFINISHED: Duration = Duration::from_secs(2);
/// How long a spec must stay unchanged after a save has cancelled a job with a paid answer, because
/// more saves may follow.
pub const SUPERSEDE: Duration = Duration::from_millis(300);
/// The maximum of this delay, even with repeated saves.
pub const SUPERSEDE_MOST: Duration = Duration::from_secs(5);
/// First delay after a failed job; doubles.
pub const BACK_OFF: Duration = Duration::from_secs(10);
/// Longest delay after a failed job, plus up to a quarter.
pub const BACK_OFF_MOST: Duration = Duration::from_secs(300);
/// Identical failures in a row after which a job is parked.
pub const SAME_FAILURES: u32 = 3;
/// Failures in a row caused by the model or its code after which a job is parked.
pub const FAILURES: u32 = 10;
/// Longest delay that a server may request.
pub const RATE_LIMIT_MOST: Duration = Duration::from_secs(24 * 3600);
/// News queued per slow reader; with more, it must reload everything.
pub const NEWS: usize = 1024;
/// Characters of an answer between two progress events.
pub const NEWS_CHARACTERS: usize = 400;
/// Bytes kept of a running gate's output for late readers.
pub const LIVE_BYTES: usize = 16 * 1024;
/// Default number of jobs in an API answer.
pub const SHOWN_JOBS: u32 = 20;
/// Maximum number of jobs in an API answer.
pub const SHOWN_JOBS_MOST: u32 = 1000;
/// Days of spending in an API answer.
pub const SHOWN_DAYS: u32 = 31;
/// Timeout for the headers, and for the body, of a request to the daemon.
pub const REQUEST_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's body.
pub const REQUEST_BYTES: usize = 1024 * 1024;
/// Open connections per listener of the daemon.
pub const MOST_CONNECTIONS: usize = 128;
/// The same with a low limit on open files.
pub const LEAST_CONNECTIONS: usize = 8;
/// Minimum limit on open files for regen.
pub const OPEN_FILES: u64 = 256;
/// Open files reserved for the daemon's jobs.
pub const WORK_DESCRIPTORS: usize = 192;
/// Bytes of a diff in an API answer.
pub const DIFF_BYTES: usize = 1024 * 1024;
/// Time for computing the diffs of one answer; remaining files are shown as removed and added.
pub const DIFF_TIME: Duration = Duration::from_secs(2);
/// Ledger entries read at a time for a follower.
pub const FOLLOWED: u32 = 500;
/// Interval at which a follower checks the ledger without being notified.
pub const FOLLOW: Duration = Duration::from_millis(1000);
/// Timeout for the daemon's answers; it may be reading a large workspace.
pub const DAEMON_ANSWER: Duration = Duration::from_secs(60);
/// Maximum bytes of a socket's path, with its terminator.
pub const SOCKET_PATH: usize = 100;
/// Default timeout of a hook.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Events queued for hooks; more are dropped, with a note.
pub const HOOKS_WAITING: usize = 256;
/// Batches of spans queued for sending; more are dropped, with a note.
pub const TRACES_WAITING: usize = 256;
/// Timeout for sending a batch of spans.
pub const TRACES_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval at which the daemon checks the clock, which may have been set.
pub const CLOCK: Duration = Duration::from_secs(60);
/// Longest time for which the daemon does not look whether a check for drift is due.
pub const DRIFT_LOOK: Duration = Duration::from_secs(3600);
/// Bytes of a file of test results or hand-written tests.
pub const RESULT_BYTES: usize = 64 * 1024 * 1024;

/// Promoted trees kept per spec for rollbacks.
pub const KEPT_TREES: usize = 3;
/// Minimum time that a replaced tree is kept: a build may still use it.
pub const TRASH_AGE: Duration = Duration::from_secs(600);

/// The longest name in a binding, in bytes.
pub const TEST_ID_BYTES: usize = 200;
/// The longest name of a spec, a target or a gate, in bytes.
pub const NAME_BYTES: usize = 64;

/// Characters kept or shown of one line of untrusted text.
pub const SHOWN_COLUMNS: usize = 2000;
