//! A request's line in the access log.

use keyweir_policy::tenancy::request::Cost;

use super::observed::Observed;
use crate::downstream::client::Client;
use crate::telemetry::access_log::line::{FailedAttempt, Line};
use crate::telemetry::outcome::Outcome;

impl Observed {
    /// Writes its line, where the log is on and the line is not left out of the sample.
    pub(super) fn log(&self, client: &Client, cost: &Cost) {
        if !self.gateway.access_log.is_on() {
            return;
        }
        let sample = self.live.settings().access_log.sample;
        let is_sampled = sample < 1.0 && self.is_uneventful();
        if is_sampled && fastrand::f64() >= sample {
            return;
        }
        let trace_id = self.asked.trace.map(|trace| trace.trace_id());
        let (asked, served, end) = (&self.asked, &self.served, &self.end);
        let provider = served.provider.map(|provider| self.live.provider(provider));
        let parts = provider.map(|provider| provider.pool.parts.load());
        let tenant = asked.tenant.and_then(|tenant| self.live.tenant(tenant));
        let group = tenant.and_then(|tenant| self.live.policy.groups.get(tenant.group?));
        self.gateway.access_log.write(&Line {
            request_id: asked.id.as_str(),
            client: client.peer.address,
            agent: asked.agent,
            trace_id: trace_id.as_deref(),
            sampled: is_sampled.then_some(sample),
            method: asked.method.as_str(),
            path: &asked.path,
            tenant: tenant.map(|tenant| tenant.id.as_str()),
            group: group.map(|group| group.id.as_str()),
            provider: provider.map(|provider| provider.id.as_str()),
            model: served
                .model
                .as_ref()
                .or(asked.model.as_ref())
                .map(String::as_str),
            asked_model: served.model.as_ref().and(asked.model.as_deref()),
            fell_back: served.fell_back,
            stream: asked.stream,
            status: end.status,
            outcome: end.outcome.as_str(),
            reason: end.reason,
            refusal: end.lack.as_deref(),
            account: parts
                .as_ref()
                .zip(served.account)
                .map(|(parts, account)| parts.account(account)),
            key: parts
                .as_ref()
                .zip(served.key)
                .map(|(parts, key)| parts.key(key)),
            attempts: served.attempts,
            failed: self.failed_attempts(),
            limit_waited: served.limit_waited,
            limit_waited_for: served.limit_waited_for.as_deref(),
            waited: served.waited,
            first_byte: end.first_byte,
            duration: end.duration,
            bytes_in: asked.bytes as u64,
            bytes_out: client.bytes_out(),
            input_tokens: end.usage.input,
            cache_read_tokens: end.usage.cache_read,
            output_tokens: end.usage.output,
            cache_write_tokens: end.usage.cache_write.map(u64::from),
            cost_usd: cost.money,
        });
    }

    /// Answered at the first attempt, without waiting or falling back.
    fn is_uneventful(&self) -> bool {
        let served = &self.served;
        self.end.outcome == Outcome::Answered
            && served.attempts <= 1
            && served.limit_waited.is_zero()
            && served.waited.is_zero()
            && !served.fell_back
    }

    fn failed_attempts(&self) -> Vec<FailedAttempt<'_>> {
        let named = self.served.failed().map(|failed| {
            let provider = self.live.provider(failed.provider);
            FailedAttempt {
                provider: &provider.id,
                key: provider.pool.parts.load().key(failed.key).to_owned(),
                fault: failed.fault,
                took: failed.took.unwrap_or_default(),
            }
        });
        named.collect()
    }
}
