//! What a quota group tells other gateways of, and hears from them ([`crate::report`]).

use std::time::Duration;

use keyweir_quota::budget::{Amounts, Charge};
use keyweir_terms::amount::Dimension;
use keyweir_terms::fingerprint::Fingerprint;
use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

use super::{GroupAccount, QuotaGroup};
use crate::members::Members;
use crate::models::GroupName;
use crate::report::{AccountReport, OutReport, Who};

/// After so long without a use an account is told no more.
const REST: Duration = Duration::from_secs(10);

/// Weight of one request in what a typical one takes.
const TYPICAL_WEIGHT: f64 = 0.1;

impl GroupName {
    /// Tells it from others in every process.
    pub(crate) fn hash(&self) -> u64 {
        let mut hash = Fingerprint::default();
        hash.mix_word(self.endpoint.index() as u64);
        hash.mix(self.name.as_bytes());
        hash.finish().unwrap_or_default()
    }
}

impl QuotaGroup {
    /// `charge` is taken of `account`: the others are to hear of it.
    pub(crate) fn note_used(&mut self, account: AccountId, charge: &Charge) {
        for (typical, amount) in self.typical.iter_mut().zip(charge.prompt) {
            let weight = if *typical > 0.0 { TYPICAL_WEIGHT } else { 1.0 };
            *typical += weight * (amount - *typical);
        }
        let told_peers = &mut self.accounts[account].told_peers;
        if !std::mem::replace(&mut told_peers.is_used, true) {
            self.used.push(account);
        }
    }

    /// What the others are to hear.
    pub(crate) fn report(
        &mut self,
        now: Time,
        members: &Members,
        accounts: &mut Vec<AccountReport>,
        out: &mut Vec<OutReport>,
    ) {
        let group = self.name.hash();
        let mut used = std::mem::take(&mut self.used);
        used.retain(|id| {
            let Some(account) = self.accounts.get_mut(*id) else {
                return false;
            };
            let told = account.report(now);
            if told.is_none() {
                account.told_peers.is_used = false;
            }
            accounts.extend(told.map(|(life, taken, cooldown)| AccountReport {
                account: *id,
                group,
                life,
                taken,
                cooldown,
            }));
            for key in members.keys_of(*id) {
                let open = self.breakers.get(*key);
                let open = open.and_then(keyweir_health::breaker::Breaker::own_open_span);
                out.extend(
                    open.and_then(|open| out_report(now, Who::KeyOfGroup(*key, group), open)),
                );
            }
            told.is_some()
        });
        self.used = used;
    }

    /// Accounts that were used of late, here.
    pub(crate) fn used(&self) -> &[AccountId] {
        &self.used
    }

    /// The other gateways have taken `taken` of `account`, and so many of them are before us there.
    pub(crate) fn hear(&mut self, now: Time, account: AccountId, taken: &Amounts, rank: u32) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.budget.hear(now, taken, (rank, &self.typical));
        }
    }

    /// They are not heard any more.
    pub(crate) fn lose(&mut self, now: Time) {
        for (_, account) in self.accounts.iter_mut() {
            account.budget.lose(now);
        }
    }
}

impl GroupAccount {
    /// Its time of counting, what was taken in it, and its cooldown; `None`: it is at rest.
    fn report(&mut self, now: Time) -> Option<(u32, Amounts, Duration)> {
        let taken = self.budget.own_taken();
        let told_peers = &mut self.told_peers;
        if taken != told_peers.told {
            (told_peers.told, told_peers.told_at) = (taken, now);
        }
        let cooldown = self.cooldown_until.since(now);
        let cooldown = if self.is_cooldown_hearsay {
            Duration::ZERO
        } else {
            cooldown
        };
        let is_at_rest = self.budget.in_flight() == 0
            && now.since(told_peers.told_at) > REST
            && cooldown.is_zero();
        if is_at_rest {
            told_peers.before = taken;
            told_peers.life = told_peers.life.wrapping_add(1);
            return None;
        }
        let before = told_peers.before;
        let taken = std::array::from_fn(|dimension| taken[dimension] - before[dimension]);
        Some((told_peers.life, taken, cooldown))
    }

    /// What `process` has taken since it was last heard. `is_new`: nothing was ever heard of it, and what
    /// it has taken before is not known.
    pub(crate) fn news(&mut self, process: u64, told: &AccountReport, is_new: bool) -> Amounts {
        let processes = &mut self.told_peers.processes;
        let last = processes.iter_mut().find(|(it, ..)| *it == process);
        let Some((_, life, taken)) = last else {
            processes.push((process, told.life, told.taken));
            return if is_new {
                [0.0; Dimension::COUNT]
            } else {
                told.taken
            };
        };
        let before = if *life == told.life {
            *taken
        } else {
            [0.0; Dimension::COUNT]
        };
        (*life, *taken) = (told.life, told.taken);
        std::array::from_fn(|dimension| told.taken[dimension] - before[dimension])
    }

    /// Who is not alive any more is forgotten.
    pub(crate) fn forget(&mut self, is_alive: impl Fn(u64) -> bool) {
        self.told_peers.processes.retain(|(it, ..)| is_alive(*it));
    }
}

/// What is told of who is out from `since` to `until`, if that is not over.
pub(crate) fn out_report(now: Time, who: Who, (since, until): (Time, Time)) -> Option<OutReport> {
    let rest = until.since(now);
    (!rest.is_zero()).then(|| OutReport {
        who,
        since: now.since(since),
        rest,
    })
}

/// How many of `count` gateways are before the one at `place` where they go for what is told by `hash`:
/// each of them has another rank there, and another one at every turn.
pub(crate) fn rank(hash: u64, (place, turn): (u32, u64), count: u32) -> u32 {
    let sum = (hash % u64::from(count))
        .wrapping_add(u64::from(place))
        .wrapping_add(turn % u64::from(count));
    (sum % u64::from(count)) as u32
}

/// What is told of a place at which gateways meet.
pub(crate) fn meeting(group: u64, account: u64) -> u64 {
    let mut hash = Fingerprint::default();
    hash.mix_word(group);
    hash.mix_word(account);
    hash.finish().unwrap_or_default()
}
