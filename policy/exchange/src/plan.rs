//! The plan of one request: a state machine that says what to do next.
//!
//! ```text
//! Begin ─▶ Send ─▶ (a good answer: the driver's to deliver)
//!   │       │ ▲
//!   │       │ └──────── Decided ◀─ Wait
//!   │       └▶ Failed ─▶ Send | Wait | Reroute | Relay | Refuse
//!   └▶ Wait | Reroute | Refuse
//! Reroute ─▶ (aim at the new choice) ─▶ Begin, or Unusable where that cannot be done
//! ```
//!
//! The driver does what a [`Step`] says and comes back with the [`Event`] that followed. It gives
//! the pool of the choice that [`Plan::provider`] names with each event, settles every lease before
//! it reports how the attempt ended, and makes no decision of its own: whether to try again, with
//! whom, and who has the last word are all here. The same events at the same times with the same
//! pools give the same steps.
//!
//! Every plan ends. At each choice attempts are bounded by what they meet ([`crate::retry`]), all
//! together by time; choices and the accounts that are asked for a thing ([`crate::seek`]) are so
//! many and no more.

mod reroute;
mod time;

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_pool::Pool;
use keyweir_pool::ask::{Admission, Ask, Lease, Refusal, RefusalReason};
use keyweir_pool::attempts::Attempts;
use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::ProviderId;
use keyweir_terms::time::Time;

use crate::fallback::{Choice, Choices, Occasion};
use crate::last_word::{self, Met};
use crate::repeat::Repeats;
use crate::retry::{Retries, took_long};
use crate::seek::Home;

pub use crate::request::{Request, TimeLimits};
pub use crate::step::{Event, Failure, Step, Why};

/// The plan of one request.
#[derive(Debug)]
pub struct Plan {
    request: Request,
    limits: TimeLimits,
    choices: Choices,
    home: Home,
    repeats: Repeats,
    retries: Retries,
    met: Met,
    waited: Duration,
    /// Of that, at the choices before the present one.
    waited_before: Duration,
    waits_since: Option<Time>,
    /// When the last attempt began.
    sent: Option<Time>,
    progress: Progress,
}

/// What became of the plan so far, for whoever tells of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Attempts sent, at all choices.
    pub attempts: u32,
    /// It was rerouted to another choice than the first.
    pub fell_back: bool,
}

impl Plan {
    /// The plan of `request` whose first choice is `provider`; where that cannot serve in time,
    /// `fallbacks` in order. A request that must go to one account (`home`) does not fall back.
    pub fn new(
        request: Request,
        limits: TimeLimits,
        provider: ProviderId,
        home: Home,
        fallbacks: VecDeque<Choice>,
    ) -> Self {
        let fallbacks = if home == Home::Any {
            fallbacks
        } else {
            VecDeque::new()
        };
        Self {
            choices: Choices::new(provider, home.account(), fallbacks),
            repeats: Repeats::none(request.creates),
            request,
            limits,
            home,
            retries: Retries::default(),
            met: Met::default(),
            waited: Duration::ZERO,
            waited_before: Duration::ZERO,
            waits_since: None,
            sent: None,
            progress: Progress::default(),
        }
    }

    /// The same for a request that has `waited` already, for other parts of its answer: that is off its
    /// patience.
    pub const fn having_waited(mut self, waited: Duration) -> Self {
        (self.waited, self.waited_before) = (waited, waited);
        self
    }

    /// The provider whose pool the next event is to be given with.
    pub const fn provider(&self) -> ProviderId {
        self.choices.present().provider
    }

    /// Who is asked, and for what.
    pub const fn choice(&self) -> &Choice {
        self.choices.present()
    }

    /// The model that is asked for; empty where none is named.
    pub fn model(&self) -> &str {
        self.choice()
            .model
            .as_deref()
            .unwrap_or(&self.request.model)
    }

    /// Whether somebody is left to ask where the present choice cannot serve.
    pub fn has_fallback(&self) -> bool {
        !self.choices.is_last()
    }

    /// How long it has been in the waiting room.
    pub const fn waited(&self) -> Duration {
        self.waited
    }

    /// What became of it so far.
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Whether the account that answers is news: nobody remembered it.
    pub const fn is_sought(&self) -> bool {
        self.home.is_sought()
    }

    /// Says what follows `event`. `pool`: of [`Self::provider`].
    pub fn on(&mut self, pool: &mut Pool, now: Time, event: Event) -> Step {
        match event {
            Event::Begin => self.admit(pool, now, None),
            Event::Unusable => self.unusable(now),
            Event::Decided(decision) => {
                self.stop_waiting(now);
                match decision {
                    Ok(lease) => self.send(now, lease),
                    Err(refusal) => self.refused(pool, now, refusal, None),
                }
            }
            Event::Failed(failure) => self.failed(pool, now, &failure),
        }
    }

    /// Asks for a key. `failure`: what was met just now, whose answer is still at hand.
    fn admit(&mut self, pool: &mut Pool, now: Time, failure: Option<&Failure>) -> Step {
        let ask = self.ask(pool, now);
        match pool.admit(now, ask, &self.retries.attempts) {
            Admission::Granted(lease) => self.send(now, lease),
            Admission::Refused(refusal) => self.refused(pool, now, refusal, failure),
            Admission::Waiting(ticket) => {
                self.waits_since = Some(now);
                Step::Wait(ticket)
            }
        }
    }

