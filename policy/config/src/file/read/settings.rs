//! Table `gateway`: one setting a line, with its bounds.
//!
//! Lower bounds keep a setting from stopping all traffic, upper ones catch a wrong unit.

use std::net::SocketAddr;

use crate::file::fields::Fields;
use crate::file::problems::{At, Spot};
use crate::file::read::gateway_bounds::{limits, stream, timeouts, upstream};
use crate::file::read::jwt::{ISSUERS_MAX, RawJwt, jwt};
use crate::file::read::paths::path;
use crate::file::read::proxies::proxies;
use crate::file::read::redis::shared;
use crate::file::read::replicas::replicas;
use crate::file::read::secret_ref::elsewhere;
use crate::file::read::units::{count, hours, minutes, secs};
use crate::file::replicas::ReplicaCount;
use crate::file::settings::{AccessLogSettings, GatewaySettings, TracesSettings};
use crate::file::shown;
use crate::file::tls::{AdminTlsSettings, TlsSettings};
use crate::file::value::Value;

/// Addresses in one list.
const LISTEN_MAX: usize = 64;

/// Table `gateway`, and where its addresses stand.
#[derive(Debug)]
pub(in crate::file) struct RawGateway {
    pub(in crate::file) settings: GatewaySettings,
    /// Where clients connect, in clear or not.
    pub(in crate::file) client_listeners: Vec<At<SocketAddr>>,
    pub(in crate::file) admin: Option<At<SocketAddr>>,
    /// Where it is made TLS.
    pub(in crate::file) admin_tls: Option<Spot>,
    pub(in crate::file) jwt: Vec<RawJwt>,
}

pub(super) fn gateway(fields: &mut Fields<'_>) -> RawGateway {
    let default = GatewaySettings::default();
    let tls_follows = fields.has("tls");
    let listen = fields.optional("listen", |value| {
        let listen = addresses(&value)?;
        if listen.is_empty() && !tls_follows {
            value.refuse::<()>("needs at least one address, here or in gateway.tls");
        }
        Some(listen.into_iter().flatten().collect::<Vec<_>>())
    });
    let admin = fields.optional("admin", |value| value.at(admin));
    let admin_token = fields.optional("admin_token", elsewhere);
    let admin_tls = fields.optional("admin_tls", |value| value.table(admin_tls));
    let threads = fields.or("threads", default.threads, |value| threads(&value));
    let replicas = fields.or("replicas", ReplicaCount::default(), replicas);
    let redis = fields.optional("shared", |value| value.table(shared));
    let tls = fields.optional("tls", |value| value.table(tls));
    let (tls, tls_listen) = tls.unzip();
    let jwt = fields.tables("jwt", ISSUERS_MAX, jwt);
    let plain = |listen: &[At<SocketAddr>]| listen.iter().map(|at| at.value).collect();
    let settings = GatewaySettings {
        listen: listen.as_deref().map_or(default.listen, plain),
        admin: admin.as_ref().map_or(default.admin, |at| at.value),
        admin_token,
        admin_tls: admin_tls.as_ref().and_then(|at| at.value.clone()),
        threads,
        replicas,
        redis: redis.flatten().map(Box::new),
        tls: tls.flatten(),
        proxies: subtable(fields, "proxies", proxies),
        jwt: jwt.iter().filter_map(|it| it.settings.clone()).collect(),
        cors_origins: fields.or("cors_origins", Vec::new(), |value| {
            value.list(LISTEN_MAX, |value| origin(&value))
        }),
        seek_unknown_ids: fields.or("seek_unknown_ids", default.seek_unknown_ids, |value| {
            value.boolean()
        }),
        sealed_ids_kept: fields.or("sealed_ids_kept", default.sealed_ids_kept, |value| {
            value.duration(minutes(1)..=hours(24 * 365))
        }),
        models_refresh: fields.or("models_refresh", default.models_refresh, |value| {
            value.duration(secs(1)..=hours(24))
        }),
        limits: subtable(fields, "limits", limits),
        timeouts: subtable(fields, "timeouts", timeouts),
        stream: subtable(fields, "stream", stream),
        upstream: subtable(fields, "upstream", upstream),
        access_log: subtable(fields, "access_log", access_log),
        traces: subtable(fields, "traces", traces),
    };
    let admin = admin.and_then(|at| {
        Some(At {
            value: at.value?,
            spot: at.spot,
        })
    });
    let client_listeners = listen.into_iter().chain(tls_listen).flatten().collect();
    RawGateway {
        settings,
        client_listeners,
        admin,
        admin_tls: admin_tls.map(|at| at.spot),
        jwt,
    }
}

