//! From a request that has been taken in to one on its way: what is sent, and its plan.

use std::borrow::Cow;
use std::collections::VecDeque;

use http::{Method, Uri};
use keyweir_policy::config::directory::Allowed;
use keyweir_policy::config::fallback;
use keyweir_policy::config::file::Scope;
use keyweir_policy::exchange::destination;
use keyweir_policy::exchange::fallback::Choice;
use keyweir_policy::exchange::listing::Gathering;
use keyweir_policy::exchange::plan::{Plan, Request, TimeLimits};
use keyweir_policy::exchange::routed::Routed;
use keyweir_policy::exchange::seek::{Holder, Home};
use keyweir_policy::exchange::silence::request::{Awaited, Silence};
use keyweir_policy::select::affinity;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::RequestId;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::wire;
use keyweir_policy::wire::list::models::models_path;
use keyweir_policy::wire::list::{PageForm, Paging};
use keyweir_policy::wire::opening::is_read;

use super::Taken;
use super::body::Body;

use crate::downstream::client::Client;
use crate::headers::OutgoingHead;
use crate::request::exchange::{Exchange, Facts};
use crate::request::listing::Listing;
use crate::request::models::ModelList;
use crate::request::outgoing::{Outgoing, StreamUsage, Target, uri};
use crate::request::record::Record;
use crate::runtime::deadline::Deadline;
use crate::runtime::provider::Provider;

/// Which way a request goes on.
pub(crate) enum Way {
    /// To one account.
    Drive,
    /// To several accounts, whose lists are put together.
    List(Box<Listing>),
    /// To several providers, whose lists of models are put together.
    Models(Box<ModelList>),
}

/// The exchange that `taken` begins, for `client`, whose head moves into it; and which way it goes.
pub(crate) fn prepare<'a>(
    taken: Taken<'a>,
    client: &'a mut Client,
    record: &'a mut Record,
) -> (Box<Exchange<'a>>, Way) {
    let provider = taken.live.provider(taken.destination.provider);
    let mut facts = facts(&taken, client, provider);
    let request = request(&taken, record);
    let limits = time_limits(&taken);
    let fallbacks = fallbacks(&taken);
    let way = way(&taken, client, &request, limits);
    let may_reroute = !fallbacks.is_empty()
        || matches!(taken.destination.home, Home::Sought(_))
        || !matches!(way, Way::Drive);
    let target = may_reroute.then(|| Box::new(target(&taken)));
    let is_models = matches!(way, Way::Models(_));
    let reads = is_models || is_read(taken.routed.route.endpoint);
    if is_models {
        // Such a list is read, as others are.
        facts.endpoint = Endpoint::Other;
    }
    let mut head = head(&taken, client, provider, reads);
    if taken.renamed.body {
        head.drop_content_encoding();
    }
    let silence = Silence::new(awaited(&taken), taken.gateway.clock.now());
    let (gateway, live) = (taken.gateway, taken.live);
    let mut outgoing = Outgoing {
        head,
        usage: StreamUsage::of(tells_usage_if_asked(&taken)),
        body: Some(taken.body),
        coded: taken.coded,
        target,
    };
    outgoing.ask_usage(
        live.policy
            .provider(taken.destination.provider)
            .stream_usage,
    );
    let exchange = Box::new(Exchange {
        gateway,
        live,
        client,
        record,
        facts,
        outgoing,
        plan: Plan::new(
            request,
            limits,
            taken.destination.provider,
            taken.destination.home,
            fallbacks,
        ),
        deadline: Deadline::after(live.settings().timeouts.head),
        silence,
    });
    (exchange, way)
}

/// What answer is awaited, as far as that decides how long silence may last.
fn awaited(taken: &Taken<'_>) -> Awaited {
    let (route, description) = (&taken.routed.route, &taken.description);
    if route.endpoint != Endpoint::Inference || !route.has_json_body {
        return Awaited::Anything;
    }
    match description.size.output_max {
        _ if description.stream => Awaited::Stream,
        Some(tokens) => Awaited::Whole(tokens),
        None => Awaited::Anything,
    }
}

fn facts(taken: &Taken<'_>, client: &Client, provider: &Provider) -> Facts {
    let route = &taken.routed.route;
    Facts {
        dialect: taken.routed.dialect,
        endpoint: route.endpoint,
        method: client.head().method.clone(),
        asks_in_json: route.has_json_body,
        makes_things: route.creates_resource || taken.description.stored,
        maker: maker(taken),
        whole: whole(taken),
        tenant: taken.tenant,
        public_base: public_base(&taken.routed, client, provider),
        resource: route.resource.map(str::to_owned),
        references: taken.description.references.clone(),
    }
}

/// Whether a streamed answer is held until it is complete; `None`: as its provider has it.
fn whole(taken: &Taken<'_>) -> Option<bool> {
    let tenant = taken.live.tenant(taken.tenant);
    let by_tenant = tenant.is_some_and(|tenant| tenant.whole_answers);
    taken.whole.or(by_tenant.then_some(true))
}

/// Whether it asks for a stream that tells its usage only if it is asked to.
fn tells_usage_if_asked(taken: &Taken<'_>) -> bool {
    let (routed, stream) = (&taken.routed, taken.description.stream);
    let endpoint = routed.route.endpoint;
    stream && wire::tells_usage_if_asked(routed.dialect, endpoint, routed.path)
}

/// Who owns the things that an answer names: the owner of the thing that they follow from; of a list
/// nobody, since it names what others made; else the caller.
fn maker(taken: &Taken<'_>) -> Option<TenantId> {
    let route = &taken.routed.route;
    match route.resource {
        Some(_) => taken.owner,
        None => (!route.is_list).then_some(taken.tenant),
    }
}

