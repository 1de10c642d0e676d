//! Whose fault an attempt's outcome is. Every outcome has exactly one.
//!
//! The wire's classification makes these from what came over the wire; the pool learns from them;
//! the plan decides from them whether to try again. Nobody else interprets a status code.

use std::time::Duration;

/// The one party an outcome is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribution {
    /// Nobody: the attempt succeeded, or it says nothing about anyone.
    Nobody,
    /// The client's request.
    Request,
    /// The provider key.
    Key,
    /// The provider key, for this model (or this endpoint) only.
    KeyModel,
    /// The whole account.
    Account,
    /// The account's budget for this quota group.
    AccountGroup,
    /// The key or the provider; which one, the pool decides by what other keys see.
    KeyOrProvider,
    /// Our side: the client left, the gateway is draining.
    Us,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A 2xx (a stream: its first content came through).
    None,
    /// 429: a budget is spent, or the provider says so without headers.
    RateLimited {
        /// The provider's wait (`retry-after`, `retry-after-ms`, or the body's).
        wait: Option<Duration>,
    },
    /// 429: the account's traffic grows too fast (`ramp_limit_exceeded`, `slow_down`).
    RampLimited {
        /// The provider's wait.
        wait: Option<Duration>,
    },
    /// 429 or 402 that no wait cures: the request is larger than this account's limit, or asks
    /// for more than its balance affords, where smaller ones are served.
    TooLargeForLimit,
    /// 401: the provider key is revoked, malformed, expired or reported as leaked.
    KeyRejected,
    /// 401 or 403: this key lacks the right to this endpoint (a restricted key) and has others.
    ScopeMissing,
    /// The account has no money left or hit a spend limit.
    OutOfMoney {
        /// Until when, counted from now, where the provider says so.
        wait: Option<Duration>,
    },
    /// The provider closed or suspended the account.
    AccountDisabled,
    /// 403, or 404 on the model: this key may not use this model.
    ModelDenied,
    /// The request names or quotes something that this account does not have or cannot read (an
    /// earlier response, a file, sealed reasoning): the account that made it may.
    ReferenceUnknown,
    /// The request is longer than the model's context. Another model may take it.
    ContextTooLong,
    /// Any other 4xx: the request is at fault and is answered as the provider did.
    BadRequest,
    /// 529 or its like: the provider says it is overloaded.
    Overloaded {
        /// The provider's wait.
        wait: Option<Duration>,
    },
    /// 5xx, an error page from the edge, an answer that is none.
    Broken {
        /// The provider's or its edge's wait.
        wait: Option<Duration>,
    },
    /// No connection: refused, unresolvable, connect time-out.
    ConnectFailed,
    /// No connection: who answers there does not prove to be the provider (a certificate that has expired,
    /// is for another name, or is signed by nobody trusted), or speaks no TLS. No wait cures that.
    Unverified,
    /// The connection died after the request was sent and before an answer: the provider may
    /// have done the work.
    ConnectionLost,
    /// The request was sent and no answer's head (or no first event) came in time. Ambiguous too.
    TimedOut,
    /// The stream broke, stalled or reported an error after content had reached the client.
    StreamBroken,
    /// The client left before the end.
    ClientLeft,
    /// The gateway gave up on its own account (drain, internal error).
    Aborted,
}

impl Fault {
    /// Whom this outcome is charged to.
    pub const fn attribution(&self) -> Attribution {
        match self {
            Self::None | Self::TooLargeForLimit => Attribution::Nobody,
            Self::BadRequest | Self::ReferenceUnknown | Self::ContextTooLong => {
                Attribution::Request
            }
            Self::KeyRejected => Attribution::Key,
            Self::ModelDenied | Self::ScopeMissing => Attribution::KeyModel,
            Self::OutOfMoney { .. } | Self::AccountDisabled => Attribution::Account,
            Self::RateLimited { .. } | Self::RampLimited { .. } => Attribution::AccountGroup,
            Self::Overloaded { .. }
            | Self::Broken { .. }
            | Self::ConnectFailed
            | Self::Unverified
            | Self::ConnectionLost
            | Self::TimedOut
            | Self::StreamBroken => Attribution::KeyOrProvider,
            Self::ClientLeft | Self::Aborted => Attribution::Us,
        }
    }

    /// What the provider said is for the client in the provider's words, even where it came with a
    /// status that says that all is well. An overload is not: that status would be no SDK's for it.
    pub const fn is_for_the_client(&self) -> bool {
        matches!(
            self,
            Self::BadRequest
                | Self::ReferenceUnknown
                | Self::ContextTooLong
                | Self::ModelDenied
                | Self::TooLargeForLimit
                | Self::Broken { .. }
        )
    }

    /// The provider's own word on how long to stay away.
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait }
            | Self::RampLimited { wait }
            | Self::OutOfMoney { wait }
            | Self::Overloaded { wait }
            | Self::Broken { wait } => *wait,
            _ => None,
        }
    }

    /// The provider may have done the work although no answer arrived.
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self, Self::ConnectionLost | Self::TimedOut)
    }

    /// The fault of this name, with no wait.
    pub fn named(name: &str) -> Option<Self> {
        let wait = None;
        let all = [
            Self::None,
            Self::RateLimited { wait },
            Self::RampLimited { wait },
            Self::TooLargeForLimit,
            Self::KeyRejected,
            Self::ScopeMissing,
            Self::OutOfMoney { wait },
            Self::AccountDisabled,
            Self::ModelDenied,
            Self::ReferenceUnknown,
            Self::ContextTooLong,
            Self::BadRequest,
            Self::Overloaded { wait },
            Self::Broken { wait },
            Self::ConnectFailed,
            Self::Unverified,
            Self::ConnectionLost,
            Self::TimedOut,
            Self::StreamBroken,
            Self::ClientLeft,
            Self::Aborted,
        ];
        all.into_iter().find(|fault| fault.as_str() == name)
    }

    /// The name used in metrics and logs; a bounded set.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::RateLimited { .. } => "rate_limited",
            Self::RampLimited { .. } => "ramp_limited",
            Self::TooLargeForLimit => "too_large_for_limit",
            Self::KeyRejected => "key_rejected",
            Self::ScopeMissing => "scope_missing",
            Self::OutOfMoney { .. } => "out_of_money",
            Self::AccountDisabled => "account_disabled",
            Self::ModelDenied => "model_denied",
            Self::ReferenceUnknown => "reference_unknown",
            Self::ContextTooLong => "context_too_long",
            Self::BadRequest => "bad_request",
            Self::Overloaded { .. } => "overloaded",
            Self::Broken { .. } => "broken",
            Self::ConnectFailed => "connect_failed",
            Self::Unverified => "unverified",
            Self::ConnectionLost => "connection_lost",
            Self::TimedOut => "timed_out",
            Self::StreamBroken => "stream_broken",
            Self::ClientLeft => "client_left",
            Self::Aborted => "aborted",
        }
    }
}
