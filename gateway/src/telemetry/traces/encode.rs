//! Spans as OTLP's `ExportTraceServiceRequest` (opentelemetry-proto 1.x, `trace/v1/trace.proto`), in
//! protobuf's binary encoding.

use super::resource::Attributes;
use super::span::{Event, Span, Value};

/// The code of a status that is an error.
const STATUS_ERROR: u64 = 2;

/// A message with all of `spans`, which are of who is described by `resource`.
pub(super) fn request(resource: &Attributes, spans: &[Span]) -> Vec<u8> {
    let resource = message(|out| {
        for (name, value) in resource {
            attribute(out, 1, name, &Value::from(value.as_str()));
        }
    });
    let scope = message(|out| text(out, 1, "keyweir"));
    let scope_spans = message(|out| {
        bytes(out, 1, &scope);
        for span in spans {
            bytes(out, 2, &encoded(span));
        }
    });
    let resource_spans = message(|out| {
        bytes(out, 1, &resource);
        bytes(out, 2, &scope_spans);
    });
    message(|out| bytes(out, 1, &resource_spans))
}

fn encoded(span: &Span) -> Vec<u8> {
    message(|out| {
        bytes(out, 1, &span.trace.to_be_bytes());
        bytes(out, 2, &span.id.to_be_bytes());
        if let Some(parent) = span.parent {
            bytes(out, 4, &parent.to_be_bytes());
        }
        text(out, 5, &span.name);
        number(out, 6, span.kind as u64);
        fixed(out, 7, span.start);
        fixed(out, 8, span.end);
        for (key, value) in &span.attributes {
            attribute(out, 9, key, value);
        }
        for event in &span.events {
            bytes(out, 11, &of_event(event));
        }
        if span.is_error {
            bytes(out, 15, &message(|out| number(out, 3, STATUS_ERROR)));
        }
    })
}

fn of_event(event: &Event) -> Vec<u8> {
    message(|out| {
        fixed(out, 1, event.at);
        text(out, 2, event.name);
        for (key, value) in &event.attributes {
            attribute(out, 3, key, value);
        }
    })
}

fn attribute(out: &mut Vec<u8>, field: u64, key: &str, value: &Value) {
    let value = message(|out| match value {
        Value::Text(value) => text(out, 1, value),
        Value::Flag(value) => number(out, 2, u64::from(*value)),
        Value::Number(value) => number(out, 3, *value),
    });
    let pair = message(|out| {
        text(out, 1, key);
        bytes(out, 2, &value);
    });
    bytes(out, field, &pair);
}

fn message(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn fixed(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn text(out: &mut Vec<u8>, field: u64, value: &str) {
    bytes(out, field, value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::span::Kind;
    use super::*;

    #[test]
    fn a_span_is_encoded_as_protobuf_has_it() {
        let span = Span {
            trace: 1,
            id: 2,
            parent: Some(3),
            kind: Kind::Client,
            name: "n".to_owned(),
            start: 4,
            end: 300,
            attributes: vec![("a", Value::Number(300))],
            events: Vec::new(),
            is_error: true,
        };
        let mut expected = vec![0x0a, 16];
        expected.extend([0; 15]);
        expected.push(1);
        expected.extend([0x12, 8, 0, 0, 0, 0, 0, 0, 0, 2]);
        expected.extend([0x22, 8, 0, 0, 0, 0, 0, 0, 0, 3]);
        expected.extend([0x2a, 1, b'n', 0x30, 3]);
        expected.extend([0x39, 4, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0x41, 0x2c, 1, 0, 0, 0, 0, 0, 0]);
        expected.extend([0x4a, 8, 0x0a, 1, b'a', 0x12, 3, 0x18, 0xac, 0x02]);
        expected.extend([0x7a, 2, 0x18, 2]);
        assert_eq!(encoded(&span), expected);
    }
}
