//! Who answers the client when no further attempt is made.
//!
//! What the provider says of the request is the client's to see, unmodified. What it says of *our*
//! keys and accounts is not: the gateway answers in its own words then.

use keyweir_pool::ask::Refusal;
use keyweir_terms::fault::Fault;

use crate::step::Why;

/// Whether the provider's own answer to an attempt that met `fault` may go to the client.
/// `status`: of that answer, if there was one.
pub(crate) fn may_be_relayed(fault: &Fault, status: Option<u16>) -> bool {
    // Redirects would lead clients astray, and malformed responses with 200 would deceive them.
    status.is_some_and(|status| status >= 400) && speaks_of_the_request(fault)
}

const fn speaks_of_the_request(fault: &Fault) -> bool {
    match fault {
        Fault::None
        | Fault::BadRequest
        | Fault::ReferenceUnknown
        | Fault::ContextTooLong
        | Fault::ModelDenied
        | Fault::TooLargeForLimit
        | Fault::Overloaded { .. }
        | Fault::Broken { .. } => true,
        Fault::RateLimited { .. }
        | Fault::RampLimited { .. }
        | Fault::KeyRejected
        | Fault::ScopeMissing
        | Fault::OutOfMoney { .. }
        | Fault::AccountDisabled
        | Fault::ConnectFailed
        | Fault::Unverified
        | Fault::ConnectionLost
        | Fault::TimedOut
        | Fault::StreamBroken
        | Fault::ClientLeft
        | Fault::Aborted => false,
    }
}

/// What a request met that its last word may have to speak of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met {
    /// How the last attempt at the present choice ended.
    pub(crate) fault: Option<Fault>,
    /// An account that could not be asked for the thing that is sought: it may be the one that
    /// knows, so that nobody may say that there is no such thing.
    pub(crate) unasked: Option<Refusal>,
    /// What would have been said instead of rerouting to the present choice.
    pub(crate) before: Option<Why>,
}

impl Met {
    /// An account of those that may hold a thing could not be asked for it.
    pub(crate) fn could_not_ask(&mut self, refusal: Refusal) {
        // What will never be asked (an account that is gone) leaves nothing to wait for.
        let Some(at) = refusal.not_until else { return };
        let known = self.unasked.and_then(|known| known.not_until);
        if known.is_none_or(|known| at < known) {
            self.unasked = Some(refusal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_of_the_request_is_relayed_and_what_speaks_of_our_keys_is_not() {
        let wait = None;
        for (fault, status, relayed) in [
            (Fault::BadRequest, Some(400), true),
            (Fault::BadRequest, Some(404), true),
            (Fault::BadRequest, Some(413), true),
            (Fault::ModelDenied, Some(403), true),
            (Fault::ModelDenied, Some(404), true),
            (Fault::TooLargeForLimit, Some(413), true),
            (Fault::TooLargeForLimit, Some(429), true),
            (Fault::Overloaded { wait }, Some(529), true),
            (Fault::Broken { wait }, Some(500), true),
            (Fault::Broken { wait }, Some(503), true),
            // A malformed response, a redirect, an error event in a stream.
            (Fault::Broken { wait }, Some(200), false),
            (Fault::Broken { wait }, Some(302), false),
            (Fault::Overloaded { wait }, Some(200), false),
            (Fault::Broken { wait }, None, false),
            (Fault::RateLimited { wait }, Some(429), false),
            (Fault::RampLimited { wait }, Some(429), false),
            (Fault::KeyRejected, Some(401), false),
            (Fault::OutOfMoney { wait }, Some(402), false),
            (Fault::AccountDisabled, Some(403), false),
            (Fault::ConnectFailed, None, false),
            (Fault::Unverified, None, false),
            (Fault::ConnectionLost, None, false),
            (Fault::TimedOut, None, false),
            (Fault::StreamBroken, Some(200), false),
            (Fault::ClientLeft, None, false),
            (Fault::Aborted, None, false),
        ] {
            assert_eq!(
                may_be_relayed(&fault, status),
                relayed,
                "{fault:?} {status:?}"
            );
        }
    }
}
