//! What a line of the access log says, in which order.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyweir_policy::tenancy::money::Money;

use super::values::{millis, number, push_address, push_money, push_text, push_time, text};

/// What one line says.
#[derive(Debug, Default)]
pub(crate) struct Line<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) client: Option<IpAddr>,
    /// Which program asks, out of a fixed list.
    pub(crate) agent: Option<&'a str>,
    /// The trace that the client is in.
    pub(crate) trace_id: Option<&'a str>,
    /// The share of such lines that is written, where not all are.
    pub(crate) sampled: Option<f64>,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) tenant: Option<&'a str>,
    /// The group that the tenant is in.
    pub(crate) group: Option<&'a str>,
    pub(crate) provider: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    /// The model that was named, where another was asked for.
    pub(crate) asked_model: Option<&'a str>,
    /// Whoever served it was not its first choice.
    pub(crate) fell_back: bool,
    pub(crate) stream: bool,
    pub(crate) status: u16,
    pub(crate) outcome: &'a str,
    pub(crate) reason: Option<&'a str>,
    /// What its client was told of a limit or budget that refused it.
    pub(crate) refusal: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) attempts: u32,
    /// The attempts that failed, in order.
    pub(crate) failed: Vec<FailedAttempt<'a>>,
    /// Until its tenant's limits had room; told if it is more than nothing.
    pub(crate) limit_waited: Duration,
    pub(crate) limit_waited_for: Option<&'a str>,
    /// In the waiting room.
    pub(crate) waited: Duration,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) duration: Duration,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) cache_read_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) cache_write_tokens: Option<u64>,
    /// Told if it is more than nothing.
    pub(crate) cost_usd: Money,
}

/// How one attempt failed.
#[derive(Clone, Debug)]
pub(crate) struct FailedAttempt<'a> {
    pub(crate) provider: &'a str,
    pub(crate) key: String,
    pub(crate) fault: &'a str,
    pub(crate) took: Duration,
}

/// What stands before a field's value.
macro_rules! field {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

impl Line<'_> {
    pub(super) fn render(&self, out: &mut String) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        out.push_str("{\"time\":\"");
        push_time(out, now.as_secs(), now.subsec_millis());
        out.push_str("\",\"request_id\":\"");
        out.push_str(self.request_id);
        out.push('"');
        if let Some(client) = self.client {
            out.push_str(",\"client\":\"");
            push_address(out, client);
            out.push('"');
        }
        text(out, field!("agent"), self.agent);
        text(out, field!("trace_id"), self.trace_id);
        if let Some(share) = self.sampled {
            let _ = write!(out, ",\"sampled\":{share}");
        }
        text(out, field!("method"), Some(self.method));
        text(out, field!("path"), Some(self.path));
        text(out, field!("tenant"), self.tenant);
        text(out, field!("group"), self.group);
        text(out, field!("provider"), self.provider);
        text(out, field!("model"), self.model);
        text(out, field!("asked_model"), self.asked_model);
        if self.fell_back {
            out.push_str(",\"fell_back\":true");
        }
        if self.stream {
            out.push_str(",\"stream\":true");
        }
        number(out, field!("status"), Some(self.status.into()));
        text(out, field!("outcome"), Some(self.outcome));
        text(out, field!("reason"), self.reason);
        text(out, field!("refusal"), self.refusal);
        text(out, field!("account"), self.account);
        text(out, field!("key"), self.key);
        number(out, field!("attempts"), Some(self.attempts.into()));
        self.failed(out);
        let limit_waited = Some(self.limit_waited).filter(|it| !it.is_zero());
        number(out, field!("limit_waited_ms"), limit_waited.map(millis));
        text(out, field!("limit_waited_for"), self.limit_waited_for);
        number(out, field!("waited_ms"), Some(millis(self.waited)));
        number(out, field!("first_byte_ms"), self.first_byte.map(millis));
        number(out, field!("duration_ms"), Some(millis(self.duration)));
        number(out, field!("bytes_in"), Some(self.bytes_in));
        number(out, field!("bytes_out"), Some(self.bytes_out));
        number(out, field!("input_tokens"), self.input_tokens);
        number(out, field!("cache_read_tokens"), self.cache_read_tokens);
        number(out, field!("cache_write_tokens"), self.cache_write_tokens);
        number(out, field!("output_tokens"), self.output_tokens);
        if self.cost_usd > Money::ZERO {
            out.push_str(",\"cost_usd\":");
            push_money(out, self.cost_usd);
        }
        out.push_str("}\n");
    }
}

impl Line<'_> {
    /// `"failed":[{"provider":…,"key":…,"fault":…,"ms":…}]`, where an attempt has.
    fn failed(&self, out: &mut String) {
        let mut opens = ",\"failed\":[";
        for attempt in &self.failed {
            out.push_str(opens);
            out.push_str("{\"provider\":\"");
            push_text(out, attempt.provider);
            out.push('"');
            text(out, field!("key"), Some(&attempt.key));
            text(out, field!("fault"), Some(attempt.fault));
            number(out, field!("ms"), Some(millis(attempt.took)));
            out.push('}');
            opens = ",";
        }
        if !self.failed.is_empty() {
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_a_client_calls_things() {
        let line = Line {
            request_id: "kw_1",
            method: "POST",
            path: "/v1/\"messages\"\n",
            model: Some("a\\b\u{7}ü"),
            status: 200,
            outcome: "answered",
            ..Line::default()
        };
        let mut out = String::new();

        line.render(&mut out);

        let parsed: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
        assert_eq!(parsed["path"], "/v1/\"messages\"\n");
        assert_eq!(parsed["model"], "a\\b\u{7}ü");
        assert_eq!(parsed["status"], 200);
        assert_eq!(parsed.get("tenant"), None);
        assert!(!out[..out.len() - 1].contains(char::is_control));
    }
}
