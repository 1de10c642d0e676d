//! Time and amounts, as the policy core counts them.
//!
//! The core never asks for the time: the driver passes it. `Time` is therefore just a number of
//! microseconds since whatever moment the driver calls zero; only differences matter. It is not
//! `std::time::Instant` because a simulator must be able to make one out of nothing.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, in microseconds since the driver's own zero.
///
/// All arithmetic saturates: a clock that jumps backwards yields a zero difference, never a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The driver's zero.
    pub const ZERO: Self = Self(0);
    /// Later than anything; stands for "not by itself".
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `micros` microseconds after zero.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since zero.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds since zero.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The time that has passed since `earlier`, or zero if it is later than `self`.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since `earlier`, or zero if it is later than `self`.
    pub fn secs_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e6
    }

    /// The moment `secs` seconds after this one; negative and NaN count as zero.
    pub fn after_secs(self, secs: f64) -> Self {
        // A float beyond the range of u64 saturates, so infinity becomes `NEVER`.
        Self(self.0.saturating_add((secs.max(0.0) * 1e6).ceil() as u64))
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

/// What a provider meters. A request needs some of each; a bucket holds one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Calls.
    Requests,
    /// Uncached input tokens (Anthropic ITPM).
    InputTokens,
    /// Produced tokens (Anthropic OTPM).
    OutputTokens,
    /// Input and output in one (OpenAI TPM, and Anthropic's `tokens-*`).
    Tokens,
}

impl Dimension {
    /// All of them, in index order.
    pub const ALL: [Self; 4] = [
        Self::Requests,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Tokens,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Position in arrays that hold one thing per dimension.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in metrics, logs and the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
        }
    }
}

/// What one request takes of an account's buckets: one call, and these many tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Uncached input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

impl Need {
    /// The need in one dimension.
    pub const fn of(&self, dimension: Dimension) -> u64 {
        match dimension {
            Dimension::Requests => 1,
            Dimension::InputTokens => self.input,
            Dimension::OutputTokens => self.output,
            Dimension::Tokens => self.input.saturating_add(self.output),
        }
    }
}
