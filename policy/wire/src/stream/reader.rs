//! Watches a response stream go by: when content begins, how it ends, what it cost.
//!
//! The bytes are on their way to the client, whatever they say, so the reader only looks: it keeps
//! nothing but parts of a line that has not ended yet, within a bound.
//!
//! The events' own names are not needed, but for `error`: every event that matters says in its data
//! what it is. After the dialect's last event (`[DONE]`, `message_stop`, `response.completed` and
//! its like) the stream is over, whatever the connection does then, and nothing more is read of it.

use std::sync::Arc;

use crate::answer::created_ids::Ids;
use crate::answer::error_inside;
use crate::answer::opening::Opening;
use crate::answer::usage;
use crate::classify::{self, Rule};
use crate::provider_error::ProviderError;
use crate::refusal::ErrorAnswer;
use crate::refusal::error_event::{self, StreamForm};
use crate::refusal::kind::RefusalKind;
use crate::stream::event::Event;
use crate::stream::event_name::{Family, Meaning};
use crate::stream::lines::{HEAD_BYTES_MAX, Line, Lines};
use crate::stream::repeated::Repeated;
use crate::stream::tokens::Tokens;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;

/// The most that is kept of an event whose data are spread over several lines, and of an error.
const EVENT_BYTES_MAX: usize = HEAD_BYTES_MAX;

/// Watches one response stream (server-sent events).
#[derive(Debug)]
pub struct StreamReader {
    dialect: Dialect,
    rules: Arc<[Rule]>,
    lines: Lines,
    /// The data of an event that is spread over several lines.
    data: Vec<u8>,
    repeated: Repeated,
    /// The event that is under way is named `error`.
    is_error_event: bool,
    family: Family,
    started: bool,
    finished: bool,
    /// The dialect's last event has been read, but perhaps not to its end.
    last: bool,
    over: bool,
    failure: Option<Failure>,
    tokens: Tokens,
    choices: u64,
    choices_done: u64,
    next_sequence: u64,
    ids: Ids,
}

impl StreamReader {
    /// A reader for one response, which judges the errors in it by `rules`, or else by the table.
    pub fn new(dialect: Dialect, endpoint: Endpoint, rules: Arc<[Rule]>) -> Self {
        Self {
            dialect,
            rules,
            tokens: Tokens::new(usage::is_charged(dialect, endpoint)),
            lines: Lines::default(),
            data: Vec::new(),
            repeated: Repeated::default(),
            is_error_event: false,
            family: Family::Unknown,
            started: false,
            finished: false,
            last: false,
            over: false,
            failure: None,
            choices: 0,
            choices_done: 0,
            next_sequence: 0,
            ids: Ids::default(),
        }
    }