fn traces(fields: &mut Fields<'_>) -> TracesSettings {
    let default = TracesSettings::default();
    TracesSettings {
        endpoint: fields.optional("endpoint", |value| collector(&value)),
        sample: fields.or("sample", default.sample, |value| value.fraction(0.0..=1.0)),
    }
}

/// Where a collector of traces is.
fn collector(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let host = text.strip_prefix("http://").filter(|host| {
        !host.is_empty() && !host.starts_with('/') && !host.contains(['@', '?', '#', ' '])
    });
    match host {
        Some(_) => Some(text.to_owned()),
        None => value.refuse_with_hint(
            "is not the address of a collector that is spoken to in clear",
            "write \"http://127.0.0.1:4318\"; a collector elsewhere is reached through one here",
        ),
    }
}

fn access_log(fields: &mut Fields<'_>) -> AccessLogSettings {
    let default = AccessLogSettings::default();
    AccessLogSettings {
        sample: fields.or("sample", default.sample, |value| value.fraction(0.0..=1.0)),
    }
}

fn subtable<'t, T: Default>(
    fields: &mut Fields<'t>,
    name: &'static str,
    read: impl FnOnce(&mut Fields<'t>) -> T,
) -> T {
    fields.or(name, T::default(), |value| {
        value.table(|fields| Some(read(fields)))
    })
}

/// An element for each written one, so that a wrong address is not an absent one.
fn addresses(value: &Value<'_>) -> Option<Vec<Option<At<SocketAddr>>>> {
    value.list(LISTEN_MAX, |value| Some(value.at(address)))
}

fn address(value: &Value<'_>) -> Option<SocketAddr> {
    let text = value.string()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let example = match text.rsplit_once(':') {
        Some(("", port)) if shown::is_showable(port) => format!("0.0.0.0:{port}"),
        Some(("localhost", port)) if shown::is_showable(port) => format!("127.0.0.1:{port}"),
        _ => "127.0.0.1:8080".into(),
    };
    value.refuse_with_hint(
        "is not an address with a port",
        format!("write it as \"{example}\" or \"[::1]:8080\""),
    )
}

fn admin(value: &Value<'_>) -> Option<Option<SocketAddr>> {
    if value.as_string() == Some("off") {
        Some(None)
    } else {
        address(value).map(Some)
    }
}

/// An origin as browsers send it: a scheme, a host, and a port where it is not the scheme's own.
fn origin(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let host = text.split_once("://").filter(|(scheme, host)| {
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        !scheme.is_empty() && scheme.bytes().all(is_scheme) && !host.is_empty()
    });
    let has_more = |(_, host): (&str, &str)| host.contains(['/', '?', '#', '@', '*', ' ']);
    match host {
        Some(host) if !has_more(host) && text.is_ascii() => Some(text.to_ascii_lowercase()),
        _ => value.refuse_with_hint(
            "is not an origin",
            "write scheme and host, and no path: \"https://app.example.com\"",
        ),
    }
}

fn threads(value: &Value<'_>) -> Option<Option<usize>> {
    if value.as_string() == Some("auto") {
        return Some(None);
    }
    if value.is_string() {
        return value.refuse("must be \"auto\" or a whole number");
    }
    count(value, 1..=1_024).map(Some)
}

/// All of it or nothing: half a TLS configuration would listen in clear or not at all.
fn tls(fields: &mut Fields<'_>) -> Option<(Option<TlsSettings>, Vec<At<SocketAddr>>)> {
    let listen = fields.required("listen", |value| {
        let listen = addresses(&value)?;
        if listen.is_empty() {
            value.refuse::<()>("needs at least one address");
        }
        Some(listen.into_iter().flatten().collect::<Vec<_>>())
    });
    let cert_file = fields.required("cert_file", |value| path(&value));
    let key_file = fields.required("key_file", |value| path(&value));
    let listen = listen.unwrap_or_default();
    let addresses = listen.iter().map(|at| at.value).collect();
    let settings = cert_file
        .zip(key_file)
        .map(|(cert_file, key_file)| TlsSettings {
            listen: addresses,
            cert_file,
            key_file,
        });
    Some((settings, listen))
}

/// Certificate and key, or nothing: half of it would listen in clear.
fn admin_tls(fields: &mut Fields<'_>) -> Option<At<Option<Box<AdminTlsSettings>>>> {
    let cert_file = fields.required("cert_file", |value| path(&value));
    let key_file = fields.required("key_file", |value| path(&value));
    let client_ca_file = fields.optional("client_ca_file", |value| path(&value));
    let files = cert_file.zip(key_file);
    let settings = files.map(|(cert_file, key_file)| {
        Box::new(AdminTlsSettings {
            cert_file,
            key_file,
            client_ca_file,
        })
    });
    Some(At {
        value: settings,
        spot: fields.spot().clone(),
    })
}
