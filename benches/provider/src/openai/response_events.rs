//! What a response looks like, streamed and whole.
//!
//! Streamed: `response.created`, `response.in_progress`, the message's item and part, its
//! `response.output_text.delta`s and their `done`, the tool's call if there is one, and
//! `response.completed` (`response.incomplete` where the client's cap cut it).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::chat_events::write;
use super::errors;
use crate::generation::Input;
use crate::state::State;
use crate::tools::{ToolCall, halves};
use crate::voice::Voice;

/// One response.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) id: String,
    pub(crate) message_id: String,
    pub(crate) created: u64,
    /// A JSON string.
    pub(crate) model: String,
    /// A JSON string, or `null`.
    pub(crate) previous: String,
    pub(crate) input: Input,
    pub(crate) tool: Option<ToolCall>,
    pub(crate) cut: bool,
    /// Where it is kept when it is complete.
    pub(crate) store: Option<StoreAs>,
    pub(crate) sequence: u64,
    /// What was said so far, where it is streamed.
    pub(crate) text: String,
}

/// Where a response is kept, and for whom.
pub(crate) struct StoreAs {
    pub(crate) state: Arc<State>,
    pub(crate) account: String,
}

impl fmt::Debug for StoreAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreAs")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl Voice for Spoken {
    fn open(&mut self, out: &mut Vec<u8>) {
        let begun = self.response("in_progress", "[]", None);
        self.event(
            "response.created",
            format_args!("\"response\":{begun}"),
            out,
        );
        self.event(
            "response.in_progress",
            format_args!("\"response\":{begun}"),
            out,
        );
        let item = self.message("in_progress", None);
        let added = format_args!("\"output_index\":0,\"item\":{item}");
        self.event("response.output_item.added", added, out);
        let part = part("");
        let place = self.place();
        let added = format_args!("{place},\"part\":{part}");
        self.event("response.content_part.added", added, out);
    }

    fn piece(&mut self, text: &str, out: &mut Vec<u8>) {
        self.text.push_str(text);
        let place = self.place();
        let delta = format_args!("{place},\"delta\":\"{text}\",\"logprobs\":[]");
        self.event("response.output_text.delta", delta, out);
    }

    fn close(&mut self, output: u64, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.text);
        let place = self.place();
        let done = format_args!("{place},\"text\":\"{text}\",\"logprobs\":[]");
        self.event("response.output_text.done", done, out);
        let part = part(&text);
        self.event(
            "response.content_part.done",
            format_args!("{place},\"part\":{part}"),
            out,
        );
        let item = self.message("completed", Some(&text));
        let done = format_args!("\"output_index\":0,\"item\":{item}");
        self.event("response.output_item.done", done, out);
        self.call_tool(out);
        let response = self.finished(&text, output);
        let (name, _) = self.end();
        self.event(name, format_args!("\"response\":{response}"), out);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b": keep-alive\n\n");
    }

    fn error(&self, kind: Option<&str>, out: &mut Vec<u8>) {
        let (code, message) = errors::event_words(kind);
        let data = json!({
            "type": "error", "code": code, "message": message, "param": null,
            "sequence_number": self.sequence,
        });
        write(out, format_args!("event: error\ndata: {data}\n\n"));
    }

    fn whole(&mut self, text: &str, output: u64, out: &mut Vec<u8>) {
        let response = self.finished(text, output);
        out.extend_from_slice(response.as_bytes());
    }
}

impl Spoken {
    fn event(&mut self, name: &str, fields: fmt::Arguments<'_>, out: &mut Vec<u8>) {
        let number = self.sequence;
        self.sequence += 1;
        write(
            out,
            format_args!(
                "event: {name}\ndata: {{\"type\":\"{name}\",\"sequence_number\":{number},\
                 {fields}}}\n\n"
            ),
        );
    }

