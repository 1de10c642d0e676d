//! A compressed body: decoded within its bound, or refused.
//!
//! Input: a byte that chooses the coding, the body.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

use self::coding::{Coding, decode_whole};

// The gateway's rooms are private, and this one stands alone.
#[path = "../../src/coding/mod.rs"]
#[allow(dead_code, unused_imports)]
mod coding;

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
const MAX: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    let [choice, body @ ..] = input else {
        return;
    };
    let coding = CODINGS[usize::from(*choice) % CODINGS.len()];
    if let Ok(plain) = decode_whole(coding, &Bytes::copy_from_slice(body), MAX) {
        assert!(plain.len() <= MAX);
    }
});
