//! Which models a tenant may ask for.
//!
//! A request may name several models (a batch, or fallbacks that the provider is to try), and each
//! must be allowed. A request that makes a model work without our seeing which (a form, a stored
//! prompt, a batch that lies in a file) is not for a tenant whose models are restricted: it would
//! be a way around.

use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::Description;
use keyweir_wire::route::Route;

/// Why a tenant may not make a request. The message tells the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It names a model that is not among the tenant's.
    #[error("model: this client key may not use {0}")]
    Model(String),
    /// It does not show which model it is for.
    #[error(
        "model: this client key may use certain models only, and this request does not show which \
         it is for; name one in the request's JSON body"
    )]
    Unseen,
}

/// Whether a tenant that has `models` may make the request that `description` describes.
///
/// # Errors
/// If it may not.
pub fn check(
    models: &ModelPatterns,
    dialect: Dialect,
    route: &Route<'_>,
    description: &Description,
) -> Result<(), Denied> {
    if models.is_any() {
        return Ok(());
    }
    let named = description.model.iter().chain(&description.other_models);
    if let Some(model) = named.clone().find(|model| !models.matches(model)) {
        return Err(Denied::Model(model.clone()));
    }
    if named.count() == 0 && runs_a_model(dialect, route) {
        return Err(Denied::Unseen);
    }
    Ok(())
}

/// Whether a request makes a model work, as far as its route tells.
const fn runs_a_model(dialect: Dialect, route: &Route<'_>) -> bool {
    match route.endpoint {
        Endpoint::Inference => true,
        Endpoint::Batches => route.creates_resource,
        // Of an API that we do not know, any body may be a model's.
        Endpoint::Other => matches!(dialect, Dialect::Generic) && route.has_json_body,
        Endpoint::CountTokens | Endpoint::Files | Endpoint::Models | Endpoint::Probe => false,
    }
}

#[cfg(test)]
mod tests {
    use keyweir_wire::Wire;

    use super::*;

    fn verdict(dialect: Dialect, request: &str, body: &str) -> Result<(), Denied> {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let route = dialect.route(method, path).expect("served");
        let description = dialect
            .describe_routed(&route, body.as_bytes())
            .expect("well-formed");
        let pattern = "claude-*".parse().expect("a pattern");
        let models = ModelPatterns::new(vec![pattern]).expect("one");
        let any = check(&ModelPatterns::any(), dialect, &route, &description);
        assert_eq!(any, Ok(()), "{request} {body}");
        check(&models, dialect, &route, &description)
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
                Generic,
                "POST /v1beta/models/gpt-5:generateContent",
                r#"{"contents":[]}"#,
                gpt(),
            ),
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
            (Generic, "POST /model/gpt-5/invoke", "{}"),
        ] {
            let verdict = verdict(dialect, request, body);
            assert_eq!(verdict, Err(Denied::Unseen), "{request} {body}");
        }
        for (dialect, request, body) in [
            (Anthropic, "GET /v1/messages/batches/msgbatch_1", ""),
            (Anthropic, "GET /v1/models", ""),
            (OpenAi, "POST /v1/files", "--form"),
            (OpenAi, "POST /v1/batches/batch_1/cancel", ""),
            (OpenAi, "GET /v1/responses/resp_1", ""),
            (Generic, "GET /anything", ""),
        ] {
            assert_eq!(verdict(dialect, request, body), Ok(()), "{request} {body}");
        }
    }
}
