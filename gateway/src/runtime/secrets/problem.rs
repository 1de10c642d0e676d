//! Why a secret is not there. No message ever holds any of a secret.

use std::fmt;
use std::time::Duration;

use keyweir_policy::config::file::SecretRef;
use keyweir_policy::config::secret::SecretError;

/// The most that is read of a secret's file or a command's output. A credential is far smaller; the
/// bound keeps a wrong path (a disk image, `/dev/zero`) from filling memory.
pub(super) const BYTES_MAX: u64 = 64 * 1024;

/// Why the secret of one key is not there.
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
    #[error("the file that its `file` names is larger than {BYTES_MAX} bytes: that is no secret")]
    FileTooLarge,
    /// The command cannot be run.
    #[error("cannot run its `command`: {0}")]
    CommandUnusable(std::io::Error),
    /// The command failed.
    #[error("its `command` failed ({0})")]
    CommandFailed(std::process::ExitStatus),
    /// The command ran for longer than it may.
    #[error("its `command` did not end within {0:?} and was killed")]
    CommandTooSlow(Duration),
    /// What the command printed is no secret.
    #[error("its `command` printed more than {BYTES_MAX} bytes, or no text: that is no secret")]
    CommandNoText,
    /// What was found cannot be a credential.
    #[error(transparent)]
    Unfit(#[from] SecretError),
    /// The same, of what is named here.
    #[error("{name}: {problem}")]
    Named {
        /// The variable, file or program ([`SecretRef::shown`]).
        name: String,
        /// What is wrong with it.
        problem: Box<Self>,
    },
    /// Another key of the provider has the same.
    #[error("is the same credential as key \"{0}\": two keys with one credential add nothing")]
    Same(String),
    /// What was found has no client keys.
    #[error("there is no client key where it says")]
    NoClientKey,
    /// A line of what was found is no client key.
    #[error("line {0} is neither a client key nor a hash (sha256:…)")]
    NotClientKey(usize),
    /// Another tenant has the same client key.
    #[error("one of its client keys is a client key of tenant \"{0}\" too")]
    SameClientKey(String),
}

impl SecretProblem {
    /// The same with the name of what was looked at, unless that may be a secret in a name's place.
    pub(super) fn of(self, from: &SecretRef) -> Self {
        match from.shown() {
            Some(name) => Self::Named {
                name: name.to_owned(),
                problem: Box::new(self),
            },
            None => self,
        }
    }

    /// The same once more: of a command that several name.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::CommandUnusable(error) => Self::CommandUnusable(error.kind().into()),
            Self::CommandFailed(status) => Self::CommandFailed(*status),
            Self::CommandTooSlow(timeout) => Self::CommandTooSlow(*timeout),
            _ => Self::CommandNoText,
        }
    }
}

/// Every secret that is missing, by whose it is.
#[derive(Debug)]
pub struct SecretProblems(pub Vec<(String, SecretProblem)>);

impl fmt::Display for SecretProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (whose, problem)) in self.0.iter().enumerate() {
            let line = if position == 0 { "" } else { "\n" };
            write!(f, "{line}{whose}: {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SecretProblems {}
