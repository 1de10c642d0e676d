//! The provider that the weathers pass over: eight keys in five accounts with limits up to ten
//! times apart, strict buckets that save up three seconds.

use simulated_provider::{Account, Latency, Limits, World};

/// Seconds of refill that a bucket holds.
pub(crate) const BURST_SECS: f64 = 3.0;
/// Tokens per request that each account's token limits allow for, at its limit of requests.
const INPUT_PER_REQUEST: u64 = 2_000;
const OUTPUT_PER_REQUEST: u64 = 400;

/// One account, and what it may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    /// Its name at the provider and in the policy file.
    pub(crate) name: &'static str,
    /// Its keys.
    pub(crate) keys: &'static [&'static str],
    /// Requests per minute.
    pub(crate) per_minute: u64,
}

/// All accounts, the largest first.
pub(crate) const HOLDERS: [Holder; 5] = [
    Holder {
        name: "amber",
        keys: &["sk-amber-1", "sk-amber-2"],
        per_minute: 4_000,
    },
    Holder {
        name: "basalt",
        keys: &["sk-basalt-1", "sk-basalt-2"],
        per_minute: 2_000,
    },
    Holder {
        name: "cedar",
        keys: &["sk-cedar-1", "sk-cedar-2"],
        per_minute: 1_000,
    },
    Holder {
        name: "dune",
        keys: &["sk-dune-1"],
        per_minute: 600,
    },
    Holder {
        name: "ember",
        keys: &["sk-ember-1"],
        per_minute: 400,
    },
];

/// Mean tokens of a request; each is drawn between half and one and a half of the mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Of its prompt.
    pub(crate) input: f64,
    /// Of its answer.
    pub(crate) output: f64,
}

impl Holder {
    /// Refill per second: requests, input tokens, output tokens.
    pub(crate) fn refill(&self) -> [f64; 3] {
        let per_minute = [
            self.per_minute,
            self.per_minute * INPUT_PER_REQUEST,
            self.per_minute * OUTPUT_PER_REQUEST,
        ];
        per_minute.map(|limit| limit as f64 / 60.0)
    }

    /// Requests per second that it can answer, of these sizes.
    pub(crate) fn capacity_per_sec(&self, sizes: Sizes) -> f64 {
        let needs = [1.0, sizes.input, sizes.output];
        self.refill()
            .iter()
            .zip(needs)
            .map(|(refill, need)| refill / need)
            .fold(f64::INFINITY, f64::min)
    }

    /// Its name and its keys, as the policy file has them.
    fn named(&self) -> (String, Vec<String>) {
        let keys = self.keys.iter().map(|key| (*key).to_owned());
        (self.name.to_owned(), keys.collect())
    }

    fn account(&self) -> Account {
        let limits = Limits::three(
            self.per_minute,
            self.per_minute * INPUT_PER_REQUEST,
            self.per_minute * OUTPUT_PER_REQUEST,
        );
        Account::new(self.name, self.keys.iter().copied()).with(limits.burst(BURST_SECS))
    }
}

/// The accounts and their keys.
pub(crate) fn accounts() -> Vec<(String, Vec<String>)> {
    HOLDERS.iter().map(Holder::named).collect()
}

/// The world, at rest. An answer begins after a third of a second and grows by 200 tokens per
/// second, in about ten chunks.
pub(crate) fn world(seed: u64, sizes: Sizes) -> World {
    World {
        seed,
        latency: Latency {
            head_ms: 150.0,
            first_token_ms: 300.0,
            time_spread: 0.3,
            tokens_per_sec: TOKENS_PER_SEC,
            chunk_tokens: ((sizes.output / 10.0) as u64).clamp(10, 50),
            ..Latency::default()
        },
        ..World::new(HOLDERS.iter().map(Holder::account).collect())
    }
}

/// The pace of an answer.
pub(crate) const TOKENS_PER_SEC: f64 = 200.0;
