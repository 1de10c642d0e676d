//! Whose requests of a quota group fail alone: always, while others' that are sent to the same accounts in
//! between are served. What the provider says to them is of what they ask for (a prompt of a length
//! that its tier does not have, a model that is broken for one kind of input), whatever it says; accounts,
//! keys and the provider are not charged with it, and nobody else waits for it.
//!
//! Until so much is known they are charged like any other: an account that is short looks the same to the
//! first who meets it. What was charged then is taken back. Who is refused alone is sent again one at a time,
//! at intervals that the provider names or that grow, until one of its requests is served.
//!
//! Told apart by tenant and conversation: one that cannot go on says nothing of its tenant's others, and it
//! alone is sent no more. Where a tenant's requests fail in many conversations, or now and then, nobody else
//! is charged with them either, once others would have failed as often, were it not the tenant's doing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use keyweir_health::backoff::Backoff;
use keyweir_terms::ids::{AccountId, RequestId, TenantId};
use keyweir_terms::time::Time;

/// Requests in a row that failed, before it may be what they ask for. Not measured: two may well meet one
/// moment in which an account is short.
const REQUESTS_MIN: u32 = 3;
/// Requests of others that were sent since the first of them and served, for it to be told by. Not measured.
const SERVED_MIN: usize = 3;
/// For one of others that failed since, so many have to be served: where it is the provider, or an account
/// that is short, others meet it too.
const SERVED_PER_FAILED: usize = 8;
/// How many failures of others are to be expected, and are missing, before those of some of a tenant's
/// requests are its own doing. Five are missing by chance once in 150 times.
const EXPECTED_MIN: usize = 5;
/// Outcomes that are looked back at.
const OUTCOMES_MAX: usize = 256;
/// What was seen so long ago counts no more.
const COUNTS: Duration = Duration::from_secs(300);
/// Senders that are told apart; of more those that failed longest ago are forgotten.
const SENDERS_MAX: usize = 1_024;
/// Accounts that are remembered to have failed a sender.
const ACCOUNTS_MAX: usize = 8;
/// How long one that fails alone is sent no more, where the provider names no time: as for an account that
/// refuses.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(1_000),
    cap: Duration::from_secs(60),
};
/// While one of its requests is on its way, about.
const PROBED: Duration = Duration::from_secs(1);
/// The longest wait that is believed: until then nothing of it is sent.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// A tenant, and the conversation that a request belongs to, if it is known.
pub(crate) type Sender = (TenantId, Option<u64>);

/// Who fails, and what others meet meanwhile.
#[derive(Debug, Default)]
pub(crate) struct LoneFailures {
    rows: BTreeMap<Sender, Row>,
    outcomes: VecDeque<Outcome>,
}

/// A sender's failures since one of its requests was served.
#[derive(Clone, Debug)]
struct Row {
    /// Distinct requests.
    requests: u32,
    /// The accounts that they were sent to.
    accounts: Vec<AccountId>,
    latest: RequestId,
    since: Time,
    seen: Time,
    is_alone: bool,
    pauses: u32,
    paused_until: Time,
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    tenant: TenantId,
    account: AccountId,
    sent: Time,
    /// The request that failed; `None`: one was served.
    failed: Option<RequestId>,
}

/// What is made of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// It may be anybody's.
    Open,
    /// The sender's, as of now: what it was charged with to others is to be taken back.
    Becomes,
    /// Its tenant's, of which some requests fail: what it was charged with to others is to be taken back.
    OfTenant,
    /// The sender's.
    Stays,
}

impl LoneFailures {
    /// A request that was sent to an account at some time is served.
    pub(crate) fn served(&mut self, sender: Sender, sent: (AccountId, Time)) {
        self.rows.remove(&sender);
        self.note(sender.0, sent, None);
    }

    /// A request that was sent to an account at some time failed, and it may be the provider's or the
    /// account's fault.
    pub(crate) fn failed(
        &mut self,
        now: Time,
        (sender, request): (Sender, RequestId),
        sent: (AccountId, Time),
    ) -> Blame {
        let is_new = !self.rows.contains_key(&sender);
        if is_new && self.rows.len() >= SENDERS_MAX {
            self.forget_oldest();
        }
        let row = self
            .rows
            .entry(sender)
            .or_insert_with(|| Row::new(now, sent.1, request));
        if now.since(row.seen) >= COUNTS {
            *row = Row::new(now, sent.1, request);
        }
        row.add(now, request, sent.0);
        let (requests, was_alone) = (row.requests, row.is_alone);
        if was_alone {
            return Blame::Stays;
        }
        // More of the same would hide what others meet.
        if requests <= REQUESTS_MIN {
            self.note(sender.0, sent, Some(request));
        }
        if requests >= REQUESTS_MIN && self.are_others_served(sender) {
            if let Some(row) = self.rows.get_mut(&sender) {
                row.is_alone = true;
            }
            return Blame::Becomes;
        }
        match self.would_others_fail(now, sender.0) {
            true => Blame::OfTenant,
            false => Blame::Open,
        }
    }