    /// Takes the next bytes of the stream, split anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, |line| self.line(line));
        self.lines = lines;
    }

    /// Nothing more comes. Some leave the last line without its end.
    pub fn end(&mut self) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.end(|line| self.line(line));
        self.lines = lines;
        // What is cut is no event.
        if self.data.ends_with(b"}") {
            let data = std::mem::take(&mut self.data);
            self.event(&data, b"");
        }
    }

    /// The first real content has been seen (not merely the stream's opening, or a ping), or the
    /// stream said that it is complete without any.
    #[cfg(test)]
    const fn started_content(&self) -> bool {
        self.started
    }

    /// The stream reported an error; classified as its status would be.
    pub const fn fault(&self) -> Option<Fault> {
        match &self.failure {
            Some(failure) => Some(failure.fault),
            None => None,
        }
    }

    /// The error that the stream reported, as an answer with a status of its own, in the client's
    /// dialect and in the provider's words: for an error of the request that came before content.
    pub fn error_answer(&self) -> Option<ErrorAnswer> {
        let failure = self.failure.as_ref()?;
        if !failure.fault.is_for_the_client() {
            return None;
        }
        error_inside::answer(self.dialect, &failure.data)
    }

    /// The stream said that it is complete: if the connection ends now, or breaks, nothing is lost.
    /// (More may follow, such as usage.)
    pub const fn finished(&self) -> bool {
        self.finished && self.failure.is_none()
    }

    /// The dialect's last event has come to its end, good or bad: nothing that comes after it belongs
    /// to the answer, and the connection need not be waited for.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The dialect's last event has been read, but for the empty line that ends it, without which
    /// nobody takes it for one.
    pub const fn lacks_end(&self) -> bool {
        self.last && !self.over
    }

    /// What the stream's beginning tells; `ended`: nothing more will come. A failure may be the
    /// request's (by [`Fault::attribution`]): then [`Self::error_answer`] is for the client.
    pub fn opening(&mut self, ended: bool) -> Opening {
        if ended {
            self.end();
        }
        match self.fault() {
            Some(fault) => Opening::Failed(fault),
            None if self.started || self.finished() => Opening::Begun,
            // Who knows how its streams end.
            None if ended && self.dialect == Dialect::Generic => Opening::Begun,
            None if ended => Opening::Cut,
            None => Opening::Undecided,
        }
    }

    /// [`Self::opening`] of a stream that is held until it is complete: only then it has begun.
    pub fn whole(&mut self, ended: bool) -> Opening {
        let knows_its_end = self.dialect != Dialect::Generic;
        match self.opening(ended) {
            Opening::Begun if self.over || ended && (self.finished() || !knows_its_end) => {
                Opening::Begun
            }
            Opening::Begun if ended => Opening::Cut,
            Opening::Begun => Opening::Undecided,
            other => other,
        }
    }

    /// Whose fault the end of a stream is that has reached the client: a stream that ends without
    /// saying so was cut, however clean its end looks, and an error that comes after content is a
    /// broken stream, whatever it says. How the connection ended plays no part: a stream that said
    /// that it is complete is whole.
    pub fn ending(&mut self) -> Fault {
        self.end();
        let knows_its_end = self.dialect != Dialect::Generic;
        if self.failure.is_some() || (knows_its_end && !self.finished()) {
            Fault::StreamBroken
        } else {
            Fault::None
        }
    }

    /// What it cost so far.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
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

    fn line(&mut self, line: Line<'_>) {
        if self.over {
            return;
        }
        let text = line.head.trim_ascii_end();
        if text.is_empty() {
            self.end_of_event();
        } else if let Some(data) = text.strip_prefix(b"data:") {
            self.data(data.trim_ascii_start(), line.tail);
        } else if let Some(name) = text.strip_prefix(b"event:") {
            self.is_error_event = name.trim_ascii() == b"error";
        } else if text.first() == Some(&b'{') {
            self.stray(text);
        }
    }

    /// Nearly all events have one line of data, which is read at once, before the blank line that
    /// ends the event. Data that are obviously not whole wait for it.
    fn data(&mut self, data: &[u8], tail: &[u8]) {
        let is_spread =
            !self.data.is_empty() || data.first() == Some(&b'{') && !data.ends_with(b"}");
        if !tail.is_empty() && !tail.trim_ascii_end().ends_with(b"}") {
            // Cut in its middle.
        } else if tail.is_empty() && is_spread {
            let room = EVENT_BYTES_MAX - self.data.len();
            self.data.extend_from_slice(&data[..data.len().min(room)]);
        } else if data == b"[DONE]" {
            (self.started, self.finished, self.last) = (true, true, true);
        } else {
            self.event(data, tail);
        }
    }

    /// JSON that is no event: some fail in the middle of a stream with the body of an error.
    fn stray(&mut self, text: &[u8]) {
        if Event::read(text, &mut Ids::default()).meaning == Meaning::Error {
            self.fail(text);
        }
    }

    fn end_of_event(&mut self) {
        if !self.data.is_empty() {
            let data = std::mem::take(&mut self.data);
            self.event(&data, b"");
        }
        self.is_error_event = false;
        self.over = self.last;
    }

    fn event(&mut self, data: &[u8], tail: &[u8]) {
        let repeated = self.repeated.read(data).filter(|_| tail.is_empty());
        let mut event = repeated.unwrap_or_else(|| self.new_event(data, tail));
        if self.is_error_event && event.meaning == Meaning::Nothing {
            event.meaning = Meaning::Error;
        }
        if event.family != Family::Unknown {
            self.family = event.family;
        }
        if let Some(sequence) = event.sequence {
            self.next_sequence = sequence.saturating_add(1);
        }
        match event.meaning {
            Meaning::Nothing => {}
            Meaning::Content => self.started = true,
            Meaning::Finished => (self.started, self.finished) = (true, true),
            Meaning::Error => self.fail(data),
        }
        self.choices |= event.choices;
        self.choices_done |= event.choices_done;
        self.last |= event.is_last;
        // Some providers end their chunks without `[DONE]`, and messages without `message_stop`.
        self.finished |= event.is_stopped;
        self.finished |= self.choices != 0 && self.choices == self.choices_done;
        self.tokens.add(&event, self.started);
    }

    fn new_event(&mut self, data: &[u8], tail: &[u8]) -> Event {
        let mut event = Event::read(data, &mut self.ids);
        if tail.is_empty() {
            self.repeated.note(&event, data);
        } else {
            event.read_tail(tail);
        }
        event
    }

    /// The first error is the cause of all others.
    fn fail(&mut self, data: &[u8]) {
        if self.failure.is_none() {
            self.failure = Some(Failure {
                fault: classify::in_stream(&self.rules, ProviderError::read(data)),
                data: data[..data.len().min(EVENT_BYTES_MAX)].into(),
            });
        }
    }
}

/// An error that the stream reported.
#[derive(Debug)]
struct Failure {
    fault: Fault,
    /// The event's data.
    data: Box<[u8]>,
}

#[cfg(test)]
mod tests;
