//! The handle of a running provider: faults, counters, limits, while it runs.

use std::sync::Arc;
use std::time::Duration;

use crate::counters::Counters;
use crate::fault::FaultRule;
use crate::fault_table::{FaultId, SetFault};
use crate::latency::Latency;
use crate::lies::Lie;
use crate::recorder::Recorded;
use crate::state::State;
use crate::world::Limits;

/// Steers and watches a running provider. Clones steer the same one.
#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) state: Arc<State>,
}

impl Control {
    /// Sets a fault; it holds from now on, after those set before.
    pub fn fault(&self, rule: impl Into<FaultRule>) -> FaultId {
        self.state.faults.set(rule.into(), self.state.now())
    }

    /// Takes a fault back; says how often it struck, if it was there.
    pub fn clear_fault(&self, id: FaultId) -> Option<u64> {
        self.state.faults.clear(id)
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.state.faults.clear_all();
    }

    /// How often a fault struck so far.
    pub fn struck(&self, id: FaultId) -> Option<u64> {
        self.state.faults.struck(id)
    }

    /// All faults that are set, in the order in which they are asked.
    pub fn faults(&self) -> Vec<SetFault> {
        self.state.faults.list()
    }

    /// All counters.
    pub fn counters(&self) -> Counters {
        let mut counters = self.state.live.snapshot();
        for key in self.state.accounts.keys() {
            counters
                .keys
                .insert(key.key.clone(), key.counters.snapshot());
        }
        counters
    }

    /// Sets all sums to zero. What is open stays counted.
    pub fn clear_counters(&self) {
        self.state.live.clear();
        for key in self.state.accounts.keys() {
            key.counters.clear();
        }
    }

    /// The last requests, oldest first (see [`crate::World::record_requests`]).
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.recorder.last()
    }

    /// The last request.
    pub fn last_request(&self) -> Option<Recorded> {
        self.state.recorder.last().pop()
    }

    /// Forgets the recorded requests.
    pub fn clear_requests(&self) {
        self.state.recorder.clear();
    }

    /// What is left in every bucket of an account that was used.
    pub fn levels(&self, account: &str) -> Vec<Level> {
        let Some(account) = self.state.accounts.account(account) else {
            return Vec::new();
        };
        let now = self.state.now();
        let mut levels: Vec<Level> = account
            .budgets()
            .into_iter()
            .map(|(group, budget)| {
                let [requests, input_tokens, output_tokens, tokens] = budget.levels(now);
                Level {
                    group,
                    requests,
                    input_tokens,
                    output_tokens,
                    tokens,
                }
            })
            .collect();
        levels.sort_by(|a, b| a.group.cmp(&b.group));
        levels
    }

    /// Changes the limits of an account. False if there is no such account.
    pub fn set_limits(&self, account: &str, limits: Limits) -> bool {
        let account = self.state.accounts.account(account);
        account.is_some_and(|account| {
            account.set_limits(limits, self.state.now());
            true
        })
    }

    /// Lets somebody else use this share of an account's refill.
    pub fn set_foreign_share(&self, account: &str, share: f64) -> bool {
        let account = self.state.accounts.account(account);
        account.is_some_and(|account| {
            account.set_foreign_share(share, self.state.now());
            true
        })
    }

    /// Changes what an account's headers lie about. [`Lie::MinuteScale`] takes effect on model
    /// groups that were not used yet.
    pub fn set_lies(&self, account: &str, lies: &[Lie]) -> bool {
        let account = self.state.accounts.account(account);
        account.is_some_and(|account| {
            account.set_lies(lies);
            true
        })
    }

    /// Puts the clock of an account's headers ahead, or back.
    pub fn set_clock_skew_secs(&self, account: &str, secs: i64) -> bool {
        let account = self.state.accounts.account(account);
        account.is_some_and(|account| {
            account.set_clock_skew_secs(secs);
            true
        })
    }

    /// Gives an account one more key.
    pub fn add_key(&self, account: &str, key: &str) -> bool {
        self.state.accounts.add_key(account, key)
    }

    /// Revokes a key for good: 401 from now on.
    pub fn remove_key(&self, key: &str) -> bool {
        self.state.accounts.remove_key(key)
    }

    /// Changes how answers behave from now on.
    pub fn set_latency(&self, latency: Latency) {
        *self.state.latency.write() = latency;
    }

    /// Turns a manual clock.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }
}

/// What is left in the buckets of one model group. What is not limited has none.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Level {
    /// The model group.
    pub group: String,
    /// Requests.
    pub requests: Option<f64>,
    /// Input tokens.
    pub input_tokens: Option<f64>,
    /// Output tokens.
    pub output_tokens: Option<f64>,
    /// Tokens.
    pub tokens: Option<f64>,
}
