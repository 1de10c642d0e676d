//! Names in a key.

/// Stands between names in a key: no name has it.
pub(crate) const BETWEEN: char = '\u{1f}';
