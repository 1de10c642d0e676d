//! Why a request goes no further.

use crate::request::respond::refuse::Refuse;

/// Why a request goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It gets this answer.
    Refuse(Refuse),
    /// There is nobody left to answer.
    ClientLeft,
}

impl From<Refuse> for Stop {
    fn from(refuse: Refuse) -> Self {
        Self::Refuse(refuse)
    }
}
