//! Takes the usage out of a stream whose client did not ask for it.
//!
//! Where it is asked for, a chunk without choices comes at the end, and every other one says
//! `"usage":null` (<https://platform.openai.com/docs/api-reference/chat-streaming>). Without both the
//! stream is byte for byte what the client would have got. Some servers leave the choices of that chunk out,
//! or say `null`: clients that did not ask for it trip over them. Providers that tell their usage unasked, in
//! a chunk with choices, are left to.

use memchr::{memchr2, memmem};

use crate::json::{Kind, Reader};

/// Whole events without their usage; `None` if there is none in them.
pub fn hidden(events: &[u8]) -> Option<Vec<u8>> {
    memmem::find(events, b"\"usage\"")?;
    let mut kept = Vec::with_capacity(events.len());
    let mut rest = events;
    while !rest.is_empty() {
        let (event, after) = rest.split_at(end_of_event(rest));
        match of_event(event) {
            Usage::None => kept.extend_from_slice(event),
            Usage::Null(start, end) => {
                kept.extend_from_slice(&event[..start]);
                kept.extend_from_slice(&event[end..]);
            }
            Usage::Alone => {}
        }
        rest = after;
    }
    Some(kept)
}

/// What an event says of usage.
enum Usage {
    None,
    /// That there is none yet, between these places.
    Null(usize, usize),
    /// Nothing else.
    Alone,
}

fn of_event(event: &[u8]) -> Usage {
    let Some(at) = memmem::find(event, b"data:") else {
        return Usage::None;
    };
    let data = &event[at + 5..];
    let (mut usage, mut is_without_choices, mut is_error) = (None, true, false);
    let mut reader = Reader::new(data);
    let read = reader.object(|name, reader| {
        let kind = reader.peek()?;
        let value = reader.skip()?;
        match name {
            b"usage" => usage = Some((kind, value)),
            b"choices" => {
                let is_empty = kind == Kind::Null || value[1..].trim_ascii_start() == b"]";
                is_without_choices &= is_empty;
            }
            b"error" => is_error = kind != Kind::Null,
            _ => {}
        }
        Ok(())
    });
    match (read, usage) {
        (Ok(()), Some((Kind::Object, _))) if is_without_choices && !is_error => Usage::Alone,
        (Ok(()), Some((Kind::Null, value))) => {
            let start = value.as_ptr() as usize - event.as_ptr() as usize;
            null(event, start, start + value.len())
        }
        _ => Usage::None,
    }
}

/// From its comma on, or to the next one where it stands first.
fn null(event: &[u8], start: usize, end: usize) -> Usage {
    let before = event[..start].trim_ascii_end();
    let name = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end);
    let Some(before) = name.and_then(|name| name.strip_suffix(b"\"usage\"")) else {
        return Usage::None;
    };
    if let Some(before) = before.trim_ascii_end().strip_suffix(b",") {
        return Usage::Null(before.len(), end);
    }
    let after = event[end..].trim_ascii_start();
    match after.strip_prefix(b",") {
        Some(after) => Usage::Null(before.len(), event.len() - after.trim_ascii_start().len()),
        None => Usage::Null(before.len(), end),
    }
}

/// Where the first event ends: after the empty line that ends it. Lines end with LF, CR or CR LF.
fn end_of_event(events: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = memchr2(b'\n', b'\r', &events[at..]) {
        let is_pair = events[at + end..].starts_with(b"\r\n");
        at += end + 1 + usize::from(is_pair);
        match &events[at..] {
            [b'\r', b'\n', ..] => return at + 2,
            [b'\n' | b'\r', ..] => return at + 1,
            _ => {}
        }
    }
    events.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(events: &str) -> String {
        let hidden = hidden(events.as_bytes());
        let hidden = hidden.map(|hidden| String::from_utf8(hidden).expect("text"));
        hidden.unwrap_or_else(|| events.to_owned())
    }

    #[test]
    fn what_was_not_asked_for_is_not_seen_and_all_else_stays() {
        for (events, expected) in [
            (
                "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":null\"}}],\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n",
                "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":null\"}}]}\n\ndata: [DONE]\n\n",
            ),
            (
                "data: {\"choices\":[{}], \"usage\": null, \"obfuscation\":\"x\"}\r\n\r\n",
                "data: {\"choices\":[{}], \"obfuscation\":\"x\"}\r\n\r\n",
            ),
            (
                "data: {\"usage\":null, \"choices\":[{}]}\n\n",
                "data: {\"choices\":[{}]}\n\n",
            ),
            (
                "data: {\"usage\":{\"prompt_tokens\":1}}\r\rdata: {\"choices\":[{}]}\r\rdata: {\"choices\":null,\"usage\":{}}\r\r",
                "data: {\"choices\":[{}]}\r\r",
            ),
            (
                "data: {\"choices\":[ ],\"usage\":{},\"error\":null}\r\n\r\ndata: 1\n\n",
                "data: 1\n\n",
            ),
        ] {
            assert_eq!(shown(events), expected);
        }
        for unchanged in [
            "data: {\"choices\":[{}]}\n\n",
            ": \"usage\"\n\n",
            "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\n",
            "data: {\"choices\":[],\"prompt_filter_results\":[{\"usage\":null}]}\n\n",
            "data: {\"choices\":[],\"usage\"",
            "data: {\"error\":{\"message\":\"x\"},\"usage\":{\"prompt_tokens\":1}}\n\n",
            "data: [DONE]\n\n",
        ] {
            assert_eq!(shown(unchanged), unchanged);
        }
    }
}
