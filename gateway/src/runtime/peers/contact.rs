//! Whether the store answers and the others are heard: what operators are told of it, how long the others
//! are waited for after a silence, and when a store that fails is asked again.

use std::time::{Duration, Instant};

use keyweir_policy::config::file::RedisSettings;
use keyweir_policy::pool::Pool;

use super::store_error::StoreError;
use crate::runtime::gateway::Gateway;
use crate::runtime::shared::Standing;
use crate::telemetry::events::{Event, Severity};

/// A gateway that says nothing for so long is gone, and for so many exchanges.
const GONE_AFTER: Duration = Duration::from_secs(2);
const GONE_AFTER_EXCHANGES: u32 = 20;
/// The others count as heard until so many exchanges have failed: one that was late is no silence.
const SILENT_AFTER_EXCHANGES: u32 = 3;
/// The longest pause before a store that fails is asked again.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// This gateway's contact with the others.
#[derive(Debug, Default)]
pub(super) struct Contact {
    heard_at: Option<Instant>,
    /// Since when the others are awaited.
    back_at: Option<Instant>,
    failures: u32,
}

impl Contact {
    /// The store has answered.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
    }

    /// The others were heard.
    pub(super) fn heard(&mut self) {
        self.heard_at = Some(Instant::now());
    }

    /// There is no store any more.
    pub(super) fn end(&mut self, gateway: &Gateway) {
        self.heard_at = None;
        lose(gateway);
    }

    /// After a silence each has gone on with its share, and whoever is back first may not take the others
    /// to be gone: it waits for them for as long as they take to ask again. So it does where the store
    /// `is_another`: it has forgotten who there is, or its clock has leapt.
    pub(super) fn awaits_others(
        &mut self,
        gateway: &Gateway,
        others: usize,
        is_another: bool,
    ) -> bool {
        let is_silent = matches!(gateway.shared.standing(), Standing::Silent { .. });
        if is_another || (is_silent && self.back_at.is_none()) {
            self.back_at = Some(Instant::now());
        }
        let are_back = others + 1 >= gateway.replicas.heard() as usize;
        let is_early = |back_at: Instant| back_at.elapsed() < PAUSE_MAX + GONE_AFTER;
        !are_back && self.back_at.is_some_and(is_early)
    }

    /// The store answers, and the others are awaited. Where that goes on, it forgets them again and again.
    pub(super) fn waits(&mut self, gateway: &Gateway, settings: &RedisSettings) {
        if matches!(gateway.shared.standing(), Standing::Heard { .. }) {
            let why = "forgets what it is told: it evicts keys (maxmemory-policy), or somebody deletes them";
            self.falls_silent(gateway, settings, &StoreError::Kind(why));
        }
    }

    /// All is well with the store at `address`.
    pub(super) fn stands(&mut self, gateway: &Gateway, address: &str) {
        let replicas = gateway.replicas.heard();
        let since = match gateway.shared.standing() {
            Standing::Heard { since, store } if store == address => since,
            _ => Instant::now(),
        };
        let next = Standing::Heard {
            since,
            store: address.to_owned(),
        };
        gateway.metrics.shared.up(true);
        self.back_at = None;
        if !matches!(gateway.shared.set(next), Standing::Heard { .. }) {
            tracing::info!(
                redis = %address,
                replicas,
                "gateways tell one another what they take: limits hold over all of them"
            );
            let text = "gateways tell one another what they take";
            gateway.events.add(Event::new(Severity::Info, text));
        }
    }

    /// The store has not answered. After a few times the others are not heard any more.
    pub(super) fn failed(
        &mut self,
        gateway: &Gateway,
        settings: &RedisSettings,
        error: &StoreError,
    ) {
        self.failures = self.failures.saturating_add(1);
        self.back_at = None;
        self.falls_silent(gateway, settings, error);
    }

    fn falls_silent(&self, gateway: &Gateway, settings: &RedisSettings, error: &StoreError) {
        let silent = (settings.interval + settings.timeout) * SILENT_AFTER_EXCHANGES;
        if self.heard_at.is_some_and(|at| at.elapsed() < silent) {
            return;
        }
        let (reason, why) = (error.as_str(), error.to_string());
        let before = gateway.shared.standing();
        let (since, is_told) = match before {
            Standing::Silent {
                since, reason: it, ..
            } => (since, it == reason),
            _ => (self.heard_at.unwrap_or_else(Instant::now), false),
        };
        let next = Standing::Silent { since, reason, why };
        if !matches!(gateway.shared.set(next), Standing::Silent { .. }) {
            lose(gateway);
        }
        gateway.metrics.shared.up(false);
        if !is_told {
            let urls: Vec<String> = settings.urls.iter().map(ToString::to_string).collect();
            tracing::warn!(
                redis = %urls.join(", "),
                reason,
                "redis {error}; other gateways are not heard, and limits are shared out evenly \
                 until it is back"
            );
            let text = format!("redis {error}; limits are shared out evenly");
            gateway.events.add(Event::new(Severity::Warning, text));
        }
    }

    /// How long a store that has failed is left alone.
    pub(super) fn pause(&self, settings: &RedisSettings) -> Duration {
        let doubled = settings.interval * 2_u32.pow(self.failures.min(10));
        // Gateways do not ask a store that comes back all at once.
        doubled.min(PAUSE_MAX).mul_f64(0.5 + 0.5 * fastrand::f64())
    }
}

/// After how long a gateway that says nothing is gone.
pub(super) fn expires(settings: &RedisSettings) -> Duration {
    GONE_AFTER.max(settings.interval * GONE_AFTER_EXCHANGES)
}

/// The others are not heard any more: all go by what they know.
fn lose(gateway: &Gateway) {
    gateway.tenancy.with(|meters, _| meters.lose());
    for provider in gateway.live().providers.values() {
        provider.pool.with(Pool::lose);
    }
}
