//! Paths of files.

use std::path::PathBuf;

use crate::file::value::Value;

/// The path of a file, relative to the policy file's folder or absolute.
pub(super) fn path(value: &Value<'_>) -> Option<PathBuf> {
    value.text().map(PathBuf::from)
}
