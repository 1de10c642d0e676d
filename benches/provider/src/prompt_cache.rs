//! The provider's prompt cache: which beginnings of prompts an account has sent lately.
//!
//! An entry is written for each place a request marks with `cache_control`, becomes usable once
//! the first answer has begun, and lives five minutes after its last use. A later request reads
//! the longest beginning it shares.

use std::collections::HashMap;

use crate::clock::Micros;
use crate::text::{Prefix, Weight};

/// One account's cache.
#[derive(Debug, Default)]
pub(crate) struct PromptCache {
    /// When each prefix expires, by the model's and the text's hash.
    entries: HashMap<(u64, u64), Micros>,
}

/// Five minutes, in microseconds.
const LIFE: Micros = 300_000_000;

/// Beyond this many entries the expired are thrown out, and if none is, all.
const ENTRIES_MAX: usize = 10_000;

/// How much of a request comes out of the cache, and how much goes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cached {
    pub(crate) read: Option<Prefix>,
    pub(crate) written: Option<Prefix>,
}

impl PromptCache {
    /// What a request would read. A request without a mark uses no cache.
    pub(crate) fn look_up(&mut self, model: u64, weight: &Weight, now: Micros) -> Cached {
        let Some(last) = weight.marks.last().copied() else {
            return Cached::default();
        };
        let upto = |prefix: &&Prefix| prefix.bytes <= last.bytes;
        let known = weight.ends.iter().rev().filter(upto).find(|prefix| {
            let expiry = self.entries.get(&(model, prefix.hash));
            expiry.is_some_and(|expiry| *expiry > now)
        });
        Cached {
            read: known.copied(),
            written: (known != Some(&last)).then_some(last),
        }
    }

    /// The answer has begun: what the request marked can be read from now on.
    pub(crate) fn remember(&mut self, model: u64, weight: &Weight, now: Micros) {
        if self.entries.len() + weight.marks.len() > ENTRIES_MAX {
            self.entries.retain(|_, expiry| *expiry > now);
            if self.entries.len() + weight.marks.len() > ENTRIES_MAX {
                self.entries.clear();
            }
        }
        for mark in &weight.marks {
            self.entries.insert((model, mark.hash), now + LIFE);
        }
    }
}
