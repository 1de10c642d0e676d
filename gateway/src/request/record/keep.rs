//! What is kept of a request among the last ones.

use keyweir_policy::tenancy::money::Money;

use super::observed::Observed;
use crate::telemetry::recent::{Texts, Told};

impl Observed {
    /// Keeps what became of it and what it cost, for whoever asks why.
    pub(super) fn keep(&self, cost: Money) {
        let (asked, served, end) = (&self.asked, &self.served, &self.end);
        let recent = self.gateway.recent.load();
        if recent.len() == 0 {
            return;
        }
        let told = Told {
            started: self.started,
            duration: end.duration,
            tenant: asked.tenant,
            endpoint: asked.endpoint,
            stream: asked.stream,
            status: end.status,
            outcome: end.outcome.as_str(),
            reason: end.reason,
            limit_waited: served.limit_waited,
            waited: served.waited,
            behind: served.behind,
            fell_back: served.fell_back,
            first_byte: end.first_byte,
            attempts: served.attempts,
            usage: end.usage,
            cost,
        };
        let model = served.model.as_ref().or(asked.model.as_ref());
        let texts = Texts {
            id: asked.id.as_str(),
            model: model.map_or("", String::as_str),
            refusal: end.lack.as_deref().unwrap_or_default(),
            limit: served.limit_waited_for.as_deref().unwrap_or_default(),
        };
        recent.keep(texts, told, &served.tried);
    }
}
