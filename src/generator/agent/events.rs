//! What an agent did, in the words of its own events. For people only: nothing here is judged or
//! counted.

use serde_json::Value;

use crate::types::limits;
use crate::types::text::visible_line;

/// A rule that reads an event.
struct EventRule {
    /// Places of the event and what stands there.
    when: &'static [(&'static str, &'static str)],
    /// What the agent did.
    does: &'static str,
    /// Where the words are; `*` is each element of a list.
    words: &'static [&'static str],
}

/// A rule that reads how many tokens an agent says that it used.
struct ClaimRule {
    when: &'static [(&'static str, &'static str)],
    /// Where the numbers are, which are added.
    input: &'static [&'static str],
    output: &'static str,
    /// Whether the event is of one turn, not of all so far.
    is_of_a_turn: bool,
}

/// Rules for the events of all known agents, whose forms differ. An event may match several.
const EVENTS: [EventRule; 14] = [
    // codex
    EventRule {
        when: &[("/type", "item.completed"), ("/item/type", "command_execution")],
        does: "ran",
        words: &["/item/command"],
    },
    EventRule {
        when: &[("/type", "item.completed"), ("/item/type", "agent_message")],
        does: "says",
        words: &["/item/text"],
    },
    EventRule {
        when: &[("/type", "item.completed"), ("/item/type", "file_change")],
        does: "changed",
        words: &["/item/changes/*/path"],
    },
    EventRule {
        when: &[("/type", "item.completed"), ("/item/type", "error")],
        does: "reports",
        words: &["/item/message"],
    },
    EventRule { when: &[("/type", "turn.failed")], does: "failed", words: &["/error/message"] },
    EventRule { when: &[("/type", "error")], does: "failed", words: &["/message"] },
    // Claude Code
    EventRule {
        when: &[("/type", "assistant")],
        does: "says",
        words: &["/message/content/*/text"],
    },
    EventRule {
        when: &[("/type", "assistant")],
        does: "uses",
        words: &[
            "/message/content/*/name",
            "/message/content/*/input/command",
            "/message/content/*/input/file_path",
        ],
    },
    // gemini
    EventRule {
        when: &[("/type", "message"), ("/role", "assistant")],
        does: "says",
        words: &["/content"],
    },
    EventRule { when: &[("/type", "message"), ("/role", "user")], does: "is told", words: &[] },
    // gemini and opencode
    EventRule {
        when: &[("/type", "tool_use")],
        does: "uses",
        words: &[
            "/tool_name",
            "/parameters/command",
            "/parameters/file_path",
            "/part/tool",
            "/part/state/input/command",
            "/part/state/input/filePath",
        ],
    },
    // opencode
    EventRule { when: &[("/type", "text")], does: "says", words: &["/part/text"] },
    // pi
    EventRule {
        when: &[("/type", "message_end"), ("/message/role", "assistant")],
        does: "says",
        words: &["/message/content/*/text"],
    },
    EventRule {
        when: &[("/type", "tool_execution_start")],
        does: "uses",
        words: &["/toolName", "/args/command", "/args/path"],
    },
];

const CLAIMS: [ClaimRule; 5] = [
    ClaimRule {
        when: &[("/type", "turn.completed")],
        input: &["/usage/input_tokens"],
        output: "/usage/output_tokens",
        is_of_a_turn: false,
    },
    ClaimRule {
        when: &[("/type", "result")],
        input: &[
            "/usage/input_tokens",
            "/usage/cache_read_input_tokens",
            "/usage/cache_creation_input_tokens",
        ],
        output: "/usage/output_tokens",
        is_of_a_turn: false,
    },
    ClaimRule {
        when: &[("/type", "result")],
        input: &["/stats/input_tokens"],
        output: "/stats/output_tokens",
        is_of_a_turn: false,
    },
    ClaimRule {
        when: &[("/type", "step_finish")],
        input: &["/part/tokens/input", "/part/tokens/cache/read", "/part/tokens/cache/write"],
        output: "/part/tokens/output",
        is_of_a_turn: true,
    },
    ClaimRule {
        when: &[("/type", "message_end")],
        input: &["/message/usage/input", "/message/usage/cacheRead", "/message/usage/cacheWrite"],
        output: "/message/usage/output",
        is_of_a_turn: true,
    },
];

/// Events without words for people: beginnings, ends and results of tools.
const QUIET: [&str; 20] = [
    "thread.started",
    "turn.started",
    "turn.completed",
    "item.started",
    "item.updated",
    "system",
    "user",
    "init",
    "session",
    "agent_start",
    "agent_end",
    "turn_start",
    "turn_end",
    "message_start",
    "message_update",
    "tool_execution_update",
    "tool_execution_end",
    "step_start",
    "step_finish",
    "tool_result",
];

