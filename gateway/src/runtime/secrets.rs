//! Finds provider keys' secrets where the policy file says they are.
//!
//! All that cannot be found is reported at once, and no message ever holds any of a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use keyweir_policy::config::file::{Key, SecretRef};
use keyweir_policy::config::secret::{ProviderSecret, SecretError};
use keyweir_policy::terms::ids::KeyId;
use keyweir_policy::terms::table::Table;

/// The most that is read of a secret's file. A credential is far smaller; the bound keeps a wrong
/// path (a disk image, `/dev/zero`) from filling memory.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why the secret of one key is not there.
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// The environment variable is not set.
    #[error("environment variable {0} is not set")]
    EnvMissing(String),
    /// The environment variable is no text.
    #[error("environment variable {0} is not valid UTF-8")]
    EnvNotText(String),
    /// The file cannot be read.
    #[error("cannot read {path}: {error}", path = .path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The file is far larger than any secret.
    #[error("{path} is larger than {FILE_BYTES_MAX} bytes: that is no secret", path = .0.display())]
    FileTooLarge(PathBuf),
    /// What was found cannot be a credential.
    #[error("{place}: {error}")]
    Unfit {
        /// Where it was found.
        place: String,
        /// What is wrong with it.
        error: SecretError,
    },
}

/// Every secret that is missing, by key.
#[derive(Debug)]
pub struct SecretProblems(pub Vec<(String, SecretProblem)>);

impl fmt::Display for SecretProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, problem)) in self.0.iter().enumerate() {
            let line = if position == 0 { "" } else { "\n" };
            write!(f, "{line}key \"{key}\": {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SecretProblems {}

/// The secrets of `keys`. Relative file names start at `folder`.
///
/// # Errors
/// Everything that is missing or unfit.
pub fn read_all(
    keys: &Table<KeyId, Key>,
    folder: &Path,
) -> Result<Table<KeyId, ProviderSecret>, SecretProblems> {
    let mut secrets = Table::default();
    let mut problems = Vec::new();
    for (id, key) in keys.iter() {
        match read(&key.secret, folder) {
            Ok(secret) => drop(secrets.insert(id, secret)),
            Err(problem) => problems.push((key.id.clone(), problem)),
        }
    }
    if problems.is_empty() {
        Ok(secrets)
    } else {
        Err(SecretProblems(problems))
    }
}

fn read(reference: &SecretRef, folder: &Path) -> Result<ProviderSecret, SecretProblem> {
    match reference {
        SecretRef::Literal(secret) => Ok(secret.clone()),
        SecretRef::Env(name) => from_env(name),
        SecretRef::File(path) => from_file(&folder.join(path)),
    }
}

fn from_env(name: &str) -> Result<ProviderSecret, SecretProblem> {
    let text = std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => SecretProblem::EnvMissing(name.to_owned()),
        std::env::VarError::NotUnicode(_) => SecretProblem::EnvNotText(name.to_owned()),
    })?;
    ProviderSecret::new(&text).map_err(|error| SecretProblem::Unfit {
        place: format!("environment variable {name}"),
        error,
    })
}

fn from_file(path: &Path) -> Result<ProviderSecret, SecretProblem> {
    use std::io::Read;

    let unreadable = |error| SecretProblem::FileUnreadable {
        path: path.to_path_buf(),
        error,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let read = file
        .take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(SecretProblem::FileTooLarge(path.to_path_buf()));
    }
    ProviderSecret::new(&text).map_err(|error| SecretProblem::Unfit {
        place: path.display().to_string(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use keyweir_policy::terms::ids::AccountId;

    use super::*;

    fn key(id: &str, secret: SecretRef) -> Key {
        Key {
            id: id.to_owned(),
            account: AccountId(0),
            secret,
        }
    }

    #[test]
    fn all_missing_secrets_are_reported_at_once_and_by_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = [
            key("a", SecretRef::Env("KEYWEIR_TEST_SURELY_NOT_SET".into())),
            key("b", SecretRef::File("missing".into())),
        ];

        let problems =
            read_all(&Table::from_iter(keys), folder.path()).expect_err("both are missing");

        let text = problems.to_string();
        assert!(text.contains("key \"a\": environment variable KEYWEIR_TEST_SURELY_NOT_SET"));
        assert!(text.contains("key \"b\": cannot read"), "{text}");
    }

    #[test]
    fn a_relative_file_starts_at_the_policy_files_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "sk-test-1234\n").expect("written");
        let keys = [key("a", SecretRef::File("secret".into()))];

        let secrets = read_all(&Table::from_iter(keys), folder.path()).expect("it is there");

        assert_eq!(secrets[KeyId(0)].expose(), "sk-test-1234");
    }
}
