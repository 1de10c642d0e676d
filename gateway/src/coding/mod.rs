//! Content codings (RFC 9110, 8.4.1): bodies that come compressed, read as what they are.
//!
//! What is decoded may be a thousand times as long as what came, so it is decoded a piece at a time,
//! and of bodies that are read to their end there is a most.

#[cfg(test)]
mod coded;
mod decoder;
mod name;
mod source;
mod whole;

pub(crate) use decoder::{Decoded, Decoder};
pub(crate) use name::{Coding, UnknownCoding};
pub(crate) use whole::{DecodeError, decode_whole};
