//! The plan of one request: a state machine that says what to do next.
//!
//! ```text
//! Begin ─▶ Send ─▶ Answered ─▶ Relay
//!   │       │ ▲
//!   │       │ └──────── Decided ◀─ Wait
//!   │       └▶ Failed ─▶ Send | Wait | Turn | Relay | Refuse
//!   └▶ Wait | Turn | Refuse
//! Turn ─▶ (aim at the new choice) ─▶ Begin, or Unusable where that cannot be done
//! ```
//!
//! The driver does what a [`Step`] says and comes back with the [`Event`] that followed. It gives
//! the pool of the choice that [`Plan::provider`] names with each event, settles every lease before
//! it reports how the attempt ended, and makes no decision of its own: whether to try again, with
//! whom, and who has the last word are all here. The same events at the same times with the same
//! pools give the same steps.

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_pool::Pool;
use keyweir_pool::ask::{Admission, Ask, Lease, Refusal};
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::{KeyId, ProviderId, TenantId, Ticket};
use keyweir_terms::request::{Priority, RequestSize};
use keyweir_terms::time::Time;

use crate::fallback::{self, Choice, Choices};
use crate::last_word;
use crate::retry::Retries;
use crate::seek::Home;

/// A request, as far as it stays the same whoever is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub tenant: TenantId,
    /// The class it waits in.
    pub priority: Priority,
    /// What is known of its size.
    pub size: RequestSize,
    /// The kind of thing that is asked for.
    pub endpoint: Endpoint,
    /// The model it names, or an empty text.
    pub model: String,
    /// Fingerprint of the conversation, for the provider's prompt cache.
    pub affinity: Option<u64>,
    /// It makes something at the provider (a batch, a file) that would be there twice.
    pub creates: bool,
    /// Bytes of body it holds.
    pub body_bytes: u64,
    /// When it came.
    pub arrived: Time,
}

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// In the waiting room, in all. The time that attempts take is not counted.
    pub patience: Duration,
    /// From its arrival until no further attempt is begun.
    pub attempts: Duration,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The request stands ready before the present choice.
    Begin,
    /// The present choice cannot be asked: the request cannot be made to name its model.
    Unusable,
    /// The pool has decided about the ticket of the last [`Step::Wait`].
    Decided(Result<Lease, Refusal>),
    /// A good answer has begun; its lease is still open.
    Answered,
    /// An attempt ended, and its lease is settled.
    Failed {
        /// The key it was made with.
        key: KeyId,
        /// How it ended.
        fault: Fault,
        /// The status of the provider's answer, if there was one.
        status: Option<u16>,
    },
}

/// What to do.
#[derive(Debug)]
pub enum Step {
    /// Send the request with the lease's key.
    Send(Lease),
    /// Wait for the pool's decision; then [`Event::Decided`].
    Wait(Ticket),
    /// Turn to the choice that is now [`Plan::choice`]; then [`Event::Begin`] or
    /// [`Event::Unusable`].
    Turn,
    /// Give the client the provider's answer as it is.
    Relay,
    /// Tell the client no.
    Refuse(Why),
}

/// Why a client is told no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The pool refused.
    Pool(Refusal),
    /// The last attempt ended so.
    Fault {
        /// How.
        fault: Fault,
        /// When the same request could be served, were it to come again; `None`: unknown.
        not_until: Option<Time>,
    },
}

/// The plan of one request.
#[derive(Debug)]
pub struct Plan {
    request: Request,
    limits: TimeLimits,
    choice: Choice,
    home: Home,
    fallbacks: Choices,
    retries: Retries,
    /// How the last attempt at the present choice ended.
    last: Option<Fault>,
    waited: Duration,
    waits_since: Option<Time>,
    progress: Progress,
}

