//! Cheap hashes for recognizing a conversation or an account again.
//!
//! Not against attackers: who forges a collision only spoils the cache hits of a conversation of
//! his own tenant's. A cryptographic hash would cost more than everything else that is done with a
//! body; hashing byte by byte would too.

/// Odd numbers without a pattern (the fractions of π): where a hash starts, what spreads its bits.
const START: u64 = 0x243F_6A88_85A3_08D3;
const SPREAD: u64 = 0xA409_3822_299F_31D1;
/// Of a longer piece only this much at either end counts, and its length.
const END_BYTES: usize = 4 * 1024;

/// A 64-bit hash of pieces of bytes, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(START)
    }
}

impl Fingerprint {
    /// Adds a piece.
    pub fn mix(&mut self, piece: &[u8]) {
        self.mix_word(piece.len() as u64);
        if piece.len() <= 2 * END_BYTES {
            self.mix_bytes(piece);
        } else {
            self.mix_bytes(&piece[..END_BYTES]);
            self.mix_bytes(&piece[piece.len() - END_BYTES..]);
        }
    }

    /// Adds a number. Both halves of the product count, so every bit of it reaches all others.
    pub const fn mix_word(&mut self, word: u64) {
        let product = (self.0 ^ word) as u128 * SPREAD as u128;
        self.0 = (product as u64 ^ (product >> 64) as u64).wrapping_add(START);
    }

    /// The hash; `None` if nothing was added.
    pub fn finish(self) -> Option<u64> {
        (self.0 != START).then_some(self.0)
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix_word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix_word(u64::from_le_bytes(last));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(pieces: &[&[u8]]) -> Option<u64> {
        let mut fingerprint = Fingerprint::default();
        for piece in pieces {
            fingerprint.mix(piece);
        }
        fingerprint.finish()
    }

    #[test]
    fn tells_pieces_apart() {
        let long = [b'x'; 100_000];
        let mut other_end = long;
        other_end[99_999] = b'y';
        let inputs: [&[&[u8]]; 9] = [
            &[],
            &[b""],
            &[b"", b""],
            &[b"ab", b"c"],
            &[b"a", b"bc"],
            &[b"abc\0"],
            &[b"abc"],
            &[&long],
            &[&other_end],
        ];
        let distinct: HashSet<_> = inputs.iter().map(|pieces| of(pieces)).collect();
        assert_eq!(distinct.len(), inputs.len());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[b"abc"]), of(&[b"abc"]));
    }

    #[test]
    fn similar_texts_rarely_collide() {
        let texts = (0..100_000u32).map(|n| of(&[format!("conversation {n}").as_bytes()]));
        assert_eq!(texts.collect::<HashSet<_>>().len(), 100_000);
    }
}
