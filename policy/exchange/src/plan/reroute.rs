//! How a plan goes on elsewhere: to the next account that may know a thing, or to the next choice.

use keyweir_pool::Pool;
use keyweir_terms::fault::Fault;
use keyweir_terms::time::Time;

use super::{Plan, Step, Why};
use crate::fallback::Occasion;
use crate::last_word::Met;
use crate::retry::Retries;

impl Plan {
    /// Asks the next account for a thing that the last one does not know, or cannot be asked for.
    pub(super) fn seek_on(&mut self, pool: &mut Pool, now: Time) -> Option<Step> {
        if !self.may_go_on(now) {
            return None;
        }
        let (provider, account) = self.home.next()?;
        let is_here = provider == self.provider();
        self.choices.aim(provider, account);
        if is_here {
            return Some(self.admit(pool, now, None));
        }
        self.retries = Retries::default();
        self.met.fault = None;
        Some(Step::Reroute)
    }

    /// Reroutes to the next choice, or where there is none, or no time for it, tells the client `why`.
    pub(super) fn reroute_or_refuse(&mut self, now: Time, occasion: Occasion, why: Why) -> Step {
        if !self.may_go_on(now) || !self.choices.reroute(occasion) {
            return Step::Refuse(why);
        }
        self.progress.fell_back = true;
        self.waited_before = self.waited;
        self.retries = Retries::default();
        self.met = Met {
            before: Some(why),
            ..Met::default()
        };
        Step::Reroute
    }

    /// The choice rerouted to cannot be asked: the next one may.
    pub(super) fn unusable(&mut self, now: Time) -> Step {
        if self.may_go_on(now) && self.choices.skip() {
            return Step::Reroute;
        }
        Step::Refuse(self.met.before.unwrap_or(Why::Fault {
            fault: Fault::Aborted,
            not_until: None,
        }))
    }
}
