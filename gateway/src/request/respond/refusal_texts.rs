//! What a client is told when no provider's answer can be given to it, or not to its end.

use std::time::Duration;

use keyweir_policy::exchange::plan::Why;
use keyweir_policy::pool::ask::RefusalReason;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::time::Time;
use keyweir_policy::wire::refusal::no_answer::{NoAnswer, RETRY_AFTER_MIN};
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::stream::interruption::Interruption;

use super::refuse::{Refuse, Tried};
use crate::request::exchange::Exchange;

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
    let Some(told) = NoAnswer::of(fault, pool) else {
        return match fault {
            Fault::ConnectFailed | Fault::Unverified => unreachable(exchange, reason),
            _ => internal("the gateway could not ask the provider"),
        };
    };
    let refuse = Refuse::new(told.kind, reason, told.message);
    match told.after {
        Some(wait) => refuse.after_at_least(wait),
        None => refuse,
    }
}

fn unreachable(exchange: &Exchange<'_>, reason: &'static str) -> Refuse {
    let why = exchange.provider().last_error();
    let message = format!("the provider cannot be reached: {why}");
    Refuse::new(RefusalKind::Unavailable, reason, message).after(RETRY_AFTER_MIN)
}
