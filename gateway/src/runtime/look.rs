//! Whether a file is still the one that it was, without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the system tells of a file. Another file in its place, or another text, is told otherwise.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look(Option<[i64; 4]>);

impl Look {
    pub(crate) fn at(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        Self(metadata.map(|it| {
            let number = it.ino().cast_signed();
            let size = it.size().cast_signed();
            [number, size, it.ctime(), it.ctime_nsec()]
        }))
    }
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
