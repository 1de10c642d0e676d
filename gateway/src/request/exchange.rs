//! Attempt after attempt, until there is something to tell the client.
//!
//! Nothing here decides: the pool says which key, whether to try again, and who has the last word.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Uri};
use keyweir_policy::affinity;
use keyweir_policy::dialect::{Description, Dialect, Endpoint};
use keyweir_policy::fault::Fault;
use keyweir_policy::ids::AccountId;
use keyweir_policy::retry::{Attempts, Next};

use super::Stop;
use super::admit::{self, Home};
use super::attempt::{self, Answer, Tried};
use super::body::Body;
use super::deliver::Delivery;
use super::fallback::{self, Fallbacks};
use super::record::Record;
use super::route::Routed;
use super::settle::Held;
use super::unanswered;
use crate::downstream::client::Client;
use crate::headers::OutgoingHead;
use crate::runtime::deadline::Deadline;
use crate::runtime::gateway::{Gateway, Live};
use crate::runtime::pool::Asking;
use crate::runtime::provider::Provider;
use crate::telemetry::metrics::ProviderMetrics;

/// One request, as it is sent as often as it takes.
pub(crate) struct Job<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) live: &'a Arc<Live>,
    pub(crate) provider: &'a Provider,
    pub(crate) metrics: &'a ProviderMetrics,
    pub(crate) dialect: Dialect,
    pub(crate) endpoint: Endpoint,
    pub(crate) head: OutgoingHead,
    pub(crate) method: Method,
    /// Dropped once an answer is on its way.
    pub(crate) body: Option<Body>,
    /// A success makes something that later requests refer to.
    pub(crate) creates: bool,
    /// Where the client thinks the provider is.
    pub(crate) public_base: Option<String>,
    /// The id of the thing that the path names.
    resource: Option<String>,
    pub(crate) asking: Asking,
    pub(crate) home: Home,
    pub(crate) attempts: Attempts,
    patience: Duration,
    pub(crate) fallbacks: Option<Box<Fallbacks>>,
}

/// Everything that a [`Job`] is made from.
pub(crate) struct Parts<'a, 'b> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) live: &'a Arc<Live>,
    pub(crate) provider: usize,
    pub(crate) routed: &'b Routed<'b>,
    /// Without credentials.
    pub(crate) query: Option<Cow<'b, str>>,
    pub(crate) description: Description,
    pub(crate) body: Body,
}

impl<'a> Job<'a> {
    /// The job that `parts` make, for `client`, whose head moves into it.
    pub(crate) fn new(parts: Parts<'a, '_>, client: &mut Client, record: &Record) -> Self {
        let Parts {
            gateway,
            live,
            provider: position,
            routed,
            query,
            description,
            body,
        } = parts;
        let provider = &live.providers[position];
        let arrived = gateway.clock.time(record.started);
        let (priority, patience) = admit::patience(live, record, client.headers());
        let public_base = public_base(routed, client, provider);
        let home = home(provider, routed, &description);
        let uri = target(provider, routed, query.as_ref(), client);
        let tenant = record.tenant.unwrap_or(crate::runtime::gateway::ANYBODY);
        let session = affinity::SESSION_HEADERS
            .iter()
            .find_map(|name| client.headers().get(*name));
        let affinity = affinity::conversation(
            tenant,
            session.map(http::HeaderValue::as_bytes),
            &description,
        );
        let announced = announces_body(client);
        let (method, _, headers) = client.take_head();
        // Some servers insist on a length where a body is possible.
        let has_length = announced || !body.bytes.is_empty() || method == Method::POST;
        let head = OutgoingHead::new(
            method.clone(),
            uri,
            headers,
            routed.dialect,
            &provider.upstream.authority,
            has_length.then_some(body.bytes.len()),
            is_read(routed.route.endpoint),
        );
        let fallbacks = match home {
            Home::Any => Fallbacks::of(
                live,
                record,
                routed,
                query.as_deref(),
                position,
                description.model.as_deref(),
            ),
            Home::Known(_) | Home::Sought(_) => None,
        };
        let model = description.model.as_deref().unwrap_or_default();
        let asking = Asking {
            tenant,
            model: provider.pool.model(model, routed.route.endpoint),
            priority,
            size: description.size,
            affinity,
            account: home.account(),
            arrived,
            deadline: admit::deadline(arrived, patience),
            body_bytes: body.bytes.len() as u64,
        };
        Self {
            gateway,
            live,
            provider,
            metrics: live.provider_metrics(position),
            dialect: routed.dialect,
            endpoint: routed.route.endpoint,
            head,
            method,
            body: Some(body),
            creates: routed.route.creates_resource || description.stored,
            public_base,
            resource: routed.route.resource.map(str::to_owned),
            asking,
            home,
            attempts: Attempts::of(routed.route.creates_resource),
            patience,
            fallbacks,
        }
    }

