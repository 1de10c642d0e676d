//! Status, `type` and `code` of each refusal, in the words of each dialect's SDKs.

use crate::refusal::kind::RefusalKind;

/// The status and the `error.type` of Anthropic's.
pub(super) const fn anthropic(kind: RefusalKind) -> (u16, &'static str) {
    match kind {
        RefusalKind::InvalidRequest => (400, "invalid_request_error"),
        RefusalKind::Authentication => (401, "authentication_error"),
        RefusalKind::Permission => (403, "permission_error"),
        RefusalKind::NotFound | RefusalKind::UnknownReference => (404, "not_found_error"),
        RefusalKind::MethodNotAllowed => (405, "invalid_request_error"),
        RefusalKind::RequestTooLarge => (413, "request_too_large"),
        RefusalKind::RateLimited => (429, "rate_limit_error"),
        RefusalKind::Internal => (500, "api_error"),
        RefusalKind::Unavailable | RefusalKind::ProviderKey | RefusalKind::ProviderAccount => {
            (503, "api_error")
        }
        RefusalKind::Timeout => (504, "timeout_error"),
        RefusalKind::Overloaded => (529, "overloaded_error"),
    }
}

/// The status, the `type` and the `code` of OpenAI's.
pub(super) const fn openai(kind: RefusalKind) -> (u16, &'static str, Option<&'static str>) {
    const INVALID: &str = "invalid_request_error";
    match kind {
        RefusalKind::InvalidRequest => (400, INVALID, None),
        RefusalKind::Authentication => (401, INVALID, Some("invalid_api_key")),
        RefusalKind::Permission => (403, "permission_error", Some("permission_denied")),
        RefusalKind::NotFound => (404, INVALID, Some("not_found")),
        RefusalKind::UnknownReference => (400, INVALID, Some("previous_response_not_found")),
        RefusalKind::MethodNotAllowed => (405, INVALID, Some("method_not_supported")),
        RefusalKind::RequestTooLarge => (413, INVALID, Some("request_too_large")),
        RefusalKind::RateLimited => (429, "rate_limit_error", Some("rate_limit_exceeded")),
        RefusalKind::Internal => (500, "server_error", Some("internal_error")),
        RefusalKind::Overloaded => (503, "server_error", Some("server_overloaded")),
        RefusalKind::Unavailable => (503, "server_error", Some("service_unavailable")),
        RefusalKind::ProviderKey => (503, "server_error", Some("provider_key_rejected")),
        RefusalKind::ProviderAccount => (503, "server_error", Some("provider_account_unavailable")),
        RefusalKind::Timeout => (504, "server_error", Some("timeout")),
    }
}
