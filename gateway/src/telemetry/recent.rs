//! What became of the last requests, for `/explain/{request id}`: one fixed row each, overwritten in
//! turn. No content: names are ids, and looked up when somebody asks.
//!
//! A row has a lock of its own, which nobody but a question ever finds taken: the cost of a request is
//! a count and a copy. Rows are made when they are first used, so that an idle gateway has none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyweir_policy::pool::ask::{ChosenBy, Notice};
use keyweir_policy::tenancy::money::Money;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_policy::terms::request::Usage;
use parking_lot::Mutex;

/// Attempts that are told one by one; the rest is counted.
const ATTEMPTS_KEPT: usize = 8;

/// The last requests.
#[derive(Debug)]
pub(crate) struct Recent {
    rows: Box<[Mutex<Option<Box<Row>>>]>,
    next: AtomicUsize,
}

/// One request that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) told: Told,
    /// The model that was asked for, of the provider that served it.
    pub(crate) model: String,
    /// What its client was told of a limit or budget that refused it.
    pub(crate) refusal: String,
    /// The limit of its tenant that it waited for.
    pub(crate) limit: String,
    pub(crate) attempts: [Option<Attempt>; ATTEMPTS_KEPT],
}

/// What is told of a request in words: its id, and what stands in [`Row`] under these names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts<'a> {
    pub(crate) id: &'a str,
    pub(crate) model: &'a str,
    pub(crate) refusal: &'a str,
    pub(crate) limit: &'a str,
}

/// What is told of a request beside its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) started: Instant,
    pub(crate) duration: Duration,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) stream: bool,
    pub(crate) status: u16,
    pub(crate) outcome: &'static str,
    pub(crate) reason: Option<&'static str>,
    /// Until its tenant's limits had room.
    pub(crate) limit_waited: Duration,
    /// In the waiting room.
    pub(crate) waited: Duration,
    /// How many waited when it began to, itself left out.
    pub(crate) behind: Option<usize>,
    pub(crate) fell_back: bool,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) usage: Usage,
    /// What it cost by the policy's prices.
    pub(crate) cost: Money,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) provider: ProviderId,
    pub(crate) account: AccountId,
    pub(crate) key: KeyId,
    /// Why this account.
    pub(crate) by: ChosenBy,
    /// When it began, since the request came.
    pub(crate) began: Duration,
    /// How long it took; `None`: its end was not seen.
    pub(crate) took: Option<Duration>,
    /// How it ended.
    pub(crate) fault: &'static str,
    /// Its span, where it is traced.
    pub(crate) span: u64,
    /// It was a stream that failed before its first content.
    pub(crate) is_hidden: bool,
    /// Whom its outcome took out or brought back.
    pub(crate) changed: Option<Notice>,
}

impl Recent {
    /// Of so many requests. None: nothing is kept.
    pub(crate) fn new(requests: usize) -> Self {
        Self {
            rows: (0..requests).map(|_| Mutex::new(None)).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// How many are kept.
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Keeps one.
    pub(crate) fn keep(&self, texts: Texts<'_>, told: Told, attempts: &[Attempt]) {
        let Some(next) = self
            .next
            .fetch_add(1, Ordering::Relaxed)
            .checked_rem(self.len())
        else {
            return;
        };
        let mut row = self.rows[next].lock();
        let row = row.get_or_insert_with(|| {
            Box::new(Row {
                id: String::new(),
                told,
                model: String::new(),
                refusal: String::new(),
                limit: String::new(),
                attempts: [None; ATTEMPTS_KEPT],
            })
        });
        row.told = told;
        for (text, new) in [
            (&mut row.id, texts.id),
            (&mut row.model, texts.model),
            (&mut row.refusal, texts.refusal),
            (&mut row.limit, texts.limit),
        ] {
            text.clear();
            text.push_str(new);
        }
        let mut attempts = attempts.iter().copied();
        row.attempts = std::array::from_fn(|_| attempts.next());
    }

    /// The request with this id, if it is still kept.
    pub(crate) fn find(&self, id: &str) -> Option<Row> {
        self.rows.iter().find_map(|row| {
            let row = row.lock();
            row.as_deref().filter(|row| row.id == id).cloned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16) -> Told {
        Told {
            started: Instant::now(),
            duration: Duration::ZERO,
            tenant: None,
            endpoint: None,
            stream: false,
            status,
            outcome: "answered",
            reason: None,
            limit_waited: Duration::ZERO,
            waited: Duration::ZERO,
            behind: None,
            fell_back: false,
            first_byte: None,
            attempts: 0,
            usage: Usage::default(),
            cost: Money::ZERO,
        }
    }

    #[test]
    fn the_last_are_kept_and_found_by_their_ids() {
        let recent = Recent::new(3);
        for number in 0..5 {
            let id = format!("kw_{number}");
            let refusal = if number == 1 { "the limit" } else { "" };
            let texts = Texts {
                id: &id,
                model: "m",
                refusal,
                limit: "",
            };
            recent.keep(texts, told(number), &[]);
        }
        assert!(recent.find("kw_1").is_none());
        let row = recent.find("kw_4").expect("kept");
        assert_eq!((row.told.status, row.model.as_str()), (4, "m"));
        assert_eq!(row.refusal, "", "what stood in its place is gone");
    }

    #[test]
    fn nothing_is_kept_where_there_is_no_room() {
        let recent = Recent::new(0);
        let texts = Texts {
            id: "kw_1",
            ..Texts::default()
        };
        recent.keep(texts, told(200), &[]);
        assert!(recent.find("kw_1").is_none());
    }
}