fn way(taken: &Taken<'_>, client: &Client, request: &Request, limits: TimeLimits) -> Way {
    if let Some(models) = models(taken, client, request, limits) {
        return Way::Models(Box::new(models));
    }
    listing(taken, request, limits).map_or(Way::Drive, |list| Way::List(Box::new(list)))
}

/// The models that are asked for, if they are.
fn models(
    taken: &Taken<'_>,
    client: &Client,
    request: &Request,
    limits: TimeLimits,
) -> Option<ModelList> {
    let routed = &taken.routed;
    if routed.route.endpoint != Endpoint::Models || client.head().method != Method::GET {
        return None;
    }
    let (list, id) = models_path(routed.path)?;
    Some(ModelList {
        asked: Scope {
            dialect: routed.dialect,
            named: routed.named,
        },
        tenant: taken.tenant,
        id,
        path: list.to_owned(),
        query: taken.query.as_deref().unwrap_or_default().to_owned(),
        request: request.clone(),
        limits,
    })
}

/// The list that is asked for, where it is not one account's own to a single circle of tenants.
fn listing(taken: &Taken<'_>, request: &Request, limits: TimeLimits) -> Option<Listing> {
    if !taken.routed.route.is_list {
        return None;
    }
    let live = taken.live;
    let allowed = Allowed::new(&live.policy, taken.tenant);
    let mut asked: Vec<Holder> = destination::accounts(&allowed, &taken.routed).collect();
    let (dialect, endpoint) = (taken.routed.dialect, taken.routed.route.endpoint);
    let form = PageForm::of(dialect, taken.routed.path);
    if !live.hides() && (asked.len() <= 1 || form.is_none()) {
        return None;
    }
    // Of what cannot be read nothing is shown.
    let form = form.unwrap_or(PageForm::OpenAi);
    if let Some(known) = live.accounts_with_things_of(taken.tenant) {
        asked.retain(|account| known.contains(account));
    }
    let query = taken.query.as_deref().unwrap_or_default();
    let paging = Paging::read(form, endpoint, query);
    Some(Listing {
        gathering: Gathering::new(form, paging, asked.into_iter()),
        tenant: taken.tenant,
        request: request.clone(),
        limits,
    })
}

/// The provider's address as the client knows it: ours.
fn public_base(routed: &Routed<'_>, client: &Client, provider: &Provider) -> Option<String> {
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

fn request(taken: &Taken<'_>, record: &Record) -> Request {
    let description = &taken.description;
    let session = taken.for_us.session();
    Request {
        id: RequestId(fastrand::u64(..)),
        tenant: taken.tenant,
        priority: taken
            .live
            .tenant(taken.tenant)
            .map(|tenant| tenant.priority)
            .unwrap_or_default(),
        size: description.size,
        endpoint: taken.routed.route.endpoint,
        model: description.model.clone().unwrap_or_default(),
        affinity: affinity::conversation(taken.tenant, session, description),
        creates: taken.routed.route.creates_resource,
        body_bytes: taken.body.bytes.len() as u64,
        arrived: taken.gateway.clock.time(record.started()),
    }
}

fn time_limits(taken: &Taken<'_>) -> TimeLimits {
    let waiting = &taken.live.policy.waiting;
    TimeLimits {
        patience: taken.patience,
        fallback: waiting.fallback_after,
        attempts: taken.live.settings().timeouts.attempts,
    }
}

fn fallbacks(taken: &Taken<'_>) -> VecDeque<Choice> {
    let Some(model) = taken.description.model.as_deref() else {
        return VecDeque::new();
    };
    let first = taken.destination.provider;
    fallback::choices(&taken.live.policy, Some(taken.tenant), first, model).collect()
}

fn target(taken: &Taken<'_>) -> Target {
    Target {
        path: taken.routed.path.to_owned(),
        query: taken.query.as_deref().map(str::to_owned),
    }
}

fn head(taken: &Taken<'_>, client: &mut Client, provider: &Provider, reads: bool) -> OutgoingHead {
    let uri = first_uri(taken, client, provider);
    let announced = announces_body(client);
    let (method, _, headers) = client.take_head();
    OutgoingHead::new(
        (method.clone(), uri, headers),
        taken.routed.dialect,
        &provider.upstream.authority,
        length(&taken.body, &method, announced),
        reads,
    )
}

/// What is asked of the provider: its own path prefix, the path, and the query.
fn first_uri(taken: &Taken<'_>, client: &Client, provider: &Provider) -> Uri {
    let routed = &taken.routed;
    let (prefix, path) = provider.upstream.target(routed.path);
    let is_stripped = matches!(taken.query, Some(Cow::Owned(_)));
    if prefix.is_empty() && routed.named.is_none() && !is_stripped && !taken.renamed.path {
        let unchanged = client.head().uri.path_and_query().cloned();
        return unchanged.map(Uri::from).unwrap_or_default();
    }
    uri(prefix, path, taken.query.as_deref())
}

fn announces_body(client: &Client) -> bool {
    let headers = client.headers();
    headers.contains_key(http::header::CONTENT_LENGTH)
        || headers.contains_key(http::header::TRANSFER_ENCODING)
}

/// Some servers insist on a length where a body is possible.
fn length(body: &Body, method: &Method, announced: bool) -> Option<usize> {
    let has_length = announced || !body.bytes.is_empty() || *method == Method::POST;
    has_length.then_some(body.bytes.len())
}
