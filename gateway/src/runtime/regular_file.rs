//! Files that can be read without waiting for somebody to write them: a pipe that nobody writes to
//! would hold a reload up for ever.

use std::fs::File;
use std::io::{Error, Result};
use std::path::Path;

/// Fails where `path` is no regular file.
pub(crate) fn check(path: &Path) -> Result<()> {
    if std::fs::metadata(path)?.is_file() {
        Ok(())
    } else {
        Err(Error::other("it is no regular file"))
    }
}

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> Result<File> {
    check(path)?;
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_keep_a_reader_waiting_is_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        assert!(open(&path).is_err());
        std::fs::write(&path, "x").expect("written");
        assert!(open(&path).is_ok());
        assert!(open(folder.path()).is_err());
        assert!(open(Path::new("/dev/zero")).is_err());
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("it runs").success());
        assert!(open(&pipe).is_err());
    }
}
