//! Finds provider keys' secrets where the policy file says they are.
//!
//! All that cannot be found is reported at once, and no message ever holds any of a secret.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use keyweir_policy::config::file::{Key, SecretRef};
use keyweir_policy::config::secret::{ProviderSecret, SecretError};
use keyweir_policy::terms::ids::KeyId;
use keyweir_policy::terms::table::Table;

/// The most that is read of a secret's file. A credential is far smaller; the bound keeps a wrong
/// path (a disk image, `/dev/zero`) from filling memory.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why the secret of one key is not there. Says where it was looked for only as far as the key's
/// place in the policy file does: whoever writes a secret in a name's place must not find it in a
/// message.
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// The environment variable is not set.
    #[error("the environment variable that its `env` names is not set")]
    EnvMissing,
    /// The environment variable is no text.
    #[error("the environment variable that its `env` names is not valid UTF-8")]
    EnvNotText,
    /// The file cannot be read.
    #[error("cannot read the file that its `file` names: {0}")]
    FileUnreadable(std::io::Error),
    /// The file is far larger than any secret.
    #[error(
        "the file that its `file` names is larger than {FILE_BYTES_MAX} bytes: that is no secret"
    )]
    FileTooLarge,
    /// What was found cannot be a credential.
    #[error(transparent)]
    Unfit(#[from] SecretError),
    /// Another key of the provider has the same.
    #[error("is the same credential as key \"{0}\": two keys with one credential add nothing")]
    Same(String),
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
    let mut first: HashMap<&str, &str> = HashMap::new();
    for (id, secret) in secrets.iter() {
        let label = keys[id].id.as_str();
        if let Some(other) = first.insert(secret.expose(), label) {
            problems.push((label.to_owned(), SecretProblem::Same(other.to_owned())));
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
        std::env::VarError::NotPresent => SecretProblem::EnvMissing,
        std::env::VarError::NotUnicode(_) => SecretProblem::EnvNotText,
    })?;
    Ok(ProviderSecret::new(&text)?)
}

fn from_file(path: &Path) -> Result<ProviderSecret, SecretProblem> {
    use std::io::Read;

    let file = std::fs::File::open(path).map_err(SecretProblem::FileUnreadable)?;
    let mut text = String::new();
    let read = file
        .take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(SecretProblem::FileUnreadable)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(SecretProblem::FileTooLarge);
    }
    Ok(ProviderSecret::new(&text)?)
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
            // A secret in a name's place.
            key("c", SecretRef::File("sk-ant-api03-hunter2".into())),
            key("d", SecretRef::Env("AIzaSyhunter2hunter2".into())),
        ];

        let problems =
            read_all(&Table::from_iter(keys), folder.path()).expect_err("both are missing");

        let text = problems.to_string();
        assert!(
            text.contains("key \"a\": the environment variable"),
            "{text}"
        );
        assert!(text.contains("key \"b\": cannot read"), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
        for value in ["SURELY", "missing", "sk-ant", "hunter2"] {
            assert!(!text.contains(value), "{text}");
        }
    }

    #[test]
    fn one_credential_in_two_places_is_one_too_many() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("one"), "sk-test-1234\n").expect("written");
        std::fs::write(folder.path().join("two"), "sk-test-1234").expect("written");
        let keys = [
            key("a", SecretRef::File("one".into())),
            key("b", SecretRef::File("two".into())),
        ];

        let problems = read_all(&Table::from_iter(keys), folder.path()).expect_err("the same");

        let text = problems.to_string();
        assert!(
            text.starts_with("key \"b\": is the same credential as key \"a\""),
            "{text}"
        );
        assert!(!text.contains("1234"), "{text}");
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
