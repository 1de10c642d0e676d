//! One exchange after another: composes this gateway's word, and lets those hear whom others' words
//! concern.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyweir_policy::config::file::RedisSettings;
use keyweir_policy::pool::Pool;
use keyweir_policy::wire::reference::is_sealed;

use super::budgets::{self, Stored};
use super::contact::{Contact, expires};
use super::door::Target;
use super::names::Names;
use super::store::{Hear, Say, Spent, Store};
use super::store_clock::StoreClock;
use super::store_error::StoreError;
use super::words::Word;
use super::{entries, hear};
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;
use crate::runtime::share_out::share_out;
use crate::runtime::shared::Standing;

/// Entries of a stream that are said at a time, and that wait to be.
const ENTRIES_SAID_MAX: usize = 500;
const ENTRIES_WAITING_MAX: usize = 10_000;
/// What may be said and heard in a second: with many that say much, exchanges are further apart.
const BYTES_PER_SEC_MAX: u64 = 8 << 20;

/// This gateway's end of the exchange.
pub(super) struct Link {
    folder: PathBuf,
    process: u64,
    book: u64,
    /// The number of the last word.
    number: u64,
    store: Option<(Target, Store)>,
    /// The policy whose names these are.
    names: (usize, Names),
    /// The others were heard, by that policy: what the store remembers is known.
    is_settled: bool,
    /// What the store has of our budgets: by row and period.
    stored: Stored,
    read_to: [String; 2],
    waiting: [Vec<String>; 2],
    contact: Contact,
    clock: StoreClock,
    /// Of the last exchange.
    bytes: u64,
}

/// What is said, until it is known to have been heard.
struct Said {
    word: String,
    periods: Vec<Spent>,
    stored: Stored,
    entries: [Vec<String>; 2],
}

impl Link {
    pub(super) fn new(gateway: &Gateway, folder: PathBuf) -> Self {
        let process = fastrand::u64(1..);
        let ledger = gateway.ledger.get();
        let book = ledger.and_then(|ledger| ledger.store.salt().ok());
        Self {
            folder,
            process,
            book: book.unwrap_or(process),
            number: 0,
            store: None,
            names: (0, Names::default()),
            is_settled: false,
            stored: Stored::new(),
            read_to: [const { String::new() }; 2],
            waiting: [const { Vec::new() }; 2],
            contact: Contact::default(),
            clock: StoreClock::default(),
            bytes: 0,
        }
    }

    /// One exchange. Returns the pause before the next.
    pub(super) async fn turn(&mut self, gateway: &Gateway) -> Duration {
        let live = gateway.live();
        let Some(settings) = live.policy.gateway.redis.as_deref() else {
            return Duration::ZERO;
        };
        let began = Instant::now();
        let outcome = self.exchange(gateway, &live, settings).await;
        let metrics = &gateway.metrics.shared;
        match outcome {
            Ok(()) => {
                metrics.exchanged("done", began.elapsed());
                self.contact.answered();
                let least = Duration::from_millis(1_000 * self.bytes / BYTES_PER_SEC_MAX);
                settings.interval.saturating_sub(began.elapsed()).max(least)
            }
            Err(error) => {
                metrics.exchanged(error.as_str(), began.elapsed());
                // A late answer must not be taken for the next one's.
                self.store = None;
                self.contact.failed(gateway, settings, &error);
                self.contact.pause(settings)
            }
        }
    }

    /// The policy names no store.
    pub(super) fn end(&mut self, gateway: &Gateway) {
        if gateway.shared.set(Standing::Off) == Standing::Off {
            return;
        }
        self.forget_store();
        self.contact.end(gateway);
        gateway.replicas.hear(0);
        gateway.live().keep_no_news();
        gateway.metrics.shared.off();
        share_out(gateway);
    }

    async fn exchange(
        &mut self,
        gateway: &Gateway,
        live: &Arc<Live>,
        settings: &RedisSettings,
    ) -> Result<(), StoreError> {
        self.follow_policy(live);
        self.connect(live, settings).await?;
        let said = self.compose(gateway, live);
        let Some((_, store)) = &mut self.store else {
            return Ok(());
        };
        self.number += 1;
        let heard = store
            .exchange(&Say {
                process: self.process,
                number: self.number,
                word: &said.word,
                said_at: self.clock.asked(),
                expires: expires(settings),
                is_new: !self.is_settled,
                read_to: [0, 1].map(|it| match self.read_to[it].as_str() {
                    "" => "0",
                    last => last,
                }),
                entries: [0, 1].map(|it| said.entries[it].as_slice()),
                periods: &said.periods,
            })
            .await?;
        let address = store.address.clone();
        self.bytes = size(&said, &heard);
        match self.heard(gateway, live, (said, heard)) {
            true => self.contact.stands(gateway, &address),
            false => self.contact.waits(gateway, settings),
        }
        Ok(())
    }