    /// The body, as long as it may be sent again.
    pub(crate) fn bytes(&self) -> &Bytes {
        static NONE: Bytes = Bytes::new();
        self.body.as_ref().map_or(&NONE, |body| &body.bytes)
    }

    /// Lets go of what another attempt would need: there will be none.
    pub(crate) fn let_go(&mut self) {
        self.body = None;
        self.head.forget();
        self.fallbacks = None;
    }
}

/// Whether the gateway reads the answers of `endpoint`.
fn is_read(endpoint: Endpoint) -> bool {
    !matches!(endpoint, Endpoint::Models | Endpoint::Probe)
}

fn announces_body(client: &Client) -> bool {
    let headers = client.headers();
    headers.contains_key(http::header::CONTENT_LENGTH)
        || headers.contains_key(http::header::TRANSFER_ENCODING)
}

/// The account that the things a request names live on.
fn home(provider: &Provider, routed: &Routed<'_>, description: &Description) -> Home {
    if let Some(id) = routed.route.resource {
        return match provider.resources.account(id) {
            Some(account) => Home::Known(account),
            None => Home::Sought(AccountId(0)),
        };
    }
    provider
        .resources
        .account_of_any(&description.references)
        .map_or(Home::Any, Home::Known)
}

/// What is asked of the provider: its own path prefix, the path, and the query.
fn target(
    provider: &Provider,
    routed: &Routed<'_>,
    query: Option<&Cow<'_, str>>,
    client: &Client,
) -> Uri {
    let prefix = provider.upstream.prefix_for(routed.path);
    let is_stripped = matches!(query, Some(Cow::Owned(_)));
    if prefix.is_empty() && routed.named.is_none() && !is_stripped {
        let unchanged = client.head().uri.path_and_query().cloned();
        return unchanged.map(Uri::from).unwrap_or_default();
    }
    uri(prefix, routed.path, query.map(AsRef::as_ref))
}

/// `prefix`, `path` and `query` in one.
pub(crate) fn uri(prefix: &str, path: &str, query: Option<&str>) -> Uri {
    let mut text = String::with_capacity(prefix.len() + path.len() + 64);
    text.push_str(prefix);
    text.push_str(path);
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        text.push('?');
        text.push_str(query);
    }
    PathAndQuery::try_from(text)
        .map(Uri::from)
        .unwrap_or_default()
}

/// The provider's address as the client knows it: ours.
fn public_base(routed: &Routed<'_>, client: &mut Client, provider: &Provider) -> Option<String> {
    if routed.route.endpoint != Endpoint::Batches {
        return None;
    }
    let scheme = if client.is_tls() { "https" } else { "http" };
    let host = client.authority()?;
    Some(match routed.named {
        Some(_) => format!("{scheme}://{host}/{}", provider.id),
        None => format!("{scheme}://{host}"),
    })
}

