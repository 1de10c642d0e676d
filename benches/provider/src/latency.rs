//! When an answer comes and how long it is.
//!
//! Drawn from the world's seeded model, or steered by the request, so that a test can say "forty
//! chunks, 20 ms apart" without a world of its own:
//!
//! | Request header | Meaning |
//! |---|---|
//! | `x-sim-output-tokens` | tokens the answer wants to have (`max_tokens` still cuts it) |
//! | `x-sim-head-ms` | time until the head of a streamed answer |
//! | `x-sim-first-token-ms` | time until the first content |
//! | `x-sim-chunk-interval-ms` | time between chunks (fractions allowed) |
//! | `x-sim-chunk-tokens` | tokens per chunk |
//! | `x-sim-chunk-bytes` | pads the text of each chunk to so many bytes |
//! | `x-sim-ping-interval-ms` | a ping (or comment) whenever nothing else was sent for so long |
//! | `x-sim-timestamps: 1` | text of each chunk starts with `@<ns since 1970>;`, taken when sent |
//! | `x-sim-input-tokens` | the true input tokens of this request |
//! | `x-sim-fault` | a fault for this request: its `kind`, or JSON like in [`crate::Fault`] |
//!
//! A header that is no number is ignored. An answer that is not streamed takes as long as the
//! stream would have.

use std::fmt::Write;
use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::clock::unix_nanos;
use crate::words;

/// The world's model of how answers behave.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Time until the head of a streamed answer.
    pub head_ms: f64,
    /// Time until the first content, from admission.
    pub first_token_ms: f64,
    /// Pace of one answer; 0: everything at once.
    pub tokens_per_sec: f64,
    /// Tokens in a chunk.
    pub chunk_tokens: u64,
    /// Bytes every chunk's text is padded to; 0: no padding.
    pub chunk_bytes: usize,
    /// Median tokens of an answer.
    pub output_tokens: u64,
    /// Spread of the tokens: sigma of a log-normal distribution; 0: always the median.
    pub output_spread: f64,
    /// Spread of the times, likewise.
    pub time_spread: f64,
    /// A ping whenever nothing else was sent for so long; 0: only the one at the start.
    pub ping_interval_ms: f64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            head_ms: 0.0,
            first_token_ms: 0.0,
            tokens_per_sec: 0.0,
            chunk_tokens: 4,
            chunk_bytes: 0,
            output_tokens: 32,
            output_spread: 0.0,
            time_spread: 0.0,
            ping_interval_ms: 0.0,
        }
    }
}

impl Latency {
    /// Times and lengths like a real model's.
    pub fn lifelike() -> Self {
        Self {
            head_ms: 250.0,
            first_token_ms: 600.0,
            tokens_per_sec: 80.0,
            output_tokens: 150,
            output_spread: 0.8,
            time_spread: 0.3,
            ping_interval_ms: 15_000.0,
            ..Self::default()
        }
    }
}

/// How one answer will behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) head: Duration,
    pub(crate) first: Duration,
    pub(crate) interval: Duration,
    pub(crate) ping: Option<Duration>,
    /// Tokens the answer has in the end.
    pub(crate) output: u64,
    /// Those of them that a tool call takes.
    pub(crate) tool_tokens: u64,
    /// Whether the client's cap cut it.
    pub(crate) cut: bool,
    pub(crate) chunk_tokens: u64,
    pub(crate) chunk_bytes: usize,
    pub(crate) stamps: bool,
}

