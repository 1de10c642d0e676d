//! A provider's answer: its head, and what has been read of its body.

use std::sync::Arc;

use bytes::Bytes;
use keyweir_policy::wire::stream::StreamReader;
use keyweir_policy::wire::trace::Traces;
use pingora_http::ResponseHeader;

use crate::downstream::whole_events::WholeEvents;
use crate::upstream::{Link, LinkError};

/// An answer whose head has been read, and perhaps some of its body.
pub(crate) struct Answer {
    pub(crate) link: Box<Link>,
    /// What has been read of the body.
    pub(crate) pieces: Vec<Bytes>,
    /// That is all of it.
    pub(crate) ended: bool,
    /// Of the credential it was asked with.
    pub(crate) traces: Arc<Traces>,
}

/// How an answer is looked at on its way.
pub(crate) enum Watch {
    /// Event by event.
    Stream(Box<Stream>),
    /// As one JSON text, which has been read to its end.
    Whole,
    /// Not at all.
    Opaque,
}

/// A stream of events under observation.
pub(crate) struct Stream {
    pub(crate) reader: StreamReader,
    pub(crate) events: WholeEvents,
}

impl Answer {
    pub(crate) fn new(mut link: Box<Link>, traces: Arc<Traces>) -> Self {
        let ended = link.done();
        Self {
            link,
            pieces: Vec::new(),
            ended,
            traces,
        }
    }

    pub(crate) fn response(&self) -> &ResponseHeader {
        self.link
            .response()
            .expect("an answer's head has been read")
    }

    pub(crate) fn status(&self) -> u16 {
        self.response().status.as_u16()
    }

    /// Reads the next piece into [`Self::pieces`].
    pub(crate) async fn read_piece(&mut self) -> Result<(), LinkError> {
        match self.link.read().await? {
            Some(piece) => {
                self.pieces.push(piece);
                self.ended = self.link.done();
            }
            None => self.ended = true,
        }
        Ok(())
    }

    /// Bytes of the body read so far.
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// All that has been read, in one piece.
    pub(crate) fn joined(&mut self) -> Bytes {
        if self.pieces.len() > 1 {
            let joined = Bytes::from(self.pieces.concat());
            self.pieces.clear();
            self.pieces.push(joined);
        }
        self.pieces.first().cloned().unwrap_or_default()
    }

    /// Takes the credential's traces out of what has been read.
    pub(crate) fn redact(&mut self) {
        let read = self.joined();
        if let Some(redacted) = self.traces.redacted(&read) {
            self.pieces = vec![Bytes::from(redacted)];
        }
    }

    /// [`Self::redact`], of an answer that is no error and may be long.
    pub(crate) fn redact_whole(&mut self) {
        let read = self.joined();
        if let Some(redacted) = self.traces.redacted_whole(&read) {
            self.pieces = vec![Bytes::from(redacted)];
        }
    }

    /// Lets go of it. Its connection is kept if there is nothing more to read.
    pub(crate) async fn discard(self) {
        if self.ended {
            self.link.release().await;
        }
    }
}
