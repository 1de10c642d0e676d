//! Maps by ids, where few of many ids have something.
//!
//! Whoever picks an id is the gateway itself, so nobody can pick them to collide: one multiplication
//! spreads them, where the standard hash, made against strangers, takes a hundred instructions.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Things by ids of which few have one.
pub type IdMap<I, T> = HashMap<I, T, BuildHasherDefault<IdHasher>>;

/// Spreads ids, and digests of what strangers say. Not for what they say itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl IdHasher {
    /// 2⁶⁴ over the golden ratio (Knuth, The Art of Computer Programming, volume 3, 6.4).
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

    const fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(Self::SPREAD);
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.mix(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.mix(u64::from(id));
    }

    fn write_u64(&mut self, id: u64) {
        self.mix(id);
    }

    fn write_usize(&mut self, length: usize) {
        self.mix(length as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;
    use crate::ids::TenantId;

    #[test]
    fn ids_are_spread_over_the_bits_that_tables_look_at() {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let hashes: Vec<u64> = (0..1_024).map(|id| hasher.hash_one(TenantId(id))).collect();
        for bits in [0, 57] {
            let mut counts = [0; 128];
            for hash in &hashes {
                counts[(hash >> bits) as usize % 128] += 1;
            }
            assert!(counts.iter().all(|count| *count <= 16), "{counts:?}");
        }
    }
}
