//! The policy files on disk: one file, or all `*.toml` of a folder.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keyweir_policy::config::file;
use keyweir_policy::config::file::{Identity, Policy, Report};
use sha2::{Digest, Sha256};

use crate::runtime::look::Look;
use crate::runtime::regular_file;

/// All files together. Ten thousand keys take one megabyte.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {error}{hint}", path = shown(path), hint = hint(error))]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A file is no text.
    #[error("{path}:{line}: not valid UTF-8; save the file as UTF-8", path = shown(path))]
    NotText {
        /// Which.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
    },
    /// A folder holds no policy file.
    #[error("{path} holds no *.toml file", path = shown(.0))]
    Empty(PathBuf),
    /// The files are larger than any policy.
    #[error("the policy files are larger than {BYTES_MAX} bytes together")]
    TooLarge,
    /// The files hold mistakes.
    #[error("{0}")]
    Mistakes(Report),
}

/// What to do where there is nothing to be read.
fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            "; name the policy file, or a folder of *.toml files (README.md has one to begin with)"
        }
        _ => "",
    }
}

/// A policy, and what belongs to it.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// What is probably not meant.
    pub warnings: Report,
    /// Where relative paths in it start.
    pub folder: PathBuf,
    /// What tells the files from any others: the beginning of a hash of their names and texts.
    pub hash: String,
}

/// Bytes of a hash that are shown.
const HASH_BYTES: usize = 8;

/// How often files that change while they are read are read again.
const TRIES: u32 = 3;

/// Reads the policy at `paths`, files or folders; a file may be a pipe.
///
/// # Errors
/// If files cannot be read, or hold mistakes.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, LoadError> {
    let texts = texts(&all_files(paths)?, |path| std::fs::File::open(path))?;
    understood(&texts, &Identity::default())
}

/// The same for a policy that follows others, whose names have their ids from `identity`.
///
/// # Errors
/// If files cannot be read, or hold mistakes.
pub(crate) fn load_after(paths: &[PathBuf], identity: &Identity) -> Result<Loaded, LoadError> {
    let read = |files: &[PathBuf]| texts(files, regular_file::open);
    understood(&steady(|| all_files(paths), read)?, identity)
}

/// What `read` makes of the files that `list` names, as they all were at one moment: where one of them has
/// changed meanwhile, all are read again. Else a policy might be half of one and half of the next, while
/// somebody puts a new one in its place. Of files that never stand still the last reading counts; it is
/// looked again after the next change.
fn steady<T>(
    list: impl Fn() -> Result<Vec<PathBuf>, LoadError>,
    mut read: impl FnMut(&[PathBuf]) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    let look = |files: &[PathBuf]| files.iter().map(|it| Look::at(it)).collect::<Vec<_>>();
    let mut tries = 0;
    loop {
        tries += 1;
        let files = list()?;
        let before = look(&files);
        let text = read(&files);
        let is_steady = look(&files) == before && list().is_ok_and(|later| later == files);
        if is_steady || tries >= TRIES {
            return text;
        }
    }
}

fn all_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LoadError> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(files_at(path)?);
    }
    Ok(files)
}

/// The files' paths and texts.
fn texts(
    files: &[PathBuf],
    open: impl Fn(&Path) -> std::io::Result<File>,
) -> Result<Vec<(PathBuf, String)>, LoadError> {
    let mut left = BYTES_MAX;
    let text = |path: &PathBuf| {
        let unreadable = |error| LoadError::Unreadable {
            path: path.clone(),
            error,
        };
        let file = open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        let read = file.take(left + 1).read_to_end(&mut bytes);
        let read = read.map_err(unreadable)? as u64;
        left = left.checked_sub(read).ok_or(LoadError::TooLarge)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let right = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + right.iter().filter(|byte| **byte == b'\n').count();
            let path = path.clone();
            LoadError::NotText { path, line }
        })?;
        Ok((path.clone(), text))
    };
    files.iter().map(text).collect()
}

fn understood(texts: &[(PathBuf, String)], identity: &Identity) -> Result<Loaded, LoadError> {
    let names: Vec<String> = texts.iter().map(|(path, _)| shown(path)).collect();
    let named: Vec<(&str, &str)> = (names.iter().zip(texts))
        .map(|(name, (_, text))| (name.as_str(), text.as_str()))
        .collect();
    let (policy, warnings) =
        file::parse_after(&named, SystemTime::now(), identity).map_err(LoadError::Mistakes)?;
    Ok(Loaded {
        policy,
        warnings,
        folder: folder_of(texts.first().map_or(Path::new(""), |(path, _)| path)),
        hash: hash(&named),
    })
}

