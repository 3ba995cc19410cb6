//! Assembles a seccomp filter from the table in `syscalls`. Calls outside of the table fail with
//! ENOSYS, so that libraries fall back.

use seccompiler::sock_filter;

use super::syscalls::{ArgumentTest, CallAnswer, CallRule, CallRules, CallTable};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: u32 = 0xc000_00f3;

/// Offsets of the number, the architecture and the arguments' low words.
const NUMBER: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS: u32 = 16;

/// BPF instructions.
const LOAD: u16 = 0x20;
const MASK: u16 = 0x54;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const ANSWER: u16 = 0x06;

/// Beyond all known calls.
const CALLS: u32 = 1024;

fn one(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn branch(code: u16, k: u32, jt: usize, jf: usize) -> sock_filter {
    // Rules are shorter than the longest jump; a test checks this.
    let short = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    sock_filter { code, jt: short(jt), jf: short(jf), k }
}

fn length(list: &[sock_filter]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn answer(answer: CallAnswer) -> sock_filter {
    one(
        ANSWER,
        match answer {
            CallAnswer::Allow => libc::SECCOMP_RET_ALLOW,
            CallAnswer::Errno(number) => libc::SECCOMP_RET_ERRNO | number.unsigned_abs(),
        },
    )
}

/// The complete filter.
pub fn assemble(table: &CallTable) -> Vec<sock_filter> {
    // Kills the process on another architecture.
    let mut list = vec![
        one(LOAD, ARCHITECTURE_AT),
        branch(IF_EQUAL, ARCHITECTURE, 1, 0),
        one(ANSWER, libc::SECCOMP_RET_KILL_PROCESS),
        one(LOAD, NUMBER),
    ];
    // x32 calls would otherwise pass as calls of this architecture.
    #[cfg(target_arch = "x86_64")]
    list.extend([
        branch(IF_AT_LEAST, 0x4000_0000, 0, 1),
        one(ANSWER, libc::SECCOMP_RET_KILL_PROCESS),
    ]);
    list.extend(halve(&runs(table)));
    list
}

/// Ranges of calls with the same answer, by their first call.
fn runs(table: &CallTable) -> Vec<(u32, Vec<sock_filter>)> {
    let unknown = CallRules::from(CallAnswer::Errno(libc::ENOSYS));
    let mut last = None;
    let mut list = Vec::new();
    for call in 0..=CALLS {
        let rules = table.get(&call).unwrap_or(&unknown);
        if last.replace(rules) != Some(rules) {
            list.push((call, block(rules)));
        }
    }
    list
}

/// Finds the range of a call by binary search: the kernel checks the filter for every call when it
/// is installed, and runs it for conditional calls.
fn halve(runs: &[(u32, Vec<sock_filter>)]) -> Vec<sock_filter> {
    if let [(_, only)] = runs {
        return only.clone();
    }
    let (below, above) = runs.split_at(runs.len() / 2);
    let Some((middle, _)) = above.first() else { return Vec::new() };
    let (below, above) = (halve(below), halve(above));
    let mut list = vec![branch(IF_AT_LEAST, *middle, 0, 1), one(JUMP, length(&below))];
    list.extend(below);
    list.extend(above);
    list
}

/// The answer to one call: of the first matching rule.
fn block(rules: &CallRules) -> Vec<sock_filter> {
    let mut list: Vec<sock_filter> = rules.rules.iter().flat_map(rule).collect();
    list.push(answer(rules.otherwise));
    list
}

fn rule(rule: &CallRule) -> Vec<sock_filter> {
    // Built from the end, because each test jumps over the code after it.
    let mut list = vec![answer(rule.answer)];
    for test in rule.tests.iter().rev() {
        let mut longer = look(test, length(&list));
        longer.extend(list);
        list = longer;
    }
    list
}

/// Continues if a test holds, otherwise jumps over `rest` more instructions.
fn look(test: &ArgumentTest, rest: u32) -> Vec<sock_filter> {
    let mut list = vec![one(LOAD, ARGUMENTS + 8 * test.argument)];
    if test.mask != u32::MAX {
        list.push(one(MASK, test.mask));
    }
    let count = test.values.len();
    for (number, value) in test.values.iter().enumerate() {
        let left = count - number - 1;
        list.push(if test.among {
            branch(IF_EQUAL, *value, left + 1, 0)
        } else {
            branch(IF_EQUAL, *value, left, usize::from(left == 0))
        });
    }
    list.push(one(JUMP, rest));
    list
}

#[cfg(test)]
mod tests {
    use super::super::syscalls::{Shares, table};
    use super::*;

    /// Interprets a filter as the kernel does.
    fn run(program: &[sock_filter], architecture: u32, call: u32, arguments: [u64; 6]) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let one = &program[at];
            at += 1;
            match one.code {
                LOAD if one.k == NUMBER => value = call,
                LOAD if one.k == ARCHITECTURE_AT => value = architecture,
                LOAD => value = arguments[(one.k - ARGUMENTS) as usize / 8] as u32,
                MASK => value &= one.k,
                JUMP => at += one.k as usize,
                IF_EQUAL => at += usize::from(if value == one.k { one.jt } else { one.jf }),
                IF_AT_LEAST => at += usize::from(if value >= one.k { one.jt } else { one.jf }),
                ANSWER => return one.k,
                other => panic!("an unknown instruction: {other:#x}"),
            }
        }
    }

    fn expected(rules: &CallRules, arguments: [u64; 6]) -> u32 {
        let holds = |test: &ArgumentTest| {
            let value = arguments[test.argument as usize] as u32 & test.mask;
            test.values.contains(&value) == test.among
        };
        let rule = rules.rules.iter().find(|rule| rule.tests.iter().all(holds));
        answer(rule.map_or(rules.otherwise, |rule| rule.answer)).k
    }

    #[test]
    fn calls_are_answered_by_the_table_and_others_fail_with_enosys() {
        for shares in [Shares::Nothing, Shares::Builds, Shares::All] {
            let table = table(shares);
            let program = assemble(&table);
            assert!(program.len() < 2048, "{}", program.len());
            // A jump that is too short would be one of the longest.
            assert!(program.iter().all(|one| one.jt < u8::MAX && one.jf < u8::MAX));
            let absent = CallRules::from(CallAnswer::Errno(libc::ENOSYS));
            for call in (0..2000).chain([0x3fff_ffff]) {
                let rules = table.get(&call).unwrap_or(&absent);
                let mut seen: Vec<u64> = vec![0, 1, u64::MAX];
                seen.extend(rules.rules.iter().flat_map(|rule| &rule.tests).flat_map(|test| {
                    test.values.iter().flat_map(|value| [u64::from(*value), u64::from(*value) + 1])
                }));
                for (one, two, three) in seen
                    .iter()
                    .flat_map(|one| seen.iter().map(move |two| (one, two)))
                    .flat_map(|(one, two)| [0, 1, 6].map(|three| (one, two, three)))
                {
                    let arguments = [*one, *two, three, *two, 0, 0];
                    let said = run(&program, ARCHITECTURE, call, arguments);
                    assert_eq!(said, expected(rules, arguments), "{call} {arguments:?}");
                }
                let foreign = run(&program, 0x4000_0003, call, [0; 6]);
                assert_eq!(foreign, libc::SECCOMP_RET_KILL_PROCESS, "{call}");
            }
            #[cfg(target_arch = "x86_64")]
            assert_eq!(
                run(&program, ARCHITECTURE, 0x4000_0027, [0; 6]),
                libc::SECCOMP_RET_KILL_PROCESS,
                "x32"
            );
        }
    }
}
