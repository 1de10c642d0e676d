//! What of a request is traced.

use http::header::HeaderValue;

use super::observed::Observed;
use crate::request::spans::{self, TracedRequest};

impl Observed {
    /// What an attempt tells the provider of the trace, where it is traced.
    pub(super) fn traceparent(&self) -> Option<HeaderValue> {
        let traced = self.asked.traced?;
        let attempt = self.served.tried.last()?;
        HeaderValue::from_str(&traced.header(attempt.span)).ok()
    }

    /// Sends its spans, where it is traced.
    pub(super) fn trace(&self) {
        let Some(traced) = self.asked.traced else {
            return;
        };
        let spans = spans::of(&self.live, traced, &self.traced_request());
        self.gateway.traces.add(spans);
    }

    fn traced_request(&self) -> TracedRequest<'_> {
        let (asked, served, end) = (&self.asked, &self.served, &self.end);
        TracedRequest {
            id: asked.id.as_str(),
            started: self.started,
            duration: end.duration,
            method: asked.method.as_str(),
            path: &asked.path,
            endpoint: asked.endpoint,
            tenant: asked.tenant,
            model: served.model.as_deref().or(asked.model.as_deref()),
            outcome: end.outcome,
            reason: end.reason,
            status: end.status,
            limit_waited: served.limit_waited,
            waited: served.waited,
            behind: served.behind,
            fell_back: served.fell_back,
            attempts: &served.tried,
            usage: end.usage,
        }
    }
}
