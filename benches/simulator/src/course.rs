//! How an attempt goes that has reached the provider.

use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::snapshot::Snapshot;

/// Pieces in which an answer's output is produced and reported.
pub(crate) const PIECES: usize = 8;

/// How an answer goes that the provider has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Course {
    /// To its end.
    Whole,
    /// An error event comes instead of content.
    ErrorEvent(Fault),
    /// It breaks after this many pieces.
    Cut(usize),
    /// It falls silent after this many pieces.
    Stalled(usize),
}

/// What a gateway learns first of an attempt: the head of its answer, or that there will be none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// What the attempt met; [`Fault::None`]: content follows.
    pub(crate) fault: Fault,
    /// The status of the answer, if there is one.
    pub(crate) status: Option<u16>,
    /// What its headers say of budgets.
    pub(crate) snapshot: Snapshot,
}

impl Head {
    /// An attempt that met `fault`, with the status that goes with it.
    pub(crate) fn of(fault: Fault, snapshot: Snapshot) -> Self {
        Self {
            fault,
            status: usual_status(&fault),
            snapshot,
        }
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }
}

/// The status that a fault usually comes with.
fn usual_status(fault: &Fault) -> Option<u16> {
    match fault {
        Fault::None | Fault::StreamBroken => Some(200),
        Fault::BadRequest | Fault::ReferenceUnknown | Fault::ContextTooLong => Some(400),
        Fault::KeyRejected => Some(401),
        Fault::OutOfMoney { .. } => Some(402),
        Fault::AccountDisabled | Fault::ModelDenied | Fault::ScopeMissing => Some(403),
        Fault::RateLimited { .. } | Fault::RampLimited { .. } | Fault::TooLargeForLimit => {
            Some(429)
        }
        Fault::Broken { .. } => Some(500),
        Fault::Overloaded { .. } => Some(529),
        Fault::ConnectFailed
        | Fault::Unverified
        | Fault::ConnectionLost
        | Fault::TimedOut
        | Fault::ClientLeft
        | Fault::Aborted => None,
    }
}
