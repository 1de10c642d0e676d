//! What is known of one request when it ends, for the metrics and the access log.

use std::time::{Duration, Instant};

use keyweir_policy::dialect::{Dialect, Endpoint};
use keyweir_policy::ids::{AccountId, KeyId, TenantId};
use keyweir_policy::pool::Usage;
use pingora_http::RequestHeader;

use super::Outcome;
use super::route::Routed;
use crate::downstream::client::Client;
use crate::downstream::request_id::RequestId;
use crate::runtime::gateway::{Gateway, Live};
use crate::telemetry::access_log::Line;

/// The longest path in a line of the log.
const PATH_MAX: usize = 256;

/// One request, as far as it has come.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: RequestId,
    pub(crate) dialect: Dialect,
    pub(crate) started: Instant,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) provider: Option<usize>,
    pub(crate) model: Option<String>,
    pub(crate) stream: bool,
    /// It is served by another choice than its first.
    pub(crate) fell_back: bool,
    pub(crate) bytes_in: u64,
    pub(crate) attempts: u32,
    pub(crate) waited: Duration,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) account: Option<AccountId>,
    pub(crate) key: Option<KeyId>,
    pub(crate) usage: Usage,
    method: http::Method,
    path: String,
    endpoint: Option<Endpoint>,
    outcome: Outcome,
    reason: Option<&'static str>,
    status: u16,
}

impl Record {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            id: RequestId::new(),
            dialect,
            started: Instant::now(),
            tenant: None,
            provider: None,
            model: None,
            stream: false,
            fell_back: false,
            bytes_in: 0,
            attempts: 0,
            waited: Duration::ZERO,
            first_byte: None,
            account: None,
            key: None,
            usage: Usage::default(),
            method: http::Method::GET,
            path: String::new(),
            endpoint: None,
            outcome: Outcome::ClientLeft,
            reason: None,
            status: 0,
        }
    }

    /// Notes what was asked, without its query, which is content.
    pub(crate) fn see(&mut self, head: &RequestHeader) {
        self.method = head.method.clone();
        let path = head.uri.path();
        let end = (0..=path.len().min(PATH_MAX))
            .rev()
            .find(|at| path.is_char_boundary(*at));
        self.path.push_str(&path[..end.unwrap_or(0)]);
    }

    pub(crate) fn routed(&mut self, routed: &Routed<'_>) {
        self.dialect = routed.dialect;
        self.endpoint = Some(routed.route.endpoint);
    }

    /// The first byte of the answer is on its way.
    pub(crate) fn answering(&mut self, status: u16) {
        self.first_byte = Some(self.started.elapsed());
        self.status = status;
    }

    pub(crate) fn ended(&mut self, outcome: Outcome, status: u16) {
        self.outcome = outcome;
        self.status = status;
    }

    pub(crate) fn broke(&mut self, reason: &'static str) {
        self.outcome = Outcome::Broken;
        self.reason = Some(reason);
    }

    pub(crate) fn refused(&mut self, reason: &'static str, status: u16) {
        self.ended(Outcome::Refused, status);
        self.reason = Some(reason);
    }

    pub(crate) fn client_left(&mut self) {
        self.outcome = Outcome::ClientLeft;
    }

    /// Counts and logs a request whose head could not be read.
    pub(crate) fn finish_unread(&self, gateway: &Gateway, client: &Client) {
        self.count_early(gateway);
        self.log(gateway, None, client);
    }

    /// Counts and logs the request.
    pub(crate) fn finish(&self, gateway: &Gateway, live: &Live, client: &Client) {
        match (self.provider, self.endpoint, self.tenant) {
            (Some(provider), Some(endpoint), Some(tenant)) => {
                self.count(gateway, live, provider, endpoint, tenant);
            }
            _ => self.count_early(gateway),
        }
        self.log(gateway, Some(live), client);
    }

    fn count_early(&self, gateway: &Gateway) {
        gateway.metrics.ended_early(self.outcome);
        if let Some(reason) = self.reason {
            gateway.metrics.refused_early(reason);
        }
    }

    fn count(
        &self,
        gateway: &Gateway,
        live: &Live,
        provider: usize,
        endpoint: Endpoint,
        tenant: TenantId,
    ) {
        let metrics = &gateway.metrics;
        let of_tenant = live.tenant_metrics(metrics, tenant, provider);
        metrics.ended(of_tenant, endpoint, self.outcome);
        of_tenant.input.inc_by(self.usage.input.unwrap_or(0));
        of_tenant
            .cache_read
            .inc_by(self.usage.cache_read.unwrap_or(0));
        of_tenant.output.inc_by(self.usage.output.unwrap_or(0));
        let of_provider = live.provider_metrics(provider);
        of_provider
            .duration(endpoint)
            .observe(self.started.elapsed().as_secs_f64());
        if let Some(first_byte) = self.first_byte {
            of_provider
                .first_byte(endpoint)
                .observe(first_byte.as_secs_f64());
        }
        if !self.waited.is_zero() {
            of_provider.waited.observe(self.waited.as_secs_f64());
        }
        of_provider
            .retries
            .inc_by(u64::from(self.attempts.saturating_sub(1)));
        if let (Outcome::Refused, Some(reason)) = (self.outcome, self.reason) {
            metrics.refused(&live.providers[provider].id, reason);
        }
    }

    fn log(&self, gateway: &Gateway, live: Option<&Live>, client: &Client) {
        if !gateway.access_log.is_on() {
            return;
        }
        let provider = live
            .zip(self.provider)
            .map(|(live, position)| &live.providers[position]);
        let tenant = live
            .zip(self.tenant)
            .and_then(|(live, tenant)| live.tenant(tenant));
        gateway.access_log.write(&Line {
            request_id: self.id.as_str(),
            client: client.address,
            method: self.method.as_str(),
            path: &self.path,
            tenant: tenant.map(|tenant| tenant.id.as_str()),
            provider: provider.map(|provider| provider.id.as_str()),
            model: self.model.as_deref(),
            stream: self.stream,
            status: self.status,
            outcome: self.outcome.as_str(),
            reason: self.reason,
            account: provider
                .zip(self.account)
                .map(|(provider, account)| provider.accounts[account.index()].as_str()),
            key: provider
                .zip(self.key)
                .map(|(provider, key)| provider.key(key).label.as_str()),
            attempts: self.attempts,
            waited: self.waited,
            first_byte: self.first_byte,
            duration: self.started.elapsed(),
            bytes_in: self.bytes_in,
            bytes_out: client.bytes_out(),
            input_tokens: self.usage.input,
            cache_read_tokens: self.usage.cache_read,
            output_tokens: self.usage.output,
        });
    }
}
