//! How an attempt went, as far as it has been read.

use keyweir_policy::terms::fault::Fault;

use crate::request::answer::{Answer, Watch};

/// How an attempt went.
pub(crate) enum Tried {
    /// Well, so far: this is to be given to the client.
    Opened(Answer, Watch),
    /// Not well. The answer, if there was one.
    Failed(Fault, Option<Answer>),
    /// There is nobody left to try for.
    ClientLeft,
}

/// Why an attempt came to no answer that could be given to anybody.
pub(super) enum Interrupted {
    Fault(Fault),
    ClientLeft,
}

impl From<Interrupted> for Tried {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Fault(fault) => Self::Failed(fault, None),
            Interrupted::ClientLeft => Self::ClientLeft,
        }
    }
}