/// A path in one line, whatever is in it.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    match text.contains(char::is_control) {
        true => text.escape_debug().to_string(),
        false => text,
    }
}

/// The folder of a policy that is at `path`, a file or a folder: where its relative paths start, and
/// where the ledger is that stands beside it.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    let folder = if path.is_dir() {
        Some(path)
    } else {
        path.parent()
    };
    folder.unwrap_or(Path::new("")).to_path_buf()
}

fn hash(named: &[(&str, &str)]) -> String {
    let mut digest = Sha256::new();
    for (name, text) in named {
        for part in [name, text] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    let bytes = digest.finalize();
    let shown = bytes.iter().take(HASH_BYTES);
    shown.map(|byte| format!("{byte:02x}")).collect()
}

/// The files of `path`: itself, or the `*.toml` of a folder but those that begin with a dot, which
/// editors make.
pub(crate) fn files_at(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |error| LoadError::Unreadable {
        path: path.to_path_buf(),
        error,
    };
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let is_hidden = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_toml = file.extension().is_some_and(|it| it == "toml");
        if is_toml && !is_hidden && !file.is_dir() {
            files.push(regular(file)?);
        }
    }
    files.sort();
    if files.is_empty() {
        Err(LoadError::Empty(path.to_path_buf()))
    } else {
        Ok(files)
    }
}

/// `file`, if it can be read without waiting for somebody to write it.
fn regular(file: PathBuf) -> Result<PathBuf, LoadError> {
    match regular_file::check(&file) {
        Ok(()) => Ok(file),
        Err(error) => Err(LoadError::Unreadable { path: file, error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("keys.toml");

        let error = load(&[missing]).expect_err("it is not there");
        assert!(error.to_string().contains("keys.toml"), "{error}");

        let error = load(&[folder.path().to_path_buf()]).expect_err("it is empty");
        assert!(
            error.to_string().contains("holds no *.toml file"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_no_text_is_named_with_the_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        std::fs::write(&path, b"# one\n# two \xff\n").expect("written");
        let error = load(&[path]).expect_err("no text").to_string();
        let expected = "keys.toml:2: not valid UTF-8; save the file as UTF-8";
        assert!(error.ends_with(expected), "{error}");
    }

    #[test]
    fn a_name_with_a_line_in_it_is_told_in_one_line() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a\nb.toml"), "x =\n").expect("written");
        let error = load(&[folder.path().to_path_buf()]).expect_err("a mistake");
        assert!(error.to_string().contains("a\\nb.toml:1:"), "{error}");
        let missing = folder.path().join("a\nc.toml");
        let error = load(&[missing]).expect_err("it is not there").to_string();
        assert!(error.contains("a\\nc.toml"), "{error}");
    }

    #[test]
    fn files_that_are_replaced_while_they_are_read_are_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let new = folder.path().join(".new");
            std::fs::write(&new, text).expect("written");
            std::fs::rename(new, folder.path().join(name)).expect("replaced");
        };
        write("a.toml", "old");
        write("b.toml", "old");
        let list = || files_at(folder.path());
        let mut readings = 0;
        let read = |files: &[PathBuf]| {
            readings += 1;
            let first = texts(&files[..1], regular_file::open)?;
            match readings {
                // Both are replaced between the first and the second.
                1 => ["a.toml", "b.toml"].map(|name| write(name, "new")),
                // One more comes.
                2 => ["c.toml", "c.toml"].map(|name| write(name, "new")),
                _ => [(), ()],
            };
            let rest = texts(&files[1..], regular_file::open)?;
            Ok([first, rest].concat())
        };
        let read = steady(list, read).expect("they are there");
        let texts: Vec<&str> = read.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!((texts, readings), (vec!["new"; 3], 3));
        // Files that never stand still are read all the same.
        let mut changes = 0;
        let moving = |files: &[PathBuf]| {
            changes += 1;
            write("a.toml", &changes.to_string());
            super::texts(files, regular_file::open)
        };
        assert!(steady(list, moving).is_ok());
        assert_eq!(changes, TRIES);
    }
}
