//! A provider's answer: its head, and what has been read of its body.

use std::sync::Arc;

use bytes::Bytes;
use keyweir_policy::wire::stream::StreamReader;
use keyweir_policy::wire::trace::Traces;
use pingora_http::ResponseHeader;

use crate::downstream::whole_events::WholeEvents;
use crate::request::gathered::Gathered;
use crate::upstream::{Link, LinkError};

/// An answer whose head has been read, and perhaps some of its body.
pub(crate) struct Answer {
    pub(crate) link: Box<Link>,
    /// What has been read of the body.
    pub(crate) body: Gathered,
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
            body: Gathered::default(),
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

    /// Reads the next piece of the body, and keeps it.
    pub(crate) async fn read_piece(&mut self) -> Result<Bytes, LinkError> {
        let read = self.link.read().await?;
        Ok(self.keep(read))
    }

    /// Reads what has come of the body, and keeps it.
    pub(crate) async fn read_pieces(&mut self) -> Result<(), LinkError> {
        let read = self.link.read_joined().await?;
        self.keep(read);
        Ok(())
    }

    fn keep(&mut self, read: Option<Bytes>) -> Bytes {
        // Pingora reads empty pieces, too, between two chunks: they are no end.
        self.ended = read.is_none() || self.link.done();
        let piece = read.unwrap_or_default();
        self.body.push(piece.clone());
        piece
    }

    /// Takes the credential's traces out of what has been read.
    pub(crate) fn redact(&mut self) {
        let read = self.body.joined();
        if let Some(redacted) = self.traces.redacted(&read) {
            self.body.replace(Bytes::from(redacted));
        }
    }

    /// [`Self::redact`], of an answer that is no error and may be long.
    pub(crate) fn redact_whole(&mut self) {
        let read = self.body.joined();
        if let Some(redacted) = self.traces.redacted_whole(&read) {
            self.body.replace(Bytes::from(redacted));
        }
    }

    /// Lets go of it. Its connection is kept if there is nothing more to read.
    pub(crate) async fn discard(self) {
        if self.ended {
            self.link.release().await;
        }
    }
}
