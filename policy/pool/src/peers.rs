//! What a pool tells other gateways, and hears from them ([`crate::report`]).

use std::collections::{BTreeMap, BTreeSet};

use keyweir_quota::budget::Amounts;
use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::{AccountId, GroupId};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use crate::group::peers::{meeting, out_report, rank};
use crate::pool::Pool;
use crate::report::{AccountReport, Heard, Other, OutReport, PoolReport, Who};

impl Pool {
    /// What the other gateways are to hear.
    pub fn report(&mut self, now: Time) -> PoolReport {
        let now = self.clock.read(now);
        let (mut accounts, mut out) = (Vec::new(), Vec::new());
        for (_, group) in self.groups.iter_mut() {
            group.report(now, &self.shared.members, &mut accounts, &mut out);
        }
        let members = &self.shared.members;
        for (id, account) in members.accounts() {
            let is_out = account.standing.is_out_by_itself();
            out.extend(is_out.and_then(|is_out| out_report(now, Who::Account(id), is_out)));
        }
        for (id, key) in members.keys() {
            let is_out = key.standing.is_out_by_itself();
            out.extend(is_out.and_then(|is_out| out_report(now, Who::Key(id), is_out)));
        }
        PoolReport { accounts, out }
    }

    /// The other gateways say this. Who waits is served with what they have left.
    pub fn hear(&mut self, now: Time, heard: &Heard<'_>) {
        let count = u32::try_from(heard.others.len()).unwrap_or(u32::MAX);
        // Of a bucket that nobody has used yet each takes its share, until the others are heard of it.
        self.share_among(now, Replicas::new(count.saturating_add(1)));
        let now = self.clock.read(now);
        let by_hash: BTreeMap<u64, GroupId> = (self.groups.iter())
            .map(|(id, group)| (group.name.hash(), id))
            .collect();
        let mut taken: BTreeMap<(GroupId, AccountId), Amounts> = BTreeMap::new();
        for (id, group) in self.groups.iter() {
            let used = group.used().iter();
            taken.extend(used.map(|account| ((id, *account), [0.0; Dimension::COUNT])));
        }
        for other in heard.others {
            let is_new = !self.shared.heard.contains(&other.process);
            for report in &other.report.accounts {
                let account = self.shared.members.merged(report.account);
                let Some(group) = by_hash.get(&report.group) else {
                    continue;
                };
                if let Some(news) =
                    self.hear_account(now, (*group, account), (other, report), is_new)
                {
                    let sum = taken.entry((*group, account)).or_default();
                    for (sum, news) in sum.iter_mut().zip(news) {
                        *sum += news;
                    }
                }
            }
            for report in &other.report.out {
                self.hear_out(now, other, report, &by_hash);
            }
        }
        for ((group, account), taken) in taken {
            let hash = heard.accounts.get(account).copied().unwrap_or_default();
            let group = &mut self.groups[group];
            let place = meeting(group.name.hash(), hash);
            let rank = rank(place, (heard.place, heard.turn), count.saturating_add(1));
            group.hear(now, account, &taken, rank);
            group.refresh(now, &self.shared.members, account);
        }
        self.remember_alive(heard);
        self.spread(now);
        self.dispatch_all(now);
    }

    /// They are not heard any more: what no snapshot tells is shared out among as many as there were.
    pub fn lose(&mut self, now: Time) {
        let now = self.clock.read(now);
        let replicas = self.spec.replicas;
        for (_, group) in self.groups.iter_mut() {
            group.lose(now);
            group.share_among(now, &self.shared.members, replicas);
        }
        self.dispatch_all(now);
    }

    fn hear_account(
        &mut self,
        now: Time,
        (group, account): (GroupId, AccountId),
        (other, report): (&Other<'_>, &AccountReport),
        is_new: bool,
    ) -> Option<Amounts> {
        let account = self.groups[group].accounts.get_mut(account)?;
        let rest = report.cooldown.saturating_sub(other.age);
        if !rest.is_zero() {
            account.hear_cooldown(now, now + rest);
        }
        Some(account.news(other.process, report, is_new))
    }

    fn hear_out(
        &mut self,
        now: Time,
        other: &Other<'_>,
        report: &OutReport,
        by_hash: &BTreeMap<u64, GroupId>,
    ) {
        let since = now - report.since.saturating_add(other.age);
        let until = now + report.rest.saturating_sub(other.age);
        match report.who {
            Who::Key(key) => self.shared.members.hear_key_out(now, key, (since, until)),
            Who::Account(account) => {
                let account = self.shared.members.merged(account);
                let members = &mut self.shared.members;
                members.hear_account_out(now, account, (since, until));
            }
            Who::KeyOfGroup(key, group) => {
                let Some(group) = by_hash.get(&group) else {
                    return;
                };
                if self.shared.members.is_of_old_secret(key, since) {
                    return;
                }
                let group = &mut self.groups[*group];
                let breaker = group.breakers.get_mut(key);
                if breaker.is_some_and(|breaker| breaker.hear_open(now, since, until)) {
                    group.note_hearsay(now, key);
                    if let Some(account) = self.shared.members.account_of(key) {
                        group.refresh(now, &self.shared.members, account);
                    }
                }
            }
        }
    }

    /// Who is alive is known from now on; what others told is forgotten.
    fn remember_alive(&mut self, heard: &Heard<'_>) {
        let alive: BTreeSet<u64> = heard.others.iter().map(|other| other.process).collect();
        if alive == self.shared.heard {
            return;
        }
        for (_, group) in self.groups.iter_mut() {
            for (_, account) in group.accounts.iter_mut() {
                account.forget(|process| alive.contains(&process));
            }
        }
        self.shared.heard = alive;
    }
}
