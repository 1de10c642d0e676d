//! Where a secret is, as a policy says it.

use std::path::PathBuf;
use std::time::Duration;

use crate::file::shown;
use crate::secret::ProviderSecret;

/// Where a secret is found. Reading it is the gateway's part.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretRef {
    /// In this environment variable.
    Env(String),
    /// In this file, whose last newline does not count. Relative paths start at the folder of
    /// the policy file.
    File(PathBuf),
    /// What this command prints.
    Command(SecretCommand),
    /// In the policy file itself.
    Literal(ProviderSecret),
}

impl SecretRef {
    /// What it names: the variable, the file or the program. `None` where that may be a secret in the
    /// wrong place, which no message repeats.
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::Env(name) => Some(name.as_str()).filter(|name| shown::is_variable(name)),
            Self::File(path) => path.to_str().filter(|path| shown::is_path(path)),
            Self::Command(command) => {
                let program = command.words.first().map(String::as_str);
                program.filter(|it| shown::is_program(it))
            }
            Self::Literal(_) => None,
        }
    }
}

/// A command that prints a secret on its standard output. No shell is between.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretCommand {
    /// The program and its arguments; never empty. It runs in the folder of the policy file.
    pub words: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
    /// How often it runs again.
    pub refresh: Duration,
}
