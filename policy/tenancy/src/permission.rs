//! Which models a tenant may ask for.
//!
//! A request may name several models (a batch, or fallbacks that the provider is to try), and each
//! must be allowed: one allowed name somewhere proves nothing. A tenant whose models are restricted may
//! send only what is understood wholly ([`understood`]); a form, a stored prompt, a batch that lies in
//! a file would be a way around.

use keyweir_terms::pattern::ModelPatterns;
use keyweir_wire::understood::{self, Form, Obscure};

/// Why a tenant may not make a request. The message tells the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It names a model that is not among the tenant's.
    #[error("model: this client key may not use {0}")]
    Model(String),
    /// It is not understood wholly.
    #[error("model: this client key may use certain models only, and {0}")]
    Obscure(#[from] Obscure),
}

/// Whether a tenant that has `models` may make the request that `form` is. What is named there are
/// models, in the place of their aliases; those in `granted` it has asked for by an alias that it may
/// use ([`grants`]).
///
/// # Errors
/// If it may not.
pub fn check(models: &ModelPatterns, granted: &[String], form: &Form<'_>) -> Result<(), Denied> {
    if models.is_any() {
        return Ok(());
    }
    let named = understood::models(form)?;
    let is_denied = |model: &String| !models.matches(model) && !granted.contains(model);
    match named.into_iter().find(is_denied) {
        Some(model) => Err(Denied::Model(model)),
        None => Ok(()),
    }
}

/// Whether a tenant that has `models` may use what `alias` leads to by that name alone. Only where the
/// name itself is among them: a pattern is meant for models, and whoever wrote it did not think of
/// every alias there would be.
pub fn grants(models: &ModelPatterns, alias: &str) -> bool {
    models.is_any() || models.iter().any(|pattern| pattern.as_str() == alias)
}

#[cfg(test)]
mod tests {
    use keyweir_terms::dialect::Dialect;
    use keyweir_wire::Wire;

    use super::*;

    fn verdict(dialect: Dialect, request: &str, body: &str) -> Result<(), Denied> {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let route = dialect.route(method, path).expect("served");
        let form = Form {
            dialect,
            method,
            route: &route,
            query: None,
            headers: &[("content-type", b"application/json")],
            body: body.as_bytes(),
        };
        let pattern = "claude-*".parse().expect("a pattern");
        let models = ModelPatterns::new(vec![pattern]).expect("one");
        let any = check(&ModelPatterns::any(), &[], &form);
        assert_eq!(any, Ok(()), "{request} {body}");
        check(&models, &[], &form)
    }

    #[test]
    fn every_model_that_a_request_names_must_be_allowed() {
        use Dialect::*;
        let gpt = || Err(Denied::Model("gpt-5".into()));
        for (dialect, request, body, expected) in [
            (
                Anthropic,
                "POST /v1/messages",
                r#"{"model":"claude-1"}"#,
                Ok(()),
            ),
            (
                Anthropic,
                "POST /v1/messages",
                r#"{"model":"gpt-5"}"#,
                gpt(),
            ),
            (
                Anthropic,
                "POST /v1/messages/batches",
                r#"{"requests":[{"params":{"model":"claude-1"}},{"params":{"model":"gpt-5"}}]}"#,
                gpt(),
            ),
            (
                OpenAi,
                "POST /v1/chat/completions",
                r#"{"model":"claude-1","models":["claude-2","gpt-5"]}"#,
                gpt(),
            ),
            (
                OpenAi,
                "POST /openai/deployments/gpt-5/chat/completions",
                r#"{"model":"claude-1"}"#,
                gpt(),
            ),
            (
                OpenAi,
                "POST /openai/deployments/claude-1/chat/completions",
                r#"{"model":"gpt-5"}"#,
                gpt(),
            ),
            (
                Generic,
                "POST /v1beta/models/gpt-5:generateContent",
                r#"{"contents":[]}"#,
                gpt(),
            ),
            (Generic, "POST /model/gpt-5/invoke", "{}", gpt()),
        ] {
            assert_eq!(
                verdict(dialect, request, body),
                expected,
                "{request} {body}"
            );
        }
    }

    #[test]
    fn where_the_model_is_not_seen_a_restricted_tenant_may_not_run_it() {
        use Dialect::*;
        for (dialect, request, body) in [
            (
                OpenAi,
                "POST /v1/responses",
                r#"{"prompt":{"id":"pmpt_1"}}"#,
            ),
            (OpenAi, "POST /v1/batches", r#"{"input_file_id":"file-1"}"#),
            (OpenAi, "POST /v1/audio/transcriptions", "--form"),
            (
                OpenAi,
                "POST /v1/images/generations",
                r#"{"prompt":"a cat"}"#,
            ),
            (Generic, "POST /model/gpt-5/async-invoke", "{}"),
        ] {
            let verdict = verdict(dialect, request, body);
            let is_obscure = matches!(verdict, Err(Denied::Obscure(_)));
            assert!(is_obscure, "{request} {body}");
        }
        for (dialect, request, body) in [
            (Anthropic, "GET /v1/messages/batches/msgbatch_1", ""),
            (Anthropic, "GET /v1/models", ""),
            (OpenAi, "POST /v1/files", "--form"),
            (OpenAi, "POST /v1/batches/batch_1/cancel", ""),
            (OpenAi, "GET /v1/responses/resp_1", ""),
            (Generic, "GET /v1/models", ""),
        ] {
            assert_eq!(verdict(dialect, request, body), Ok(()), "{request} {body}");
        }
    }

    #[test]
    fn an_alias_grants_what_it_leads_to_only_by_its_own_name() {
        let models = |pattern: &str| {
            let pattern = pattern.parse().expect("a pattern");
            ModelPatterns::new(vec![pattern]).expect("one")
        };
        assert!(grants(&models("fast"), "fast"));
        assert!(grants(&models("*"), "fast"));
        assert!(!grants(&models("fas*"), "fast"));
        assert!(!grants(&models("claude-*"), "claude-fast"));
    }
}
