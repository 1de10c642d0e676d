//! Why there is no ledger.

use std::path::PathBuf;

/// Why there is no ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has it.
    #[error(
        "the ledger {0} is another gateway's, which still runs: give each its own with --state DIR"
    )]
    InUse(PathBuf),
    /// A later version of this program made it.
    #[error(
        "the ledger {0} is of a later version of this program: use that, or another --state DIR"
    )]
    Later(PathBuf),
    /// It cannot be made, read or written.
    #[error("the ledger {0} cannot be used: {1}")]
    Unusable(PathBuf, String),
}
