//! What gateways tell one another of a row: what was told of it here, and what others have told.

use std::collections::HashMap;

use keyweir_terms::fingerprint::Fingerprint;
use keyweir_terms::time::Time;

use crate::bucket::Bucket;
use crate::concurrency::Places;
use crate::period::Wall;
use crate::rate::Drawn;
use crate::report::{Other, RowReport, Stored, What};
use crate::share::{Demand, part};
use crate::spending::{Elsewhere, Spending};

/// Processes that are remembered for a row, so that one that comes back is not heard twice.
const PROCESSES_MAX: usize = 256;

/// Books that are remembered for a budget's period: one for each gateway, and one more each time that one
/// without a ledger starts.
const BOOKS_MAX: usize = 10_000;

/// What gateways have told one another of a row.
#[derive(Debug)]
pub(super) struct PeerState {
    /// What it is called in every process.
    pub(super) hash: u64,
    pub(super) demand: Demand,
    /// When it was last asked for or used; `None`: it is at rest.
    pub(super) used_at: Option<Time>,
    /// Tells this time of counting from the one before the last rest.
    pub(super) life: u64,
    /// How many requests at a time are to be claimed with the next word.
    pub(super) want: u32,
    pub(super) last: Told,
    /// What was told before that. Words of others are up to an exchange old: of what was taken since,
    /// they may have taken as much by now.
    pub(super) before: Told,
    /// What each process has told last.
    pub(super) processes: HashMap<u64, Last>,
    /// What each has spent of a budget, in the period that began then.
    pub(super) books: (Wall, HashMap<u64, u128>),
}

/// What was told here last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) at: Time,
    pub(super) demand: u64,
    pub(super) assumed: i128,
    pub(super) running: u32,
    pub(super) claim: u32,
    pub(super) spent: u128,
    pub(super) taken: u128,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    life: u64,
    taken: i64,
}

/// How long it is since the others were heard before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Lately,
    /// They were not for a while.
    Silence,
    Never,
}

pub(super) type Word<'a> = (&'a Other<'a>, &'a RowReport);

impl PeerState {
    /// Of a row with this key.
    pub(super) fn of(key: &str) -> Self {
        let mut hash = Fingerprint::default();
        hash.mix(key.as_bytes());
        Self {
            hash: hash.finish().unwrap_or_default(),
            demand: Demand::default(),
            used_at: None,
            life: 0,
            want: 0,
            last: Told::default(),
            before: Told::default(),
            processes: HashMap::new(),
            books: (Wall::default(), HashMap::new()),
        }
    }
}

impl PeerState {
    pub(super) fn hear_rate(
        &mut self,
        (bucket, drawn): (&mut Bucket, &mut Drawn),
        (now, before): (Time, Before),
        words: &[Word<'_>],
    ) {
        let (own, mut taken) = (bucket.level(now), 0_i128);
        let (mut believed, mut count) = (i128::from(own), 1_i128);
        let mut left: Option<i64> = None;
        for (other, row) in words {
            let What::Rate {
                life,
                taken: sum,
                level,
            } = row.what
            else {
                continue;
            };
            let level = level.saturating_add(bucket.inflow(other.age));
            let level = level.min(i64::try_from(bucket.limit()).unwrap_or(i64::MAX));
            if other.is_settled {
                left = Some(left.map_or(level, |left| left.min(level)));
            }
            (believed, count) = (believed + i128::from(level), count + 1);
            let last = self
                .processes
                .insert(other.process, Last { life, taken: sum });
            taken += match last.filter(|last| last.life == life) {
                Some(last) => i128::from(sum) - i128::from(last.taken),
                None => i128::from(sum).min(bucket.limit().into()),
            };
        }
        if self.processes.len() > PROCESSES_MAX {
            let here = |process: &u64| words.iter().any(|(it, _)| it.process == *process);
            self.processes.retain(|process, _| here(process));
        }
        // What was assumed before the word before last is known by now; after a silence, all of it.
        let assumed = match before {
            Before::Lately => self.before.assumed,
            Before::Silence | Before::Never => self.last.assumed,
        };
        drawn.assumed -= assumed;
        self.before.assumed = self.last.assumed - assumed;
        let own_taken = i128::from(drawn.taken).clamp(0, bucket.limit().into());
        let by = match (before, left) {
            (Before::Never, Some(left)) => {
                (i128::from(left) - own_taken - i128::from(own)).saturating_mul(1_000)
            }
            (Before::Never | Before::Silence, _) if count > 1 => {
                (believed.div_euclid(count) - i128::from(own)).saturating_mul(1_000)
            }
            _ => assumed - taken.saturating_mul(1_000),
        };
        bucket.shift(by, now);
    }

    /// How many requests may run here, of `max` for all: as many as were claimed by the last word, and
    /// others have not claimed before. The store has put all words into an order, so of two that claim
    /// the same at once the second sees it; all claims that hold come to no more than there are.
    pub(super) fn places(
        &mut self,
        max: u32,
        words: &[Word<'_>],
        me: (u64, u64),
        others: &[(u64, u64)],
    ) -> Places {
        let sums = words
            .iter()
            .fold((0_u32, 0_u32), |sums, (_, row)| match row.what {
                What::AtATime { running, claim } => {
                    (sums.0.saturating_add(running), sums.1.saturating_add(claim))
                }
                _ => sums,
            });
        let own = self.last.running;
        let free = max.saturating_sub(own.saturating_add(sums.0));
        self.want = own.saturating_add(part(free, me, others));
        let here = if self.used_at.is_some() {
            self.last.claim.min(max.saturating_sub(sums.1))
        } else if words.is_empty() {
            // Nobody uses it, and whoever begins has its share until all have heard.
            let count = u32::try_from(others.len()).unwrap_or(u32::MAX);
            max.div_ceil(count.saturating_add(1))
        } else {
            0
        };
        Places { here, free }
    }

    pub(super) fn hear_budget(
        &mut self,
        spending: &mut Spending,
        own_book: u64,
        words: &[Word<'_>],
        stored: &[&Stored],
    ) {
        let (begin, books) = &mut self.books;
        if *begin != spending.begin {
            *begin = spending.begin;
            books.clear();
            (self.before.spent, self.before.taken) = (0, 0);
        }
        let mut reserved_elsewhere = 0_u128;
        let mut note = |book: u64, spent: u128| {
            if books.len() < BOOKS_MAX || books.contains_key(&book) {
                let known = books.entry(book).or_default();
                *known = spent.max(*known);
            }
        };
        for (other, row) in words {
            if let What::Budget {
                begin,
                spent,
                reserved,
            } = row.what
                && begin == spending.begin
            {
                note(other.book, spent);
                reserved_elsewhere = reserved_elsewhere.saturating_add(reserved);
            }
        }
        for one in stored.iter().filter(|it| it.begin == spending.begin) {
            note(one.book, one.spent);
        }
        // What this gateway spent before it was started again.
        if let Some(before) = books.remove(&own_book)
            && let Some(more) = before.checked_sub(spending.spent)
        {
            spending.spent += more;
            for told in [&mut self.last, &mut self.before] {
                told.spent = told.spent.saturating_add(more);
                told.taken = told.taken.saturating_add(more);
            }
        }
        let sums = books
            .values()
            .fold(0_u128, |sum, it| sum.saturating_add(*it));
        spending.others = Elsewhere {
            spent: sums,
            reserved: reserved_elsewhere,
            own_spent: self.before.spent,
            own_taken: self.before.taken,
        };
        (self.before.spent, self.before.taken) = (self.last.spent, self.last.taken);
    }
}
