//! Table `gateway.shared`: where gateways tell one another what they take.

use std::time::Duration;

use crate::file::fields::Fields;
use crate::file::problems::Spot;
use crate::file::read::paths::path;
use crate::file::read::secret_ref::elsewhere;
use crate::file::redis::{RedisSettings, RedisUrl, RedisUrlError};
use crate::file::report::Severity;
use crate::file::tls::ClientCertificate;
use crate::file::value::Value;

/// How often gateways tell one another. Who says nothing for two seconds counts as silent
/// (`keyweir_tenancy::meters`), which is four words of the slowest.
const INTERVAL_MIN: Duration = Duration::from_millis(20);
const INTERVAL_MAX: Duration = Duration::from_millis(500);

/// Servers of one set, or nodes of a cluster that are named.
const URLS_MAX: usize = 16;
/// Letters of a name.
const NAME_LEN_MAX: usize = 128;

/// Table `gateway.shared`.
pub(super) fn shared(fields: &mut Fields<'_>) -> Option<Option<RedisSettings>> {
    Some(fields.optional("redis", |value| value.table(redis)))
}

fn redis(fields: &mut Fields<'_>) -> Option<RedisSettings> {
    let spot = fields.spot().clone();
    let urls = fields.required("urls", |value| {
        let urls = value.list(URLS_MAX, |value| Some(url(&value)))?;
        if urls.is_empty() {
            return value.refuse("needs at least one address");
        }
        Some(urls.into_iter().flatten().collect::<Vec<_>>())
    });
    let default = RedisSettings::new(Vec::new());
    let settings = RedisSettings {
        urls: urls.unwrap_or_default(),
        sentinel: fields.optional("sentinel", |value| name(&value)),
        username: fields.optional("username", |value| name(&value)),
        password: fields.optional("password", elsewhere),
        sentinel_username: fields.optional("sentinel_username", |value| name(&value)),
        sentinel_password: fields.optional("sentinel_password", elsewhere),
        ca_file: fields.optional("ca_file", |value| path(&value)),
        certificate: certificate(fields, &spot),
        prefix: fields.or("prefix", default.prefix, |value| name(&value)),
        interval: fields.or("interval", default.interval, |value| {
            value.duration(INTERVAL_MIN..=INTERVAL_MAX)
        }),
        timeout: fields.or("timeout", default.timeout, |value| {
            value.duration(Duration::from_millis(10)..=Duration::from_secs(5))
        }),
    };
    check(fields, &spot, &settings);
    (!settings.urls.is_empty()).then_some(settings)
}

fn check(fields: &Fields<'_>, spot: &Spot, settings: &RedisSettings) {
    let refuse = |message: &str, hint: &str| {
        let problems = fields.problems();
        problems.note_with_hint(Severity::Error, spot.clone(), message, hint);
    };
    if settings.username.is_some() && settings.password.is_none() {
        refuse(
            "has a username and no password",
            "write password = { env = \"NAME\" } or { file = \"/path\" }",
        );
    }
    if settings.sentinel_username.is_some() && settings.sentinel_password.is_none() {
        refuse(
            "has a sentinel_username and no sentinel_password",
            "write sentinel_password = { env = \"NAME\" } or { file = \"/path\" }",
        );
    }
    if settings.sentinel_password.is_some() && settings.sentinel.is_none() {
        refuse(
            "has a sentinel_password and no sentinel",
            "write sentinel = \"name\", the service that the Sentinels know, or leave the password out",
        );
    }
    let is_over_tls = settings.urls.iter().any(|url| url.tls);
    let needs_tls = [
        ("ca_file", settings.ca_file.is_some()),
        ("cert_file", settings.certificate.is_some()),
    ];
    for (field, _) in needs_tls
        .iter()
        .filter(|(_, is_set)| *is_set && !is_over_tls)
    {
        refuse(
            &format!("has a {field} and no server that is reached over TLS"),
            "write the address as \"rediss://host:port\"",
        );
    }
}

/// Both files, or none: half of it would show nothing.
fn certificate(fields: &mut Fields<'_>, spot: &Spot) -> Option<ClientCertificate> {
    let has = ["cert_file", "key_file"].map(|field| fields.has(field));
    let cert_file = fields.optional("cert_file", |value| path(&value));
    let key_file = fields.optional("key_file", |value| path(&value));
    let (there, missing) = match has {
        [true, false] => ("cert_file", "key_file"),
        [false, true] => ("key_file", "cert_file"),
        _ => {
            return Some(ClientCertificate {
                cert_file: cert_file?,
                key_file: key_file?,
            });
        }
    };
    fields.problems().note_with_hint(
        Severity::Error,
        spot.clone(),
        format!("has a {there} and no {missing}"),
        "name both: the certificate that is shown, and its private key",
    );
    None
}

fn url(value: &Value<'_>) -> Option<RedisUrl> {
    let text = value.text()?;
    match text.parse() {
        Ok(url) => Some(url),
        Err(error @ RedisUrlError::Credentials) => value.refuse_with_hint(
            error.to_string(),
            "write username = \"name\" and password = { env = \"NAME\" } beside urls",
        ),
        Err(error) => value.refuse_with_hint(
            error.to_string(),
            "write it as \"redis://host:6379\", over TLS as \"rediss://host:6379\"",
        ),
    }
}

/// What may stand in names of keys, and of users: no braces, which would split a cluster's keys.
fn name(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if (1..=NAME_LEN_MAX).contains(&text.len()) && text.chars().all(fits) {
        return Some(text.to_owned());
    }
    value.refuse_with_hint(
        "is not a name",
        "write letters, digits and any of -_.:/@, 128 at most",
    )
}