    /// The provider refused a sender that fails alone; `draw` in 0..1 is the jitter.
    pub(crate) fn refused(&mut self, now: Time, sender: Sender, wait: Option<Duration>, draw: f64) {
        let Some(row) = self.rows.get_mut(&sender) else {
            return;
        };
        let pause = wait.map_or_else(|| BACKOFF.after(row.pauses, draw), |it| it.min(PAUSE_MAX));
        row.pauses = row.pauses.saturating_add(1);
        row.paused_until = row.paused_until.max(now + pause);
    }

    /// A request is sent. Another of the same sender's, if it is refused alone, has to wait for what becomes of it.
    pub(crate) fn granted(&mut self, now: Time, sender: Sender) {
        if let Some(row) = self.rows.get_mut(&sender)
            && row.pauses > 0
        {
            row.paused_until = row.paused_until.max(now + PROBED);
        }
    }

    /// Until when nothing of `sender` is sent.
    pub(crate) fn paused_until(&self, now: Time, sender: Sender) -> Option<Time> {
        let row = self.rows.get(&sender)?;
        (row.is_alone && row.paused_until > now).then_some(row.paused_until)
    }

    /// Whether all of `sender` fails, and there are others who have not been seen to fail.
    pub(crate) fn is_suspected(&self, sender: Sender) -> bool {
        let row = self.rows.get(&sender);
        row.is_some_and(|row| row.requests >= REQUESTS_MIN)
            && self.outcomes.iter().any(|it| it.tenant != sender.0)
    }

    fn are_others_served(&self, sender: Sender) -> bool {
        let Some(row) = self.rows.get(&sender) else {
            return false;
        };
        let is_evidence = |it: &&Outcome| {
            it.tenant != sender.0 && it.sent >= row.since && row.accounts.contains(&it.account)
        };
        let (mut served, mut failed) = (0, 0);
        for outcome in self.outcomes.iter().filter(is_evidence) {
            match outcome.failed {
                None => served += 1,
                Some(_) => failed += 1,
            }
        }
        served >= SERVED_MIN && served >= SERVED_PER_FAILED * failed
    }

    /// Whether others would have failed too, if they failed as often as `tenant` where it fails.
    fn would_others_fail(&self, now: Time, tenant: TenantId) -> bool {
        let lately = |it: &&Outcome| now.since(it.sent) < COUNTS;
        let is_its_failure = |it: &&Outcome| it.tenant == tenant && it.failed.is_some();
        let failures = self.outcomes.iter().filter(lately).filter(is_its_failure);
        let requests: BTreeSet<_> = failures.clone().filter_map(|it| it.failed).collect();
        let accounts: BTreeSet<_> = failures.clone().map(|it| it.account).collect();
        let Some(since) = failures.map(|it| it.sent).min() else {
            return false;
        };
        if requests.len() < REQUESTS_MIN as usize {
            return false;
        }
        let (mut own, mut own_failed, mut served, mut failed) = (0, 0, 0, 0);
        let is_evidence = |it: &&Outcome| it.sent >= since && accounts.contains(&it.account);
        for outcome in self.outcomes.iter().filter(is_evidence) {
            match (outcome.tenant == tenant, outcome.failed.is_some()) {
                (true, is_failed) => {
                    own += 1;
                    own_failed += usize::from(is_failed);
                }
                (false, true) => failed += 1,
                (false, false) => served += 1,
            }
        }
        served >= SERVED_PER_FAILED * failed && served * own_failed >= EXPECTED_MIN * own
    }

    fn note(
        &mut self,
        tenant: TenantId,
        (account, sent): (AccountId, Time),
        failed: Option<RequestId>,
    ) {
        if self.outcomes.len() >= OUTCOMES_MAX {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back(Outcome {
            tenant,
            account,
            sent,
            failed,
        });
    }

    fn forget_oldest(&mut self) {
        let oldest = self.rows.iter().min_by_key(|(_, row)| row.seen);
        if let Some(oldest) = oldest.map(|(sender, _)| *sender) {
            self.rows.remove(&oldest);
        }
    }
}

impl Row {
    const fn new(now: Time, sent: Time, request: RequestId) -> Self {
        Self {
            requests: 1,
            accounts: Vec::new(),
            latest: request,
            since: sent,
            seen: now,
            is_alone: false,
            pauses: 0,
            paused_until: Time::ZERO,
        }
    }

    fn add(&mut self, now: Time, request: RequestId, account: AccountId) {
        if self.latest != request {
            self.requests += 1;
            self.latest = request;
        }
        if !self.accounts.contains(&account) && self.accounts.len() < ACCOUNTS_MAX {
            self.accounts.push(account);
        }
        self.seen = now;
    }
}

#[cfg(test)]
mod tests;
