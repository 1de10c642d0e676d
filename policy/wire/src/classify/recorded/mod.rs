//! Answers as providers send them, a table per family: status, headers, body → fault, with its wait.
//!
//! Bodies are as recorded or as documented, with ids replaced.

mod edges;
mod google;
mod openai_and_azure;
mod others;

use std::time::Duration;

use crate::classify::{Asked, classify};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;

/// An answer: its status, its headers, its body, and whose fault it is.
type Recorded = (
    u16,
    &'static [(&'static str, &'static str)],
    &'static str,
    Fault,
);

const NO_WAIT: Option<Duration> = None;

const fn secs(secs: u64) -> Option<Duration> {
    Some(Duration::from_secs(secs))
}

/// Every answer is judged alike in every dialect: who answers behind a base URL is seldom known.
fn judge(table: &[Recorded]) {
    for (status, headers, body, fault) in table {
        for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
            let header = |name: &str| {
                let found = headers.iter().find(|(header, _)| *header == name);
                found.map(|(_, value)| *value)
            };
            let body = body.as_bytes();
            let asked = Asked {
                dialect,
                endpoint: Endpoint::Inference,
                status: *status,
            };
            let found = classify(&[], asked, header, body);
            assert_eq!(found, *fault, "{status} {}", String::from_utf8_lossy(body));
        }
    }
}
