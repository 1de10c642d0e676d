//! Events that differ in nothing but the text they bring.
//!
//! Nearly all events of a stream are one event over and over, each with the next few words in it.
//! Once one of them has been read, of the next only the text is: what stands before and behind it is
//! compared as bytes. An event that differs in anything else, such as a number, is read as a whole.

use crate::json::Reader;
use crate::stream::event::Event;

/// The most that an event may have beside its text. What is longer is no piece of a text.
const FRAME_BYTES_MAX: usize = 1024;

/// An event that has been read, for those that follow it.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    event: Event,
    /// What stands before its text, and behind it.
    before: Vec<u8>,
    behind: Vec<u8>,
}

impl Repeated {
    /// What `data` say, if they differ from the event before in its text only.
    pub(super) fn read(&self, data: &[u8]) -> Option<Event> {
        if self.before.is_empty() {
            return None;
        }
        let rest = data.strip_prefix(&self.before[..])?;
        if rest.first() != Some(&b'"') {
            return None;
        }
        let text = Reader::new(rest).string().ok()?;
        // Without a text it may mean something else.
        let is_same = text.len() > 0 && rest[text.quoted_len()..] == self.behind;
        is_same.then_some(Event {
            content_bytes: text.len() as u64,
            ..self.event
        })
    }

    /// Remembers an event that says `data`, if it is one that may come again.
    pub(super) fn note(&mut self, event: &Event, data: &[u8]) {
        // Numbered events are never the same.
        let Some((start, end)) = event.only_text.filter(|_| event.sequence.is_none()) else {
            return;
        };
        let (before, behind) = (&data[..start], &data[end..]);
        if before.len() + behind.len() > FRAME_BYTES_MAX {
            return;
        }
        self.event = *event;
        self.before.clear();
        self.before.extend_from_slice(before);
        self.behind.clear();
        self.behind.extend_from_slice(behind);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answer::created_ids::Ids;

    fn read(data: &str) -> Event {
        Event::read(data.as_bytes(), &mut Ids::default())
    }

    fn after(first: &str) -> Repeated {
        let mut repeated = Repeated::default();
        repeated.note(&read(first), first.as_bytes());
        repeated
    }

    const FIRST: &str =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#;

    #[test]
    fn an_event_with_another_text_is_read_like_the_first() {
        let chunk = r#"{"id":"c","choices":[{"index":2,"delta":{"content":"Hello"},"finish_reason":null}],"service_tier":"flex"}"#;
        for first in [FIRST, chunk] {
            for text in ["a", " wörld", r#"\n\u00e9\""#] {
                let data = first.replace("Hello", text);
                assert_eq!(
                    after(first).read(data.as_bytes()),
                    Some(read_as(&data, first))
                );
            }
        }
    }

    /// What `data` say, with the place of the text in `first`.
    fn read_as(data: &str, first: &str) -> Event {
        Event {
            only_text: read(first).only_text,
            ..read(data)
        }
    }

    #[test]
    fn what_differs_in_more_is_none() {
        let repeated = after(FIRST);
        for (from, to) in [
            ("Hello", ""),
            ("Hello", "a\",\"b\":\"c"),
            ("Hello", "a\\"),
            ("\"Hello\"", " \"a\""),
            ("\"Hello\"", "\u{FEFF}\"a\""),
            ("\"Hello\"", "null"),
            ("\"index\":0", "\"index\":1"),
            ("}}", "},\"usage\":{\"output_tokens\":3}}"),
            ("}}", "}} "),
        ] {
            let data = FIRST.replace(from, to);
            assert_eq!(repeated.read(data.as_bytes()), None, "{data}");
        }
    }

    #[test]
    fn events_without_a_single_text_or_with_a_number_are_not_remembered() {
        for first in [
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}"#,
            r#"{"type":"response.output_text.delta","sequence_number":1,"delta":"a"}"#,
        ] {
            assert_eq!(after(first).read(first.as_bytes()), None, "{first}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_for_the_same_says_the_same(
            at in 0..FIRST.len(), new in r#"[\\"{}:, a0]{0,3}"#, skipped in 0usize..3
        ) {
            let end = (at + skipped).min(FIRST.len());
            let data = format!("{}{new}{}", &FIRST[..at], &FIRST[end..]);
            if let Some(event) = after(FIRST).read(data.as_bytes()) {
                prop_assert_eq!(event, read_as(&data, FIRST));
            }
        }
    }
}
