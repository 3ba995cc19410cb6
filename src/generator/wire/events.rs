//! Bytes of a response -> events. It is written against what servers send, not against the
//! standard of server-sent events: see `docs/design/generation.md`.

use serde_json::Value;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamEvent {
    /// What an `event:` line before it said; empty without one.
    pub name: String,
    /// What it holds.
    pub data: EventData,
}

/// What an event holds.
#[derive(Clone, Debug, PartialEq)]
pub enum EventData {
    /// A JSON object.
    Object(Value),
    /// The mark that ends a stream.
    Done,
    /// The beginning of a JSON object, and not its end.
    Damaged,
    /// Anything else: a keep-alive, a page of HTML.
    Text(String),
}

/// Splits bytes into events, as they come.
#[derive(Debug, Default)]
pub struct StreamReader {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed behind it ends no other line.
    returned: bool,
    name: String,
    /// Lines of a JSON text that is not whole yet.
    part: String,
    events: Vec<StreamEvent>,
}

impl StreamReader {
    /// The events that end in these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<StreamEvent> {
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.returned, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end_line(),
                byte => self.line.push(*byte),
            }
        }
        std::mem::take(&mut self.events)
    }

    /// The events that the end of the stream ends.
    pub fn finish(mut self) -> Vec<StreamEvent> {
        self.end_line();
        self.end_part();
        self.events
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let (field, value) = (field.trim_end(), value.trim());
        if line.is_empty() {
            self.end_part();
            self.name.clear();
        } else if field.is_empty() || is(field, "id") || is(field, "retry") {
            // A comment, or what helps to connect again.
        } else if is(field, "event") {
            value.clone_into(&mut self.name);
        } else if is(field, "data") {
            self.data(value);
        } else if is(field, "error") {
            "error".clone_into(&mut self.name);
            self.data(value);
        } else {
            self.piece(line, false);
        }
    }

    /// The value of a `data:` line, which some proxies write twice.
    fn data(&mut self, value: &str) {
        let mut value = value;
        while let Some(("data", inner)) = value.split_once(':') {
            value = inner.trim();
        }
        self.piece(value, true);
    }

    fn piece(&mut self, text: &str, is_data: bool) {
        // Objects of their own, where no line of another one is awaited.
        let is_free = self.part.is_empty() || (is_data && !self.part.starts_with('['));
        let (found, rest) = if is_free || is_end(text) { leading(text) } else { (vec![], text) };
        if rest.is_empty() && !found.is_empty() {
            self.end_part();
            found.into_iter().for_each(|data| self.add(data));
        } else if !self.part.is_empty() || text.starts_with(['{', '[']) {
            self.part.push_str(text);
            self.part.push('\n');
        } else if !text.is_empty() {
            self.add(EventData::Text(text.chars().take(200).collect()));
        }
    }

    fn end_part(&mut self) {
        let part = std::mem::take(&mut self.part);
        let (found, rest) = leading(&part);
        found.into_iter().for_each(|data| self.add(data));
        if rest.starts_with("{\"") {
            self.add(EventData::Damaged);
        } else if !rest.is_empty() {
            self.add(EventData::Text(rest.trim().chars().take(200).collect()));
        }
    }

    fn add(&mut self, data: EventData) {
        self.events.push(StreamEvent { name: self.name.clone(), data });
    }
}

fn is(field: &str, name: &str) -> bool {
    field.eq_ignore_ascii_case(name)
}

/// Whether a text is the mark that ends a stream.
fn is_end(text: &str) -> bool {
    text.trim_matches('"').eq_ignore_ascii_case("[done]")
}

