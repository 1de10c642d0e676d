//! What outcomes teach: budgets are trued up, breakers and estimates learn, the weather turns.

use crate::fault::{Blame, Fault};
use crate::ids::{AccountId, KeyId};
use crate::pool::Pool;
use crate::pool::ask::{Lease, Notice, Settlement};
use crate::pool::leases::Open;
use crate::snapshot::Snapshot;
use crate::storm::Change;
use crate::units::{Dimension, Time};

/// Output beyond the estimate: a stream that outgrew it is expected to go on by this share.
const GROWTH_FORESEEN: f64 = 0.1;
/// Weight of one request in the learned delay between admission and production.
const DELAY_WEIGHT: f64 = 0.1;
/// The share of its expected output after which a stream's pace is known.
const PACE_SHARE: f64 = 0.2;
/// In a storm a key's own failures count only from here, and only while most keys still serve:
/// a storm makes every key fail, but one that never succeeds is sick beside it.
const STORM_FAILURES_MIN: u32 = 5;

impl Pool {
    /// A good answer has begun: its head, and of a stream the first content, arrived. What comes
    /// with the head is known seconds before the answer ends.
    pub fn answered(&mut self, now: Time, lease: &Lease, snapshot: &Snapshot) {
        let Some(open) = self.leases.get_mut(lease.slot) else {
            return;
        };
        if std::mem::replace(&mut open.answered, true) {
            return;
        }
        let (lane, account, marks) = (open.lane, open.account, open.marks);
        let (key, granted) = (open.key, open.granted);
        let budget = &mut self.lanes[lane].accounts[account.index()].budget;
        budget.reconcile(now, &marks, snapshot);
        self.compare_fingerprints(now, account, lane, snapshot);
        self.refresh(now, lane, account.index());
        if self.clear_up(now, granted, key) {
            self.wake(now);
        } else {
            self.pump(now, lane);
        }
    }

    /// The stream has produced `output` tokens so far (as reported, or by a guess from its bytes).
    pub fn progressed(&mut self, now: Time, lease: &Lease, output: u64) {
        let Some(open) = self.leases.get_mut(lease.slot) else {
            return;
        };
        let (first, at_first) = *open.first_output.get_or_insert((now, output as f64));
        let produced = output as f64 - open.produced;
        if produced <= 0.0 {
            return;
        }
        open.produced += produced;
        let most = open.size.output_max.map_or(f64::INFINITY, |max| max as f64) - open.produced;
        let left = (open.foreseen - produced).max(GROWTH_FORESEEN * open.produced);
        let left = left.clamp(0.0, most.max(0.0));
        let from_pending = open.foreseen - left;
        open.foreseen = left;
        let (lane, account, charge) = (open.lane, open.account, open.charge);
        let whole = charge.pending[Dimension::OutputTokens.index()];
        let since_first = open.produced - at_first;
        let pace = (!open.is_paced && since_first > PACE_SHARE * whole).then(|| {
            open.is_paced = true;
            let production = now.secs_since(first) * whole / since_first;
            first.secs_since(open.granted) + production / 2.0
        });
        let budget = &mut self.lanes[lane].accounts[account.index()].budget;
        for dimension in pending_dimensions(&charge) {
            budget.produce(now, dimension, produced, from_pending);
        }
        if let Some(delay) = pace {
            budget.learn_production_delay(delay, DELAY_WEIGHT);
        }
        self.refresh(now, lane, account.index());
    }