/// Serves a request. `true`: its answer is complete.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn run(
    mut job: Box<Job<'_>>,
    client: &mut Client,
    record: &mut Record,
) -> Result<bool, Stop> {
    let timeouts = &job.gateway.settings.timeouts;
    let lifecycle = &job.gateway.lifecycle;
    let mut deadline = Deadline::after(timeouts.head);
    let mut last = None;
    loop {
        let admitted = tokio::select! {
            biased;
            admitted = job.admit(client, record) => admitted,
            () = lifecycle.last_called() => return Err(unanswered::shutting_down().into()),
        };
        let mut held = match admitted {
            Err(Stop::Refuse(_)) if job.fall_back(record) => {
                last = None;
                continue;
            }
            Err(Stop::Refuse(refuse)) => return Err(job.not_again(refuse, last).into()),
            admitted => admitted?,
        };
        record.attempts += 1;
        let tried = tokio::select! {
            biased;
            tried = attempt::try_once(&job, &mut held, client, &mut deadline) => tried,
            () = lifecycle.last_called() => {
                job.end(held, Fault::Aborted);
                return Err(unanswered::shutting_down().into());
            }
        };
        let (fault, answer) = match tried {
            Tried::Opened(answer, watch) => {
                let delivery = Delivery {
                    job: &mut job,
                    client,
                    record,
                    deadline: &mut deadline,
                };
                return delivery.deliver(held, answer, watch).await;
            }
            Tried::ClientLeft => {
                job.end(held, Fault::ClientLeft);
                return Err(Stop::ClientLeft);
            }
            Tried::Failed(fault, answer) => (fault, answer),
        };
        let key = held.key();
        job.end(held, fault);
        last = Some(fault);
        if job.seek_on(answer.as_ref()) {
            Box::pin(discard(answer)).await;
            continue;
        }
        let next = job.provider.pool.next(&mut job.attempts, key, &fault);
        let in_time = record.started.elapsed() < timeouts.attempts;
        match (next, answer) {
            (Next::Again, answer) if in_time => Box::pin(discard(answer)).await,
            (_, answer) if fallback::may_help(&fault) && job.fall_back(record) => {
                Box::pin(discard(answer)).await;
            }
            // Redirects would lead clients astray, and successes that are none would deceive them.
            (Next::Again | Next::PassThrough, Some(answer)) if answer.status() >= 400 => {
                let delivery = Delivery {
                    job: &mut job,
                    client,
                    record,
                    deadline: &mut deadline,
                };
                return delivery.pass_through(answer).await;
            }
            (_, answer) => {
                Box::pin(discard(answer)).await;
                return Err(job.no_answer(&fault).into());
            }
        }
    }
}

/// Lets go of an answer that nobody gets. Its connection is kept if there is nothing more to read.
async fn discard(answer: Option<Answer>) {
    if let Some(answer) = answer
        && answer.ended
    {
        answer.link.release().await;
    }
}

impl Job<'_> {
    async fn admit(&mut self, client: &mut Client, record: &mut Record) -> Result<Held, Stop> {
        loop {
            let (gateway, provider) = (self.gateway, self.provider);
            // Patience is for waiting: time that attempts took is not counted against it.
            let left = self.patience.saturating_sub(record.waited);
            self.asking.deadline = admit::deadline(gateway.clock.now(), left);
            let admitted = admit::admit(
                gateway,
                provider,
                &self.asking,
                &self.attempts,
                client,
                record,
            )
            .await;
            match admitted {
                // The account that cannot be asked now may not be the one that knows.
                Err(Stop::Refuse(_)) if self.seek() => {}
                admitted => return admitted,
            }
        }
    }

    /// Ends an attempt.
    pub(crate) fn end(&self, held: Held, fault: Fault) {
        let account = held.account().index();
        self.gateway
            .metrics
            .attempted(self.metrics, account, fault.as_str());
        held.settle(fault);
    }

    /// Whether `answer` says that this account does not know the thing asked for, and another one
    /// may.
    fn seek_on(&mut self, answer: Option<&Answer>) -> bool {
        answer.is_some_and(|answer| answer.status() == 404) && self.seek()
    }

    fn seek(&mut self) -> bool {
        let Some(next) = self.home.next(self.provider.accounts.len()) else {
            return false;
        };
        self.home = next;
        self.asking.account = next.account();
        true
    }

    /// `account` knows the thing asked for.
    pub(crate) fn learn_home(&self, account: AccountId) {
        if let (Home::Sought(_), Some(id)) = (self.home, &self.resource) {
            self.provider.resources.learn(id, account);
        }
    }
}
