//! The gateway's own refusals, in the client's dialect.
//!
//! A refusal says what is wrong and, where waiting helps, for how long: `retry-after` in whole
//! seconds, true to what the pool knows. Where sending the same again cannot help, it says that too
//! (`x-should-retry`), so that SDKs do not try.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use keyweir_policy::pool::ask::{Refusal, RefusalReason};
use keyweir_policy::tenancy::lack::{Again, Lack, Lacking};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::time::Time;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::refusal::ErrorAnswer;
use keyweir_policy::wire::refusal::no_answer::{ACCOUNT_OUT, KEY_REJECTED};
use keyweir_policy::wire::refusal_kind::RefusalKind;

use crate::downstream::client::{Client, Left};
use crate::downstream::request_id::RequestId;
use crate::headers::{self, AnswerHead, SHOULD_RETRY};

/// A refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refuse {
    pub(crate) kind: RefusalKind,
    /// What to tell people.
    pub(crate) message: Cow<'static, str>,
    /// What to tell metrics and the log; one of a bounded set.
    pub(crate) reason: &'static str,
    status: Option<u16>,
    wait: Option<Duration>,
    non_retryable: bool,
    allow: Option<&'static str>,
    /// Boxed: few have it, and every step of a request carries the room for a refusal.
    cors: Option<Box<HeaderValue>>,
    tried: Option<Tried>,
}

/// What was done for a request before it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) attempts: u32,
    pub(crate) waited: Duration,
}

