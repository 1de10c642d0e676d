//! Watches a response stream go by: when content begins, how it ends, what it cost.
//!
//! The bytes are on their way to the client, whatever they say, so the reader only looks: it keeps
//! nothing but the beginning of a line that has not ended yet, and not more of that than a bound.
//! Every line that is whole within what [`StreamReader::feed`] was given is read where it lies.
//!
//! The events' own names are not needed: every event that matters says in its data what it is.

use memchr::memchr;

use crate::answer::created_ids::Ids;
use crate::answer::opening::Opening;
use crate::answer::usage;
use crate::classify;
use crate::provider_error::ProviderError;
use crate::refusal::error_event::{self, StreamForm};
use crate::refusal::kind::RefusalKind;
use crate::stream::event::{Event, Family, Meaning};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::request::Usage;

/// The most of a line that is looked at. What we look for stands early in a line, or in a short
/// one; a picture in base64 may be as long as it likes.
const LINE_BYTES_MAX: usize = 256 * 1024;
/// What is kept of the line buffer's memory between lines.
const LINE_BYTES_KEPT: usize = 4 * 1024;
/// Bytes of text per token where nothing is reported yet.
const BYTES_PER_TOKEN: u64 = 4;

/// Watches one response stream (server-sent events).
#[derive(Debug)]
pub struct StreamReader {
    dialect: Dialect,
    is_charged: bool,
    /// The beginning of a line that has not ended.
    line: Vec<u8>,
    /// The data of an event that is spread over several lines.
    data: Vec<u8>,
    family: Family,
    started: bool,
    finished: bool,
    fault: Option<Fault>,
    usage: Usage,
    /// `usage.output` was reported after content, so it is no mere opening value.
    output_is_reported: bool,
    content_bytes: u64,
    choices: u64,
    choices_done: u64,
    next_sequence: u64,
    ids: Ids,
}

impl StreamReader {
    /// A reader for one response.
    pub fn new(dialect: Dialect, endpoint: Endpoint) -> Self {
        Self {
            dialect,
            is_charged: usage::is_charged(dialect, endpoint),
            line: Vec::new(),
            data: Vec::new(),
            family: Family::Unknown,
            started: false,
            finished: false,
            fault: None,
            usage: Usage::default(),
            output_is_reported: false,
            content_bytes: 0,
            choices: 0,
            choices_done: 0,
            next_sequence: 0,
            ids: Ids::default(),
        }
    }

    /// Takes the next bytes of the stream, split anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            if self.line.is_empty() {
                self.line(&line[..line.len().min(LINE_BYTES_MAX)]);
            } else {
                self.keep(line);
                let mut whole = std::mem::take(&mut self.line);
                self.line(&whole);
                whole.clear();
                whole.shrink_to(LINE_BYTES_KEPT);
                self.line = whole;
            }
            rest = after;
        }
        self.keep(rest);
    }

    /// The first real content has been seen (not merely the stream's opening, or a ping), or the
    /// stream said that it is complete without any.
    pub const fn started_content(&self) -> bool {
        self.started
    }

    /// The stream reported an error; classified as its status would be.
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// The stream said that it is complete: if the connection ends now, nothing is lost. (More
    /// may follow, such as usage.)
    pub const fn finished(&self) -> bool {
        self.finished && self.fault.is_none()
    }

    /// What the stream's beginning tells; `ended`: nothing more will come.
    pub fn opening(&self, ended: bool) -> Opening {
        match self.fault {
            Some(fault) => Opening::Failed(fault),
            None if self.started || self.finished() => Opening::Begun,
            // Who knows how its streams end.
            None if ended && self.dialect == Dialect::Generic => Opening::Begun,
            None if ended => Opening::Cut,
            None => Opening::Undecided,
        }
    }

    /// Whose fault the end of a stream is that has reached the client: a stream that ends without
    /// saying so was cut, however clean its end looks, and an error that comes after content is a
    /// broken stream, whatever it says.
    pub fn ending(&self) -> Fault {
        let knows_its_end = self.dialect != Dialect::Generic;
        if self.fault.is_some() || (knows_its_end && !self.finished()) {
            Fault::StreamBroken
        } else {
            Fault::None
        }
    }

    /// The tokens reported so far.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// Output tokens so far: as reported, or guessed from the bytes of content.
    pub fn output_so_far(&self) -> u64 {
        let reported = self.usage.output.unwrap_or_default();
        if self.output_is_reported {
            return reported;
        }
        reported.max(self.content_bytes.div_ceil(BYTES_PER_TOKEN))
    }

    /// Ids that the stream named of what the provider keeps: containers, and, where the request
    /// asked to have its answer `stored`, the answer and its items.
    pub fn resource_ids(&self, stored: bool) -> impl Iterator<Item = &String> {
        self.ids.of(stored)
    }

    /// A complete error event in the form this stream has.
    pub fn error_event(&self, kind: RefusalKind, message: &str, request_id: &str) -> String {
        let form = match self.family {
            Family::Anthropic => StreamForm::Anthropic,
            Family::Chunks => StreamForm::Chunks,
            Family::Responses => StreamForm::Responses {
                sequence: self.next_sequence,
            },
            Family::Unknown => StreamForm::of(self.dialect),
        };
        error_event::event(form, kind, message, request_id)
    }

    fn keep(&mut self, part: &[u8]) {
        let room = LINE_BYTES_MAX - self.line.len();
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn line(&mut self, line: &[u8]) {
        let is_whole = line.len() < LINE_BYTES_MAX;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            self.end_of_event();
        } else if let Some(data) = line.strip_prefix(b"data:") {
            self.data(data.trim_ascii_start(), is_whole);
        }
    }

    /// Nearly all events have one line of data, which is read at once, before the blank line that
    /// ends the event. Data that are obviously not whole wait for it.
    fn data(&mut self, data: &[u8], is_whole: bool) {
        let is_spread =
            !self.data.is_empty() || data.first() == Some(&b'{') && !data.ends_with(b"}");
        if is_whole && is_spread {
            let room = LINE_BYTES_MAX - self.data.len();
            self.data.extend_from_slice(&data[..data.len().min(room)]);
        } else if data == b"[DONE]" {
            self.started = true;
            self.finished = true;
        } else {
            self.event(data);
        }
    }

    fn end_of_event(&mut self) {
        if !self.data.is_empty() {
            let data = std::mem::take(&mut self.data);
            self.event(&data);
        }
    }

    fn event(&mut self, data: &[u8]) {
        let event = Event::read(data, &mut self.ids);
        if event.family != Family::Unknown {
            self.family = event.family;
        }
        if let Some(sequence) = event.sequence {
            self.next_sequence = sequence.saturating_add(1);
        }
        self.content_bytes += event.content_bytes;
        match event.meaning {
            Meaning::Nothing => {}
            Meaning::Content => self.started = true,
            Meaning::Finished => (self.started, self.finished) = (true, true),
            Meaning::Error => self.fail(data),
        }
        self.choices |= event.choices;
        self.choices_done |= event.choices_done;
        // Some providers end their chunks without `[DONE]`.
        self.finished |= self.choices != 0 && self.choices == self.choices_done;
        if self.is_charged {
            self.output_is_reported |= self.started && event.usage.output.is_some();
            usage::merge(&mut self.usage, event.usage);
        }
    }

    /// The first error is the cause of all others.
    fn fail(&mut self, data: &[u8]) {
        if self.fault.is_none() {
            self.fault = Some(classify::in_stream(ProviderError::read(data)));
        }
    }
}

#[cfg(test)]
mod tests;
