//! Traffic files: what is asked of a policy, for a simulation of it.
//!
//! A traffic file is no part of a policy, but it names the policy's tenants, models and providers,
//! and its mistakes deserve the same care: all at once, each with its place and what to write
//! instead. So it is read by the same readers.
//!
//! Flags of a command line can say what one flow says; [`resolve`] holds both to the same rules.

mod read;
mod resolve;

use std::time::Duration;

use keyweir_terms::ids::{ProviderId, TenantId};

pub use read::{SEED_MAX, parse};
pub use resolve::{Names, Resolved, Unresolved, resolve};

/// What a traffic file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// For how long requests come.
    pub minutes: Option<u64>,
    /// Where everything random comes from.
    pub seed: Option<u64>,
    /// How long requests wait, whatever the policy says.
    pub patience: Option<Duration>,
    /// From the sending of a request to the head of its answer, on average.
    pub first_token: Option<Duration>,
    /// How fast an answer's output is produced.
    pub tokens_per_second: Option<f64>,
    /// What comes.
    pub flows: Vec<Flow>,
}

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Whose they are; `None`: everybody's in equal parts.
    pub tenant: Option<TenantId>,
    /// Whom they go to.
    pub provider: ProviderId,
    /// The model they ask for; empty where that makes no difference.
    pub model: String,
    /// How many come, on average.
    pub per_second: f64,
    /// How they spread over time.
    pub shape: FlowShape,
    /// How big they are.
    pub tokens: FlowTokens,
}

/// How big the requests of a flow are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTokens {
    /// Mean input; each request has between half and one and a half of it.
    pub input: u64,
    /// Mean output, likewise.
    pub output: u64,
    /// The clients' cap on output.
    pub output_max: Option<u64>,
}

impl Default for FlowTokens {
    /// A question with a page of context, and an answer of some paragraphs.
    fn default() -> Self {
        Self {
            input: 1_000,
            output: 300,
            output_max: None,
        }
    }
}

/// How a flow spreads over time, around its mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum FlowShape {
    /// The same rate all the time.
    #[default]
    Steady,
    /// A higher rate again and again.
    Bursts {
        /// How many times the rate in between.
        times: f64,
        /// From one beginning to the next.
        every: Duration,
        /// How long each lasts.
        lasting: Duration,
    },
    /// The rate swings between nothing and twice its mean.
    Day {
        /// How long that takes; `None`: as long as requests come.
        period: Option<Duration>,
    },
}

impl FlowShape {
    /// The bursts of whoever does not say what theirs are like.
    pub const BURSTS: Self = Self::Bursts {
        times: 5.0,
        every: Duration::from_secs(60),
        lasting: Duration::from_secs(10),
    };
}

/// Reads a rate: `5/s`, `300/min`, `2.5/h`; per second.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    const EXAMPLES: &str = "write \"5/s\", \"300/min\" or \"20000/h\"";
    let (number, unit) = text
        .split_once('/')
        .ok_or_else(|| format!("a rate has a unit; {EXAMPLES}"))?;
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("not a rate; {EXAMPLES}"))?;
    let per = match unit.trim() {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3600.0,
        _ => return Err(format!("not a unit of a rate; {EXAMPLES}")),
    };
    let per_second = number / per;
    if number.is_finite() && per_second > 0.0 && per_second <= RATE_MAX {
        Ok(per_second)
    } else {
        Err(format!(
            "a rate is more than 0 and at most {RATE_MAX}/s; {EXAMPLES}"
        ))
    }
}

/// The highest rate: far above what a run of a minute may hold.
const RATE_MAX: f64 = 1_000_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        for (text, rate) in [
            ("5/s", 5.0),
            ("300/min", 5.0),
            ("300 / m", 5.0),
            ("7200/h", 2.0),
            ("0.5/s", 0.5),
        ] {
            assert_eq!(parse_rate(text), Ok(rate), "{text}");
        }
        for text in [
            "5", "", "/s", "5/", "0/s", "-1/s", "nan/s", "inf/s", "5/day", "1e9/s", "1e-400/s",
        ] {
            let error = parse_rate(text).expect_err(text);
            assert!(error.contains("\"300/min\""), "{text}: {error}");
        }
    }
}