impl Plan {
    /// Draws a plan. `steering` holds the request's headers if they are to be obeyed.
    pub(crate) fn draw(
        model: &Latency,
        seed: u64,
        steering: Option<&HeaderMap>,
        output_max: Option<u64>,
    ) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut plan = Self::from_model(model, &mut dice);
        if let Some(headers) = steering {
            plan.steer(headers);
        }
        let wanted = plan.output.max(1);
        plan.output = output_max.map_or(wanted, |max| wanted.min(max.max(1)));
        plan.cut = output_max.is_some_and(|max| wanted >= max);
        plan.chunk_tokens = plan.chunk_tokens.max(1);
        plan
    }

    fn from_model(model: &Latency, dice: &mut fastrand::Rng) -> Self {
        let slowness = spread(dice, model.time_spread);
        let interval = if model.tokens_per_sec > 0.0 {
            seconds(model.chunk_tokens as f64 / model.tokens_per_sec * slowness)
        } else {
            Duration::ZERO
        };
        Self {
            head: millis(model.head_ms * slowness),
            first: millis(model.first_token_ms * slowness),
            interval,
            ping: (model.ping_interval_ms > 0.0).then(|| millis(model.ping_interval_ms)),
            output: (model.output_tokens as f64 * spread(dice, model.output_spread)) as u64,
            tool_tokens: 0,
            cut: false,
            chunk_tokens: model.chunk_tokens,
            chunk_bytes: model.chunk_bytes,
            stamps: false,
        }
    }

    fn steer(&mut self, headers: &HeaderMap) {
        let ms = |name| number::<f64>(headers, name).map(millis);
        if let Some(tokens) = number(headers, "x-sim-output-tokens") {
            self.output = tokens;
        }
        if let Some(head) = ms("x-sim-head-ms") {
            self.head = head;
        }
        if let Some(first) = ms("x-sim-first-token-ms") {
            self.first = first;
        }
        if let Some(interval) = ms("x-sim-chunk-interval-ms") {
            self.interval = interval;
        }
        if let Some(tokens) = number(headers, "x-sim-chunk-tokens") {
            self.chunk_tokens = tokens;
        }
        if let Some(bytes) = number(headers, "x-sim-chunk-bytes") {
            self.chunk_bytes = usize::min(bytes, CHUNK_BYTES_MAX);
        }
        if let Some(ping) = ms("x-sim-ping-interval-ms") {
            self.ping = (!ping.is_zero()).then_some(ping);
        }
        self.stamps = headers.contains_key("x-sim-timestamps");
    }

    /// Tokens of the answer's text.
    pub(crate) const fn text_tokens(&self) -> u64 {
        self.output - self.tool_tokens
    }

    /// Chunks of content in the stream.
    pub(crate) const fn chunks(&self) -> u64 {
        self.text_tokens().div_ceil(self.chunk_tokens)
    }

    /// The text of so many tokens, padded and stamped as the plan has it.
    pub(crate) fn piece(&self, from: u64, tokens: u64) -> String {
        let mut text = String::with_capacity(self.chunk_bytes.max(tokens as usize * 8) + 32);
        if self.stamps {
            // Writing into a String cannot fail.
            let _ = write!(text, "@{};", unix_nanos());
        }
        words::append(&mut text, from, tokens);
        while text.len() < self.chunk_bytes {
            text.push('.');
        }
        text
    }

    /// Leaves this much of the output to a tool call, if the answer is long enough for it.
    pub(crate) const fn call_tool(&mut self, tokens: u64) {
        if !self.cut && self.output > tokens {
            self.tool_tokens = tokens;
        }
    }

    /// When chunk number `index` is due, from admission.
    pub(crate) fn due(&self, index: u64) -> Duration {
        let after = u32::try_from(index).unwrap_or(u32::MAX);
        self.first.max(self.head) + self.interval.saturating_mul(after)
    }
}

/// A chunk is never padded beyond this.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// The number in a header, if there is one.
pub(crate) fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A factor around 1 with this sigma (log-normal, by the sum of twelve uniform draws).
fn spread(dice: &mut fastrand::Rng, sigma: f64) -> f64 {
    if sigma <= 0.0 {
        return 1.0;
    }
    let normal: f64 = (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0;
    (normal * sigma).exp()
}

fn millis(ms: f64) -> Duration {
    seconds(ms / 1e3)
}

/// A span of so many seconds: none where they are negative or no number, a day at most.
pub(crate) fn seconds(secs: f64) -> Duration {
    let span = Duration::try_from_secs_f64(secs).unwrap_or_default();
    span.min(DAY)
}

/// Longer than any stream.
const DAY: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_decides_the_plan() {
        let model = Latency::lifelike();
        let one = Plan::draw(&model, 7, None, None);
        let two = Plan::draw(&model, 7, None, None);
        let other = Plan::draw(&model, 8, None, None);
        assert_eq!((one.output, one.head), (two.output, two.head));
        assert_ne!((one.output, one.head), (other.output, other.head));
    }

    #[test]
    fn request_steers_and_max_tokens_cuts() {
        let mut headers = HeaderMap::new();
        headers.insert("x-sim-output-tokens", "40".parse().expect("a value"));
        headers.insert("x-sim-chunk-tokens", "1".parse().expect("a value"));
        headers.insert("x-sim-chunk-interval-ms", "0.5".parse().expect("a value"));
        let free = Plan::draw(&Latency::default(), 1, Some(&headers), Some(100));
        assert_eq!((free.chunks(), free.cut), (40, false));
        assert_eq!(free.due(4), Duration::from_millis(2));
        let cut = Plan::draw(&Latency::default(), 1, Some(&headers), Some(10));
        assert_eq!((cut.output, cut.cut), (10, true));
    }

    #[test]
    fn nonsense_in_a_header_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert("x-sim-output-tokens", "many".parse().expect("a value"));
        headers.insert("x-sim-head-ms", "NaN".parse().expect("a value"));
        let plan = Plan::draw(&Latency::default(), 1, Some(&headers), None);
        assert_eq!((plan.output, plan.head), (32, Duration::ZERO));
    }
}
