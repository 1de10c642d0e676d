//! What there is instead of an answer that was broken off.

use std::fmt;

/// There is no answer: the connection or stream is broken off.
#[derive(Debug)]
pub(crate) struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken off")
    }
}

impl std::error::Error for Gone {}
