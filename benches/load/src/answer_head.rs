//! The heads of the upstream's answers: those of the Anthropic API, rate-limit headers included,
//! since reading them is part of what the gateway is measured at.
//!
//! The dates in them are made once a second; budgets are so large that nothing ever waits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Per minute. A thousand times more than two cores can ask for.
const REQUESTS_PER_MINUTE: u64 = 60_000_000;
/// Per minute, enough for bodies of 30 MiB at that rate too.
const TOKENS_PER_MINUTE: u64 = 60_000_000_000;

/// What follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// JSON of this length.
    Json(usize),
    /// Server-sent events in chunks.
    Events,
}

/// Makes heads, and remembers what stays the same for a second.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    second: u64,
    dated: String,
}

impl Heads {
    /// The head of an answer to a request that came with `credential`.
    pub(crate) fn make(&mut self, status: u16, credential: &str, follows: Follows) -> Vec<u8> {
        self.refresh();
        let reason = match status {
            200 => "OK",
            429 => "Too Many Requests",
            _ => "Error",
        };
        let retry_after = if status == 429 {
            "retry-after: 1\r\n"
        } else {
            ""
        };
        let body = match follows {
            Follows::Json(length) => {
                format!("content-type: application/json\r\ncontent-length: {length}\r\n")
            }
            Follows::Events => "content-type: text/event-stream; charset=utf-8\r\n\
                cache-control: no-cache\r\ntransfer-encoding: chunked\r\n"
                .to_owned(),
        };
        let dated = &self.dated;
        format!(
            "HTTP/1.1 {status} {reason}\r\n{body}{retry_after}request-id: req_load\r\n\
             anthropic-organization-id: org-of-{credential}\r\n{dated}\r\n"
        )
        .into_bytes()
    }

    fn refresh(&mut self) {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if second != self.second {
            self.second = second;
            self.dated = dated(now);
        }
    }
}

fn dated(now: SystemTime) -> String {
    let reset = OffsetDateTime::from(now + Duration::from_secs(1))
        .replace_nanosecond(0)
        .ok()
        .and_then(|reset| reset.format(&Rfc3339).ok())
        .unwrap_or_default();
    let mut text = format!("date: {}\r\n", httpdate::fmt_http_date(now));
    for (dimension, limit) in [
        ("requests", REQUESTS_PER_MINUTE),
        ("input-tokens", TOKENS_PER_MINUTE),
        ("output-tokens", TOKENS_PER_MINUTE),
        ("tokens", 2 * TOKENS_PER_MINUTE),
    ] {
        let remaining = limit - limit / 1000;
        text += &format!(
            "anthropic-ratelimit-{dimension}-limit: {limit}\r\n\
             anthropic-ratelimit-{dimension}-remaining: {remaining}\r\n\
             anthropic-ratelimit-{dimension}-reset: {reset}\r\n"
        );
    }
    text
}
