//! Batches and files, each visible only to the account that made it.

/// Everything stored.
#[derive(Debug, Default)]
pub(crate) struct Store {}
