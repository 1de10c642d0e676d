//! Whether a file is still the one that it was, without reading it.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the system tells of a file. Another file in its place, or another text, is told otherwise.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look(Option<[i64; 4]>);

impl Look {
    pub(crate) fn at(path: &Path) -> Self {
        Self(std::fs::metadata(path).ok().as_ref().map(told))
    }

    pub(crate) fn of(file: &File) -> Self {
        Self(file.metadata().ok().as_ref().map(told))
    }

    /// Whether its last change was at least `span` before `moment`.
    pub(crate) fn is_before(&self, moment: SystemTime, span: Duration) -> bool {
        let latest = (moment - span).duration_since(UNIX_EPOCH).ok();
        let changed = self.0.and_then(|[_, _, secs, _]| u64::try_from(secs).ok());
        latest.is_some_and(|latest| changed.is_some_and(|it| it < latest.as_secs()))
    }
}

fn told(of: &Metadata) -> [i64; 4] {
    let (number, size) = (of.ino().cast_signed(), of.size().cast_signed());
    [number, size, of.ctime(), of.ctime_nsec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_looks_another_once_it_is_written_or_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keys.toml");
        assert_eq!(Look::at(&file), Look(None));
        std::fs::write(&file, "a").expect("written");
        let first = Look::at(&file);
        assert_eq!(Look::at(&file), first);
        let other = folder.path().join("other");
        std::fs::write(&other, "b").expect("written");
        std::fs::rename(&other, &file).expect("renamed");
        assert_ne!(Look::at(&file), first);
    }
}
