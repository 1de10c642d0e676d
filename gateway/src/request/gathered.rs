//! What has been read of a body, piece by piece.
//!
//! Large pieces stay as they came: they are written on or joined once. Small ones are joined as they
//! come, since a provider may send a body in chunks of one byte, and a hundred thousand pieces cost
//! more than what is in them.

use bytes::{Bytes, BytesMut};

/// A piece smaller than this is copied to others: what is kept of a piece beside its content costs
/// about a tenth of it.
const SMALL: usize = 1024;

/// What has been read.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pieces: Vec<Bytes>,
    /// Small pieces that came after those.
    tail: BytesMut,
    len: usize,
}

impl Gathered {
    /// Adds what came next.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        let is_first = self.len == 0;
        self.len += piece.len();
        if piece.len() < SMALL && !is_first {
            self.tail.extend_from_slice(&piece);
            return;
        }
        self.close_tail();
        self.pieces.push(piece);
    }

    /// Bytes read so far.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All of it, in one piece.
    pub(crate) fn joined(&mut self) -> Bytes {
        self.close_tail();
        if self.pieces.len() > 1 {
            let joined = Bytes::from(self.pieces.concat());
            self.pieces.clear();
            self.pieces.push(joined);
        }
        self.pieces.first().cloned().unwrap_or_default()
    }

    /// Puts `whole` in the place of all that was read.
    pub(crate) fn replace(&mut self, whole: Bytes) {
        *self = Self::default();
        self.push(whole);
    }

    /// Takes all of it out, in order.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        self.close_tail();
        self.len = 0;
        std::mem::take(&mut self.pieces)
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_the_order_stays_however_it_comes() {
        let body: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
        for sizes in [[1, 1, 1], [20_000, 1, 1], [1, 1024, 3000], [7, 5000, 1023]] {
            let (mut gathered, mut rest) = (Gathered::default(), &body[..]);
            for size in sizes.into_iter().cycle() {
                let (piece, after) = rest.split_at(rest.len().min(size));
                gathered.push(Bytes::copy_from_slice(piece));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            assert_eq!(gathered.len(), body.len());
            assert!(gathered.pieces.len() <= 2 * body.len() / SMALL + 2);
            assert_eq!(gathered.joined(), body);
            assert_eq!(gathered.take().concat(), body);
            assert_eq!(gathered.len(), 0);
        }
    }
}
