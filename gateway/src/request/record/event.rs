//! What can happen to a request.

use std::time::Duration;

use keyweir_policy::pool::ask::{ChosenBy, Notice};
use keyweir_policy::tenancy::lack::Lack;
use keyweir_policy::tenancy::request::Reserved;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_policy::terms::request::Usage;
use pingora_http::RequestHeader;

use crate::telemetry::outcome::Outcome;

/// Something that happened to a request, in the order in which it can.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// Its head was read.
    Received(&'a RequestHeader),
    /// Its path was understood.
    Routed {
        dialect: Dialect,
        endpoint: Endpoint,
    },
    /// It is known who calls.
    Authenticated(TenantId),
    /// Its body was read.
    BodyRead { bytes: usize },
    /// What it asks for was understood.
    Described {
        model: Option<&'a str>,
        stream: bool,
    },
    /// It does not fit in what its tenant may use.
    Lacks(&'a Lack),
    /// It does, and holds this of it.
    Reserved(Box<Reserved>),
    /// It has waited until its tenant's limits had room, or for that in vain; for `limit` at last.
    LimitWaited {
        waited: Duration,
        limit: Option<&'a Lack>,
    },
    /// A provider was chosen, or another one.
    Chosen(Chosen),
    /// A key was granted, after `waited` in the waiting room, over all attempts.
    AttemptBegan {
        account: AccountId,
        key: KeyId,
        by: ChosenBy,
        waited: Duration,
    },
    /// It waits for a key, behind so many others.
    Waits { behind: usize },
    /// A connection was taken for the attempt.
    Connected { reused: bool },
    /// A stream failed before its first content.
    FaultHidden,
    /// The attempt is over, and has taken somebody out or brought somebody back.
    AttemptEnded {
        fault: Fault,
        changed: Option<Notice>,
    },
    /// The answer's head goes to the client.
    AnswerBegan { status: u16 },
    /// Its usage is known, by the provider's own count, or by what has come of an answer.
    Charged { usage: Usage, is_counted: bool },
    /// The client has its answer.
    Ended { outcome: Outcome, status: u16 },
    /// The answer broke in front of the client.
    Broke { status: u16, reason: &'static str },
    /// The gateway refused it.
    Refused { reason: &'static str, status: u16 },
    /// The client left.
    ClientLeft,
}

/// A choice of provider.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) provider: ProviderId,
    /// The model that is asked for instead of the one named.
    pub(crate) model: Option<String>,
    pub(crate) fell_back: bool,
    /// How long it was in the waiting room before, over all attempts.
    pub(crate) waited: Duration,
}
