//! Asks with each key, on a connection as requests are sent on: the same TLS, roots, proxy and base
//! URL.
//!
//! Bounded: so many keys at a time, each for so long, an answer of so many bytes, and all together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Uri};
use keyweir_policy::config::file::Provider;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{KeyId, ProviderId};
use keyweir_policy::wire::classify::{self, Asked};
use keyweir_policy::wire::list::models::{ModelsPage, models_target};

use super::finding::{Finding, Found, Standing, Why};
use crate::command::failed::Failed;
use crate::headers::{OutgoingHead, lookup};
use crate::request::outgoing::uri;
use crate::runtime::parts::ProviderKey;
use crate::runtime::policy_files::Loaded;
use crate::runtime::provider::{ProviderError, provider_key};
use crate::runtime::roots::Roots;
use crate::runtime::secrets::Secrets;
use crate::upstream::{Link, LinkError, Upstream};

/// Keys that are asked with at a time.
const AT_A_TIME: usize = 16;
/// As much of an answer as is read: the longest lists known have a megabyte.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long all may take together.
const WHOLE: Duration = Duration::from_secs(300);
/// The version of Anthropic's API (<https://docs.anthropic.com/en/api/versioning>).
const ANTHROPIC_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Asks with every key of the policy. Must be called on a runtime.
pub(super) async fn ask_all(
    loaded: &Loaded,
    secrets: &Secrets,
    timeout: Duration,
) -> Result<Found, Failed> {
    // Another one may be installed already: then that is what the process wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let begun = Instant::now();
    let providers = reach(loaded).await?;
    let mut questions = Vec::new();
    for (id, provider) in &providers {
        for (key, declared) in provider.declared.keys.iter() {
            let secret = secrets.of_keys.get(*id).and_then(|of| of.get(key));
            let credential =
                secret.map(|secret| provider_key(provider.declared, declared, secret, None));
            questions.push(async move {
                let Some(credential) = credential else {
                    return ((*id, key), Finding::failed(Why::NoSecret));
                };
                let left = WHOLE.saturating_sub(begun.elapsed());
                let finding = provider.ask(&credential, timeout.min(left)).await;
                ((*id, key), finding)
            });
        }
    }
    let found = futures::stream::iter(questions).buffer_unordered(AT_A_TIME);
    Ok(found
        .collect::<Vec<((ProviderId, KeyId), Finding)>>()
        .await
        .into_iter()
        .collect())
}

/// A provider to ask.
struct Reached<'a> {
    declared: &'a Provider,
    upstream: Arc<Upstream>,
    /// Why its name does not resolve.
    unknown: Option<String>,
}

/// Finds all providers.
async fn reach(loaded: &Loaded) -> Result<Vec<(ProviderId, Reached<'_>)>, Failed> {
    let policy = &loaded.policy;
    let gateway = &policy.gateway;
    let settings = (&gateway.timeouts, &gateway.upstream);
    let mut roots = Roots::after(&Roots::default(), policy, &loaded.folder)?;
    let mut providers = Vec::new();
    for (id, declared) in policy.providers_in_order() {
        let provider = || declared.id.clone();
        let connections = roots.of(declared).map_err(|error| ProviderError::Roots {
            provider: provider(),
            error,
        })?;
        let upstream = Upstream::new(declared, connections, settings, None);
        let upstream = upstream.map_err(|error| ProviderError::Proxy {
            provider: provider(),
            error,
        })?;
        providers.push((id, declared, Arc::new(upstream)));
    }
    let resolved = providers
        .into_iter()
        .map(|(id, declared, upstream)| async move {
            let unknown = upstream.addresses().resolve().await.err();
            let reached = Reached {
                declared,
                upstream,
                unknown,
            };
            (id, reached)
        });
    Ok(futures::future::join_all(resolved).await)
}

impl Reached<'_> {
    /// Asks with `key`, for at most `timeout`.
    async fn ask(&self, key: &ProviderKey, timeout: Duration) -> Finding {
        if let Some(unknown) = &self.unknown {
            return Finding::failed(Why::NoAnswer(unknown.clone()));
        }
        if timeout.is_zero() {
            return Finding::failed(Why::NotAsked);
        }
        match tokio::time::timeout(timeout, self.asked(key)).await {
            Ok(Ok(finding)) => finding,
            Ok(Err(error)) => Finding::failed(Why::NoAnswer(error.to_string())),
            Err(_) => Finding::failed(Why::TimedOut(timeout)),
        }
    }

    async fn asked(&self, key: &ProviderKey) -> Result<Finding, LinkError> {
        let mut link = Link::open(&self.upstream, true).await?;
        let head = self.head().with_credential((&key.header, &key.value), None);
        link.upload(head, &Bytes::new()).await?;
        link.head().await?;
        let body = read(&mut link).await?;
        let response = link.response().expect("its head has been read");
        let (status, header) = (response.status.as_u16(), lookup(&response.headers));
        let asked = Asked {
            dialect: self.declared.dialect,
            endpoint: Endpoint::Models,
            status,
        };
        let fault = classify::classify(&self.declared.rules, asked, header, &body);
        let page = ModelsPage::read(self.declared.dialect, &body);
        let names = page.map(|page| page.models.into_iter().map(|it| it.id).collect());
        let models = names.filter(|_: &Vec<String>| fault == Fault::None);
        let standing = Standing::of(&fault, status, models.is_some());
        let words =
            (standing != Standing::Works).then(|| keyweir_policy::wire::error_message(&body));
        let mut finding = Finding {
            standing,
            words: words.flatten(),
            organization: keyweir_policy::wire::organization(header),
            models,
        };
        // Nobody knows what a provider quotes where.
        finding.redact(&key.traces);
        Ok(finding)
    }

    fn head(&self) -> OutgoingHead {
        let dialect = self.declared.dialect;
        let (path, query) = models_target(dialect, &self.upstream.path_prefix);
        let (prefix, path) = self.upstream.target(path);
        let uri: Uri = uri(prefix, path, query);
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let program = concat!("keyweir/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(program));
        let (name, version) = ANTHROPIC_VERSION;
        if dialect == keyweir_policy::terms::dialect::Dialect::Anthropic {
            headers.insert(name, HeaderValue::from_static(version));
        }
        let authority = &self.upstream.authority;
        OutgoingHead::new((Method::GET, uri, headers), dialect, authority, None, true)
    }
}

/// The answer's body, or its beginning.
async fn read(link: &mut Link) -> Result<Bytes, LinkError> {
    let mut body = BytesMut::new();
    while body.len() < BYTES_MAX
        && let Some(piece) = link.read().await?
    {
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}