    /// Another policy has other names, and perhaps budgets of which others have spent.
    fn follow_policy(&mut self, live: &Arc<Live>) {
        let this = Arc::as_ptr(live) as usize;
        if self.names.0 != this {
            self.names = (this, Names::of(&live.policy));
            self.is_settled = false;
        }
    }

    async fn connect(&mut self, live: &Live, settings: &RedisSettings) -> Result<(), StoreError> {
        let target = Target {
            settings: settings.clone(),
            secrets: live.of_redis.clone(),
        };
        if self.store.as_ref().is_some_and(|(at, _)| *at == target) {
            return Ok(());
        }
        self.forget_store();
        let store = Store::connect(&target, &self.folder).await?;
        self.store = Some((target, store));
        Ok(())
    }

    /// What the next store has is not known.
    fn forget_store(&mut self) {
        self.store = None;
        self.is_settled = false;
        self.stored.clear();
        self.read_to = [const { String::new() }; 2];
    }

    fn compose(&mut self, gateway: &Gateway, live: &Live) -> Said {
        let names = &self.names.1;
        let mut word = Word {
            book: self.book,
            is_settled: self.is_settled,
            rows: gateway.tenancy.report(),
            ..Word::default()
        };
        for (id, provider) in live.providers.iter() {
            let told = provider.pool.with(Pool::report);
            word.pools.insert(id, told);
        }
        for (id, held) in live.take_news() {
            let waiting = &mut self.waiting[usize::from(is_sealed(&id))];
            if waiting.len() < ENTRIES_WAITING_MAX {
                waiting.extend(entries::write(&id, held, names));
            }
        }
        let first = |all: &Vec<String>| all[..all.len().min(ENTRIES_SAID_MAX)].to_vec();
        let known = self.is_settled.then_some(&self.stored);
        let (periods, stored) = budgets::news(gateway, &word.rows, self.book, known);
        Said {
            word: word.write(names),
            periods,
            stored,
            entries: [first(&self.waiting[0]), first(&self.waiting[1])],
        }
    }

    /// Lets those hear whom it concerns. `false`: not yet, the others are not back.
    fn heard(&mut self, gateway: &Gateway, live: &Live, (said, heard): (Said, Hear)) -> bool {
        // It does not remember us, and perhaps nothing: it is told all again.
        let has_forgotten = heard.before == 0 && self.number > 1;
        let has_leapt = self.clock.hear(heard.at);
        let was_settled = std::mem::replace(&mut self.is_settled, !has_forgotten);
        self.stored.extend(said.stored);
        if has_forgotten {
            // Names of entries are moments of its clock, which may be another one now.
            self.read_to = [const { String::new() }; 2];
        }
        if has_forgotten && was_settled {
            self.stored.clear();
        }
        let is_another = has_forgotten || has_leapt;
        let others = heard.words.len();
        if self.contact.awaits_others(gateway, others, is_another) {
            self.is_settled = false;
            return false;
        }
        let names = &self.names.1;
        let words: Vec<(u64, Duration, Word)> = (heard.words.iter())
            .map(|(process, age, text)| {
                let word = Word::read(text, names);
                (*process, Duration::from_millis(*age), word)
            })
            .collect();
        let stored = budgets::remembered(&said.periods, &heard.spent);
        let me = (self.process, self.book);
        hear::tenants(gateway, me, &words, &stored);
        let place = words.iter().filter(|it| it.0 < self.process).count();
        let at = (u32::try_from(place).unwrap_or_default(), heard.at / 1_000);
        hear::pools(live, names, &words, at);
        for (stream, entries) in heard.entries.into_iter().enumerate() {
            self.waiting[stream].drain(..said.entries[stream].len());
            live.with_holders(|holders| {
                for (name, fields) in entries {
                    let entry = fields.last().map_or("", String::as_str);
                    let _ = entries::hear(entry, &self.names.1, holders);
                    if !has_forgotten {
                        self.read_to[stream] = name;
                    }
                }
            });
        }
        self.contact.heard();
        let count = u32::try_from(words.len()).unwrap_or(u32::MAX);
        if gateway.replicas.hear(count.saturating_add(1)) {
            share_out(gateway);
        }
        gateway.shared.tell_heard();
        true
    }
}

/// About how many bytes were said and heard.
fn size(said: &Said, heard: &Hear) -> u64 {
    let words = heard.words.iter().map(|(_, _, word)| word.len());
    let all = said.word.len() + words.sum::<usize>();
    u64::try_from(all).unwrap_or(u64::MAX)
}
