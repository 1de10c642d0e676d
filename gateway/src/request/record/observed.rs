//! What is known of one request so far: who asks for what, who served it, and how it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::USER_AGENT;
use keyweir_policy::pool::ask::{ChosenBy, Notice};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_policy::terms::request::Usage;
use pingora_http::RequestHeader;

use crate::downstream::request_id::RequestId;
use crate::headers::TRACEPARENT;
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;
use crate::telemetry::agent;
use crate::telemetry::escape::beginning;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::recent::Attempt;
use crate::telemetry::trace_context::{TraceContext, Traced};

/// The longest path in a line of the log.
const PATH_BYTES_MAX: usize = 256;

/// How an attempt ended whose end was not told.
pub(super) const UNENDED: &str = "unknown";

/// What is known of one request, and whom it is told to.
pub(super) struct Observed {
    pub(super) gateway: Arc<Gateway>,
    pub(super) live: Arc<Live>,
    pub(super) started: Instant,
    pub(super) asked: Asked,
    pub(super) served: Served,
    pub(super) end: End,
}

/// Who asks for what.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: RequestId,
    pub(super) dialect: Dialect,
    pub(super) method: http::Method,
    pub(super) path: String,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) tenant: Option<TenantId>,
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) bytes: usize,
    /// When its body was read, since it came.
    pub(super) read_after: Duration,
    /// Which program asks.
    pub(super) agent: Option<&'static str>,
    /// The trace that the client is in.
    pub(super) trace: Option<TraceContext>,
    /// What of it is ours, where it is traced.
    pub(super) traced: Option<Traced>,
}

/// Who served it.
#[derive(Debug, Default)]
pub(super) struct Served {
    pub(super) provider: Option<ProviderId>,
    pub(super) account: Option<AccountId>,
    pub(super) key: Option<KeyId>,
    /// The model that was asked for instead of the one named.
    pub(super) model: Option<String>,
    pub(super) attempts: u32,
    /// Of those, at the provider that is asked now.
    pub(super) attempts_here: u32,
    /// Until its tenant's limits had room: before it came to the waiting room.
    pub(super) limit_waited: Duration,
    /// Which limit that was, the last of them.
    pub(super) limit_waited_for: Option<Box<str>>,
    /// In the waiting room.
    pub(super) waited: Duration,
    /// How many others waited when it first did.
    pub(super) behind: Option<usize>,
    pub(super) fell_back: bool,
    /// Its attempts, in order.
    pub(super) tried: Vec<Attempt>,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<&'static str>,
    /// What it lacks of its tenant's limits and budgets, as its client is told.
    pub(super) lack: Option<Box<str>>,
    pub(super) status: u16,
    /// From its arrival to its end, once it has come to that.
    pub(super) duration: Duration,
    pub(super) first_byte: Option<Duration>,
    pub(super) usage: Usage,
    /// The provider counted that.
    pub(super) is_counted: bool,
}

impl Observed {
    pub(super) fn new(gateway: &Arc<Gateway>, live: &Arc<Live>, dialect: Dialect) -> Self {
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
                read_after: Duration::ZERO,
                agent: None,
                trace: None,
                traced: None,
            },
            served: Served::default(),
            end: End {
                outcome: Outcome::ClientLeft,
                reason: None,
                lack: None,
                status: 0,
                duration: Duration::ZERO,
                first_byte: None,
                usage: Usage::default(),
                is_counted: false,
            },
        }
    }

    /// An attempt began, after it had `waited` for its key.
    pub(super) fn begin(&mut self, whom: (AccountId, KeyId), by: ChosenBy, waited: Duration) {
        let began = self.started.elapsed();
        let span = self.asked.traced.map_or(0, |_| fastrand::u64(1..));
        self.served.note_begun(whom, by, began, span);
        self.count_wait(waited);
        self.count_begun(began);
    }
}

impl Served {
    pub(super) fn failed(&self) -> impl Iterator<Item = &Attempt> {
        let failed = |it: &&Attempt| !matches!(it.fault, UNENDED | "none" | "client_left");
        self.tried.iter().filter(failed)
    }

    fn note_begun(
        &mut self,
        (account, key): (AccountId, KeyId),
        by: ChosenBy,
        began: Duration,
        span: u64,
    ) {
        (self.account, self.key) = (Some(account), Some(key));
        let Some(provider) = self.provider else {
            return;
        };
        self.tried.push(Attempt {
            provider,
            account,
            key,
            by,
            began,
            took: None,
            fault: UNENDED,
            span,
            is_hidden: false,
            changed: None,
        });
    }

    pub(super) fn note_ended(&mut self, fault: Fault, changed: Option<Notice>, started: Instant) {
        if let Some(attempt) = self.tried.last_mut() {
            attempt.changed = changed;
            attempt.fault = fault.as_str();
            attempt.took = Some(started.elapsed().saturating_sub(attempt.began));
        }
    }
}

impl Asked {
    /// Notes what was asked, without its query, which is content.
    pub(super) fn see(&mut self, head: &RequestHeader) {
        self.method = head.method.clone();
        self.path
            .push_str(beginning(head.uri.path(), PATH_BYTES_MAX));
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        self.agent = text(USER_AGENT).map(agent::class);
        self.trace = text(TRACEPARENT).and_then(TraceContext::read);
    }
}

impl End {
    pub(super) fn ended(&mut self, outcome: Outcome, status: u16, reason: Option<&'static str>) {
        self.outcome = outcome;
        self.status = status;
        self.reason = reason;
    }
}
