//! Who answers the client when no further attempt is made.
//!
//! What the provider says of the request is the client's to see, unmodified. What it says of *our*
//! keys and accounts is not: the gateway answers in its own words then.

use keyweir_terms::fault::Fault;

/// Whether the provider's own answer to an attempt that met `fault` may go to the client.
/// `status`: of that answer, if there was one.
pub(crate) fn may_be_relayed(fault: &Fault, status: Option<u16>) -> bool {
    // Redirects would lead clients astray, and successes that are none would deceive them.
    status.is_some_and(|status| status >= 400) && speaks_of_the_request(fault)
}

const fn speaks_of_the_request(fault: &Fault) -> bool {
    match fault {
        Fault::None
        | Fault::BadRequest
        | Fault::ReferenceUnknown
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
        | Fault::ConnectionLost
        | Fault::TimedOut
        | Fault::StreamBroken
        | Fault::ClientLeft
        | Fault::Aborted => false,
    }
}
