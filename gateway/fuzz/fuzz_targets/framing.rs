//! Heads, chunks and events, split anywhere: the same is read of the pieces as of the whole.
//!
//! Input: a byte for the size of pieces, what comes over the wire.

#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;

use self::chunks::Chunks;
use self::head_scan::Scan;
use self::whole_events::WholeEvents;

// The gateway's rooms are private, and these files stand alone.
#[path = "../../src/framing/chunks.rs"]
#[allow(dead_code, unused_imports)]
mod chunks;
#[path = "../../src/downstream/head_scan.rs"]
#[allow(dead_code, unused_imports)]
mod head_scan;
#[path = "../../src/downstream/whole_events.rs"]
#[allow(dead_code, unused_imports)]
mod whole_events;

const HEAD_BYTES_MAX: usize = 1024;

fuzz_target!(|input: &[u8]| {
    let [piece, wire @ ..] = input else {
        return;
    };
    let piece = usize::from(*piece).max(1);

    let whole = chunked([wire].into_iter());
    assert_eq!(whole, chunked(wire.chunks(piece)));

    let mut events = WholeEvents::default();
    let mut passed = Vec::new();
    for piece in wire.chunks(piece) {
        passed.extend_from_slice(&events.pass(Bytes::copy_from_slice(piece)));
    }
    passed.extend_from_slice(&events.rest());
    assert_eq!(passed, wire);

    let whole = head([wire].into_iter());
    let pieces = head(wire.chunks(piece));
    // Of a head that comes whole, what comes after it is never looked at; a bound that is passed on
    // the way may be told before a mistake that comes later.
    if let (Ok(Some(whole)), Ok(Some(pieces))) = (&whole, &pieces) {
        assert_eq!(whole, pieces);
    }
    assert_eq!(matches!(whole, Ok(Some(_))), matches!(pieces, Ok(Some(_))));
});

fn chunked<'a>(mut pieces: impl Iterator<Item = &'a [u8]>) -> Option<Chunks> {
    let mut chunks = Chunks::START;
    pieces
        .try_for_each(|piece| chunks.feed(piece))
        .ok()
        .map(|()| chunks)
}

/// Where a head ends and whether its body is coded; `None`: it does not end.
fn head<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<(Vec<u8>, bool)>, head_scan::Unread> {
    let mut scan = Scan::new(HEAD_BYTES_MAX);
    let mut bytes = BytesMut::new();
    for piece in pieces {
        bytes.extend_from_slice(piece);
        if scan.finds_end(&mut bytes)? {
            return Ok(Some((bytes[..scan.end()].to_vec(), scan.is_coded())));
        }
    }
    Ok(None)
}
