//! How an answer goes that the provider has begun.

use keyweir_policy::terms::fault::Fault;

/// Pieces in which an answer's output is produced and reported.
pub(crate) const PIECES: usize = 8;

/// How an answer goes that the provider has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Course {
    /// To its end.
    Whole,
    /// An error event comes instead of content.
    ErrorEvent(Fault),
    /// It breaks after this many pieces.
    Cut(usize),
    /// It falls silent after this many pieces.
    Stalled(usize),
}
