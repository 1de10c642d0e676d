//! Ids of things that only the account that made them knows.

/// A longer id is no provider's.
pub(crate) const ID_BYTES_MAX: usize = 256;
