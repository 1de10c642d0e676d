//! What is said between the driver and the pool: asks, leases, refusals, settlements.

use std::time::Duration;

use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, KeyId, ModelId, RequestId, TenantId, Ticket};
use keyweir_terms::request::{Priority, RequestSize, Usage};
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

use crate::operator::Action;

/// A request that asks for a key.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Which request it is: the same for all its attempts.
    pub request: RequestId,
    /// Who asks.
    pub tenant: TenantId,
    /// What for, from [`Pool::model`](crate::Pool::model).
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

/// The right to send one request with one key. Not `Clone`: it is settled exactly once, by
/// giving it back to [`Pool::settle`](crate::Pool::settle).
#[derive(Debug)]
#[must_use = "a lease holds budget until it is settled"]
pub struct Lease {
    pub(crate) slot: crate::leases::Slot,
    /// The key to send with.
    pub key: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Why this one.
    pub by: ChosenBy,
}

/// Why an account was chosen; a bounded label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// It is full again soonest, or no limit is known of it and it is the least busy.
    Headroom,
    /// It holds the conversation's prompt cache, and that is worth it.
    Conversation,
    /// It alone can serve the request.
    Only,
    /// Enough of it is kept for the tenant.
    Reserve,
    /// Nobody can serve, and it may be back.
    Probe,
}

impl ChosenBy {
    /// The name used in explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Headroom => "headroom",
            Self::Conversation => "conversation",
            Self::Only => "only",
            Self::Reserve => "reserve",
            Self::Probe => "probe",
        }
    }
}

/// The answer to an [`Ask`].
#[derive(Debug)]
pub enum Admission {
    /// Send it now, with this lease's key.
    Granted(Lease),
    /// Wait; the pool will decide ([`Pool::next_decision`](crate::Pool::next_decision)).
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
    /// Its tenant left the policy while it waited, or before it could be tried again.
    TenantGone,
    /// Every budget is spent for longer than the request would wait.
    Exhausted,
    /// Every key is out or its breaker open.
    AllOpen,
    /// The provider rejects every key.
    KeysRejected,
    /// Every account is out of money or disabled.
    AccountsOut,
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
            Self::TenantGone => "tenant_gone",
            Self::Exhausted => "exhausted",
            Self::AllOpen => "all_open",
            Self::KeysRejected => "keys_rejected",
            Self::AccountsOut => "accounts_out",
            Self::Overloaded => "overloaded",
            Self::RoomFull => "room_full",
            Self::PatienceOver => "patience_over",
        }
    }
}

/// How a lease ended.
#[derive(Clone, Copy, Debug)]
pub struct Settlement {
    /// Whose fault.
    pub fault: Fault,
    /// What the response's headers said; empty if no response came or
    /// [`Pool::answered`](crate::Pool::answered) was told already.
    pub snapshot: Snapshot,
    /// What the provider says it charged, where it says so.
    pub usage: Usage,
    /// Whether anything was sent to the provider at all.
    pub sent: bool,
}

/// Something operators should hear of. Drained by
/// [`Pool::next_notice`](crate::Pool::next_notice).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The provider rejects this key, as one request was told; it is left alone for a moment.
    KeySuspected(KeyId),
    /// The provider rejects this key; it is out and will be probed slowly.
    KeyOut(KeyId),
    /// A key that was out serves again.
    KeyBack(KeyId),
    /// The account is out of money or disabled, as one request was told; it is left alone for a moment.
    AccountSuspected(AccountId),
    /// The account is out of money or disabled; it will be probed slowly.
    AccountOut(AccountId),
    /// An account that was out serves again.
    AccountBack(AccountId),
    /// A key's breaker tripped for some quota group.
    BreakerTripped(KeyId),
    /// A key whose breaker had tripped serves again.
    BreakerClosed(KeyId),
    /// The provider is overloaded as a whole; requests are held.
    OverloadBegan,
    /// The provider serves again.
    OverloadEnded,
    /// Responses say that both are one account; they share one budget from now on.
    SameAccount(AccountId, AccountId),
    /// An operator did this to an account.
    AccountOperated(AccountId, Action),
    /// An operator did this to a key.
    KeyOperated(KeyId, Action),
    /// A key has another secret; what spoke against the old one is cleared.
    KeyRenewed(KeyId),
    /// Responses name one organization for both, but with different limits: check the policy file.
    SameOrganization(AccountId, AccountId),
}

impl Notice {
    /// The name used in traces and explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeySuspected(_) => "key_suspected",
            Self::AccountSuspected(_) => "account_suspected",
            Self::KeyOut(_) => "key_out",
            Self::KeyBack(_) => "key_back",
            Self::AccountOut(_) => "account_out",
            Self::AccountBack(_) => "account_back",
            Self::BreakerTripped(_) => "breaker_tripped",
            Self::BreakerClosed(_) => "breaker_closed",
            Self::OverloadBegan => "overload_began",
            Self::OverloadEnded => "overload_ended",
            Self::SameAccount(..) => "same_account",
            Self::AccountOperated(..) => "account_operated",
            Self::KeyOperated(..) => "key_operated",
            Self::KeyRenewed(_) => "key_renewed",
            Self::SameOrganization(..) => "same_organization",
        }
    }

    /// Whether somebody is out, or back, as an outcome showed.
    pub const fn is_of_health(self) -> bool {
        match self {
            Self::KeySuspected(_)
            | Self::AccountSuspected(_)
            | Self::KeyOut(_)
            | Self::KeyBack(_)
            | Self::AccountOut(_)
            | Self::AccountBack(_)
            | Self::BreakerTripped(_)
            | Self::BreakerClosed(_)
            | Self::OverloadBegan
            | Self::OverloadEnded => true,
            Self::SameAccount(..)
            | Self::AccountOperated(..)
            | Self::KeyOperated(..)
            | Self::KeyRenewed(_)
            | Self::SameOrganization(..) => false,
        }
    }

    /// The key that it is about, where it is about one.
    pub const fn key(self) -> Option<KeyId> {
        match self {
            Self::KeySuspected(key)
            | Self::KeyOut(key)
            | Self::KeyBack(key)
            | Self::BreakerTripped(key)
            | Self::BreakerClosed(key)
            | Self::KeyRenewed(key)
            | Self::KeyOperated(key, _) => Some(key),
            _ => None,
        }
    }

    /// The account that it is about, where it is about one.
    pub const fn account(self) -> Option<AccountId> {
        match self {
            Self::AccountSuspected(account)
            | Self::AccountOut(account)
            | Self::AccountBack(account)
            | Self::AccountOperated(account, _) => Some(account),
            _ => None,
        }
    }
}
