//! A body that came whole, decoded within a bound.

use bytes::Bytes;

use super::decoder::{Decoded, Decoder};
use super::name::Coding;

/// Why a body is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// It is longer than it may be.
    TooLarge,
    /// It is not in this coding, or not whole.
    Malformed,
}

/// What `coded` is in plain, if that is at most `max` bytes.
///
/// # Errors
/// If it is not.
pub(crate) fn decode_whole(
    coding: Coding,
    coded: &Bytes,
    max: usize,
) -> Result<Bytes, DecodeError> {
    let mut decoder = Decoder::new(coding);
    decoder.feed(coded.clone());
    decoder.end();
    let mut plain = Vec::new();
    loop {
        match decoder.next().map_err(|_| DecodeError::Malformed)? {
            Decoded::Piece(piece) if plain.len() + piece.len() > max => {
                return Err(DecodeError::TooLarge);
            }
            Decoded::Piece(piece) => {
                let room = plain.try_reserve(piece.len());
                room.map_err(|_| DecodeError::TooLarge)?;
                plain.extend_from_slice(&piece);
            }
            Decoded::Hungry => return Err(DecodeError::Malformed),
            Decoded::End => return Ok(Bytes::from(plain)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::coded::{ALL, coded};

    #[test]
    fn a_bomb_is_told_before_it_takes_room() {
        let zeros = vec![0; 10 << 20];
        for coding in ALL {
            let bomb = Bytes::from(coded(coding, &zeros));
            assert!(bomb.len() < 1 << 18, "{coding:?}");
            let error = decode_whole(coding, &bomb, 1 << 20);
            assert_eq!(error, Err(DecodeError::TooLarge), "{coding:?}");
            let plain = decode_whole(coding, &bomb, 10 << 20).map(|plain| plain.len());
            assert_eq!(plain, Ok(10 << 20), "{coding:?}");
        }
    }

    #[test]
    fn nothing_is_no_coded_body() {
        for coding in ALL {
            let error = decode_whole(coding, &Bytes::from_static(b"plain"), 100);
            assert_eq!(error, Err(DecodeError::Malformed), "{coding:?}");
        }
    }
}
