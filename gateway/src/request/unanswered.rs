//! What a client is told when no provider's answer can be given to it.

use std::time::Duration;

use keyweir_policy::dialect::RefusalKind;
use keyweir_policy::fault::{Blame, Fault};

use super::exchange::Job;
use super::refuse::Refuse;

/// The shortest wait that is worth saying.
const RETRY_AFTER_LEAST: Duration = Duration::from_secs(1);

/// Grace is over, and the answer has not begun.
pub(super) fn shutting_down() -> Refuse {
    let message = "the gateway is shutting down; send the request again";
    Refuse::new(RefusalKind::Unavailable, "shutdown", message).after(RETRY_AFTER_LEAST)
}

impl Job<'_> {
    /// What the client is told when the pool refuses another attempt: where the last one broke down,
    /// that is the reason, and no budget.
    pub(super) fn not_again(&self, refuse: Refuse, last: Option<Fault>) -> Refuse {
        match last {
            Some(fault) if fault.blame() == Blame::KeyOrProvider => self.no_answer(&fault),
            _ => refuse,
        }
    }

    /// What the client is told when no provider's answer can be given to it.
    pub(super) fn no_answer(&self, fault: &Fault) -> Refuse {
        let wait = || self.provider.pool.retry_after(&self.asking, &self.attempts);
        match fault {
            Fault::RateLimited { .. } | Fault::RampLimited { .. } => {
                let wait = wait().or(fault.wait()).unwrap_or(RETRY_AFTER_LEAST);
                let message = "the provider's limits are reached on every account tried";
                Refuse::new(RefusalKind::RateLimited, fault.as_str(), message).after(wait)
            }
            Fault::KeyRejected | Fault::OutOfMoney { .. } | Fault::AccountDisabled => {
                let wait = wait().unwrap_or(RETRY_AFTER_LEAST);
                let message = "no account of the pool can serve this now";
                Refuse::new(RefusalKind::Unavailable, fault.as_str(), message).after(wait)
            }
            Fault::Overloaded { .. } => {
                let wait = wait().or(fault.wait()).unwrap_or(RETRY_AFTER_LEAST);
                let message = "the provider is overloaded";
                Refuse::new(RefusalKind::Overloaded, fault.as_str(), message).after(wait)
            }
            Fault::Broken { .. } | Fault::StreamBroken => {
                let wait = fault.wait().unwrap_or(RETRY_AFTER_LEAST);
                let message = "what the provider answered is no good";
                Refuse::new(RefusalKind::Unavailable, fault.as_str(), message).after(wait)
            }
            Fault::TimedOut => {
                let message = "the provider did not answer in time";
                Refuse::new(RefusalKind::Timeout, fault.as_str(), message)
            }
            Fault::ConnectionLost => {
                let message = "the connection to the provider broke before it answered";
                Refuse::new(RefusalKind::Unavailable, fault.as_str(), message)
            }
            _ => {
                let why = self.provider.last_trouble();
                let message = format!("the provider cannot be reached: {why}");
                Refuse::new(RefusalKind::Unavailable, fault.as_str(), message)
                    .after(RETRY_AFTER_LEAST)
            }
        }
    }
}
