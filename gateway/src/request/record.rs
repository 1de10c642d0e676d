//! The one who is told what happens to a request: metrics and the access log are fed from here, and
//! nobody else counts anything about requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue};
use keyweir_policy::tenancy::lack::{Lack, Lacking};
use keyweir_policy::tenancy::request::{Reserved, Used};
use keyweir_policy::tenancy::tally::Place;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_policy::terms::request::Usage;
use pingora_http::RequestHeader;

use crate::downstream::client::Client;
use crate::downstream::request_id::RequestId;
use crate::request::charge::Charge;
use crate::runtime::gateway::{Gateway, Live};
use crate::telemetry::access_log::{FailedAttempt, Line};
use crate::telemetry::escape::beginning;
use crate::telemetry::outcome::Outcome;

/// The longest path in a line of the log.
const PATH_BYTES_MAX: usize = 256;

/// Something that happened to a request, in the order in which it can.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// Its head was read.
    Received(&'a RequestHeader),
    /// Its path was understood.
    Routed {
        dialect: Dialect,
        endpoint: Endpoint,
    },
    /// Its caller was told.
    Authenticated(TenantId),
    /// Its body was read.
    BodyRead { bytes: usize },
    /// What it asks for was understood.
    Described {
        model: Option<&'a str>,
        stream: bool,
    },
    /// It does not fit in what its tenant may use.
    Lacks(&'a Lack),
    /// It does, and holds this of it.
    Reserved(Box<Reserved>),
    /// A provider was chosen, or another one.
    Chosen(Chosen),
    /// A key was granted, after `waited` in the waiting room, over all attempts.
    AttemptBegan {
        account: AccountId,
        key: KeyId,
        waited: Duration,
    },
    /// A connection was taken for the attempt.
    Connected { reused: bool },
    /// A stream failed before its first content.
    FaultHidden,
    /// The attempt is over.
    AttemptEnded { fault: Fault },
    /// The answer's head goes to the client.
    AnswerBegan { status: u16 },
    /// The provider said what it charged.
    Charged(Usage),
    /// The client has its answer.
    Ended { outcome: Outcome, status: u16 },
    /// The answer broke in front of the client.
    Broke { status: u16, reason: &'static str },
    /// The gateway refused it.
    Refused { reason: &'static str, status: u16 },
    /// The client left.
    ClientLeft,
}

/// A choice of provider.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) provider: ProviderId,
    /// The model that is asked for instead of the one named.
    pub(crate) model: Option<String>,
    pub(crate) fell_back: bool,
    /// How long it was in the waiting room before, over all attempts.
    pub(crate) waited: Duration,
}

/// What is known of one request.
pub(crate) struct Record {
    gateway: Arc<Gateway>,
    live: Arc<Live>,
    started: Instant,
    asked: Asked,
    served: Served,
    end: End,
    charge: Charge,
    /// The origin whose pages may read the answer.
    cors: Option<HeaderValue>,
}

/// Who asks for what.
#[derive(Debug)]
struct Asked {
    id: RequestId,
    dialect: Dialect,
    method: http::Method,
    path: String,
    endpoint: Option<Endpoint>,
    tenant: Option<TenantId>,
    model: Option<String>,
    stream: bool,
    bytes: usize,
}

/// Who served it.
#[derive(Debug, Default)]
struct Served {
    provider: Option<ProviderId>,
    account: Option<AccountId>,
    key: Option<KeyId>,
    /// The model that was asked for instead of the one named.
    model: Option<String>,
    attempts: u32,
    /// Of those, at the provider that is asked now.
    attempts_here: u32,
    waited: Duration,
    fell_back: bool,
    /// The attempt that runs, or ran last, and since when.
    attempt_began: Option<Instant>,
    failed: Vec<Failed>,
}

/// An attempt that failed.
#[derive(Debug)]
struct Failed {
    provider: ProviderId,
    key: KeyId,
    fault: &'static str,
    took: Duration,
}

/// How it ended.
#[derive(Debug)]
struct End {
    outcome: Outcome,
    reason: Option<&'static str>,
    status: u16,
    first_byte: Option<Duration>,
    usage: Usage,
}

impl Record {
    pub(crate) fn new(gateway: &Arc<Gateway>, live: &Arc<Live>, dialect: Dialect) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            live: Arc::clone(live),
            started: Instant::now(),
            asked: Asked {
                id: RequestId::new(),
                dialect,
                method: http::Method::GET,
                path: String::new(),
                endpoint: None,
                tenant: None,
                model: None,
                stream: false,
                bytes: 0,
            },
            served: Served::default(),
            charge: Charge::default(),
            cors: None,
            end: End {
                outcome: Outcome::ClientLeft,
                reason: None,
                status: 0,
                first_byte: None,
                usage: Usage::default(),
            },
        }
    }

    pub(crate) const fn id(&self) -> RequestId {
        self.asked.id
    }

    /// The dialect to speak to the client.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.asked.dialect
    }

    /// The origin whose pages may read the answer.
    pub(crate) const fn cors(&self) -> Option<&HeaderValue> {
        self.cors.as_ref()
    }

    /// Pages of this origin may read the answer.
    pub(crate) fn readable_by(&mut self, origin: Option<HeaderValue>) {
        self.cors = origin;
    }

    pub(crate) const fn started(&self) -> Instant {
        self.started
    }

    /// Notes what happened.
    pub(crate) fn on(&mut self, event: Event<'_>) {
        let (asked, served, end) = (&mut self.asked, &mut self.served, &mut self.end);
        match event {
            Event::Received(head) => asked.see(head),
            Event::Routed { dialect, endpoint } => {
                asked.dialect = dialect;
                asked.endpoint = Some(endpoint);
            }
            Event::Authenticated(tenant) => asked.tenant = Some(tenant),
            Event::BodyRead { bytes } => asked.bytes = bytes,
            Event::Described { model, stream } => {
                asked.model = model.map(str::to_owned);
                asked.stream = stream;
            }
            Event::Lacks(lack) => {
                self.charge.lacks(lack.left);
                self.count_limit(lack.lacking, "refused");
            }
            Event::Reserved(reserved) => self.hold(*reserved),
            Event::Chosen(chosen) => {
                self.choose(chosen);
            }
            Event::AttemptBegan {
                account,
                key,
                waited,
            } => {
                served.account = Some(account);
                served.key = Some(key);
                served.attempt_began = Some(Instant::now());
                self.count_wait(waited);
                self.count_begun();
            }
            Event::Connected { reused } => self.count_connection(reused),
            Event::FaultHidden => self.count_hidden_fault(),
            Event::AttemptEnded { fault } => {
                served.note_failure(fault);
                self.count_attempt(fault);
                if matches!(fault, Fault::None | Fault::ClientLeft) {
                    self.settle();
                }
            }
            Event::AnswerBegan { status } => {
                end.first_byte = Some(self.started.elapsed());
                end.status = status;
            }
            Event::Charged(usage) => end.usage = usage,
            Event::Ended { outcome, status } => end.ended(outcome, status, None),
            Event::Broke { status, reason } => end.ended(Outcome::Broken, status, Some(reason)),
            Event::Refused { reason, status } => end.ended(Outcome::Refused, status, Some(reason)),
            Event::ClientLeft => end.outcome = Outcome::ClientLeft,
        }
    }

    /// What it holds of its tenant's limits is settled, by what is known of what it used. The answer's
    /// end comes after: whoever has it may ask again at once.
    pub(crate) fn settle(&mut self) {
        if self.charge.is_settled() {
            return;
        }
        let (asked, served) = (&self.asked, &self.served);
        let (Some(tenant), Some(provider)) = (asked.tenant, served.provider) else {
            return;
        };
        let model = served.model.as_ref().or(asked.model.as_ref());
        let place = Place {
            day: 0,
            tenant,
            provider,
            account: served.account.unwrap_or(AccountId(u32::MAX)),
            key: served.key.unwrap_or(KeyId(u32::MAX)),
            model: model.cloned().unwrap_or_default(),
        };
        let used = self.used();
        self.charge.settle((&self.gateway, &self.live), place, used);
    }

    /// What its answers tell of its tenant's limits.
    pub(crate) fn bounds(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.charge.headers(self.asked.dialect)
    }

    fn used(&self) -> Used {
        let (served, end) = (&self.served, &self.end);
        if end.usage != Usage::default() {
            return Used::Told(end.usage);
        }
        if served.attempts == 0 {
            return Used::Nothing;
        }
        let failed = u32::try_from(served.failed.len()).unwrap_or(u32::MAX);
        if failed < served.attempts || end.first_byte.is_some() && end.status < 400 {
            return Used::Untold;
        }
        // Whatever was tried failed, and nobody charges for that.
        Used::Told(Usage::default())
    }

    fn hold(&mut self, reserved: Reserved) {
        if !reserved.wait.is_zero() {
            self.count_limit_named("any", "waited");
        }
        if let Some(shadowed) = reserved.shadowed {
            self.count_limit(shadowed, "shadowed");
        }
        self.charge.hold(reserved);
    }

    fn count_limit(&self, lacking: Lacking, action: &str) {
        self.count_limit_named(lacking.as_str(), action);
    }

    fn count_limit_named(&self, limit: &str, action: &str) {
        let tenant = self
            .asked
            .tenant
            .and_then(|tenant| self.live.tenant(tenant));
        let tenant = tenant.map_or("", |tenant| tenant.id.as_str());
        let metrics = &self.gateway.metrics.tenancy;
        metrics.limited(tenant, limit, action);
    }

    /// Counts and logs the request.
    pub(crate) fn finish(&mut self, client: &Client) {
        self.settle();
        match (self.served.provider, self.asked.endpoint, self.asked.tenant) {
            (Some(provider), Some(endpoint), Some(tenant)) => {
                self.count(provider, endpoint, tenant);
            }
            _ => self.count_early(),
        }
        self.log(client);
    }

    fn choose(&mut self, chosen: Chosen) {
        self.count_wait(chosen.waited);
        if chosen.fell_back
            && let Some(left) = self.served.provider
        {
            self.live.provider_metrics(left).fallbacks.inc();
        }
        let served = &mut self.served;
        served.provider = Some(chosen.provider);
        served.model = chosen.model;
        served.fell_back = chosen.fell_back;
        served.attempts_here = 0;
    }

    /// Of all attempts it was in the waiting room for `waited`; what is new of that was for the
    /// provider that is asked now.
    fn count_wait(&mut self, waited: Duration) {
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
    fn count_begun(&mut self) {
        let served = &mut self.served;
        served.attempts += 1;
        served.attempts_here += 1;
        if served.attempts_here > 1
            && let Some(provider) = served.provider
        {
            self.live.provider_metrics(provider).retries.inc();
        }
    }

    fn count_connection(&self, reused: bool) {
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

    fn count_hidden_fault(&self) {
        if let Some(provider) = self.served.provider {
            self.live.provider_metrics(provider).hidden.inc();
        }
    }

    fn count_attempt(&self, fault: Fault) {
        if let (Some(provider), Some(account)) = (self.served.provider, self.served.account) {
            let metrics = self.live.provider_metrics(provider);
            self.gateway
                .metrics
                .attempted(metrics, account, fault.as_str());
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
            .observe(self.started.elapsed().as_secs_f64());
        if let Some(first_byte) = end.first_byte {
            of_provider
                .first_byte(endpoint)
                .observe(first_byte.as_secs_f64());
        }
        if let (Outcome::Refused, Some(reason)) = (end.outcome, end.reason) {
            metrics.refused(&self.live.provider(provider).id, reason);
        }
    }

    fn failed_attempts(&self) -> Vec<FailedAttempt<'_>> {
        let named = self.served.failed.iter().map(|failed| {
            let provider = self.live.provider(failed.provider);
            FailedAttempt {
                provider: &provider.id,
                key: provider.pool.parts.load().key(failed.key).to_owned(),
                fault: failed.fault,
                took: failed.took,
            }
        });
        named.collect()
    }

    fn log(&self, client: &Client) {
        if !self.gateway.access_log.is_on() {
            return;
        }
        let (asked, served, end) = (&self.asked, &self.served, &self.end);
        let provider = served.provider.map(|provider| self.live.provider(provider));
        let parts = provider.map(|provider| provider.pool.parts.load());
        let tenant = asked.tenant.and_then(|tenant| self.live.tenant(tenant));
        self.gateway.access_log.write(&Line {
            request_id: asked.id.as_str(),
            client: client.peer.address,
            method: asked.method.as_str(),
            path: &asked.path,
            tenant: tenant.map(|tenant| tenant.id.as_str()),
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
            waited: served.waited,
            first_byte: end.first_byte,
            duration: self.started.elapsed(),
            bytes_in: asked.bytes as u64,
            bytes_out: client.bytes_out(),
            input_tokens: end.usage.input,
            cache_read_tokens: end.usage.cache_read,
            output_tokens: end.usage.output,
            cache_write_tokens: end.usage.cache_write.map(u64::from),
            cost_usd: self.charge.cost().money,
        });
    }
}

impl Drop for Record {
    /// Its task has ended where nobody expected it.
    fn drop(&mut self) {
        self.settle();
    }
}

impl Served {
    fn note_failure(&mut self, fault: Fault) {
        if matches!(fault, Fault::None | Fault::ClientLeft) {
            return;
        }
        if let (Some(provider), Some(key)) = (self.provider, self.key) {
            let began = self.attempt_began.map(|began| began.elapsed());
            self.failed.push(Failed {
                provider,
                key,
                fault: fault.as_str(),
                took: began.unwrap_or_default(),
            });
        }
    }
}

impl Asked {
    /// Notes what was asked, without its query, which is content.
    fn see(&mut self, head: &RequestHeader) {
        self.method = head.method.clone();
        self.path
            .push_str(beginning(head.uri.path(), PATH_BYTES_MAX));
    }
}

impl End {
    fn ended(&mut self, outcome: Outcome, status: u16, reason: Option<&'static str>) {
        self.outcome = outcome;
        self.status = status;
        self.reason = reason;
    }
}
