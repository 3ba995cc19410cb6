//! Thoughts that a server leaves in the text of an answer: `<think>…</think>` before it, and the
//! marks of other models.

/// What stands around thoughts.
const MARKS: [(&str, &str); 8] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
];

/// What ends an answer in the form that is asked for.
const DONE: &str = "\n### DONE";

/// An answer without the thoughts before it. `finished`: the model said all it wanted to.
pub fn without(text: &str, finished: bool) -> String {
    let answer = MARKS.iter().find_map(|(open, close)| behind(text, open, close, finished));
    answer.map_or_else(|| text.to_owned(), |answer| answer.trim_start().to_owned())
}

/// What stands behind thoughts between these marks; `None` without such thoughts.
fn behind<'a>(text: &'a str, open: &str, close: &str, finished: bool) -> Option<&'a str> {
    let begun = text.trim_start().strip_prefix(open);
    match (begun, text.find(close)) {
        // Servers that write the first mark for the model give only the second.
        (None, Some(at)) => {
            let (before, rest) = text.split_at(at);
            let is_behind_it = before.contains(DONE) && !rest.contains(DONE);
            let are_thoughts =
                is_outside_of_files(before) && !before.contains(open) && !is_behind_it;
            are_thoughts.then(|| &rest[close.len()..])
        }
        (None, None) => None,
        (Some(_), Some(at)) => Some(&text[at + close.len()..]),
        (Some(inner), None) => Some(if finished { inner } else { "" }),
    }
}

/// Whether a text ends outside of a fence.
fn is_outside_of_files(text: &str) -> bool {
    let mut open: Option<&str> = None;
    for line in text.lines().map(str::trim) {
        let mark = &line[..line.len() - line.trim_start_matches(['~', '`']).len()];
        if mark.len() < 3 {
            continue;
        }
        open = match open {
            Some(fence) if line == mark && mark.len() >= fence.len() => None,
            Some(fence) => Some(fence),
            None => Some(mark),
        };
    }
    open.is_none()
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn what_is_thought_is_no_answer() {
        let answer = "### FILE: a\n~~~\nx\n~~~\n### DONE: 1 files\n";
        for thought in [
            "<think>\n### CONFLICT: a b\n</think>\n",
            "<thinking></thinking>",
            "hm\n</think>",
            "[THINK]hm[/THINK]",
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>",
        ] {
            assert_eq!(without(&format!("{thought}{answer}"), true), answer);
        }
        assert_eq!(without("<think>for ever", false), "");
        assert_eq!(without(&format!("<think>{answer}"), true), answer);
        let behind = format!("{answer}It strips </think>.");
        assert_eq!(without(&behind, true), behind);
        let about = "### FILE: a\n~~~\n// strips <think> and\n</think>\n~~~\n### DONE: 1 files\n";
        assert_eq!(without(about, true), about);
        let about = about.replace("<think> and", "it");
        assert_eq!(without(&about, true), about);
    }
}
