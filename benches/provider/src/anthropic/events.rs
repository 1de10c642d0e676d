//! What a message looks like, streamed and whole.
//!
//! Streamed: `message_start` (with the input's usage), a `ping`, then each block as
//! `content_block_start`, `…_delta`, `…_stop`, then `message_delta` with the cumulative usage and
//! `message_stop`. Blocks are an optional thinking block, the text, and an optional tool call.

use std::io::Write;

use serde_json::json;

use super::errors;
use crate::generation::Input;
use crate::tools::{ToolCall, halves};
use crate::voice::Voice;

/// One message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// The model's name as a JSON string.
    pub(crate) model: String,
    pub(crate) input: Input,
    pub(crate) request_id: String,
    /// Chunks of thinking before the text, when streamed.
    pub(crate) thinking_chunks: u64,
    pub(crate) tool: Option<ToolCall>,
    /// Whether `max_tokens` cut the answer.
    pub(crate) cut: bool,
    /// The block that is open, and chunks of it sent.
    pub(crate) block: u64,
    pub(crate) chunks: u64,
}

impl Voice for Message {
    fn open(&mut self, out: &mut Vec<u8>) {
        let (id, model, usage) = (&self.id, &self.model, self.usage(1));
        write(
            out,
            format_args!(
                "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\
                 \"id\":\"{id}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":{model},\
                 \"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\
                 \"usage\":{usage}}}}}\n\n"
            ),
        );
        if self.thinking_chunks > 0 {
            start(
                out,
                0,
                r#"{"type":"thinking","thinking":"","signature":""}"#,
            );
        } else {
            start(out, 0, r#"{"type":"text","text":""}"#);
        }
        self.ping(out);
    }

    fn piece(&mut self, text: &str, out: &mut Vec<u8>) {
        let thinks = self.block == 0 && self.thinking_chunks > 0;
        if thinks && self.chunks == self.thinking_chunks {
            delta(
                out,
                0,
                format_args!(r#"{{"type":"signature_delta","signature":"{SIGNATURE}"}}"#),
            );
            stop(out, 0);
            self.block = 1;
            start(out, 1, r#"{"type":"text","text":""}"#);
        }
        self.chunks += 1;
        if thinks && self.block == 0 {
            delta(
                out,
                0,
                format_args!(r#"{{"type":"thinking_delta","thinking":"{text}"}}"#),
            );
        } else {
            let block = self.block;
            delta(
                out,
                block,
                format_args!(r#"{{"type":"text_delta","text":"{text}"}}"#),
            );
        }
    }

    fn close(&mut self, output: u64, out: &mut Vec<u8>) {
        stop(out, self.block);
        let reason = self.stop_reason();
        if let Some(tool) = &self.tool {
            self.block += 1;
            call(out, self.block, tool);
        }
        let Input {
            uncached,
            cache_written,
            cache_read,
        } = self.input;
        write(
            out,
            format_args!(
                "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\
                 \"stop_reason\":\"{reason}\",\"stop_sequence\":null}},\"usage\":{{\
                 \"input_tokens\":{uncached},\"cache_creation_input_tokens\":{cache_written},\
                 \"cache_read_input_tokens\":{cache_read},\"output_tokens\":{output}}}}}\n\n\
                 event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
            ),
        );
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: ping\ndata: {\"type\": \"ping\"}\n\n");
    }

    fn error(&self, kind: Option<&str>, out: &mut Vec<u8>) {
        let (kind, message) = errors::event(kind);
        let body = json!({
            "type": "error",
            "error": { "type": kind, "message": message },
            "request_id": self.request_id,
        });
        write(out, format_args!("event: error\ndata: {body}\n\n"));
    }

    fn whole(&mut self, text: &str, output: u64, out: &mut Vec<u8>) {
        let (id, model) = (&self.id, &self.model);
        let (reason, usage) = (self.stop_reason(), self.usage(output));
        let thinking = if self.thinking_chunks > 0 {
            format!(r#"{{"type":"thinking","thinking":"Hm. ","signature":"{SIGNATURE}"}},"#)
        } else {
            String::new()
        };
        let tool = self.tool.as_ref().map_or(String::new(), |tool| {
            let block = json!({
                "type": "tool_use", "id": tool.id, "name": tool.name, "input": tool.input,
            });
            format!(",{block}")
        });
        write(
            out,
            format_args!(
                "{{\"id\":\"{id}\",\"type\":\"message\",\"role\":\"assistant\",\
                 \"model\":{model},\"content\":[{thinking}{{\"type\":\"text\",\
                 \"text\":\"{text}\"}}{tool}],\"stop_reason\":\"{reason}\",\
                 \"stop_sequence\":null,\"usage\":{usage}}}"
            ),
        );
    }
}

impl Message {
    fn stop_reason(&self) -> &'static str {
        match (&self.tool, self.cut) {
            (Some(_), _) => "tool_use",
            (None, true) => "max_tokens",
            (None, false) => "end_turn",
        }
    }

    fn usage(&self, output: u64) -> String {
        let Input {
            uncached,
            cache_written,
            cache_read,
        } = self.input;
        format!(
            "{{\"input_tokens\":{uncached},\"cache_creation_input_tokens\":{cache_written},\
             \"cache_read_input_tokens\":{cache_read},\"cache_creation\":{{\
             \"ephemeral_5m_input_tokens\":{cache_written},\"ephemeral_1h_input_tokens\":0}},\
             \"output_tokens\":{output},\"service_tier\":\"standard\"}}"
        )
    }
}

/// Clients send a thinking block's signature back; nobody here checks it.
const SIGNATURE: &str = "c2ltdWxhdGVk";

fn call(out: &mut Vec<u8>, block: u64, tool: &ToolCall) {
    let head = json!({ "type": "tool_use", "id": tool.id, "name": tool.name, "input": {} });
    start(out, block, &head.to_string());
    // Real streams begin with an empty piece.
    let input = tool.input.to_string();
    let [first, second] = halves(&input);
    for part in ["", first, second] {
        let part = json!(part);
        delta(
            out,
            block,
            format_args!(r#"{{"type":"input_json_delta","partial_json":{part}}}"#),
        );
    }
    stop(out, block);
}

fn start(out: &mut Vec<u8>, index: u64, block: &str) {
    write(
        out,
        format_args!(
            "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\
             \"index\":{index},\"content_block\":{block}}}\n\n"
        ),
    );
}

fn delta(out: &mut Vec<u8>, index: u64, delta: std::fmt::Arguments<'_>) {
    write(
        out,
        format_args!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\
             \"index\":{index},\"delta\":{delta}}}\n\n"
        ),
    );
}

fn stop(out: &mut Vec<u8>, index: u64) {
    write(
        out,
        format_args!(
            "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\
             \"index\":{index}}}\n\n"
        ),
    );
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing into a Vec cannot fail.
    let _ = out.write_fmt(text);
}
