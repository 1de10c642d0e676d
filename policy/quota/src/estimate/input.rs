//! Tokens of a request's text, learned from what requests really took: so many per byte, and an
//! overhead that does not depend on the text.
//!
//! The two are told apart by size. What a long text took says how many tokens a byte makes, what a
//! short one took says what comes beside: a prompt of two letters is nearly all overhead, and taken
//! for a ratio it would multiply the next large prompt. So the ratio is learned by weight, in bytes,
//! and the overhead by how little text there was. One sample moves either only so far, however odd
//! it is: a model that counts differently is learned in a few requests all the same.
//!
//! Rejected: a mean of ratios (each prompt counts alike, and short ones mislead), and least squares
//! (one odd sample of a large prompt turns the line).

use keyweir_terms::request::RequestSize;
use serde::{Deserialize, Serialize};

/// Where learning starts: English prose in current tokenizers.
const TOKENS_PER_BYTE_START: f64 = 0.25;
/// Prompts that are nearly all read from the cache; text in which every second byte is a token.
const TOKENS_PER_BYTE_MIN: f64 = 0.005;
const TOKENS_PER_BYTE_MAX: f64 = 2.0;
/// Tokens that every message costs beside its text (`OpenAI`, How to count tokens with tiktoken).
const OVERHEAD_START: f64 = 3.0;
/// What the start counts for, in bytes: a first prompt of some lines outweighs it.
const WEIGHT_START: f64 = 500.0;
/// Bytes that are remembered: some fifty pages.
const WEIGHT_MAX: f64 = 200_000.0;
/// How far one sample moves an estimate, at most: halfway to itself …
const STEP_MAX: f64 = 0.5;
/// … and itself counts as no more than so many times the estimate, or as that part of it.
const ODD_FACTOR: f64 = 4.0;
/// From so many times the estimate on, or that part of it, a sample speaks against what is known.
const DOUBT_FACTOR: f64 = 1.5;
/// How much of each new overhead is taken in, in the long run.
const OVERHEAD_STEP: f64 = 0.1;
/// Bytes of text beside which half of what is left over is overhead.
const OVERHEAD_BYTES: f64 = 64.0;
/// Overhead that is believed at once, where next to none was known: a tool's own prompt
/// (Anthropic, Tool use, Pricing: 346 tokens).
const OVERHEAD_FOUND: f64 = 350.0;

/// What the input of some requests is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InputEstimate {
    tokens_per_byte: f64,
    overhead: f64,
    /// What the ratio rests on, in bytes.
    weight: f64,
}

impl Default for InputEstimate {
    fn default() -> Self {
        Self {
            tokens_per_byte: TOKENS_PER_BYTE_START,
            overhead: OVERHEAD_START,
            weight: WEIGHT_START,
        }
    }
}

impl InputEstimate {
    /// Whether learning could have led to it.
    pub(super) fn is_possible(&self) -> bool {
        let ratios = TOKENS_PER_BYTE_MIN..=TOKENS_PER_BYTE_MAX;
        ratios.contains(&self.tokens_per_byte)
            && (0.0..f64::MAX).contains(&self.overhead)
            && (WEIGHT_START..=WEIGHT_MAX).contains(&self.weight)
    }

    /// The same, to be unlearned as easily as the start.
    pub(super) const fn as_start(self) -> Self {
        Self {
            weight: WEIGHT_START,
            ..self
        }
    }

    /// Tokens of a request of this size.
    pub(super) fn tokens(&self, size: &RequestSize) -> u64 {
        let text = self.of_text(size.text_bytes as f64) + self.overhead;
        (text as u64).saturating_add(size.media_tokens)
    }

    /// A request of this size took `tokens`.
    pub(super) fn learn(&mut self, size: &RequestSize, tokens: u64) {
        if size.text_bytes == 0 {
            return;
        }
        let bytes = size.text_bytes as f64;
        let tokens = tokens.saturating_sub(size.media_tokens) as f64;
        let (before, overhead) = (*self, self.overhead);
        self.learn_ratio(bytes, tokens - overhead);
        self.learn_overhead(bytes, tokens - before.of_text(bytes));
    }

    fn of_text(&self, bytes: f64) -> f64 {
        bytes * self.tokens_per_byte
    }

    fn learn_ratio(&mut self, bytes: f64, tokens: f64) {
        // Of a short text it is not known well what was overhead.
        let weight = bytes * bytes / (bytes + OVERHEAD_BYTES);
        let step = (weight / (self.weight + weight)).min(STEP_MAX);
        let (known, found) = (self.tokens_per_byte, tokens / bytes);
        let ratio = found.clamp(known / ODD_FACTOR, known * ODD_FACTOR);
        self.tokens_per_byte =
            (known + step * (ratio - known)).clamp(TOKENS_PER_BYTE_MIN, TOKENS_PER_BYTE_MAX);
        // What was known is in doubt, or the sample is: either way it rests on less.
        self.weight = if (known / DOUBT_FACTOR..=known * DOUBT_FACTOR).contains(&found) {
            (self.weight + weight).min(WEIGHT_MAX)
        } else {
            (self.weight - weight).max(WEIGHT_START)
        };
    }

    fn learn_overhead(&mut self, bytes: f64, left_over: f64) {
        let share = OVERHEAD_BYTES / (OVERHEAD_BYTES + bytes);
        let most = ODD_FACTOR * self.overhead + OVERHEAD_FOUND;
        let found = left_over.clamp(0.0, most);
        self.overhead += OVERHEAD_STEP * share * (found - self.overhead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text_bytes: u64) -> RequestSize {
        RequestSize {
            text_bytes,
            ..RequestSize::default()
        }
    }

    #[test]
    fn a_prompt_of_two_letters_says_nothing_of_a_large_one() {
        for times in [1, 1000] {
            let mut estimate = InputEstimate::default();
            for _ in 0..times {
                estimate.learn(&size(2), 7);
            }
            let large = estimate.tokens(&size(100_000));
            assert!((24_000..27_000).contains(&large), "{large}");
            let small = estimate.tokens(&size(2));
            assert!((3..=7).contains(&small), "{small}");
        }
    }

    #[test]
    fn another_tokenizer_is_learned_in_a_few_requests_and_overhead_apart() {
        for ratio in [0.05, 0.1, 0.5, 1.0] {
            let mut estimate = InputEstimate::default();
            for n in 0..32 {
                let bytes = [400, 20, 12_000, 3_000][n % 4];
                let tokens = 40.0 + ratio * bytes as f64;
                estimate.learn(&size(bytes), tokens as u64);
            }
            let large = estimate.tokens(&size(50_000)) as f64 / (ratio * 50_000.0);
            assert!((0.8..1.3).contains(&large), "{ratio}: {large}");
        }
    }

    #[test]
    fn one_odd_sample_moves_an_estimate_by_a_bounded_factor() {
        for bytes in [1, 30, 4_000, 1_000_000, u64::MAX] {
            for tokens in [0, 1, 500, 1_000_000, u64::MAX] {
                let mut estimate = InputEstimate::default();
                for _ in 0..20 {
                    estimate.learn(&size(2_000), 500);
                }
                let probe = size(40_000);
                let before = estimate.tokens(&probe) as f64;
                estimate.learn(&size(bytes), tokens);
                let factor = estimate.tokens(&probe) as f64 / before;
                assert!((0.6..=2.6).contains(&factor), "{bytes} {tokens}: {factor}");
            }
        }
    }
}