/// What became of the plan so far, for whoever tells of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Attempts sent, at all choices.
    pub attempts: u32,
    /// Another choice than the first is asked.
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
        let retries = Retries::none(request.creates);
        let fallbacks = if home == Home::Any {
            fallbacks
        } else {
            Choices::new()
        };
        Self {
            choice: Choice {
                provider,
                account: home.account(),
                model: None,
            },
            request,
            limits,
            home,
            fallbacks,
            retries,
            last: None,
            waited: Duration::ZERO,
            waits_since: None,
            progress: Progress::default(),
        }
    }

    /// The provider whose pool the next event is to be given with.
    pub const fn provider(&self) -> ProviderId {
        self.choice.provider
    }

    /// Who is asked, and for what.
    pub const fn choice(&self) -> &Choice {
        &self.choice
    }

    /// The model that is asked for; empty where none is named.
    pub fn model(&self) -> &str {
        self.choice.model.as_deref().unwrap_or(&self.request.model)
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
            Event::Begin => self.admit(pool, now),
            Event::Unusable => self.unusable(pool, now),
            Event::Decided(decision) => {
                self.stop_waiting(now);
                match decision {
                    Ok(lease) => self.send(lease),
                    Err(refusal) => self.refused(pool, now, refusal),
                }
            }
            Event::Answered => Step::Relay,
            Event::Failed { key, fault, status } => self.failed(pool, now, (key, fault, status)),
        }
    }

    fn admit(&mut self, pool: &mut Pool, now: Time) -> Step {
        let ask = self.ask(pool, now);
        match pool.admit(now, ask, &self.retries.attempts) {
            Admission::Granted(lease) => self.send(lease),
            Admission::Refused(refusal) => self.refused(pool, now, refusal),
            Admission::Waiting(ticket) => {
                self.waits_since = Some(now);
                Step::Wait(ticket)
            }
        }
    }

    fn ask(&self, pool: &mut Pool, now: Time) -> Ask {
        let request = &self.request;
        Ask {
            tenant: request.tenant,
            model: pool.model(now, self.model(), request.endpoint),
            priority: request.priority,
            size: request.size,
            affinity: request.affinity,
            account: self.choice.account,
            arrived: request.arrived,
            // Patience is for waiting: time that attempts took is not counted against it.
            deadline: now + self.limits.patience.saturating_sub(self.waited),
            body_bytes: request.body_bytes,
        }
    }

    fn send(&mut self, lease: Lease) -> Step {
        self.progress.attempts += 1;
        Step::Send(lease)
    }

    fn stop_waiting(&mut self, now: Time) {
        if let Some(since) = self.waits_since.take() {
            self.waited += now.since(since);
        }
    }

    /// The pool has no key for it in time.
    fn refused(&mut self, pool: &mut Pool, now: Time, refusal: Refusal) -> Step {
        // The account that cannot be asked now may not be the one that knows.
        if let Some(step) = self.seek_on(pool, now) {
            return step;
        }
        if self.fall_back() {
            return Step::Turn;
        }
        match self.last {
            // Where the last attempt broke down, that is the reason, and no budget.
            Some(fault) if fault.attribution() == Attribution::KeyOrProvider => {
                self.give_up(pool, now, fault)
            }
            _ => Step::Refuse(Why::Pool(refusal)),
        }
    }

    fn failed(
        &mut self,
        pool: &mut Pool,
        now: Time,
        (key, fault, status): (KeyId, Fault, Option<u16>),
    ) -> Step {
        self.last = Some(fault);
        if status == Some(404)
            && let Some(step) = self.seek_on(pool, now)
        {
            return step;
        }
        let may_retry = self.retries.failed(pool, now, key, &fault);
        let in_time = now.since(self.request.arrived) < self.limits.attempts;
        if may_retry && in_time {
            self.admit(pool, now)
        } else if fallback::may_help(&fault) && self.fall_back() {
            Step::Turn
        } else if last_word::may_be_relayed(&fault, status) {
            Step::Relay
        } else {
            self.give_up(pool, now, fault)
        }
    }

    fn give_up(&self, pool: &mut Pool, now: Time, fault: Fault) -> Step {
        let ask = self.ask(pool, now);
        let not_until = pool.would_admit(now, &ask, &self.retries.attempts);
        Step::Refuse(Why::Fault { fault, not_until })
    }

    /// Asks the next account for a thing that the last one does not know.
    fn seek_on(&mut self, pool: &mut Pool, now: Time) -> Option<Step> {
        let (provider, account) = self.home.next()?;
        self.choice.account = Some(account);
        if provider == self.choice.provider {
            return Some(self.admit(pool, now));
        }
        self.choice.provider = provider;
        self.begin_anew();
        Some(Step::Turn)
    }

    fn fall_back(&mut self) -> bool {
        let Some(choice) = self.fallbacks.pop_front() else {
            return false;
        };
        // The model that an earlier step wrote stands in the request now.
        let model = choice.model.or(self.choice.model.take());
        self.choice = Choice { model, ..choice };
        self.progress.fell_back = true;
        self.begin_anew();
        true
    }

    fn begin_anew(&mut self) {
        self.retries = Retries::none(self.request.creates);
        self.last = None;
    }

    /// The choice turned to cannot be asked: the next one may.
    fn unusable(&mut self, pool: &mut Pool, now: Time) -> Step {
        if self.fall_back() {
            return Step::Turn;
        }
        self.give_up(pool, now, Fault::Aborted)
    }
}
