//! A ledger's file for who only looks at it. The store writes whenever it opens one: it mends what a process
//! that was killed has left, and makes the tables that an older file lacks. Here that stays in memory, and the
//! file, which may be one that can only be read, is left as it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use parking_lot::Mutex;
use redb::{DatabaseError, StorageBackend};
use rustix::fs::{FlockOperation, flock};

/// Bytes that are kept together once one of them was written.
const PAGE: usize = 4096;

/// A file, and what was written over it.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    /// Bytes there are.
    len: u64,
    /// So many of the file's own count; what is beyond is zeros, until it is written.
    of_file: u64,
    /// By their number in the file.
    pages: BTreeMap<u64, Box<[u8; PAGE]>>,
}

impl Overlay {
    /// Over the file at `path`, which others may look at as well, but nobody may write meanwhile.
    ///
    /// # Errors
    /// If it cannot be read, or somebody has it open to write.
    pub(super) fn of(path: &Path) -> Result<Self, DatabaseError> {
        let file = File::open(path).map_err(redb::StorageError::from)?;
        flock(&file, FlockOperation::NonBlockingLockShared).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => DatabaseError::DatabaseAlreadyOpen,
            error => redb::StorageError::from(io::Error::from(error)).into(),
        })?;
        let len = file.metadata().map_err(redb::StorageError::from)?.len();
        let over = Mutex::new(Over {
            len,
            of_file: len,
            pages: BTreeMap::new(),
        });
        Ok(Self { file, over })
    }

    /// A page as it is in the file.
    fn page_of_file(&self, number: u64, of_file: u64) -> io::Result<Box<[u8; PAGE]>> {
        let mut page = Box::new([0; PAGE]);
        let begin = number * PAGE as u64;
        let there = of_file.saturating_sub(begin).min(PAGE as u64);
        let there = usize::try_from(there).unwrap_or(PAGE);
        self.file.read_exact_at(&mut page[..there], begin)?;
        Ok(page)
    }
}

/// Whether whoever has the file at `path` open only looks at it.
pub(super) fn is_looked_at(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| flock(file, FlockOperation::NonBlockingLockShared).is_ok())
}

/// The pages that the bytes from `offset` on are in: the number of each, where they begin in it, and how many
/// of them it has.
fn pages(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let begin = usize::try_from(at % PAGE as u64).unwrap_or(0);
        let count = (len - done).min(PAGE - begin);
        done += count;
        (count > 0).then_some((at / PAGE as u64, begin, count))
    })
}

/// Whether so many bytes from `offset` on are among `all`.
fn check(offset: u64, len: usize, all: u64) -> io::Result<()> {
    let end = offset.checked_add(len as u64);
    if end.is_some_and(|end| end <= all) {
        return Ok(());
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over.lock().len)
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let over = self.over.lock();
        check(offset, len, over.len)?;
        let mut bytes = Vec::with_capacity(len);
        for (number, begin, count) in pages(offset, len) {
            let part = begin..begin + count;
            match over.pages.get(&number) {
                Some(page) => bytes.extend_from_slice(&page[part]),
                None => bytes.extend_from_slice(&self.page_of_file(number, over.of_file)?[part]),
            }
        }
        Ok(bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.over.lock();
        if len < over.len {
            let (last, kept) = (len / PAGE as u64, len % PAGE as u64);
            over.pages.split_off(&(last + 1));
            if let Some(page) = over.pages.get_mut(&last) {
                page[usize::try_from(kept).unwrap_or(0)..].fill(0);
            }
        }
        over.of_file = over.of_file.min(len);
        over.len = len;
        Ok(())
    }

    fn sync_data(&self, _eventual: bool) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.over.lock();
        check(offset, data.len(), over.len)?;
        let mut rest = data;
        for (number, begin, count) in pages(offset, data.len()) {
            let (part, others) = rest.split_at(count);
            rest = others;
            if !over.pages.contains_key(&number) {
                let page = self.page_of_file(number, over.of_file)?;
                over.pages.insert(number, page);
            }
            if let Some(page) = over.pages.get_mut(&number) {
                page[begin..begin + count].copy_from_slice(part);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let mut expected: Vec<u8> = (0..10_000_u32).map(|at| at as u8 | 1).collect();
        std::fs::write(&path, &expected).expect("written");
        let overlay = Overlay::of(&path).expect("there");
        let second = Overlay::of(&path).expect("two may look");
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            if random.u8(..10) == 0 {
                let len = random.usize(5_000..30_000);
                expected.resize(len, 0);
                overlay.set_len(len as u64).expect("set");
            } else {
                let at = random.usize(..expected.len());
                let count = random.usize(..(expected.len() - at).min(9_000) + 1);
                expected[at..at + count].fill(0);
                overlay.write(at as u64, &vec![0; count]).expect("written");
                let count = count.min(3);
                expected[at..at + count].fill(9);
                overlay.write(at as u64, &vec![9; count]).expect("written");
            }
            let len = expected.len();
            assert_eq!(overlay.len().expect("known"), len as u64);
            assert!(overlay.read(0, len).expect("read") == expected);
            let end = expected.len() as u64;
            assert!(overlay.read(end, 1).is_err() && overlay.write(end, b"x").is_err());
            assert!(overlay.read(u64::MAX, 1).is_err());
        }
        assert_eq!(std::fs::read(&path).expect("there").len(), 10_000);
        assert_eq!(second.read(0, 3).expect("read"), [1, 1, 3]);
    }
}
