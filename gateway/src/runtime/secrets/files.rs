//! Secrets in files, read where they may be others than those that are known.
//!
//! Ten thousand files take longer to open and read than all else that a reload does. What the system tells of
//! a file ([`Look`]) is asked for instead, and a file that looks the same is not read. *Not where it was
//! changed just before it was read:* another change within the same tick of the system's clock, or in the same
//! two seconds of a FAT file system, leaves no trace. *Not where an operator asks:* of some file systems (FUSE,
//! NFS) the system tells late or wrongly. *Not where its text was no use:* that is told again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use keyweir_policy::config::secret::ProviderSecret;

use super::problem::{BYTES_MAX, SecretProblem};
use crate::runtime::look::Look;
use crate::runtime::regular_file;

/// For so long after a change another may look the same.
const ALIKE: Duration = Duration::from_secs(3);

/// How files looked before they were read; `None`: that says nothing.
pub(super) type Looks = HashMap<PathBuf, Option<Look>>;

/// Files as they are read.
pub(super) struct Files<'a> {
    before: Option<&'a Looks>,
    now: Looks,
    began: SystemTime,
}

impl<'a> Files<'a> {
    /// Those that looked like this `before`; `None`: all are read.
    pub(super) fn after(before: Option<&'a Looks>) -> Self {
        Self {
            before,
            now: Looks::new(),
            began: SystemTime::now(),
        }
    }

    /// Whether what was read of `path` before is still its text.
    pub(super) fn is_same(&mut self, path: &Path) -> bool {
        let Some(Some(before)) = self.before.and_then(|it| it.get(path)) else {
            return false;
        };
        let look = Look::at(path);
        let is_same = look == *before;
        if is_same {
            self.note(path.to_path_buf(), Some(look));
        }
        is_same
    }

    /// The secret in `path`.
    pub(super) fn secret(&mut self, path: PathBuf) -> Result<ProviderSecret, SecretProblem> {
        let read = open(&path).and_then(|file| {
            // Before it is read: a change meanwhile is one that looks another.
            let look = Look::of(&file);
            Ok((ProviderSecret::new(&text_of(file)?)?, look))
        });
        match read {
            Ok((secret, look)) => {
                let is_sure = look.is_before(self.began, ALIKE);
                self.note(path, is_sure.then_some(look));
                Ok(secret)
            }
            Err(problem) => {
                self.doubt(path);
                Err(problem)
            }
        }
    }

    /// What was read of `path` is not what is used.
    pub(super) fn doubt(&mut self, path: PathBuf) {
        self.now.insert(path, None);
    }

    /// What one doubts of those who name a file, counts for all.
    fn note(&mut self, path: PathBuf, look: Option<Look>) {
        if let Entry::Vacant(unknown) = self.now.entry(path) {
            unknown.insert(look);
        }
    }

    pub(super) fn looks(self) -> Looks {
        self.now
    }
}

/// All of a file.
pub(super) fn text(path: &Path) -> Result<String, SecretProblem> {
    text_of(open(path)?)
}

fn open(path: &Path) -> Result<File, SecretProblem> {
    regular_file::open(path).map_err(SecretProblem::FileUnreadable)
}

fn text_of(file: File) -> Result<String, SecretProblem> {
    let mut text = String::new();
    let read = file
        .take(BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(SecretProblem::FileUnreadable)?;
    if read as u64 > BYTES_MAX {
        return Err(SecretProblem::FileTooLarge);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "sk-ant-api03-first-0123456789";

    /// What is read of `path` a while later.
    fn read(path: &Path) -> Looks {
        let before = Looks::new();
        let mut files = Files::after(Some(&before));
        files.began += 2 * ALIKE;
        let _ = files.secret(path.to_path_buf());
        files.looks()
    }

    fn is_same(path: &Path, looks: &Looks) -> bool {
        Files::after(Some(looks)).is_same(path)
    }

    #[test]
    fn a_file_that_looks_the_same_is_not_read_and_any_other_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        write(FIRST);
        let looks = read(&path);
        assert!(is_same(&path, &looks));
        assert!(!Files::after(None).is_same(&path), "asked for");
        // Of the same size, in another file.
        let next = folder.path().join("next");
        std::fs::write(&next, FIRST.replace("first", "other")).expect("written");
        std::fs::rename(&next, &path).expect("replaced");
        assert!(!is_same(&path, &looks), "another is in its place");
        std::fs::remove_file(&path).expect("removed");
        assert!(!is_same(&path, &looks), "it is gone");
        assert!(read(&path)[&path].is_none());
    }

    #[test]
    fn a_file_that_was_written_just_before_it_was_read_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, FIRST).expect("written");
        let before = Looks::new();
        let mut files = Files::after(Some(&before));
        assert!(files.secret(path.clone()).is_ok());
        assert!(!is_same(&path, &files.looks()));
        // By a clock that has been put back since.
        let mut files = Files::after(Some(&before));
        files.began -= 1000 * ALIKE;
        assert!(files.secret(path.clone()).is_ok());
        assert!(!is_same(&path, &files.looks()));
    }

    #[test]
    fn a_file_whose_text_is_not_used_is_read_again_whoever_else_uses_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "").expect("written");
        assert!(!is_same(&path, &read(&path)), "it is empty");
        std::fs::write(&path, FIRST).expect("written");
        let before = Looks::new();
        let mut files = Files::after(Some(&before));
        files.began += 2 * ALIKE;
        files.doubt(path.clone());
        assert!(files.secret(path.clone()).is_ok());
        assert!(!is_same(&path, &files.looks()), "it is another key's");
    }
}
