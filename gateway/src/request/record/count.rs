//! What of a request is counted in metrics, and when.

use std::time::Duration;

use keyweir_policy::tenancy::lack::Lacking;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{ProviderId, TenantId};

use super::observed::{Observed, UNENDED};
use crate::telemetry::outcome::Outcome;

impl Observed {
    pub(super) fn count_limit(&self, lacking: Lacking, action: &str) {
        self.count_limit_named(lacking.as_str(), action);
    }

    pub(super) fn count_limit_named(&self, limit: &str, action: &str) {
        let tenant = self
            .asked
            .tenant
            .and_then(|tenant| self.live.tenant(tenant));
        let tenant = tenant.map_or("", |tenant| tenant.id.as_str());
        let metrics = &self.gateway.metrics.tenancy;
        metrics.limited(tenant, limit, action);
    }

    /// Of all attempts it was in the waiting room for `waited`; what is new of that was for the
    /// provider that is asked now.
    pub(super) fn count_wait(&mut self, waited: Duration) {
        let more = waited.saturating_sub(self.served.waited);
        self.served.waited = waited;
        if !more.is_zero()
            && let Some(provider) = self.served.provider
        {
            let metrics = self.live.provider_metrics(provider);
            metrics.waited.observe(more.as_secs_f64());
        }
    }

    /// Another attempt begins.
    pub(super) fn count_begun(&mut self, began: Duration) {
        let served = &mut self.served;
        served.attempts += 1;
        served.attempts_here += 1;
        let Some(provider) = served.provider else {
            return;
        };
        let metrics = self.live.provider_metrics(provider);
        if served.attempts == 1 {
            let waited = served.limit_waited + served.waited;
            let own = began.saturating_sub(self.asked.read_after + waited);
            metrics.overhead.observe(own.as_secs_f64());
        }
        if served.attempts_here > 1 {
            let before = served.tried.iter().nth_back(1);
            metrics.retried(before.map_or(UNENDED, |before| before.fault));
        }
    }

    /// The answer has begun.
    pub(super) fn count_answer(&self) {
        if let (Some(provider), Some(attempt), Some(first_byte)) = (
            self.served.provider,
            self.served.tried.last(),
            self.end.first_byte,
        ) {
            let took = first_byte.saturating_sub(attempt.began);
            let metrics = self.live.provider_metrics(provider);
            metrics.answer_began.observe(took.as_secs_f64());
        }
    }

    pub(super) fn count_connection(&self, reused: bool) {
        if let Some(provider) = self.served.provider {
            let metrics = self.live.provider_metrics(provider);
            let connects = if reused {
                &metrics.reused
            } else {
                &metrics.connected
            };
            connects.inc();
        }
    }

    pub(super) fn count_hidden_fault(&self) {
        if let Some(provider) = self.served.provider {
            self.live.provider_metrics(provider).hidden.inc();
        }
    }

    pub(super) fn count_attempt(&self, fault: Fault) {
        if let (Some(provider), Some(account)) = (self.served.provider, self.served.account) {
            let metrics = self.live.provider_metrics(provider);
            self.gateway.metrics.attempted(metrics, account, &fault);
        }
    }

    /// Counts the request, which is over.
    pub(super) fn count_ended(&self) {
        match (self.served.provider, self.asked.endpoint, self.asked.tenant) {
            (Some(provider), Some(endpoint), Some(tenant)) => {
                self.count(provider, endpoint, tenant);
            }
            _ => self.count_early(),
        }
    }

    fn count_early(&self) {
        self.gateway.metrics.ended_early(self.end.outcome);
        if let Some(reason) = self.end.reason {
            self.gateway.metrics.refused_early(reason);
        }
    }

    fn count(&self, provider: ProviderId, endpoint: Endpoint, tenant: TenantId) {
        let (metrics, end) = (&self.gateway.metrics, &self.end);
        let of_tenant = self.live.tenant_metrics(metrics, tenant, provider);
        metrics.ended(of_tenant, endpoint, end.outcome);
        of_tenant.input.inc_by(end.usage.input.unwrap_or(0));
        of_tenant
            .cache_read
            .inc_by(end.usage.cache_read.unwrap_or(0));
        of_tenant.output.inc_by(end.usage.output.unwrap_or(0));
        let of_provider = self.live.provider_metrics(provider);
        of_provider
            .duration(endpoint)
            .observe(end.duration.as_secs_f64());
        if let Some(first_byte) = end.first_byte {
            of_provider
                .first_byte(endpoint)
                .observe(first_byte.as_secs_f64());
        }
        if let (true, Some(first_byte), Some(tokens @ 2..)) =
            (self.asked.stream, end.first_byte, end.usage.output)
        {
            let took = end.duration.saturating_sub(first_byte);
            let each = took.as_secs_f64() / (tokens - 1) as f64;
            of_provider.output_token.observe(each);
        }
        if let (Outcome::Refused, Some(reason)) = (end.outcome, end.reason) {
            metrics.refused(&self.live.provider(provider).id, reason);
        }
    }
}
