//! What outcomes teach budgets and estimates: every lease is trued up, exactly once.

use crate::ask::{Lease, Settlement};
use crate::leases::Open;
use crate::pool::Pool;
use keyweir_quota::budget::Charge;
use keyweir_terms::amount::Dimension;
use keyweir_terms::fault::Fault;
use keyweir_terms::request::Usage;
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

/// Output beyond the estimate: a stream that outgrew it is expected to go on by this share.
const GROWTH_FORESEEN: f64 = 0.25;
/// Weight of one request in the learned delay between admission and production.
const DELAY_WEIGHT: f64 = 0.1;
/// The share of its expected output after which a stream's pace is known.
const PACE_SHARE: f64 = 0.2;

impl Pool {
    /// A good answer has begun: its head, and of a stream the first content, arrived. What comes
    /// with the head is known seconds before the answer ends.
    pub fn answered(&mut self, now: Time, lease: &Lease, snapshot: &Snapshot) {
        let now = self.clock.read(now);
        let Some(open) = self.leases.get_mut(lease.slot) else {
            return;
        };
        if std::mem::replace(&mut open.answered, true) {
            return;
        }
        let (group, account, marks) = (open.group, open.account, open.marks);
        let (key, granted) = (open.key, open.granted);
        let budget = &mut self.groups[group].accounts[account.index()].budget;
        budget.reconcile(now, &marks, snapshot);
        self.compare_fingerprints(now, account, group, snapshot);
        self.refresh(now, group, account.index());
        if self.note_success(now, granted, key) {
            self.dispatch_all(now);
        } else {
            self.dispatch(now, group);
        }
    }

    /// The stream has produced `output` tokens so far (as reported, or by a guess from its bytes).
    pub fn progressed(&mut self, now: Time, lease: &Lease, output: u64) {
        let now = self.clock.read(now);
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
        let (group, account, charge) = (open.group, open.account, open.charge);
        let whole = charge.pending[Dimension::OutputTokens.index()];
        let since_first = open.produced - at_first;
        let pace = (!open.is_paced && since_first > PACE_SHARE * whole).then(|| {
            open.is_paced = true;
            let production = now.secs_since(first) * whole / since_first;
            first.secs_since(open.granted) + production / 2.0
        });
        let outgrown = (open.produced > whole).then_some((open.tenant, open.produced as u64));
        let group_mut = &mut self.groups[group];
        if let Some((tenant, produced)) = outgrown {
            group_mut.estimates.outgrown(tenant, produced);
        }
        let budget = &mut group_mut.accounts[account.index()].budget;
        for dimension in pending_dimensions(&charge) {
            budget.produce(now, dimension, produced, from_pending);
        }
        if let Some(delay) = pace {
            budget.learn_production_delay(delay, DELAY_WEIGHT);
        }
        self.refresh(now, group, account.index());
    }

    /// Ends a lease: trues up the budgets and lets breakers and estimates learn.
    pub fn settle(&mut self, now: Time, lease: Lease, settlement: &Settlement) {
        let now = self.clock.read(now);
        self.close(now, lease, settlement);
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a lease is given back, so that it cannot be settled twice"
    )]
    fn close(&mut self, now: Time, lease: Lease, settlement: &Settlement) {
        let Some(open) = self.leases.close(lease.slot) else {
            return;
        };
        self.true_up(now, &open, settlement);
        if !settlement.snapshot.is_empty() && !open.answered {
            let budget = &mut self.groups[open.group].accounts[open.account.index()].budget;
            budget.reconcile(now, &open.marks, &settlement.snapshot);
            self.compare_fingerprints(now, open.account, open.group, &settlement.snapshot);
        }
        let is_widespread = self.blame(now, &open, settlement);
        self.refresh(now, open.group, open.account.index());
        if is_widespread {
            self.dispatch_all(now);
        } else {
            self.dispatch(now, open.group);
        }
    }

    /// A lease that was granted but will not be used.
    pub(crate) fn give_back(&mut self, now: Time, lease: Lease) {
        let unused = Settlement {
            fault: Fault::ClientLeft,
            snapshot: Snapshot::default(),
            usage: Usage::default(),
            sent: false,
        };
        self.close(now, lease, &unused);
    }

    fn true_up(&mut self, now: Time, open: &Open, settlement: &Settlement) {
        let group = &mut self.groups[open.group];
        let budget = &mut group.accounts[open.account.index()].budget;
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
            group.estimates.learn(open.tenant, &open.size, usage);
            if let Some(conversation) = open.affinity {
                group.affinity.served(now, conversation, open.account);
            }
        }
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
        Fault::BadRequest | Fault::ReferenceUnknown | Fault::ModelDenied | Fault::Broken { .. } => {
            Charged::RequestOnly
        }
        Fault::RateLimited { .. }
        | Fault::RampLimited { .. }
        | Fault::TooLargeForLimit
        | Fault::KeyRejected
        | Fault::ScopeMissing
        | Fault::OutOfMoney { .. }
        | Fault::AccountDisabled
        | Fault::Overloaded { .. }
        | Fault::ConnectFailed => Charged::Nothing,
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
