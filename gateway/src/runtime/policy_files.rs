//! The policy files on disk: one file, or all `*.toml` of a folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keyweir_policy::config::file;
use keyweir_policy::config::file::{Identity, Policy, Report};
use sha2::{Digest, Sha256};

use crate::runtime::regular_file;

/// All files together. Ten thousand keys take one megabyte.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {error}", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A folder holds no policy file.
    #[error("{path} holds no *.toml file", path = .0.display())]
    Empty(PathBuf),
    /// The files are larger than any policy.
    #[error("the policy files are larger than {BYTES_MAX} bytes together")]
    TooLarge,
    /// The files hold mistakes.
    #[error("{0}")]
    Mistakes(Report),
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

/// Reads the policy at `paths`, files or folders; a file may be a pipe.
///
/// # Errors
/// If files cannot be read, or hold mistakes.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, LoadError> {
    read_all(&all_files(paths)?, &Identity::default())
}

/// The same for a policy that follows others, whose names have their ids from `identity`.
///
/// # Errors
/// If files cannot be read, or hold mistakes.
pub(crate) fn load_after(paths: &[PathBuf], identity: &Identity) -> Result<Loaded, LoadError> {
    let files = all_files(paths)?.into_iter().map(regular);
    read_all(&files.collect::<Result<Vec<_>, _>>()?, identity)
}

fn all_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LoadError> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(files_at(path)?);
    }
    Ok(files)
}

fn read_all(files: &[PathBuf], identity: &Identity) -> Result<Loaded, LoadError> {
    let mut left = BYTES_MAX;
    let mut texts = Vec::with_capacity(files.len());
    for path in files {
        let text = read(path, &mut left)?;
        texts.push((path.display().to_string(), text));
    }
    let named: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let (policy, warnings) =
        file::parse_after(&named, SystemTime::now(), identity).map_err(LoadError::Mistakes)?;
    Ok(Loaded {
        policy,
        warnings,
        folder: folder_of(files.first().map_or(Path::new(""), PathBuf::as_path)),
        hash: hash(&named),
    })
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

fn read(path: &Path, left: &mut u64) -> Result<String, LoadError> {
    use std::io::Read;

    let unreadable = |error| LoadError::Unreadable {
        path: path.to_path_buf(),
        error,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let read = file
        .take(*left + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)? as u64;
    *left = left.checked_sub(read).ok_or(LoadError::TooLarge)?;
    Ok(text)
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
}
