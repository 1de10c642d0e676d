//! Why a measurement is void. There is one kind only: nothing is quoted of that measurement,
//! and the run counts as failed.

use std::fmt;
use std::io;

use crate::client::ClientError;

/// What went wrong, and with what.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// Something is not as it must be.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The same, saying with what it went wrong.
    pub(crate) fn with(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self(error.to_string())
    }
}
