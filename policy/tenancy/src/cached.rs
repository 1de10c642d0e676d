//! What requests are expected to read from a prompt cache, and to write to it: with long conversations
//! most of what they cost.
//!
//! It is learned as so many tokens per byte of text, since what is cached grows with the conversation,
//! and never expected to be more than the most of late: a short text may stand for a long one that the
//! provider keeps. A tenant of which nothing is known is taken to be like all.

use keyweir_terms::id_map::IdMap;
use keyweir_terms::ids::TenantId;
use keyweir_terms::request::{RequestSize, Usage};

/// More than any model can read: such an answer teaches nothing.
const TOKENS_MAX: u64 = 10_000_000;
/// How much is kept of what was learned, with each request: some thirty count.
const KEPT: f64 = 0.97;
/// Bytes of text that a token of images and documents stands for.
const BYTES_PER_TOKEN: f64 = 4.0;

/// What was learned so far.
#[derive(Debug, Default)]
pub(crate) struct Cached {
    all: Rates,
    tenants: IdMap<TenantId, Rates>,
}

/// What was learned of some requests: sums, of which earlier ones count less and less.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    bytes: f64,
    read: f64,
    write: f64,
    write_1h: f64,
    /// The most that one read or wrote of late.
    most: f64,
}

impl Cached {
    /// `usage`, with what is expected to be read and written beside it or within it.
    pub(crate) fn expected(&self, tenant: TenantId, size: &RequestSize, usage: Usage) -> Usage {
        let own = self.tenants.get(&tenant).unwrap_or(&self.all);
        own.expected(size, usage)
    }

    /// Learns from what a request really took.
    pub(crate) fn learn(&mut self, tenant: TenantId, size: &RequestSize, usage: &Usage) {
        self.all.learn(size, usage);
        self.tenants.entry(tenant).or_default().learn(size, usage);
    }
}

impl Rates {
    fn expected(&self, size: &RequestSize, usage: Usage) -> Usage {
        if self.bytes <= 0.0 {
            return usage;
        }
        let bytes = bytes_of(size);
        let tokens = |sum: f64| (sum / self.bytes * bytes).min(self.most).round();
        // Floats saturate.
        let write = tokens(self.write) as u32;
        Usage {
            input: usage.input.map(|input| input.max(write.into())),
            cache_read: Some(tokens(self.read) as u64),
            cache_write: Some(write),
            cache_write_1h: Some(write.min(tokens(self.write_1h) as u32)),
            ..usage
        }
    }

    fn learn(&mut self, size: &RequestSize, usage: &Usage) {
        let read = usage.cache_read.unwrap_or_default();
        let write = u64::from(usage.cache_write.unwrap_or_default());
        let write_1h = u64::from(usage.cache_write_1h.unwrap_or_default()).min(write);
        if read > TOKENS_MAX || write > TOKENS_MAX {
            return;
        }
        let most = read.max(write) as f64;
        let sums = [
            (&mut self.bytes, bytes_of(size)),
            (&mut self.read, read as f64),
            (&mut self.write, write as f64),
            (&mut self.write_1h, write_1h as f64),
        ];
        for (sum, more) in sums {
            *sum = *sum * KEPT + more;
        }
        self.most = most.max(self.most * KEPT);
    }
}

fn bytes_of(size: &RequestSize) -> f64 {
    size.text_bytes as f64 + size.media_tokens as f64 * BYTES_PER_TOKEN + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TenantId = TenantId(1);

    fn size(text_bytes: u64) -> RequestSize {
        RequestSize {
            text_bytes,
            ..RequestSize::default()
        }
    }

    fn took(read: u64, write: u32) -> Usage {
        Usage {
            input: Some(u64::from(write) + 10),
            cache_read: Some(read),
            cache_write: Some(write),
            ..Usage::default()
        }
    }

    fn expected(cached: &Cached, bytes: u64) -> (u64, u32) {
        let usage = Usage {
            input: Some(1_000),
            ..Usage::default()
        };
        let usage = cached.expected(A, &size(bytes), usage);
        let (read, write) = (usage.cache_read, usage.cache_write);
        (read.unwrap_or_default(), write.unwrap_or_default())
    }

    #[test]
    fn what_is_cached_grows_with_the_text_and_not_beyond_what_was_seen() {
        let mut cached = Cached::default();
        assert_eq!(expected(&cached, 1_000), (0, 0));
        for _ in 0..20 {
            cached.learn(A, &size(3_999), &took(800, 100));
        }
        assert_eq!(expected(&cached, 3_999), (800, 100));
        assert_eq!(expected(&cached, 1_999), (400, 50));
        assert_eq!(expected(&cached, 4_000_000), (800, 800));
        for _ in 0..300 {
            cached.learn(A, &size(3_999), &took(0, 0));
        }
        assert_eq!(expected(&cached, 3_999), (0, 0));
    }

    #[test]
    fn an_absurd_answer_teaches_nothing() {
        let mut cached = Cached::default();
        cached.learn(A, &size(100), &took(u64::MAX, u32::MAX));
        assert_eq!(expected(&cached, 100), (0, 0));
    }
}
