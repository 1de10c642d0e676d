//! What outcomes teach a group's budgets, estimates and breakers: every lease is trued up, exactly
//! once.

use std::time::Duration;

use keyweir_health::breaker::BreakerState;
use keyweir_quota::budget::Charge;
use keyweir_terms::amount::Dimension;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

use super::QuotaGroup;
use crate::ask::Settlement;
use crate::leases::{Grant, Open, Request};
use crate::outage::{Cause, Told};

/// Weight of one request in the learned delay between admission and production: the mean of some ten
/// answers, so that one slow answer does not move it much.
const DELAY_WEIGHT: f64 = 0.1;
/// While the provider is overloaded a key's own failures count only from here, and only while most
/// keys still serve: an overload makes every key fail, but one that never succeeds is sick beside
/// it. Where nine answers in ten fail, six keys in ten fail so often in a row; hence the second
/// condition.
const OVERLOAD_FAILURES_MIN: u32 = 5;

/// What may lie between an outcome's settlement and its report to the plan: a turn of a busy runtime.
const SETTLING: Duration = Duration::from_millis(100);

impl QuotaGroup {
    /// Applies what the head of a response said of the account's budgets: `said`, and whether it is the
    /// answer to a request that was admitted.
    pub(crate) fn reconcile(&mut self, now: Time, open: &Open, said: (&Snapshot, bool)) {
        let budget = &mut self.accounts[open.grant.account].budget;
        budget.reconcile(now, &open.marks, said);
    }

    /// The provider admitted what was asked of it.
    pub(crate) fn admitted(&mut self, now: Time, open: &Open) {
        let budget = &mut self.accounts[open.grant.account].budget;
        budget.admitted(now, &open.marks, &open.charge);
    }

    /// A stream has grown to `so_far` tokens. Returns whether that was news.
    pub(crate) fn progressed(&mut self, now: Time, open: &mut Open, so_far: f64) -> bool {
        let most = open.request.size.output_max;
        let most = most.map_or(f64::INFINITY, |max| max as f64);
        let Some(growth) = open.output.grow(now, open.grant.at, so_far, most) else {
            return false;
        };
        if let Some(produced) = growth.outgrown {
            let Request { tenant, size, .. } = &open.request;
            self.estimates.outgrown(*tenant, size, produced as u64);
        }
        let budget = &mut self.accounts[open.grant.account].budget;
        for dimension in pending_dimensions(&open.charge) {
            let grown = (growth.produced, growth.from_foreseen);
            budget.produce(now, dimension, grown, open.draw);
        }
        if let Some(delay) = growth
            .delay_secs
            .filter(|_| !budget.knows_production_delay())
        {
            budget.learn_production_delay(delay, open.output.expected(), DELAY_WEIGHT);
        }
        true
    }

    /// An attempt ended: what it took is counted to the token.
    pub(crate) fn true_up(&mut self, now: Time, open: &mut Open, settlement: &Settlement) {
        let grant = open.grant;
        let budget = &mut self.accounts[grant.account].budget;
        let charged = charged(settlement);
        for dimension in Dimension::ALL {
            let index = dimension.index();
            let amount = charged_at_admission(charged, open, settlement, dimension);
            let more = amount - open.charge.prompt[index];
            budget.correct(now, index, (more, &mut open.marks), open.draw);
        }
        let produced = open.output.produced();
        let output = settlement.usage.output;
        let output = output.map_or(produced, |output| output as f64);
        for dimension in pending_dimensions(&open.charge) {
            let more = match charged {
                Charged::Work => output - produced,
                Charged::Nothing | Charged::RequestOnly => 0.0,
            };
            budget.produce(now, dimension, (more, open.output.foreseen()), open.draw);
        }
        budget.release();
        if settlement.fault != Fault::None {
            return;
        }
        if output > 0.0 {
            let delay = open.output.delay_at_end(now, grant.at);
            budget.learn_production_delay(delay, output, DELAY_WEIGHT);
        }
        let (request, usage) = (&open.request, &settlement.usage);
        self.estimates.learn(request.tenant, &request.size, usage);
        if let Some(conversation) = request.affinity {
            self.affinity.served(now, conversation, grant.account);
        }
    }

    /// The provider did its work: key and account are well. Returns whether the key's breaker had
    /// tripped.
    pub(crate) fn succeeded(&mut self, now: Time, grant: &Grant) -> bool {
        self.serves(now);
        self.accounts[grant.account].recovered(grant.at);
        self.breakers[grant.key].succeeded(now, grant.generations.key_model)
    }

    /// The provider does its work: a good answer has begun. Returns whether the key's breaker had tripped.
    pub(crate) fn begun(&mut self, now: Time, grant: &mut Grant) -> bool {
        self.serves(now);
        self.accounts[grant.account].recovered(grant.at);
        self.breakers[grant.key].begun(now, &mut grant.generations.key_model)
    }

    /// Somebody is being served.
    pub(crate) const fn serves(&mut self, now: Time) {
        self.served_at = now;
    }

    /// The outcome says nothing about the key.
    pub(crate) fn passed(&mut self, now: Time, grant: &Grant) {
        self.breakers[grant.key].passed(now, grant.generations.key_model);
    }