/// The objects that a text begins with, each alone or in a list of them, and the rest. Some servers
/// put several on a line, with `data:`, a comma or nothing between them.
fn leading(text: &str) -> (Vec<EventData>, &str) {
    let (mut found, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        if is_end(rest) {
            found.push(EventData::Done);
            return (found, "");
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let list = match values.next() {
            Some(Ok(Value::Array(list))) => list,
            Some(Ok(value)) => vec![value],
            _ => break,
        };
        if list.is_empty() || !list.iter().all(Value::is_object) {
            break;
        }
        found.extend(list.into_iter().map(EventData::Object));
        rest = rest[values.byte_offset()..].trim_start();
        rest = rest.strip_prefix(',').or(rest.strip_prefix("data:")).unwrap_or(rest).trim_start();
    }
    (found, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{EventData, StreamReader};

    /// What is read, whatever pieces the bytes come in.
    fn read(text: &str) -> Vec<(String, EventData)> {
        let mut whole = StreamReader::default();
        let mut events = whole.push(text.as_bytes());
        events.extend(whole.finish());
        for size in 1..9 {
            let mut pieces = StreamReader::default();
            let mut found: Vec<_> =
                text.as_bytes().chunks(size).flat_map(|piece| pieces.push(piece)).collect();
            found.extend(pieces.finish());
            assert_eq!(found, events, "{text:?} in pieces of {size}");
        }
        events.into_iter().map(|event| (event.name, event.data)).collect()
    }

    fn data(text: &str) -> Vec<EventData> {
        read(text).into_iter().map(|(_, data)| data).collect()
    }

    fn object(n: u32) -> EventData {
        EventData::Object(json!({ "n": n }))
    }

    #[test]
    fn every_way_to_write_a_stream_is_read() {
        let two = vec![object(1), object(2)];
        for text in [
            "data: {\"n\":1}\n\ndata: {\"n\":2}\n\n",
            "data:{\"n\":1}\r\n\r\ndata:{\"n\":2}\r\n\r\n",
            "data: {\"n\":1}\r\rdata: {\"n\":2}\r",
            "data: {\"n\":1}\ndata: {\"n\":2}",
            "\u{feff}data: {\"n\":1}\n\nid: 4\nretry: 5\nDATA: {\"n\":2}\n\n",
            ": ping\n\n:\n\ndata: {\"n\":1}\n\ndata:\n\ndata: \n\n: x\ndata: {\"n\":2}\n\n",
            "data: {\ndata:  \"n\": 1\ndata: }\n\ndata: {\"n\":2}\n\n",
            "data: data: {\"n\":1}\n\n{\"n\":2}\n",
            "{\n  \"n\": 1\n}\n\n[{\"n\":2}]",
            "data: {\"n\":1}data: {\"n\":2}\n\n",
            "data: {\"n\":1}{\"n\":2}\n\n",
            "data: {\"n\":1},\n\ndata: {\"n\":2},\n",
            "data: [{\"n\":1},{\"n\":2}]\n\n",
            "data: [{\"n\":1},\ndata: {\"n\":2}]\n\n",
            "[{\"n\":1},\n{\"n\":2}]",
            "[{\n\"n\":1\n}\n,\n{\"n\":2}\n]\n",
        ] {
            assert_eq!(data(text), two, "{text:?}");
        }
        assert_eq!(data(""), []);
    }

    #[test]
    fn what_is_no_object_is_told_apart() {
        let text = |text: &str| EventData::Text(text.to_owned());
        assert_eq!(data("data: : keepalive\n\n"), [text(": keepalive")]);
        assert_eq!(data("data: ping\n\ndata: null\n\n"), [text("ping"), text("null")]);
        assert_eq!(data("<html>\n"), [text("<html>")]);
        assert_eq!(data("data: [DONE]\n\ndata: \"[done]\"\n"), [EventData::Done, EventData::Done]);
        assert_eq!(data("data: {\"n\":1}data: [DONE]\n\n"), [object(1), EventData::Done]);
        assert_eq!(data("data: {\"n\":1}{\"n\":\n\n"), [object(1), EventData::Damaged]);
        assert_eq!(data("data: [1]\n\ndata: []\n\n"), [text("[1]"), text("[]")]);
        assert_eq!(data("data: {\"n\":\n\ndata: {\"n\":1}\n"), [EventData::Damaged, object(1)]);
        assert_eq!(data("data: {\"n\":\ndata: {\"n\":1}\n"), [EventData::Damaged, object(1)]);
        assert_eq!(read("event: error\ndata: {\"n\":1}\n\n"), [("error".to_owned(), object(1))]);
        assert_eq!(read("error: {\"n\":1}\n\n"), [("error".to_owned(), object(1))]);
    }
}
