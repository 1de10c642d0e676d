//! Whether the ledger's file still stands where it belongs. One that was removed while it is open would be
//! written on, and be gone with the process: it is put back.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file at `path`.
    ///
    /// # Errors
    /// If there is none, or it cannot be looked at.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|it| Self {
            device: it.dev(),
            inode: it.ino(),
        })
    }

    /// Sees to it that the file stands at `path`, and says whether it had to be put back: a copy of it, since
    /// a file without a name gets none any more. It must not be written meanwhile.
    ///
    /// # Errors
    /// If another file stands there, or it cannot be put back.
    pub(super) fn keep_at(self, path: &Path) -> io::Result<bool> {
        match Self::of(path) {
            Ok(there) if there == self => return Ok(false),
            Ok(_) => {
                let why =
                    "another file stands in its place; put it back, or restart to take the other";
                return Err(io::Error::other(why));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let mut copy = path.as_os_str().to_owned();
        copy.push(".put-back");
        let copy = PathBuf::from(copy);
        let put_back = self.copy_to(&copy).and_then(|()| {
            // Not over what may have come to stand there by now.
            fs::hard_link(&copy, path)
        });
        let _ = fs::remove_file(&copy);
        put_back.map(|()| true)
    }

    /// What this process has open of it, under another name.
    fn copy_to(self, copy: &Path) -> io::Result<()> {
        let opened = fs::read_dir("/proc/self/fd")?.filter_map(Result::ok);
        let mut opened = opened.map(|it| it.path());
        let is_it = |path: &PathBuf| Self::of(path).is_ok_and(|there| there == self);
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it is gone from its place");
        let mut from = File::open(opened.find(is_it).ok_or_else(gone)?)?;
        let mut to = File::create(copy)?;
        io::copy(&mut from, &mut to)?;
        to.set_permissions(from.metadata()?.permissions())?;
        to.sync_all()
    }
}
