//! Reads the type checker's output.

/// A line of the type checker.
#[derive(Debug, PartialEq, Eq)]
pub struct TypeError {
    /// The file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// The number of the rule, as `TS2322`.
    pub rule: String,
    /// What is wrong, with the lines that explain it.
    pub message: String,
}

/// The errors in the type checker's output.
pub fn type_errors(text: &str) -> Vec<TypeError> {
    let mut found: Vec<TypeError> = Vec::new();
    for line in text.lines() {
        match (type_error(line), found.last_mut()) {
            (Some(error), _) => found.push(error),
            (None, Some(last)) if line.starts_with(' ') => {
                last.message.push('\n');
                last.message.push_str(line);
            }
            (None, _) => {}
        }
    }
    found
}

/// A line as `src/index.ts(3,7): error TS2322: …`.
fn type_error(line: &str) -> Option<TypeError> {
    let (place, rest) = line.split_once("): error ")?;
    let (file, place) = place.rsplit_once('(')?;
    let (rule, message) = rest.split_once(": ")?;
    let line = place.split(',').next()?.parse().ok()?;
    Some(TypeError {
        file: file.to_owned(),
        line,
        rule: rule.to_owned(),
        message: message.to_owned(),
    })
}
