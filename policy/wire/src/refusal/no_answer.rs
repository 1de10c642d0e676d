//! What a client is told where no provider's answer can be given to it: by the fault that the last one met.

use std::time::Duration;

use keyweir_terms::fault::Fault;

use crate::refusal::kind::RefusalKind;

/// The shortest wait that is worth saying.
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// Clients that see a 401's words look for the mistake in their own key.
pub const KEY_REJECTED: &str = "the provider rejected the gateway's own API key (not yours); whoever runs the \
                                gateway has to replace it";
/// The same of money.
pub const ACCOUNT_OUT: &str = "the gateway's account at the provider is out of money, at its spend limit or \
                               disabled; whoever runs the gateway has to see to it";

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// Its kind.
    pub kind: RefusalKind,
    /// To people.
    pub message: &'static str,
    /// In how long the same may help, if that is known.
    pub after: Option<Duration>,
}

impl NoAnswer {
    /// What is told of `fault`; `pool`: in how long it would serve the same. `None`: nothing that a client is
    /// told of (it has left, or has an answer), or that nobody could be connected to, which says more.
    pub fn of(fault: &Fault, pool: Option<Duration>) -> Option<Self> {
        use RefusalKind::*;
        let told = fault.wait();
        let known = Some(pool.or(told).unwrap_or(RETRY_AFTER_MIN));
        let (kind, message, after) = match fault {
            Fault::RateLimited { .. } | Fault::RampLimited { .. } => (
                RateLimited,
                "the provider's limits are reached on every account tried",
                known,
            ),
            // What the provider tells of one key is not of those that may be back before.
            Fault::KeyRejected => (
                ProviderKey,
                KEY_REJECTED,
                Some(pool.unwrap_or(RETRY_AFTER_MIN)),
            ),
            Fault::OutOfMoney { .. } | Fault::AccountDisabled => (
                ProviderAccount,
                ACCOUNT_OUT,
                Some(pool.unwrap_or(RETRY_AFTER_MIN)),
            ),
            Fault::ScopeMissing => (Permission, "no key of the pool may use this endpoint", None),
            Fault::Overloaded { .. } => (Overloaded, "the provider is overloaded", known),
            Fault::Broken { .. } | Fault::StreamBroken => (
                Unavailable,
                "the provider's response is malformed",
                Some(told.unwrap_or(RETRY_AFTER_MIN)),
            ),
            Fault::TimedOut => (Timeout, "the provider did not answer in time", None),
            Fault::ConnectionLost => (
                Unavailable,
                "the connection to the provider broke before it answered",
                None,
            ),
            // Told with a status that says that all is well, in words that are not for the client.
            Fault::BadRequest | Fault::ReferenceUnknown | Fault::ContextTooLong => {
                (InvalidRequest, "the provider refuses this request", None)
            }
            Fault::TooLargeForLimit => (
                RateLimited,
                "the request is larger than the limit of every account tried",
                None,
            ),
            Fault::ModelDenied => (Permission, "no key of the pool may use this model", None),
            Fault::ConnectFailed
            | Fault::Unverified
            | Fault::None
            | Fault::ClientLeft
            | Fault::Aborted => return None,
        };
        Some(Self {
            kind,
            message,
            after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pools_word_counts_before_the_providers_and_none_is_a_second() {
        let secs = Duration::from_secs;
        let after = |fault: &Fault, pool| NoAnswer::of(fault, pool).expect("told").after;
        let limited = Fault::RateLimited {
            wait: Some(secs(9)),
        };
        assert_eq!(after(&limited, Some(secs(3))), Some(secs(3)));
        assert_eq!(after(&limited, None), Some(secs(9)));
        assert_eq!(
            after(&Fault::RateLimited { wait: None }, None),
            Some(RETRY_AFTER_MIN)
        );
        let broken = Fault::Broken {
            wait: Some(secs(9)),
        };
        assert_eq!(after(&broken, Some(secs(3))), Some(secs(9)));
        assert_eq!(after(&Fault::KeyRejected, Some(secs(3))), Some(secs(3)));
        assert_eq!(after(&Fault::TimedOut, Some(secs(3))), None);
    }

    #[test]
    fn who_has_left_is_told_nothing() {
        for fault in [
            Fault::None,
            Fault::ClientLeft,
            Fault::Aborted,
            Fault::ConnectFailed,
        ] {
            assert_eq!(NoAnswer::of(&fault, None), None, "{fault:?}");
        }
    }
}
