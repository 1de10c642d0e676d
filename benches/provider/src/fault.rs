//! What can go wrong on command, and for whom.
//!
//! A [`Fault`] is one way of failing; a [`FaultRule`] says for which requests, how likely, how
//! often and how long. Rules hold from the start ([`crate::World::faults`]) or are set while the
//! provider runs ([`crate::Control::fault`]). The first rule that matches and whose draw comes
//! up decides; see [`crate::fault_table`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One way of failing. Refusals charge no budget; everything that happens after admission does.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// 429 with headers that show the requests spent, and `retry-after`.
    RateLimited {
        /// `retry-after`; 1 if absent.
        #[serde(default)]
        retry_after_secs: Option<u64>,
    },
    /// 429 without a single header that says why or how long.
    RateLimitedBare,
    /// 429 because traffic grows too fast, although budgets show room.
    RampLimited {
        /// `retry-after`; 1 if absent.
        #[serde(default)]
        retry_after_secs: Option<u64>,
    },
    /// 429 because this request is larger than the account's limit: no wait cures it.
    TooLargeForLimit,
    /// 401: the key is revoked.
    Revoked,
    /// 400 (OpenAI: 429): no credit is left.
    OutOfCredit,
    /// 400 (OpenAI: 429): the spend limit that the customer chose is reached.
    SpendLimit,
    /// 429 without `retry-after`: the spend limit that the provider enforces is reached.
    SpendLimitEnforced,
    /// 402: a bill was not paid.
    BillingError,
    /// 400 (OpenAI: 401): the organization is disabled.
    OrganizationDisabled,
    /// 403: the key may not use this model.
    ModelForbidden,
    /// 404: the key does not know this model.
    ModelMissing,
    /// 529 (OpenAI: 503).
    Overloaded {
        /// `retry-after`; none if absent.
        #[serde(default)]
        retry_after_secs: Option<u64>,
    },
    /// 500.
    InternalError,
    /// 504 in the provider's own shape.
    TimedOut,
    /// A page of HTML from the edge in front of the provider.
    EdgePage {
        /// 502, 520 and their like.
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// The edge's JSON, with the wait in the body.
    EdgeJson {
        /// 502, 520 and their like.
        #[serde(default = "bad_gateway")]
        status: u16,
        /// `retry_after` in the body.
        #[serde(default)]
        retry_after_secs: Option<u64>,
    },
    /// Any answer at all.
    Answer {
        /// The status.
        status: u16,
        /// Headers beside the length.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body.
        #[serde(default)]
        body: String,
    },
    /// 200 with a body that is neither JSON nor a stream of events.
    Garbage,
    /// Bytes that are no HTTP at all, then the end of the connection (HTTP/1.1; over HTTP/2 the
    /// whole connection breaks).
    GarbageOnWire,
    /// The connection is reset.
    Reset {
        /// When.
        #[serde(default)]
        at: Moment,
        /// Over HTTP/2: the whole connection rather than this stream.
        #[serde(default)]
        connection: bool,
    },
    /// Nothing more is sent; the connection stays open.
    Stall {
        /// When.
        #[serde(default)]
        at: Moment,
        /// For how long; until the client leaves if absent.
        #[serde(default)]
        secs: Option<f64>,
    },
    /// An error event in the stream, which then ends.
    ErrorEvent {
        /// After so many chunks of content; 0: before any.
        #[serde(default)]
        after_chunks: u64,
        /// `error.type`; overloaded if absent.
        #[serde(default)]
        error: Option<String>,
    },
    /// The stream ends cleanly, but without the event that should end it.
    CleanEnd {
        /// After so many chunks of content; 0: before any.
        #[serde(default)]
        after_chunks: u64,
    },
    /// The request's body is read slowly.
    SlowUpload {
        /// At this pace.
        bytes_per_sec: u64,
    },
    /// The answer is sent before the body has been read.
    EarlyAnswer {
        /// 429 or 413, usually.
        status: u16,
        /// Go on reading the body, so that the client surely gets the answer. If not, the
        /// connection is closed under the upload.
        #[serde(default = "yes")]
        drain: bool,
    },
}

/// When in an answer a fault strikes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The request was read; nothing is answered.
    #[default]
    BeforeHead,
    /// The head was sent; nothing of the body is.
    AfterHead,
    /// This many chunks of content were sent, and the events before them. (An answer that is not
    /// streamed: half of its body was sent.)
    AfterChunks(u64),
}

const fn bad_gateway() -> u16 {
    502
}

const fn yes() -> bool {
    true
}

impl Fault {
    /// Reads a fault from its `kind` alone, or from JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        if text.trim_start().starts_with('{') {
            serde_json::from_str(text)
        } else {
            serde_json::from_value(serde_json::json!({ "kind": text.trim() }))
        }
    }

    /// Whether it strikes before the body is read.
    pub(crate) const fn is_early(&self) -> bool {
        matches!(self, Self::SlowUpload { .. } | Self::EarlyAnswer { .. })
    }

    /// Whether it stands in the place of an answer, so that nothing is admitted or charged.
    pub(crate) const fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Reset { .. }
                | Self::Stall { .. }
                | Self::ErrorEvent { .. }
                | Self::CleanEnd { .. }
                | Self::SlowUpload { .. }
                | Self::EarlyAnswer { .. }
        )
    }
}

/// A fault, and for whom, how likely, how often and how long.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What happens.
    pub fault: Fault,
    /// Only to this key.
    #[serde(default)]
    pub key: Option<String>,
    /// Only to this account (its name).
    #[serde(default)]
    pub account: Option<String>,
    /// Only to this model; a `*` at the end stands for anything.
    #[serde(default)]
    pub model: Option<String>,
    /// Only to paths that start so (after the prefix).
    #[serde(default)]
    pub path: Option<String>,
    /// Only to streamed requests, or only to others.
    #[serde(default)]
    pub streamed: Option<bool>,
    /// How likely it is.
    #[serde(default = "certain")]
    pub probability: f64,
    /// Let so many matching requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// How often it happens; without end if absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// For how long it holds, from when it was set; without end if absent.
    #[serde(default)]
    pub secs: Option<f64>,
}

const fn certain() -> f64 {
    1.0
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            key: None,
            account: None,
            model: None,
            path: None,
            streamed: None,
            probability: 1.0,
            skip: 0,
            count: None,
            secs: None,
        }
    }
}

impl FaultRule {
    /// Only for this key.
    #[must_use]
    pub fn on_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Only for this account.
    #[must_use]
    pub fn on_account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Only for this model.
    #[must_use]
    pub fn on_model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// Only for paths that start so.
    #[must_use]
    pub fn on_path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// This likely.
    #[must_use]
    pub const fn likely(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    /// So many times.
    #[must_use]
    pub const fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// After so many matching requests.
    #[must_use]
    pub const fn after(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// For so long.
    #[must_use]
    pub const fn lasting(mut self, span: Duration) -> Self {
        self.secs = Some(span.as_secs_f64());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_is_read_from_its_kind_or_from_json() {
        assert_eq!(
            Fault::parse("overloaded").ok(),
            Some(Fault::Overloaded {
                retry_after_secs: None
            })
        );
        assert_eq!(
            Fault::parse(r#"{"kind":"reset","at":{"after_chunks":3}}"#).ok(),
            Some(Fault::Reset {
                at: Moment::AfterChunks(3),
                connection: false
            })
        );
        assert!(Fault::parse("sunshine").is_err());
    }
}