    fn ask(&self, pool: &mut Pool, now: Time) -> Ask {
        let ask = self.ask_until(pool, now, self.deadline(now));
        let may_reroute = !self.choices.is_last() && self.may_go_on(now);
        if !may_reroute || pool.is_up_for(now, &ask, &self.retries.attempts) {
            return ask;
        }
        // Where nobody serves there is nothing to wait for: a probe, or the next choice.
        Ask {
            deadline: now,
            ..ask
        }
    }

    fn ask_until(&self, pool: &mut Pool, now: Time, deadline: Time) -> Ask {
        let request = &self.request;
        Ask {
            request: request.id,
            tenant: request.tenant,
            model: pool.model(now, request.tenant, self.model(), request.endpoint),
            priority: request.priority,
            size: request.size,
            affinity: request.affinity,
            account: self.choice().account,
            arrived: request.arrived,
            deadline,
            body_bytes: request.body_bytes,
        }
    }

    fn send(&mut self, now: Time, lease: Lease) -> Step {
        self.sent = Some(now);
        self.progress.attempts += 1;
        Step::Send(lease)
    }

    /// The pool has no key for it in time.
    fn refused(
        &mut self,
        pool: &mut Pool,
        now: Time,
        refusal: Refusal,
        failure: Option<&Failure>,
    ) -> Step {
        if self.home.is_sought() {
            let refusal = self.for_another(pool, now, refusal);
            self.met.could_not_ask(refusal);
        }
        // The account that cannot be asked now may not be the one that knows.
        if let Some(step) = self.seek_on(pool, now) {
            return step;
        }
        if let Some(failure) = failure
            && is_the_reason(&failure.fault)
            && (self.choices.is_last() || !self.may_go_on(now))
        {
            return self.last_word(pool, now, failure);
        }
        let why = match self.met.fault {
            // Where the last attempt broke down, or was told that a key or an account is out, that is
            // the reason, and no budget.
            Some(fault) if is_the_reason(&fault) => self.why(pool, now, fault),
            _ => Why::Pool(refusal),
        };
        self.reroute_or_refuse(now, Occasion::Unavailable, why)
    }

    fn failed(&mut self, pool: &mut Pool, now: Time, failure: &Failure) -> Step {
        let fault = failure.fault;
        self.met.fault = Some(fault);
        if pool.is_gone(self.request.tenant) {
            return Step::Refuse(Why::Pool(Refusal {
                not_until: None,
                reason: RefusalReason::TenantGone,
            }));
        }
        if failure.is_unknown()
            && let Some(step) = self.seek_on(pool, now)
        {
            return step;
        }
        if fault == Fault::ContextTooLong
            && self.may_go_on(now)
            && self.choices.has_for(Occasion::ContextLength)
        {
            let why = self.why(pool, now, fault);
            return self.reroute_or_refuse(now, Occasion::ContextLength, why);
        }
        let is_repeatable = self
            .repeats
            .may_follow(&fault, pool.retry_limits().ambiguous);
        if is_repeatable && self.may_go_on(now) {
            let sent = self.sent.unwrap_or(now);
            let took = now.since(sent);
            let is_over = took_long(&fault, took) || self.retries.broke_down_before(&fault);
            let is_left = is_over && self.choices.has_for(Occasion::Unavailable);
            let patience = self.patience();
            let may_follow = !is_left && self.retries.failed(pool, now, (failure, sent), patience);
            if may_follow && self.may_be_allowed(pool, now, &fault) {
                return self.admit(pool, now, Some(failure));
            }
            let occasion = Occasion::of(&fault);
            if occasion == Some(Occasion::Unavailable) && !self.choices.is_last() {
                let why = self.why(pool, now, fault);
                return self.reroute_or_refuse(now, Occasion::Unavailable, why);
            }
        }
        self.last_word(pool, now, failure)
    }

    /// `refusal` as another request would meet it: this one may have ruled out whom it asked.
    fn for_another(&self, pool: &mut Pool, now: Time, refusal: Refusal) -> Refusal {
        let ask = self.ask(pool, now);
        let not_until = pool.would_admit(now, &ask, &Attempts::default());
        Refusal {
            not_until: refusal.not_until.or(not_until),
            ..refusal
        }
    }

    /// Whether another attempt may go better, where the last one may not use its model: not where the
    /// provider refuses it to every key.
    fn may_be_allowed(&self, pool: &mut Pool, now: Time, fault: &Fault) -> bool {
        let is_denied = fault.attribution() == Attribution::KeyModel;
        !is_denied || {
            let ask = self.ask(pool, now);
            pool.may_be_allowed(now, &ask, &self.retries.attempts)
        }
    }

    fn last_word(&self, pool: &mut Pool, now: Time, failure: &Failure) -> Step {
        match self.met.unasked {
            Some(refusal) if failure.is_unknown() => Step::Refuse(Why::Pool(refusal)),
            _ if last_word::may_be_relayed(&failure.fault, failure.status) => Step::Relay,
            _ => Step::Refuse(self.why(pool, now, failure.fault)),
        }
    }

    fn why(&self, pool: &mut Pool, now: Time, fault: Fault) -> Why {
        let ask = self.ask(pool, now);
        let not_until = pool.would_admit(now, &ask, &self.retries.attempts);
        Why::Fault { fault, not_until }
    }
}

/// Whether `fault` tells more than that nobody is left to ask.
fn is_the_reason(fault: &Fault) -> bool {
    matches!(
        fault.attribution(),
        Attribution::KeyOrProvider
            | Attribution::Key
            | Attribution::Account
            | Attribution::KeyModel
    )
}

#[cfg(test)]
mod tests;
