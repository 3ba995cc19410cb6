//! Inputs: mutations of real files.

use super::readers::Reader;

/// Pseudo-random numbers from a seed (SplitMix64).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another one; 0 below 0.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Texts with a special meaning for parsers.
const WORDS: [&str; 44] = [
    "\0",
    "\u{feff}",
    "\r\n",
    "\r",
    "\u{202e}",
    "é",
    "\u{1f600}",
    "\u{85}",
    "\u{301}",
    "\x1b[31m",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "'''",
    "\"\"\"",
    "```",
    "~~~~",
    "`",
    "---\n",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "- ",
    "> ",
    "    ",
    "\t",
    "| a | b |\n|--|--|\n",
    "[x]: y\n",
    "![",
    "<!--",
    "**",
    "-1",
    "0",
    "18446744073709551616",
    "1e999",
    "9999-99-99",
    "..",
    "../../../x",
];
/// Texts that nest, with their closing parts.
const NESTED: [(&str, &str); 14] = [
    ("[", "]"),
    ("{\"a\":", "}"),
    ("(", ")"),
    ("{", "}"),
    ("> ", ""),
    ("- ", ""),
    ("*a ", "*"),
    ("[a](", ")"),
    ("a.", ""),
    ("&", ""),
    ("Box<", ">"),
    ("if a {", "}"),
    ("!", ""),
    ("/*", "*/"),
];
/// Maximum size of most inputs.
const MOST: usize = 256 * 1024;

/// The seeds of inputs.
pub struct Corpus {
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    name: u64,
}

impl Corpus {
    pub fn of(reader: &Reader) -> Self {
        let seeds = (reader.seeds)();
        assert!(!seeds.is_empty(), "{} has nothing to begin with", reader.name);
        let mut words: Vec<Vec<u8>> = WORDS.iter().map(|word| word.as_bytes().to_vec()).collect();
        for seed in &seeds {
            let parts = seed.split(|byte| byte.is_ascii_whitespace() || b"=:,\"".contains(byte));
            words.extend(parts.filter(|part| (2..40).contains(&part.len())).map(<[u8]>::to_vec));
        }
        words.sort();
        words.dedup();
        let name = reader
            .name
            .bytes()
            .fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Self { seeds, words, name }
    }

    /// The input with a number; the first ones are the seeds themselves.
    pub fn input(&self, number: u64) -> Vec<u8> {
        if let Some(seed) = usize::try_from(number).ok().and_then(|at| self.seeds.get(at)) {
            return seed.clone();
        }
        let mut numbers = Numbers::new(self.name ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        let mut bytes = numbers.one(&self.seeds).clone();
        let count = 1 + numbers.below(2) * numbers.below(8);
        for _ in 0..count {
            self.change(&mut bytes, &mut numbers);
            bytes.truncate(MOST);
        }
        if numbers.below(500) == 0 {
            bytes = bytes.repeat(1 + MOST / bytes.len().max(1));
        }
        bytes
    }

    fn change(&self, bytes: &mut Vec<u8>, numbers: &mut Numbers) {
        let at = numbers.below(bytes.len() + 1);
        let scale = numbers.below(10);
        let length = 1 + numbers.below(1 << scale);
        let end = (at + length).min(bytes.len());
        match numbers.below(14) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 if at < bytes.len() => bytes[at] = numbers.below(256) as u8,
            2 | 3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                let to = numbers.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            5 | 6 => {
                let from = numbers.one(&self.seeds);
                let start = numbers.below(from.len() + 1);
                let part = &from[start..(start + length).min(from.len())];
                bytes.splice(at..end, part.iter().copied());
            }
            7 | 8 => {
                let word = numbers.one(&self.words).clone();
                bytes.splice(at..at, word);
            }
            9 => {
                let word = numbers.one(&self.words).clone();
                bytes.splice(at..end, word);
            }
            10 => {
                let times = 1 << numbers.below(17);
                let part = bytes[at..(at + numbers.below(20)).min(bytes.len())].repeat(times);
                bytes.splice(at..at, part.into_iter().take(MOST));
            }
            11 => nest(bytes, at, numbers),
            12 => swap_lines(bytes, numbers),
            _ => bytes.truncate(at),
        }
    }
}

fn nest(bytes: &mut Vec<u8>, at: usize, numbers: &mut Numbers) {
    let (open, close) = *numbers.one(&NESTED);
    let times = 1 << numbers.below(15);
    let close = if numbers.below(2) == 0 { close.repeat(times) } else { String::new() };
    let text = open.repeat(times) + &close;
    bytes.splice(at..at, text.into_bytes());
}

fn swap_lines(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let mut lines: Vec<Vec<u8>> =
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (one, other) = (numbers.below(lines.len()), numbers.below(lines.len()));
    if !lines.is_empty() {
        lines.swap(one, other);
    }
    *bytes = lines.concat();
}
