//! The observer of a request's events: metrics, the access log and traces are fed from here, and nothing
//! else counts anything about requests.
//!
//! ```text
//! event:    what can happen
//! observed: what is known so far
//! count:    → metrics
//! charged:  → the tenant's limits and the ledger
//! log:      → the access log
//! keep:     → the last requests, for whoever asks why
//! trace:    → spans
//! ```

mod charged;
mod count;
mod event;
mod keep;
mod log;
mod observed;
mod trace;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use keyweir_policy::tenancy::lack::Lack;
use keyweir_policy::tenancy::request::Reserved;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::ProviderId;

pub(crate) use self::event::{Chosen, Event};
use self::observed::Observed;
use crate::downstream::client::Client;
use crate::downstream::request_id::RequestId;
use crate::request::charge::Charge;
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::trace_context::Traced;

/// What is known of one request, and what it holds.
pub(crate) struct Record {
    observed: Observed,
    charge: Charge,
    /// It has held something of its tenant's limits.
    has_reserved: bool,
    /// It has waited for them.
    has_waited: bool,
    /// The origin whose pages may read the answer.
    cors: Option<HeaderValue>,
}

impl Record {
    pub(crate) fn new(gateway: &Arc<Gateway>, live: &Arc<Live>, dialect: Dialect) -> Self {
        Self {
            observed: Observed::new(gateway, live, dialect),
            charge: Charge::default(),
            has_reserved: false,
            has_waited: false,
            cors: None,
        }
    }

    pub(crate) const fn id(&self) -> RequestId {
        self.observed.asked.id
    }

    /// The dialect to speak to the client.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.observed.asked.dialect
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
        self.observed.started
    }

    /// Notes what happened.
    pub(crate) fn on(&mut self, event: Event<'_>) {
        let observed = &mut self.observed;
        let (asked, served, end) = (&mut observed.asked, &mut observed.served, &mut observed.end);
        match event {
            Event::Received(head) => {
                asked.see(head);
                let traces = &observed.live.settings().traces;
                if traces.endpoint.is_some() {
                    asked.traced = Traced::begin(asked.trace, traces.sample);
                }
            }
            Event::Routed { dialect, endpoint } => {
                asked.dialect = dialect;
                asked.endpoint = Some(endpoint);
            }
            Event::Authenticated(tenant) => asked.tenant = Some(tenant),
            Event::BodyRead { bytes } => {
                asked.bytes = bytes;
                asked.read_after = observed.started.elapsed();
            }
            Event::Described { model, stream } => {
                asked.model = model.map(str::to_owned);
                asked.stream = stream;
            }
            Event::Lacks(lack) => {
                self.charge.lacks(lack.left);
                end.lack = Some(lack.to_string().into());
                observed.count_limit(lack.lacking, "refused");
            }
            Event::Reserved(reserved) => self.hold(*reserved),
            Event::LimitWaited { waited, limit } => self.waited(waited, limit),
            Event::Chosen(chosen) => {
                self.choose(chosen);
            }
            Event::AttemptBegan {
                account,
                key,
                by,
                waited,
            } => observed.begin((account, key), by, waited),
            Event::Waits { behind } => {
                served.behind.get_or_insert(behind);
            }
            Event::Connected { reused } => observed.count_connection(reused),
            Event::FaultHidden => {
                if let Some(attempt) = served.tried.last_mut() {
                    attempt.is_hidden = true;
                }
                observed.count_hidden_fault();
            }
            Event::AttemptEnded { fault, changed } => {
                served.note_ended(fault, changed, observed.started);
                observed.count_attempt(fault);
                if matches!(fault, Fault::None | Fault::ClientLeft) {
                    self.settle();
                }
            }
            Event::AnswerBegan { status } => {
                end.first_byte = Some(observed.started.elapsed());
                end.status = status;
                observed.count_answer();
            }
            Event::Charged { usage, is_counted } => observed.charged(usage, is_counted),
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
        if let Some(spender) = self.observed.spender() {
            let (gateway, live) = (&self.observed.gateway, &self.observed.live);
            self.charge
                .settle(gateway, live, spender, self.observed.used());
        }
    }

    /// The request is rerouted to this model of this provider. `false`: its tenant's limits for that have no
    /// room for it now.
    pub(crate) fn reroute(&mut self, to: (ProviderId, &str)) -> bool {
        let rerouted = self.charge.reroute(&self.observed.gateway, to);
        if let Err(lack) = &rerouted {
            self.observed.count_limit(lack.lacking, "passed_over");
        }
        rerouted.is_ok()
    }

    /// What its answers tell of its tenant's limits.
    pub(crate) fn bounds(&self) -> HeaderMap {
        self.charge.headers(self.observed.asked.dialect)
    }

    /// What it holds of its tenant's limits, if anything.
    pub(crate) const fn held(&self) -> Option<&Reserved> {
        self.charge.held()
    }

    /// Gives back what it holds of its tenant's limits, to ask anew.
    pub(crate) fn let_go(&mut self) {
        if let Some(reserved) = self.charge.let_go() {
            self.observed.gateway.tenancy.give_back_unused(reserved);
        }
    }

    /// How long it waited until its tenant's limits had room.
    pub(crate) const fn limit_waited(&self) -> Duration {
        self.observed.served.limit_waited
    }

    /// What an attempt tells the provider of the trace, where it is traced.
    pub(crate) fn traceparent(&self) -> Option<HeaderValue> {
        self.observed.traceparent()
    }

    /// Counts and logs the request.
    pub(crate) fn finish(&mut self, client: &Client) {
        self.settle();
        self.observed.end.duration = self.observed.started.elapsed();
        self.observed.count_ended();
        self.observed.log(client, self.charge.cost());
        self.observed.keep(self.charge.cost().money);
        self.observed.trace();
    }

    fn hold(&mut self, reserved: Reserved) {
        // Who asks anew is counted already.
        if !std::mem::replace(&mut self.has_reserved, true) {
            if !reserved.wait.is_zero() {
                self.count_waited();
            }
            if let Some(shadowed) = reserved.shadowed {
                self.observed.count_limit(shadowed, "shadowed");
            }
        }
        self.charge.hold(reserved);
    }

    fn waited(&mut self, waited: Duration, limit: Option<&Lack>) {
        let served = &mut self.observed.served;
        served.limit_waited = waited;
        served.limit_waited_for = limit.map(|limit| limit.name().to_string().into());
        self.count_waited();
    }

    /// Counts it among those that waited for a limit or a budget, and were not refused.
    fn count_waited(&mut self) {
        if self.has_reserved && !std::mem::replace(&mut self.has_waited, true) {
            self.observed.count_limit_named("any", "waited");
        }
    }

    fn choose(&mut self, chosen: Chosen) {
        let observed = &mut self.observed;
        observed.count_wait(chosen.waited);
        if chosen.fell_back
            && let Some(left) = observed.served.provider
        {
            observed.live.provider_metrics(left).fallbacks.inc();
        }
        let served = &mut observed.served;
        served.provider = Some(chosen.provider);
        served.model = chosen.model;
        served.fell_back = chosen.fell_back;
        served.attempts_here = 0;
    }
}

impl Drop for Record {
    /// Its task has ended where nobody expected it.
    fn drop(&mut self) {
        self.settle();
    }
}
