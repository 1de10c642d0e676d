//! What gateways tell one another of the meters ([`crate::report`]), and what is made of it.
//!
//! *A limit per minute:* what others took since they were last heard is taken off here, and what was
//! assumed of them until then is put back. *Requests at a time:* who has how many is known, and what is
//! free is shared out. *A budget:* what all have spent is added up; those who are gone stay in the sum,
//! by the store's memory where nobody has heard them himself.
//!
//! *Who comes later* takes over what those who were there say is left. *After a silence* (the store was
//! away) each has gone on with its share: what is left is the mean of what they believe, which is right
//! whoever was asked how much.
//!
//! *A word that is wrong* does bounded harm: a sum that begins high costs a minute's worth at most, one
//! that leaps an hour's.
//!
//! *Cost:* a look at every row, and some hundred nanoseconds for each that was used of late, here or
//! elsewhere; memory for each gateway that ever spent of it and period.

use std::collections::HashMap;
use std::time::Duration;

use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use super::Meters;
use super::peer_state::{Before, Word};
use super::row::Row;
use crate::concurrency::Concurrency;
use crate::meter::Meter;
use crate::rate::Rate;
use crate::report::{Heard, Other, RowReport, Stored, What};
use crate::request::Moment;
use crate::share::Factor;
use crate::sharing::Sharing;

/// After so long without a use a row is told no more: a bucket has filled up twice by then.
const REST: Duration = Duration::from_secs(120);
/// After so long without a word, what others took in between is not taken off: it has flowed in again,
/// in part. Four times the longest interval at which gateways tell one another (`gateway.shared.redis`).
const SILENCE: Duration = Duration::from_secs(2);
impl Row {
    /// A request asks for so much.
    pub(super) fn asked(&mut self, amount: u64, now: Time) {
        self.peer_state.demand.asks(amount);
        self.used(now);
    }

    /// Something of it was taken or settled.
    pub(super) fn used(&mut self, now: Time) {
        self.peer_state.used_at = Some(now);
        if self.peer_state.life == 0 {
            self.peer_state.life = now.as_micros().max(1);
        }
    }

    fn rest(&mut self) {
        (self.peer_state.used_at, self.peer_state.life) = (None, 0);
        if let Meter::Rate(rate) = &mut self.meter {
            rate.drawn.taken = 0;
        }
    }

    fn report(&mut self, at: Moment) -> RowReport {
        let state = &mut self.peer_state;
        let secs = at.now.secs_since(state.last.at);
        let demand = state.demand.after(secs);
        (state.last.at, state.last.demand) = (at.now, demand);
        let what = match &mut self.meter {
            Meter::Rate(Rate { bucket, drawn, .. }) => {
                state.last.assumed = drawn.assumed;
                What::Rate {
                    life: state.life,
                    taken: drawn.taken,
                    level: bucket.level(at.now),
                }
            }
            Meter::Concurrency(Concurrency { running, .. }) => {
                let (running, claim) = (*running, state.want.max(*running));
                (state.last.running, state.last.claim) = (running, claim);
                What::AtATime { running, claim }
            }
            Meter::Budget(spending) => {
                spending.roll(at.wall);
                state.last.spent = spending.spent;
                state.last.taken = spending.spent.saturating_add(spending.reserved);
                What::Budget {
                    begin: spending.begin,
                    spent: spending.spent,
                    reserved: spending.reserved,
                }
            }
        };
        RowReport {
            row: state.hash,
            demand,
            what,
        }
    }
}

impl Meters {
    /// What the others are to hear: of every row that was used of late, what was taken of it here.
    pub fn report(&mut self, at: Moment) -> Vec<RowReport> {
        let mut told = Vec::new();
        for row in self.rows.iter_mut() {
            let Some(used) = row.peer_state.used_at else {
                continue;
            };
            if row.open == 0 && at.now.since(used) > REST {
                row.rest();
            } else {
                told.push(row.report(at));
            }
        }
        told
    }

    /// The others have heard what was last reported, and say this.
    pub fn hear(&mut self, at: Moment, heard: &Heard<'_>) {
        let before = match self.heard_at {
            None => Before::Never,
            Some(last) if at.now.since(last) > SILENCE => Before::Silence,
            Some(_) => Before::Lately,
        };
        self.heard_at = Some(at.now);
        let count = u32::try_from(heard.others.len()).unwrap_or(u32::MAX);
        self.sharing = Sharing {
            replicas: Replicas::new(count.saturating_add(1)),
            is_heard: true,
        };
        let mut words: HashMap<u64, Vec<Word<'_>>> = HashMap::new();
        for other in heard.others {
            for row in other.rows {
                words.entry(row.row).or_default().push((other, row));
            }
        }
        let mut stored: HashMap<u64, Vec<&Stored>> = HashMap::new();
        for one in heard.stored {
            stored.entry(one.row).or_default().push(one);
        }
        for row in self.rows.iter_mut() {
            let hash = row.peer_state.hash;
            let words = words.get(&hash).map_or(&[][..], Vec::as_slice);
            let stored = stored.get(&hash).map_or(&[][..], Vec::as_slice);
            row.hear((at, before), heard, words, stored);
        }
    }

    /// The others are heard no more: from now on all shares are even, among as many as there were.
    pub const fn lose(&mut self) {
        self.sharing.is_heard = false;
    }
}

impl Row {
    fn hear(
        &mut self,
        (at, before): (Moment, Before),
        heard: &Heard<'_>,
        words: &[Word<'_>],
        stored: &[&Stored],
    ) {
        let state = &mut self.peer_state;
        let demands = demands(heard.others, words);
        let factor = Factor::by_demand(state.last.demand, demands.iter().map(|it| it.0));
        match &mut self.meter {
            Meter::Rate(Rate { bucket, drawn, .. }) => {
                drawn.factor = Some(factor);
                state.hear_rate((bucket, drawn), (at.now, before), words);
            }
            Meter::Concurrency(Concurrency { max, places, .. }) => {
                let me = (state.last.demand, heard.me.0);
                *places = Some(state.places(*max, words, me, &demands));
            }
            Meter::Budget(spending) => {
                spending.factor = Some(factor);
                spending.roll(at.wall);
                state.hear_budget(spending, heard.me.1, words, stored);
            }
        }
    }
}

/// What each of `others` asks for of the row that `words` are of, which are in the order of those.
fn demands(others: &[Other<'_>], words: &[Word<'_>]) -> Vec<(u64, u64)> {
    let mut words = words.iter().peekable();
    let mut demand_of = |process: u64| {
        let word = words.next_if(|(it, _)| it.process == process);
        // One that says more of a row than one thing is wrong.
        while words.next_if(|(it, _)| it.process == process).is_some() {}
        word.map_or(0, |(_, row)| row.demand)
    };
    let all = others.iter().map(|other| other.process);
    all.map(|process| (demand_of(process), process)).collect()
}

#[cfg(test)]
mod tests;
