//! A client's connection as Pingora gets it for HTTP/1.1: looked at as it is read.
//!
//! It counts what came, since Pingora does not tell of bytes that come early; and while a body comes
//! in chunks, it holds their framing to the rule. A body that breaks it reads as an error of kind
//! `InvalidData`.

use std::io::{Error, ErrorKind, Result};

use crate::framing::chunks::{Chunks, Misframed};
use crate::framing::tapped::{Tapped, Watch};

/// A client's connection.
pub(crate) type ClientSocket = Tapped<Received>;

/// What came from a client.
#[derive(Debug, Default)]
pub(crate) struct Received {
    bytes: u64,
    /// Of a body that comes in chunks.
    chunks: Option<Chunks>,
}

impl Received {
    /// Bytes that have come.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A body comes in chunks, and this has come of it already.
    ///
    /// # Errors
    /// If it is misframed.
    pub(crate) fn expect_chunks(&mut self, ahead: &[u8]) -> std::result::Result<(), Misframed> {
        let mut chunks = Chunks::START;
        chunks.feed(ahead)?;
        self.chunks = Some(chunks);
        Ok(())
    }

    /// No body comes in chunks from now on.
    pub(crate) fn expect_no_chunks(&mut self) {
        self.chunks = None;
    }
}

impl Watch for Received {
    fn came(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        let Some(chunks) = &mut self.chunks else {
            return Ok(());
        };
        let fed = chunks.feed(bytes);
        fed.map_err(|_| Error::from(ErrorKind::InvalidData))
    }
}
