//! Which headers are credentials.

/// Headers in which clients of any dialect put credentials, or choose the account to be charged.
/// One list for all dialects: a key must not leak because it was sent in another dialect's header.
pub(crate) const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-goog-user-project",
    "ocp-apim-subscription-key",
    "cookie",
    "anthropic-organization-id",
    "anthropic-workspace-id",
    "openai-organization",
    "openai-project",
];
