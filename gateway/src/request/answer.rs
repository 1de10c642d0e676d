//! A provider's answer: its head, and what has been read of its body.

use bytes::Bytes;
use keyweir_policy::wire::stream::StreamReader;
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
    pub(crate) fn new(mut link: Box<Link>) -> Self {
        let ended = link.done();
        Self {
            link,
            pieces: Vec::new(),
            ended,
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

    /// Lets go of it. Its connection is kept if there is nothing more to read.
    pub(crate) async fn discard(self) {
        if self.ended {
            self.link.release().await;
        }
    }
}