/// What a line of an agent's output says. A line that is not known stays as it is.
pub fn turns(line: &str) -> Vec<String> {
    let Ok(event @ Value::Object(_)) = serde_json::from_str(line) else {
        let line = line.trim();
        return if line.is_empty() { Vec::new() } else { vec![short(line)] };
    };
    let read = EVENTS.iter().filter(|rule| matches(&event, rule.when)).filter_map(|rule| {
        let mut words = Vec::new();
        rule.words.iter().for_each(|place| collect(&event, place, &mut words));
        (!words.is_empty()).then(|| short(&format!("{} {}", rule.does, words.join(" "))))
    });
    let read: Vec<String> = read.collect();
    let kind = event["type"].as_str();
    let is_quiet = kind.is_some_and(|kind| QUIET.contains(&kind));
    let is_known = EVENTS.iter().any(|rule| matches(&event, rule.when))
        || CLAIMS.iter().any(|rule| matches(&event, rule.when));
    if read.is_empty() && !is_quiet && !is_known { vec![short(line)] } else { read }
}

/// The tokens, read and written, that an agent says that it used.
pub fn claimed(transcript: &str) -> Option<[u64; 2]> {
    let mut sum: Option<[u64; 2]> = None;
    for line in transcript.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        for rule in CLAIMS.iter().filter(|rule| matches(&event, rule.when)) {
            let number = |place: &str| event.pointer(place).and_then(Value::as_u64);
            let Some(output) = number(rule.output) else { continue };
            let input = rule.input.iter().filter_map(|place| number(place));
            let input = input.fold(0, u64::saturating_add);
            let [before, written] = sum.filter(|_| rule.is_of_a_turn).unwrap_or_default();
            sum = Some([before.saturating_add(input), written.saturating_add(output)]);
        }
    }
    sum
}

fn matches(event: &Value, when: &[(&str, &str)]) -> bool {
    when.iter().all(|(place, value)| event.pointer(place).is_some_and(|seen| seen == value))
}

/// The texts and numbers at a place.
fn collect(value: &Value, place: &str, into: &mut Vec<String>) {
    if let Some((before, after)) = place.split_once("/*") {
        let list = value.pointer(before).and_then(Value::as_array);
        list.into_iter().flatten().for_each(|one| collect(one, after, into));
        return;
    }
    into.extend(value.pointer(place).and_then(Value::as_str).map(str::to_owned));
}

/// A line of limited length without control characters.
fn short(text: &str) -> String {
    let line = visible_line(text.trim());
    let mut shown: String = line.chars().take(limits::TURN_CHARACTERS).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_of_all_agents_are_read() {
        for (event, wanted) in [
            (
                json!({ "type": "item.completed", "item": {
                    "type": "command_execution", "command": "cargo test", "exit_code": 0 } }),
                vec!["ran cargo test"],
            ),
            (
                json!({ "type": "item.completed", "item": {
                    "type": "file_change", "changes": [{ "path": "a" }, { "path": "b" }] } }),
                vec!["changed a b"],
            ),
            (
                json!({ "type": "assistant", "message": { "content": [
                    { "type": "text", "text": "I write." },
                    { "type": "tool_use", "name": "Bash", "input": { "command": "ls" } },
                ] } }),
                vec!["says I write.", "uses Bash ls"],
            ),
            (
                json!({ "type": "tool_use", "tool_name": "write_file",
                    "parameters": { "file_path": "src/lib.rs" } }),
                vec!["uses write_file src/lib.rs"],
            ),
            (
                json!({ "type": "tool_use", "part": { "tool": "bash",
                    "state": { "input": { "command": "ls" } } } }),
                vec!["uses bash ls"],
            ),
            (
                json!({ "type": "tool_execution_start", "toolName": "edit",
                    "args": { "path": "a" } }),
                vec!["uses edit a"],
            ),
            (json!({ "type": "turn.started" }), vec![]),
            (json!({ "type": "message", "role": "user", "content": "Work." }), vec![]),
            (json!({ "type": "new\u{1b}[31m" }), vec!["{\"type\":\"new\\u001b[31m\"}"]),
        ] {
            assert_eq!(turns(&event.to_string()), wanted, "{event}");
        }
        assert_eq!(turns("  plain \u{7} words"), ["plain \\u{7} words"]);
        assert!(turns("").is_empty());
    }

    #[test]
    fn what_agents_say_of_their_tokens_is_read() {
        let text =
            |events: &[Value]| events.iter().map(|one| format!("{one}\n")).collect::<String>();
        let total = |input, output| {
            json!({ "type": "turn.completed",
                "usage": { "input_tokens": input, "output_tokens": output } })
        };
        assert_eq!(claimed(&text(&[total(5, 1), total(9, 2)])), Some([9, 2]));
        let step = json!({ "type": "step_finish", "part": { "tokens": {
            "input": 3, "output": 2, "cache": { "read": 1, "write": 0 } } } });
        assert_eq!(claimed(&text(&[step.clone(), step])), Some([8, 4]));
        assert_eq!(claimed("no events\n"), None);
    }
}