impl Refuse {
    pub(crate) fn new(
        kind: RefusalKind,
        reason: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            reason,
            status: None,
            wait: None,
            non_retryable: false,
            allow: None,
            cors: None,
            tried: None,
        }
    }

    /// It was tried before.
    pub(crate) fn tried(mut self, tried: Tried) -> Self {
        self.tried = Some(tried);
        self
    }

    /// With another status than the kind's own.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sending the same after `wait` may help.
    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// The same, rounded up to whole seconds.
    pub(crate) fn after_at_least(self, wait: Duration) -> Self {
        let secs = wait.as_micros().div_ceil(1_000_000);
        self.after(Duration::from_secs(u64::try_from(secs).unwrap_or(u64::MAX)))
    }

    /// Sending the same again will not help.
    pub(crate) fn non_retryable(mut self) -> Self {
        self.non_retryable = true;
        self
    }

    /// Says more.
    pub(crate) fn hint(mut self, hint: &str) -> Self {
        self.message = format!("{}; {hint}", self.message).into();
        self
    }

    /// The methods that the path is served with.
    pub(crate) fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Pages of this origin may read it.
    pub(crate) fn readable_by(mut self, origin: Option<&HeaderValue>) -> Self {
        self.cors = origin.cloned().map(Box::new);
        self
    }

    /// What its tenant lacks.
    pub(crate) fn of_lack(lack: &Lack) -> Self {
        let kind = match lack.lacking {
            Lacking::Price => RefusalKind::Permission,
            _ => RefusalKind::RateLimited,
        };
        let refuse = Self::new(kind, lack.lacking.as_str(), lack.to_string());
        match lack.ends.again() {
            Again::In(wait) => refuse.after_at_least(wait),
            Again::Later(wait) => refuse.after_at_least(wait).non_retryable(),
            Again::Never => refuse.non_retryable(),
        }
    }

    /// What the pool said, for a request for `model`.
    pub(crate) fn of_pool(refusal: &Refusal, now: Time, model: Option<&str>) -> Self {
        use RefusalReason as Why;
        let reason = refusal.reason.as_str();
        let wait = refusal.retry_after(now);
        let model = model.unwrap_or("this request");
        let (kind, message) = match refusal.reason {
            Why::NoSuchModel => (
                RefusalKind::NotFound,
                format!("model: no account of this gateway's pool serves {model}"),
            ),
            Why::AccountGone => (
                RefusalKind::NotFound,
                "the account that holds this resource is no longer part of the pool".to_owned(),
            ),
            Why::TenantGone => (
                RefusalKind::Authentication,
                "this client key was revoked meanwhile".to_owned(),
            ),
            Why::Exhausted if wait.is_none() => (
                RefusalKind::RateLimited,
                format!("{model}: the request is larger than the limit of every account"),
            ),
            Why::Exhausted | Why::PatienceOver => (
                RefusalKind::RateLimited,
                format!(
                    "every account's budget for {model} is spent{}",
                    in_seconds(wait)
                ),
            ),
            Why::AllOpen => (
                RefusalKind::Unavailable,
                format!(
                    "no key of the pool can serve {model} now{}",
                    in_seconds(wait)
                ),
            ),
            Why::KeysRejected => (
                RefusalKind::ProviderKey,
                format!("{KEY_REJECTED}{}", in_seconds(wait)),
            ),
            Why::AccountsOut => (
                RefusalKind::ProviderAccount,
                format!("{ACCOUNT_OUT}{}", in_seconds(wait)),
            ),
            Why::Overloaded => (
                RefusalKind::Overloaded,
                format!("the provider is overloaded{}", in_seconds(wait)),
            ),
            Why::RoomFull => (
                RefusalKind::Overloaded,
                format!("too many requests are waiting already{}", in_seconds(wait)),
            ),
        };
        let refuse = Self::new(kind, reason, message);
        match wait {
            // A person has to mend it: whoever tried again and again would tell nobody.
            Some(wait) if matches!(refusal.reason, Why::KeysRejected | Why::AccountsOut) => {
                refuse.after(wait).non_retryable()
            }
            Some(wait) => refuse.after(wait),
            None => refuse.non_retryable(),
        }
    }

    /// Writes the refusal as the answer, with what it tells of the tenant's limits. Returns its
    /// status.
    pub(crate) async fn answer(
        &self,
        client: &mut Client,
        (dialect, id): (Dialect, RequestId),
        bounds: HeaderMap,
    ) -> Result<u16, Left> {
        let ErrorAnswer { status, body } = dialect.refusal(self.kind, &self.message, id.as_str());
        let status = self.status.unwrap_or(status);
        let mut head = self.head(status, body.len(), id);
        head.headers.extend(bounds);
        prepare_early_answer(client);
        client.write_head(head.into()).await?;
        client.write(Bytes::from(body), true).await?;
        Ok(status)
    }

    fn head(&self, status: u16, length: usize, id: RequestId) -> AnswerHead {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(headers::REQUEST_ID, id.header_value());
        if let Some(wait) = self.wait {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(wait.as_secs().max(1)),
            );
        }
        if let Some(tried) = self.tried {
            headers.insert(headers::ATTEMPTS, tried.attempts.into());
            if !tried.waited.is_zero() {
                let waited = u64::try_from(tried.waited.as_millis()).unwrap_or(u64::MAX);
                headers.insert(headers::WAITED_MS, waited.into());
            }
        }
        if self.non_retryable {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        if self.status == Some(426) {
            // What is spoken instead.
            headers.insert(header::UPGRADE, HeaderValue::from_static("HTTP/1.1"));
        }
        if self.kind == RefusalKind::Authentication {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(origin) = self.cors.clone() {
            headers::cors::allow(&mut headers, *origin);
        }
        AnswerHead { status, headers }
    }
}

/// Sees to it that an answer reaches a client whose body was not read to its end: the rest has to be
/// read after the answer, when nothing is held any more.
fn prepare_early_answer(client: &mut Client) {
    if !client.has_head || client.is_body_done() {
        return;
    }
    if expects_continue(client.head()) {
        // It waits for `100 Continue`, which it does not get: no body will come.
        client.session().set_keepalive(None);
        return;
    }
    client.is_undrained = true;
    let ends = !client.is_http2() && client.has_long_rest();
    let session = client.session();
    session.set_close_on_response_before_downstream_finish(false);
    if ends {
        session.set_keepalive(None);
    }
}

fn in_seconds(wait: Option<Duration>) -> String {
    wait.map(|wait| format!("; try again in {} s", wait.as_secs().max(1)))
        .unwrap_or_default()
}

/// Whether the client sends its body only after `100 Continue`.
pub(crate) fn expects_continue(head: &pingora_http::RequestHeader) -> bool {
    head.headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
