//! What one admitted request is charged, from its guess to its end.

use std::sync::Arc;

use crate::accounts::KeyState;
use crate::budget::{Budget, Readings};
use crate::counters::{add, subtract};
use crate::state::State;

/// The meter of one admitted request. When it goes, however it goes, the guess is put right.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) state: Arc<State>,
    pub(crate) key: Arc<KeyState>,
    pub(crate) budget: Arc<Budget>,
    /// Input tokens charged at admission.
    pub(crate) guess: u64,
    /// Input tokens that count, as it turned out.
    pub(crate) input: u64,
    /// Whether what is charged later is also taken from the bucket of all tokens.
    pub(crate) also_total: bool,
    /// Output so far.
    pub(crate) output: u64,
}

impl Meter {
    /// Charges output that was just produced.
    pub(crate) fn produce(&mut self, tokens: u64) {
        self.output += tokens;
        self.budget
            .produce(tokens, self.also_total, self.state.now());
        add(&self.key.counters.output_tokens, tokens);
    }

    /// What headers say now.
    pub(crate) fn readings(&self) -> Readings {
        self.budget.readings(self.state.now())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let now = self.state.now();
        self.budget
            .correct_input(self.guess, self.input, self.also_total, now);
        let counted = &self.key.counters.input_tokens;
        if self.input >= self.guess {
            add(counted, self.input - self.guess);
        } else {
            subtract(counted, self.guess - self.input);
        }
    }
}
