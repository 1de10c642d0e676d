//! What is said between the driver and the pool: asks, leases, refusals, settlements.

use std::time::Duration;

use crate::fault::Fault;
use crate::ids::{AccountId, KeyId, ModelId, TenantId};
use crate::snapshot::Snapshot;
use crate::units::Time;

/// How big a request is, before anybody knows its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestSize {
    /// Bytes of text that become input tokens (base64 of images and documents left out).
    pub text_bytes: u64,
    /// Tokens of images and documents, by the dialect's own rule.
    pub media_tokens: u64,
    /// The client's cap on output (`max_tokens` and its like).
    pub output_max: Option<u64>,
}

/// A request for a place on a key.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who asks.
    pub tenant: TenantId,
    /// What for, from [`Pool::model`](super::Pool::model).
    pub model: ModelId,
    /// The class it waits in.
    pub priority: Priority,
    /// What is known of its size.
    pub size: RequestSize,
    /// Fingerprint of the conversation, for the provider's prompt cache.
    pub affinity: Option<u64>,
    /// The only account that can serve it (a follow-up to a batch or a file).
    pub account: Option<AccountId>,
    /// When the request came.
    pub arrived: Time,
    /// The end of its patience; not after `now`: it does not wait at all.
    pub deadline: Time,
    /// Bytes of body it holds while it waits.
    pub body_bytes: u64,
}

/// The class a request waits in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others.
    High,
    /// The default.
    #[default]
    Normal,
    /// After all others, but aged, so that it still moves.
    Low,
}

/// A place in the waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The right to send one request with one key. Not `Clone`: it is settled exactly once, by
/// giving it back to [`Pool::settle`](super::Pool::settle).
#[derive(Debug)]
#[must_use = "a lease holds budget until it is settled"]
pub struct Lease {
    pub(super) slot: super::leases::Slot,
    /// The key to send with.
    pub key: KeyId,
    /// Its account.
    pub account: AccountId,
}

/// The answer to an [`Ask`].
#[derive(Debug)]
pub enum Admission {
    /// Send it now, with this lease's key.
    Granted(Lease),
    /// Wait; the pool will decide ([`Pool::next_decision`](super::Pool::next_decision)).
    Waiting(Ticket),
    /// Not within its patience, or not ever.
    Refused(Refusal),
}

/// Why an [`Ask`] was not granted, and when it could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The earliest time at which the same request would fit; `None`: it never will.
    pub not_until: Option<Time>,
    /// Why.
    pub reason: RefusalReason,
}

impl Refusal {
    /// `retry-after` in whole seconds: rounded up, at least one. `None`: never.
    pub fn retry_after(&self, now: Time) -> Option<Duration> {
        let micros = self.not_until?.since(now).as_micros();
        let secs = u64::try_from(micros.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Some(Duration::from_secs(secs.max(1)))
    }
}

/// Why an [`Ask`] was refused; a bounded metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// No account of the pool serves this model.
    NoSuchModel,
    /// The account a follow-up belongs to is gone.
    AccountGone,
    /// Every budget is spent for longer than the request would wait.
    Exhausted,
    /// Every key is out or its breaker open.
    AllOpen,
    /// The provider is overloaded as a whole.
    Overloaded,
    /// The waiting room is full, in number or in bytes, for all or for this tenant.
    RoomFull,
    /// Its patience ended while it waited.
    PatienceOver,
}

impl RefusalReason {
    /// The name used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchModel => "no_such_model",
            Self::AccountGone => "account_gone",
            Self::Exhausted => "exhausted",
            Self::AllOpen => "all_open",
            Self::Overloaded => "overloaded",
            Self::RoomFull => "room_full",
            Self::PatienceOver => "patience_over",
        }
    }
}

/// Tokens a provider said it charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input that counts against the input budget (without cache reads).
    pub input: Option<u64>,
    /// Input that was read from the prompt cache.
    pub cache_read: Option<u64>,
    /// Output.
    pub output: Option<u64>,
}

/// How a lease ended.
#[derive(Clone, Copy, Debug)]
pub struct Settlement {
    /// Whose fault.
    pub fault: Fault,
    /// What the response's headers said; empty if no response came or
    /// [`Pool::answered`](super::Pool::answered) was told already.
    pub snapshot: Snapshot,
    /// What the provider says it charged, where it says so.
    pub usage: Usage,
    /// Whether anything was sent to the provider at all.
    pub sent: bool,
}

/// Something operators should hear of. Drained by
/// [`Pool::next_notice`](super::Pool::next_notice).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The provider rejects this key; it is out and will be probed slowly.
    KeyOut(KeyId),
    /// A key that was out serves again.
    KeyBack(KeyId),
    /// The account is out of money or disabled; it will be probed slowly.
    AccountOut(AccountId),
    /// An account that was out serves again.
    AccountBack(AccountId),
    /// A key's breaker tripped for some model group.
    BreakerTripped(KeyId),
    /// The provider is overloaded as a whole; requests are held.
    StormBegan,
    /// The provider serves again.
    StormEnded,
    /// Responses say that both are one account; they share one budget from now on.
    SameAccount(AccountId, AccountId),
    /// Responses name one organization for both, but with different limits: check the policy file.
    SameOrganization(AccountId, AccountId),
}
