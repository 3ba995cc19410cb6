//! Thoughts that a server leaves in the text of an answer: `<think>…</think>` before it, and the
//! marks of other models.

/// What stands around thoughts, in small letters. Tags may have attributes.
const MARKS: [(&str, &str); 13] = [
    ("<think", "</think>"),
    ("<thinking", "</thinking>"),
    ("<thought", "</thought>"),
    ("<thoughts", "</thoughts>"),
    ("<reasoning", "</reasoning>"),
    ("<reflection", "</reflection>"),
    ("<analysis", "</analysis>"),
    ("<scratchpad", "</scratchpad>"),
    ("<seed:think", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
];

/// How many thoughts are looked for.
const MOST: usize = 8;

/// What ends an answer in the form that is asked for.
const DONE: &str = "\n### done";

/// An answer without the thoughts before it. `finished`: the model said all it wanted to.
pub fn without(text: &str, finished: bool) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST {
        let Some((before, behind)) = split(&text, finished) else { break };
        text = format!("{}{}", &text[..before], text[behind..].trim_start());
    }
    text
}

/// The place of the first thoughts.
fn split(text: &str, finished: bool) -> Option<(usize, usize)> {
    // Letters outside of ASCII keep their lengths.
    let folded = text.to_ascii_lowercase();
    let start = text.len() - text.trim_start().len();
    let head = &folded[..head(&folded)];
    let opened = MARKS.iter().filter_map(|(open, close)| {
        let (at, end) = opening(head, open)?;
        Some((at, end, *close))
    });
    match opened.min_by_key(|(at, ..)| *at) {
        Some((at, end, close)) => match closing(&folded[end..], close, at == start) {
            Some(length) => Some((at, end + length)),
            None if at == start => Some((at, if finished { end } else { text.len() })),
            None => None,
        },
        // Servers that write the first mark for the model give only the second.
        None => MARKS.iter().find_map(|(open, close)| {
            let at = folded.find(close)?;
            is_thought(&folded, at, open, close).then_some((0, at + close.len()))
        }),
    }
}

/// How much of a text stands before its first file.
fn head(text: &str) -> usize {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        if bare.starts_with("### ") || ["~~~", "```", "{"].iter().any(|mark| bare.starts_with(mark))
        {
            break;
        }
        length += line.len();
    }
    length
}

/// The place of an opening mark.
fn opening(head: &str, open: &str) -> Option<(usize, usize)> {
    head.match_indices(open).find_map(|(at, _)| {
        let end = at + open.len();
        let end = if open.starts_with('<') && !open.ends_with('>') {
            let rest = &head[end..];
            let close = rest.find(['>', '\n', '<']).filter(|at| rest[*at..].starts_with('>'))?;
            (close == 0 || rest.starts_with(' ')).then_some(end + close + 1)?
        } else {
            end
        };
        // A tag in quotes is one that is talked about.
        (!head[..at].ends_with(['`', '"', '\''])).then_some((at, end))
    })
}

/// How far thoughts go, their closing mark included. Drafts in them may name the mark.
fn closing(text: &str, close: &str, is_first: bool) -> Option<usize> {
    let (mut from, mut fence) = (0, OpenFence::default());
    let outside = text.split_inclusive('\n').find_map(|line| {
        let start = from;
        from += line.len();
        let at = line.find(close).filter(|_| fence.0.is_none());
        fence.pass(line);
        at.map(|at| start + at)
    });
    outside.or(text.find(close).filter(|_| is_first)).map(|at| at + close.len())
}

/// Whether what stands before a closing mark without an opening one is a thought.
fn is_thought(text: &str, at: usize, open: &str, close: &str) -> bool {
    let (before, behind) = text.split_at(at);
    let begins_line = before.trim_end_matches(' ').ends_with('\n');
    let is_behind_answer = before.contains(DONE) && !behind[close.len()..].contains(DONE);
    let is_quoted = before.ends_with(['`', '"', '\'']);
    (head(before) == before.len() || begins_line)
        && !is_quoted
        && is_outside_of_files(before)
        && !before.contains(open)
        && !is_behind_answer
}

/// Whether a text ends outside of a fence.
fn is_outside_of_files(text: &str) -> bool {
    let mut fence = OpenFence::default();
    text.lines().for_each(|line| fence.pass(line));
    fence.0.is_none()
}

/// The mark of the fence that is open.
#[derive(Default)]
struct OpenFence<'a>(Option<&'a str>);

impl<'a> OpenFence<'a> {
    fn pass(&mut self, line: &'a str) {
        let line = line.trim();
        let mark = &line[..line.len() - line.trim_start_matches(['~', '`']).len()];
        if mark.len() < 3 {
            return;
        }
        self.0 = match self.0 {
            Some(fence) if line == mark && mark.len() >= fence.len() => None,
            Some(fence) => Some(fence),
            None => Some(mark),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::without;

    const ANSWER: &str = "### FILE: a\n~~~\nx\n~~~\n### DONE: 1 files\n";

    #[test]
    fn what_is_thought_is_no_answer() {
        for thought in [
            "<think>\n### CONFLICT: a b\n</think>\n",
            "<thinking></thinking>",
            "<THINK>\n### CONFLICT: a b\n</THINK>\n",
            "<think duration=\"3\">\n### CONFLICT: a b\n</think>\n",
            "<analysis>\n### CONFLICT: a b\n</analysis>\n",
            "<|channel>thought\n### CONFLICT: a b\n<channel|>",
            "<think>a</think>\n<think>### CONFLICT: a b</think>\n",
            "<think>\n### FILE: a\n~~~\n\"</think>\"\n~~~\n### DONE: 1\n</think>\n",
            "<think>\n~~~\nhm\n</think>\n",
            "hm\n</think>",
            "hm, ### no.</think>",
            "### FILE: a\n~~~\nz\n~~~\n### DONE: 1\n</THINK>\n",
            "[THINK]hm[/THINK]",
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>",
        ] {
            assert_eq!(without(&format!("{thought}{ANSWER}"), true), ANSWER, "{thought}");
        }
        for thought in
            ["Sure.\n<think>\n### CONFLICT: a b\n</think>\n", "Sure.\n<Think>a</think>\n"]
        {
            assert_eq!(without(&format!("{thought}{ANSWER}"), true), format!("Sure.\n{ANSWER}"));
        }
        assert_eq!(without("<think>for ever", false), "");
        assert_eq!(without(&format!("<think>{ANSWER}"), true), ANSWER);
    }

    #[test]
    fn nothing_is_taken_out_of_files_or_words() {
        let file = |text: &str| format!("### FILE: a\n~~~\n{text}\n~~~\n### DONE: 1 files\n");
        for text in [
            format!("{ANSWER}It strips </think>."),
            format!("{ANSWER}It strips\n</think>."),
            file("// strips <think> and\n</think>"),
            file("// strips it\n</think>"),
            format!("It strips `<think>` tags.\n{}", file("</think>")),
            format!("It strips\n<think> tags.\n{}", file("</think>")),
            format!("It strips </think> tags:\n{ANSWER}")
                .replace("It strips </think>", "`</think>`"),
            format!("<thinker> is a type.\n{ANSWER}"),
            "{\"files\":{\"a\":\"<think>hm</think> x </think>\"}}".to_owned(),
            "Here:\n{\"files\":{\"a\":\"x </think>\"}}".to_owned(),
            format!("{ANSWER}strips </think>\n{}", file("x").replace("a\n", "b\n")),
        ] {
            assert_eq!(without(&text, true), text);
        }
    }
}