    fn place(&self) -> String {
        format!(
            "\"item_id\":\"{}\",\"output_index\":0,\"content_index\":0",
            self.message_id
        )
    }

    /// The message's item, with its text once it is known.
    fn message(&self, status: &str, text: Option<&str>) -> String {
        let content = text.map_or(String::new(), part);
        format!(
            "{{\"id\":\"{}\",\"type\":\"message\",\"status\":\"{status}\",\
             \"role\":\"assistant\",\"content\":[{content}]}}",
            self.message_id
        )
    }

    fn call_tool(&mut self, out: &mut Vec<u8>) {
        let Some(tool) = self.tool.clone() else {
            return;
        };
        let item = call(&tool, "in_progress", "");
        let added = format_args!("\"output_index\":1,\"item\":{item}");
        self.event("response.output_item.added", added, out);
        let arguments = tool.input.to_string();
        let place = format!("\"item_id\":\"fc_{}\",\"output_index\":1", tool.id);
        for piece in halves(&arguments) {
            let piece = json!(piece);
            let delta = format_args!("{place},\"delta\":{piece}");
            self.event("response.function_call_arguments.delta", delta, out);
        }
        let whole = json!(arguments);
        let done = format_args!("{place},\"arguments\":{whole}");
        self.event("response.function_call_arguments.done", done, out);
        let item = call(&tool, "completed", &arguments);
        let done = format_args!("\"output_index\":1,\"item\":{item}");
        self.event("response.output_item.done", done, out);
    }

    /// The event that ends the stream, and the response's status.
    const fn end(&self) -> (&'static str, &'static str) {
        if self.cut {
            ("response.incomplete", "incomplete")
        } else {
            ("response.completed", "completed")
        }
    }

    /// The response at its end, which is stored.
    fn finished(&self, text: &str, output: u64) -> String {
        let message = self.message("completed", Some(text));
        let call = self.tool.as_ref().map_or(String::new(), |tool| {
            format!(",{}", call(tool, "completed", &tool.input.to_string()))
        });
        let (_, status) = self.end();
        let response = self.response(status, &format!("[{message}{call}]"), Some(output));
        if let Some(StoreAs { state, account }) = &self.store {
            state
                .store
                .responses
                .put(account, &self.id, Bytes::from(response.clone()));
        }
        response
    }

    fn response(&self, status: &str, output: &str, tokens: Option<u64>) -> String {
        let Self {
            id,
            created,
            model,
            previous,
            ..
        } = self;
        let (input, cached) = (self.input.total(), self.input.cache_read);
        let usage = tokens.map_or_else(
            || "null".to_owned(),
            |output| {
                format!(
                    "{{\"input_tokens\":{input},\"input_tokens_details\":\
                     {{\"cached_tokens\":{cached}}},\"output_tokens\":{output},\
                     \"output_tokens_details\":{{\"reasoning_tokens\":0}},\"total_tokens\":{}}}",
                    input + output
                )
            },
        );
        let incomplete = if self.cut && tokens.is_some() {
            r#"{"reason":"max_output_tokens"}"#
        } else {
            "null"
        };
        format!(
            "{{\"id\":\"{id}\",\"object\":\"response\",\"created_at\":{created},\
             \"status\":\"{status}\",\"error\":null,\"incomplete_details\":{incomplete},\
             \"instructions\":null,\"max_output_tokens\":null,\"model\":{model},\
             \"output\":{output},\"parallel_tool_calls\":true,\
             \"previous_response_id\":{previous},\"store\":{},\"temperature\":1.0,\
             \"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,\"usage\":{usage},\
             \"metadata\":{{}}}}",
            self.store.is_some()
        )
    }
}

fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
}

fn call(tool: &ToolCall, status: &str, arguments: &str) -> Value {
    json!({
        "id": format!("fc_{}", tool.id),
        "type": "function_call",
        "status": status,
        "call_id": tool.id,
        "name": tool.name,
        "arguments": arguments,
    })
}
