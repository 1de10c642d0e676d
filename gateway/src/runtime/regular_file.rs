//! Files that can be read without waiting for somebody to write them: a pipe that nobody writes to
//! would hold a reload up for ever. And within bounds: a name may come to lead to anything.

use std::fs::{File, Metadata};
use std::io::{Error, Read as _, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Fails where `path` is no regular file.
pub(crate) fn check(path: &Path) -> Result<()> {
    check_metadata(&std::fs::metadata(path)?)
}

fn check_metadata(metadata: &Metadata) -> Result<()> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(Error::other("it is no regular file")),
    }
}

/// Opens a regular file for reading. What it is is asked of the file that was opened: another may have
/// come in its place meanwhile, and opening a pipe must not wait either.
pub(crate) fn open(path: &Path) -> Result<File> {
    let no_wait = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(no_wait).open(path);
    let file = file?;
    check_metadata(&file.metadata()?)?;
    Ok(file)
}

/// All of a regular file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more shows that it is too large.
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(Error::other(format!("it is larger than {most} bytes"))),
        false => Ok(bytes),
    }
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
        assert_eq!(read(&path, 1).expect("it fits"), b"x");
        assert!(read(&path, 0).is_err());
        assert!(open(folder.path()).is_err());
        assert!(open(Path::new("/dev/zero")).is_err());
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("it runs").success());
        assert!(open(&pipe).is_err());
    }
}
