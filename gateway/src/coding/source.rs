//! What has come of a body, for readers that would rather wait for more.

use std::io::{self, BufRead, ErrorKind, Read};

use bytes::{Buf, Bytes};

/// The piece that came last, as far as it has not been read.
#[derive(Debug, Default)]
pub(super) struct Source {
    piece: Bytes,
    has_ended: bool,
}

impl Source {
    /// `piece` came, in the place of the last one, of which all has been read that matters.
    pub(super) fn feed(&mut self, piece: Bytes) {
        self.piece = piece;
    }

    /// Nothing more comes.
    pub(super) const fn end(&mut self) {
        self.has_ended = true;
    }

    /// The first byte of what has come.
    pub(super) fn first(&self) -> Option<u8> {
        self.piece.first().copied()
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() && !self.has_ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, count: usize) {
        self.piece.advance(count);
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
