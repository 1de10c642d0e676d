//! The policy files on disk: one file, or all `*.toml` of a folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keyweir_policy::config::file;
use keyweir_policy::config::file::{Policy, Report};

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
}

/// Reads the policy at `paths`, files or folders.
///
/// # Errors
/// If files cannot be read, or hold mistakes.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, LoadError> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(files_at(path)?);
    }
    let mut left = BYTES_MAX;
    let mut texts = Vec::with_capacity(files.len());
    for path in &files {
        let text = read(path, &mut left)?;
        texts.push((path.display().to_string(), text));
    }
    let named: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let (policy, warnings) = file::parse(&named, SystemTime::now()).map_err(LoadError::Mistakes)?;
    let folder = files
        .first()
        .and_then(|path| path.parent())
        .unwrap_or(Path::new(""));
    Ok(Loaded {
        policy,
        warnings,
        folder: folder.to_path_buf(),
    })
}

fn files_at(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
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
        if file
            .extension()
            .is_some_and(|extension| extension == "toml")
            && file.is_file()
        {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        Err(LoadError::Empty(path.to_path_buf()))
    } else {
        Ok(files)
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
