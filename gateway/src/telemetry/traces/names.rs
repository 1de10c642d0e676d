//! What attributes are called: OpenTelemetry's semantic conventions v1.41.0 (HTTP, GenAI), and our own
//! under `keyweir.`. The one table of them.

pub(crate) const METHOD: &str = "http.request.method";
pub(crate) const STATUS: &str = "http.response.status_code";
pub(crate) const PATH: &str = "url.path";
pub(crate) const ERROR: &str = "error.type";
pub(crate) const SERVER: &str = "server.address";

pub(crate) const OPERATION: &str = "gen_ai.operation.name";
pub(crate) const PROVIDER_NAME: &str = "gen_ai.provider.name";
pub(crate) const MODEL: &str = "gen_ai.request.model";
/// Includes what was read from the cache.
pub(crate) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(crate) const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(crate) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";

pub(crate) const REQUEST_ID: &str = "keyweir.request_id";
pub(crate) const TENANT: &str = "keyweir.tenant";
pub(crate) const OUTCOME: &str = "keyweir.outcome";
pub(crate) const ATTEMPTS: &str = "keyweir.attempts";
pub(crate) const FELL_BACK: &str = "keyweir.fell_back";
pub(crate) const PROVIDER: &str = "keyweir.provider";
pub(crate) const ACCOUNT: &str = "keyweir.account";
pub(crate) const KEY: &str = "keyweir.key";
pub(crate) const CHOSEN_BY: &str = "keyweir.chosen_by";
pub(crate) const CHANGE: &str = "keyweir.change";
pub(crate) const WAITED_MS: &str = "keyweir.waited_ms";
pub(crate) const WAITED_BEHIND: &str = "keyweir.waited_behind";

/// The event of a request that waited until its tenant's limits had room.
pub(crate) const LIMIT_WAITED: &str = "keyweir.limit_waited";
/// The event of a request that waited in the waiting room.
pub(crate) const WAITED: &str = "keyweir.waited";
/// The event of an outcome that took a key, an account or the provider out, or brought it back.
pub(crate) const HEALTH_CHANGED: &str = "keyweir.health_changed";
/// The event of a stream that failed before its first content, unseen by the client.
pub(crate) const FAULT_HIDDEN: &str = "keyweir.stream_fault_hidden";
