//! Gateways that tell one another what they take, through a store: what each has said last is there for
//! the others when they next ask.

use std::time::Duration;

use keyweir_policy::pool::report::{Heard, Other};
use keyweir_policy::terms::ids::AccountId;
use keyweir_policy::terms::table::Table;

use crate::world::{Event, Word, World};

/// How long a question to the store takes, there and back.
const ROUND_TRIP_SECS: f64 = 0.001;

impl World<'_> {
    /// Gateways begin to exchange words, one after the other.
    pub(crate) fn begin_exchange(&mut self) {
        let Some(every) = self.scenario.exchange_secs else {
            return;
        };
        for gateway in 0..self.gateways.len() {
            let at = every * (gateway as f64 + 0.5) / self.gateways.len() as f64;
            self.schedule(at, Event::Say(gateway));
        }
    }

    /// A gateway's word reaches the store, and what the others have said comes back.
    pub(crate) fn say(&mut self, gateway: usize) {
        let now = self.time();
        let desks = self.gateways[gateway].desks.iter_mut();
        let reports = desks.map(|desk| desk.pool.report(now)).collect();
        self.words[gateway] = Some(Word {
            at: self.now,
            reports,
        });
        self.schedule(self.now + ROUND_TRIP_SECS, Event::Hear(gateway));
    }

    /// A gateway hears the others.
    pub(crate) fn hear(&mut self, gateway: usize) {
        let now = self.time();
        let accounts: usize = self.sites.iter().map(|site| site.accounts.len()).sum();
        let mut names = Table::default();
        for account in 0..accounts as u32 {
            names.insert(AccountId(account), u64::from(account));
        }
        for provider in 0..self.gateways[gateway].desks.len() {
            let others: Vec<Other<'_>> = (self.words.iter().enumerate())
                .filter(|(process, _)| *process != gateway)
                .filter_map(|(process, word)| Some((process, word.as_ref()?)))
                .map(|(process, word)| Other {
                    process: process as u64,
                    age: Duration::from_secs_f64(self.now - word.at),
                    report: &word.reports[provider],
                })
                .collect();
            let heard = Heard {
                others: &others,
                accounts: &names,
                place: gateway as u32,
                turn: self.now as u64,
            };
            self.gateways[gateway].desks[provider]
                .pool
                .hear(now, &heard);
        }
        self.follow(gateway);
        // As long as anything else is to come.
        if let Some(every) = self.scenario.exchange_secs
            && self.is_any_expected(self.gateways.len())
        {
            self.schedule(self.now + every, Event::Say(gateway));
        }
    }
}
