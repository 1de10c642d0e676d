//! A whole error answer in the client's dialect.

use crate::refusal::error_body::Said;
use crate::refusal::kind::RefusalKind;
use crate::refusal::status_and_type;
use keyweir_terms::dialect::Dialect;

/// A whole error answer in the client's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: String,
}

/// The refusal of `kind`, as the SDKs of `dialect` expect errors.
pub(crate) fn answer(
    dialect: Dialect,
    kind: RefusalKind,
    message: &str,
    request_id: &str,
) -> ErrorAnswer {
    let said = Said {
        kind,
        message,
        request_id,
    };
    let (status, body) = match dialect {
        Dialect::Anthropic => (status_and_type::anthropic(kind).0, said.in_anthropic()),
        Dialect::OpenAi => (status_and_type::openai(kind).0, said.in_openai()),
        Dialect::Generic => (status_and_type::openai(kind).0, said.in_either()),
    };
    ErrorAnswer { status, body }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(body: &str) -> Value {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn an_answer_has_the_form_of_its_dialect() {
        let spent = |dialect| answer(dialect, RefusalKind::RateLimited, "wait \"3\" s", "req_1");
        let anthropic = spent(Dialect::Anthropic);
        assert_eq!(anthropic.status, 429);
        assert_eq!(
            parsed(&anthropic.body),
            json!({"type": "error", "request_id": "req_1",
                   "error": {"type": "rate_limit_error", "message": "wait \"3\" s"}})
        );
        let openai = spent(Dialect::OpenAi);
        assert_eq!(openai.status, 429);
        assert_eq!(
            parsed(&openai.body),
            json!({"error": {"message": "wait \"3\" s", "type": "rate_limit_error",
                             "param": null, "code": "rate_limit_exceeded"}})
        );
    }

    #[test]
    fn statuses_are_those_the_sdks_know() {
        let status = |dialect, kind| answer(dialect, kind, "m", "r").status;
        let anthropic = RefusalKind::ALL.map(|kind| status(Dialect::Anthropic, kind));
        assert_eq!(
            anthropic,
            [
                400, 401, 403, 404, 404, 405, 413, 504, 429, 529, 503, 503, 503, 500
            ]
        );
        let openai = RefusalKind::ALL.map(|kind| status(Dialect::OpenAi, kind));
        assert_eq!(
            openai,
            [
                400, 401, 403, 404, 400, 405, 413, 504, 429, 503, 503, 503, 503, 500
            ]
        );
    }
}
