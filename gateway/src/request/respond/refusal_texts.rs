//! What a client is told when no provider's answer can be given to it, or not to its end.

use std::time::Duration;

use keyweir_policy::exchange::plan::Why;
use keyweir_policy::pool::ask::RefusalReason;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::time::Time;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::stream::interruption::Interruption;

use super::refuse::{Refuse, Tried};
use crate::request::exchange::Exchange;

/// The shortest wait that is worth saying.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// What is said of an answer that is cut short.
pub(crate) struct Cut {
    pub(super) kind: RefusalKind,
    pub(crate) reason: &'static str,
    pub(super) message: &'static str,
}

impl Cut {
    /// What is said of `interruption`.
    pub(super) const fn by(interruption: Interruption) -> Self {
        match interruption {
            Interruption::Died => DIED,
            Interruption::Stalled => STALLED,
            Interruption::LastCall => LAST_CALL,
        }
    }
}

pub(crate) const DIED: Cut = Cut {
    kind: RefusalKind::Unavailable,
    reason: "stream_died",
    message: "the provider's answer broke off before its end",
};

const STALLED: Cut = Cut {
    kind: RefusalKind::Timeout,
    reason: "stream_stalled",
    message: "the provider sent nothing more in time",
};

pub(super) const LAST_CALL: Cut = Cut {
    kind: RefusalKind::Unavailable,
    reason: "shutdown",
    message: "the gateway is shutting down; send the request again",
};

/// Grace is over, and the answer has not begun.
pub(crate) fn shutting_down() -> Refuse {
    let message = "the gateway is shutting down; send the request again";
    Refuse::new(RefusalKind::Unavailable, "shutdown", message).after(RETRY_AFTER_MIN)
}

/// A mistake of ours.
pub(crate) fn internal(message: &'static str) -> Refuse {
    Refuse::new(RefusalKind::Internal, "internal", message)
}

/// What the plan's refusal means to a client.
pub(crate) fn why(exchange: &Exchange<'_>, why: &Why) -> Refuse {
    let plan = &exchange.plan;
    let tried = Tried {
        attempts: plan.progress().attempts,
        waited: exchange.record.limit_waited() + plan.waited(),
    };
    reason(exchange, why).tried(tried)
}

fn reason(exchange: &Exchange<'_>, why: &Why) -> Refuse {
    let now = exchange.gateway.clock.now();
    match why {
        // A provider that cannot be connected to is held back like one that is overloaded.
        Why::Pool(refusal)
            if matches!(
                refusal.reason,
                RefusalReason::Overloaded | RefusalReason::AllOpen
            ) && exchange.provider().is_unreachable() =>
        {
            let refuse = unreachable(exchange, "connect_failed");
            match refusal.retry_after(now) {
                Some(wait) => refuse.after(wait),
                None => refuse,
            }
        }
        Why::Pool(refusal) => {
            let model = Some(exchange.plan.model()).filter(|model| !model.is_empty());
            Refuse::of_pool(refusal, now, model)
        }
        Why::Fault { fault, not_until } => no_answer(exchange, fault, wait(now, *not_until)),
    }
}

/// In how long the same request would be served, if that is not at once.
fn wait(now: Time, not_until: Option<Time>) -> Option<Duration> {
    let wait = not_until?.since(now);
    (!wait.is_zero()).then_some(wait)
}

fn no_answer(exchange: &Exchange<'_>, fault: &Fault, pool: Option<Duration>) -> Refuse {
    let reason = fault.as_str();
    let told = fault.wait();
    let known = pool.or(told).unwrap_or(RETRY_AFTER_MIN);
    let (kind, message, after) = match fault {
        Fault::RateLimited { .. } | Fault::RampLimited { .. } => (
            RefusalKind::RateLimited,
            "the provider's limits are reached on every account tried",
            Some(known),
        ),
        Fault::KeyRejected | Fault::OutOfMoney { .. } | Fault::AccountDisabled => (
            RefusalKind::Unavailable,
            "no account of the pool can serve this now",
            Some(pool.unwrap_or(RETRY_AFTER_MIN)),
        ),
        Fault::ScopeMissing => (
            RefusalKind::Permission,
            "no key of the pool may use this endpoint",
            None,
        ),
        Fault::Overloaded { .. } => (
            RefusalKind::Overloaded,
            "the provider is overloaded",
            Some(known),
        ),
        Fault::Broken { .. } | Fault::StreamBroken => (
            RefusalKind::Unavailable,
            "the provider's response is malformed",
            Some(told.unwrap_or(RETRY_AFTER_MIN)),
        ),
        Fault::TimedOut => (
            RefusalKind::Timeout,
            "the provider did not answer in time",
            None,
        ),
        Fault::ConnectionLost => (
            RefusalKind::Unavailable,
            "the connection to the provider broke before it answered",
            None,
        ),
        // Told with a status that says that all is well, in words that are not for the client.
        Fault::BadRequest | Fault::ReferenceUnknown | Fault::ContextTooLong => (
            RefusalKind::InvalidRequest,
            "the provider refuses this request",
            None,
        ),
        Fault::TooLargeForLimit => (
            RefusalKind::RateLimited,
            "the request is larger than the limit of every account tried",
            None,
        ),
        Fault::ModelDenied => (
            RefusalKind::Permission,
            "no key of the pool may use this model",
            None,
        ),
        Fault::ConnectFailed => return unreachable(exchange, reason),
        // Nothing that a client is told of: whoever it is has left, or has an answer.
        Fault::None | Fault::ClientLeft | Fault::Aborted => {
            return internal("the gateway could not ask the provider");
        }
    };
    let refuse = Refuse::new(kind, reason, message);
    match after {
        Some(wait) => refuse.after_at_least(wait),
        None => refuse,
    }
}

fn unreachable(exchange: &Exchange<'_>, reason: &'static str) -> Refuse {
    let why = exchange.provider().last_error();
    let message = format!("the provider cannot be reached: {why}");
    Refuse::new(RefusalKind::Unavailable, reason, message).after(RETRY_AFTER_MIN)
}
