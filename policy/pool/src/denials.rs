//! Keys that the provider refuses a model to.
//!
//! A key may lack access to one model and serve all others. Providers answer the same to a request
//! for a feature that the key may not use, and no client must be able to take a model from everybody
//! by asking for one: so a key that has served the model is believed more than one that has not.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use keyweir_terms::ids::KeyId;
use keyweir_terms::time::Time;

/// How long a key is believed not to have access to a model. Access is granted by a person; nobody
/// should have to tell the gateway afterwards. Not measured: a request in ten minutes is what it costs to
/// find out.
const DENIED: Duration = Duration::from_secs(600);
/// Denials in a row that count against a key which has served the model before: more than a request
/// makes attempts (four, twice that at most), so that one client's request alone cannot do it.
const DENIALS_OF_PROVEN: u32 = 8;

/// Which keys have served a model, and which were refused it.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    /// Keys that have served it.
    proven: HashSet<KeyId>,
    /// Keys that were refused it and have not served it since.
    denied: HashMap<KeyId, Denial>,
}

/// What a key was refused.
#[derive(Clone, Copy, Debug, Default)]
struct Denial {
    times: u32,
    until: Time,
}

impl Denials {
    /// What is believed, without what that rests on.
    pub(crate) fn beliefs(&self) -> Self {
        Self {
            proven: HashSet::new(),
            denied: self.denied.clone(),
        }
    }

    /// Whether there may be any.
    pub(crate) fn is_empty(&self) -> bool {
        self.denied.is_empty()
    }

    /// Whether `key` is believed not to have access.
    pub(crate) fn includes(&self, now: Time, key: KeyId) -> bool {
        let denial = self.denied.get(&key);
        denial.is_some_and(|denial| now < denial.until)
    }

    /// Whether `key` has served the model.
    pub(crate) fn has_served(&self, key: KeyId) -> bool {
        self.proven.contains(&key)
    }

    /// The key served the model.
    pub(crate) fn served(&mut self, key: KeyId) {
        self.proven.insert(key);
        if !self.is_empty() {
            self.denied.remove(&key);
        }
    }

    /// The key was refused the model.
    pub(crate) fn denied(&mut self, now: Time, key: KeyId) {
        let denial = self.denied.entry(key).or_default();
        denial.times = denial.times.saturating_add(1);
        if denial.times >= DENIALS_OF_PROVEN || !self.proven.contains(&key) {
            denial.until = now + DENIED;
        }
    }

    /// What was refused to the key is forgotten; returns whether anything was.
    pub(crate) fn clear(&mut self, key: KeyId) -> bool {
        self.denied.remove(&key).is_some()
    }

    /// The same, and what it has served.
    pub(crate) fn renew(&mut self, key: KeyId) -> bool {
        self.proven.remove(&key);
        self.clear(key)
    }

    /// Keeps only what is known of keys that `is_kept`.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(KeyId) -> bool) {
        self.proven.retain(|key| is_kept(*key));
        self.denied.retain(|key, _| is_kept(*key));
    }
}
