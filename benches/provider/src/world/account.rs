//! An account of the world: its keys, its limits, and how its answers tell of them.

use serde::{Deserialize, Serialize};

use crate::lies::Lie;

/// What a provider meters: one organization, or one workspace or project of it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Its name in counters and faults.
    pub name: String,
    /// `anthropic-organization-id`; made from the name if empty.
    pub organization: String,
    /// `anthropic-workspace-id`; not sent if absent.
    pub workspace: Option<String>,
    /// The keys that share its buckets.
    pub keys: Vec<String>,
    /// Limits per model group. Without any, nothing is limited and no budget headers are sent.
    #[serde(rename = "limit")]
    pub limits: Vec<Limits>,
    /// Requests per minute to `count_tokens`.
    pub count_tokens_per_minute: Option<u64>,
    /// Requests per minute to batches.
    pub batches_per_minute: Option<u64>,
    /// Requests per minute to files.
    pub files_per_minute: Option<u64>,
    /// Share of the refill that somebody else uses, 0 to 1.
    pub foreign_share: f64,
    /// What its headers say that is not so.
    pub lies: Vec<Lie>,
    /// The form of its budget headers.
    pub budget_headers: BudgetHeaders,
    /// Headers that every answer to a known key carries besides.
    pub extra_headers: Vec<(String, String)>,
    /// How far the clock of its `Date` and `reset` headers is ahead.
    pub clock_skew_secs: i64,
}

impl Account {
    /// An account without limits.
    pub fn new<'a>(name: &str, keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            name: name.to_owned(),
            keys: keys.into_iter().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// The same account with one more limit.
    #[must_use]
    pub fn with(mut self, limits: Limits) -> Self {
        self.limits.push(limits);
        self
    }
}

/// The form of budget headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetHeaders {
    /// The API's own.
    #[default]
    Native,
    /// `X-RateLimit-*` of one bucket (requests, if they are limited), reset in seconds from now.
    DeltaSecs,
    /// The same, reset in seconds since 1970.
    EpochSecs,
    /// The same, reset in milliseconds since 1970.
    EpochMillis,
    /// The same, reset in RFC 3339.
    Rfc3339,
    /// The same, reset as an HTTP date.
    HttpDate,
    /// `RateLimit` and `RateLimit-Policy` of the IETF's draft, with every bucket.
    Ietf,
}

/// The limits of one model group, or of all that have none of their own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The model group (or a model's name); all others if absent. Each group has its own buckets.
    pub group: Option<String>,
    /// RPM.
    pub requests_per_minute: Option<u64>,
    /// ITPM.
    pub input_tokens_per_minute: Option<u64>,
    /// OTPM.
    pub output_tokens_per_minute: Option<u64>,
    /// TPM.
    pub tokens_per_minute: Option<u64>,
    /// Seconds of refill a bucket holds; 3 if absent.
    pub burst_secs: Option<f64>,
}

impl Limits {
    /// Anthropic's three: requests, input tokens and output tokens per minute.
    pub fn three(requests: u64, input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            requests_per_minute: Some(requests),
            input_tokens_per_minute: Some(input_tokens),
            output_tokens_per_minute: Some(output_tokens),
            ..Self::default()
        }
    }

    /// OpenAI's two: requests and tokens per minute.
    pub fn two(requests: u64, tokens: u64) -> Self {
        Self {
            requests_per_minute: Some(requests),
            tokens_per_minute: Some(tokens),
            ..Self::default()
        }
    }

    /// The same limits for one model group.
    #[must_use]
    pub fn for_group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    /// The same limits with another burst.
    #[must_use]
    pub fn burst(mut self, secs: f64) -> Self {
        self.burst_secs = Some(secs);
        self
    }
}
