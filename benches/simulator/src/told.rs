//! What a provider tells of its buckets, and how: which headers, to what grain, with what meaning.

use std::collections::HashMap;
use std::time::Duration;

use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::snapshot::Snapshot;
use keyweir_policy::wire::Wire;

use crate::headers::{NAMES, http_date, moment};

/// A bucket as the provider knows it: limit per minute, level, seconds until it is full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Refill per minute.
    pub limit: f64,
    /// What is left; below zero where more was produced than there was.
    pub level: f64,
    /// Seconds until it is full.
    pub full_in: f64,
}

/// What headers a provider sends, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// By dimension: whether headers speak of it.
    pub dimensions: [bool; Dimension::COUNT],
    /// `limit` is among them.
    pub limit: bool,
    /// `remaining` is among them.
    pub remaining: bool,
    /// What `reset` is.
    pub reset: Reset,
    /// What remains of tokens is told to this many.
    pub grain: Grain,
    /// What `tokens` shows where there is no such bucket.
    pub tokens: TokensView,
    /// Only refusals have headers.
    pub on_refusals_only: bool,
    /// What `retry-after` is.
    pub retry_after: RetryAfter,
    /// A refusal's words say which limit it is for.
    pub words: bool,
}

/// What `reset` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Nothing.
    Missing,
    /// When the bucket is full, in whole seconds.
    Full,
    /// When there is something left again, in whole seconds: not what the dialect means by it.
    Any,
}

/// How `remaining` is rounded, of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Down to one.
    One,
    /// To the nearest thousand.
    Thousand,
    /// Down to a thousand: not what the dialect means.
    ThousandDown,
}

/// What `tokens` shows where no bucket is for both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokensView {
    /// Nothing.
    Missing,
    /// Input and output together.
    Sum,
    /// Whichever of input and output is nearer to its end, from answer to answer.
    Tighter,
}

/// What `retry-after` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// When the same request fits, in whole seconds, rounded up.
    Fits,
    /// One second, whatever is true.
    Second,
    /// Nothing.
    Missing,
}

impl Told {
    /// Whether answers have any header about budgets.
    pub fn is_any(&self) -> bool {
        (self.limit || self.remaining)
            && !self.on_refusals_only
            && self.dimensions.iter().any(|it| *it)
    }

    /// What the gateway reads of a response made at `now`; of a refusal, for want of `short_of`.
    pub fn snapshot(
        &self,
        truth: [Option<Truth>; Dimension::COUNT],
        now: f64,
        short_of: Option<Dimension>,
    ) -> Snapshot {
        let mut headers = HashMap::from([("date".to_owned(), http_date(secs(now)))]);
        for (index, name) in NAMES.iter().enumerate() {
            let shown = match Dimension::ALL[index] {
                Dimension::Tokens => truth[index].or_else(|| self.view(&truth)),
                _ => truth[index],
            };
            if let Some(shown) = shown.filter(|_| self.dimensions[index]) {
                self.tell(&mut headers, name, &shown, now);
            }
        }
        let header = |name: &str| headers.get(name).map(String::as_str);
        let limit = short_of.and_then(|it| Some((it, truth[it.index()]?.limit)));
        match limit.filter(|_| self.words) {
            Some((dimension, limit)) => {
                let body = refusal(dimension, limit);
                Dialect::Anthropic.snapshot_of_error(429, header, body.as_bytes())
            }
            None => Dialect::Anthropic.snapshot(header),
        }
    }

    /// The wait that a refusal names, where the request fits after `wait` seconds.
    pub fn wait(&self, wait: f64) -> Option<Duration> {
        match self.retry_after {
            RetryAfter::Fits => Some(Duration::from_secs(wait.ceil() as u64)),
            RetryAfter::Second => Some(Duration::from_secs(1)),
            RetryAfter::Missing => None,
        }
    }

    fn tell(&self, headers: &mut HashMap<String, String>, name: &str, shown: &Truth, now: f64) {
        let mut add = |what: &str, text: String| {
            headers.insert(format!("anthropic-ratelimit-{name}-{what}"), text);
        };
        if self.limit {
            add("limit", (shown.limit as u64).to_string());
        }
        if self.remaining {
            let left = shown.level.max(0.0);
            let grain = if name == NAMES[0] {
                Grain::One
            } else {
                self.grain
            };
            let left = match grain {
                Grain::One => left.floor(),
                Grain::Thousand => (left / 1e3).round() * 1e3,
                Grain::ThousandDown => (left / 1e3).floor() * 1e3,
            };
            add("remaining", (left as u64).to_string());
        }
        let reset = match self.reset {
            Reset::Missing => return,
            Reset::Full => shown.full_in,
            Reset::Any => (1.0 - shown.level).max(0.0) / (shown.limit / 60.0),
        };
        add("reset", moment(secs(now + reset)));
    }

    fn view(&self, truth: &[Option<Truth>; Dimension::COUNT]) -> Option<Truth> {
        let input = truth[Dimension::InputTokens.index()]?;
        let output = truth[Dimension::OutputTokens.index()]?;
        match self.tokens {
            TokensView::Missing => None,
            TokensView::Sum => Some(Truth {
                limit: input.limit + output.limit,
                level: input.level.max(0.0) + output.level.max(0.0),
                full_in: input.full_in.max(output.full_in),
            }),
            TokensView::Tighter if input.level / input.limit < output.level / output.limit => {
                Some(input)
            }
            TokensView::Tighter => Some(output),
        }
    }
}

/// The words of a refusal, as Anthropic's API has them.
fn refusal(dimension: Dimension, limit: f64) -> String {
    let of = match dimension {
        Dimension::Requests => "requests",
        Dimension::InputTokens => "input tokens",
        Dimension::OutputTokens => "output tokens",
        Dimension::Tokens => "tokens",
    };
    format!(
        r#"{{"type":"error","error":{{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of {limit:.0} {of} per minute (org: x)."}}}}"#
    )
}

/// The run starts an hour after midnight, so that the past fits into the day.
fn secs(now: f64) -> u64 {
    now.max(0.0) as u64 + 3600
}
