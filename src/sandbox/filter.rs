//! A filter over system calls, assembled from the table in `syscalls`: what the table does not name
//! is answered as by a kernel that does not have it, so that libraries fall back.

use seccompiler::sock_filter;

use super::syscalls::{ArgumentTest, CallAnswer, CallRule, CallRules, CallTable};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: u32 = 0xc000_00f3;

/// Where the kernel shows a filter the number, the architecture, and the arguments' low words.
const NUMBER: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Instructions of the kernel's.
const LOAD: u16 = 0x20;
const MASK: u16 = 0x54;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const ANSWER: u16 = 0x06;

/// Behind all calls that there are: calls from here on are unknown.
const CALLS: u32 = 1024;

fn one(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn branch(code: u16, k: u32, jt: usize, jf: usize) -> sock_filter {
    // Rules are short: none is longer than a jump reaches, which a test sees to.
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

/// The whole filter.
pub fn assemble(table: &CallTable) -> Vec<sock_filter> {
    // Skip the next one if the architecture is ours; end the process.
    let mut list = vec![
        one(LOAD, ARCHITECTURE_AT),
        branch(IF_EQUAL, ARCHITECTURE, 1, 0),
        one(ANSWER, libc::SECCOMP_RET_KILL_PROCESS),
        one(LOAD, NUMBER),
    ];
    // The x32 interface: its calls pass for those of this architecture otherwise.
    #[cfg(target_arch = "x86_64")]
    list.extend([
        branch(IF_AT_LEAST, 0x4000_0000, 0, 1),
        one(ANSWER, libc::SECCOMP_RET_KILL_PROCESS),
    ]);
    list.extend(halve(&runs(table)));
    list
}

/// Calls in a row that have the same answer, by the first of them.
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

/// Finds the run of a call by halving: the kernel walks through a filter for every call there is
/// when it is put in place, and for each call with conditions when it is made.
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

/// The answer to one call: that of the first rule that holds.
fn block(rules: &CallRules) -> Vec<sock_filter> {
    let mut list: Vec<sock_filter> = rules.rules.iter().flat_map(rule).collect();
    list.push(answer(rules.otherwise));
    list
}

fn rule(rule: &CallRule) -> Vec<sock_filter> {
    // From behind, because each test jumps over what follows it.
    let mut list = vec![answer(rule.answer)];
    for test in rule.tests.iter().rev() {
        let mut longer = look(test, length(&list));
        longer.extend(list);
        list = longer;
    }
    list
}

/// Goes on behind itself where a test holds, and over `rest` more where it does not.
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

    /// Walks through a program as the kernel does.
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
    fn every_call_has_the_answer_of_the_table_and_all_others_are_absent() {
        for shares in [Shares::Nothing, Shares::Builds, Shares::All] {
            let table = table(shares);
            let program = assemble(&table);
            assert!(program.len() < 2048, "{}", program.len());
            // A jump that does not reach would be one of the longest.
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
