//! Taking a request in: everything that must be known of it before a key is asked for.

mod admitted;
pub(crate) mod alias;
pub(crate) mod authenticate;
pub(crate) mod body;
mod describe;
pub(crate) mod head;
mod line;
mod patience;
pub(crate) mod plain;
pub(crate) mod prepare;
pub(crate) mod probe;
pub(crate) mod route;
pub(crate) mod tenant_limits;
mod upgrade;
mod whole;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::uri::PathAndQuery;
use keyweir_policy::exchange::destination::Destination;
use keyweir_policy::exchange::routed::Routed;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::terms::request::Description;
use keyweir_policy::wire::query_without_credentials;

use self::admitted::{Admitted, Renamed};
use self::alias::Content;
use self::body::Body;
use self::plain::Coded;

use crate::downstream::client::Client;
use crate::headers::{ForUs, cors};
use crate::request::record::{Chosen, Event, Record};
use crate::request::stop::Stop;
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;

/// A request that has been taken in.
pub(crate) struct Taken<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) live: &'a Arc<Live>,
    pub(crate) routed: Routed<'a>,
    pub(crate) tenant: TenantId,
    /// Without credentials.
    pub(crate) query: Option<Cow<'a, str>>,
    pub(crate) body: Body,
    /// The coding that the body came in.
    pub(crate) coded: Option<Coded>,
    pub(crate) description: Description,
    pub(crate) destination: Destination,
    /// Who made the thing that the path names.
    pub(crate) owner: Option<TenantId>,
    /// What it asks for by an alias.
    pub(crate) renamed: Renamed,
    /// How long it may wait in all.
    pub(crate) patience: Duration,
    /// Whether the client wants a streamed answer whole, if it says so.
    pub(crate) whole: Option<bool>,
    pub(crate) for_us: &'a ForUs,
}

/// Finds out what a request for `target` asks for and who sends it: all that may be known of it
/// before anything of it is held. `None`: it only asks whether anybody is there, or whether it may
/// be sent at all.
///
/// # Errors
/// If it may not go on.
pub(crate) fn admit<'a>(
    live: &Live,
    (target, for_us): (Option<&'a PathAndQuery>, &'a ForUs),
    client: &mut Client,
    record: &mut Record,
) -> Result<Option<Admitted<'a>>, Stop> {
    client.look_behind_proxies();
    record.on(Event::Received(client.head()));
    if let Err(refuse) = head::check(client.session(), &live.settings().limits) {
        // Whoever gets a head wrong may disagree with us about where the request ends.
        client.session().set_keepalive(None);
        return Err(refuse.into());
    }
    let named = &live.policy.gateway.cors_origins;
    record.readable_by(cors::named_origin(client.headers(), named));
    if record.cors().is_some() && cors::is_preflight(&client.head().method, client.headers()) {
        return Ok(None);
    }
    if upgrade::asks_for_web_socket(client.headers()) {
        return Err(upgrade::refuse().into());
    }
    let path = target.map_or("/", PathAndQuery::path);
    if client.head().method == Method::HEAD && path == "/" {
        // How some clients look whether their base URL leads anywhere.
        return Ok(None);
    }
    let method = client.head().method.as_str();
    let routed = route::find(live, method, path, for_us.is_anthropic)?;
    let (dialect, endpoint) = (routed.dialect, routed.route.endpoint);
    record.on(Event::Routed { dialect, endpoint });
    if endpoint == Endpoint::Probe {
        return Ok(None);
    }
    let tenant = authenticate::authenticate(live, client, dialect)?;
    client.peer.stranger.introduced();
    record.on(Event::Authenticated(tenant));
    Ok(Some(Admitted {
        routed,
        tenant,
        for_us,
        query: target.and_then(PathAndQuery::query),
        renamed: Renamed::default(),
    }))
}

/// Takes a request in: its body, and what it says.
///
/// # Errors
/// If it may not go on.
pub(crate) async fn take<'a>(
    gateway: &'a Arc<Gateway>,
    live: &'a Arc<Live>,
    admitted: Admitted<'a>,
    client: &mut Client,
    record: &mut Record,
) -> Result<Taken<'a>, Stop> {
    let Admitted {
        mut routed,
        tenant,
        for_us,
        query,
        mut renamed,
    } = admitted;
    let patience = patience::allowed(live, tenant, for_us)?;
    let whole = whole::wished(for_us)?;
    let share = gateway.bodies.share(tenant);
    let mut body = body::read(live.settings(), share, client).await?;
    record.on(Event::BodyRead {
        bytes: body.bytes.len(),
    });
    // What a body says that no API has in JSON counts only where it must not name what is another's.
    let mut plain = if routed.route.has_json_body || live.hides() {
        let share = gateway.bodies.share(tenant);
        plain::plain(live.settings(), share, client.headers(), &body)?
    } else {
        None
    };
    let json = plain.as_ref().map_or(&body.bytes, |plain| &plain.bytes);
    let mut description = describe::describe(live, &routed, json)?;
    let content = Content {
        description: &mut description,
        body: &mut body,
        plain: &mut plain,
    };
    alias::body(live, (&mut routed, tenant), content, &mut renamed);
    record.on(Event::Described {
        model: renamed.alias.as_deref().or(description.model.as_deref()),
        stream: description.stream,
    });
    let json = plain.as_ref().map_or(&body.bytes, |plain| &plain.bytes);
    let named = (&routed, renamed.granted.as_slice());
    describe::permit(live, tenant, named, (client, query), json)?;
    let (destination, known) =
        route::destination(live, tenant, (&routed, query), (&description, json))?;
    record.on(Event::Chosen(Chosen {
        provider: destination.provider,
        model: renamed.alias.as_ref().and(description.model.clone()),
        fell_back: false,
        waited: Duration::ZERO,
    }));
    Ok(Taken {
        renamed,
        patience,
        whole,
        for_us,
        gateway,
        live,
        routed,
        tenant,
        query: query.map(query_without_credentials),
        body,
        coded: plain.map(|plain| plain.coded),
        description,
        destination,
        owner: known.owner,
    })
}
