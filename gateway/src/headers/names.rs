//! The headers that the gateway itself reads and writes.

use http::header::HeaderName;

/// Our own request header: how long the client would wait, in seconds.
pub(crate) const PATIENCE: HeaderName = HeaderName::from_static("x-keyweir-patience");
/// Our own request header: whether a streamed answer is held until it is complete.
pub(crate) const WHOLE: HeaderName = HeaderName::from_static("x-keyweir-whole");
/// The name of the request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-keyweir-request-id");
/// How long the request waited for a key.
pub(crate) const WAITED_MS: HeaderName = HeaderName::from_static("x-keyweir-waited-ms");
/// Provider and model that served the request, where it was not its first choice.
pub(crate) const SERVED_BY: HeaderName = HeaderName::from_static("x-keyweir-served-by");
/// How many requests were sent for this one.
pub(crate) const ATTEMPTS: HeaderName = HeaderName::from_static("x-keyweir-attempts");
/// A budget of the tenant that is spent, and refuses nothing.
pub(crate) const BUDGET_WARNING: HeaderName = HeaderName::from_static("x-keyweir-budget-warning");
/// Tells SDKs whether sending the same again can help.
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Tells proxies whether to gather an answer (nginx, `ngx_http_proxy_module`).
pub(crate) const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The trace that a request is in (W3C Trace Context).
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Which site a browser made a request for. <https://www.w3.org/TR/fetch-metadata/>
pub(crate) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Tells Anthropic's dialect from others.
pub(crate) const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// When the client's SDK gives up, in seconds.
pub(crate) const CLIENT_TIMEOUT: HeaderName = HeaderName::from_static("x-stainless-timeout");
