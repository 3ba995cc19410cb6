//! Keys of services in files that people read.

/// Beginnings of keys, and how many characters follow at least.
const KEYS: [(&str, usize); 7] = [
    ("sk-", 20),
    ("ghp_", 20),
    ("github_pat_", 20),
    ("xoxb-", 20),
    ("AKIA", 16),
    ("AIza", 30),
    ("-----BEGIN", 0),
];

/// Whether a line has what looks like a key.
pub fn has_key(line: &str) -> bool {
    KEYS.iter().any(|(start, least)| {
        let mut rests = line.match_indices(start).map(|(at, start)| &line[at + start.len()..]);
        rests.any(|rest| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            rest.chars().take_while(|c| is_part(*c)).count() >= *least
        })
    })
}