    /// Ends a lease: trues up the budgets and lets breakers and estimates learn.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a lease is given back, so that it cannot be settled twice"
    )]
    pub fn settle(&mut self, now: Time, lease: Lease, settlement: &Settlement) {
        let Some(open) = self.leases.close(lease.slot) else {
            return;
        };
        self.true_up(now, &open, settlement);
        if !settlement.snapshot.is_empty() && !open.answered {
            let budget = &mut self.lanes[open.lane].accounts[open.account.index()].budget;
            budget.reconcile(now, &open.marks, &settlement.snapshot);
            self.compare_fingerprints(now, open.account, open.lane, &settlement.snapshot);
        }
        let is_widespread = self.blame(now, &open, settlement);
        self.refresh(now, open.lane, open.account.index());
        if is_widespread {
            self.wake(now);
        } else {
            self.pump(now, open.lane);
        }
    }

    /// A lease that was granted but will not be used.
    pub(super) fn give_back(&mut self, now: Time, lease: Lease) {
        let unused = Settlement {
            fault: Fault::ClientLeft,
            snapshot: Snapshot::default(),
            usage: super::Usage::default(),
            sent: false,
        };
        self.settle(now, lease, &unused);
    }

    fn true_up(&mut self, now: Time, open: &Open, settlement: &Settlement) {
        let lane = &mut self.lanes[open.lane];
        let budget = &mut lane.accounts[open.account.index()].budget;
        let usage = &settlement.usage;
        let charged = charged(settlement);
        let prompt = |dimension: Dimension| match charged {
            Charged::Nothing => 0.0,
            Charged::RequestOnly if dimension == Dimension::Requests => 1.0,
            Charged::RequestOnly => 0.0,
            Charged::Work => match (dimension, usage.input) {
                (Dimension::InputTokens, Some(input)) => input as f64,
                // Where input and output share a bucket that is charged at admission, the
                // provider keeps to its estimate, and so do we.
                (Dimension::Tokens, Some(input))
                    if open.charge.pending[dimension.index()] > 0.0 =>
                {
                    input as f64
                }
                _ => open.charge.prompt[dimension.index()],
            },
        };
        for dimension in Dimension::ALL {
            let index = dimension.index();
            budget.correct(now, index, prompt(dimension) - open.charge.prompt[index]);
        }
        let output = usage.output.map_or(open.produced, |output| output as f64);
        for dimension in pending_dimensions(&open.charge) {
            let more = if charged == Charged::Work {
                output - open.produced
            } else {
                0.0
            };
            budget.produce(now, dimension, more, open.foreseen);
        }
        budget.release();
        if settlement.fault == Fault::None {
            if output > 0.0 && !open.is_paced {
                let first = open.first_output.map_or(now, |(first, _)| first);
                let delay = (first.secs_since(open.granted) + now.secs_since(open.granted)) / 2.0;
                budget.learn_production_delay(delay, DELAY_WEIGHT);
            }
            lane.estimates.learn(open.tenant, &open.size, usage);
            if let Some(conversation) = open.affinity {
                lane.affinity.served(now, conversation, open.account);
            }
        }
    }

    /// Charges the one party whose fault it is. Returns whether other lanes are concerned.
    fn blame(&mut self, now: Time, open: &Open, settlement: &Settlement) -> bool {
        let fault = &settlement.fault;
        match fault.blame() {
            // The provider did its work, or saw that the request is wrong: the key is well.
            Blame::Nobody | Blame::Request => self.heal(now, open, fault),
            Blame::Us => {
                self.pass(now, open);
                false
            }
            Blame::AccountGroup => {
                self.pass(now, open);
                self.refuse(now, open, settlement);
                false
            }
            Blame::Key => {
                self.pass(now, open);
                let draw = self.draws.f64();
                self.keys[open.key.index()]
                    .standing
                    .open(now, fault.wait(), draw);
                self.notify(Notice::KeyOut(open.key));
                self.refresh_everywhere(now, open.account);
                true
            }
            Blame::Account => {
                self.pass(now, open);
                let draw = self.draws.f64();
                self.accounts[open.account.index()]
                    .standing
                    .open(now, fault.wait(), draw);
                self.notify(Notice::AccountOut(open.account));
                self.refresh_everywhere(now, open.account);
                true
            }
            Blame::KeyModel => {
                self.pass(now, open);
                self.models.get_mut(open.model).denied(now, open.key);
                false
            }
            Blame::KeyOrProvider => self.break_down(now, open, fault),
        }
    }

    fn heal(&mut self, now: Time, open: &Open, fault: &Fault) -> bool {
        let account = &mut self.accounts[open.account.index()].standing;
        let account_back = is_back(
            account,
            |it| it.succeeded(now, open.generations.account),
            now,
        );
        let key = &mut self.keys[open.key.index()].standing;
        let key_back = is_back(key, |it| it.succeeded(now, open.generations.key), now);
        let lane = &mut self.lanes[open.lane];
        lane.breakers[open.key.index()].succeeded(now, open.generations.key_model);
        lane.accounts[open.account.index()].recovered(open.granted);
        if *fault == Fault::None {
            self.retry.earn(now);
            self.models.get_mut(open.model).served(open.key);
        }
        if account_back {
            self.notify(Notice::AccountBack(open.account));
        }
        if key_back {
            self.notify(Notice::KeyBack(open.key));
        }
        if account_back || key_back {
            self.refresh_everywhere(now, open.account);
        }
        let storm_ended = !open.answered && self.clear_up(now, open.granted, open.key);
        account_back || key_back || storm_ended
    }

    /// An attempt succeeded; returns whether that ended a storm.
    fn clear_up(&mut self, now: Time, granted: Time, key: KeyId) -> bool {
        if self.storm.succeeded(now, granted, key) != Change::Ended {
            return false;
        }
        self.notify(Notice::StormEnded);
        let keys: Vec<KeyId> = self
            .accounts
            .iter()
            .flat_map(|it| it.keys.clone())
            .collect();
        self.reprieve(now, &keys);
        true
    }

    fn pass(&mut self, now: Time, open: &Open) {
        let generations = &open.generations;
        self.accounts[open.account.index()]
            .standing
            .passed(now, generations.account);
        self.keys[open.key.index()]
            .standing
            .passed(now, generations.key);
        self.lanes[open.lane].breakers[open.key.index()].passed(now, generations.key_model);
    }

    fn refuse(&mut self, now: Time, open: &Open, settlement: &Settlement) {
        let draw = self.draws.f64();
        let account = &mut self.lanes[open.lane].accounts[open.account.index()];
        let explained = match settlement.fault {
            Fault::RampLimited { .. } => {
                account.budget.slow_down(now);
                false
            }
            _ => account
                .budget
                .refused(now, &open.charge, &settlement.snapshot),
        };
        account.cool_down(now, open.granted, settlement.fault.wait(), explained, draw);
    }

    fn break_down(&mut self, now: Time, open: &Open, fault: &Fault) -> bool {
        let generations = &open.generations;
        self.accounts[open.account.index()]
            .standing
            .passed(now, generations.account);
        self.keys[open.key.index()]
            .standing
            .passed(now, generations.key);
        let in_service = self
            .keys
            .iter()
            .filter(|key| key.standing.admits(now))
            .take(2)
            .count();
        let change = self.storm.failed(now, open.key, in_service);
        let draw = self.draws.f64();
        let is_raging = self.storm.is_raging();
        let counts = !is_raging || self.is_sick_in_storm(now, open);
        let breaker = &mut self.lanes[open.lane].breakers[open.key.index()];
        if !counts {
            breaker.failed_in_storm(now, generations.key_model);
        } else if breaker.failed(now, generations.key_model, fault.wait(), draw) {
            self.notify(Notice::BreakerTripped(open.key));
        }
        if change == Change::Began {
            self.notify(Notice::StormBegan);
            let suspects: Vec<KeyId> = self.storm.suspects().collect();
            self.reprieve(now, &suspects);
        }
        change != Change::None
    }

    fn is_sick_in_storm(&self, now: Time, open: &Open) -> bool {
        let breakers = &self.lanes[open.lane].breakers;
        if breakers[open.key.index()].consecutive_failures() < STORM_FAILURES_MIN {
            return false;
        }
        let serving = breakers
            .iter()
            .filter(|breaker| breaker.admits(now))
            .count();
        serving * 2 > breakers.len()
    }

    /// Closes the breakers of keys that were charged with what was the provider's.
    fn reprieve(&mut self, now: Time, keys: &[KeyId]) {
        for lane in 0..self.lanes.len() {
            for key in keys {
                self.lanes[lane].breakers[key.index()].reprieve();
                self.refresh(now, lane, self.account_of(*key).index());
            }
        }
    }

    /// Responses say which account they were charged to; two of ours may turn out to be one.
    fn compare_fingerprints(
        &mut self,
        now: Time,
        account: AccountId,
        lane: usize,
        snapshot: &Snapshot,
    ) {
        let Some(fingerprint) = snapshot.account_fingerprint else {
            return;
        };
        if self.accounts[account.index()].fingerprint == Some(fingerprint) {
            return;
        }
        self.accounts[account.index()].fingerprint = Some(fingerprint);
        let twin = (0..self.accounts.len())
            .filter(|other| *other != account.index())
            .find(|other| self.accounts[*other].fingerprint == Some(fingerprint));
        if let Some(twin) = twin {
            let twin = AccountId(u32::try_from(twin).expect("accounts are bounded"));
            self.unite(now, twin, account, lane);
        }
    }

    /// `account` is `twin` under another name: its keys move over, its own budgets go.
    fn unite(&mut self, now: Time, twin: AccountId, account: AccountId, lane: usize) {
        let limits = |it: AccountId| {
            let budget = &self.lanes[lane].accounts[it.index()].budget;
            Dimension::ALL.map(|dimension| budget.bucket(dimension).limit())
        };
        let (of_twin, of_account) = (limits(twin), limits(account));
        let contradict = of_twin
            .iter()
            .zip(&of_account)
            .any(|(a, b)| matches!((a, b), (Some(a), Some(b)) if a != b));
        if contradict {
            self.notify(Notice::SameOrganization(twin, account));
            return;
        }
        let keys = std::mem::take(&mut self.accounts[account.index()].keys);
        for key in &keys {
            self.keys[key.index()].account = twin;
        }
        self.accounts[twin.index()].keys.extend(keys);
        self.notify(Notice::SameAccount(twin, account));
        self.refresh_everywhere(now, twin);
        self.refresh_everywhere(now, account);
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
        Fault::BadRequest | Fault::ModelDenied | Fault::Broken { .. } => Charged::RequestOnly,
        Fault::RateLimited { .. }
        | Fault::RampLimited { .. }
        | Fault::TooLargeForLimit
        | Fault::KeyRejected
        | Fault::OutOfMoney { .. }
        | Fault::AccountDisabled
        | Fault::Overloaded { .. }
        | Fault::ConnectFailed => Charged::Nothing,
    }
}

/// The dimensions that are charged as output is produced.
fn pending_dimensions(charge: &crate::budget::Charge) -> impl Iterator<Item = usize> + use<> {
    let shared = charge.pending[Dimension::Tokens.index()] > 0.0;
    [Dimension::OutputTokens, Dimension::Tokens]
        .into_iter()
        .filter(move |dimension| shared || *dimension == Dimension::OutputTokens)
        .map(Dimension::index)
}

fn is_back(
    breaker: &mut crate::breaker::Breaker,
    outcome: impl FnOnce(&mut crate::breaker::Breaker),
    now: Time,
) -> bool {
    use crate::breaker::BreakerState::{Closed, HalfOpen};
    let before = breaker.state(now);
    outcome(breaker);
    before == HalfOpen && breaker.state(now) == Closed
}