    /// What was charged to `key` at `failed_at` was the request's own fault.
    pub(crate) fn absolve(&mut self, now: Time, key: KeyId, failed_at: Time) {
        if let Some(breaker) = self.breakers.get_mut(key) {
            breaker.absolve(now, failed_at - SETTLING);
        }
    }

    /// An attempt failed through the key's fault; returns whether that opened its breaker.
    pub(crate) fn failed(&mut self, now: Time, grant: &Grant, fault: &Fault, draw: f64) -> bool {
        let generation = grant.generations.key_model;
        let was_closed = self.breakers[grant.key].state(now) == BreakerState::Closed;
        let trips = self.breakers[grant.key].failed(now, generation, fault.wait(), draw);
        if trips {
            self.note_trip(now, grant.key, was_closed, *fault);
        }
        trips
    }

    /// The breaker of `key` was opened by this.
    pub(crate) fn note_trip(&mut self, now: Time, key: KeyId, was_closed: bool, fault: Fault) {
        let before = self.trips.get(&key).copied().filter(|_| !was_closed);
        let mut told = before;
        Told::note(&mut told, now, Cause::Fault(fault));
        self.trips.extend(told.map(|told| (key, told)));
    }

    /// The breaker of `key` was opened on another gateway's word.
    pub(crate) fn note_hearsay(&mut self, now: Time, key: KeyId) {
        let mut told = None;
        Told::note(&mut told, now, Cause::Elsewhere);
        self.trips.extend(told.map(|told| (key, told)));
    }

    /// An operator says that `key` is well, or it has another secret. Returns whether its breaker was open,
    /// or on its way back.
    pub(crate) fn close_breaker(&mut self, key: KeyId) -> bool {
        self.trips.remove(&key);
        let Some(breaker) = self.breakers.get_mut(key) else {
            return false;
        };
        let was_recovering = breaker.is_recovering();
        breaker.close();
        was_recovering
    }

    /// An operator says that `account` may be asked again.
    pub(crate) fn end_cooldown(&mut self, account: AccountId) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.end_cooldown();
        }
    }

    /// An attempt failed while the provider as a whole fails.
    pub(crate) fn failed_in_overload(&mut self, now: Time, grant: &Grant) {
        self.breakers[grant.key].failed_in_overload(now, grant.generations.key_model);
    }

    /// Whether the key of `grant` is sick beside the overload.
    pub(crate) fn is_sick_in_overload(&self, now: Time, grant: &Grant) -> bool {
        if self.breakers[grant.key].consecutive_failures() < OVERLOAD_FAILURES_MIN {
            return false;
        }
        let breakers = self.breakers.values();
        let serving = breakers.filter(|breaker| breaker.admits(now)).count();
        serving * 2 > self.breakers.len()
    }
}

/// What the provider charged for an attempt, as far as its outcome tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charged {
    Nothing,
    RequestOnly,
    Work,
}

fn charged(settlement: &Settlement) -> Charged {
    if !settlement.sent {
        return Charged::Nothing;
    }
    match settlement.fault {
        Fault::None
        | Fault::StreamBroken
        | Fault::ClientLeft
        | Fault::Aborted
        | Fault::ConnectionLost
        | Fault::TimedOut => Charged::Work,
        Fault::BadRequest
        | Fault::ReferenceUnknown
        | Fault::ContextTooLong
        | Fault::ModelDenied
        | Fault::Broken { .. } => Charged::RequestOnly,
        Fault::RateLimited { .. }
        | Fault::RampLimited { .. }
        | Fault::TooLargeForLimit
        | Fault::KeyRejected
        | Fault::ScopeMissing
        | Fault::OutOfMoney { .. }
        | Fault::AccountDisabled
        | Fault::Overloaded { .. }
        | Fault::ConnectFailed
        | Fault::Unverified => Charged::Nothing,
    }
}

/// What was charged of one dimension when the request was admitted.
fn charged_at_admission(
    charged: Charged,
    open: &Open,
    settlement: &Settlement,
    dimension: Dimension,
) -> f64 {
    let charge = &open.charge;
    match charged {
        Charged::Nothing => 0.0,
        Charged::RequestOnly if dimension == Dimension::Requests => 1.0,
        Charged::RequestOnly => 0.0,
        Charged::Work => match (dimension, settlement.usage.input) {
            (Dimension::InputTokens, Some(input)) => input as f64,
            // Where input and output share a bucket that is charged at admission, the provider
            // keeps to its estimate, and so do we.
            (Dimension::Tokens, Some(input)) if charge.pending[dimension.index()] > 0.0 => {
                input as f64
            }
            _ => charge.prompt[dimension.index()],
        },
    }
}

/// The dimensions that are charged as output is produced.
fn pending_dimensions(charge: &Charge) -> impl Iterator<Item = usize> + use<> {
    let shared = charge.pending[Dimension::Tokens.index()] > 0.0;
    [Dimension::OutputTokens, Dimension::Tokens]
        .into_iter()
        .filter(move |dimension| shared || *dimension == Dimension::OutputTokens)
        .map(Dimension::index)
}
