//! What a chat completion looks like, streamed and whole.
//!
//! Streamed: a chunk with the role, chunks with content, the tool's call if there is one, a chunk
//! with the reason of the end, one with the usage if it was asked for, `[DONE]`.

use std::fmt::Arguments;
use std::io::Write;

use serde_json::json;

use super::errors;
use crate::generation::Input;
use crate::tools::{ToolCall, halves};
use crate::voice::Voice;

/// One completion.
#[derive(Debug)]
pub(crate) struct Chat {
    /// The beginning that all chunks share.
    chunk: String,
    /// The beginning of a whole answer.
    completion: String,
    input: Input,
    tool: Option<ToolCall>,
    cut: bool,
    include_usage: bool,
}

impl Chat {
    /// `model` is a JSON string.
    pub(crate) fn new(
        (id, created, model): (&str, u64, &str),
        input: Input,
        tool: Option<ToolCall>,
        cut: bool,
        include_usage: bool,
    ) -> Self {
        let head = |object: &str| {
            format!(
                "{{\"id\":\"{id}\",\"object\":\"{object}\",\"created\":{created},\
                 \"model\":{model},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_sim\","
            )
        };
        Self {
            chunk: head("chat.completion.chunk"),
            completion: head("chat.completion"),
            input,
            tool,
            cut,
            include_usage,
        }
    }

    fn delta(&self, delta: Arguments<'_>, finish: &str, out: &mut Vec<u8>) {
        let Self {
            chunk,
            include_usage,
            ..
        } = self;
        let usage = if *include_usage {
            ",\"usage\":null"
        } else {
            ""
        };
        write(
            out,
            format_args!(
                "data: {chunk}\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\
                 \"finish_reason\":{finish}}}]{usage}}}\n\n"
            ),
        );
    }

    const fn finish_reason(&self) -> &'static str {
        match (&self.tool, self.cut) {
            (Some(_), _) => "\"tool_calls\"",
            (None, true) => "\"length\"",
            (None, false) => "\"stop\"",
        }
    }

    fn usage(&self, output: u64) -> String {
        let (input, cached) = (self.input.total(), self.input.cache_read);
        format!(
            "{{\"prompt_tokens\":{input},\"completion_tokens\":{output},\
             \"total_tokens\":{},\"prompt_tokens_details\":{{\"cached_tokens\":{cached}}},\
             \"completion_tokens_details\":{{\"reasoning_tokens\":0}}}}",
            input + output
        )
    }
}

impl Voice for Chat {
    fn open(&mut self, out: &mut Vec<u8>) {
        let delta = format_args!(r#"{{"role":"assistant","content":"","refusal":null}}"#);
        self.delta(delta, "null", out);
    }

    fn piece(&mut self, text: &str, out: &mut Vec<u8>) {
        self.delta(format_args!(r#"{{"content":"{text}"}}"#), "null", out);
    }

    fn close(&mut self, output: u64, out: &mut Vec<u8>) {
        if let Some(tool) = &self.tool {
            let begin = json!({ "tool_calls": [{
                "index": 0, "id": tool.id, "type": "function",
                "function": { "name": tool.name, "arguments": "" },
            }] });
            self.delta(format_args!("{begin}"), "null", out);
            let arguments = tool.input.to_string();
            for part in halves(&arguments) {
                let delta = json!({ "tool_calls": [{
                    "index": 0, "function": { "arguments": part },
                }] });
                self.delta(format_args!("{delta}"), "null", out);
            }
        }
        self.delta(format_args!("{{}}"), self.finish_reason(), out);
        if self.include_usage {
            let (chunk, usage) = (&self.chunk, self.usage(output));
            write(
                out,
                format_args!("data: {chunk}\"choices\":[],\"usage\":{usage}}}\n\n"),
            );
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b": keep-alive\n\n");
    }

    fn error(&self, kind: Option<&str>, out: &mut Vec<u8>) {
        write(out, format_args!("data: {}\n\n", errors::event(kind)));
    }

    fn whole(&mut self, text: &str, output: u64, out: &mut Vec<u8>) {
        let (head, finish, usage) = (&self.completion, self.finish_reason(), self.usage(output));
        let calls = self.tool.as_ref().map_or(String::new(), |tool| {
            let call = json!([{
                "id": tool.id, "type": "function",
                "function": { "name": tool.name, "arguments": tool.input.to_string() },
            }]);
            format!(",\"tool_calls\":{call}")
        });
        write(
            out,
            format_args!(
                "{head}\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
                 \"content\":\"{text}\",\"refusal\":null{calls}}},\"logprobs\":null,\
                 \"finish_reason\":{finish}}}],\"usage\":{usage}}}"
            ),
        );
    }
}

pub(super) fn write(out: &mut Vec<u8>, text: Arguments<'_>) {
    // Writing into a Vec cannot fail.
    let _ = out.write_fmt(text);
}
