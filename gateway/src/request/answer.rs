//! A provider's answer: its head, and what has been read of its body.

use std::sync::Arc;

use bytes::Bytes;
use keyweir_policy::terms::request::Usage;
use keyweir_policy::wire::large::LargeAnswer;
use keyweir_policy::wire::refusal::ErrorAnswer;
use keyweir_policy::wire::stream::StreamReader;
use keyweir_policy::wire::trace::Traces;
use pingora_http::ResponseHeader;

use crate::coding::{Coding, Decoded, Decoder, UnknownCoding};
use crate::downstream::shares::Share;
use crate::downstream::whole_events::WholeEvents;
use crate::request::gathered::Gathered;
use crate::upstream::{Link, LinkError};

/// The longest JSON answer that is read as a whole: far above any model's answer, and above a page
/// of a list of batches. Of longer ones only the end is read.
pub(crate) const WHOLE_MAX: usize = 2 * 1024 * 1024;

/// An answer whose head has been read, and perhaps some of its body.
pub(crate) struct Answer {
    link: Box<Link>,
    /// Undoes the body's coding, where it has to be read.
    coded: Option<Box<Coded>>,
    /// What has been read of the body, decoded.
    pub(crate) body: Gathered,
    /// That is all of it.
    pub(crate) ended: bool,
    /// What kind of text it turned out to be, where its head says something else.
    pub(crate) content_type: Option<&'static str>,
    /// The error that came inside it with 200, as the answer that it should have been.
    pub(crate) error_inside: Option<ErrorAnswer>,
    /// Of the credential it was asked with.
    pub(crate) traces: Arc<Traces>,
}

/// A body on its way through a decoder.
struct Coded {
    decoder: Decoder,
    /// Something came of it. What is empty has no coding.
    has_begun: bool,
}

/// How an answer is looked at on its way.
pub(crate) enum Watch {
    /// Event by event.
    Stream(Box<Stream>),
    /// As one JSON text, which has been read to its end and says what it cost.
    Whole(Usage),
    /// As one JSON text that is too long to be held.
    Large(Box<LargeAnswer>),
    /// Not at all.
    Opaque,
}

/// A stream of events under observation.
pub(crate) struct Stream {
    pub(crate) reader: StreamReader,
    pub(crate) events: WholeEvents,
    /// Its share of what all requests may hold, where it is held until it is complete.
    pub(crate) share: Option<Share>,
}

impl Answer {
    pub(crate) fn new(mut link: Box<Link>, traces: Arc<Traces>) -> Self {
        let ended = link.done();
        Self {
            link,
            coded: None,
            body: Gathered::default(),
            ended,
            content_type: None,
            error_inside: None,
            traces,
        }
    }

    /// Has the body decoded as it is read, if it came in a coding.
    ///
    /// # Errors
    /// If that cannot be undone.
    pub(crate) fn decode(&mut self) -> Result<(), UnknownCoding> {
        if let Some(coding) = Coding::of(&self.response().headers)? {
            let decoder = Decoder::new(coding);
            let has_begun = false;
            self.coded = Some(Box::new(Coded { decoder, has_begun }));
        }
        Ok(())
    }

    /// Whether the body as it is read is another than came.
    pub(crate) fn is_decoded(&self) -> bool {
        self.coded.is_some()
    }

    pub(crate) fn response(&self) -> &ResponseHeader {
        self.link
            .response()
            .expect("an answer's head has been read")
    }

    /// Its status, or the one that it should have had.
    pub(crate) fn status(&self) -> u16 {
        match &self.error_inside {
            Some(error) => error.status,
            None => self.response().status.as_u16(),
        }
    }

    /// Reads the next piece of the body, and keeps it.
    pub(crate) async fn read_piece(&mut self) -> Result<Bytes, LinkError> {
        let read = self.read(false).await?;
        Ok(self.keep(read))
    }

    /// Reads what has come of the body, and keeps it.
    pub(crate) async fn read_pieces(&mut self) -> Result<(), LinkError> {
        let read = self.read(true).await?;
        self.keep(read);
        Ok(())
    }

    fn keep(&mut self, read: Option<Bytes>) -> Bytes {
        // Pingora reads empty pieces, too, between two chunks: they are no end.
        self.ended = read.is_none() || self.coded.is_none() && self.link.done();
        let piece = read.unwrap_or_default();
        self.body.push(piece.clone());
        piece
    }

    /// The next piece, with all that has come by now; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        self.read(true).await
    }

    async fn read(&mut self, joined: bool) -> Result<Option<Bytes>, LinkError> {
        loop {
            if let Some(decoded) = self.decoded()? {
                return Ok(Some(decoded));
            }
            let piece = if joined {
                self.link.read_joined().await?
            } else {
                self.link.read().await?
            };
            match (piece, &mut self.coded) {
                (Some(piece), Some(coded)) => coded.feed(piece),
                (None, Some(coded)) => return coded.rest(),
                (piece, None) => return Ok(piece),
            }
        }
    }

    /// What is there already of a coded body.
    fn decoded(&mut self) -> Result<Option<Bytes>, LinkError> {
        match &mut self.coded {
            Some(coded) => coded.next(),
            None => Ok(None),
        }
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

    /// Lets go of the connection of an answer that is complete, whether or not the connection knows:
    /// nobody waits for it.
    pub(crate) async fn release(mut self) {
        if self.ended || self.link.done() {
            self.link.release().await;
        } else {
            self.link.release_at_end();
        }
    }
}

impl Coded {
    fn feed(&mut self, piece: Bytes) {
        self.has_begun |= !piece.is_empty();
        self.decoder.feed(piece);
    }

    fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        if !self.has_begun {
            return Ok(None);
        }
        match self.decoder.next() {
            Ok(Decoded::Piece(piece)) => Ok(Some(piece)),
            // What may come after the end of the coding is nothing.
            Ok(Decoded::Hungry | Decoded::End) => Ok(None),
            Err(error) => Err(LinkError::Lost(format!("its coding is broken: {error}"))),
        }
    }

    /// What is left when no coded piece comes any more.
    fn rest(&mut self) -> Result<Option<Bytes>, LinkError> {
        self.decoder.end();
        self.next()
    }
}
